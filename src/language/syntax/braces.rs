//! Finds braces without a partner, by the indentation of the lines.
//!
//! Works only on a text whose braces do not add up, and corrects no more than
//! the difference: who indents as he likes, but closes what he opens, hears
//! nothing.

use super::lexer::{Token, TokenKind};
use super::rules::BRACE;
use crate::diagnostics::{Diagnostic, Edit, FileId, Fix, Span};
use std::ops::Range;

/// A tab counts as so many columns when indentations are compared.
const TAB_COLUMNS: usize = 4;

/// An opening brace that still waits for its partner.
struct Open {
    token: usize,
    line: usize,
    indent: usize,
    /// Its first line of children is not indented, so indentation tells nothing.
    flat: bool,
    empty: bool,
}

/// A change to the tokens: before the token at `at`, or instead of it.
enum Change {
    InsertClose { at: usize },
    InsertOpen { at: usize },
    Drop { at: usize },
}

/// Adds and drops braces until they pair, and reports each. Gives back the
/// lines that may mean something else than they now seem to.
pub(super) fn pair(
    text: &str,
    file: FileId,
    tokens: &mut Vec<Token>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Range<usize>> {
    let count = |kind| tokens.iter().filter(|token| token.kind == kind).count() as i64;
    let excess = count(TokenKind::BraceOpen) - count(TokenKind::BraceClose);
    if excess == 0 && never_negative(tokens) {
        return Vec::new();
    }
    let Walk { mut changes, mut reports, doubtful, .. } = Walk::new(text, file, tokens, excess).run();
    changes.sort_by_key(Change::at);
    diagnostics.append(&mut reports);
    // From the end, so that the places before stay right.
    for change in changes.iter().rev() {
        match *change {
            Change::Drop { at } => {
                tokens[at].kind = TokenKind::Space;
            }
            Change::InsertClose { at } | Change::InsertOpen { at } => {
                let kind = if matches!(change, Change::InsertOpen { .. }) {
                    TokenKind::BraceOpen
                } else {
                    TokenKind::BraceClose
                };
                let place = at.checked_sub(1).map_or(0, |before| tokens[before].end);
                tokens.insert(at, Token { kind, start: place, end: place });
            }
        }
    }
    doubtful
}

/// Whether no brace closes before one opens.
fn never_negative(tokens: &[Token]) -> bool {
    let mut depth = 0i64;
    tokens.iter().all(|token| {
        depth += match token.kind {
            TokenKind::BraceOpen => 1,
            TokenKind::BraceClose => -1,
            _ => 0,
        };
        depth >= 0
    })
}

impl Change {
    fn at(&self) -> usize {
        match self {
            Self::InsertClose { at } | Self::InsertOpen { at } | Self::Drop { at } => *at,
        }
    }
}

struct Walk<'a> {
    text: &'a str,
    file: FileId,
    tokens: &'a [Token],
    /// Closing braces that may be added.
    missing: i64,
    /// Opening braces that may be added, or closing ones dropped.
    extra: i64,
    open: Vec<Open>,
    changes: Vec<Change>,
    reports: Vec<Diagnostic>,
    doubtful: Vec<Range<usize>>,
    line: usize,
    indent: usize,
    /// The last token that is neither blank nor comment, and the indent of its line.
    last: Option<(usize, usize)>,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str, file: FileId, tokens: &'a [Token], excess: i64) -> Self {
        Self {
            text,
            file,
            tokens,
            missing: excess.max(0),
            extra: (-excess).max(0),
            open: Vec::new(),
            changes: Vec::new(),
            reports: Vec::new(),
            doubtful: Vec::new(),
            line: 0,
            indent: 0,
            last: None,
        }
    }

    fn run(mut self) -> Self {
        let mut first = true;
        let mut line_start = 0;
        for index in 0..self.tokens.len() {
            let token = self.tokens[index];
            match token.kind {
                TokenKind::Newline => {
                    first = true;
                    self.line += 1;
                    line_start = token.end;
                }
                TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment { .. } => {}
                // The line that follows belongs to this one.
                TokenKind::Continuation => self.last = None,
                _ => {
                    if let Some(top) = self.open.last_mut() {
                        // Children on the brace's own line: the next line's indent says nothing of theirs.
                        top.empty &= top.line != self.line;
                    }
                    if first {
                        self.indent = columns(&self.text[line_start..token.start]);
                        self.start_of_line(index);
                    }
                    self.brace(index, first);
                    self.last = Some((index, self.indent));
                    first = false;
                }
            }
        }
        while let Some(open) = self.open.pop() {
            self.close(open, self.tokens.len());
        }
        self
    }

    /// At the first token of a line: closes what its indentation has left, opens what it has entered.
    fn start_of_line(&mut self, index: usize) {
        let closes = self.tokens[index].kind == TokenKind::BraceClose;
        if let Some(top) = self.open.last_mut()
            && top.empty
            && top.line < self.line
        {
            top.empty = false;
            top.flat = !closes && self.indent <= top.indent;
        }
        while self.missing > 0
            && let Some(top) = self.open.last()
            && top.line < self.line
            && !top.flat
            && (self.indent < top.indent || (self.indent == top.indent && !closes))
        {
            let open = self.open.pop().expect("the loop's condition saw it");
            let at = self.last.map_or(index, |(last, _)| last + 1);
            self.missing -= 1;
            self.close(open, at);
        }
        if self.extra > 0
            && !closes
            && let Some((last, indent)) = self.last
            && self.indent > indent
            && !matches!(self.tokens[last].kind, TokenKind::BraceOpen | TokenKind::BraceClose | TokenKind::Semicolon)
        {
            self.extra -= 1;
            self.changes.push(Change::InsertOpen { at: last + 1 });
            self.open.push(Open { token: last, line: self.line - 1, indent, flat: false, empty: false });
            let end = self.tokens[last].end;
            let span = Span::new(self.file, self.tokens[last].range());
            self.reports.push(
                Diagnostic::new(&BRACE, span, "a `{` is missing before the lines that follow")
                    .label("the lines below are indented, but nothing opens here")
                    .help("write ` {` at the end of this line")
                    .fix(insert(Span::new(self.file, end..end), " {")),
            );
        }
    }

    fn brace(&mut self, index: usize, first: bool) {
        match self.tokens[index].kind {
            TokenKind::BraceOpen => {
                let open = Open { token: index, line: self.line, indent: self.indent, flat: false, empty: true };
                self.open.push(open);
            }
            TokenKind::BraceClose => {
                let fits = self.open.last().is_some_and(|top| {
                    self.extra == 0 || top.flat || if first { top.indent == self.indent } else { top.line == self.line }
                });
                if fits {
                    self.open.pop();
                } else if self.extra > 0 || self.open.is_empty() {
                    self.extra -= 1;
                    self.drop_close(index, first);
                } else {
                    self.open.pop();
                }
            }
            _ => {}
        }
    }

    fn drop_close(&mut self, index: usize, first: bool) {
        self.changes.push(Change::Drop { at: index });
        let range = self.tokens[index].range();
        let span = Span::new(self.file, range.clone());
        let diagnostic = Diagnostic::new(&BRACE, span, "this `}` closes nothing");
        self.reports.push(if first {
            // With its whole line, if it stands alone on it.
            let line = self.text[..range.start].rfind('\n').map_or(0, |at| at + 1);
            let rest = &self.text[range.end..];
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let alone = rest[..length].trim().is_empty();
            let gone = if alone { Span::new(self.file, line..range.end + length) } else { span };
            diagnostic
                .label("no block of this indentation is open")
                .help("remove it")
                .fix(Fix::delete(gone, "the brace"))
        } else {
            let line = self.text[..range.start].rfind('\n').map_or(0, |at| at + 1);
            let before = self.text[line..range.start].trim();
            let diagnostic = diagnostic.label("nothing on this line opens a block");
            if before.ends_with('}') {
                diagnostic.help("remove it").fix(Fix::delete(span, "the brace"))
            } else {
                self.doubtful.push(line..range.end);
                let start = range.start - self.text[line..range.start].trim_start().len();
                let words = Span::new(self.file, start..start + before.len());
                diagnostic
                    .also(words, "perhaps its `{` is missing here")
                    .help("write the `{` that it belongs to, or remove it")
            }
        });
    }

    /// Reports a block as not closed, and closes it before the token at `at`.
    fn close(&mut self, open: Open, at: usize) {
        let brace = self.tokens[open.token];
        let place = at.checked_sub(1).map_or(0, |before| self.tokens[before].end);
        let end = self.text[..place].trim_end().len();
        let one_line = !self.text[brace.end..end].contains('\n');
        let text = match one_line {
            true => " }".to_owned(),
            false => format!("\n{}}}", indentation(self.text, brace.start)),
        };
        self.changes.push(Change::InsertClose { at });
        let owner = name_before(self.text, brace.start);
        let here = Span::new(self.file, end..end);
        self.reports.push(
            Diagnostic::new(
                &BRACE,
                Span::new(self.file, brace.range()),
                format!("the block of `{owner}` is not closed"),
            )
            .label("opened here")
            .also(here, "a `}` is missing after this")
            .help(format!("write `}}` {}", if one_line { "at the end of this line" } else { "on a line of its own" }))
            .fix(insert(here, &text)),
        );
    }
}

fn insert(at: Span, text: &str) -> Fix {
    Fix { title: format!("insert `{}`", text.trim()), edits: vec![Edit { span: at, text: text.to_owned() }] }
}

/// The node that a brace belongs to, as a person would name it: the words before it on its line.
fn name_before(text: &str, brace: usize) -> &str {
    let line = text[..brace].rfind(['\n', '{', ';']).map_or(0, |at| at + 1);
    let words = text[line..brace].trim();
    match words.char_indices().nth(40) {
        Some(_) => words.split_whitespace().next().unwrap_or(words),
        None => words,
    }
}

fn indentation(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..at];
    &line[..line.len() - line.trim_start().len()]
}

fn columns(indentation: &str) -> usize {
    indentation.chars().fold(0, |column, c| match c {
        '\t' => column / TAB_COLUMNS * TAB_COLUMNS + TAB_COLUMNS,
        _ => column + 1,
    })
}
