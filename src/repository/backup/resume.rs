//! Going on where a run that died had come to.
//!
//! A run that is cut off leaves archives in the store that no snapshot needs, and
//! a journal of them in local state. The next run *adopts* them: their rows
//! become a layer over the parent's manifest, so what they hold is neither
//! read nor stored again, and at its commit the run writes the indexes that they lack
//! and lists them among its own objects. Until then nothing in the store
//! names them: a run that dies while it goes on leaves a journal of both.

use super::parent::{Parent, whole_file};
use super::{BackupRequest, base_of};
use crate::archive::{LayerWriter, MergedRows, Row, StoredObject};
use crate::base::{ByteSize, ContentHash, RunId};
use crate::repository::delta::BlockKey;
use crate::repository::state::{
    ChunkPlace, Interrupted, Journal, JournalHead, LayerFile, LocalState, StoredArchive, short_id,
};
use crate::repository::{Repository, RepositoryError, layout};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::BufWriter;

/// What runs stored that never came to their end, as this run has taken it over.
pub(super) struct Adopted {
    pub(super) archives: Vec<StoredArchive>,
    /// Indexes of those runs that are in the store already; they list all of `archives` that those runs wrote.
    pub(super) indexes: Vec<StoredObject>,
    /// The local layer of their rows.
    pub(super) file: String,
    pub(super) rows: u64,
    /// The file of their block sums.
    pub(super) sums: Option<String>,
}

/// A journal's content that fits this run and this store.
pub(super) struct Leftover {
    interrupted: Interrupted,
    /// All journals of the source: they end once this run has its own.
    journals: Vec<RunId>,
}

/// What a journal of this run begins with.
pub(super) fn head(request: &BackupRequest<'_>, repository: &Repository) -> JournalHead {
    JournalHead::new(&repository.config.id, &request.run, &base_of(request), request.recipients.is_some())
}

/// Finds what a run left behind, as far as the store (`archives`, with their
/// sizes) still has it. Its archives become alive, and those that are no longer what was stored do not.
pub(super) fn find(
    request: &BackupRequest<'_>,
    repository: &Repository,
    state: &LocalState,
    archives: &HashMap<String, u64>,
    snapshots: &[(String, RunId, String)],
    parent: &mut Parent,
) -> Result<Option<Leftover>, RepositoryError> {
    let journals = state.journals(request.source);
    // Each run takes over all that there is, so the newest has everything.
    let Some(newest) = journals.last() else { return Ok(None) };
    let is_committed = |run: &RunId| snapshots.iter().any(|(_, committed, _)| committed == run);
    let ours = head(request, repository);
    let interrupted = match state.interrupted(request.source, newest) {
        None => {
            parent.notes.push(format!(
                "the journal of `{newest}`, which was cut off, is damaged: what it stored is stored again"
            ));
            None
        }
        Some(found) => Some(found).filter(|found| {
            let theirs = &found.head;
            !is_committed(newest)
                && (&theirs.repository, &theirs.base, theirs.encrypted)
                    == (&ours.repository, &ours.base, ours.encrypted)
        }),
    };
    let Some(mut interrupted) = interrupted else {
        state.forget_journals(request.source, &journals).map_err(|error| state.failed(error))?;
        return Ok(None);
    };
    let journalled = interrupted.archives.len();
    settle_indexes(request, repository, &mut interrupted, parent)?;
    interrupted.archives.retain(|archive| {
        let is_there = archives.get(archive.name()) == Some(&archive.size) && is_archive_of(request, archive.name());
        if is_there {
            parent.alive.insert(archive.name().to_owned());
        } else {
            parent.alive.remove(archive.name());
        }
        is_there
    });
    let lost = journalled - interrupted.archives.len();
    if lost > 0 {
        parent.notes.push(format!(
            "{lost} of {journalled} archives that `{newest}` had stored before it was cut off are not there any more: their files are stored again"
        ));
    }
    if interrupted.archives.is_empty() {
        state.forget_journals(request.source, &journals).map_err(|error| state.failed(error))?;
        return Ok(None);
    }
    Ok(Some(Leftover { interrupted, journals }))
}

fn is_archive_of(request: &BackupRequest<'_>, name: &str) -> bool {
    name.starts_with(layout::ARCHIVES)
        && layout::is_encrypted(name) == request.recipients.is_some()
        && layout::parse(name).is_some_and(|(source, _)| source == request.source)
}

/// Looks which indexes are in the store. One that the journal does not know may
/// lack archives that the journal names: those are of no use.
fn settle_indexes(
    request: &BackupRequest<'_>,
    repository: &Repository,
    interrupted: &mut Interrupted,
    parent: &mut Parent,
) -> Result<(), RepositoryError> {
    let encrypted = request.recipients.is_some();
    let runs: BTreeSet<_> = interrupted.archives.iter().filter_map(|archive| layout::parse(archive.name())).collect();
    let (mut known, mut unknown) = (Vec::new(), BTreeSet::new());
    for (source, run) in runs {
        let name = layout::index(&source, &run, encrypted);
        let Some(found) = repository.store.stat(&name)? else { continue };
        // The journal may know one that was never stored, and then another of the same name.
        match interrupted.indexes.iter().rev().find(|index| index.name == name) {
            Some(index) if index.size == found.size_bytes => known.push(index.clone()),
            _ => drop(unknown.insert((source, run))),
        }
    }
    interrupted.indexes = known;
    interrupted.archives.retain(|archive| {
        let is_known = layout::parse(archive.name()).is_some_and(|run| !unknown.contains(&run));
        if !is_known {
            parent.alive.remove(archive.name());
        }
        is_known
    });
    Ok(())
}

/// Takes the leftover over: writes its rows as one layer, starts this run's
/// journal with it, and only then forgets the old journals.
pub(super) fn adopt(
    request: &BackupRequest<'_>,
    repository: &Repository,
    state: &LocalState,
    leftover: Leftover,
    key: &BlockKey,
    parent: &mut Parent,
) -> Result<(), RepositoryError> {
    let Leftover { interrupted, journals } = leftover;
    let failed = |error| state.failed(error);
    let file = LocalState::adopted_name(request.source, &request.run);
    let (layers, mut damage) = interrupted.layers(state, request.source, &mut parent.table);
    let numbers: HashMap<&str, u32> =
        interrupted.archives.iter().map(|archive| (archive.name(), parent.table.place(archive.name()))).collect();
    let alive = parent.alive_by_number();
    let adopted: HashSet<u32> = numbers.values().copied().collect();

    let mut chunks: Vec<(ContentHash, ChunkPlace)> = Vec::new();
    let mut live: HashSet<u64> = HashSet::new();
    let output = BufWriter::with_capacity(1 << 20, state.create(&file).map_err(failed)?);
    let mut writer = LayerWriter::local(output);
    let mut rows = MergedRows::new(layers);
    loop {
        let entry = match rows.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                damage.push(error);
                break;
            }
        };
        if !entry.stored().all(|(archive, _)| alive.has(archive)) {
            continue;
        }
        let content = entry.content.as_ref();
        live.extend(content.map(|content| short_id(&content.hash)));
        chunks.extend(content.and_then(whole_file).filter(|(_, place)| adopted.contains(&place.archive)));
        writer.push(&Row::Entry(entry), &parent.table).map_err(failed)?;
    }
    let (output, toc) = writer.finish().map_err(failed)?;
    LayerFile::finish(output, &toc).and_then(|file| file.sync_all()).map_err(failed)?;
    let dead = (&interrupted.head.run, &interrupted.sums[..]);
    let sums = state.adopt_sums(request.source, dead, &request.run, key, &live).map_err(failed)?;
    drop(live);
    for archive in &interrupted.archives {
        let number = numbers[archive.name()];
        chunks.extend(archive.index.chunks.iter().filter_map(|row| {
            let length = u32::try_from(row.length).ok()?;
            Some((row.hash, ChunkPlace { archive: number, offset: row.offset, length }))
        }));
    }
    chunks.sort_unstable_by_key(|(hash, place)| (*hash, place.archive, place.offset));
    chunks.dedup_by_key(|(hash, _)| *hash);
    parent.chunks = parent.chunks.joined(&chunks, &parent.table);

    let Interrupted { archives, indexes, .. } = interrupted;
    let mut begin = head(request, repository);
    (begin.archives, begin.indexes) = (archives.clone(), indexes.clone());
    parent.journal = Some(Journal::start(state, request.source, &begin).map_err(failed)?);
    state.forget_journals(request.source, &journals).map_err(failed)?;
    if !damage.is_empty() {
        parent
            .notes
            .push("the journal of the run that was cut off is damaged in part: more files are read again".to_owned());
    }
    let bytes = archives.iter().map(|archive| archive.size).sum();
    parent.notes.push(continued(archives.len(), ByteSize(bytes)));
    parent.adopted = Some(Adopted { archives, indexes, file, rows: toc.rows, sums });
    Ok(())
}

fn continued(archives: usize, size: ByteSize) -> String {
    match archives {
        1 => format!("continued: 1 archive ({size}) was already stored"),
        count => format!("continued: {count} archives ({size}) were already stored"),
    }
}
