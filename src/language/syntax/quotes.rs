//! Puts a missing quotation mark where it leaves the line in order.
//!
//! A one-line string that the line does not close is the sign. The mark that
//! is missing may belong to any string of the line, so every place at the
//! edge of a word is tried; the best is the one after which the line's tokens
//! stand apart, and that quotes the most text without swallowing punctuation.

use super::lexer::{Token, TokenKind, is_newline, lex};
use super::rules::{MULTILINE, QUOTE};
use super::word::{WordKind, classify};
use crate::diagnostics::{Diagnostic, Edit, FileId, Fix, Span};

/// Longer lines are only closed at their end: trying every place is quadratic.
const MAX_LINE_BYTES: usize = 1000;

/// A string that should have been one of several lines ends within so many (chosen).
const MAX_STRING_LINES: usize = 40;

/// Replaces the tokens of every line that lacks a quotation mark, and reports each.
pub(super) fn complete(text: &str, file: FileId, tokens: &mut Vec<Token>, diagnostics: &mut Vec<Diagnostic>) {
    let open = TokenKind::Quoted { hashes: 0, multiline: false, closed: false };
    comments(text, file, tokens, diagnostics);
    several_lines(text, file, tokens, diagnostics);
    let mut from = 0;
    while let Some(found) = tokens[from..].iter().position(|token| token.kind == open) {
        let last = from + found;
        let first = tokens[from..last].iter().rposition(ends_line).map_or(from, |at| from + at + 1);
        let start = tokens[first].start;
        let line = &text[start..tokens[last].end];
        let (at, repaired) = best_place(line).unwrap_or_else(|| at_end(line));
        let repaired: Vec<Token> = repaired.into_iter().map(|token| shifted(token, at, start)).collect();
        let count = repaired.len();
        let half = repaired.iter().find(|token| token.kind == TokenKind::HalfQuoted).copied();
        tokens.splice(first..=last, repaired);
        from = first + count;
        if let Some(half) = half {
            diagnostics.push(report(text, file, half, start + at));
        }
    }
}

/// A comment that begins where a string should go on: `".config/*"` without its
/// first mark. The line is put in order, and what the comment had swallowed is read.
fn comments(text: &str, file: FileId, tokens: &mut Vec<Token>, diagnostics: &mut Vec<Diagnostic>) {
    let mut from = 0;
    while let Some(found) = tokens[from..].iter().position(|token| matches!(token.kind, TokenKind::BlockComment { .. }))
    {
        let at = from + found;
        from = at + 1;
        let comment = tokens[at];
        let end = text[comment.start..].find(is_newline).map_or(text.len(), |length| comment.start + length);
        let first = tokens[..at].iter().rposition(ends_line).map_or(0, |before| before + 1);
        let start = tokens[first].start;
        let quotes = text[start..end].matches('"').count();
        if comment.end <= end || quotes.is_multiple_of(2) {
            continue;
        }
        let Some((mark, repaired)) = best_place(&text[start..end]) else { continue };
        let repaired: Vec<Token> = repaired.into_iter().map(|token| shifted(token, mark, start)).collect();
        // A mark within the comment completes nothing: the comment is one.
        let Some(half) = repaired.iter().find(|token| token.kind == TokenKind::HalfQuoted).copied() else { continue };
        diagnostics.push(report(text, file, half, start + mark));
        let rest =
            lex(&text[end..]).into_iter().map(|t| Token { kind: t.kind, start: end + t.start, end: end + t.end });
        from = first + repaired.len();
        tokens.truncate(first);
        tokens.extend(repaired.into_iter().chain(rest));
    }
}

/// Joins a string that starts on one line and ends on another, as most languages
/// but not KDL allow: it opens on a line that does not close it, and a later
/// line has nothing behind the quotation mark that it lacks a partner for.
fn several_lines(text: &str, file: FileId, tokens: &mut Vec<Token>, diagnostics: &mut Vec<Diagnostic>) {
    let mut from = 0;
    while let Some(found) = tokens[from..].iter().position(is_open) {
        let first = from + found;
        from = first + 1;
        let TokenKind::Quoted { hashes, .. } = tokens[first].kind else { continue };
        let Some((last, end)) = closing_line(text, tokens, first, hashes) else { continue };
        let span = Span::new(file, tokens[first].start..end);
        let opening = Span { end: span.start + hashes + 1, ..span };
        let marks = format!("{0}\"\"\"", "#".repeat(hashes));
        diagnostics.push(
            Diagnostic::new(&MULTILINE, opening, "a string of one line goes on on the next")
                .label("opened here")
                .also(Span { start: end - hashes - 1, ..span }, "closed here")
                .help(format!(
                    "write `{marks}`, the text on lines of its own, and the closing marks on one of their own"
                )),
        );
        let rest = tokens[last].end;
        let joined = Token { kind: TokenKind::HalfQuoted, start: span.start, end };
        let behind = lex(&text[end..rest]).into_iter();
        let behind = behind.map(|t| Token { kind: t.kind, start: end + t.start, end: end + t.end });
        tokens.splice(first..=last, std::iter::once(joined).chain(behind).collect::<Vec<_>>());
    }
}

fn is_open(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Quoted { multiline: false, closed: false, .. })
}

/// The last token of the line on which a string of several lines ends, and the end of its closing marks.
fn closing_line(text: &str, tokens: &[Token], first: usize, hashes: usize) -> Option<(usize, usize)> {
    let mut lines = 0;
    for (at, token) in tokens.iter().enumerate().skip(first + 1) {
        match token.kind {
            TokenKind::Newline => lines += 1,
            TokenKind::Quoted { hashes: 0, multiline: false, closed: false } if lines > 0 => {
                let marks = token.start + 1 + hashes;
                let closes = text[token.start + 1..].starts_with(&"#".repeat(hashes));
                let behind = text.get(marks..token.end)?.trim();
                return (closes && behind.chars().all(|c| "{};".contains(c))).then_some((at, marks));
            }
            TokenKind::Quoted { .. } => return None,
            _ => {}
        }
        if lines > MAX_STRING_LINES {
            return None;
        }
    }
    None
}

fn ends_line(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Newline | TokenKind::Continuation)
        || matches!(token.kind, TokenKind::Quoted { multiline: true, .. })
}

/// A token of the line with a mark inserted at `at`, as a token of the text.
fn shifted(token: Token, at: usize, line_start: usize) -> Token {
    let place = |offset: usize| line_start + if offset > at { offset - 1 } else { offset };
    let edge = matches!(token.kind, TokenKind::Quoted { .. }) && (token.start == at || token.end == at + 1);
    let kind = if edge { TokenKind::HalfQuoted } else { token.kind };
    Token { kind, start: place(token.start), end: place(token.end) }
}

fn with_mark(line: &str, at: usize) -> Vec<Token> {
    lex(&format!("{}\"{}", &line[..at], &line[at..]))
}

fn at_end(line: &str) -> (usize, Vec<Token>) {
    let at = line.trim_end().len();
    (at, with_mark(line, at))
}

fn best_place(line: &str) -> Option<(usize, Vec<Token>)> {
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let edge = |at: usize| {
        let before = line[..at].chars().next_back();
        let after = line[at..].chars().next();
        let outside = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "(){};=".contains(c));
        line.is_char_boundary(at) && (outside(before) != outside(after) || matches!(before, Some(')' | '}')))
    };
    (0..=line.len())
        .filter(|at| line.is_char_boundary(*at) && edge(*at))
        .filter_map(|at| {
            let tokens = with_mark(line, at);
            let text = format!("{}\"{}", &line[..at], &line[at..]);
            score(&text, &tokens, at).map(|score| (score, at, tokens))
        })
        .max_by_key(|(score, at, _)| (*score, *at))
        .map(|(_, at, tokens)| (at, tokens))
}

/// How likely a line is what was meant; `None` where it is still not in order.
fn score(text: &str, tokens: &[Token], mark: usize) -> Option<i64> {
    let value = |token: &Token| matches!(token.kind, TokenKind::Quoted { .. } | TokenKind::Word | TokenKind::Foreign);
    let mut score = 0;
    let mut completes = false;
    for (index, token) in tokens.iter().enumerate() {
        let here = &text[token.range()];
        match token.kind {
            TokenKind::Quoted { closed: false, .. } => return None,
            TokenKind::Word if matches!(classify(here), WordKind::Bad(_)) => return None,
            _ => {}
        }
        let next = tokens.get(index + 1);
        if value(token) && next.is_some_and(value) {
            return None;
        }
        // `"/a/"{host}`: the string was to go on.
        let marked = token.start == mark || token.end == mark + 1;
        if marked && next.is_some_and(|next| next.kind == TokenKind::BraceOpen) {
            return None;
        }
        if let TokenKind::Quoted { multiline: false, .. } = token.kind {
            let inner = &here[1..here.len() - 1];
            if marked {
                completes = true;
                if inner.trim().is_empty() || is_name(tokens, index) {
                    return None;
                }
                score += inner.len() as i64;
            }
            if inner.trim() != inner {
                score -= 500;
            }
            // `root "/a }` closes the brace more likely than the folder's name ends in one.
            let count = |mark: &[char]| inner.matches(mark).count() as i64;
            let unpaired = (count(&['{']) - count(&['}'])).abs() + (count(&['(']) - count(&[')'])).abs();
            // `--option=value` is one argument of a program.
            let assigned = if inner.starts_with('-') { 0 } else { count(&['=']) };
            score -= 100 * (unpaired + count(&[';']) + assigned);
        }
    }
    // A mark within a comment or behind a `#` makes the line readable, but it was not meant.
    completes.then_some(score)
}

/// Whether a token names a node or a property: names are hardly ever quoted.
fn is_name(tokens: &[Token], index: usize) -> bool {
    let before = tokens[..index].iter().rfind(|token| token.kind != TokenKind::Space);
    before.is_none_or(|token| matches!(token.kind, TokenKind::BraceOpen | TokenKind::Semicolon))
        || tokens.get(index + 1).is_some_and(|token| token.kind == TokenKind::Equals)
}

fn report(text: &str, file: FileId, half: Token, at: usize) -> Diagnostic {
    let span = Span::new(file, half.range());
    let shown = &text[half.range()];
    let fix = Fix {
        title: "add the quotation mark".to_owned(),
        edits: vec![Edit { span: Span::new(file, at..at), text: "\"".to_owned() }],
    };
    let inner = shown.trim_matches('"');
    let message = format!("the string `{inner}` {}", if at == half.start { "is not opened" } else { "is not closed" });
    let diagnostic = Diagnostic::new(&QUOTE, span, message);
    if shown.ends_with("\\\"") {
        return diagnostic
            .label("`\\\"` is a quotation mark inside the string, not its end")
            .help("write a backslash as `\\\\`, or make the string raw: `#\"…\"#`");
    }
    let side = if at == half.start { "before" } else { "after" };
    diagnostic.label(format!("a `\"` is missing {side} this")).help(format!("write `\"{inner}\"`")).fix(fix)
}
