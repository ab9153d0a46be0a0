//! Writes tokens with the blanks and line breaks between them.

use crate::language::syntax::lexer::is_newline;
use std::borrow::Cow;

/// Columns of one level of indentation.
const LEVEL_COLUMNS: usize = 4;

/// What stands between the last token and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Nothing,
    Space,
    Line,
    BlankLine,
}

#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    gap: Gap,
    /// Levels of the line to come.
    pub level: usize,
}

impl Writer {
    pub fn new(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), gap: Gap::Nothing, level: 0 }
    }

    /// Sets what stands before the next token. Nothing does at the start of the text.
    pub fn gap(&mut self, gap: Gap) {
        self.gap = gap;
    }

    /// Writes a token of one line.
    pub fn write(&mut self, token: &str) {
        self.fill_gap();
        self.out.push_str(token);
    }

    /// Writes a token that may have several lines; `column` is the indentation
    /// of the line that it starts on. Its own lines are shifted as that line is.
    pub fn write_lines(&mut self, token: &str, column: usize) {
        self.fill_gap();
        if !token.contains(is_newline) {
            self.out.push_str(token);
            return;
        }
        let line = &self.out[self.out.rfind('\n').map_or(0, |at| at + 1)..];
        let shifted = shift(&unix_lines(token), columns(line), column);
        self.out.push_str(&shifted);
    }

    fn fill_gap(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::Nothing);
        if self.out.is_empty() {
            return;
        }
        match gap {
            Gap::Nothing => return,
            Gap::Space => {
                self.out.push(' ');
                return;
            }
            Gap::Line => self.out.push('\n'),
            Gap::BlankLine => self.out.push_str("\n\n"),
        }
        self.out.extend(std::iter::repeat_n(' ', self.level * LEVEL_COLUMNS));
    }

    /// The text, with a line break at its end.
    pub fn finish(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// The width of the blanks that a line starts with.
pub(super) fn columns(line: &str) -> usize {
    blanks(line).chars().map(|c| if c == '\t' { LEVEL_COLUMNS } else { 1 }).sum()
}

fn blanks(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// A text with `\n` for each line break; KDL reads all of them alike.
fn unix_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_newline(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace(is_newline, "\n"))
}

/// Moves every line but the first by as many columns as from `old` to `new`,
/// none beyond the margin. What their blanks differ in stays: in a string only
/// that is text. Blank lines are emptied.
fn shift(text: &str, new: usize, old: usize) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_blank = |line: &str| line.trim().is_empty();
    let common = rest.split('\n').filter(|line| !is_blank(line)).map(blanks).reduce(common_start).unwrap_or_default();
    let margin = " ".repeat((columns(common) + new).saturating_sub(old));
    let mut out = first.to_owned();
    for line in rest.split('\n') {
        out.push('\n');
        if !is_blank(line) {
            out.push_str(&margin);
            out.push_str(&line[common.len()..]);
        }
    }
    out
}

fn common_start<'a>(a: &'a str, b: &str) -> &'a str {
    let length = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    &a[..length]
}
