//! Bringing files back from a snapshot.
//!
//! What is selected is gathered as *pieces* of archives, sorted by where they
//! lie; each frame that holds one is read once, by any thread, and its pieces
//! are written to their files. A file is committed when its last piece is
//! written and its hash is right.

mod job;
mod read;

pub(super) use job::{LastArchive, frame_table};
pub(super) use read::ContentReader;
pub use read::read_file;

use super::selection::Selection;
use super::{Catalogue, RepositoryError, go_on};
use crate::archive::{ArchiveTable, Entry, Extent, Link, Snapshot};
use crate::base::Cancellation;
use crate::files::restore::{self, Overwrite, RestoreReport, Restorer};
use crate::files::{FileKind, FileTime, Metadata};
use job::{FileJob, Piece};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What to bring back and where to.
pub struct RestoreRequest<'a> {
    pub snapshot: &'a Snapshot,
    pub selection: &'a Selection,
    pub target: &'a Path,
    pub overwrite: Overwrite,
    /// Threads that read and write; 0: as many as pay.
    pub threads: usize,
    pub cancel: Cancellation,
    pub progress: &'a RestoreProgress,
}

/// How far a restore is; read from any thread while it runs.
#[derive(Debug, Default)]
pub struct RestoreProgress {
    /// Of all files selected; known once the manifest is read.
    pub total_files: AtomicU64,
    pub total_bytes: AtomicU64,
    pub done_files: AtomicU64,
    pub done_bytes: AtomicU64,
}

/// What a restore would do: the answer to `--dry-run`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestorePlan {
    pub files: u64,
    pub folders: u64,
    pub others: u64,
    pub bytes: u64,
    /// Archives that hold the content, with how many bytes of each are needed (before compression).
    pub archives: BTreeMap<String, u64>,
}

/// Files of scattered content that may be open at once: each waits for pieces
/// from several places.
const SCATTERED_OPEN: usize = 256;

/// Reads the manifest and tells what [`restore()`] would bring back.
pub fn plan(
    catalogue: &Catalogue<'_>,
    snapshot: &Snapshot,
    selection: &Selection,
) -> Result<RestorePlan, RepositoryError> {
    let mut table = ArchiveTable::default();
    let mut plan = RestorePlan::default();
    for_each(catalogue, snapshot, selection, &mut table, |entry, table| {
        match entry.kind {
            FileKind::File => plan.files += 1,
            FileKind::Directory => plan.folders += 1,
            _ => plan.others += 1,
        }
        plan.bytes += entry.size;
        for (archive, length) in entry.stored() {
            let name = table.name(archive).unwrap_or_default();
            *plan.archives.entry(name.to_owned()).or_default() += length;
        }
        Ok(())
    })?;
    Ok(plan)
}

/// Calls `act` for each selected entry, in tree order.
pub fn for_each(
    catalogue: &Catalogue<'_>,
    snapshot: &Snapshot,
    selection: &Selection,
    table: &mut ArchiveTable,
    mut act: impl FnMut(Entry, &ArchiveTable) -> Result<(), RepositoryError>,
) -> Result<(), RepositoryError> {
    let mut rows = catalogue.entries(snapshot, table)?;
    let single = selection.single_path();
    if let Some(path) = single {
        rows.seek(path);
    }
    loop {
        let next = rows.next_entry();
        let Some(entry) = next.map_err(|error| catalogue.manifest_failure(snapshot, &rows, error))? else { break };
        if selection.contains(&entry.path) {
            act(entry, table)?;
        } else if single.is_some_and(|path| crate::files::tree_order(&entry.path, path).is_gt()) {
            // Everything below one path lies together.
            break;
        }
    }
    Ok(())
}

/// Restores.
///
/// # Errors
/// What prevents all of it: no key, no store, no target. What concerns single
/// paths is in the report, and the rest is restored.
pub fn restore(catalogue: &Catalogue<'_>, request: &RestoreRequest<'_>) -> Result<RestoreReport, RepositoryError> {
    let restorer =
        Restorer::new(request.target, request.overwrite).map_err(|error| RepositoryError::Target(error.to_string()))?;
    let mut gathered = Gathered::default();
    let mut table = ArchiveTable::default();
    for_each(catalogue, request.snapshot, request.selection, &mut table, |entry, _| {
        go_on(&request.cancel)?;
        gathered.entry(entry, &restorer);
        Ok(())
    })?;
    let progress = request.progress;
    let write = |gathered: &mut Gathered| {
        progress.total_files.fetch_add(gathered.files.len() as u64, Ordering::Relaxed);
        progress.total_bytes.fetch_add(gathered.files.iter().map(|job| job.size()).sum(), Ordering::Relaxed);
        let mut rounds = gathered.rounds().into_iter();
        rounds.try_for_each(|round| job::run(catalogue, request, &restorer, &table, &gathered.files, round))
    };
    write(&mut gathered)?;
    // A further name of what could not be put at its first name gets the content for itself.
    let mut alone = Gathered::default();
    for (link, entry) in gathered.further_names {
        if restorer.hard_link(&gathered.first_names[&link], &entry.path).is_none() {
            alone.entry(Entry { link: None, ..entry }, &restorer);
        }
    }
    write(&mut alone)?;
    Ok(restorer.finish())
}

#[derive(Default)]
struct Gathered {
    files: Vec<FileJob>,
    pieces: Vec<Piece>,
    /// Pieces of files that have more than one extent, a list a file.
    scattered: Vec<Vec<Piece>>,
    /// Of files that have several names.
    first_names: HashMap<Link, restore::Entry>,
    further_names: Vec<(Link, Entry)>,
}

impl Gathered {
    /// Restores what has no content; keeps what has.
    fn entry(&mut self, entry: Entry, restorer: &Restorer) {
        let link = entry.link;
        if let Some(link) = link.filter(|link| self.first_names.contains_key(link)) {
            return self.further_names.push((link, entry));
        }
        let content = entry.content.clone();
        let target = target_entry(entry);
        if let Some(link) = link {
            self.first_names.insert(link, target.clone());
        }
        match (target.metadata.kind, content) {
            (FileKind::Directory, _) => _ = restorer.directory(&target),
            (FileKind::Symlink, _) => _ = restorer.symlink(&target),
            (FileKind::File, None) => _ = restorer.begin_file(&target).map(|file| file.commit()),
            (FileKind::File, Some(content)) => {
                let file = self.files.len() as u32;
                let mut at = 0;
                let mut pieces = Vec::new();
                for extent in &content.extents {
                    if let Extent::Stored { archive, offset, length } = *extent {
                        pieces.push(Piece { archive, offset, length, file, file_offset: at });
                    }
                    at += extent.length();
                }
                let stored = pieces.iter().map(|piece| piece.length).sum();
                self.files.push(FileJob::new(target, content.hash, stored, pieces.len()));
                match pieces.len() {
                    0..=1 => self.pieces.extend(pieces),
                    _ => self.scattered.push(pieces),
                }
            }
            _ => _ = restorer.node(&target),
        }
    }

    /// Pieces in the order in which to read them; each list is one round.
    fn rounds(&mut self) -> Vec<Vec<Piece>> {
        let mut rounds = vec![std::mem::take(&mut self.pieces)];
        let mut scattered = std::mem::take(&mut self.scattered).into_iter().peekable();
        while scattered.peek().is_some() {
            let round: Vec<Piece> = scattered.by_ref().take(SCATTERED_OPEN).flatten().collect();
            rounds.push(round);
        }
        // The first few scattered files ride along with the rest.
        if rounds.len() > 1 {
            let second = rounds.remove(1);
            rounds[0].extend(second);
        }
        for round in &mut rounds {
            round.sort_unstable_by_key(|piece| (piece.archive, piece.offset, piece.file));
        }
        // Files that are one hole have no piece at all and are made at the end of the first round.
        rounds
    }
}

/// An archive's entry as the file system takes it.
pub fn target_entry(entry: Entry) -> restore::Entry {
    let extents = entry.content.iter().flat_map(|content| &content.extents);
    let is_sparse = extents.into_iter().any(|extent| matches!(extent, Extent::Hole { .. }));
    restore::Entry {
        metadata: Metadata {
            kind: entry.kind,
            size: entry.size,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            ctime: FileTime::default(),
            dev: 0,
            ino: 0,
            nlink: 1,
            rdev: entry.rdev,
            blocks: if is_sparse { 0 } else { entry.size.div_ceil(512) },
        },
        path: entry.path,
        link_target: entry.link_target,
        xattrs: entry.xattrs,
    }
}
