use super::{
    FileKind, FileTime, Metadata, Root, Walk, WalkEntry, WalkError, WalkOptions, WalkProblem, display_path,
    plain_reason, tree_order,
};
use crate::base::Cancellation;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// How many differences are kept; all are counted.
const DIFFERENCES_KEPT_MAX: usize = 10_000;

const BUFFER_BYTES: usize = 256 << 10;

/// How two trees compare.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Entries that both trees hold.
    pub compared: u64,
    /// In tree order; the first ten thousand.
    pub differences: Vec<Difference>,
    pub difference_count: u64,
}

/// One way in which the second tree is not as the first.
#[derive(Debug, PartialEq)]
pub struct Difference {
    pub path: Vec<u8>,
    pub differs: Differs,
}

/// What differs: first what was expected, then what was found.
#[derive(Debug, PartialEq)]
pub enum Differs {
    Missing,
    Unexpected,
    Kind(FileKind, FileKind),
    Size(u64, u64),
    /// The content is the same before this offset.
    Content {
        offset: u64,
    },
    Mode(u32, u32),
    /// User and group id.
    Owner((u32, u32), (u32, u32)),
    ModificationTime(FileTime, FileTime),
    LinkTarget(Vec<u8>, Vec<u8>),
    Device(u64, u64),
    /// The name of an attribute that is missing, too many, or has another value.
    Xattr(Vec<u8>),
    /// The first name in tree order of the file that the path is a name of.
    HardLink(Vec<u8>, Vec<u8>),
    /// One of the two cannot be read.
    Unreadable(String),
}

/// Compares two folders and all below them: types, sizes, contents, modes,
/// owners, modification times to the nanosecond, link targets, device numbers,
/// attributes, and which names are the same file. Not: access and change
/// times, where holes lie, and sockets, which only live with a program.
///
/// # Errors
/// Where one of the two folders cannot be walked at all.
pub fn compare(expected: &Path, found: &Path, cancel: &Cancellation) -> Result<Comparison, WalkError> {
    let open = |base: &Path| Side::new(&WalkOptions { cancel: cancel.clone(), ..WalkOptions::new(base) });
    let mut sides = (open(expected)?, open(found)?);
    let mut comparison = Comparison::default();
    let mut next = (sides.0.next(&mut comparison), sides.1.next(&mut comparison));
    loop {
        let order = match &next {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => tree_order(&a.path, &b.path),
        };
        match (order, &next) {
            (Ordering::Equal, (Some(a), Some(b))) => {
                comparison.compared += 1;
                comparison.entry(&mut sides, a, b);
            }
            (Ordering::Less, (Some(a), _)) => comparison.add(&a.path, Differs::Missing),
            (_, (_, Some(b))) => comparison.add(&b.path, Differs::Unexpected),
            (_, (_, None)) => {}
        }
        if order != Ordering::Greater {
            next.0 = sides.0.next(&mut comparison);
        }
        if order != Ordering::Less {
            next.1 = sides.1.next(&mut comparison);
        }
    }
    Ok(comparison)
}

/// One of the trees, as it is walked.
struct Side {
    walk: Walk,
    /// The first name of each file that has several.
    first_names: HashMap<(u64, u64), Vec<u8>>,
    buffer: Vec<u8>,
}

impl Side {
    fn new(options: &WalkOptions) -> Result<Self, WalkError> {
        Ok(Self { walk: Walk::new(options)?, first_names: HashMap::new(), buffer: vec![0; BUFFER_BYTES] })
    }

    /// The next entry that is no socket; problems on the way are differences.
    fn next(&mut self, comparison: &mut Comparison) -> Option<WalkEntry> {
        loop {
            match self.walk.next()? {
                Ok(entry) if entry.metadata.kind == FileKind::Socket => {}
                Ok(entry) => return Some(entry),
                Err(problem) => comparison.unreadable(&problem),
            }
        }
    }

    fn first_name(&mut self, entry: &WalkEntry) -> Vec<u8> {
        if !entry.metadata.is_hard_linked() {
            return entry.path.clone();
        }
        self.first_names.entry(entry.metadata.identity()).or_insert_with(|| entry.path.clone()).clone()
    }

    fn root(&self) -> &Root {
        self.walk.root()
    }
}

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.difference_count == 0
    }

    fn add(&mut self, path: &[u8], differs: Differs) {
        self.difference_count += 1;
        if self.differences.len() < DIFFERENCES_KEPT_MAX {
            self.differences.push(Difference { path: path.to_vec(), differs });
        }
    }

    fn unreadable(&mut self, problem: &WalkProblem) {
        self.add(&problem.path, Differs::Unreadable(problem.to_string()));
    }

    fn entry(&mut self, sides: &mut (Side, Side), expected: &WalkEntry, found: &WalkEntry) {
        let path = &expected.path;
        let (a, b) = (&expected.metadata, &found.metadata);
        if a.kind != b.kind {
            return self.add(path, Differs::Kind(a.kind, b.kind));
        }
        // The mode of a link means nothing.
        if a.mode != b.mode && a.kind != FileKind::Symlink {
            self.add(path, Differs::Mode(a.mode, b.mode));
        }
        if (a.uid, a.gid) != (b.uid, b.gid) {
            self.add(path, Differs::Owner((a.uid, a.gid), (b.uid, b.gid)));
        }
        if a.mtime != b.mtime {
            self.add(path, Differs::ModificationTime(a.mtime, b.mtime));
        }
        if a.rdev != b.rdev {
            self.add(path, Differs::Device(a.rdev, b.rdev));
        }
        let names = (sides.0.first_name(expected), sides.1.first_name(found));
        if names.0 != names.1 {
            self.add(path, Differs::HardLink(names.0, names.1));
        }
        let read = match a.kind {
            FileKind::File if a.size != b.size => {
                self.add(path, Differs::Size(a.size, b.size));
                Ok(())
            }
            FileKind::File => self.content(sides, path, a),
            FileKind::Symlink => self.link_target(sides, path),
            _ => Ok(()),
        };
        if let Err(error) = read.and_then(|()| self.xattrs(sides, path)) {
            self.add(path, Differs::Unreadable(plain_reason(&error)));
        }
    }

    fn content(&mut self, sides: &mut (Side, Side), path: &[u8], expected: &Metadata) -> io::Result<()> {
        let mut a = sides.0.root().open_file(path)?.0;
        let mut b = sides.1.root().open_file(path)?.0;
        let mut offset = 0;
        while offset < expected.size {
            let length = fill(&mut a, &mut sides.0.buffer)?;
            let other = fill(&mut b, &mut sides.1.buffer)?;
            let (a, b) = (&sides.0.buffer[..length], &sides.1.buffer[..other]);
            if a != b {
                let same = a.iter().zip(b).take_while(|(a, b)| a == b).count() as u64;
                self.add(path, Differs::Content { offset: offset + same });
                break;
            }
            if length == 0 {
                break;
            }
            offset += length as u64;
        }
        Ok(())
    }

    fn link_target(&mut self, sides: &(Side, Side), path: &[u8]) -> io::Result<()> {
        let (a, b) = (sides.0.root().read_link(path)?, sides.1.root().read_link(path)?);
        if a != b {
            self.add(path, Differs::LinkTarget(a, b));
        }
        Ok(())
    }

    fn xattrs(&mut self, sides: &(Side, Side), path: &[u8]) -> io::Result<()> {
        let (a, b) = (sides.0.root().xattrs(path)?, sides.1.root().xattrs(path)?);
        let mut names: Vec<_> = a.iter().filter(|xattr| !b.contains(xattr)).map(|xattr| &xattr.0).collect();
        names.extend(b.iter().filter(|xattr| !a.contains(xattr)).map(|xattr| &xattr.0));
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.add(path, Differs::Xattr(name.clone()));
        }
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", display_path(&self.path))?;
        match &self.differs {
            Differs::Missing => f.write_str("is missing"),
            Differs::Unexpected => f.write_str("is there and should not be"),
            Differs::Kind(a, b) => write!(f, "is a {}, expected a {}", b.noun(), a.noun()),
            Differs::Size(a, b) => write!(f, "has {b} bytes, expected {a}"),
            Differs::Content { offset } => write!(f, "has other content from byte {offset} on"),
            Differs::Mode(a, b) => write!(f, "has mode {b:04o}, expected {a:04o}"),
            Differs::Owner(a, b) => write!(f, "belongs to {}:{}, expected {}:{}", b.0, b.1, a.0, a.1),
            Differs::ModificationTime(a, b) => write!(f, "was modified at {b}, expected {a}"),
            Differs::LinkTarget(a, b) => {
                write!(f, "points to `{}`, expected `{}`", display_path(b), display_path(a))
            }
            Differs::Device(a, b) => write!(f, "is device {b:#x}, expected {a:#x}"),
            Differs::Xattr(name) => write!(f, "differs in the attribute `{}`", display_path(name)),
            Differs::HardLink(a, b) => {
                let file = |name: &[u8]| match name == self.path {
                    true => "a file of its own".to_owned(),
                    false => format!("the same file as `{}`", display_path(name)),
                };
                write!(f, "is {}, expected {}", file(b), file(a))
            }
            Differs::Unreadable(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }

    #[test]
    fn a_comparison_tells_every_kind_of_difference() {
        let (expected, found) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (number, base) in [expected.path(), found.path()].into_iter().enumerate() {
            let at = |name: &str| base.join(name);
            for name in ["content", "mode", "time", "size", "xattr", "one", "two"] {
                fs::write(at(name), "same").unwrap();
            }
            fs::write(at("content"), ["sama", "samb"][number]).unwrap();
            fs::write(at("size"), ["a", "aa"][number]).unwrap();
            fs::set_permissions(at("mode"), fs::Permissions::from_mode([0o600, 0o640][number])).unwrap();
            symlink(["a", "b"][number], at("target")).unwrap();
            fs::write(at(["only-expected", "only-found"][number]), "").unwrap();
            rustix::fs::setxattr(at("xattr"), "user.x", [b"1", b"2"][number], rustix::fs::XattrFlags::empty()).unwrap();
            if number == 0 {
                fs::hard_link(at("one"), at("three")).unwrap();
                fs::create_dir(at("kind")).unwrap();
            } else {
                fs::hard_link(at("two"), at("three")).unwrap();
                fs::write(at("kind"), "").unwrap();
            }
            for name in ["content", "mode", "size", "target", "xattr", "one", "two", "kind", ""] {
                set_mtime(&at(name), 7, 7);
            }
            set_mtime(&at("time"), 7, 8 + number as i64);
        }
        let differences = |found: &Path| {
            let comparison = compare(expected.path(), found, &Cancellation::default()).unwrap();
            comparison.differences.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let shown = differences(found.path());
        insta::assert_snapshot!(shown.join("\n"), @"
        `content`: has other content from byte 3 on
        `kind`: is a file, expected a folder
        `mode`: has mode 0640, expected 0600
        `only-expected`: is missing
        `only-found`: is there and should not be
        `size`: has 2 bytes, expected 1
        `target`: points to `b`, expected `a`
        `three`: is a file of its own, expected the same file as `one`
        `time`: was modified at 7.000000009, expected 7.000000008
        `two`: is the same file as `three`, expected a file of its own
        `xattr`: differs in the attribute `user.x`
        ");
        assert_eq!(differences(expected.path()), Vec::<String>::new());
    }
}
