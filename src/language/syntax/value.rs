//! Values and their annotations.

use super::lexer::{Token, TokenKind};
use super::parser::Parser;
use super::rules::ANNOTATION;
use super::word::{BadWord, OldValue, WordKind, classify, is_plain};
use crate::diagnostics::{Diagnostic, Fix, Spanned};
use crate::language::{Value, ValueKind};

impl Parser<'_> {
    /// `(name)` before a value or, where `before_name`, before a node.
    pub(super) fn annotation(&mut self, before_name: bool) -> Option<Spanned<String>> {
        let open = self.peek().filter(|token| token.kind == TokenKind::ParenOpen)?;
        self.at += 1;
        self.skip_space();
        let is_word = |token: Token| match token.kind {
            TokenKind::Word => !matches!(classify(&self.text[token.range()]), WordKind::Value(_)),
            kind => matches!(kind, TokenKind::Quoted { .. }),
        };
        let name = if self.peek().is_some_and(is_word) { self.text_value() } else { None };
        let Some((name, span)) = name else {
            let label = if before_name { "a type belongs inside" } else { "`env`, `file` or `command` belongs inside" };
            self.report_damage(
                Diagnostic::new(&ANNOTATION, self.span(open.range()), "the parentheses hold no word")
                    .label(label)
                    .help("parentheses hold the type of the value behind them: `(env)NAME`; text with parentheses must be quoted"),
            );
            // To the partner, if the line has one.
            let rest = self.tokens[self.at..].iter().take_while(|token| token.kind != TokenKind::Newline);
            if let Some(close) = rest.clone().position(|token| token.kind == TokenKind::ParenClose) {
                self.at += close + 1;
            }
            return None;
        };
        let next = self.peek_past_space();
        if let Some((at, _)) = next.filter(|(_, token)| token.kind == TokenKind::ParenClose) {
            self.at = at + 1;
            return Some(Spanned::new(name, span));
        }
        let diagnostic =
            Diagnostic::new(&ANNOTATION, self.span(open.start..span.end), format!("`({name}` is not closed"))
                .label("a `)` is missing after this");
        let follows = next.is_some_and(|(_, token)| {
            matches!(token.kind, TokenKind::Word | TokenKind::Quoted { .. } | TokenKind::HalfQuoted)
        });
        if !follows {
            let help = format!("write `({name})` directly before the value, or `{name}` without parentheses");
            self.report_damage(diagnostic.help(help));
            return None;
        }
        let end = self.span(span.end..span.end);
        let help = format!("write `({name})` directly before the value");
        self.report(diagnostic.help(help).fix(Fix::insert(end, ")")));
        Some(Spanned::new(name, span))
    }

    /// A value with its annotation.
    pub(super) fn value(&mut self) -> Option<Value> {
        let start = self.peek()?.start;
        if let Some(value) = self.half_annotation() {
            return Some(value);
        }
        let annotation = self.annotation(false);
        if annotation.is_some() {
            self.skip_space();
        }
        let Some(token) = self.peek() else {
            annotation.iter().for_each(|annotation| self.nothing_after(annotation));
            return None;
        };
        if let TokenKind::Word = token.kind
            && let WordKind::Value(kind) = classify(self.slice(token))
        {
            self.at += 1;
            let written = match kind {
                ValueKind::Integer(_) | ValueKind::Float(_) => Some(self.slice(token).into()),
                _ => None,
            };
            return Some(Value { kind, annotation, span: self.span(start..token.end), written });
        }
        let is_text = matches!(
            token.kind,
            TokenKind::Word
                | TokenKind::Quoted { .. }
                | TokenKind::HalfQuoted
                | TokenKind::OldRaw { .. }
                | TokenKind::Foreign
        );
        if !is_text {
            if let Some(annotation) = &annotation {
                self.nothing_after(annotation);
            } else if token.kind == TokenKind::ParenClose || token.kind == TokenKind::Equals {
                self.stray(token);
            }
            return None;
        }
        let old = self.old_keyword(token);
        let (text, span) = self.text_value()?;
        match old {
            Some(kind) => Some(Value { kind, annotation, span: self.span(start..span.end), written: None }),
            None => Some(Self::string(text, annotation, self.span(start..span.end))),
        }
    }

    pub(super) fn nothing_after(&mut self, annotation: &Spanned<String>) {
        let name = &annotation.value;
        self.report_damage(
            Diagnostic::new(&ANNOTATION, annotation.span, format!("`({name})` stands before nothing"))
                .label("a value must follow")
                .help(format!("write `({name})VALUE`")),
        );
    }

    /// The value that a KDL 1 keyword stands for.
    fn old_keyword(&self, token: Token) -> Option<ValueKind> {
        match classify(self.slice(token)) {
            WordKind::Bad(BadWord::OldKeyword(_, OldValue::Bool(value))) => Some(ValueKind::Bool(value)),
            WordKind::Bad(BadWord::OldKeyword(_, OldValue::Null)) => Some(ValueKind::Null),
            _ => None,
        }
    }

    /// `env)NAME` and `env("NAME")`: annotations that lack a parenthesis, or have it in the wrong place.
    fn half_annotation(&mut self) -> Option<Value> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Word)?;
        let next = *self.tokens.get(self.at + 1)?;
        let name = self.slice(token).to_owned();
        if !is_plain(&name) {
            return None;
        }
        let span = self.span(token.range());
        let annotation = Spanned::new(name.clone(), span);
        let value_at = |at: usize| {
            let token = *self.tokens.get(at)?;
            matches!(token.kind, TokenKind::Word | TokenKind::Quoted { closed: true, multiline: false, .. })
                .then_some(token)
        };
        match next.kind {
            TokenKind::ParenClose => {
                value_at(self.at + 2)?;
                self.report(
                    Diagnostic::new(&ANNOTATION, self.span(token.start..next.end), format!("`{name})` is not opened"))
                        .label("a `(` is missing before this")
                        .help(format!("write `({name})`"))
                        .fix(Fix::insert(self.span(token.start..token.start), "(")),
                );
                self.at += 2;
                let (text, span) = self.text_value()?;
                Some(Self::string(text, Some(annotation), self.span(token.start..span.end)))
            }
            TokenKind::ParenOpen => {
                let value = value_at(self.at + 2)?;
                let close =
                    self.tokens.get(self.at + 3).filter(|token| token.kind == TokenKind::ParenClose).copied()?;
                let whole = self.span(token.start..close.end);
                let right = format!("({name}){}", self.slice(value));
                self.report(
                    Diagnostic::new(&ANNOTATION, whole, format!("`{name}` stands outside its parentheses"))
                        .help(format!("write `{right}`"))
                        .fix(Fix::replace(whole, right)),
                );
                self.at += 2;
                let (text, _) = self.text_value()?;
                self.at += 1;
                Some(Self::string(text, Some(annotation), whole))
            }
            _ => None,
        }
    }
}
