//! What is being written at a place in a text that may be broken there.
//!
//! Works on the tokens after repair, so that it needs no whole node: an editor
//! asks while one is being typed.

use super::syntax;
use super::syntax::lexer::{Token, TokenKind, lex};
use crate::diagnostics::FileId;
use std::ops::Range;

/// A place in a text, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The nodes in whose blocks it is, outermost first.
    pub blocks: Vec<Written>,
    pub place: Place,
    /// The word at the cursor, quotation marks included; empty where there is none.
    pub word: Range<usize>,
}

/// What a word at the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a comment, or where nothing can be said.
    Nowhere,
    /// The name of a node.
    Name,
    /// An argument, or the name of a property, of this node.
    Entry(Written),
    /// The value of the last property of this node.
    Value(Written),
    /// The type in parentheses before what the inner place is.
    Annotation(Box<Place>),
    /// A code in `// plan: allow(…)`.
    AllowedCode,
}

/// A node as far as it stands before the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub name: String,
    pub arguments: Vec<String>,
    /// The names of its properties.
    pub properties: Vec<String>,
}

/// What is being written at a byte offset, which is on a character boundary.
pub fn cursor(text: &str, offset: usize) -> Cursor {
    let (_, _, tokens) = syntax::read(text, FileId::default());
    let around = |token: &&Token| token.start < offset && offset <= token.end;
    // Repair closes a string at its most likely end; who is typing in it is not there yet.
    let open = lex(text).iter().find(|token| around(token) && is_open(token.kind)).map(|token| token.start..offset);
    let within = tokens.iter().find(around);
    let word = open.or_else(|| within.filter(|token| is_word(token.kind)).map(Token::range)).unwrap_or(offset..offset);
    let before = tokens.iter().position(|token| token.end > word.start).unwrap_or(tokens.len());
    let mut walk = Walk::new(text);
    for (index, token) in tokens[..before].iter().enumerate() {
        let names_property = || {
            let next = tokens[index + 1..].iter().find(|token| token.kind != TokenKind::Space);
            next.is_some_and(|token| token.kind == TokenKind::Equals && token.start < offset)
        };
        walk.take(*token, names_property);
    }
    walk.leave_blocks(word.start);
    match within.filter(|token| is_comment(token, offset)) {
        Some(comment) => match allowed_code(&text[comment.start..offset]) {
            Some(start) => {
                let start = comment.start + start;
                let rest = &text[offset..comment.end];
                let more = rest.find(|c: char| !(c.is_alphanumeric() || c == ':' || c == '_')).unwrap_or(rest.len());
                Cursor { blocks: walk.blocks, place: Place::AllowedCode, word: start..offset + more }
            }
            None => Cursor { blocks: walk.blocks, place: Place::Nowhere, word: offset..offset },
        },
        None => {
            let (blocks, place) = walk.end();
            Cursor { blocks, place, word }
        }
    }
}

fn is_word(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Word
            | TokenKind::Quoted { .. }
            | TokenKind::OldRaw { .. }
            | TokenKind::HalfQuoted
            | TokenKind::Foreign
    )
}

fn is_open(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::HalfQuoted | TokenKind::Quoted { closed: false, .. } | TokenKind::OldRaw { closed: false, .. }
    )
}

fn is_comment(token: &Token, offset: usize) -> bool {
    match token.kind {
        TokenKind::LineComment => true,
        TokenKind::BlockComment { closed } => !closed || offset < token.end,
        _ => false,
    }
}

/// Where the code begins that the start of a comment ends with, if it is an `allow`.
fn allowed_code(comment: &str) -> Option<usize> {
    let rest = comment.trim_start_matches('/').trim_start().strip_prefix("plan:")?;
    let list = rest.trim_start().strip_prefix("allow")?.trim_start().strip_prefix('(')?;
    let last = list.rsplit(',').next().unwrap_or(list);
    (!list.contains(')')).then(|| comment.len() - last.trim_start().len())
}

/// The nodes around and before a token.
struct Walk<'a> {
    text: &'a str,
    blocks: Vec<Written>,
    /// The indentation of the lines on which they open.
    indents: Vec<usize>,
    /// Blocks that repair has closed behind the last word; they may go on on blank lines.
    closing: usize,
    node: Option<Written>,
    /// Behind the `=` of the node's last property.
    in_value: bool,
    in_type: bool,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, blocks: Vec::new(), indents: Vec::new(), closing: 0, node: None, in_value: false, in_type: false }
    }

    fn take(&mut self, token: Token, names_property: impl Fn() -> bool) {
        let blank = matches!(
            token.kind,
            TokenKind::Space | TokenKind::Newline | TokenKind::LineComment | TokenKind::BlockComment { .. }
        );
        if token.kind == TokenKind::BraceClose && token.start == token.end {
            self.closing += 1;
            return;
        }
        if !blank {
            for _ in 0..std::mem::take(&mut self.closing) {
                self.close();
            }
        }
        match token.kind {
            TokenKind::Newline | TokenKind::Semicolon => self.leave(),
            TokenKind::BraceOpen => {
                let node = self.node.take().unwrap_or_default();
                self.blocks.push(node);
                self.indents.push(indent(self.text, token.start));
                self.leave();
            }
            TokenKind::BraceClose => self.close(),
            TokenKind::ParenOpen => self.in_type = true,
            TokenKind::ParenClose | TokenKind::Space => self.in_type = false,
            TokenKind::Equals => self.in_value = self.node.as_ref().is_some_and(|node| !node.properties.is_empty()),
            kind if is_word(kind) && !self.in_type => {
                let word = bare(&self.text[token.range()]);
                match &mut self.node {
                    None => self.node = Some(Written { name: word, ..Written::default() }),
                    Some(_) if self.in_value => self.in_value = false,
                    Some(node) if names_property() => node.properties.push(word),
                    Some(node) => node.arguments.push(word),
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.blocks.pop();
        self.indents.pop();
        self.leave();
    }

    /// Of the blocks that may go on, those that the indentation of the line at `offset` has left are closed.
    fn leave_blocks(&mut self, offset: usize) {
        let indent = indent(self.text, offset);
        let new_line = self.node.is_none();
        for _ in 0..std::mem::take(&mut self.closing) {
            if new_line && self.indents.last().is_some_and(|opened| indent <= *opened) {
                self.close();
            }
        }
    }

    fn leave(&mut self) {
        self.node = None;
        self.in_value = false;
        self.in_type = false;
    }

    fn end(self) -> (Vec<Written>, Place) {
        let place = match self.node {
            None => Place::Name,
            Some(node) if self.in_value => Place::Value(node),
            Some(node) => Place::Entry(node),
        };
        (self.blocks, if self.in_type { Place::Annotation(Box::new(place)) } else { place })
    }
}

/// The blanks at the start of the line that `offset` is on, up to there.
fn indent(text: &str, offset: usize) -> usize {
    let line = &text[text[..offset].rfind('\n').map_or(0, |at| at + 1)..offset];
    line.chars().take_while(|c| c.is_whitespace()).count()
}

/// A word without its quotation marks; escapes stay as they are.
fn bare(word: &str) -> String {
    let inner = word.trim_matches('#');
    let quoted = inner.len() < word.len() && inner.starts_with('"') || word.starts_with('"');
    if quoted { inner.trim_matches('"').to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `block argument > block : what [word]`
    fn told(marked: &str) -> String {
        let offset = marked.find('│').expect("the cursor is marked");
        let text = marked.replacen('│', "", 1);
        let cursor = cursor(&text, offset);
        fn words(node: &Written) -> String {
            let properties = node.properties.iter().map(|name| format!("{name}="));
            let parts = std::iter::once(node.name.clone()).chain(node.arguments.iter().cloned()).chain(properties);
            parts.collect::<Vec<_>>().join(" ")
        }
        fn place(at: &Place) -> String {
            match at {
                Place::Nowhere => "nowhere".to_owned(),
                Place::Name => "name".to_owned(),
                Place::Entry(node) => format!("entry of {}", words(node)),
                Place::Value(node) => format!("value of {}", words(node)),
                Place::Annotation(inner) => format!("type of {}", place(inner)),
                Place::AllowedCode => "code".to_owned(),
            }
        }
        let blocks: Vec<String> = cursor.blocks.iter().map(words).collect();
        format!("{}: {} [{}]", blocks.join(" > "), place(&cursor.place), &text[cursor.word])
    }

    #[test]
    fn a_cursor_knows_its_block_and_what_it_writes() {
        assert_eq!(told("│"), ": name []");
        assert_eq!(told("pl│an"), ": name [plan]");
        assert_eq!(told("plan home { │ }"), "plan home: name []");
        assert_eq!(told("plan home {\n    tier a { st│ }\n}"), "plan home > tier a: name [st]");
        assert_eq!(told("plan home {\n  tier a {}\n  │\n}"), "plan home: name []");
        assert_eq!(told("plan x { tier a { take b │"), "plan x > tier a: entry of take b []");
        assert_eq!(told("plan x { tier a { take b c│ d"), "plan x > tier a: entry of take b [c]");
        assert_eq!(told("take \"a b\" \"c│d\" e"), ": entry of take a b [\"cd\"]");
        assert_eq!(told("verify contents sample=│"), ": value of verify contents sample= []");
        assert_eq!(told("verify contents sample=\"5│\""), ": value of verify contents sample= [\"5\"]");
        assert_eq!(told("verify contents sample=\"5%\" sch│"), ": entry of verify contents sample= [sch]");
        assert_eq!(told("slack (e│nv)X"), ": type of entry of slack [env]");
        assert_eq!(told("email a from=(│"), ": type of value of email a from= []");
        assert_eq!(told("slack (env)│"), ": entry of slack []");
        assert_eq!(told("a; b │"), ": entry of b []");
        assert_eq!(told("a \\\n  b │"), ": entry of a b []");
    }

    #[test]
    fn a_cursor_knows_its_place_in_broken_text() {
        let unclosed = "plan x {\n    tier a {\n        schedule \"0 │\n    tier b {\n    }\n}\n";
        assert_eq!(told(unclosed), "plan x > tier a: entry of schedule [\"0 ]");
        let unclosed = "plan x {\n    tier a {\n        st│\n    source b {\n        base x\n    }\n}\n";
        assert_eq!(told(unclosed), "plan x > tier a: name [st]");
        assert_eq!(told("plan x {\n    )( keep daily = │ \n"), "plan x: value of keep daily= []");
        assert_eq!(told("} } │"), ": name []");
    }

    #[test]
    fn a_blank_line_of_an_unclosed_block_belongs_to_it_by_its_indentation() {
        let unclosed =
            |line: &str| format!("plan x {{\n    tier a {{\n        take b\n{line}\n    tier b {{\n    }}\n}}\n");
        assert_eq!(told(&unclosed("        │")), "plan x > tier a: name []");
        assert_eq!(told(&unclosed("    │")), "plan x: name []");
        assert_eq!(told("plan x {\n    tier a {\n        │"), "plan x > tier a: name []");
        assert_eq!(told("plan x {\n    tier a {\n        take b\n    │"), "plan x: name []");
    }

    #[test]
    fn comments_hold_nothing_but_codes() {
        assert_eq!(told("plan x { // plan: al│low(a)"), "plan x: nowhere []");
        assert_eq!(told("// plan: allow(plan::na│mes::x, b)\n"), ": code [plan::names::x]");
        assert_eq!(told("// plan: allow(a, │)\n"), ": code []");
        assert_eq!(told("// plan: allow(a) │\n"), ": nowhere []");
        assert_eq!(told("a /* b │ */ c"), ": nowhere []");
        assert_eq!(told("a /* b */│"), ": entry of a []");
        assert_eq!(told("a \"\"\"\n // │"), ": entry of a [\"\"\"\n // ]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_place_of_every_text_has_a_cursor(text in r##"([ \n"#/*\\{}()=;a-zé]|plan: allow\(){0,40}"##) {
            for (offset, _) in text.char_indices() {
                let word = cursor(&text, offset).word;
                prop_assert!(word.start <= offset && offset <= word.end && text.get(word).is_some());
            }
        }
    }
}
