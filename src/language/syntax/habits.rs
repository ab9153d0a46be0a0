//! What people write who come from other languages: colons behind names, commas between
//! values, lists in brackets, cron expressions without quotation marks. Each is told, and taken for what was meant.

use super::lexer::{Token, TokenKind};
use super::parser::Parser;
use super::rules::{COLON, COMMA, UNQUOTED};
use super::word::{WordKind, classify};
use crate::diagnostics::{Diagnostic, Edit, Fix, Span, Spanned};
use crate::language::{Node, Value, ValueKind};
use std::ops::Range;

/// Fields of a cron expression, at least.
const CRON_FIELDS: usize = 5;

impl Parser<'_> {
    /// `level: 6`: a property written as in YAML.
    pub(super) fn colon_argument(&mut self, node: &mut Node, value: Value) {
        let colon = self.span(value.span.end - 1..value.span.end);
        let name = self.text[value.span.start..colon.start].to_owned();
        let next = self.peek_past_space().map(|(_, token)| token);
        let follows = next.filter(|token| {
            matches!(
                token.kind,
                TokenKind::Word | TokenKind::Quoted { .. } | TokenKind::HalfQuoted | TokenKind::ParenOpen
            )
        });
        let diagnostic = Diagnostic::new(&COLON, colon, format!("`{name}` is followed by a colon"));
        let name_span = self.span(value.span.start..colon.start);
        match follows {
            Some(next) => {
                let gap = self.span(colon.start..next.start);
                self.report(
                    diagnostic.label("an `=` goes here").help(format!("write `{name}={}`", self.slice(next))).fix(
                        Fix { title: "write `=`".to_owned(), edits: vec![Edit { span: gap, text: "=".to_owned() }] },
                    ),
                );
                self.skip_space();
                if let Some(value) = self.value() {
                    Self::add(node, Some(Spanned::new(name, name_span)), value);
                }
            }
            None => {
                self.report(
                    diagnostic.label("no colon goes here").help("remove it").fix(Fix::delete(colon, "the colon")),
                );
                Self::add(node, None, Self::string(name, None, name_span));
            }
        }
    }

    /// A colon at the end of a node's name; the name is right without it.
    pub(super) fn colon_after(&mut self, node: &mut Node) {
        let span = node.name.span;
        if !self.text[span.range()].ends_with(':') || self.text[span.range()].starts_with('"') || span.len() < 2 {
            return;
        }
        let colon = self.span(span.end - 1..span.end);
        node.name.value.pop();
        node.name.span.end -= 1;
        let glued = self.peek().is_some_and(|next| next.start == span.end && next.kind != TokenKind::Newline);
        let fix = if glued && self.peek_kind() != Some(TokenKind::Space) {
            Fix::replace(colon, " ")
        } else {
            Fix::delete(colon, "the colon")
        };
        self.report(
            Diagnostic::new(&COLON, colon, format!("`{}` is followed by a colon", node.name.value))
                .label("no colon goes here")
                .help("a node is its name, a space and its values")
                .fix(fix),
        );
    }

    pub(super) fn is_lone_comma(&self, token: Token) -> bool {
        token.kind == TokenKind::Word && self.slice(token) == ","
    }

    /// `"a" , "b"` and `"a", "b"`: a comma that is a word of its own.
    pub(super) fn comma(&mut self, node: &Node, token: Token) {
        self.at += 1;
        self.report_comma(node, self.span(token.range()));
    }

    /// Takes a comma off the end of a bare word.
    pub(super) fn without_comma(&mut self, node: &Node, mut value: Value) -> (Value, bool) {
        let shown = &self.text[value.span.range()];
        let comma = shown.len() > 1 && shown.ends_with(',') && !shown.starts_with('"');
        if comma && let ValueKind::String(text) = &mut value.kind {
            text.pop();
            value.span.end -= 1;
            // `6,` was a word; it is a number again.
            if let WordKind::Value(kind) = classify(text) {
                value.written = Some(text.as_str().into());
                value.kind = kind;
            }
            self.report_comma(node, self.span(value.span.end..value.span.end + 1));
        }
        (value, comma)
    }

    /// One diagnostic for all commas of a node.
    fn report_comma(&mut self, node: &Node, span: Span) {
        let edit = Edit { span, text: String::new() };
        let same_node = |d: &&mut Diagnostic| {
            std::ptr::eq(d.rule, &COMMA) && d.primary.span.start >= node.span.start && d.primary.span.file == span.file
        };
        if let Some(diagnostic) = self.diagnostics.iter_mut().rev().find(same_node) {
            diagnostic.labels.push(crate::diagnostics::Label { span, text: String::new() });
            if let Some(fix) = &mut diagnostic.fix {
                fix.title = "remove the commas".to_owned();
                fix.edits.push(edit);
            }
            return;
        }
        self.report(
            Diagnostic::new(&COMMA, span, "values are separated by spaces, not commas")
                .label("no comma goes here")
                .help("remove it")
                .fix(Fix { title: "remove the comma".to_owned(), edits: vec![edit] }),
        );
    }

    /// `[data, logs]`: a list as other languages write it. Its values are taken; whether there was one.
    pub(super) fn bracketed_list(&mut self, node: &mut Node) -> bool {
        let rest = &self.tokens[self.at..];
        let within = rest.iter().take_while(|t| {
            matches!(
                t.kind,
                TokenKind::Word | TokenKind::Space | TokenKind::Quoted { closed: true, multiline: false, .. }
            )
        });
        let opens = rest.first().is_some_and(|t| t.kind == TokenKind::Word && self.slice(*t).starts_with('['));
        let closes = |t: &Token| t.kind == TokenKind::Word && self.slice(*t).ends_with(']');
        let (true, Some(last)) = (opens, within.clone().position(closes)) else { return false };
        let tokens: Vec<Token> = rest[..=last].to_vec();
        let list = self.span(tokens[0].start..tokens[last].end);
        let mut edits = Vec::new();
        for token in tokens {
            match token.kind {
                TokenKind::Quoted { .. } => {
                    if let Some((text, span)) = self.text_value() {
                        Self::add(node, None, Self::string(text, None, span));
                    }
                    continue;
                }
                TokenKind::Word => {}
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            self.at += 1;
            let shown = &self.text[token.range()];
            let mut start = 0;
            for (at, mark) in shown.match_indices(['[', ']', ',']) {
                let place = token.start + at;
                // `a,b` needs the space that `a, b` has.
                let space = mark == "," && self.text[place + 1..].starts_with(|c: char| !c.is_whitespace());
                let text = if space { " ".to_owned() } else { String::new() };
                edits.push(Edit { span: self.span(place..place + 1), text });
                self.list_item(node, token.start + start..place);
                start = at + 1;
            }
            self.list_item(node, token.start + start..token.end);
        }
        self.report(
            Diagnostic::new(&UNQUOTED, list, "lists have no brackets and no commas")
                .label("values follow one another, with spaces between them")
                .help("remove the brackets and commas, or quote the text if it is one")
                .fix(Fix { title: "remove the brackets and commas".to_owned(), edits }),
        );
        true
    }

    fn list_item(&self, node: &mut Node, range: Range<usize>) {
        if !range.is_empty() {
            let text = self.text[range.clone()].to_owned();
            Self::add(node, None, Self::string(text, None, self.span(range)));
        }
    }

    /// `schedule 0 2 * * *`: five or six words that are one cron expression.
    pub(super) fn bare_cron(&mut self) -> Option<Value> {
        let field = |text: &str| {
            let first = text.chars().next().is_some_and(|c| c.is_ascii_digit() || c == '*');
            first && text.chars().all(|c| c.is_ascii_alphanumeric() || "*/,-#?".contains(c))
        };
        // Months and days by name: `jan`, `mon-fri`, `sat,sun`.
        let named =
            |text: &str| text.split(['-', ',']).all(|name| name.len() == 3 && name.chars().all(char::is_alphabetic));
        let mut words = Vec::new();
        let mut at = self.at;
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                TokenKind::Word if field(self.slice(*token)) => words.push(*token),
                TokenKind::Word if words.len() >= 3 && named(self.slice(*token)) => words.push(*token),
                TokenKind::Space => {}
                _ => break,
            }
            at += 1;
        }
        if self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Equals) {
            words.pop();
        }
        let (first, last) = (*words.first()?, *words.last()?);
        if words.len() < CRON_FIELDS || !words.iter().any(|word| self.slice(*word).starts_with('*')) {
            return None;
        }
        while self.peek().is_some_and(|token| token.start < last.end) {
            self.at += 1;
        }
        let span = self.span(first.start..last.end);
        let text = self.text[span.range()].to_owned();
        self.unquoted(span, "a cron expression must be quoted as a whole", &text);
        Some(Self::string(text, None, span))
    }
}
