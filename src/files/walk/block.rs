use super::super::include::Selection;
use super::super::{FileKind, Metadata};
use super::folder::Folder;
use super::names::{Name, Names};
use super::problem::{WalkFailure, WalkProblem, is_vanished};
use std::ops::Range;
use std::sync::Arc;

/// A folder with more entries is looked at in parts of so many, by any thread,
/// so that one huge folder neither holds up the walk nor fills the memory with
/// metadata. At most half of this is lost to a thread that waits (chosen).
pub(super) const PART_ENTRIES: usize = 2048;

/// What one task made.
pub(super) struct Listing {
    pub block: Arc<Block>,
    pub problems: Vec<Noted>,
}

/// Entries of one folder, in order.
pub(super) struct Block {
    folder: Arc<Folder>,
    pub names: Arc<Names>,
    pub entries: Vec<Listed>,
    pub children: Children,
    /// Neither the folder nor anything in it is taken.
    pub left_out: bool,
}

pub(super) struct Listed {
    pub metadata: Metadata,
    pub name: Name,
    /// A folder whose entries follow.
    pub descend: bool,
}

/// What a block's further tasks are.
pub(super) enum Children {
    /// Folders, in order: their places among the entries.
    Folders(Vec<u32>),
    /// The block has no entries itself; parts of [`PART_ENTRIES`] of its names have.
    Parts,
}

/// A problem that belongs before the entry at `before`.
pub(super) struct Noted {
    pub before: usize,
    /// In the folder; empty: the folder itself.
    pub name: Vec<u8>,
    pub failure: WalkFailure,
}

/// One piece of work for any thread.
pub(super) enum Task {
    List(Arc<Folder>),
    Part { folder: Arc<Folder>, names: Arc<Names>, range: Range<usize> },
}

impl Listing {
    /// The listing of a folder that cannot be listed. If it is gone, so is its entry.
    pub fn nothing(folder: &Arc<Folder>, failure: WalkFailure) -> Self {
        let left_out = matches!(&failure, WalkFailure::List(error) if is_vanished(error));
        let problems = vec![Noted { before: 0, name: Vec::new(), failure }];
        Self { block: Arc::new(Block::empty(folder, left_out)), problems }
    }
}

impl Noted {
    /// The problem with its full path.
    pub fn in_folder(self, folder: &[u8]) -> WalkProblem {
        let mut path = folder.to_vec();
        if !path.is_empty() && !self.name.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&self.name);
        WalkProblem { path, failure: self.failure }
    }
}

impl Block {
    /// The block whose only entry is the base itself.
    pub fn of_root(metadata: Metadata, one_file_system: bool) -> Listing {
        let mut names = Names::default();
        names.push(b"", Some(FileKind::Directory)).expect("there is room for the empty name");
        let folder = Folder::root(metadata.dev, None, one_file_system.then_some(metadata.dev));
        let entries = vec![Listed { metadata, name: names.sorted[0], descend: true }];
        let children = Children::Folders(vec![0]);
        Listing {
            block: Arc::new(Block { folder, names: Arc::new(names), entries, children, left_out: false }),
            problems: Vec::new(),
        }
    }

    pub fn name(&self, entry: usize) -> &[u8] {
        self.names.text(&self.entries[entry].name)
    }

    pub fn child_count(&self) -> usize {
        match &self.children {
            Children::Folders(places) => places.len(),
            Children::Parts => self.names.sorted.len().div_ceil(PART_ENTRIES),
        }
    }

    /// What must be done for the child at `child`, which the caller knows to exist.
    pub fn task(&self, child: usize, one_file_system: bool) -> Task {
        match &self.children {
            Children::Folders(places) => {
                let place = places[child] as usize;
                let name = self.name(place);
                // The base's own entry stands for the folder that the block is of.
                if name.is_empty() {
                    return Task::List(Arc::clone(&self.folder));
                }
                let selection = self.folder.selection.as_deref().and_then(|selection| selection.part(name));
                let selection = selection.filter(|part| matches!(***part, Selection::Part(_))).cloned();
                let device = self.entries[place].metadata.dev;
                let only_device = match (&selection, self.folder.only_device) {
                    // Each include has its own file system to stay on.
                    (None, None) if one_file_system => Some(device),
                    (_, only_device) => only_device,
                };
                Task::List(self.folder.child(name, device, selection, only_device))
            }
            Children::Parts => {
                let start = child * PART_ENTRIES;
                let range = start..(start + PART_ENTRIES).min(self.names.sorted.len());
                Task::Part { folder: Arc::clone(&self.folder), names: Arc::clone(&self.names), range }
            }
        }
    }

    /// How much of the lookahead the block takes.
    pub fn weight(&self) -> usize {
        1 + self.entries.len()
    }

    pub fn empty(folder: &Arc<Folder>, left_out: bool) -> Self {
        let children = Children::Folders(Vec::new());
        Block { folder: Arc::clone(folder), names: Arc::default(), entries: Vec::new(), children, left_out }
    }
}
