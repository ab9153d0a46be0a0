use std::cmp::Ordering;

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

/// Seconds since 1970 (may be negative) and nanoseconds (0..1e9) after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime {
    pub seconds: i64,
    pub nanoseconds: u32,
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
    fn a_folder_comes_right_before_its_contents() {
        let mut paths: Vec<&[u8]> = vec![b"a.b", b"a/b", b"a", b"a/b/c", b"", b"b", b"a/\x01", b"a-"];
        paths.sort_by(|a, b| tree_order(a, b));
        assert_eq!(paths, [&b""[..], b"a", b"a/\x01", b"a/b", b"a/b/c", b"a-", b"a.b", b"b"]);
    }
}
