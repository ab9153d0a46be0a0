//! Comparing two trees byte for byte and attribute for attribute, with nothing
//! of the program under test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What is compared beside names, kinds and contents.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// Owner and group; only root can restore them.
    pub owners: bool,
    pub modes: bool,
    /// Modification times to the nanosecond.
    pub times: bool,
    pub xattrs: bool,
    /// Which names share an inode.
    pub hard_links: bool,
    /// A file that had holes has holes again.
    pub holes: bool,
}

impl Comparison {
    pub const ALL: Comparison =
        Comparison { owners: true, modes: true, times: true, xattrs: true, hard_links: true, holes: true };
}

/// One entry of a tree as compared; contents stay on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    xattrs: BTreeMap<OsString, Vec<u8>>,
    /// The least path that shares this inode, when there are several.
    linked_to: Option<PathBuf>,
    has_holes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File { size: u64 },
    Folder,
    Symlink { target: PathBuf },
    Fifo,
    Socket,
    Device { block: bool, number: u64 },
}

/// Every entry below `root`, by its path relative to it. The root itself is not among them.
pub fn snapshot_of(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    let mut inodes: BTreeMap<(u64, u64), Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let absolute = root.join(&folder);
        for entry in fs::read_dir(&absolute).unwrap_or_else(|e| panic!("{}: {e}", absolute.display())) {
            let path = folder.join(entry.expect("a folder can be read to its end").file_name());
            let (entry, inode, links) = read_entry(&root.join(&path));
            if links > 1 && !matches!(entry.kind, Kind::Folder) {
                inodes.entry(inode).or_default().push(path.clone());
            }
            if matches!(entry.kind, Kind::Folder) {
                folders.push(path.clone());
            }
            entries.insert(path, entry);
        }
    }
    for paths in inodes.into_values().filter(|paths| paths.len() > 1) {
        let least = paths.iter().min().expect("there are several").clone();
        for path in paths {
            entries.get_mut(&path).expect("it was just read").linked_to = Some(least.clone());
        }
    }
    entries
}

fn read_entry(path: &Path) -> (Entry, (u64, u64), u64) {
    let metadata = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let kind = metadata.file_type();
    let kind = if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Symlink { target: fs::read_link(path).expect("a link has a target") }
    } else if kind.is_fifo() {
        Kind::Fifo
    } else if kind.is_socket() {
        Kind::Socket
    } else if kind.is_block_device() || kind.is_char_device() {
        Kind::Device { block: kind.is_block_device(), number: metadata.rdev() }
    } else {
        Kind::File { size: metadata.len() }
    };
    let xattrs = if matches!(kind, Kind::Symlink { .. }) { BTreeMap::new() } else { read_xattrs(path) };
    let has_holes = matches!(kind, Kind::File { size } if metadata.blocks() * 512 + 4096 < size);
    let entry = Entry {
        kind,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs,
        linked_to: None,
        has_holes,
    };
    (entry, (metadata.dev(), metadata.ino()), metadata.nlink())
}

fn read_xattrs(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let Ok(names) = xattr::list(path) else { return BTreeMap::new() };
    names.filter_map(|name| Some((name.clone(), xattr::get(path, &name).ok()??))).collect()
}

/// Requires that two trees are the same.
#[track_caller]
pub fn assert_same_tree(expected: &Path, found: &Path, comparison: Comparison) {
    let differences = differences(expected, found, comparison);
    assert!(
        differences.is_empty(),
        "`{}` is not `{}`: {} differences\n{}",
        found.display(),
        expected.display(),
        differences.len(),
        differences.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join("\n")
    );
}

/// One path and what is wrong with it.
pub struct Difference {
    path: PathBuf,
    what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.path.as_os_str().as_bytes();
        let shown = if bytes.len() > 200 {
            OsString::from_vec([&bytes[..100], b"...", &bytes[bytes.len() - 100..]].concat())
        } else {
            self.path.as_os_str().to_owned()
        };
        write!(f, "  {shown:?}: {}", self.what)
    }
}

pub fn differences(expected: &Path, found: &Path, comparison: Comparison) -> Vec<Difference> {
    let (left, right) = (snapshot_of(expected), snapshot_of(found));
    let mut differences = Vec::new();
    let mut add = |path: &PathBuf, what: String| differences.push(Difference { path: path.clone(), what });
    for path in right.keys().filter(|path| !left.contains_key(*path)) {
        add(path, "should not be there".to_owned());
    }
    for (path, wanted) in &left {
        let Some(got) = right.get(path) else {
            add(path, "is missing".to_owned());
            continue;
        };
        let mut unequal = |applies: bool, what: &str, a: &dyn fmt::Debug, b: &dyn fmt::Debug| {
            if applies {
                add(path, format!("{what} should be {a:?}, is {b:?}"));
            }
        };
        unequal(wanted.kind != got.kind, "kind", &wanted.kind, &got.kind);
        let is_link = matches!(wanted.kind, Kind::Symlink { .. });
        unequal(comparison.modes && !is_link && wanted.mode != got.mode, "mode", &wanted.mode, &got.mode);
        unequal(comparison.owners && wanted.owner != got.owner, "owner", &wanted.owner, &got.owner);
        unequal(comparison.times && wanted.mtime != got.mtime, "mtime", &wanted.mtime, &got.mtime);
        unequal(comparison.xattrs && wanted.xattrs != got.xattrs, "xattrs", &wanted.xattrs, &got.xattrs);
        let links = comparison.hard_links && wanted.linked_to != got.linked_to;
        unequal(links, "the first name of its inode", &wanted.linked_to, &got.linked_to);
        let holes = comparison.holes && wanted.has_holes && !got.has_holes;
        unequal(holes, "having holes", &wanted.has_holes, &got.has_holes);
        if matches!(wanted.kind, Kind::File { .. })
            && wanted.kind == got.kind
            && let Some(at) = first_different_byte(&expected.join(path), &found.join(path))
        {
            add(path, format!("content differs from byte {at} on"));
        }
    }
    differences
}

/// Files of one size; `None`: equal.
fn first_different_byte(left: &Path, right: &Path) -> Option<u64> {
    let open = |path: &Path| File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut left, mut right) = (open(left), open(right));
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut position = 0u64;
    loop {
        let (n, m) = (fill(&mut left, &mut a), fill(&mut right, &mut b));
        if let Some(at) = a[..n].iter().zip(&b[..m]).position(|(x, y)| x != y) {
            return Some(position + at as u64);
        }
        if n != m {
            return Some(position + n.min(m) as u64);
        }
        if n < a.len() {
            return None;
        }
        position += n as u64;
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]).expect("the file can be read") {
            0 => break,
            n => filled += n,
        }
    }
    filled
}
