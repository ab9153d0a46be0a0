use rustix::fs::{FileType, Stat};
use std::cmp::Ordering;
use std::fmt;

/// What `lstat` said, in full precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub kind: FileKind,
    /// Bytes of content; 0 for everything but files.
    pub size: u64,
    /// Permission bits with set-uid, set-gid and sticky: the low 12 bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: FileTime,
    pub ctime: FileTime,
    pub dev: u64,
    pub ino: u64,
    pub nlink: u64,
    /// Device number of a device node, else 0.
    pub rdev: u64,
    /// 512-byte blocks really allocated; fewer than the size needs: sparse.
    pub blocks: u64,
}

impl Metadata {
    /// The inode's identity on this machine: device and inode number.
    pub fn identity(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    /// Fewer blocks are allocated than the size needs, so reading by
    /// [`data_segments`](super::data_segments) pays. Compressing file systems
    /// say so of dense files too.
    pub fn is_sparse(&self) -> bool {
        self.kind == FileKind::File && self.blocks.saturating_mul(512) < self.size
    }

    /// Something with further names, which the walk will show or has shown: a
    /// file mostly, but a symbolic link or a device can have several too.
    pub fn is_hard_linked(&self) -> bool {
        self.kind != FileKind::Directory && self.nlink > 1
    }
}

impl From<&Stat> for Metadata {
    // The fields' types differ between architectures; every one of them fits.
    #[allow(clippy::unnecessary_cast)]
    fn from(stat: &Stat) -> Self {
        let kind = FileKind::from(FileType::from_raw_mode(stat.st_mode));
        Self {
            kind,
            size: if kind == FileKind::File { stat.st_size as u64 } else { 0 },
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: FileTime { seconds: stat.st_mtime as i64, nanoseconds: stat.st_mtime_nsec as u32 },
            ctime: FileTime { seconds: stat.st_ctime as i64, nanoseconds: stat.st_ctime_nsec as u32 },
            dev: stat.st_dev,
            ino: stat.st_ino,
            nlink: stat.st_nlink as u64,
            rdev: if matches!(kind, FileKind::BlockDevice | FileKind::CharDevice) { stat.st_rdev } else { 0 },
            blocks: stat.st_blocks as u64,
        }
    }
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice => Self::CharDevice,
            FileType::BlockDevice => Self::BlockDevice,
            // `lstat` knows no other kinds.
            FileType::RegularFile | FileType::Unknown => Self::File,
        }
    }
}

impl FileKind {
    /// What a person calls it: `folder`, `symbolic link`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "folder",
            Self::Symlink => "symbolic link",
            Self::BlockDevice => "block device",
            Self::CharDevice => "character device",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
        }
    }
}

/// Seconds since 1970 (may be negative) and nanoseconds (0..1e9) after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime {
    pub seconds: i64,
    pub nanoseconds: u32,
}

impl fmt::Display for FileTime {
    /// `1795485600.000000001`: seconds since 1970 to the nanosecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanoseconds)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    BlockDevice,
    CharDevice,
    Fifo,
    Socket,
}

/// Whether `path` is `folder` or lies anywhere below it; all lies below the empty path.
pub fn is_within(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
}

/// The order of a tree's paths: component by component, bytes within each, so
/// that `a/b` comes before `a.b` and a folder comes right before its contents.
pub fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    // Comparing with `/` as the smallest byte is comparing by components.
    let common = a.iter().zip(b).position(|(x, y)| x != y);
    match common {
        None => a.len().cmp(&b.len()),
        Some(at) => match (a[at], b[at]) {
            (b'/', _) => Ordering::Less,
            (_, b'/') => Ordering::Greater,
            (x, y) => x.cmp(&y),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_components_put_a_path_below_a_folder() {
        for (path, folder) in [(&b"a/b"[..], &b"a"[..]), (b"a", b"a"), (b"a", b""), (b"", b"")] {
            assert!(is_within(path, folder));
        }
        for (path, folder) in [(&b"ab"[..], &b"a"[..]), (b"a.b", b"a"), (b"a", b"a/b"), (b"", b"a")] {
            assert!(!is_within(path, folder));
        }
    }

    #[test]
    fn a_folder_comes_right_before_its_contents() {
        let mut paths: Vec<&[u8]> = vec![b"a.b", b"a/b", b"a", b"a/b/c", b"", b"b", b"a/\x01", b"a-"];
        paths.sort_by(|a, b| tree_order(a, b));
        assert_eq!(paths, [&b""[..], b"a", b"a/\x01", b"a/b", b"a/b/c", b"a-", b"a.b", b"b"]);
    }
}
