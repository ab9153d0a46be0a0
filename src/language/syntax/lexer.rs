//! Cuts a text into tokens. It never fails: what KDL would refuse still gets
//! a token, so that the syntax check can say what is wrong and where.
//!
//! Invariant: the tokens tile the text, without gap or overlap, on character
//! boundaries.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::language) enum TokenKind {
    Newline,
    Space,
    /// `// …`, without the line break.
    LineComment,
    /// `/* … */`, nested.
    BlockComment {
        closed: bool,
    },
    /// A `\` at the end of a line, with the spaces, comment and line break that follow.
    Continuation,
    /// `/-`
    SlashDash,
    BraceOpen,
    BraceClose,
    ParenOpen,
    ParenClose,
    Equals,
    Semicolon,
    /// `"…"`, `"""…"""`, `#"…"#`.
    Quoted {
        hashes: usize,
        multiline: bool,
        closed: bool,
    },
    /// `r"…"`, `r#"…"#`: KDL 1's raw strings.
    OldRaw {
        hashes: usize,
        closed: bool,
    },
    /// A one-line string that lacks a quotation mark; the text between those that it has is its value.
    HalfQuoted,
    /// `“…”`, `'…'` and the like: to KDL bare words, to people a quoted string.
    Foreign,
    /// Everything else up to the next space or punctuation: names, numbers, keywords, and what is none of them.
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::language) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Quotation marks that are not KDL's, with what closes them.
pub(in crate::language) const FOREIGN_QUOTES: [(char, &[char]); 7] = [
    ('\u{201c}', &['\u{201d}', '\u{201c}']),
    ('\u{201d}', &['\u{201d}', '\u{201c}']),
    ('\u{201e}', &['\u{201c}', '\u{201d}']),
    ('\u{2018}', &['\u{2019}']),
    ('\u{ab}', &['\u{bb}']),
    ('\'', &['\'']),
    ('`', &['`']),
];

pub(in crate::language) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}')
}

pub(in crate::language) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Whether a character ends a word.
fn is_delimiter(c: char) -> bool {
    is_space(c) || is_newline(c) || matches!(c, '{' | '}' | '(' | ')' | ';' | '=' | '"')
}

pub(in crate::language) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::with_capacity(text.len() / 4) };
    if text.starts_with('\u{feff}') {
        lexer.push(TokenKind::Space, '\u{feff}'.len_utf8());
    }
    while lexer.at < text.len() {
        let (kind, end) = lexer.next();
        lexer.push(kind, end);
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, kind: TokenKind, end: usize) {
        self.tokens.push(Token { kind, start: self.at, end });
        self.at = end;
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The kind of the token here and where it ends.
    fn next(&self) -> (TokenKind, usize) {
        let rest = self.rest();
        let first = rest.chars().next().expect("only called before the end of the text");
        let single = |kind| (kind, self.at + first.len_utf8());
        match first {
            '{' => single(TokenKind::BraceOpen),
            '}' => single(TokenKind::BraceClose),
            '(' => single(TokenKind::ParenOpen),
            ')' => single(TokenKind::ParenClose),
            '=' => single(TokenKind::Equals),
            ';' => single(TokenKind::Semicolon),
            '\r' if rest.starts_with("\r\n") => (TokenKind::Newline, self.at + 2),
            c if is_newline(c) => single(TokenKind::Newline),
            c if is_space(c) => (TokenKind::Space, self.run(self.at, is_space)),
            '/' if rest.starts_with("//") => (TokenKind::LineComment, self.line_end(self.at)),
            '/' if rest.starts_with("/*") => self.block_comment(self.at),
            '/' if rest.starts_with("/-") => (TokenKind::SlashDash, self.at + 2),
            '\\' => self.continuation(self.at).unwrap_or_else(|| self.word()),
            '"' => self.quoted(0),
            '#' => {
                let hashes = rest.len() - rest.trim_start_matches('#').len();
                if rest[hashes..].starts_with('"') { self.quoted(hashes) } else { self.word() }
            }
            'r' => self.old_raw().unwrap_or_else(|| self.word()),
            c => self.foreign(c).unwrap_or_else(|| self.word()),
        }
    }

    fn old_raw(&self) -> Option<(TokenKind, usize)> {
        let rest = &self.rest()[1..];
        let body = rest.trim_start_matches('#').strip_prefix('"')?;
        let hashes = rest.len() - body.len() - 1;
        let start = self.at + 2 + hashes;
        let closing = format!("\"{}", "#".repeat(hashes));
        Some(match self.text[start..self.line_end(start)].find(&closing) {
            Some(at) => (TokenKind::OldRaw { hashes, closed: true }, start + at + closing.len()),
            None => (TokenKind::OldRaw { hashes, closed: false }, self.line_end(start)),
        })
    }

    /// The end of the characters from `from` that satisfy `keep`.
    fn run(&self, from: usize, keep: impl Fn(char) -> bool) -> usize {
        self.text[from..].find(|c| !keep(c)).map_or(self.text.len(), |length| from + length)
    }

    fn line_end(&self, from: usize) -> usize {
        self.run(from, |c| !is_newline(c))
    }

    fn block_comment(&self, start: usize) -> (TokenKind, usize) {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (start, 0usize);
        while at + 1 < bytes.len() {
            match &bytes[at..at + 2] {
                b"/*" => {
                    depth += 1;
                    at += 2;
                }
                b"*/" => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return (TokenKind::BlockComment { closed: true }, at);
                    }
                }
                _ => at += 1,
            }
        }
        (TokenKind::BlockComment { closed: false }, self.text.len())
    }

    fn continuation(&self, start: usize) -> Option<(TokenKind, usize)> {
        let mut at = self.run(start + 1, is_space);
        while self.text[at..].starts_with("/*") {
            let (TokenKind::BlockComment { closed: true }, end) = self.block_comment(at) else { return None };
            at = self.run(end, is_space);
        }
        if self.text[at..].starts_with("//") {
            at = self.line_end(at);
        }
        let rest = &self.text[at..];
        let newline = if rest.starts_with("\r\n") {
            2
        } else {
            match rest.chars().next() {
                None => 0,
                Some(c) if is_newline(c) => c.len_utf8(),
                Some(_) => return None,
            }
        };
        Some((TokenKind::Continuation, at + newline))
    }

    /// A string in double quotes, after `hashes` of `#`. Without a closing quote a one-line string ends with its line.
    fn quoted(&self, hashes: usize) -> (TokenKind, usize) {
        let open = self.at + hashes;
        let multiline = self.text[open..].starts_with("\"\"\"");
        let quote = if multiline { "\"\"\"" } else { "\"" };
        let closing = format!("{quote}{}", "#".repeat(hashes));
        let mut at = open + quote.len();
        let ended = |closed, end| (TokenKind::Quoted { hashes, multiline, closed }, end);
        while let Some(c) = self.text[at..].chars().next() {
            if self.text[at..].starts_with(&closing) {
                return ended(true, at + closing.len());
            }
            if !multiline && is_newline(c) {
                return ended(false, at);
            }
            at += c.len_utf8();
            if hashes == 0 && c == '\\' {
                let blank = self.run(at, |c| is_space(c) || is_newline(c));
                // A backslash before blanks swallows them, line breaks too; else it escapes one character.
                at = if blank > at { blank } else { at + self.text[at..].chars().next().map_or(0, char::len_utf8) };
            }
        }
        ended(false, self.text.len())
    }

    /// A string in somebody else's quotation marks, closed on the same line and followed by a delimiter.
    fn foreign(&self, first: char) -> Option<(TokenKind, usize)> {
        let (_, closing) = FOREIGN_QUOTES.iter().find(|(open, _)| *open == first)?;
        let body = self.at + first.len_utf8();
        let line = &self.text[body..self.line_end(body)];
        line.char_indices().filter(|(_, c)| closing.contains(c)).find_map(|(at, c)| {
            let end = body + at + c.len_utf8();
            self.text[end..].chars().next().is_none_or(is_delimiter).then_some((TokenKind::Foreign, end))
        })
    }

    fn word(&self) -> (TokenKind, usize) {
        let rest = self.rest();
        let mut path = false;
        for (at, c) in rest.char_indices() {
            let here = &rest[at..];
            // `https://host` is meant as one word, though KDL sees a comment in it; so is `/var/*`.
            let comment = if here.starts_with("/*") {
                !path && here[2..here.find(is_newline).unwrap_or(here.len())].contains("*/")
            } else {
                here.starts_with("//") && !rest[..at].ends_with(':')
            };
            let continued = c == '\\' && self.continuation(self.at + at).is_some();
            if at > 0 && (is_delimiter(c) || comment || continued) {
                return (TokenKind::Word, self.at + at);
            }
            path |= c == '/' || c == '~';
        }
        (TokenKind::Word, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        lex(text).into_iter().filter(|t| t.kind != TokenKind::Space).map(|t| (t.kind, &text[t.range()])).collect()
    }

    #[test]
    fn a_line_becomes_its_words_and_punctuation() {
        use TokenKind::*;
        let quoted = Quoted { hashes: 0, multiline: false, closed: true };
        assert_eq!(
            kinds("take \"a b\" k=(env)X { } // end"),
            [
                (Word, "take"),
                (quoted, "\"a b\""),
                (Word, "k"),
                (Equals, "="),
                (ParenOpen, "("),
                (Word, "env"),
                (ParenClose, ")"),
                (Word, "X"),
                (BraceOpen, "{"),
                (BraceClose, "}"),
                (LineComment, "// end"),
            ]
        );
    }

    #[test]
    fn strings_end_where_kdl_ends_them() {
        for text in [r#""a\"b""#, r##"#"a"b"#"##, "\"\"\"\n a\n \"\"\"", "\"a \\\n   b\"", r####"##"x"#"##"####] {
            let tokens = lex(text);
            assert_eq!(tokens.len(), 1, "{text} {tokens:?}");
            assert!(matches!(tokens[0].kind, TokenKind::Quoted { closed: true, .. }), "{text}");
        }
        let open = Quoted { hashes: 0, multiline: false, closed: false };
        use TokenKind::*;
        assert_eq!(kinds("a \"b c\nd"), [(Word, "a"), (open, "\"b c"), (Newline, "\n"), (Word, "d")]);
    }

    #[test]
    fn bare_addresses_and_paths_stay_whole() {
        use TokenKind::*;
        assert_eq!(kinds("https://host/x y"), [(Word, "https://host/x"), (Word, "y")]);
        assert_eq!(kinds("/var/*\n"), [(Word, "/var/*"), (Newline, "\n")]);
        assert_eq!(kinds("a//b"), [(Word, "a"), (LineComment, "//b")]);
        assert_eq!(kinds("'a b' it's"), [(Foreign, "'a b'"), (Word, "it's")]);
        assert_eq!(kinds("“a b”"), [(Foreign, "“a b”")]);
    }

    proptest! {
        #[test]
        fn tokens_tile_every_text(text in r##"([ \n\r"#/*\\'{}()=;a-zé“”\-]|\PC){0,60}"##) {
            let tokens = lex(&text);
            let mut at = 0;
            for token in &tokens {
                prop_assert_eq!(token.start, at);
                prop_assert!(token.end > token.start && text.is_char_boundary(token.end));
                at = token.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
