//! Edits to several files, as the editor wants them.

use super::documents::Documents;
use super::place::{Places, uri_of};
use crate::diagnostics::Edit;
use lsp_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, WorkspaceEdit,
};
use std::collections::BTreeMap;

/// Whether the editor takes edits that name the version they were made for; else it gets them without.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Versioned(pub(super) bool);

/// Edits of one plan. `None`: a file has no address, so nothing can be changed in it.
pub(super) fn workspace_edit<'a>(
    edits: impl IntoIterator<Item = &'a Edit>,
    places: &Places<'_>,
    documents: &Documents,
    versioned: Versioned,
) -> Option<WorkspaceEdit> {
    let mut by_file: BTreeMap<_, Vec<TextEdit>> = BTreeMap::new();
    for edit in edits {
        let change = TextEdit::new(places.range(edit.span), edit.text.clone());
        by_file.entry(places.path(edit.span.file)).or_default().push(change);
    }
    from_files(by_file, documents, versioned)
}

/// Edits by the path of their file.
pub(super) fn from_files(
    by_file: BTreeMap<&std::path::Path, Vec<TextEdit>>,
    documents: &Documents,
    versioned: Versioned,
) -> Option<WorkspaceEdit> {
    let mut changes = Vec::new();
    for (path, edits) in by_file {
        let (uri, version) = match documents.get(path) {
            Some(document) => (document.uri.clone(), Some(document.version)),
            None => (uri_of(path)?, None),
        };
        changes.push((uri, version, edits));
    }
    if !versioned.0 {
        return Some(WorkspaceEdit::new(changes.into_iter().map(|(uri, _, edits)| (uri, edits)).collect()));
    }
    let changes = changes.into_iter().map(|(uri, version, edits)| TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    });
    Some(WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(changes.collect())),
        ..WorkspaceEdit::default()
    })
}
