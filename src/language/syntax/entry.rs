//! Arguments and properties: which of the two it is, and where one ends.

use super::lexer::{Token, TokenKind};
use super::parser::Parser;
use super::rules::{ANNOTATION, EQUALS, SPACE};
use super::word::{BadWord, WordKind, classify};
use crate::diagnostics::{Diagnostic, Fix, Spanned};
use crate::language::{Node, Value};

impl Parser<'_> {
    /// One argument or property, here.
    pub(super) fn entry(&mut self, node: &mut Node, spaced: bool) {
        let Some(token) = self.peek() else { return };
        let own_report = matches!(token.kind, TokenKind::ParenClose | TokenKind::Equals | TokenKind::HalfQuoted);
        if !spaced && !own_report && !self.is_lone_comma(token) {
            let place = self.span(token.start..token.start);
            self.report(
                Diagnostic::new(&SPACE, self.span(token.range()), "a space is missing between two values")
                    .label("this touches the value before it")
                    .help("separate values with a space, or escape a `\"` inside a string as `\\\"`")
                    .fix(Fix::insert(place, " ")),
            );
        }
        match token.kind {
            TokenKind::Equals => return self.stray(token),
            TokenKind::ParenClose => return self.stray(token),
            TokenKind::Word if self.is_lone_comma(token) => return self.comma(node, token),
            _ => {}
        }
        if self.bracketed_list(node) {
            return;
        }
        if let Some(value) = self.bare_cron() {
            return Self::add(node, None, value);
        }
        if self.nameless_property(token) {
            return;
        }
        let annotated = token.kind == TokenKind::ParenOpen;
        let Some(value) = self.value() else { return };
        let Some((at, equals)) = self.peek_past_space().filter(|(_, next)| next.kind == TokenKind::Equals) else {
            return self.add_argument(node, value);
        };
        self.at = at + 1;
        let name = Spanned::new(value.as_str().unwrap_or_default().to_owned(), value.span);
        if annotated {
            let shown = self.text[value.span.range()].to_owned();
            self.report_damage(
                Diagnostic::new(&ANNOTATION, value.span, format!("`{shown}` has its type before the name"))
                    .label("the type belongs to the value")
                    .help("write it behind the `=`: `name=(env)VALUE`"),
            );
        }
        self.property(node, name, equals);
    }

    /// `30=daily`: a property whose name is a number or a keyword. Reported and dropped.
    fn nameless_property(&mut self, token: Token) -> bool {
        let unfit = token.kind == TokenKind::Word
            && matches!(
                classify(self.slice(token)),
                WordKind::Value(_) | WordKind::Bad(BadWord::OldKeyword(..) | BadWord::UnknownKeyword)
            );
        self.at += 1;
        let next = self.peek_past_space().filter(|(_, next)| next.kind == TokenKind::Equals);
        self.at -= 1;
        let (true, Some((equals, _))) = (unfit, next) else { return false };
        let message = format!("`{}` is not the name of a property", self.slice(token));
        self.report_damage(
            Diagnostic::new(&EQUALS, self.span(token.range()), message)
                .label("names are words or quoted strings")
                .help("write `name=value`"),
        );
        self.at = equals + 1;
        self.skip_space();
        self.value();
        true
    }

    fn property(&mut self, node: &mut Node, name: Spanned<String>, equals: Token) {
        while let Some((at, again)) = self.peek_past_space().filter(|(_, next)| next.kind == TokenKind::Equals) {
            self.at = at + 1;
            let span = self.span(again.range());
            self.report(
                Diagnostic::new(&EQUALS, span, "one `=` is enough")
                    .help("remove it")
                    .fix(Fix::delete(span, "the second `=`")),
            );
        }
        let next = self.peek_past_space();
        // `last= daily=7`: what follows is the next property, not this one's value.
        let is_property = next.is_some_and(|(at, token)| {
            let rest = self.tokens[at + 1..].iter().find(|token| token.kind != TokenKind::Space);
            at > self.at && token.kind == TokenKind::Word && rest.is_some_and(|token| token.kind == TokenKind::Equals)
        });
        let next = next.map(|(_, token)| token);
        let missing = is_property
            || next.is_none_or(|token| {
                matches!(
                    token.kind,
                    TokenKind::Newline
                        | TokenKind::Semicolon
                        | TokenKind::LineComment
                        | TokenKind::BraceOpen
                        | TokenKind::BraceClose
                        | TokenKind::ParenClose
                        | TokenKind::SlashDash
                )
            });
        if missing {
            let span = self.span(name.span.start..equals.end);
            let message = format!("`{}` has no value", name.value);
            self.report_damage(
                Diagnostic::new(&EQUALS, span, message)
                    .label("nothing follows the `=`")
                    .help(format!("write a value behind it, or remove `{}=`", name.value)),
            );
            return;
        }
        self.skip_space();
        if let Some(value) = self.value() {
            let (value, _) = self.without_comma(node, value);
            Self::add(node, Some(name), value);
        }
    }

    fn add_argument(&mut self, node: &mut Node, value: Value) {
        let shown = &self.text[value.span.range()];
        if value.annotation.is_none() && shown.ends_with(':') && shown.len() > 1 && !shown.starts_with('"') {
            return self.colon_argument(node, value);
        }
        let (value, _) = self.without_comma(node, value);
        Self::add(node, None, value);
    }
}
