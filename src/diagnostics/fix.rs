use super::{Diagnostic, SourceFiles, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Replaces the text of `span`; an empty span inserts, an empty text deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// A change that puts a diagnostic right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an editor's menu would say: ``replace with `exclude` ``.
    pub title: String,
    /// Do not overlap; all or none are made.
    pub edits: Vec<Edit>,
}

impl Fix {
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { title: format!("replace with `{text}`"), edits: vec![Edit { span, text }] }
    }

    pub fn insert(span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        let at = Span { end: span.start, ..span };
        Self { title: format!("insert `{}`", text.trim()), edits: vec![Edit { span: at, text }] }
    }

    pub fn delete(span: Span, what: &str) -> Self {
        Self { title: format!("remove {what}"), edits: vec![Edit { span, text: String::new() }] }
    }
}

/// The texts after fixing, and how many fixes that took.
#[derive(Clone, Debug)]
pub struct FixOutcome {
    /// Only the files that changed, by their place in the [`SourceFiles`].
    pub changed: BTreeMap<super::FileId, Arc<str>>,
    pub applied: usize,
    /// Overlapped with one before it; a second round may take them.
    pub skipped: usize,
}

/// Every fix that does not overlap with one before it, in the order given.
pub fn compatible_fixes(diagnostics: &[Diagnostic]) -> Vec<&Fix> {
    let mut taken: Vec<&Fix> = Vec::new();
    for fix in diagnostics.iter().filter_map(|d| d.fix.as_ref()) {
        let mut edits = taken.iter().flat_map(|fix| &fix.edits);
        if !edits.any(|other| fix.edits.iter().any(|edit| clash(edit.span, other.span))) {
            taken.push(fix);
        }
    }
    taken
}

/// Makes every fix that does not overlap with one before it, in the order given.
pub fn apply_fixes(files: &SourceFiles, diagnostics: &[Diagnostic]) -> FixOutcome {
    let fixes = compatible_fixes(diagnostics);
    let applied = fixes.len();
    let skipped = diagnostics.iter().filter(|diagnostic| diagnostic.fix.is_some()).count() - applied;
    let mut taken: Vec<&Edit> = fixes.into_iter().flat_map(|fix| &fix.edits).collect();
    // From the end of each file to its start, so that earlier spans stay right.
    taken.sort_by_key(|edit| (edit.span.file, std::cmp::Reverse(edit.span.start)));
    let mut changed: BTreeMap<_, String> = BTreeMap::new();
    for edit in taken {
        let text = changed.entry(edit.span.file).or_insert_with(|| files.get(edit.span.file).text.to_string());
        text.replace_range(edit.span.range(), &edit.text);
    }
    let changed = changed.into_iter().map(|(file, text)| (file, text.into())).collect();
    FixOutcome { changed, applied, skipped }
}

/// Whether two edits touch the same text. Two insertions at one place do: their order would matter.
fn clash(a: Span, b: Span) -> bool {
    let (start, end) = (a.start.max(b.start), a.end.min(b.end));
    a.file == b.file && (start < end || (start == end && (a.is_empty() || b.is_empty())))
}
