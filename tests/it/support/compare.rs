//! Comparing two trees byte for byte and attribute for attribute. Nothing here is
//! of the program under test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
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

/// One entry of a tree as compared.
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
    File { size: u64, hash: plan::base::ContentHash },
    Folder,
    Symlink { target: PathBuf },
    Fifo,
    Socket,
    Device { block: bool, number: u64 },
}

/// A whole tree as it was at one moment: to compare another with, when the tree
/// itself has moved on. Contents are kept as their hash.
pub struct TreePrint(BTreeMap<PathBuf, Entry>);

impl TreePrint {
    /// Every entry below `root`, by its path relative to it. The root itself is not among them.
    pub fn of(root: &Path) -> Self {
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
        Self(entries)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The part below a folder, by paths relative to it.
    pub fn below(&self, folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        let relative = |path: &Path| path.strip_prefix(folder).map(Path::to_owned).ok();
        let inside = self.0.iter().filter_map(|(path, entry)| Some((relative(path)?, entry.clone())));
        Self(inside.filter(|(path, _)| !path.as_os_str().is_empty()).collect())
    }

    /// Requires that the tree at `found` is the same.
    #[track_caller]
    pub fn assert_is(&self, found: &Path, comparison: Comparison) {
        let differences = self.differences(&Self::of(found), comparison);
        assert!(
            differences.is_empty(),
            "`{}` is not what was backed up: {} differences\n{}",
            found.display(),
            differences.len(),
            differences.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
    }

    pub fn differences(&self, found: &Self, comparison: Comparison) -> Vec<Difference> {
        let mut differences = Vec::new();
        for path in found.0.keys().filter(|path| !self.0.contains_key(*path)) {
            differences.push(Difference { path: path.clone(), what: "should not be there".to_owned() });
        }
        for (path, wanted) in &self.0 {
            match found.0.get(path) {
                None => differences.push(Difference { path: path.clone(), what: "is missing".to_owned() }),
                Some(got) => differences.extend(
                    wanted.differences(got, comparison).into_iter().map(|what| Difference { path: path.clone(), what }),
                ),
            }
        }
        differences
    }
}

impl Entry {
    fn differences(&self, found: &Self, comparison: Comparison) -> Vec<String> {
        let mut differences = Vec::new();
        let mut unequal = |applies: bool, what: &str, wanted: &dyn fmt::Debug, found: &dyn fmt::Debug| {
            if applies {
                differences.push(format!("{what} should be {}, is {}", short(wanted), short(found)));
            }
        };
        unequal(self.kind != found.kind, "kind", &self.kind, &found.kind);
        let is_link = matches!(self.kind, Kind::Symlink { .. });
        unequal(comparison.modes && !is_link && self.mode != found.mode, "mode", &self.mode, &found.mode);
        unequal(comparison.owners && self.owner != found.owner, "owner", &self.owner, &found.owner);
        unequal(comparison.times && self.mtime != found.mtime, "mtime", &self.mtime, &found.mtime);
        unequal(comparison.xattrs && self.xattrs != found.xattrs, "xattrs", &self.xattrs, &found.xattrs);
        let links = comparison.hard_links && self.linked_to != found.linked_to;
        unequal(links, "the first name of its inode", &self.linked_to, &found.linked_to);
        let holes = comparison.holes && self.has_holes && !found.has_holes;
        unequal(holes, "having holes", &self.has_holes, &found.has_holes);
        differences
    }
}

/// A value as debugged, cut where nobody reads on.
fn short(value: &dyn fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
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
        Kind::File { size: metadata.len(), hash: hash_file(path) }
    };
    let xattrs = if matches!(kind, Kind::Symlink { .. }) { BTreeMap::new() } else { read_xattrs(path) };
    let has_holes = matches!(kind, Kind::File { size, .. } if metadata.blocks() * 512 + 4096 < size);
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
    TreePrint::of(expected).assert_is(found, comparison);
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

fn hash_file(path: &Path) -> plan::base::ContentHash {
    let mut file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    plan::base::ContentHash(*hasher.finalize().as_bytes())
}
