//! Expansion: variables whose values the text tells are replaced, and what
//! only a run can tell is named.

use super::parse;
use super::token::{Piece, RawWord};
use super::word::{Part, TEMPORARY, Word};
use std::collections::HashMap;

/// The value of a variable: one word, or the words of a list.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Word(Word),
    List(Vec<Word>),
}

/// What the script has set so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(HashMap<String, Value>);

/// Words that one word can become.
const MAX_WORDS: usize = 1_000;

impl Variables {
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// All variables that are one word.
    pub fn words(&self) -> impl Iterator<Item = (&str, &Word)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Word(word) => Some((name.as_str(), word)),
            Value::List(_) => None,
        })
    }

    /// The words that a word becomes: several if it is a list, or unquoted and holds spaces; none if it is nothing.
    pub fn expand(&self, raw: &RawWord) -> Vec<Word> {
        let mut words = Vec::new();
        let mut word = Word::new(raw.line);
        let mut has_any = false;
        for piece in &raw.pieces {
            match piece {
                Piece::Variable { name, whole_list: true, .. } => {
                    let list = match self.get(name) {
                        Some(Value::List(list)) => list.clone(),
                        Some(Value::Word(one)) => vec![one.clone()],
                        None => vec![unknown(name, raw.line)],
                    };
                    for (at, item) in list.into_iter().enumerate() {
                        if at > 0 && words.len() < MAX_WORDS {
                            words.push(std::mem::replace(&mut word, Word::new(raw.line)));
                        }
                        append(&mut word, &item);
                        has_any = true;
                    }
                }
                // Unquoted, a value is split at its spaces.
                Piece::Variable { name, quoted: false, .. }
                    if self.text(name).is_some_and(|text| text.contains(char::is_whitespace)) =>
                {
                    let text = self.text(name).unwrap_or_default().to_owned();
                    for (at, part) in text.split_whitespace().enumerate() {
                        if at > 0 && words.len() < MAX_WORDS {
                            words.push(std::mem::replace(&mut word, Word::new(raw.line)));
                        }
                        word.push(Part::Text(part.to_owned()));
                        has_any = true;
                    }
                }
                piece => {
                    let before = word.parts.len();
                    self.append_piece(piece, raw.line, &mut word);
                    let is_quoted =
                        matches!(piece, Piece::Text { quoted: true, .. } | Piece::Variable { quoted: true, .. });
                    has_any |= is_quoted || word.parts.len() > before || !word.is_empty();
                }
            }
        }
        if has_any {
            words.push(word);
        }
        words
    }

    /// The word that is assigned or redirected to: never split.
    pub fn one(&self, raw: &RawWord) -> Word {
        let mut word = Word::new(raw.line);
        for piece in &raw.pieces {
            self.append_piece(piece, raw.line, &mut word);
        }
        word
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Word(word) => word.text(),
            Value::List(_) => None,
        }
    }

    fn append_piece(&self, piece: &Piece, line: usize, word: &mut Word) {
        match piece {
            Piece::Text { text, .. } => word.push(Part::Text(text.clone())),
            Piece::Opaque { name } => word.push(Part::Unknown(name.clone())),
            Piece::Output { command } => word.push(self.output(command, line)),
            Piece::Variable { name, otherwise, .. } => {
                if is_secret_name(name) {
                    word.push(Part::Secret(name.clone()));
                    return;
                }
                match (self.get(name), otherwise) {
                    (Some(Value::Word(value)), _) => append(word, value),
                    (Some(Value::List(list)), _) => {
                        if let Some(first) = list.first() {
                            append(word, first);
                        }
                    }
                    (None, Some(otherwise)) => {
                        // `${NAME:-/var/$OTHER}`: as a word of its own.
                        let inner = parse::words(otherwise, line);
                        for (at, inner) in inner.iter().enumerate() {
                            if at > 0 {
                                word.push(Part::Text(" ".to_owned()));
                            }
                            // Not expanded again: an end to what a script could nest.
                            for piece in &inner.pieces {
                                match piece {
                                    Piece::Variable { name, otherwise: None, .. } if !is_secret_name(name) => {
                                        match self.get(name) {
                                            Some(Value::Word(value)) => append(word, value),
                                            _ => append(word, &unknown(name, line)),
                                        }
                                    }
                                    Piece::Text { text, .. } => word.push(Part::Text(text.clone())),
                                    _ => word.push(Part::Unknown(name.clone())),
                                }
                            }
                        }
                    }
                    (None, None) => append(word, &unknown(name, line)),
                }
            }
        }
    }

    /// What a substitution's output is, as far as its first words tell.
    fn output(&self, command: &str, line: usize) -> Part {
        let words: Vec<Word> = parse::words(command, line).iter().map(|word| self.one(word)).collect();
        let texts: Vec<Option<&str>> = words.iter().map(Word::text).collect();
        match &texts[..] {
            [Some("date"), ..] => Part::Date,
            [Some("mktemp"), ..] => Part::Text(format!("{TEMPORARY}{line}")),
            [Some("hostname"), ..] | [Some("uname"), Some("-n")] => Part::Host,
            [Some("basename"), Some(path)] => Part::Text(last_component(path).to_owned()),
            [Some("basename"), Some(path), Some(suffix)] => {
                let last = last_component(path);
                Part::Text(last.strip_suffix(suffix).unwrap_or(last).to_owned())
            }
            [Some("dirname"), Some(path)] if path.contains('/') => {
                Part::Text(path.trim_end_matches('/').rsplit_once('/').map_or("/", |(folder, _)| folder).to_owned())
            }
            [Some("echo"), Some(text)] if !command.contains('|') => Part::Text((*text).to_owned()),
            _ => Part::Output(command.to_owned()),
        }
    }
}

fn last_component(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn append(word: &mut Word, value: &Word) {
    for part in &value.parts {
        word.push(part.clone());
    }
}

fn unknown(name: &str, line: usize) -> Word {
    let part = match name {
        "HOME" => Part::Text("~".to_owned()),
        "HOSTNAME" | "HOST" => Part::Host,
        _ => Part::Unknown(name.to_owned()),
    };
    Word { parts: vec![part], line }
}

/// Whether a variable's name says that its value is a secret.
pub(in crate::import) fn is_secret_name(name: &str) -> bool {
    const SECRET: [&str; 10] =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL", "CREDENTIALS"];
    // Where the secret is found is none.
    const PLACE: [&str; 6] = ["FILE", "PATH", "COMMAND", "DIR", "NAME", "CMD"];
    let name = name.to_ascii_uppercase();
    let parts: Vec<&str> = name.split('_').collect();
    let is_place = parts.last().is_some_and(|last| PLACE.contains(last)) || matches!(name.as_str(), "PWD" | "OLDPWD");
    let is_secret_key =
        ["ACCESS_KEY", "ACCOUNT_KEY", "API_KEY", "SECRET_KEY", "APPLICATION_KEY", "ENCRYPTION_KEY", "PRIVATE_KEY"]
            .iter()
            .any(|key| name.ends_with(key))
            || name == "B2_ACCOUNT_KEY";
    !is_place && (is_secret_key || parts.iter().any(|part| SECRET.contains(part)) || name.ends_with("PASSWORD"))
}
