//! Files that lie in pieces of older chunks: only put together do they show that
//! they are what was backed up.

use super::contents::{Chunk, FrameTables};
use super::{Findings, VerifyRequest, in_parallel, is_sampled};
use crate::archive::{ArchiveTable, Content, Extent, FormatError};
use crate::repository::restore::ContentReader;
use crate::repository::{Catalogue, RepositoryError, cpu_threads};
use crate::stores::{StoreError, StoreErrorKind};
use std::sync::atomic::Ordering;

/// Files that one thread reads in a row: they lie close together, so frames are read once.
const FILES_A_TURN: usize = 256;

/// A file of more than one chunk, or of a part of one.
pub(super) struct Pieced {
    pub(super) layer: String,
    pub(super) path: Vec<u8>,
    pub(super) content: Content,
}

/// Puts together and hashes all files that are not made of whole chunks (`chunks`,
/// sorted, are hashed already).
pub(super) fn verify(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    table: &ArchiveTable,
    chunks: &[Chunk],
    frames: &FrameTables,
    mut files: Vec<Pieced>,
    findings: &Findings<'_>,
) -> Result<(), RepositoryError> {
    files.retain(|file| {
        let is_whole = file.content.extents.iter().all(|extent| is_made_of_chunks(*extent, chunks, frames));
        !is_whole && is_sampled(request, &file.content.hash.to_hex(), 0)
    });
    // Each thread keeps frames, and the work is decompressing and hashing.
    let threads = cpu_threads(request.threads);
    let turns: Vec<&[Pieced]> = files.chunks(FILES_A_TURN).collect();
    in_parallel(
        request,
        threads,
        turns.len(),
        || ContentReader::new(catalogue, table),
        |reader, at| {
            for file in turns[at] {
                if request.cancel.is_cancelled() {
                    return Err(RepositoryError::Cancelled);
                }
                let read = reader.read(&file.content, |bytes| {
                    request.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    Ok(())
                });
                match read {
                    Ok(true) => findings.add(|found| found.pieced_files += 1),
                    Ok(false) => {
                        let path = crate::files::display_path(&file.path);
                        let detail = format!("`{path}`, put together from its pieces, is not what was backed up");
                        let error = FormatError::corrupt("the manifest", detail);
                        findings.failed(
                            &file.layer,
                            &[],
                            RepositoryError::object(catalogue.store(), &file.layer, error),
                        )?;
                    }
                    // Its archive was read before: it is named already, with the snapshots that need it.
                    Err(RepositoryError::Object { source, .. }) if source.is_damage() => {}
                    Err(RepositoryError::Store(StoreError {
                        kind: StoreErrorKind::Archived | StoreErrorKind::NotFound,
                        ..
                    })) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        },
    )
}

/// Whether an extent is whole chunks, one after the other.
fn is_made_of_chunks(extent: Extent, chunks: &[Chunk], frames: &FrameTables) -> bool {
    let Extent::Stored { archive, offset, length } = extent else { return true };
    let mut at = offset;
    let end = offset.saturating_add(length);
    while at < end {
        let from = chunks.partition_point(|chunk| (chunk.archive, chunk.offset) < (archive, at));
        let here = chunks[from..].iter().take_while(|chunk| (chunk.archive, chunk.offset) == (archive, at));
        // A file that lies in several frames is listed as one chunk too, but not hashed as one.
        let chunk = here.into_iter().find(|chunk| chunk.length <= end - at && chunk.is_in_one_frame(frames));
        let Some(chunk) = chunk else { return false };
        at += chunk.length;
    }
    true
}
