use super::super::{FileTime, Walk, WalkOptions, compare, data_segments};
use super::*;
use crate::base::Cancellation;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use tempfile::TempDir;

/// Restores the tree at `source` into `target`, as a backup would.
fn copy(source: &Path, restorer: &Restorer) -> RestoreReport {
    let mut walk = Walk::new(&WalkOptions::new(source)).unwrap();
    let root = Arc::clone(walk.root());
    let mut names: HashMap<(u64, u64), Vec<u8>> = HashMap::new();
    while let Some(entry) = walk.next() {
        let walked = entry.unwrap();
        let entry = Entry {
            link_target: (walked.metadata.kind == FileKind::Symlink).then(|| root.read_link(&walked.path).unwrap()),
            xattrs: root.xattrs(&walked.path).unwrap(),
            path: walked.path,
            metadata: walked.metadata,
        };
        if entry.metadata.is_hard_linked() {
            if let Some(first) = names.get(&entry.metadata.identity()) {
                restorer.hard_link(first, &entry.path);
                continue;
            }
            names.insert(entry.metadata.identity(), entry.path.clone());
        }
        match entry.metadata.kind {
            FileKind::Directory => drop(restorer.directory(&entry)),
            FileKind::Symlink => drop(restorer.symlink(&entry)),
            FileKind::File => {
                let Some(file) = restorer.begin_file(&entry) else { continue };
                let source = root.open_file(&entry.path).unwrap().0;
                for (offset, length) in data_segments(&source, entry.metadata.size).unwrap() {
                    let mut bytes = vec![0; length as usize];
                    source.read_exact_at(&mut bytes, offset).unwrap();
                    file.write_at(offset, &bytes).unwrap();
                }
                file.commit();
            }
            _ => drop(restorer.node(&entry)),
        }
    }
    restorer.finish()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// One of everything that a Linux tree may hold and that we may make.
fn odd_tree() -> TempDir {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    for folder in ["plain/inner", "closed", "empty"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::write(at("plain/empty-file"), "").unwrap();
    fs::write(at("plain/text"), "text").unwrap();
    fs::write(at("plain/inner/big"), vec![7; 5 << 20]).unwrap();
    fs::write(base.path().join(OsStr::from_bytes(b"plain/\xff\xfe \n")), "bytes").unwrap();
    fs::write(at(&format!("plain/{}", "n".repeat(255))), "long").unwrap();
    fs::write(at("closed/secret"), "secret").unwrap();
    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.write_all_at(b"start", 0).unwrap();
    sparse.write_all_at(&[0; 100], (1 << 20) + 10).unwrap();
    sparse.write_all_at(b"middle", 4 << 20).unwrap();
    sparse.set_len(9 << 20).unwrap();
    fs::hard_link(at("plain/text"), at("empty-not")).unwrap();
    fs::hard_link(at("plain/text"), at("plain/inner/text")).unwrap();
    symlink("plain/text", at("link")).unwrap();
    symlink("/nowhere/\u{e4}", at("closed/broken")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), Mode::from_raw_mode(0o640)).unwrap();
    rustix::fs::setxattr(at("plain/text"), "user.note", b"\x00\xff", rustix::fs::XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(at("plain"), "user.long", &[b'v'; 2000], rustix::fs::XattrFlags::empty()).unwrap();
    if is_root() {
        let node = |name, kind, rdev| {
            rustix::fs::mknodat(rustix::fs::CWD, at(name), kind, Mode::from_raw_mode(0o600), rdev).unwrap();
        };
        node("null", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3));
        node("disk", rustix::fs::FileType::BlockDevice, rustix::fs::makedev(259, 70_000));
        std::os::unix::fs::chown(at("plain/text"), Some(1234), Some(70_000)).unwrap();
        std::os::unix::fs::lchown(at("link"), Some(12), Some(13)).unwrap();
        std::os::unix::fs::chown(at("plain/inner"), Some(1234), None).unwrap();
        rustix::fs::lsetxattr(at("link"), "trusted.link", b"1", rustix::fs::XattrFlags::empty()).unwrap();
        // A capability set, revision 2: permitted cap_net_bind_service.
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let name = "security.capability";
        rustix::fs::setxattr(at("plain/inner/big"), name, &capability, rustix::fs::XattrFlags::empty()).unwrap();
    }
    let acl = acl(&[(1, 6, u32::MAX), (2, 4, 1234), (4, 4, u32::MAX), (0x10, 6, u32::MAX), (0x20, 0, u32::MAX)]);
    rustix::fs::setxattr(at("closed/secret"), "system.posix_acl_access", &acl, rustix::fs::XattrFlags::empty())
        .unwrap();
    rustix::fs::setxattr(at("empty"), "system.posix_acl_default", &acl, rustix::fs::XattrFlags::empty()).unwrap();
    for (name, mode) in
        [("plain/text", 0o6755), ("plain/empty-file", 0o000), ("closed", 0o500), ("plain/inner", 0o3777)]
    {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    for (number, name) in
        ["plain/text", "link", "fifo", "closed/secret", "sparse", "plain", "closed", ""].iter().enumerate()
    {
        set_mtime(&at(name), 1_000_000_000 + number as i64, 999_999_999 - number as i64);
    }
    set_mtime(&at("plain/empty-file"), -1, 1);
    base
}

/// `system.posix_acl_*` bytes from (tag, permissions, id).
fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn differences(expected: &Path, found: &Path) -> Vec<String> {
    let comparison = compare(expected, found, &Cancellation::default()).unwrap();
    comparison.differences.iter().map(ToString::to_string).collect()
}

fn entry(path: &[u8], kind: FileKind) -> Entry {
    let metadata = Metadata {
        kind,
        size: 0,
        mode: 0o644,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mtime: FileTime { seconds: 1_000_000, nanoseconds: 5 },
        ctime: FileTime::default(),
        dev: 0,
        ino: 0,
        nlink: 1,
        rdev: 0,
        blocks: 8,
    };
    Entry { path: path.to_vec(), metadata, link_target: None, xattrs: Vec::new() }
}

fn file_entry(path: &str, content: &str) -> Entry {
    let mut entry = entry(path.as_bytes(), FileKind::File);
    entry.metadata.size = content.len() as u64;
    entry
}

fn write(restorer: &Restorer, path: &str, content: &str) -> Option<Outcome> {
    let file = restorer.begin_file(&file_entry(path, content))?;
    file.write_at(0, content.as_bytes()).unwrap();
    Some(file.commit())
}

#[test]
fn a_tree_of_everything_comes_back_as_it_was() {
    let source = odd_tree();
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Changed).unwrap();
    let report = copy(source.path(), &restorer);
    assert_eq!(report.failures.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(report.notes, []);
    assert_eq!(differences(source.path(), target.path()), Vec::<String>::new());
    let sparse = fs::metadata(target.path().join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 1 << 20, "the holes were filled");
}
