use super::super::filter::Filter;
use super::super::include::Selection;
use super::super::{FileKind, Metadata, Root};
use super::block::{Block, Children, Listed, Listing, Noted, PART_ENTRIES, Task};
use super::folder::Folder;
use super::names::Names;
use super::places::{CACHE_TAG, has_cache_signature, is_kernel_view};
use super::problem::WalkFailure;
use crate::base::Cancellation;
use rustix::fs::{AtFlags, Mode, OFlags, statat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// How folders are listed in one walk.
pub(super) struct Lister {
    pub root: Arc<Root>,
    pub filter: Filter,
    /// Names that leave out the folder which holds them.
    pub markers: Vec<Vec<u8>>,
    pub exclude_caches: bool,
    pub one_file_system: bool,
    pub cancel: Cancellation,
}

/// Buffers that a thread uses again and again.
#[derive(Default)]
pub(super) struct Scratch {
    path: Vec<u8>,
    dirents: Vec<u8>,
}

impl Lister {
    pub fn run(&self, task: Task, scratch: &mut Scratch) -> Listing {
        match task {
            Task::List(folder) if folder.selection.is_some() => self.list_selected(&folder, scratch),
            Task::List(folder) => self.list_whole(&folder, scratch),
            Task::Part { folder, names, range } => {
                folder.write_path(&mut scratch.path);
                match self.root.open_directory(&scratch.path) {
                    Ok(handle) => self.look_at(&folder, &handle, names, range, scratch),
                    Err(error) => Listing::nothing(&folder, WalkFailure::List(error)),
                }
            }
        }
    }

    fn list_whole(&self, folder: &Arc<Folder>, scratch: &mut Scratch) -> Listing {
        folder.write_path(&mut scratch.path);
        let handle = match self.root.open_directory(&scratch.path) {
            Ok(handle) => handle,
            Err(error) => return Listing::nothing(folder, WalkFailure::List(error)),
        };
        let mut names = Names::default();
        let failure = names.read(&handle, &mut scratch.dirents).err();
        if !folder.is_named() && self.is_marked(&handle, &names) {
            return Listing { block: Arc::new(Block::empty(folder, true)), problems: Vec::new() };
        }
        names.sort();
        let count = names.sorted.len();
        let mut listing = if count > PART_ENTRIES {
            let mut block = Block::empty(folder, false);
            block.names = Arc::new(names);
            block.children = Children::Parts;
            Listing { block: Arc::new(block), problems: Vec::new() }
        } else {
            self.look_at(folder, &handle, Arc::new(names), 0..count, scratch)
        };
        if let Some(error) = failure {
            let failure = WalkFailure::List(error);
            listing.problems.insert(0, Noted { before: 0, name: Vec::new(), failure });
        }
        listing
    }

    /// A folder of which only some entries were asked for: it need not be readable.
    pub fn list_selected(&self, folder: &Arc<Folder>, scratch: &mut Scratch) -> Listing {
        let no_parts = BTreeMap::new();
        let parts = match folder.selection.as_deref() {
            Some(Selection::Part(parts)) => parts,
            _ => &no_parts,
        };
        folder.write_path(&mut scratch.path);
        let handle = self.root.beneath().at(&scratch.path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty());
        let handle = match handle {
            Ok(handle) => handle,
            Err(error) => return Listing::nothing(folder, WalkFailure::List(error)),
        };
        let mut names = Names::default();
        for name in parts.keys() {
            names.push(name, None).expect("includes are refused that are longer than names can be");
        }
        let count = names.sorted.len();
        self.look_at(folder, &handle, Arc::new(names), 0..count, scratch)
    }

    /// Looks at the names in `range` and keeps what is not left out.
    fn look_at(
        &self,
        folder: &Arc<Folder>,
        handle: &OwnedFd,
        names: Arc<Names>,
        range: Range<usize>,
        scratch: &mut Scratch,
    ) -> Listing {
        let mut block = Block::empty(folder, false);
        let mut folders = Vec::new();
        let mut problems = Vec::new();
        block.entries.reserve_exact(range.len());
        let needs_paths = self.filter.needs_paths();
        if needs_paths && !scratch.path.is_empty() {
            scratch.path.push(b'/');
        }
        let path_length = scratch.path.len();
        for name in &names.sorted[range] {
            if self.cancel.is_cancelled() {
                break;
            }
            let bytes = names.text(name);
            let part = folder.selection.as_deref().and_then(|selection| selection.part(bytes));
            let mut note = |before, failure| problems.push(Noted { before, name: bytes.to_vec(), failure });
            let mut leaves_out = |kind: FileKind| {
                needs_paths && {
                    scratch.path.truncate(path_length);
                    scratch.path.extend_from_slice(bytes);
                    self.filter.leaves_out_path(&scratch.path, kind == FileKind::Directory)
                }
            };
            if name.kind.is_some_and(&mut leaves_out) {
                continue;
            }
            let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
            let metadata = match statat(handle, names.c_str(name), flags) {
                Ok(stat) => Metadata::from(&stat),
                Err(Errno::NOENT) if part.is_some() => {
                    note(block.entries.len(), WalkFailure::IncludeMissing);
                    continue;
                }
                Err(errno) => {
                    note(block.entries.len(), WalkFailure::Inspect(errno.into()));
                    continue;
                }
            };
            if (name.kind != Some(metadata.kind) && leaves_out(metadata.kind))
                || self.filter.leaves_out_metadata(&metadata)
            {
                if part.is_some_and(|part| part.is_named()) {
                    note(block.entries.len(), WalkFailure::IncludeLeftOut);
                }
                continue;
            }
            if metadata.kind != FileKind::Directory && matches!(part.map(|part| &**part), Some(Selection::Part(_))) {
                note(block.entries.len(), WalkFailure::IncludeThrough(metadata.kind));
                continue;
            }
            let is_named = part.is_some_and(|part| part.is_named());
            let descend = metadata.kind == FileKind::Directory
                && folder.only_device.is_none_or(|device| device == metadata.dev)
                && (is_named || metadata.dev == folder.device || !is_kernel_view(handle, names.c_str(name)));
            if descend {
                folders.push(block.entries.len() as u32);
            }
            block.entries.push(Listed { metadata, name: *name, descend });
        }
        scratch.path.truncate(path_length);
        block.names = names;
        block.children = Children::Folders(folders);
        Listing { block: Arc::new(block), problems }
    }

    fn is_marked(&self, handle: &OwnedFd, names: &Names) -> bool {
        self.markers.iter().any(|marker| names.contains(marker))
            || (self.exclude_caches && names.contains(CACHE_TAG) && has_cache_signature(handle.as_fd()))
    }
}
