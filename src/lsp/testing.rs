//! What the unit tests stand on: worlds of open texts, and a mark for the cursor.

use super::analysis::World;
use super::documents::Documents;
use super::place::{offset, path_of, position};
use crate::diagnostics::LineIndex;
use lsp_types::{Position, TextDocumentItem, TextEdit, Uri, WorkspaceEdit};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Open texts over an empty disk.
pub(super) fn world(texts: &[(&str, &str)]) -> World {
    let mut documents = Documents::default();
    for (path, text) in texts {
        let uri: Uri = format!("file://{path}").parse().expect("it is an address");
        documents.open(TextDocumentItem::new(uri, "kdl".to_owned(), 1, (*text).to_owned()));
    }
    World { documents, disk: Arc::new(|_| Err(io::ErrorKind::NotFound.into())) }
}

/// The text without its `│`, and where that stood.
pub(super) fn cursor(marked: &str) -> (String, Position) {
    let at = marked.find('│').expect("the cursor is marked");
    let text = marked.replacen('│', "", 1);
    let position = position(&LineIndex::new(&text), at);
    (text, position)
}

/// The text after edits, which must not overlap.
pub(super) fn edited(text: &str, edits: &[TextEdit]) -> String {
    let index = LineIndex::new(text);
    let mut edits: Vec<_> = edits
        .iter()
        .map(|edit| (offset(&index, edit.range.start)..offset(&index, edit.range.end), &edit.new_text))
        .collect();
    edits.sort_by_key(|(range, _)| range.start);
    assert!(edits.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start), "edits do not overlap");
    let mut text = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        text.replace_range(range, new);
    }
    text
}

/// The texts that an edit without versions changes, as they are after it.
pub(super) fn after(edit: &WorkspaceEdit, world: &World) -> BTreeMap<PathBuf, String> {
    let changed = edit.changes.iter().flatten().map(|(uri, edits)| {
        let path = path_of(uri);
        let text = edited(&world.documents.get(&path).expect("only open texts are changed").text, edits);
        (path, text)
    });
    changed.collect()
}
