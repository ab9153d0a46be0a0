//! Words and strings: their text, and what is wrong with it.

use super::lexer::{Token, TokenKind};
use super::parser::Parser;
use super::rules::{CHARACTER, ESCAPE, KDL1, KEYWORD, MULTILINE, NUMBER, QUOTE, QUOTES, UNQUOTED};
use super::string::{StringProblem, one_line, several_lines};
use super::word::{BadWord, WordKind, classify};
use crate::diagnostics::{Diagnostic, Edit, Fix, Label, Span, nearest};
use std::ops::Range;

impl Parser<'_> {
    pub(super) fn unquoted(&mut self, span: Span, message: &str, text: &str) {
        let quoted = quote(text);
        self.report(
            Diagnostic::new(&UNQUOTED, span, message)
                .label("needs quotation marks")
                .help(format!("write `{quoted}`"))
                .fix(Fix::replace(span, quoted)),
        );
    }

    /// The text of a word or string, here, and its span. Reports what is wrong with it.
    pub(super) fn text_value(&mut self) -> Option<(String, Span)> {
        let token = self.peek()?;
        let span = self.span(token.range());
        let shown = self.slice(token).to_owned();
        self.at += 1;
        let text = match token.kind {
            TokenKind::Word => self.word(token, span, &shown),
            TokenKind::Quoted { hashes, multiline, closed } => self.quoted(token, hashes, multiline, closed),
            TokenKind::HalfQuoted => {
                let body = shown.strip_prefix('"').unwrap_or(&shown);
                let start = token.start + shown.len() - body.len();
                let body = body.strip_suffix('"').filter(|rest| !rest.ends_with('\\')).unwrap_or(body);
                // What is wrong inside was most likely not meant to be inside.
                one_line(body, start, false, &mut Vec::new())
            }
            TokenKind::OldRaw { hashes, closed } => {
                let body = &shown[hashes + 2..if closed { shown.len() - hashes - 1 } else { shown.len() }];
                let marks = "#".repeat(hashes.max(1));
                let new = format!("{marks}\"{body}\"{marks}");
                self.report(
                    Diagnostic::new(&KDL1, span, "raw strings have no `r` in KDL 2")
                        .label("KDL 1")
                        .help(format!("write `{new}`"))
                        .fix(Fix::replace(span, new)),
                );
                body.to_owned()
            }
            TokenKind::Foreign => {
                let body = &shown[shown.chars().next().map_or(0, char::len_utf8)..];
                let body = &body[..body.len() - body.chars().next_back().map_or(0, char::len_utf8)];
                let new = quote(body);
                self.report(
                    Diagnostic::new(&QUOTES, span, "these quotation marks make no string")
                        .label("part of the text, to KDL")
                        .help(format!("write `{new}`"))
                        .fix(Fix::replace(span, new)),
                );
                body.to_owned()
            }
            _ => unreachable!("only called on words and strings"),
        };
        Some((text, span))
    }

    fn word(&mut self, token: Token, span: Span, shown: &str) -> String {
        let WordKind::Bad(bad) = classify(shown) else { return shown.to_owned() };
        match bad {
            BadWord::OldKeyword(new, _) => self.report(
                Diagnostic::new(&KDL1, span, format!("`{shown}` is written `{new}` in KDL 2"))
                    .label("KDL 1")
                    .help(format!("write `{new}`, or `\"{shown}\"` if it is a text"))
                    .fix(Fix::replace(span, new)),
            ),
            BadWord::UnknownKeyword => {
                let diagnostic = Diagnostic::new(&KEYWORD, span, format!("there is no keyword `{shown}`"));
                let meant = match shown.to_lowercase().as_str() {
                    "#yes" | "#on" => Some("#true"),
                    "#no" | "#off" => Some("#false"),
                    "#none" | "#nil" => Some("#null"),
                    _ => nearest(shown, ["#true", "#false", "#null", "#inf", "#nan"]),
                };
                self.report_damage(match meant {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).fix(Fix::replace(span, meant)),
                    None if shown == "#" => diagnostic.label("not a comment").help("comments start with `//`"),
                    None => diagnostic.help(format!("a text that starts with `#` must be quoted: `{}`", quote(shown))),
                });
            }
            BadWord::NumberWithText => {
                let bare = shown.strip_suffix(',').unwrap_or(shown);
                if bare.len() < shown.len() && matches!(classify(bare), WordKind::Value(_)) {
                    return shown.to_owned();
                }
                self.unquoted(span, &format!("`{shown}` starts like a number, but is none"), shown);
            }
            BadWord::MalformedNumber => self.report_damage(
                Diagnostic::new(&NUMBER, span, format!("`{shown}` is not a number that can be read"))
                    .help("write digits, with one `.` between digits at most; quote it if it is a text"),
            ),
            BadWord::Stray => {
                self.at -= 1;
                self.damaged = true;
                self.stray(token);
            }
            BadWord::Invisible(at, length) => {
                let c = shown[at..].chars().next().unwrap_or_default();
                let span = self.span(token.start + at..token.start + at + length);
                self.report_damage(
                    Diagnostic::new(
                        &CHARACTER,
                        span,
                        format!("a character that cannot be seen: U+{:04X}", u32::from(c)),
                    )
                    .label("here")
                    .help("remove it")
                    .fix(Fix::delete(span, "the character")),
                );
            }
            BadWord::NeedsQuotes => {
                let what = if shown.contains('/') { "a text with a `/`" } else { "this text" };
                self.unquoted(span, &format!("{what} must be quoted"), shown);
            }
        }
        shown.to_owned()
    }

    fn quoted(&mut self, token: Token, hashes: usize, multiline: bool, closed: bool) -> String {
        let marks = if multiline { 3 } else { 1 };
        let start = token.start + hashes + marks;
        if !closed {
            if !multiline {
                let closing = format!("\"{}", "#".repeat(hashes));
                self.report_damage(
                    Diagnostic::new(&QUOTE, self.span(token.range()), "the raw string is not closed")
                        .label(format!("`{closing}` is missing"))
                        .help(format!("a string that starts with `{}\"` ends with `{closing}`", "#".repeat(hashes))),
                );
            }
            return self.text[start..token.end].to_owned();
        }
        let end = token.end - hashes - marks;
        let body = &self.text[start..end.max(start)];
        let raw = hashes > 0;
        let mut problems = Vec::new();
        let text = if multiline {
            several_lines(body, start, raw, &mut problems)
        } else {
            one_line(body, start, raw, &mut problems)
        };
        for problem in problems {
            self.string_problem(token, body, problem);
        }
        text
    }

    fn string_problem(&mut self, token: Token, body: &str, problem: StringProblem) {
        match problem {
            StringProblem::Escape(range) => self.bad_escape(token, body, range),
            StringProblem::Unicode(range) => {
                let shown = self.text[range.clone()].to_owned();
                self.report_damage(
                    Diagnostic::new(&ESCAPE, self.span(range), format!("`{shown}` is no character"))
                        .help("write one to six hexadecimal digits in braces, of a Unicode character: `\\u{20ac}`"),
                );
            }
            StringProblem::Invisible(range) => {
                let c = self.text[range.clone()].chars().next().unwrap_or_default();
                let span = self.span(range);
                let code = u32::from(c);
                self.report(
                    Diagnostic::new(&CHARACTER, span, format!("a character that cannot be seen: U+{code:04X}"))
                        .label("here")
                        .help(format!("remove it, or write `\\u{{{code:x}}}` if it is meant"))
                        .fix(Fix::delete(span, "the character")),
                );
            }
            StringProblem::TextBesideQuotes(range) => self.layout(
                self.span(range),
                "text on a line with the quotation marks",
                "after the opening `\"\"\"` and before the closing one stands a line break; a text of one line takes one \
                 `\"` at each end",
            ),
            StringProblem::Indentation { line, wanted } => {
                let wanted = self.span(wanted);
                let mut at = self.span(line);
                at.end = at.end.max(at.start);
                self.report_damage(
                    Diagnostic::new(&MULTILINE, at, "this line of the string is indented less than its end")
                        .label("starts with other white space")
                        .also(wanted, "than this")
                        .help("start every line with the same spaces or tabs as the closing `\"\"\"`"),
                );
            }
        }
    }

    fn bad_escape(&mut self, token: Token, body: &str, range: Range<usize>) {
        let shown = self.text[range.clone()].to_owned();
        let (whole, span) = (self.span(token.range()), self.span(range.clone()));
        let edit = Edit { span: self.span(range.start..range.start), text: "\\".to_owned() };
        // One backslash too few is seldom alone: a Windows path has several.
        let is_in_string = |last: &Diagnostic| {
            let at = last.primary.span;
            std::ptr::eq(last.rule, &ESCAPE) && whole.start <= at.start && whole.file == at.file
        };
        if let Some(last) = self.diagnostics.last_mut().filter(|last| is_in_string(last)) {
            last.labels.push(Label { span, text: String::new() });
            if let Some(fix) = &mut last.fix {
                fix.edits.push(edit);
            }
            return;
        }
        let raw = match body.contains('"') {
            true => String::new(),
            false => format!(", or make the string raw: `#\"{body}\"#`"),
        };
        self.report(
            Diagnostic::new(&ESCAPE, span, format!("`{shown}` is no escape"))
                .label("a backslash starts an escape")
                .help(format!("write `\\{shown}`{raw}"))
                .fix(Fix { title: "write each such backslash twice".to_owned(), edits: vec![edit] }),
        );
    }
}

/// A text as a KDL string, raw where that reads better.
fn quote(text: &str) -> String {
    if text.contains('\\') && !text.contains("\"#") {
        return format!("#\"{text}\"#");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
