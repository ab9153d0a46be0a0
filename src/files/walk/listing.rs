use super::super::filter::Filter;
use super::super::include::Selection;
use super::super::{FileKind, Metadata, Root};
use super::folder::Folder;
use super::problem::{WalkFailure, WalkProblem, is_vanished};
use crate::base::Cancellation;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, statat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A folder with more entries is looked at in parts of so many, by any thread,
/// so that one huge folder neither holds up the walk nor fills the memory with
/// metadata. At most half of this is lost to a thread that waits (chosen).
const PART_ENTRIES: usize = 2048;

/// What one `getdents64` may fill: a thousand entries or so. Larger gains
/// nothing measurable.
const LISTING_BUFFER_BYTES: usize = 64 << 10;

/// Offsets into a folder's names are 32 bits: more names than that (some two
/// hundred million files in one folder) are a problem, not a crash.
const NAMES_MAX_BYTES: usize = u32::MAX as usize;

const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
/// <https://bford.info/cachedir/>: what a valid tag begins with.
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// `f_type` of the file systems that show the kernel itself (`linux/magic.h`,
/// and for the last two `fs/nfsd` and `net/sunrpc`).
const KERNEL_VIEWS: [u32; 18] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x6265_6570, // configfs
    0x1980_0202, // mqueue
    0x0000_1cd1, // devpts
    0x4249_4e4d, // binfmt_misc
    0x6573_5543, // fusectl
    0x6e66_7364, // nfsd
    0x6759_6969, // rpc_pipefs
];

/// What one task made.
pub(super) struct Listing {
    pub block: Arc<Block>,
    pub problems: Vec<Noted>,
}

/// Entries of one folder, in order.
pub(super) struct Block {
    folder: Arc<Folder>,
    names: Arc<Names>,
    pub entries: Vec<Listed>,
    children: Children,
    /// Neither the folder nor anything in it is taken.
    pub left_out: bool,
}

pub(super) struct Listed {
    pub metadata: Metadata,
    name: Name,
    /// A folder whose entries follow.
    pub descend: bool,
}

/// What a block's further tasks are.
enum Children {
    /// Folders, in order: their places among the entries.
    Folders(Vec<u32>),
    /// The block has no entries itself; parts of [`PART_ENTRIES`] of its names have.
    Parts,
}

/// A problem that belongs before the entry at `before`.
pub(super) struct Noted {
    pub before: usize,
    /// In the folder; empty: the folder itself.
    name: Vec<u8>,
    failure: WalkFailure,
}

/// A folder's names, each followed by a NUL, and where they lie in order.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    sorted: Vec<Name>,
}

#[derive(Clone, Copy)]
struct Name {
    /// The first eight bytes, so that most comparisons need no look at the name.
    prefix: u64,
    start: u32,
    length: u16,
    /// As far as the listing tells.
    kind: Option<FileKind>,
}

/// One piece of work for any thread.
pub(super) enum Task {
    List(Arc<Folder>),
    Part { folder: Arc<Folder>, names: Arc<Names>, range: Range<usize> },
}

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

impl Names {
    /// None where a folder holds more than offsets can tell apart.
    fn push(&mut self, name: &[u8], kind: Option<FileKind>) -> Option<()> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let length = u16::try_from(name.len()).ok()?;
        if self.bytes.len() + name.len() + 1 > NAMES_MAX_BYTES {
            return None;
        }
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        let mut prefix = [0; 8];
        let known = name.len().min(8);
        prefix[..known].copy_from_slice(&name[..known]);
        self.sorted.push(Name { prefix: u64::from_be_bytes(prefix), start, length, kind });
        Some(())
    }

    fn sort(&mut self) {
        let Self { bytes, sorted } = self;
        // Names hold no NUL, so that equal prefixes mean: as far as they go, equal.
        sorted.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| text(bytes, a).cmp(text(bytes, b))));
    }

    fn contains(&self, name: &[u8]) -> bool {
        self.sorted.iter().any(|entry| text(&self.bytes, entry) == name)
    }

    fn c_str(&self, name: &Name) -> &CStr {
        let start = name.start as usize;
        CStr::from_bytes_with_nul(&self.bytes[start..=start + usize::from(name.length)])
            .expect("a directory entry's name ends at its only NUL")
    }
}

fn text<'names>(bytes: &'names [u8], name: &Name) -> &'names [u8] {
    &bytes[name.start as usize..][..usize::from(name.length)]
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
        text(&self.names.bytes, &self.entries[entry].name)
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
                    Err(error) => nothing(&folder, WalkFailure::List(error)),
                }
            }
        }
    }

    fn list_whole(&self, folder: &Arc<Folder>, scratch: &mut Scratch) -> Listing {
        folder.write_path(&mut scratch.path);
        let handle = match self.root.open_directory(&scratch.path) {
            Ok(handle) => handle,
            Err(error) => return nothing(folder, WalkFailure::List(error)),
        };
        let mut names = Names::default();
        let failure = read_names(&handle, &mut names, &mut scratch.dirents).err();
        let is_base = scratch.path.is_empty();
        if !is_base && self.is_marked(&handle, &names) {
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
            Err(error) => return nothing(folder, WalkFailure::List(error)),
        };
        let mut names = Names::default();
        for name in parts.keys() {
            names.push(name, None).expect("a plan is smaller than a folder can be");
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
            let bytes = text(&names.bytes, name);
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
            let is_folder = metadata.kind == FileKind::Directory;
            if !is_folder && matches!(part.map(|part| &**part), Some(Selection::Part(_))) {
                note(block.entries.len(), WalkFailure::IncludeThrough(metadata.kind));
                continue;
            }
            let is_mount_point = is_folder && metadata.dev != folder.device;
            let descend = is_folder
                && folder.only_device.is_none_or(|device| device == metadata.dev)
                && (!is_mount_point
                    || part.is_some_and(|part| part.is_named())
                    || !is_kernel_view(handle, names.c_str(name)));
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

impl Block {
    fn empty(folder: &Arc<Folder>, left_out: bool) -> Self {
        let children = Children::Folders(Vec::new());
        Block { folder: Arc::clone(folder), names: Arc::default(), entries: Vec::new(), children, left_out }
    }
}

/// The listing of a folder that cannot be listed. If it is gone, so is its entry.
fn nothing(folder: &Arc<Folder>, failure: WalkFailure) -> Listing {
    let left_out = matches!(&failure, WalkFailure::List(error) if is_vanished(error));
    let problems = vec![Noted { before: 0, name: Vec::new(), failure }];
    Listing { block: Arc::new(Block::empty(folder, left_out)), problems }
}

fn read_names(handle: &OwnedFd, names: &mut Names, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    buffer.reserve_exact(LISTING_BUFFER_BYTES);
    let mut entries = RawDir::new(handle, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => None,
            known => Some(FileKind::from(known)),
        };
        names.push(name, kind).ok_or_else(|| io::Error::other("it holds too many names; split it"))?;
    }
    Ok(())
}

/// Whether a mount point shows what the kernel makes up, not what is stored.
fn is_kernel_view(folder: &OwnedFd, name: &CStr) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mount_point = rustix::fs::openat(folder, name, flags, Mode::empty());
    // What cannot be asked is gone into, which tells why.
    let kind = mount_point.and_then(rustix::fs::fstatfs);
    kind.is_ok_and(|kind| KERNEL_VIEWS.contains(&(kind.f_type as u32)))
}

fn has_cache_signature(folder: BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(tag) = rustix::fs::openat(folder, CACHE_TAG, flags, Mode::empty()) else { return false };
    let mut start = [0; CACHE_SIGNATURE.len()];
    File::from(tag).read_exact(&mut start).is_ok() && start == CACHE_SIGNATURE
}
