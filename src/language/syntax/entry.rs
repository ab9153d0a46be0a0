//! Arguments and properties: values, their annotations, and what people write in their place.

use super::lexer::{Token, TokenKind};
use super::parser::Parser;
use super::rules::{
    ANNOTATION, CHARACTER, COLON, COMMA, EQUALS, ESCAPE, KDL1, KEYWORD, NUMBER, QUOTE, QUOTES, SPACE, UNQUOTED,
};
use super::string::{StringProblem, one_line, several_lines};
use super::word::{BadWord, OldValue, WordKind, classify, is_plain};
use crate::diagnostics::{Diagnostic, Edit, Fix, Span, Spanned, nearest};
use crate::language::{Node, Value, ValueKind};
use std::ops::Range;

/// Fields of a cron expression, at least.
const CRON_FIELDS: usize = 5;

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

    /// `level: 6`: a property written as in YAML.
    fn colon_argument(&mut self, node: &mut Node, value: Value) {
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

    fn is_lone_comma(&self, token: Token) -> bool {
        token.kind == TokenKind::Word && self.slice(token) == ","
    }

    /// `"a" , "b"` and `"a", "b"`: a comma that is a word of its own.
    fn comma(&mut self, node: &Node, token: Token) {
        self.at += 1;
        self.report_comma(node, self.span(token.range()));
    }

    /// Takes a comma off the end of a bare word.
    fn without_comma(&mut self, node: &Node, mut value: Value) -> (Value, bool) {
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
    fn value(&mut self) -> Option<Value> {
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

    /// `[data, logs]`: a list as other languages write it. Its values are taken; whether there was one.
    fn bracketed_list(&mut self, node: &mut Node) -> bool {
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
    fn bare_cron(&mut self) -> Option<Value> {
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

    fn unquoted(&mut self, span: Span, message: &str, text: &str) {
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
            StringProblem::Escape(range) => {
                let shown = self.text[range.clone()].to_owned();
                let (whole, span) = (self.span(token.range()), self.span(range.clone()));
                // One backslash too few is seldom alone: a Windows path has several.
                let again = self.diagnostics.last().is_some_and(|last| {
                    std::ptr::eq(last.rule, &ESCAPE) && whole.start <= last.primary.span.start && whole.file == last.primary.span.file
                });
                let edit = Edit { span: self.span(range.start..range.start), text: "\\".to_owned() };
                if again && let Some(last) = self.diagnostics.last_mut() {
                    last.labels.push(crate::diagnostics::Label { span, text: String::new() });
                    if let Some(fix) = &mut last.fix {
                        fix.edits.push(edit);
                    }
                    return;
                }
                let raw = if body.contains("\"") { String::new() } else { format!(", or make the string raw: `#\"{body}\"#`") };
                self.report(
                    Diagnostic::new(&ESCAPE, span, format!("`{shown}` is no escape"))
                        .label("a backslash starts an escape")
                        .help(format!("write `\\{shown}`{raw}"))
                        .fix(Fix { title: "write each such backslash twice".to_owned(), edits: vec![edit] }),
                );
            }
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
                "after the opening `\"\"\"` and before the closing one stands a line break; a text of one line takes one `\"` at each end",
            ),
            StringProblem::Indentation { line, wanted } => {
                let wanted = self.span(wanted);
                let mut at = self.span(line);
                at.end = at.end.max(at.start);
                self.report_damage(
                    Diagnostic::new(&super::rules::MULTILINE, at, "this line of the string is indented less than its end")
                        .label("starts with other white space")
                        .also(wanted, "than this")
                        .help("start every line with the same spaces or tabs as the closing `\"\"\"`"),
                );
            }
        }
    }
}

/// A text as a KDL string, raw where that reads better.
fn quote(text: &str) -> String {
    if text.contains('\\') && !text.contains("\"#") {
        return format!("#\"{text}\"#");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
