//! What a backup would find changed, without storing anything.

use super::state::{LayerFile, LocalState};
use super::{Repository, RepositoryError, go_on};
use crate::archive::{ArchiveTable, Entry, MergedRows};
use crate::base::{Cancellation, RunId};
use crate::files::{FileKind, Metadata, Walk, WalkProblem, is_within, tree_order};
use std::cmp::Ordering;
use std::path::Path;

/// One path that differs from a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: Vec<u8>,
    pub kind: FileKind,
    pub what: What,
    /// Bytes of content now, or before where it is gone.
    pub size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    New,
    /// Its content has to be read again.
    Changed,
    /// Only its mode, owner or inode.
    Attributes,
    Deleted,
}

/// The manifest of the snapshot that the next backup builds on, as local state
/// remembers it, and that snapshot; `None` where it does not.
pub fn local_manifest(folder: &Path, source: &str, repository: &Repository) -> Option<(RunId, MergedRows)> {
    // Opening would make the folder.
    if !folder.is_dir() {
        return None;
    }
    let state = LocalState::open(folder).ok()?;
    let current = state.current(source, &repository.config.id)?;
    let mut table = ArchiveTable::default();
    let layers: Option<Vec<_>> = current
        .layers
        .iter()
        .map(|layer| LayerFile::open_checked(&folder.join(&layer.file), &mut table).ok())
        .collect();
    Some((current.run, MergedRows::new(layers?)))
}

/// Calls `act` for each path of the walk that differs from `before`, and for
/// each that `before` has and the walk does not, in tree order. Paths that
/// cannot be read go to `unreadable`, and what lay below them counts as unchanged.
///
/// A folder of which only the times differ is no change.
pub fn changes(
    mut before: MergedRows,
    mut walk: Walk,
    cancel: &Cancellation,
    mut act: impl FnMut(Change),
    mut unreadable: impl FnMut(&WalkProblem),
) -> Result<(), RepositoryError> {
    let mut old = next(&mut before)?;
    let mut unlisted: Vec<Vec<u8>> = Vec::new();
    while let Some(step) = walk.next_ref() {
        go_on(cancel)?;
        let entry = match step {
            Ok(entry) => entry,
            Err(problem) if problem.has_vanished() => continue,
            Err(problem) => {
                unreadable(&problem);
                unlisted.push(problem.path);
                continue;
            }
        };
        while let Some(gone) = old.take_if(|old| tree_order(&old.path, entry.path) == Ordering::Less) {
            report_gone(gone, &unlisted, &mut act);
            old = next(&mut before)?;
        }
        let same = old.take_if(|old| old.path == entry.path);
        if same.is_some() {
            old = next(&mut before)?;
        }
        let what = match &same {
            None => Some(What::New),
            Some(old) => compare(old, entry.metadata),
        };
        if let Some(what) = what {
            let (path, kind) = (entry.path.to_vec(), entry.metadata.kind);
            act(Change { path, kind, what, size: entry.metadata.size });
        }
    }
    if walk.is_cancelled() {
        return Err(RepositoryError::Cancelled);
    }
    while let Some(gone) = old {
        report_gone(gone, &unlisted, &mut act);
        old = next(&mut before)?;
    }
    Ok(())
}

fn next(rows: &mut MergedRows) -> Result<Option<Entry>, RepositoryError> {
    rows.next_entry().map_err(|error| RepositoryError::Internal(format!("a manifest cannot be read: {error}")))
}

fn report_gone(old: Entry, unlisted: &[Vec<u8>], act: &mut impl FnMut(Change)) {
    if !unlisted.iter().any(|folder| is_within(&old.path, folder)) {
        act(Change { path: old.path, kind: old.kind, what: What::Deleted, size: old.size });
    }
}

/// As a backup decides, where the manifest has stamps; one read from the store has none.
fn compare(old: &Entry, now: &Metadata) -> Option<What> {
    let attributes = (old.mode, old.uid, old.gid) != (now.mode, now.uid, now.gid);
    if old.kind != now.kind {
        return Some(What::Changed);
    }
    if now.kind == FileKind::Directory {
        return attributes.then_some(What::Attributes);
    }
    if old.size != now.size || old.mtime != now.mtime || old.rdev != now.rdev {
        return Some(What::Changed);
    }
    let touched = old.stamp.is_some_and(|stamp| stamp.ctime != now.ctime || stamp.ino != now.ino);
    (attributes || touched).then_some(What::Attributes)
}
