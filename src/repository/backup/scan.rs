//! The walk merged with the parent's manifest: what is unchanged is counted,
//! everything else becomes a batch.

use super::limits::{BATCH_ENTRIES, RACY_NANOSECONDS};
use super::parent::Alive;
use super::piece::{Item, LinkRole};
use super::pipeline::Feed;
use super::{BackupRequest, Progress};
use crate::archive::{Entry, Link, MergedRows, SnapshotTotals, Unreadable, limits};
use crate::base::RawPath;
use crate::files::{FileKind, FileTime, Metadata, Walk, WalkProblem, is_within, tree_order};
use crate::repository::RepositoryError;
use std::cmp::Ordering;
use std::collections::HashMap;

/// A tar header, or the least that an entry adds to a frame.
const ENTRY_BYTES: u64 = 512;

/// What the scan found that is not in any batch.
#[derive(Default)]
pub(super) struct Scanned {
    /// Of unchanged entries, and deletions.
    pub(super) totals: SnapshotTotals,
    /// Bytes of each archive (by number) that unchanged files use.
    pub(super) live: Vec<u64>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) unreadable_count: u64,
}

impl Scanned {
    /// Counts an entry that the snapshot has.
    pub(super) fn count(&mut self, entry: &Entry) {
        match entry.kind {
            FileKind::File => self.totals.files += 1,
            FileKind::Directory => self.totals.folders += 1,
            _ => self.totals.others += 1,
        }
        self.totals.bytes += entry.size;
        for (archive, length) in entry.stored() {
            let archive = archive as usize;
            if self.live.len() <= archive {
                self.live.resize(archive + 1, 0);
            }
            self.live[archive] += length;
        }
    }

    pub(super) fn unreadable(&mut self, path: &[u8], error: String) {
        self.unreadable_count += 1;
        if self.unreadable.len() < crate::archive::Snapshot::MAX_UNREADABLE {
            self.unreadable.push(Unreadable { path: RawPath(path.to_owned()), error });
        }
    }
}

pub(super) struct Scan<'a> {
    pub(super) request: &'a BackupRequest<'a>,
    /// The parent's manifest.
    pub(super) parent: MergedRows,
    pub(super) alive: &'a Alive,
    pub(super) feed: Feed,
    pub(super) scanned: Scanned,
    pub(super) pending_bytes: u64,
    pub(super) items: Vec<Item>,
    pub(super) next_parent: Option<Entry>,
    /// First path of each group of hard links (of whatever kind) that is packed in this run.
    pub(super) links: HashMap<(u64, u64), Vec<u8>>,
    /// Folders that could not be listed: what the parent has below them stays.
    pub(super) unlisted: Vec<Vec<u8>>,
    /// In a full backup: all folders, to be written once more at the end.
    pub(super) folders: Vec<(Vec<u8>, Metadata)>,
}

impl Scan<'_> {
    pub(super) fn run(mut self, mut walk: Walk) -> Result<Scanned, RepositoryError> {
        self.advance()?;
        while let Some(step) = walk.next_ref() {
            match step {
                Ok(entry) => {
                    Progress::add(&self.request.progress.entries, 1);
                    Progress::add(&self.request.progress.seen_bytes, entry.metadata.size);
                    self.entry(entry.path, entry.metadata)?;
                }
                Err(problem) => self.problem(problem),
            }
        }
        if walk.is_cancelled() || self.request.cancel.is_cancelled() {
            return Err(RepositoryError::Cancelled);
        }
        while let Some(old) = self.next_parent.take() {
            self.gone(old)?;
            self.advance()?;
        }
        self.finish()
    }

    /// Packs the output of a program as the one file `path`.
    pub(super) fn stream(mut self, path: Vec<u8>, metadata: Metadata) -> Result<Scanned, RepositoryError> {
        let mut parent = None;
        self.advance()?;
        while let Some(old) = self.next_parent.take() {
            if old.path == path {
                parent = Some(Box::new(old));
            } else {
                self.gone(old)?;
            }
            self.advance()?;
        }
        self.items.push(Item::Stream { path, metadata, parent });
        self.finish()
    }

    /// Sends what is gathered and ends the queue.
    pub(super) fn finish(mut self) -> Result<Scanned, RepositoryError> {
        for (path, metadata) in std::mem::take(&mut self.folders) {
            self.push(Item::FolderAgain { path, metadata }, ENTRY_BYTES)?;
        }
        self.flush()?;
        Ok(self.scanned)
    }

    fn advance(&mut self) -> Result<(), RepositoryError> {
        self.next_parent = self.parent.next_entry().map_err(|error| RepositoryError::State {
            path: self.request.state.clone(),
            source: std::io::Error::other(error),
        })?;
        Ok(())
    }

    fn problem(&mut self, problem: WalkProblem) {
        if problem.has_vanished() {
            return;
        }
        let text = problem.to_string();
        self.scanned.unreadable(&problem.path, text);
        self.unlisted.push(problem.path);
    }

    fn entry(&mut self, path: &[u8], metadata: &Metadata) -> Result<(), RepositoryError> {
        let mut parent = None;
        while let Some(old) = self.next_parent.take() {
            match tree_order(&old.path, path) {
                Ordering::Less => {
                    self.gone(old)?;
                    self.advance()?;
                }
                Ordering::Equal => {
                    parent = Some(old);
                    self.advance()?;
                    break;
                }
                Ordering::Greater => {
                    self.next_parent = Some(old);
                    break;
                }
            }
        }
        if let Some(old) = parent.as_ref().filter(|old| self.is_unchanged(old, metadata)) {
            self.scanned.count(old);
            return Ok(());
        }
        self.take(path, metadata, parent.map(Box::new))
    }

    /// An entry of the parent that the walk did not show.
    fn gone(&mut self, old: Entry) -> Result<(), RepositoryError> {
        if self.unlisted.iter().any(|folder| is_within(&old.path, folder)) {
            self.scanned.count(&old);
            return Ok(());
        }
        if old.kind != FileKind::Directory {
            self.scanned.totals.deleted += 1;
        }
        self.push(Item::Deleted(old.path), ENTRY_BYTES)
    }

    /// Equal type, size, times and inode, and all of its content still in the store.
    fn is_unchanged(&self, old: &Entry, now: &Metadata) -> bool {
        let Some(stamp) = old.stamp else { return false };
        let same = old.kind == now.kind
            && old.size == now.size
            && old.mtime == now.mtime
            && stamp.ctime == now.ctime
            && stamp.ino == now.ino
            && (old.mode, old.uid, old.gid) == (now.mode, now.uid, now.gid);
        same && old.stored().all(|(archive, _)| self.alive.has(archive))
    }

    fn take(&mut self, path: &[u8], metadata: &Metadata, parent: Option<Box<Entry>>) -> Result<(), RepositoryError> {
        let link = metadata.is_hard_linked().then(|| {
            let link = Link { dev: metadata.dev, ino: metadata.ino };
            match self.links.entry((link.dev, link.ino)) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    LinkRole::Again { link, first: first.get().clone() }
                }
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(path.to_vec());
                    LinkRole::First(link)
                }
            }
        });
        let reads = metadata.kind == FileKind::File && !matches!(link, Some(LinkRole::Again { .. }));
        let bytes = if reads { metadata.size } else { 0 };
        if self.request.full && metadata.kind == FileKind::Directory {
            self.folders.push((path.to_vec(), metadata.clone()));
        }
        let streams = bytes > limits::BUFFERED_FILE_BYTES || (reads && metadata.is_sparse());
        if streams {
            self.flush()?;
        }
        self.push(Item::Take { path: path.to_vec(), metadata: metadata.clone(), link, parent }, ENTRY_BYTES + bytes)?;
        if streams { self.flush() } else { Ok(()) }
    }

    pub(super) fn push(&mut self, item: Item, bytes: u64) -> Result<(), RepositoryError> {
        // A file that does not fit any more begins the next batch, so that frames
        // are close to their nominal size.
        if self.pending_bytes > 0 && self.pending_bytes + bytes > limits::FRAME_BYTES as u64 {
            self.flush()?;
        }
        self.items.push(item);
        self.pending_bytes += bytes;
        if self.items.len() >= BATCH_ENTRIES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), RepositoryError> {
        self.pending_bytes = 0;
        if self.items.is_empty() { Ok(()) } else { self.feed.send(std::mem::take(&mut self.items)) }
    }
}

/// Whether a file's inode changed so shortly before `reference` (or after) that
/// a later write might leave the same times.
pub(super) fn is_racy(ctime: FileTime, reference: FileTime) -> bool {
    let seconds = i128::from(reference.seconds) - i128::from(ctime.seconds);
    let age = seconds * 1_000_000_000 + i128::from(reference.nanoseconds) - i128::from(ctime.nanoseconds);
    age < i128::from(RACY_NANOSECONDS)
}
