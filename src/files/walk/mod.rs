//! Listing a source: every entry that is taken, with its metadata, in
//! [`tree_order`](super::tree_order).
//!
//! Threads list folders and `lstat` their entries ahead of the consumer
//! ([`listing`]), always the next ones that the consumer will need
//! ([`schedule`]); [`Walk`] puts the pieces in order. How far they run ahead is
//! bounded by [`LOOKAHEAD_ENTRIES`], so memory does not grow with the tree, only
//! with its largest single folder (its names must be sorted).
//!
//! What cannot be read is a [`WalkProblem`] at its place in the order, and the
//! walk goes on.

mod block;
mod folder;
mod listing;
mod names;
mod places;
mod problem;
mod schedule;

pub use problem::{WalkError, WalkFailure, WalkProblem};

use super::filter::{Filter, FilterRules};
use super::include::{self, Includes, Selection};
use super::{Metadata, Root};
use crate::base::Cancellation;
use block::{Block, Listing, Noted};
use folder::Folder;
use listing::{Lister, Scratch};
use rustix::fs::fstat;
use schedule::{NodeId, Schedule};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// How many entries may lie listed and not yet consumed. At about 150 bytes
/// each that is 5 MB; far more than a consumer's pauses need (chosen).
pub const LOOKAHEAD_ENTRIES: usize = 1 << 15;

/// Threads at least: where nothing is cached they wait for the disk, and where
/// everything is they cost nothing (4 threads on 2 cores: the same processor
/// time as 1, a tenth less time on a cold file system).
const THREADS_MIN: usize = 4;

/// Threads at most: the kernel's locks on a file system bound the rest (chosen).
const THREADS_MAX: usize = 8;

/// What to walk. [`WalkOptions::new`] takes all of a base.
///
/// Mount points of the kernel's own file systems (`/proc`, `/sys` and their
/// like) are shown, but gone into only where an include names them or
/// something below them: their files are views on the running system.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    /// What all paths are relative to; a folder. May be reached through links.
    pub base: PathBuf,
    /// Files, folders or glob patterns below the base, relative to it or
    /// absolute. Empty: all of the base.
    pub include: Vec<String>,
    /// gitignore patterns relative to the base; the last that matches decides.
    pub exclude: Vec<String>,
    /// Files of such patterns, after `exclude`.
    pub exclude_files: Vec<PathBuf>,
    /// A folder that holds an entry of such a name is left out, unless it is the
    /// base or an include names it.
    pub exclude_if_present: Vec<String>,
    /// The same for a valid `CACHEDIR.TAG` (<https://bford.info/cachedir/>).
    pub exclude_caches: bool,
    /// Show mount points below each include, but don't go into them.
    pub one_file_system: bool,
    /// Larger files are left out.
    pub max_file_size_bytes: Option<u64>,
    /// Absolute paths that are never taken, however they are reached.
    pub always_exclude: Vec<PathBuf>,
    /// Threads that list ahead; 0: as many as are good for the machine.
    pub threads: usize,
    /// Set to end the walk early; see [`Walk::is_cancelled`].
    pub cancel: Cancellation,
}

impl WalkOptions {
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), ..Self::default() }
    }
}

/// One entry of a walk. The base itself, where all of it is taken, is `b""`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkEntry {
    pub path: Vec<u8>,
    pub metadata: Metadata,
}

/// [`WalkEntry`] without a copy of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkEntryRef<'a> {
    pub path: &'a [u8],
    pub metadata: &'a Metadata,
}

/// A running walk. Ends with `None`; dropping it stops and joins its threads.
pub struct Walk {
    schedule: Arc<Schedule>,
    lister: Arc<Lister>,
    threads: Vec<JoinHandle<()>>,
    frames: Vec<Frame>,
    /// Of the entry shown last.
    path: Vec<u8>,
    /// Of the includes that stand for nothing; shown before all entries.
    refused: std::vec::IntoIter<WalkProblem>,
    scratch: Scratch,
    /// Entries shown since the schedule was told.
    consumed: usize,
    /// Nodes of the schedule that are not needed any more.
    finished: Vec<NodeId>,
}

/// A block that is being shown.
struct Frame {
    node: NodeId,
    block: Arc<Block>,
    problems: std::vec::IntoIter<Noted>,
    next_entry: usize,
    next_child: usize,
    /// Length of the folder's own path in [`Walk::path`].
    path_length: usize,
}

impl Frame {
    fn new(node: NodeId, listing: Listing, path_length: usize) -> Self {
        let Listing { block, problems } = listing;
        Self { node, block, problems: problems.into_iter(), next_entry: 0, next_child: 0, path_length }
    }
}

impl Walk {
    /// Opens the base, resolves the includes and starts the threads.
    ///
    /// # Errors
    /// Where nothing at all can be walked: no base, no include that exists,
    /// unusable patterns.
    pub fn new(options: &WalkOptions) -> Result<Self, WalkError> {
        Self::with_lookahead(options, LOOKAHEAD_ENTRIES)
    }

    fn with_lookahead(options: &WalkOptions, lookahead_entries: usize) -> Result<Self, WalkError> {
        let base = |source| WalkError::Base { path: options.base.clone(), source };
        let root = Arc::new(Root::open(&options.base).map_err(base)?);
        let root_metadata = Metadata::from(&fstat(root.beneath()).map_err(|errno| base(errno.into()))?);
        let filter = Filter::new(&FilterRules {
            exclude: &options.exclude,
            exclude_files: &options.exclude_files,
            max_file_size_bytes: options.max_file_size_bytes,
            never: &options.always_exclude,
            base: &options.base,
        })?;
        let Includes { selection, refused, any_exists } = include::resolve(&root, &options.include);
        if !any_exists {
            return Err(WalkError::NothingIncluded { base: options.base.clone(), include: options.include.clone() });
        }
        let refused: Vec<_> = refused.into_iter().map(|(include, why)| WalkProblem::refused(include, why)).collect();
        let lister = Arc::new(Lister {
            root,
            filter,
            markers: options.exclude_if_present.iter().map(|name| name.clone().into_bytes()).collect(),
            exclude_caches: options.exclude_caches,
            one_file_system: options.one_file_system,
            cancel: options.cancel.clone(),
        });
        let first = match selection {
            Selection::Whole { .. } => Block::of_root(root_metadata, options.one_file_system),
            part @ Selection::Part(_) => lister
                .list_selected(&Folder::root(root_metadata.dev, Some(Arc::new(part)), None), &mut Scratch::default()),
        };
        let schedule = Arc::new(Schedule::new(lookahead_entries));
        let (node, first) = schedule.begin(first);
        let threads = start_threads(thread_count(options.threads), &schedule, &lister);
        Ok(Self {
            schedule,
            lister,
            threads,
            frames: vec![Frame::new(node, first, 0)],
            path: Vec::new(),
            refused: refused.into_iter(),
            scratch: Scratch::default(),
            consumed: 0,
            finished: Vec::new(),
        })
    }

    /// The base, to read what the walk shows.
    pub fn root(&self) -> &Arc<Root> {
        &self.lister.root
    }

    /// Whether the walk was told to end early, so that what it showed is not all.
    pub fn is_cancelled(&self) -> bool {
        self.lister.cancel.is_cancelled()
    }

    /// The patterns of [`WalkOptions::exclude`] that decided nothing so far: after
    /// the end, those that match nothing or stand in the shadow of others.
    pub fn idle_excludes(&self) -> Vec<String> {
        self.lister.filter.idle_patterns()
    }

    /// The next entry or problem, without copying the path.
    pub fn next_ref(&mut self) -> Option<Result<WalkEntryRef<'_>, WalkProblem>> {
        if let Some(problem) = self.refused.next() {
            return Some(Err(problem));
        }
        let (frame, entry) = loop {
            if self.is_cancelled() {
                return None;
            }
            let depth = self.frames.len().checked_sub(1)?;
            let frame = &mut self.frames[depth];
            if frame.problems.as_slice().first().is_some_and(|noted| noted.before <= frame.next_entry) {
                let noted = frame.problems.next()?;
                return Some(Err(noted.in_folder(&self.path[..frame.path_length])));
            }
            if frame.next_entry < frame.block.entries.len() {
                let at = frame.next_entry;
                let length = frame.path_length;
                let is_folder = frame.block.entries[at].descend;
                frame.next_entry += 1;
                self.consumed += 1;
                self.path.truncate(length);
                if length > 0 {
                    self.path.push(b'/');
                }
                self.path.extend_from_slice(frame.block.name(at));
                if is_folder && self.descend(depth)?.left_out {
                    continue;
                }
                break (depth, at);
            }
            if frame.next_child < frame.block.child_count() {
                // The entries of a large folder come in parts of the same path.
                self.path.truncate(frame.path_length);
                self.descend(depth)?;
                continue;
            }
            self.finished.push(frame.node);
            self.frames.pop();
        };
        let metadata = &self.frames[frame].block.entries[entry].metadata;
        Some(Ok(WalkEntryRef { path: &self.path, metadata }))
    }

    /// Begins to show the next child of the block at `depth`; none when cancelled.
    fn descend(&mut self, depth: usize) -> Option<&Block> {
        let frame = &mut self.frames[depth];
        let child = frame.next_child;
        frame.next_child += 1;
        let node = frame.node;
        self.schedule.consumed(&mut self.consumed, &mut self.finished);
        let (node, listing) = self.schedule.child(node, child, &self.lister, &mut self.scratch)?;
        self.frames.push(Frame::new(node, listing, self.path.len()));
        self.frames.last().map(|frame| &*frame.block)
    }
}

impl Iterator for Walk {
    type Item = Result<WalkEntry, WalkProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_ref()?;
        Some(item.map(|entry| WalkEntry { path: entry.path.to_vec(), metadata: entry.metadata.clone() }))
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.schedule.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so to the consumer.
            let _ = thread.join();
        }
    }
}

fn thread_count(wanted: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(THREADS_MIN, usize::from);
    if wanted == 0 { cores().clamp(THREADS_MIN, THREADS_MAX) } else { wanted.min(THREADS_MAX) }
}

/// Fewer threads where the system gives no more: the consumer lists what nobody does.
fn start_threads(count: usize, schedule: &Arc<Schedule>, lister: &Arc<Lister>) -> Vec<JoinHandle<()>> {
    (0..count)
        .map_while(|_| {
            let (schedule, lister) = (Arc::clone(schedule), Arc::clone(lister));
            thread::Builder::new().name("walk".to_owned()).spawn(move || schedule.work(&lister)).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
