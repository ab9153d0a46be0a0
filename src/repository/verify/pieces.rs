//! Files that lie in pieces of older chunks: only put together do they show that
//! they are what was backed up.

use super::contents::{Chunk, FrameTables};
use super::{Findings, VerifyRequest, is_sampled};
use crate::archive::{Content, Extent, FormatError};
use crate::repository::restore::ContentReader;
use crate::repository::{RepositoryError, go_on};
use crate::stores::{StoreError, StoreErrorKind};
use std::sync::atomic::Ordering;

/// The most files that one thread reads in a row: they lie close together, so frames are
/// read once.
const TURN_FILES: usize = 256;

/// And the bytes of them, unless it is one: no thread should have much more to do than others.
const TURN_BYTES: u64 = 64 << 20;

/// A file of more than one chunk, or of a part of one.
pub(super) struct Pieced {
    pub(super) layer: String,
    pub(super) path: Vec<u8>,
    pub(super) content: Content,
}

impl Pieced {
    fn bytes(&self) -> u64 {
        self.content.extents.iter().fold(0, |sum, extent| extent.length().saturating_add(sum))
    }
}

/// The files that are not made of whole chunks (`chunks`, sorted, are hashed by
/// themselves), in turns of one thread each, the largest first.
pub(super) fn turns(
    files: Vec<Pieced>,
    request: &VerifyRequest<'_>,
    chunks: &[Chunk],
    frames: &FrameTables,
) -> Vec<Vec<Pieced>> {
    let mut turns = vec![];
    let (mut turn, mut turn_bytes) = (vec![], 0u64);
    for file in files {
        let is_whole = file.content.extents.iter().all(|extent| is_made_of_chunks(*extent, chunks, frames));
        if is_whole || !is_sampled(request, &file.content.hash.to_hex(), 0) {
            continue;
        }
        turn_bytes = turn_bytes.saturating_add(file.bytes());
        turn.push(file);
        if turn.len() >= TURN_FILES || turn_bytes >= TURN_BYTES {
            turns.push((std::mem::take(&mut turn), std::mem::take(&mut turn_bytes)));
        }
    }
    if !turn.is_empty() {
        turns.push((turn, turn_bytes));
    }
    turns.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    turns.into_iter().map(|(turn, _)| turn).collect()
}

/// Puts together and hashes the files of a turn.
pub(super) fn verify(
    reader: &mut ContentReader<'_>,
    turn: &[Pieced],
    request: &VerifyRequest<'_>,
    findings: &Findings<'_>,
) -> Result<(), RepositoryError> {
    for file in turn {
        go_on(&request.cancel)?;
        let read = reader.read(&file.content, |bytes| {
            request.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            // A hole may be said to be as long as no disk is.
            go_on(&request.cancel)
        });
        match read {
            Ok(true) => findings.add(|found| found.pieced_files += 1),
            Ok(false) => {
                let path = crate::files::display_path(&file.path);
                let detail = format!("`{path}`, put together from its pieces, is not what was backed up");
                let error = FormatError::corrupt("the manifest", detail);
                let error = RepositoryError::object(findings.catalogue.store(), &file.layer, error);
                findings.failed(&file.layer, &[], error)?;
            }
            // Whoever reads the frame for itself names its archive, with the snapshots that need it.
            Err(error) if error.is_damage() => {}
            Err(RepositoryError::Store(StoreError {
                kind: StoreErrorKind::Archived | StoreErrorKind::NotFound,
                ..
            })) => {}
            Err(error) => findings.failed(&file.layer, &[], error)?,
        }
    }
    Ok(())
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
