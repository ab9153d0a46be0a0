//! Words and operators of a shell script, with their lines.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of a word as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text {
        text: String,
        quoted: bool,
    },
    /// `$NAME`, `${NAME}` and `${NAME:-otherwise}`; other forms of `${…}` are `Opaque`.
    Variable {
        name: String,
        otherwise: Option<String>,
        quoted: bool,
        whole_list: bool,
    },
    /// `$(…)` and `` `…` ``.
    Output {
        command: String,
    },
    /// What is not followed: arithmetic, `${NAME%pattern}`.
    Opaque {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawWord {
    pub pieces: Vec<Piece>,
    pub line: usize,
}

impl RawWord {
    /// The word if it is bare: no quotes, no expansion. Only such words can be reserved words or assignments' names.
    pub fn bare(&self) -> Option<&str> {
        match &self.pieces[..] {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(RawWord),
    /// `;` `;;` `&` `&&` `|` `||` `(` `)` or a line feed.
    Operator(&'static str),
    /// `>`, `>>`, `<`, and so on, with the word that follows; `<<` has none.
    Redirect {
        operator: String,
        target: Option<RawWord>,
    },
}

/// Tokens of one script; what is more is not read.
const MAX_TOKENS: usize = 200_000;

/// All tokens with their lines. `line` is that of the first character.
pub(super) fn tokens(text: &str, line: usize) -> Vec<(Token, usize)> {
    let mut lexer = Lexer { rest: text.chars().peekable(), line, heredocs: Vec::new() };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
        if tokens.len() == MAX_TOKENS {
            break;
        }
    }
    tokens
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
    /// Ends of the here-documents that begin after this line, and whether tabs may stand before them.
    heredocs: Vec<(String, bool)>,
}

impl Lexer<'_> {
    fn bump(&mut self) -> Option<char> {
        let character = self.rest.next();
        if character == Some('\n') {
            self.line += 1;
        }
        character
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_next = self.rest.peek() == Some(&wanted);
        if is_next {
            self.bump();
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.rest.peek() {
                Some(' ' | '\t' | '\r') => {
                    self.bump();
                }
                Some('\\') => {
                    let mut ahead = self.rest.clone();
                    ahead.next();
                    if !matches!(ahead.next(), Some('\n')) {
                        return;
                    }
                    self.bump();
                    self.bump();
                }
                Some('#') => {
                    while self.rest.peek().is_some_and(|c| *c != '\n') {
                        self.bump();
                    }
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Option<(Token, usize)> {
        self.skip_blanks();
        let line = self.line;
        let token = match *self.rest.peek()? {
            '\n' => {
                self.bump();
                self.skip_heredocs();
                Token::Operator("\n")
            }
            ';' => {
                self.bump();
                Token::Operator(if self.eat(';') { ";;" } else { ";" })
            }
            '&' => {
                self.bump();
                match self.rest.peek() {
                    Some('&') => {
                        self.bump();
                        Token::Operator("&&")
                    }
                    Some('>') => self.redirect("&".to_owned()),
                    _ => Token::Operator("&"),
                }
            }
            '|' => {
                self.bump();
                if self.eat('|') {
                    Token::Operator("||")
                } else {
                    // `|&` sends standard error along.
                    self.eat('&');
                    Token::Operator("|")
                }
            }
            '(' => {
                self.bump();
                Token::Operator("(")
            }
            ')' => {
                self.bump();
                Token::Operator(")")
            }
            '<' | '>' => self.redirect(String::new()),
            _ => {
                let word = self.word();
                // `2>file`: the number belongs to the redirection.
                let number = word.bare().filter(|text| text.len() == 1 && text.as_bytes()[0].is_ascii_digit());
                match (number, self.rest.peek()) {
                    (Some(number), Some('<' | '>')) => {
                        let number = number.to_owned();
                        self.redirect(number)
                    }
                    _ => Token::Word(word),
                }
            }
        };
        Some((token, line))
    }

    fn redirect(&mut self, mut operator: String) -> Token {
        while let Some(character @ ('<' | '>' | '&' | '|')) = self.rest.peek().copied() {
            if operator.len() >= 4 || (operator.ends_with('<') && character == '(') {
                break;
            }
            operator.push(character);
            self.bump();
        }
        if operator.ends_with("<<") {
            let may_indent = self.eat('-');
            self.skip_blanks();
            let end = self.word();
            self.heredocs.push((literal(&end), may_indent));
            return Token::Redirect { operator, target: None };
        }
        // Process substitution: `<(command)` is a file that only a run makes.
        if self.rest.peek() == Some(&'(') {
            self.bump();
            let command = self.until_closed(')');
            let word = RawWord { pieces: vec![Piece::Output { command }], line: self.line };
            return Token::Redirect { operator, target: Some(word) };
        }
        self.skip_blanks();
        let target = self.word();
        Token::Redirect { operator, target: Some(target) }
    }

    fn skip_heredocs(&mut self) {
        for (end, may_indent) in std::mem::take(&mut self.heredocs) {
            loop {
                let mut line = String::new();
                let mut is_last = true;
                while let Some(character) = self.bump() {
                    if character == '\n' {
                        is_last = false;
                        break;
                    }
                    line.push(character);
                }
                let line = if may_indent { line.trim_start_matches('\t') } else { &line };
                if is_last || line == end {
                    break;
                }
            }
        }
    }

    /// A word; empty where none can begin.
    fn word(&mut self) -> RawWord {
        let line = self.line;
        let mut pieces = Vec::new();
        let mut text = String::new();
        let flush = |text: &mut String, pieces: &mut Vec<Piece>| {
            if !text.is_empty() {
                pieces.push(Piece::Text { text: std::mem::take(text), quoted: false });
            }
        };
        while let Some(&character) = self.rest.peek() {
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | ')' => break,
                '(' => {
                    // `name=(…)` is a list; anything else ends the word.
                    if text.ends_with('=') && pieces.is_empty() {
                        self.bump();
                        let list = self.until_closed(')');
                        flush(&mut text, &mut pieces);
                        pieces.push(Piece::Opaque { name: list });
                    }
                    break;
                }
                '\\' => {
                    self.bump();
                    match self.bump() {
                        None | Some('\n') => {}
                        Some(escaped) => {
                            flush(&mut text, &mut pieces);
                            pieces.push(Piece::Text { text: escaped.to_string(), quoted: true });
                        }
                    }
                }
                '\'' => {
                    self.bump();
                    flush(&mut text, &mut pieces);
                    let mut quoted = String::new();
                    while let Some(character) = self.bump().filter(|c| *c != '\'') {
                        quoted.push(character);
                    }
                    pieces.push(Piece::Text { text: quoted, quoted: true });
                }
                '"' => {
                    self.bump();
                    flush(&mut text, &mut pieces);
                    self.double_quoted(&mut pieces);
                }
                '$' | '`' => {
                    flush(&mut text, &mut pieces);
                    self.expansion(false, &mut pieces);
                }
                _ => {
                    self.bump();
                    text.push(character);
                }
            }
        }
        flush(&mut text, &mut pieces);
        if pieces.is_empty() && !self.rest.peek().is_none_or(|c| " \t\r\n;&|<>)".contains(*c)) {
            // Nothing else may stand still.
            self.bump();
        }
        RawWord { pieces, line }
    }

    fn double_quoted(&mut self, pieces: &mut Vec<Piece>) {
        let mut text = String::new();
        let flush = |text: &mut String, pieces: &mut Vec<Piece>| {
            pieces.push(Piece::Text { text: std::mem::take(text), quoted: true });
        };
        while let Some(&character) = self.rest.peek() {
            match character {
                '"' => {
                    self.bump();
                    break;
                }
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some(escaped @ ('"' | '\\' | '$' | '`')) => text.push(escaped),
                        Some('\n') | None => {}
                        Some(other) => text.extend(['\\', other]),
                    }
                }
                '$' | '`' => {
                    if !text.is_empty() {
                        flush(&mut text, pieces);
                    }
                    self.expansion(true, pieces);
                }
                _ => {
                    self.bump();
                    text.push(character);
                }
            }
        }
        flush(&mut text, pieces);
    }

    /// What begins with `$` or a backtick.
    fn expansion(&mut self, quoted: bool, pieces: &mut Vec<Piece>) {
        if self.eat('`') {
            let mut command = String::new();
            while let Some(character) = self.bump().filter(|c| *c != '`') {
                command.push(character);
            }
            pieces.push(Piece::Output { command });
            return;
        }
        self.bump();
        match self.rest.peek().copied() {
            Some('(') => {
                self.bump();
                let inside = self.until_closed(')');
                pieces.push(match inside.starts_with('(') {
                    true => Piece::Opaque { name: "arithmetic".to_owned() },
                    false => Piece::Output { command: inside },
                });
            }
            Some('{') => {
                self.bump();
                let inside = self.until_closed('}');
                pieces.push(braced(&inside, quoted));
            }
            Some('\'') if !quoted => {} // `$'…'`: the quotes come next.
            Some(first) if is_name_start(first) => {
                let mut name = String::new();
                while let Some(character) = self.rest.peek().copied().filter(|c| is_name(*c)) {
                    self.bump();
                    name.push(character);
                }
                pieces.push(Piece::Variable { name, otherwise: None, quoted, whole_list: false });
            }
            Some(special) if special.is_ascii_digit() || "@*#?$!-".contains(special) => {
                self.bump();
                let whole_list = matches!(special, '@' | '*');
                pieces.push(Piece::Variable { name: special.to_string(), otherwise: None, quoted, whole_list });
            }
            _ => pieces.push(Piece::Text { text: "$".to_owned(), quoted }),
        }
    }

    /// The text up to the closing character that is not nested or quoted.
    fn until_closed(&mut self, close: char) -> String {
        let open = if close == ')' { '(' } else { '{' };
        let mut depth = 1usize;
        let mut text = String::new();
        let mut quote = None;
        while let Some(character) = self.bump() {
            match (character, quote) {
                ('\\', None | Some('"')) => {
                    text.push('\\');
                    text.extend(self.bump());
                    continue;
                }
                ('\'' | '"', None) => quote = Some(character),
                (_, Some(quoted)) if quoted == character => quote = None,
                (_, None) if character == open => depth += 1,
                (_, None) if character == close => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
            text.push(character);
        }
        text
    }
}

/// What stands between the braces of `${…}`.
fn braced(inside: &str, quoted: bool) -> Piece {
    let end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    let name = name.to_owned();
    let otherwise = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-')).or_else(|| rest.strip_prefix(":="));
    match (name.is_empty(), rest) {
        (false, "") => Piece::Variable { name, otherwise: None, quoted, whole_list: false },
        (false, "[@]" | "[*]") => Piece::Variable { name, otherwise: None, quoted, whole_list: true },
        (false, rest) if rest.starts_with(":?") || rest.starts_with('?') => {
            Piece::Variable { name, otherwise: None, quoted, whole_list: false }
        }
        (false, _) if otherwise.is_some() => {
            Piece::Variable { name, otherwise: otherwise.map(str::to_owned), quoted, whole_list: false }
        }
        _ => Piece::Opaque { name },
    }
}

/// A word's text without its quotes: the end of a here-document.
fn literal(word: &RawWord) -> String {
    let texts = word.pieces.iter().map(|piece| match piece {
        Piece::Text { text, .. } => text.as_str(),
        _ => "",
    });
    texts.collect()
}

pub(super) fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text, 1)
            .into_iter()
            .map(|(token, line)| match token {
                Token::Word(word) => format!("{line}:{}", literal(&word)),
                Token::Operator("\n") => "⏎".to_owned(),
                Token::Operator(operator) => operator.to_owned(),
                Token::Redirect { operator, target } => {
                    format!("{operator}{}", target.map_or(String::new(), |word| literal(&word)))
                }
            })
            .collect()
    }

    #[test]
    fn words_keep_their_lines_over_continuations_quotes_and_comments() {
        let text = "tar -czf 'a b.tgz' \\\n    --exclude=\"*.log\" # all\n  x/ 2>&1 >/dev/null\n";
        let expected = ["1:tar", "1:-czf", "1:a b.tgz", "2:--exclude=*.log", "⏎", "3:x/", "2>&1", ">/dev/null", "⏎"];
        assert_eq!(words(text), expected);
    }

    #[test]
    fn here_documents_are_skipped_and_what_follows_is_read() {
        assert_eq!(words("cat <<EOF >x\nrm -rf /\nEOF\nls"), ["1:cat", "<<", ">x", "⏎", "4:ls"]);
    }

    #[test]
    fn odd_text_ends() {
        for text in
            ["\"", "'", "$(", "${", "`", "a=(", "<<", "<<EOF\nx", "\\", "$", "((((", "))))", "}{", "|&", ">(", "\0"]
        {
            tokens(text, 1);
        }
    }
}
