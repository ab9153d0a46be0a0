//! The bytes of archives, frame by frame, against the hashes of the chunks in them.

use super::pieces::{self, Pieced};
use super::{Findings, Needed, VerifyOutcome, VerifyRequest, in_parallel, is_sampled};
use crate::archive::{ArchiveTable, Extent, FormatError, limits};
use crate::base::ContentHash;
use crate::repository::restore::{frame_table, open_frames};
use crate::repository::{Catalogue, RepositoryError, io_threads, layout};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;

/// A chunk and where it must lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chunk {
    pub(super) archive: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
    hash: ContentHash,
}

impl Chunk {
    pub(super) fn is_in_one_frame(&self, tables: &FrameTables) -> bool {
        let Some(table) = tables.get(&self.archive) else { return false };
        self.length > 0 && table.at(self.offset) == table.at(self.offset.saturating_add(self.length - 1))
    }
}

pub(super) fn verify(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    objects: &[Needed],
    outcome: &mut VerifyOutcome,
) -> Result<(), RepositoryError> {
    let findings = Findings::default();
    let mut table = ArchiveTable::default();
    let mut chunks = Vec::new();
    let mut pieced = Vec::new();
    let mut layers = BTreeSet::new();
    for info in request.snapshots {
        let id = [info.run.to_string()];
        let snapshot = match catalogue.load(info) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                findings.failed(&info.name, &id, error)?;
                continue;
            }
        };
        for layer in &snapshot.layers {
            if !layers.insert(layer.object.clone()) {
                continue;
            }
            let one = crate::archive::Snapshot { layers: vec![layer.clone()], ..snapshot.clone() };
            if let Err(error) = gather(catalogue, &one, &mut table, &mut chunks, &mut pieced) {
                findings.failed(&layer.object, &id, error)?;
            }
        }
    }
    let archives: HashMap<&str, &[String]> = objects
        .iter()
        .filter(|(object, _)| object.name.starts_with(layout::ARCHIVES))
        .map(|(object, snapshots)| (object.name.as_str(), &snapshots[..]))
        .collect();
    for (name, snapshots) in &archives {
        let place = table.place(name);
        match catalogue.index_of_archive(name) {
            Ok(index) => chunks.extend(
                index
                    .archives
                    .iter()
                    .filter(|listed| listed.name == **name)
                    .flat_map(|listed| &listed.chunks)
                    .map(|row| Chunk { archive: place, offset: row.offset, length: row.length, hash: row.hash }),
            ),
            Err(error) => findings.failed(name, snapshots, error)?,
        }
    }
    chunks.sort_unstable();
    chunks.dedup();
    let (frames, tables) = frames_to_read(catalogue, request, &archives, &mut table, &findings)?;
    let reads: Vec<&[(u32, usize)]> = frames.chunks(FRAMES_A_TURN).collect();
    in_parallel(request, io_threads(request.threads), reads.len(), |at| {
        let mut reader = None;
        for &(archive, frame) in reads[at] {
            if request.cancel.is_cancelled() {
                return Err(RepositoryError::Cancelled);
            }
            let name = table.name(archive).unwrap_or_default();
            let snapshots = archives.get(name).copied().unwrap_or_default();
            let frame_table = &tables[&archive];
            let mut read = || -> Result<Vec<u8>, RepositoryError> {
                if reader.as_ref().is_none_or(|(opened, _)| *opened != archive) {
                    reader = Some((archive, open_frames(catalogue, name)?));
                }
                let Some((_, reader)) = &mut reader else {
                    return Err(RepositoryError::Internal("no archive is open".to_owned()));
                };
                reader.read(frame_table, frame).map_err(|error| RepositoryError::object(catalogue.store(), name, error))
            };
            match read() {
                Ok(bytes) => {
                    let (good, bad) = check_frame(&chunks, archive, frame_table.start(frame), &bytes);
                    request.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    findings.add(|findings| {
                        findings.bytes += bytes.len() as u64;
                        findings.chunks += good;
                    });
                    if bad > 0 {
                        let error = FormatError::corrupt(
                            "the archive",
                            format!("{bad} chunks of frame {frame} have other bytes than were written"),
                        );
                        findings.failed(name, snapshots, RepositoryError::object(catalogue.store(), name, error))?;
                    }
                }
                Err(error) => findings.failed(name, snapshots, error)?,
            }
        }
        Ok(())
    })?;
    if request.only_run.is_none() {
        pieces::verify(catalogue, request, &table, &chunks, &tables, pieced, &findings)?;
    }
    outcome.objects_read += archives.len() as u64;
    findings.merge(outcome);
    // One damaged frame is enough to name an archive.
    outcome.problems.sort_by(|a, b| (&a.object, &a.problem).cmp(&(&b.object, &b.problem)));
    outcome.problems.dedup_by(|a, b| a.object == b.object && a.problem == b.problem);
    Ok(())
}

/// Frames that one thread reads in a row, so that an archive is not opened for each.
const FRAMES_A_TURN: usize = 8;

/// Reads a layer and notes the content of files, be they one chunk or more.
fn gather(
    catalogue: &Catalogue<'_>,
    layer: &crate::archive::Snapshot,
    table: &mut ArchiveTable,
    chunks: &mut Vec<Chunk>,
    pieced: &mut Vec<Pieced>,
) -> Result<(), RepositoryError> {
    let mut rows = catalogue.entries(layer, table)?;
    let name = &layer.layers[0].object;
    while let Some(row) = rows.next_row().map_err(|error| RepositoryError::object(catalogue.store(), name, error))? {
        let crate::archive::Row::Entry(entry) = row else { continue };
        let Some(content) = entry.content else { continue };
        if let [Extent::Stored { archive, offset, length }] = content.extents[..] {
            chunks.push(Chunk { archive, offset, length, hash: content.hash });
        }
        let is_chunk = content.extents.len() == 1 && entry.size <= limits::WHOLE_FILE_BYTES;
        if !is_chunk {
            pieced.push(Pieced { layer: name.clone(), path: entry.path, content });
        }
    }
    Ok(())
}

pub(super) type FrameTables = HashMap<u32, std::sync::Arc<crate::archive::FrameTable>>;

/// The frames that are in the sample, in order; at least one where there is any.
fn frames_to_read(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    archives: &HashMap<&str, &[String]>,
    table: &mut ArchiveTable,
    findings: &Findings,
) -> Result<(Vec<(u32, usize)>, FrameTables), RepositoryError> {
    let (mut all, mut chosen, mut tables) = (Vec::new(), Vec::new(), HashMap::new());
    let sorted: BTreeMap<_, _> = archives.iter().collect();
    for (name, snapshots) in sorted {
        let frames = match frame_table(catalogue, name) {
            Ok(frames) => frames,
            Err(error) => {
                findings.failed(name, snapshots, error)?;
                continue;
            }
        };
        let place = table.place(name);
        for frame in 0..frames.len() {
            all.push((place, frame));
            if is_sampled(request, name, frame as u64) {
                chosen.push((place, frame));
            }
        }
        tables.insert(place, frames);
    }
    if chosen.is_empty() && !all.is_empty() {
        chosen.push(all[(request.seed % all.len() as u64) as usize]);
    }
    Ok((chosen, tables))
}

/// How many chunks that lie whole in a frame hash right, and how many do not.
fn check_frame(chunks: &[Chunk], archive: u32, start: u64, bytes: &[u8]) -> (u64, u64) {
    let end = start + bytes.len() as u64;
    let from = chunks.partition_point(|chunk| (chunk.archive, chunk.offset) < (archive, start));
    let (mut good, mut bad) = (0, 0);
    for chunk in chunks[from..].iter().take_while(|chunk| chunk.archive == archive && chunk.offset < end) {
        if chunk.offset + chunk.length > end {
            // A file of several chunks: each of those stands in the index.
            continue;
        }
        let at = (chunk.offset - start) as usize;
        let right = ContentHash::of(&bytes[at..at + chunk.length as usize]) == chunk.hash;
        *(if right { &mut good } else { &mut bad }) += 1;
    }
    (good, bad)
}
