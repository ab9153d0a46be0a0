//! The texts that are open in the editor.

use super::place::{offset, path_of};
use crate::diagnostics::LineIndex;
use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri, VersionedTextDocumentIdentifier};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Document {
    /// As the editor spells it.
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: Arc<str>,
}

/// Cheap to clone: what the checking thread works on.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<PathBuf, Document>,
}

impl Documents {
    /// Where the document is.
    pub(super) fn open(&mut self, item: TextDocumentItem) -> PathBuf {
        let path = path_of(&item.uri);
        let document = Document { uri: item.uri, version: item.version, text: item.text.into() };
        self.open.insert(path.clone(), document);
        path
    }

    /// Makes changes in the order given. `None`: the document is not open.
    pub(super) fn change(
        &mut self,
        which: &VersionedTextDocumentIdentifier,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) -> Option<PathBuf> {
        let path = path_of(&which.uri);
        let document = self.open.get_mut(&path)?;
        document.version = which.version;
        for change in changes {
            let Some(range) = change.range else {
                document.text = change.text.into();
                continue;
            };
            let index = LineIndex::new(&document.text);
            let (start, end) = (offset(&index, range.start), offset(&index, range.end));
            let mut text = document.text.to_string();
            text.replace_range(start.min(end)..start.max(end), &change.text);
            document.text = text.into();
        }
        Some(path)
    }

    pub(super) fn close(&mut self, uri: &Uri) -> Option<PathBuf> {
        let path = path_of(uri);
        self.open.remove(&path).map(|_| path)
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Document> {
        self.open.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &Document)> {
        self.open.iter().map(|(path, document)| (path.as_path(), document))
    }

    pub(super) fn version(&self, path: &Path) -> Option<i32> {
        self.get(path).map(|document| document.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::{Position, Range};

    fn change(range: Option<(u32, u32, u32, u32)>, text: &str) -> TextDocumentContentChangeEvent {
        let range = range.map(|(a, b, c, d)| Range::new(Position::new(a, b), Position::new(c, d)));
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn changes_are_made_in_order_and_count_utf16_units() {
        let uri: Uri = "file:///x.kdl".parse().expect("it is an address");
        let mut documents = Documents::default();
        let path = documents.open(TextDocumentItem::new(uri.clone(), "kdl".to_owned(), 1, "a\n".to_owned()));
        let which = VersionedTextDocumentIdentifier::new(uri.clone(), 2);
        let changes = vec![
            change(None, "x \"𝄞é\" y\nz\n"),
            change(Some((0, 8, 0, 9)), "𝄞"),
            change(Some((0, 10, 1, 1)), "!"),
            // Backwards and far beyond the end: still no panic.
            change(Some((9, 9, 1, 0)), "end"),
        ];
        documents.change(&which, changes).expect("it is open");
        let document = documents.get(&path).expect("it is open");
        assert_eq!((document.version, &*document.text), (2, "x \"𝄞é\" 𝄞!\nend"));
        assert_eq!(documents.close(&uri), Some(path));
        assert_eq!(documents.change(&which, Vec::new()), None);
    }
}
