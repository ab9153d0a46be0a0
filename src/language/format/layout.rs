//! Where tokens go: what stands between any two of them.

use super::writer::{Gap, Writer, columns};
use crate::language::syntax::lexer::{Token, TokenKind, is_newline};
use crate::language::syntax::word::is_plain;
use std::borrow::Cow;

/// Lays out the tokens of a text without syntax errors.
pub(super) fn lay_out(text: &str, tokens: &[Token]) -> String {
    let mut layout = Layout { text, tokens, at: 0, writer: Writer::new(text.len()), line_ended: false };
    layout.nodes(0, false);
    layout.writer.finish()
}

struct Layout<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    writer: Writer,
    /// What was written last needs the end of its line: a `\`, or a comment behind a `/-`.
    line_ended: bool,
}

/// What stands before a node or comment in its block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Start,
    Node,
    Comment,
}

impl<'a> Layout<'a> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn kind(&self) -> Option<TokenKind> {
        self.peek().map(|token| token.kind)
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.text[token.range()]
    }

    /// Nodes and the comments between them, up to a closing brace, which is left.
    fn nodes(&mut self, level: usize, one_line: bool) {
        let mut before = Before::Start;
        let mut newlines = 0usize;
        while let Some(token) = self.peek().filter(|token| token.kind != TokenKind::BraceClose) {
            match token.kind {
                TokenKind::Newline => newlines += 1,
                TokenKind::Continuation if self.comment_of(token).is_none() => newlines += 1,
                TokenKind::Space | TokenKind::Semicolon => {}
                kind => {
                    if one_line && before == Before::Node {
                        self.writer.write(";");
                    }
                    let gap = if one_line { Gap::Space } else { self.gap_before(kind, before, newlines, level) };
                    self.writer.level = level;
                    self.writer.gap(gap);
                    newlines = 0;
                    self.line_ended = false;
                    match kind {
                        TokenKind::LineComment | TokenKind::BlockComment { .. } => {
                            self.write_comment(token);
                            before = Before::Comment;
                        }
                        TokenKind::Continuation => {
                            self.write_continuation(token);
                            self.line_ended = false;
                            (before, newlines) = (Before::Comment, 1);
                        }
                        _ => {
                            self.node(level);
                            before = Before::Node;
                            continue;
                        }
                    }
                }
            }
            self.at += 1;
        }
    }

    /// What stands before the node or comment here, in a block of several lines.
    fn gap_before(&self, kind: TokenKind, before: Before, newlines: usize, level: usize) -> Gap {
        let is_line_comment = kind == TokenKind::LineComment;
        if self.line_ended {
            // An empty line ends the node whose last line ends with `\`.
            return if is_line_comment && newlines == 0 { Gap::Line } else { Gap::BlankLine };
        }
        match (before, newlines) {
            // A comment behind an opening brace stays there.
            (Before::Start, 0) if level > 0 && (is_line_comment || self.is_trailing_comment()) => Gap::Space,
            (Before::Start, _) => Gap::Line,
            (_, 0) if is_line_comment || self.is_trailing_comment() => Gap::Space,
            (Before::Comment, 0) if kind != TokenKind::Continuation => Gap::Space,
            (_, 0 | 1) => Gap::Line,
            (_, _) => Gap::BlankLine,
        }
    }

    /// Whether a block comment is here with no node behind it on its line.
    fn is_trailing_comment(&self) -> bool {
        let is_comment = |kind| matches!(kind, TokenKind::BlockComment { .. });
        let mut rest = self.tokens[self.at..].iter().map(|token| token.kind);
        rest.next().is_some_and(is_comment)
            && rest.find(|kind| *kind != TokenKind::Space && !is_comment(*kind)).is_none_or(ends_node)
    }

    /// One node, with the `;` that ends it: needless, unless its line goes on with a `\` and a comment.
    fn node(&mut self, level: usize) {
        // Whether the next token touches the last one, and whether the node's name has been written.
        let (mut tight, mut named, mut in_parentheses) = (true, false, false);
        loop {
            let from = self.at;
            self.skip_blanks(is_blank);
            let blanks = from..self.at;
            let Some(token) = self.peek().filter(|token| !ends_node(token.kind)) else {
                let keeps_break = self.kind() == Some(TokenKind::LineComment);
                self.write_blanks(blanks, keeps_break, level);
                if self.kind() == Some(TokenKind::Semicolon) {
                    if self.line_ended {
                        self.writer.write(";");
                        self.line_ended = false;
                    }
                    self.at += 1;
                }
                return;
            };
            let touches = tight || matches!(token.kind, TokenKind::Equals | TokenKind::ParenClose);
            let keeps_break = !touches && token.kind != TokenKind::BraceOpen;
            if !self.write_blanks(blanks, keeps_break, level) && !touches {
                self.writer.gap(Gap::Space);
            }
            self.line_ended = false;
            tight = true;
            match token.kind {
                TokenKind::BraceOpen => {
                    self.block(level);
                    tight = false;
                    continue;
                }
                TokenKind::SlashDash => {
                    self.writer.write("/-");
                    self.at += 1;
                    let from = self.at;
                    self.skip_blanks(|kind| is_blank(kind) || is_line_break(kind));
                    self.write_blanks(from..self.at, false, level);
                    continue;
                }
                TokenKind::ParenOpen | TokenKind::ParenClose => {
                    in_parentheses = token.kind == TokenKind::ParenOpen;
                    self.writer.write(self.slice(token));
                }
                TokenKind::Equals => self.writer.write("="),
                _ => {
                    let is_name = !named || in_parentheses || self.is_followed_by_equals();
                    named |= !in_parentheses;
                    tight = false;
                    self.write_value(token, is_name);
                }
            }
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self, is_blank: impl Fn(TokenKind) -> bool) {
        while self.kind().is_some_and(&is_blank) {
            self.at += 1;
        }
    }

    fn is_followed_by_equals(&self) -> bool {
        let mut rest = self.tokens[self.at + 1..].iter().map(|token| token.kind);
        rest.find(|kind| !is_blank(*kind)) == Some(TokenKind::Equals)
    }

    /// Writes the comments among blanks within a node and, where
    /// `keeps_breaks`, its line breaks; sets the gap behind. Whether there were any.
    fn write_blanks(&mut self, tokens: std::ops::Range<usize>, keeps_breaks: bool, level: usize) -> bool {
        let mut written = false;
        for token in &self.tokens[tokens] {
            let is_plain_break = token.kind == TokenKind::Continuation && self.comment_of(*token).is_none();
            let is_comment = matches!(token.kind, TokenKind::LineComment | TokenKind::BlockComment { .. });
            if is_plain_break && (!keeps_breaks || self.line_ended) {
                continue;
            }
            if !is_comment && token.kind != TokenKind::Continuation {
                continue;
            }
            self.gap_within_node(level);
            if is_comment {
                self.write_comment(*token);
            } else {
                self.write_continuation(*token);
            }
            self.line_ended = matches!(token.kind, TokenKind::LineComment | TokenKind::Continuation);
            written = true;
        }
        if written {
            self.gap_within_node(level);
        }
        written
    }

    fn gap_within_node(&mut self, level: usize) {
        self.writer.level = level + 1;
        self.writer.gap(if self.line_ended { Gap::Line } else { Gap::Space });
    }

    /// A block with its braces.
    fn block(&mut self, level: usize) {
        let open = self.at;
        let close = self.closing_brace(open);
        let inside = &self.text[self.tokens[open].end..self.tokens[close].start];
        let is_empty = self.tokens[open + 1..close].iter().all(|token| match token.kind {
            TokenKind::Space | TokenKind::Newline => true,
            TokenKind::Continuation => self.comment_of(*token).is_none(),
            _ => false,
        });
        let one_line = !inside.contains(is_newline);
        self.writer.write("{");
        self.at = open + 1;
        self.nodes(level + 1, one_line);
        self.at = close + 1;
        self.writer.level = level;
        self.writer.gap(match (is_empty, one_line) {
            (true, _) => Gap::Nothing,
            (false, true) => Gap::Space,
            (false, false) => Gap::Line,
        });
        self.writer.write("}");
        self.line_ended = false;
    }

    fn closing_brace(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::BraceOpen => depth += 1,
                TokenKind::BraceClose => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        unreachable!("a text without syntax errors closes its braces")
    }

    /// A value as it is written; a name without the quotation marks that it does not need.
    fn write_value(&mut self, token: Token, is_name: bool) {
        let written = self.slice(token);
        let TokenKind::Quoted { hashes, multiline: false, .. } = token.kind else {
            return self.writer.write_lines(written, self.column(token));
        };
        let body = &written[hashes + 1..written.len() - hashes - 1];
        if is_name && is_plain(body) {
            self.writer.write(body);
        } else {
            self.writer.write_lines(written, self.column(token));
        }
    }

    fn write_comment(&mut self, token: Token) {
        let text = without_trailing_blanks(self.slice(token));
        self.writer.write_lines(&text, self.column(token));
    }

    fn write_continuation(&mut self, token: Token) {
        match self.comment_of(token) {
            None => self.writer.write("\\"),
            Some(comment) => {
                let text = format!("\\ {}", without_trailing_blanks(comment));
                self.writer.write_lines(&text, self.column(token));
            }
        }
        self.line_ended = true;
    }

    /// The comments in a [`TokenKind::Continuation`].
    fn comment_of(&self, token: Token) -> Option<&'a str> {
        let rest = self.slice(token)[1..].trim();
        (!rest.is_empty()).then_some(rest)
    }

    /// The indentation of the line that a token starts on.
    fn column(&self, token: Token) -> usize {
        let before = &self.text[..token.start];
        let line = before.rfind(is_newline).map_or(before, |at| before[at..].trim_start_matches(is_newline));
        columns(&self.text[token.start - line.len()..])
    }
}

fn is_blank(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Space | TokenKind::Continuation | TokenKind::BlockComment { .. })
}

fn is_line_break(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Newline | TokenKind::LineComment)
}

/// Whether a token ends the node before it.
fn ends_node(kind: TokenKind) -> bool {
    is_line_break(kind) || matches!(kind, TokenKind::Semicolon | TokenKind::BraceClose | TokenKind::Continuation)
}

fn without_trailing_blanks(comment: &str) -> Cow<'_, str> {
    if !comment.contains(is_newline) {
        return Cow::Borrowed(comment.trim_end());
    }
    let lines: Vec<&str> = comment.split('\n').map(str::trim_end).collect();
    Cow::Owned(lines.join("\n"))
}
