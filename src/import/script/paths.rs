//! Paths as a script means them: relative to the folder that it is in.

use crate::import::shell::Word;

/// The working folder of a script; none once it has gone where only a run can tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder(Option<String>);

impl Folder {
    pub fn at(path: &str) -> Self {
        Self(Some(path.to_owned()))
    }

    pub fn enter(&mut self, word: &Word) {
        self.0 = self.absolute(word);
    }

    /// The path of a word; none if it is not known.
    pub fn absolute(&self, word: &Word) -> Option<String> {
        let text = word.as_place()?;
        if text.contains("{host}") {
            return None;
        }
        self.join(&text)
    }

    /// A known text as a path.
    pub fn join(&self, text: &str) -> Option<String> {
        let joined = if text.starts_with(['/', '~']) {
            text.to_owned()
        } else {
            let folder = self.0.as_ref()?;
            format!("{folder}/{text}")
        };
        Some(tidy(&joined))
    }

    /// A word as a pattern of paths.
    pub fn pattern(&self, word: &Word) -> String {
        let pattern = word.pattern();
        match &self.0 {
            Some(folder) if !pattern.starts_with(['/', '~', '*']) => tidy(&format!("{folder}/{pattern}")),
            _ => tidy(&pattern),
        }
    }
}

/// Without `.`, doubled and trailing slashes; `..` where it is plain what it means.
pub(in crate::import) fn tidy(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let start = if path.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

/// The folder before the first component that is a pattern, and whether there is one.
pub(in crate::import) fn before_pattern(path: &str) -> (String, bool) {
    match path.split('/').position(|part| part.contains(['*', '?', '['])) {
        None => (path.to_owned(), false),
        Some(at) => {
            let before = path.split('/').take(at).collect::<Vec<_>>().join("/");
            (if before.is_empty() && path.starts_with('/') { "/".to_owned() } else { before }, true)
        }
    }
}

/// The folder of a file.
pub(super) fn parent(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    Some(if folder.is_empty() { "/" } else { folder })
}

/// Whether `path` is `folder` or lies in it; both may be patterns.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
