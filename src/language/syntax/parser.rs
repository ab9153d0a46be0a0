//! Tokens to a document: nodes, their arguments, properties and children.
//!
//! What is wrong is read as what was most likely meant. Where that is certain
//! (a path without quotation marks) the node is as good as any; where it is
//! not, the node is marked damaged and nothing more is said about it.

use super::lexer::{Token, TokenKind, lex};
use super::rules::{BRACE, COMMENT, DEPTH, EQUALS, MULTILINE, NAME, QUOTE, SEPARATOR, STRAY};
use super::word::{BadWord, WordKind, classify};
use super::{braces, quotes};
use crate::diagnostics::{Diagnostic, Edit, FileId, Fix, Span, Spanned};
use crate::language::{Document, Node, Property, Value, ValueKind, allow};
use std::ops::Range;

/// Blocks within blocks. A plan has four.
const MAX_DEPTH: usize = 32;

/// Reads a text: the document, the diagnostics in no order, and the tokens after repair.
pub(in crate::language) fn read(text: &str, file: FileId) -> (Document, Vec<Diagnostic>, Vec<Token>) {
    let mut tokens = lex(text);
    let mut diagnostics = Vec::new();
    quotes::complete(text, file, &mut tokens, &mut diagnostics);
    let cut = unclosed(text, file, &tokens, &mut diagnostics);
    let doubtful = if cut {
        close_all(&mut tokens);
        Vec::new()
    } else {
        braces::pair(text, file, &mut tokens, &mut diagnostics)
    };
    let mut parser =
        Parser { text, file, tokens: &tokens, at: 0, diagnostics, doubtful, damaged: false, depth: 0, incomplete: cut };
    let nodes = parser.nodes();
    let Parser { diagnostics, incomplete, .. } = parser;
    (Document { nodes, incomplete }, diagnostics, tokens)
}

/// Reports a comment or a multi-line string that swallows the rest of the text; whether there is one.
fn unclosed(text: &str, file: FileId, tokens: &[Token], diagnostics: &mut Vec<Diagnostic>) -> bool {
    let Some(last) = tokens.last() else { return false };
    let opening = |length| Span::new(file, last.start..last.start + length);
    match last.kind {
        TokenKind::BlockComment { closed: false } => {
            diagnostics.push(
                Diagnostic::new(&COMMENT, opening(2), "the comment is not closed")
                    .label("from here to the end of the file everything is comment")
                    .help("write `*/` where it ends; comments may stand in one another, and each needs its own"),
            );
            true
        }
        TokenKind::Quoted { hashes, multiline: true, closed: false } => {
            let marks = format!("\"\"\"{}", "#".repeat(hashes));
            diagnostics.push(
                Diagnostic::new(&QUOTE, opening(hashes + 3), "the string of several lines is not closed")
                    .label("from here to the end of the file everything is text")
                    .help(format!("write `{marks}` on a line of its own where it ends")),
            );
            !text.is_empty()
        }
        _ => false,
    }
}

/// Closes what is open at the end of a text that was cut short.
fn close_all(tokens: &mut Vec<Token>) {
    let mut depth = 0usize;
    for token in tokens.iter_mut() {
        match token.kind {
            TokenKind::BraceOpen => depth += 1,
            TokenKind::BraceClose if depth == 0 => token.kind = TokenKind::Space,
            TokenKind::BraceClose => depth -= 1,
            _ => {}
        }
    }
    let end = tokens.last().map_or(0, |token| token.end);
    tokens.extend(std::iter::repeat_n(Token { kind: TokenKind::BraceClose, start: end, end }, depth));
}

pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub file: FileId,
    pub tokens: &'a [Token],
    pub at: usize,
    pub diagnostics: Vec<Diagnostic>,
    /// Lines whose nodes may belong elsewhere.
    doubtful: Vec<Range<usize>>,
    /// The node being read could not be read for certain.
    pub damaged: bool,
    depth: usize,
    incomplete: bool,
}

impl Parser<'_> {
    pub fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    pub fn slice(&self, token: Token) -> &str {
        &self.text[token.range()]
    }

    pub fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    pub fn peek_kind(&self) -> Option<TokenKind> {
        self.peek().map(|token| token.kind)
    }

    /// The next token that is neither blank nor comment, within this node.
    pub fn peek_past_space(&self) -> Option<(usize, Token)> {
        let blank = |kind| matches!(kind, TokenKind::Space | TokenKind::Continuation | TokenKind::BlockComment { .. });
        let ahead = self.tokens[self.at..].iter().position(|token| !blank(token.kind))?;
        Some((self.at + ahead, self.tokens[self.at + ahead]))
    }

    /// Skips blanks and comments within a node; whether there were any.
    pub fn skip_space(&mut self) -> bool {
        let from = self.at;
        self.at = self.peek_past_space().map_or(self.tokens.len(), |(at, _)| at);
        self.at > from
    }

    fn skip_lines(&mut self) {
        while let Some(kind) = self.peek_kind() {
            match kind {
                TokenKind::Space
                | TokenKind::Newline
                | TokenKind::LineComment
                | TokenKind::BlockComment { .. }
                | TokenKind::Continuation => self.at += 1,
                _ => break,
            }
        }
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports what leaves the node uncertain.
    pub fn report_damage(&mut self, diagnostic: Diagnostic) {
        self.damaged = true;
        self.diagnostics.push(diagnostic);
    }

    /// Nodes up to a closing brace, which is left, or the end.
    fn nodes(&mut self) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        // A comment behind something on its line belongs to that, any other to the node that follows.
        let mut behind = self.depth > 0;
        let mut last_counts = false;
        let mut allowed = Vec::new();
        loop {
            match self.peek_kind() {
                None | Some(TokenKind::BraceClose) => return nodes,
                Some(TokenKind::Newline | TokenKind::Continuation) => {
                    behind = false;
                    self.at += 1;
                }
                Some(TokenKind::LineComment) => {
                    let codes = self.allowed_here();
                    match nodes.last_mut() {
                        Some(node) if behind && last_counts => node.allowed.extend(codes),
                        _ if behind => {}
                        _ => allowed.extend(codes),
                    }
                    self.at += 1;
                }
                Some(TokenKind::Space | TokenKind::BlockComment { .. }) => self.at += 1,
                Some(TokenKind::SlashDash) => {
                    if self.slashdash() {
                        self.node();
                    }
                    (behind, last_counts) = (true, false);
                    allowed.clear();
                }
                Some(TokenKind::BraceOpen) if nodes.last().is_some_and(|node| self.is_own_block(node)) => {
                    let node = nodes.last_mut().expect("the guard saw it");
                    self.block_on_next_line(node);
                    behind = true;
                }
                Some(_) => {
                    let start = self.tokens[self.at].start;
                    let mut node = self.node();
                    let codes = std::mem::take(&mut allowed);
                    (behind, last_counts) = (true, node.is_some());
                    if let Some(node) = &mut node {
                        node.allowed.splice(0..0, codes);
                    }
                    let doubtful = self.doubtful.iter().find(|line| line.contains(&start));
                    if doubtful.is_some() || node.is_none() {
                        self.incomplete = true;
                        // The block may lack what is dropped here.
                        self.damaged = true;
                    }
                    if let (Some(line), Some(node)) = (doubtful, &mut node) {
                        node.damaged = true;
                        node.span.end = node.span.end.max(line.end);
                        // The first of the line stands where it is; the others may belong into it.
                        if !self.text[line.start..start].trim().is_empty() {
                            last_counts = false;
                            continue;
                        }
                    }
                    nodes.extend(node);
                }
            }
        }
    }

    /// What the line comment here silences.
    fn allowed_here(&self) -> Vec<Spanned<String>> {
        allow::codes_in(self.text, &self.tokens[self.at], self.file)
    }

    /// Whether the block here belongs to the node before it, but for the line break.
    fn is_own_block(&self, node: &Node) -> bool {
        // A node of a doubtful line ends where that does, which may be behind this place.
        let Some(gap) = self.text.get(node.span.end..self.tokens[self.at].start) else { return false };
        node.children.is_empty() && !self.text[node.span.range()].ends_with('}') && gap.chars().all(char::is_whitespace)
    }

    fn block_on_next_line(&mut self, node: &mut Node) {
        let brace = self.tokens[self.at];
        let gap = self.span(node.span.end..brace.start);
        let fix = Fix { title: "move the `{` up".to_owned(), edits: vec![Edit { span: gap, text: " ".to_owned() }] };
        self.report(
            Diagnostic::new(&BRACE, self.span(brace.range()), "a `{` on a line of its own")
                .label("this block has no name")
                .also(node.name.span, "it is meant for this node")
                .help("write the `{` on the line of the node that it belongs to")
                .fix(fix),
        );
        self.children(node);
        self.after_children(node);
    }

    /// Takes a `/-`; whether something follows that it can take out.
    fn slashdash(&mut self) -> bool {
        let (at, token) = (self.at, self.tokens[self.at]);
        self.at += 1;
        self.skip_lines();
        if !matches!(self.peek_kind(), None | Some(TokenKind::BraceClose | TokenKind::SlashDash | TokenKind::Semicolon))
        {
            return true;
        }
        self.at = at;
        self.stray(token);
        false
    }

    /// One node with its children; `None` where it has no name.
    fn node(&mut self) -> Option<Node> {
        let outer = std::mem::replace(&mut self.damaged, false);
        let start = self.tokens[self.at].start;
        let annotation = self.annotation(true);
        if let Some(annotation) = &annotation {
            self.skip_space();
            let ends = matches!(
                self.peek_kind(),
                None | Some(TokenKind::Newline | TokenKind::Semicolon | TokenKind::LineComment | TokenKind::BraceClose)
            );
            if ends {
                self.nothing_after(annotation);
                self.damaged = outer;
                return None;
            }
        }
        let Some(name) = self.name() else {
            self.skip_node();
            self.damaged = outer;
            return None;
        };
        let mut node = Node {
            span: self.span(start..name.span.end),
            name,
            annotation,
            arguments: Vec::new(),
            properties: Vec::new(),
            children: Vec::new(),
            allowed: Vec::new(),
            damaged: false,
        };
        self.colon_after(&mut node);
        let assigned = self.assignment(&node);
        self.entries(&mut node, assigned);
        if self.peek_kind() == Some(TokenKind::Semicolon) {
            self.at += 1;
        }
        node.damaged = self.damaged;
        self.incomplete |= self.damaged;
        self.damaged = outer;
        Some(node)
    }

    /// To the end of a node without a name.
    fn skip_node(&mut self) {
        while let Some(kind) = self.peek_kind() {
            match kind {
                TokenKind::Newline | TokenKind::BraceClose => return,
                TokenKind::BraceOpen => {
                    self.at += 1;
                    self.skip_block();
                }
                _ => {}
            }
            self.at += 1;
            if kind == TokenKind::Semicolon {
                return;
            }
        }
    }

    /// The name of a node, or a report that there is none.
    fn name(&mut self) -> Option<Spanned<String>> {
        let token = self.peek()?;
        let span = self.span(token.range());
        match token.kind {
            TokenKind::Word => match classify(self.slice(token)) {
                WordKind::Value(_) => {
                    let message = format!("`{}` is a value, not the name of a node", self.slice(token));
                    self.at += 1;
                    self.report_damage(Diagnostic::new(&NAME, span, message).label("a line starts with a name").help(
                        "write the name in front of it, or join the line with the one before by a `\\` at its end",
                    ));
                    None
                }
                _ if self.slice(token).starts_with('#') => {
                    self.hash_comment(token);
                    None
                }
                WordKind::Bad(BadWord::Stray) => {
                    self.stray(token);
                    None
                }
                _ => self.text_value().map(|value| Spanned::new(value.0, value.1)),
            },
            TokenKind::Quoted { .. } | TokenKind::HalfQuoted | TokenKind::OldRaw { .. } | TokenKind::Foreign => {
                self.text_value().map(|value| Spanned::new(value.0, value.1))
            }
            TokenKind::BraceOpen => {
                self.report_damage(
                    Diagnostic::new(&NAME, span, "a block without a node")
                        .label("no name stands before this `{`")
                        .help("write the node's name on the same line as its `{`"),
                );
                None
            }
            TokenKind::Equals => {
                self.at += 1;
                self.report_damage(
                    Diagnostic::new(&EQUALS, span, "an `=` without a name")
                        .label("a line starts with the name of a node")
                        .help("write the name in front of it"),
                );
                None
            }
            _ => {
                self.stray(token);
                self.skip_space();
                match self.peek_kind() {
                    Some(TokenKind::Newline | TokenKind::Semicolon | TokenKind::BraceClose) => None,
                    _ => self.name(),
                }
            }
        }
    }

    /// `# comment`: not one in KDL. The rest of the line is dropped.
    fn hash_comment(&mut self, token: Token) {
        let end = self.text[token.start..].find('\n').map_or(self.text.len(), |length| token.start + length);
        let line = self.text[token.start..end].trim_end();
        let span = self.span(token.start..token.start + line.len());
        let hash = self.span(token.start..token.start + 1);
        self.report(
            Diagnostic::new(&COMMENT, span, "`#` does not start a comment")
                .label("this is read as part of the plan")
                .help("comments start with `//`")
                .fix(Fix::replace(hash, "//")),
        );
        while self.peek().is_some_and(|token| token.start < end && token.kind != TokenKind::Newline) {
            self.at += 1;
        }
    }

    /// `bucket = "x"` on a line of its own: a node written as an assignment. Takes the `=`; whether there was one.
    fn assignment(&mut self, node: &Node) -> bool {
        let Some((at, token)) = self.peek_past_space().filter(|(_, token)| token.kind == TokenKind::Equals) else {
            return false;
        };
        let name = &node.name.value;
        self.at = at + 1;
        let spaced = self.peek_kind() == Some(TokenKind::Space);
        self.skip_space();
        let end = self.peek().map_or(token.end, |next| next.start);
        let gap = self.span(node.name.span.end..if spaced { end } else { token.end });
        let diagnostic =
            Diagnostic::new(&EQUALS, self.span(token.range()), format!("`{name}` is a node: it takes no `=`"))
                .label("a space goes here");
        let shown = self.peek().map(|next| self.slice(next).to_owned());
        self.report(match shown {
            Some(value) if !value.trim().is_empty() => {
                let mut fix = Fix::replace(gap, " ");
                fix.title = "replace the `=` with a space".to_owned();
                diagnostic.help(format!("write `{name} {value}`")).fix(fix)
            }
            _ => diagnostic.help(format!("write `{name}`, a space, and the value")),
        });
        true
    }

    /// Everything behind the name: arguments, properties, children.
    fn entries(&mut self, node: &mut Node, spaced: bool) {
        let mut spaced = self.skip_space() || spaced;
        let mut block = false;
        while let Some(token) = self.peek() {
            let reports = self.diagnostics.len();
            match token.kind {
                TokenKind::Newline | TokenKind::Semicolon | TokenKind::LineComment | TokenKind::BraceClose => return,
                TokenKind::BraceOpen => {
                    self.children(node);
                    self.after_children(node);
                    return;
                }
                TokenKind::SlashDash => {
                    if self.slashdash() {
                        let mut dropped = Self::taken_out(node);
                        if self.peek_kind() == Some(TokenKind::BraceOpen) {
                            self.children(&mut dropped);
                            block = true;
                        } else {
                            self.entry(&mut dropped, spaced);
                        }
                    }
                }
                _ if block => {
                    self.follows_block(token);
                    return;
                }
                _ => self.entry(node, spaced),
            }
            // What was reported and dropped stood between two values as a space does.
            let dropped = self.diagnostics.len() > reports && node.span.end <= token.start;
            spaced = self.skip_space() || dropped;
        }
    }

    /// What takes in the entries that a `/-` takes out of a node.
    fn taken_out(node: &Node) -> Node {
        Node {
            name: node.name.clone(),
            annotation: None,
            arguments: Vec::new(),
            properties: Vec::new(),
            children: Vec::new(),
            span: node.span,
            allowed: Vec::new(),
            damaged: false,
        }
    }

    fn children(&mut self, node: &mut Node) {
        let brace = self.tokens[self.at];
        self.at += 1;
        if self.depth == MAX_DEPTH {
            let message = format!("blocks are nested more than {MAX_DEPTH} deep");
            self.report_damage(Diagnostic::new(&DEPTH, self.span(brace.range()), message).label("not read from here"));
            self.skip_block();
        } else {
            self.depth += 1;
            while let Some(TokenKind::Space | TokenKind::BlockComment { .. }) = self.peek_kind() {
                self.at += 1;
            }
            if self.peek_kind() == Some(TokenKind::LineComment) {
                node.allowed.extend(self.allowed_here());
            }
            node.children = self.nodes();
            self.depth -= 1;
        }
        if let Some(close) = self.peek() {
            node.span.end = close.end;
            self.at += 1;
        }
    }

    /// To the brace that closes the block that was just opened.
    fn skip_block(&mut self) {
        let mut depth = 0usize;
        while let Some(kind) = self.peek_kind() {
            match kind {
                TokenKind::BraceOpen => depth += 1,
                TokenKind::BraceClose if depth == 0 => return,
                TokenKind::BraceClose => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Behind a block a node has ended: only a commented-out block may follow.
    fn after_children(&mut self, node: &Node) {
        loop {
            self.skip_space();
            let Some(token) = self.peek() else { return };
            match token.kind {
                TokenKind::Newline | TokenKind::Semicolon | TokenKind::LineComment | TokenKind::BraceClose => return,
                TokenKind::SlashDash => {
                    let slash = self.at;
                    self.at += 1;
                    self.skip_lines();
                    if self.peek_kind() != Some(TokenKind::BraceOpen) {
                        self.at = slash;
                        return;
                    }
                    self.children(&mut Self::taken_out(node));
                }
                TokenKind::BraceOpen => {
                    self.report_damage(
                        Diagnostic::new(&SEPARATOR, self.span(token.range()), "a second block of the same node")
                            .label("the node has ended with the `}` before this")
                            .help("write everything into one block, or a new node's name before this one"),
                    );
                    self.at += 1;
                    self.skip_block();
                    self.at += 1;
                }
                TokenKind::ParenClose | TokenKind::Equals => self.stray(token),
                _ => return self.follows_block(token),
            }
        }
    }

    /// A node on the line on which a block has ended.
    fn follows_block(&mut self, token: Token) {
        let brace = self.tokens[..self.at].iter().rfind(|token| token.kind == TokenKind::BraceClose);
        let place = brace.map_or(token.start, |brace| brace.end);
        let message = format!("`{}` follows a block on its line", self.slice(token));
        self.report(
            Diagnostic::new(&SEPARATOR, self.span(token.range()), message)
                .label("the node before has ended with its `}`")
                .help("start a new line, or write `;` after the `}`")
                .fix(Fix::insert(self.span(place..place), ";")),
        );
    }

    /// A character that means nothing where it stands; dropped.
    pub fn stray(&mut self, token: Token) {
        let span = self.span(token.range());
        let shown = self.slice(token).to_owned();
        self.at += 1;
        let diagnostic = Diagnostic::new(&STRAY, span, format!("`{shown}` does not belong here"));
        let diagnostic = match token.kind {
            TokenKind::ParenClose => diagnostic.label("no parenthesis is open"),
            TokenKind::SlashDash => diagnostic.label("nothing follows that it could take out"),
            TokenKind::Equals => diagnostic.label("no name stands before it"),
            TokenKind::Semicolon => diagnostic.label("no node stands before it"),
            _ => diagnostic,
        };
        let title = format!("`{shown}`");
        let help = match token.kind {
            TokenKind::Semicolon | TokenKind::SlashDash | TokenKind::Equals => "remove it",
            _ => "remove it, or put the text in quotation marks",
        };
        self.report(diagnostic.help(help).fix(Fix::delete(span, &title)));
    }

    /// Multi-line strings that are not laid out as such, reported by the reader of strings.
    pub fn layout(&mut self, span: Span, label: &str, help: &str) {
        self.report_damage(
            Diagnostic::new(&MULTILINE, span, "the string of several lines is not laid out as one")
                .label(label)
                .help(help),
        );
    }

    /// Adds a value or a property to a node.
    pub fn add(node: &mut Node, name: Option<Spanned<String>>, value: Value) {
        node.span.end = node.span.end.max(value.span.end);
        match name {
            Some(name) => node.properties.push(Property { name, value }),
            None => node.arguments.push(value),
        }
    }

    /// A string in the text's own words.
    pub fn string(text: String, annotation: Option<Spanned<String>>, span: Span) -> Value {
        Value { kind: ValueKind::String(text), annotation, span, written: None }
    }
}
