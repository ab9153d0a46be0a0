//! Statements of a shell script. What is not understood is passed over.

use super::token::{Piece, RawWord, Token, is_name, is_name_start, tokens};
use std::collections::VecDeque;

/// How a pipeline hangs together with the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Connector {
    /// On a line of its own, or after `;`.
    Then,
    /// After `&&`, or in the branch of an `if` whose condition held.
    IfDone,
    /// After `||`, or in an `else`.
    IfFailed,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Pipeline { commands: Vec<Stage>, connector: Connector },
    For { variable: String, words: Vec<RawWord>, body: Vec<Statement> },
    Function { name: String, body: Vec<Statement> },
}

/// One command of a pipeline.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Simple(Simple),
    Compound(Vec<Statement>),
}

#[derive(Clone, Debug)]
pub(super) struct Simple {
    pub assignments: Vec<Assignment>,
    pub words: Vec<RawWord>,
    pub redirects: Vec<(String, RawWord)>,
    pub line: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub name: String,
    pub appends: bool,
    pub value: AssignedValue,
}

#[derive(Clone, Debug)]
pub(super) enum AssignedValue {
    Word(RawWord),
    List(Vec<RawWord>),
}

/// Blocks in blocks; deeper ones are passed over.
const MAX_DEPTH: usize = 40;

pub(super) fn parse(text: &str, line: usize) -> Vec<Statement> {
    let mut parser = Parser { tokens: tokens(text, line).into(), depth: 0 };
    let mut statements = Vec::new();
    loop {
        parser.statements(&[], Connector::Then, &mut statements);
        // A closing word that nothing opened.
        if parser.tokens.pop_front().is_none() {
            return statements;
        }
    }
}

/// The words of a list or of a substitution's command.
pub(super) fn words(text: &str, line: usize) -> Vec<RawWord> {
    let words = tokens(text, line).into_iter().filter_map(|(token, _)| match token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    words.collect()
}

struct Parser {
    tokens: VecDeque<(Token, usize)>,
    depth: usize,
}

const CLOSING: [&str; 9] = ["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

impl Parser {
    fn operator(&self) -> Option<&'static str> {
        match self.tokens.front() {
            Some((Token::Operator(operator), _)) => Some(operator),
            _ => None,
        }
    }

    /// The next word, if it is bare.
    fn bare(&self) -> Option<&str> {
        match self.tokens.front() {
            Some((Token::Word(word), _)) => word.bare(),
            _ => None,
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.bare() == Some(word);
        if is_next {
            self.tokens.pop_front();
        }
        is_next
    }

    fn eat_operator(&mut self, wanted: &str) -> bool {
        let is_next = self.operator() == Some(wanted);
        if is_next {
            self.tokens.pop_front();
        }
        is_next
    }

    /// Statements up to one of the closing words, or `)`, `;;`, or the end; that is not taken.
    fn statements(&mut self, until: &[&str], first: Connector, out: &mut Vec<Statement>) {
        let mut connector = first;
        loop {
            match self.operator() {
                Some("\n" | ";" | "&") => {
                    self.tokens.pop_front();
                    connector = first;
                    continue;
                }
                Some("&&") => {
                    self.tokens.pop_front();
                    connector = Connector::IfDone;
                    continue;
                }
                Some("||") => {
                    self.tokens.pop_front();
                    connector = Connector::IfFailed;
                    continue;
                }
                Some("|") => {
                    self.tokens.pop_front();
                    continue;
                }
                Some(")" | ";;") => return,
                _ => {}
            }
            if self.tokens.is_empty() {
                return;
            }
            if let Some(word) = self.bare()
                && (until.contains(&word) || CLOSING.contains(&word))
            {
                return;
            }
            self.statement(connector, out);
        }
    }

    fn statement(&mut self, connector: Connector, out: &mut Vec<Statement>) {
        if let Some(name) = self.function_name() {
            let mut body = Vec::new();
            self.skip_line_feeds();
            if let Some(Stage::Compound(inside)) = self.stage() {
                body = inside;
            }
            out.push(Statement::Function { name, body });
            return;
        }
        if self.bare() == Some("for") || self.bare() == Some("select") {
            self.for_loop(out);
            return;
        }
        let mut commands = Vec::new();
        loop {
            while self.eat("!") || self.eat("time") {}
            match self.stage() {
                Some(stage) => commands.push(stage),
                None => break,
            }
            if !self.eat_operator("|") {
                break;
            }
            self.skip_line_feeds();
        }
        out.push(Statement::Pipeline { commands, connector });
    }

    /// `name()` or `function name`.
    fn function_name(&mut self) -> Option<String> {
        if self.bare() == Some("function") {
            self.tokens.pop_front();
            let name = self.bare().map(str::to_owned).unwrap_or_default();
            self.tokens.pop_front();
            if self.eat_operator("(") {
                self.eat_operator(")");
            }
            return Some(name);
        }
        let is_call =
            |at: usize, operator| matches!(self.tokens.get(at), Some((Token::Operator(o), _)) if *o == operator);
        let name = self.bare()?.to_owned();
        if !(is_call(1, "(") && is_call(2, ")")) {
            return None;
        }
        self.tokens.drain(..3);
        Some(name)
    }

    fn for_loop(&mut self, out: &mut Vec<Statement>) {
        self.tokens.pop_front();
        let variable = self.bare().map(str::to_owned).unwrap_or_default();
        self.tokens.pop_front();
        let mut words = Vec::new();
        self.skip_line_feeds();
        if self.eat("in") {
            while let Some((Token::Word(_), _)) = self.tokens.front() {
                if let Some((Token::Word(word), _)) = self.tokens.pop_front() {
                    words.push(word);
                }
            }
        }
        while matches!(self.operator(), Some("\n" | ";")) {
            self.tokens.pop_front();
        }
        let mut body = Vec::new();
        if self.eat("do") {
            self.block(&["done"], Connector::Then, &mut body);
            self.eat("done");
        }
        out.push(Statement::For { variable, words, body });
    }

    fn block(&mut self, until: &[&str], connector: Connector, out: &mut Vec<Statement>) {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            self.statements(until, connector, out);
        }
        self.depth -= 1;
    }

    /// One command of a pipeline with its redirections; none where nothing can begin.
    fn stage(&mut self) -> Option<Stage> {
        let mut body = Vec::new();
        if self.eat_operator("(") {
            self.block(&[], Connector::Then, &mut body);
            self.eat_operator(")");
        } else {
            let word = self.bare().unwrap_or_default().to_owned();
            match word.as_str() {
                "{" => {
                    self.tokens.pop_front();
                    self.block(&["}"], Connector::Then, &mut body);
                    self.eat("}");
                }
                "if" => self.conditional(&mut body),
                "while" | "until" => {
                    self.tokens.pop_front();
                    self.block(&["do"], Connector::Then, &mut body);
                    self.eat("do");
                    self.block(&["done"], Connector::Then, &mut body);
                    self.eat("done");
                }
                "for" => self.for_loop(&mut body),
                "case" => self.case(&mut body),
                _ => return self.simple().map(Stage::Simple),
            }
        }
        while let Some((Token::Redirect { .. }, _)) = self.tokens.front() {
            self.tokens.pop_front();
        }
        Some(Stage::Compound(body))
    }

    fn conditional(&mut self, body: &mut Vec<Statement>) {
        self.tokens.pop_front();
        self.block(&["then"], Connector::Then, body);
        self.eat("then");
        self.block(&["elif", "else", "fi"], Connector::IfDone, body);
        loop {
            if self.eat("elif") {
                self.block(&["then"], Connector::Then, body);
                self.eat("then");
                self.block(&["elif", "else", "fi"], Connector::IfDone, body);
            } else if self.eat("else") {
                self.block(&["fi"], Connector::IfFailed, body);
            } else {
                self.eat("fi");
                return;
            }
        }
    }

    fn case(&mut self, body: &mut Vec<Statement>) {
        self.tokens.pop_front();
        // `case WORD in`, then `PATTERN) … ;;`.
        while !self.tokens.is_empty() && !self.eat("in") {
            self.tokens.pop_front();
        }
        loop {
            self.skip_line_feeds();
            if self.eat("esac") || self.tokens.is_empty() {
                return;
            }
            while !self.tokens.is_empty() && !self.eat_operator(")") {
                self.tokens.pop_front();
            }
            let before = self.tokens.len();
            self.block(&["esac"], Connector::Then, body);
            if !self.eat_operator(";;") && self.bare() != Some("esac") && before == self.tokens.len() {
                self.tokens.pop_front();
            }
        }
    }

    fn simple(&mut self) -> Option<Simple> {
        let line = self.tokens.front()?.1;
        let mut simple = Simple { assignments: Vec::new(), words: Vec::new(), redirects: Vec::new(), line };
        let before = self.tokens.len();
        while let Some((token, _)) = self.tokens.front() {
            match token {
                Token::Operator(_) => break,
                Token::Word(word) if word.pieces.is_empty() => {}
                Token::Word(word) => match assignment(word) {
                    Some(assignment) if simple.words.is_empty() => simple.assignments.push(assignment),
                    _ => simple.words.push(word.clone()),
                },
                Token::Redirect { operator, target } => {
                    if let Some(target) = target {
                        simple.redirects.push((operator.clone(), target.clone()));
                    }
                }
            }
            self.tokens.pop_front();
        }
        if before == self.tokens.len() {
            // An operator where none can be; the caller would wait for ever.
            self.tokens.pop_front();
            return None;
        }
        Some(simple)
    }

    fn skip_line_feeds(&mut self) {
        while self.eat_operator("\n") {}
    }
}

/// `NAME=value`, `NAME+=value`, `NAME=(…)`.
pub(super) fn assignment(word: &RawWord) -> Option<Assignment> {
    let Some(Piece::Text { text, quoted: false }) = word.pieces.first() else { return None };
    let (name, rest) = text.split_once('=')?;
    let (name, appends) = match name.strip_suffix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if !name.starts_with(is_name_start) || !name.chars().all(is_name) {
        return None;
    }
    let value = match (rest, &word.pieces[1..]) {
        // Only the tokens of a list look so: see `Lexer::word`.
        ("", [Piece::Opaque { name: list }]) => AssignedValue::List(words(list, word.line)),
        _ => {
            let mut pieces = word.pieces.clone();
            pieces[0] = Piece::Text { text: rest.to_owned(), quoted: false };
            AssignedValue::Word(RawWord { pieces, line: word.line })
        }
    };
    Some(Assignment { name: name.to_owned(), appends, value })
}
