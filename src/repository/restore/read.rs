use super::job::{frame_table, open_frames};
use crate::archive::{ArchiveTable, Entry, Extent, FormatError, zeros};
use crate::base::ContentHash;
use crate::repository::{Catalogue, RepositoryError};
use std::io::Write;

/// Writes a file's content to `output`, front to back.
///
/// # Errors
/// Where the content is damaged; what was written until then is to be thrown
/// away. An error of `output` itself is [`RepositoryError::Target`].
pub fn read_file(
    catalogue: &Catalogue<'_>,
    entry: &Entry,
    archives: &ArchiveTable,
    output: &mut dyn Write,
) -> Result<(), RepositoryError> {
    let Some(content) = &entry.content else { return Ok(()) };
    let mut hasher = blake3::Hasher::new();
    let mut open = None;
    let mut emit = |bytes: &[u8]| {
        hasher.update(bytes);
        output.write_all(bytes).map_err(|error| RepositoryError::Target(error.to_string()))
    };
    for extent in &content.extents {
        let (archive, offset, length) = match *extent {
            Extent::Hole { length } => {
                for piece in zeros(length) {
                    emit(piece)?;
                }
                continue;
            }
            Extent::Stored { archive, offset, length } => (archive, offset, length),
        };
        let name = archives.name(archive).unwrap_or_default();
        let failed = |error| RepositoryError::object(catalogue.store(), name, error);
        if open.as_ref().is_none_or(|(opened, _, _)| *opened != archive) {
            open = Some((archive, frame_table(catalogue, name)?, open_frames(catalogue, name)?));
        }
        let Some((_, table, reader)) = &mut open else { continue };
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let beyond = || failed(FormatError::corrupt("a manifest", "a file lies beyond the end of its archive"));
            let frame = table.at(at).ok_or_else(beyond)?;
            let bytes = reader.read(table, frame).map_err(failed)?;
            let from = (at - table.start(frame)) as usize;
            let count = (bytes.len() - from).min(usize::try_from(end - at).unwrap_or(usize::MAX));
            emit(&bytes[from..from + count])?;
            at += count as u64;
        }
    }
    if ContentHash(*hasher.finalize().as_bytes()) != content.hash {
        let error = FormatError::corrupt("a file", "its content does not hash to what was backed up");
        return Err(RepositoryError::object(catalogue.store(), &crate::files::display_path(&entry.path), error));
    }
    Ok(())
}
