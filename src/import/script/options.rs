//! Options of a command line, as most programs take them.

use crate::import::shell::Word;

/// How a program's options are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    /// Options that take the next word, without their dashes. Others are flags; `--x=y` is understood anyway.
    pub with_value: &'static [&'static str],
}

#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    values: Vec<(String, Word)>,
    flags: Vec<String>,
    pub positional: Vec<Word>,
}

impl Grammar {
    pub fn parse(&self, words: &[Word]) -> Options {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let first = word.starts_with("-") && word.text() != Some("-");
            if !first {
                options.positional.push(word.clone());
                continue;
            }
            if word.text() == Some("--") {
                options.positional.extend(words.by_ref().cloned());
                break;
            }
            let shown = word.pattern();
            let name = shown.trim_start_matches('-');
            if let Some((name, _)) = name.split_once('=') {
                let dashes = shown.len() - shown.trim_start_matches('-').len();
                if let Some(value) = word.strip_prefix(&shown[..dashes + name.len() + 1]) {
                    options.values.push((name.to_owned(), value));
                    continue;
                }
            }
            if self.with_value.contains(&name) {
                if let Some(value) = words.next() {
                    options.values.push((name.to_owned(), value.clone()));
                }
                continue;
            }
            // `-i/path`: a short option with its value behind it.
            let short = name.chars().next().map(|first| first.to_string()).unwrap_or_default();
            if !shown.starts_with("--")
                && name.len() > 1
                && self.with_value.contains(&short.as_str())
                && let Some(value) = word.strip_prefix(&format!("-{short}"))
            {
                options.values.push((short, value));
                continue;
            }
            options.flags.push(name.to_owned());
        }
        options
    }
}

impl Options {
    /// The last value of an option, by any of its names.
    pub fn value(&self, names: &[&str]) -> Option<&Word> {
        self.values.iter().rev().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value)
    }

    pub fn text(&self, names: &[&str]) -> Option<&str> {
        self.value(names).and_then(Word::text)
    }

    pub fn values<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Word> {
        self.values.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value)
    }

    /// Whether a flag is set; short ones may stand together (`-aAX`).
    pub fn flag(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|flag| names.contains(&flag.as_str()))
    }
}
