//! Addresses and paths, spans and ranges: the editor's way to say where, and ours.

use crate::diagnostics::{FileId, LineIndex, SourceFiles, Span};
use crate::language::normal;
use lsp_types::{Location, Position, Range, Uri};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The path of a `file:` address; any other address is its own path, so that a
/// text without a file (`untitled:Untitled-1`) has a place too.
pub(super) fn path_of(uri: &Uri) -> PathBuf {
    let is_file = uri.scheme().is_some_and(|scheme| scheme.as_str().eq_ignore_ascii_case("file"));
    if !is_file {
        return PathBuf::from(uri.as_str());
    }
    normal(&PathBuf::from(percent_decoded(uri.path().as_str())))
}

/// The `file:` address of an absolute path; of any other, the path as it is.
/// `None`: it is no address.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    if !path.is_absolute() {
        return Uri::from_str(path.to_str()?).ok();
    }
    let mut text = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    Uri::from_str(&text).ok()
}

fn percent_decoded(text: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(out)
}

/// A place in a text as the protocol counts it.
pub(super) fn position(index: &LineIndex<'_>, offset: usize) -> Position {
    let (line, column) = index.utf16(offset);
    Position::new(line as u32, column as u32)
}

/// The byte offset of a place; what lies behind the end of a line or the text is that end.
pub(super) fn offset(index: &LineIndex<'_>, position: Position) -> usize {
    index.offset_of_utf16(position.line as usize, position.character as usize)
}

pub(super) fn range(index: &LineIndex<'_>, bytes: std::ops::Range<usize>) -> Range {
    Range::new(position(index, bytes.start), position(index, bytes.end))
}

/// The files of one plan, with where their lines start and where they lie.
pub(super) struct Places<'a> {
    files: &'a SourceFiles,
    indexes: Vec<LineIndex<'a>>,
    /// By [`FileId`].
    paths: &'a [PathBuf],
}

impl<'a> Places<'a> {
    /// `paths`: the place of every file, in the order of `files`.
    pub(super) fn new(files: &'a SourceFiles, paths: &'a [PathBuf]) -> Self {
        let indexes = files.iter().map(|(_, file)| LineIndex::new(&file.text)).collect();
        Self { files, indexes, paths }
    }

    pub(super) fn path(&self, file: FileId) -> &'a Path {
        &self.paths[file.0 as usize]
    }

    pub(super) fn file(&self, path: &Path) -> Option<FileId> {
        self.paths.iter().position(|other| other == path).map(|index| FileId(index as u32))
    }

    pub(super) fn text(&self, file: FileId) -> &'a str {
        &self.files.get(file).text
    }

    pub(super) fn index(&self, file: FileId) -> &LineIndex<'a> {
        &self.indexes[file.0 as usize]
    }

    pub(super) fn range(&self, span: Span) -> Range {
        range(self.index(span.file), span.range())
    }

    pub(super) fn location(&self, span: Span) -> Option<Location> {
        Some(Location::new(uri_of(self.path(span.file))?, self.range(span)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_go_both_ways() {
        for path in ["/plans/home.kdl", "/a b/ñ/%41/ü#?.kdl", "/~x/-._", "untitled:Untitled-1"] {
            let uri = uri_of(Path::new(path)).expect("it is an address");
            assert_eq!(path_of(&uri), Path::new(path), "{}", uri.as_str());
        }
        let spelt_otherwise = Uri::from_str("FILE:///plans/./x/..//h%6fme.kdl").expect("it is an address");
        assert_eq!(path_of(&spelt_otherwise), Path::new("/plans/home.kdl"));
        let broken = Uri::from_str("file:///a%41").expect("it is an address");
        assert_eq!(path_of(&broken), Path::new("/aA"));
    }

    #[test]
    fn columns_count_utf16_units() {
        let text = "a \"é𝄞\" x\r\ny";
        let index = LineIndex::new(text);
        let x = text.find('x').expect("it is there");
        assert_eq!(position(&index, x), Position::new(0, 8));
        assert_eq!(offset(&index, Position::new(0, 8)), x);
        assert_eq!(offset(&index, Position::new(1, 99)), text.len());
        assert_eq!(offset(&index, Position::new(u32::MAX, u32::MAX)), text.len());
        assert_eq!(range(&index, 0..text.len()), Range::new(Position::new(0, 0), Position::new(1, 1)));
    }
}
