//! The value of a quoted string: escapes, raw strings, several lines.

use super::lexer::{is_newline, is_space};
use super::word::is_disallowed;
use std::ops::Range;

/// What is wrong inside a string; ranges are offsets into the whole text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StringProblem {
    /// An unknown escape: the backslash and the character behind it.
    Escape(Range<usize>),
    /// `\u{…}` that is no character.
    Unicode(Range<usize>),
    /// A control or direction character as it is.
    Invisible(Range<usize>),
    /// Text on the line of the opening or the closing quotation marks.
    TextBesideQuotes(Range<usize>),
    /// A line that does not start with the white space of the last one.
    Indentation { line: Range<usize>, wanted: Range<usize> },
}

/// Reads the inside of a one-line string at `at` in the text.
pub(super) fn one_line(body: &str, at: usize, raw: bool, problems: &mut Vec<StringProblem>) -> String {
    if raw {
        invisible(body, at, problems);
        body.to_owned()
    } else {
        unescape(body, at, problems)
    }
}

/// Reads the inside of a `"""` string at `at` in the text, the line breaks after and before the marks included.
pub(super) fn several_lines(body: &str, at: usize, raw: bool, problems: &mut Vec<StringProblem>) -> String {
    let lines = split_lines(body, raw);
    let (first, last) = (lines[0].clone(), lines[lines.len() - 1].clone());
    let offset = |range: &Range<usize>| at + range.start..at + range.end;
    let blank = |range: &Range<usize>| body[range.clone()].chars().all(is_space);
    if lines.len() < 2 || !blank(&first) {
        problems.push(StringProblem::TextBesideQuotes(offset(&first)));
        return body.trim().to_owned();
    }
    // Where the last line only closes, its white space is what every line starts with.
    let prefix = &body[last.clone()];
    let prefix = &prefix[..prefix.find(|c| !is_space(c)).unwrap_or(prefix.len())];
    let rest_of_last = &body[last.start + prefix.len()..last.end];
    let escaped_blank = !raw && {
        let mut ignored = Vec::new();
        rest_of_last.starts_with('\\') && unescape(rest_of_last, 0, &mut ignored).is_empty() && ignored.is_empty()
    };
    if !rest_of_last.is_empty() && !escaped_blank {
        problems.push(StringProblem::TextBesideQuotes(offset(&last)));
        return body.trim().to_owned();
    }
    let mut out = String::new();
    for (index, line) in lines[1..lines.len() - 1].iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let text = &body[line.clone()];
        match text.strip_prefix(prefix) {
            Some(content) if !text.chars().all(is_space) => {
                out.push_str(&one_line(content, at + line.start + prefix.len(), raw, problems));
            }
            _ if text.chars().all(is_space) => {}
            _ => {
                let indent = text.find(|c| !is_space(c)).unwrap_or(text.len());
                problems.push(StringProblem::Indentation {
                    line: at + line.start..at + line.start + indent.max(text.chars().next().map_or(0, char::len_utf8)),
                    wanted: at + last.start..at + last.start + prefix.len(),
                });
                out.push_str(text.trim_start());
            }
        }
    }
    out
}

/// The ranges of a text's lines, without their line breaks. A line break that
/// a backslash swallows ends no line.
fn split_lines(body: &str, raw: bool) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && !raw {
            let blank = |c: char| is_space(c) || is_newline(c);
            if chars.next().is_some_and(|(_, escaped)| blank(escaped)) {
                while chars.next_if(|(_, c)| blank(*c)).is_some() {}
            }
        } else if is_newline(c) {
            lines.push(start..at);
            start = at + c.len_utf8();
            if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
                start += 1;
            }
        }
    }
    lines.push(start..body.len());
    lines
}

fn invisible(body: &str, at: usize, problems: &mut Vec<StringProblem>) {
    for (offset, c) in body.char_indices().filter(|(_, c)| is_disallowed(*c)) {
        problems.push(StringProblem::Invisible(at + offset..at + offset + c.len_utf8()));
    }
}

fn unescape(body: &str, at: usize, problems: &mut Vec<StringProblem>) -> String {
    invisible(body, at, problems);
    if !body.contains('\\') {
        return body.to_owned();
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(backslash) = rest.find('\\') {
        out.push_str(&rest[..backslash]);
        let here = at + body.len() - rest.len() + backslash;
        rest = &rest[backslash + 1..];
        let Some(c) = rest.chars().next() else {
            problems.push(StringProblem::Escape(here..here + 1));
            out.push('\\');
            break;
        };
        rest = &rest[c.len_utf8()..];
        match c {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            's' => out.push(' '),
            '\\' | '"' => out.push(c),
            'u' if rest.starts_with('{') => {
                let digits = rest[1..].split('}').next().unwrap_or_default();
                let closed = rest[1 + digits.len()..].starts_with('}');
                let character = (closed && (1..=6).contains(&digits.len()))
                    .then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32))
                    .flatten();
                match character {
                    Some(character) => {
                        out.push(character);
                        rest = &rest[digits.len() + 2..];
                    }
                    None => {
                        let length = 3 + digits.len() + usize::from(closed);
                        problems.push(StringProblem::Unicode(here..here + length));
                        rest = &rest[length - 2..];
                    }
                }
            }
            c if is_space(c) || is_newline(c) => rest = rest.trim_start_matches(|c| is_space(c) || is_newline(c)),
            c => {
                problems.push(StringProblem::Escape(here..here + 1 + c.len_utf8()));
                out.push('\\');
                out.push(c);
            }
        }
    }
    out.push_str(rest);
    out
}
