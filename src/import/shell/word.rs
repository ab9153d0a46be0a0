//! A word of a command after expansion, and what of it is not known.

/// One part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) enum Part {
    Text(String),
    /// The time of the run: `$(date …)`.
    Date,
    /// This machine's name: `$(hostname)`.
    Host,
    /// The value of a variable whose name says that it is a secret.
    Secret(String),
    /// Another program's output, its command as written.
    Output(String),
    /// Anything else that only a run can tell, such as the variable `$1`.
    Unknown(String),
}

/// A word, and the line that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) struct Word {
    pub parts: Vec<Part>,
    pub line: usize,
}

/// What `mktemp` makes is called so, and the line behind it: a name to compare, which exists nowhere.
pub(in crate::import) const TEMPORARY: &str = "/tmp/mktemp-";

/// The longest word that is followed; a longer one is the work of `A=$A$A`.
pub(super) const MAX_WORD_BYTES: usize = 32 << 10;

impl Word {
    pub fn new(line: usize) -> Self {
        Self { parts: Vec::new(), line }
    }

    pub fn of(text: &str, line: usize) -> Self {
        Self { parts: vec![Part::Text(text.to_owned())], line }
    }

    pub fn push(&mut self, part: Part) {
        let length: usize = self.parts.iter().map(Part::len).sum();
        if length + part.len() > MAX_WORD_BYTES {
            return;
        }
        match (self.parts.last_mut(), part) {
            (_, Part::Text(more)) if more.is_empty() => {}
            (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
            (_, part) => self.parts.push(part),
        }
    }

    /// The whole word, if all of it is known.
    pub fn text(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The word with `*` for what is not known: to compare with others, never to be written out as an argument.
    pub fn pattern(&self) -> String {
        self.map(|part| match part {
            Part::Text(text) => text.clone(),
            _ => "*".to_owned(),
        })
    }

    /// The word with dates left out and the host's name as a placeholder: none if more is unknown.
    pub fn as_place(&self) -> Option<String> {
        let is_known = self.parts.iter().all(|part| matches!(part, Part::Text(_) | Part::Date | Part::Host));
        is_known.then(|| {
            self.map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Host => "{host}".to_owned(),
                _ => "\0".to_owned(),
            })
            .split('/')
            .map(without_date)
            .filter(|component| component != "\0")
            .collect::<Vec<_>>()
            .join("/")
        })
    }

    /// The word for people: dates and the like as `…`, secrets not at all.
    pub fn shown(&self) -> String {
        self.map(|part| match part {
            Part::Text(text) => text.clone(),
            _ => "…".to_owned(),
        })
    }

    pub fn starts_with(&self, prefix: &str) -> bool {
        matches!(self.parts.first(), Some(Part::Text(text)) if text.starts_with(prefix))
    }

    /// The word after `prefix`.
    pub fn strip_prefix(&self, prefix: &str) -> Option<Self> {
        let Some(Part::Text(text)) = self.parts.first() else { return None };
        let rest = text.strip_prefix(prefix)?.to_owned();
        let mut parts = self.parts.clone();
        parts[0] = Part::Text(rest);
        if parts[0] == Part::Text(String::new()) {
            parts.remove(0);
        }
        Some(Self { parts, line: self.line })
    }

    pub fn has_secret(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Secret(_)))
    }

    pub fn is_empty(&self) -> bool {
        self.text() == Some("")
    }

    fn map(&self, text: impl Fn(&Part) -> String) -> String {
        self.parts.iter().map(text).collect()
    }
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Secret(text) | Self::Output(text) | Self::Unknown(text) => text.len(),
            Self::Date | Self::Host => 1,
        }
    }
}

/// A component of a path without its date and what joined it: `db_\0.sql` → `db.sql`.
fn without_date(component: &str) -> String {
    const JOINTS: [char; 3] = ['-', '_', '.'];
    if !component.contains('\0') || component == "\0" {
        return component.to_owned();
    }
    let mut kept = String::new();
    for part in component.split('\0') {
        if kept.is_empty() {
            kept.push_str(part.trim_start_matches(['-', '_']));
            continue;
        }
        if part.is_empty() || JOINTS.iter().any(|joint| part.starts_with(*joint)) {
            kept.truncate(kept.trim_end_matches(JOINTS).len());
        }
        kept.push_str(part);
    }
    kept
}

/// Whether `text` is one that `pattern` stands for, `*` being any text; a `*` in `text` is like any character.
pub(in crate::import) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(before: &str, after: &str) -> Word {
        Word { parts: vec![Part::Text(before.to_owned()), Part::Date, Part::Text(after.to_owned())], line: 1 }
    }

    #[test]
    fn places_lose_their_dates() {
        assert_eq!(dated("/backup/rpa_data_", ".tar.gz").as_place().unwrap(), "/backup/rpa_data.tar.gz");
        assert_eq!(dated("/backup/", "/x").as_place().unwrap(), "/backup/x");
        assert_eq!(dated("/backup/", "-db.sql").as_place().unwrap(), "/backup/db.sql");
        assert_eq!(dated("s3://bucket/incremental/", "/").as_place().unwrap(), "s3://bucket/incremental/");
    }

    #[test]
    fn patterns_are_compared_with_patterns() {
        assert!(matches_pattern("/b/*.tar.gz", "/b/data_*.tar.gz"));
        assert!(matches_pattern("/b/data_*.tar.gz", "/b/data_*.tar.gz"));
        assert!(!matches_pattern("/b/*.sql", "/b/data_*.tar.gz"));
        assert!(!matches_pattern("/b", "/b/x") && matches_pattern("*", "x"));
    }
}
