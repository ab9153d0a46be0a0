//! What a restore does to a file system, on real folders.

mod hostile;
mod overwrite;
mod trees;
mod users;

use super::*;
use crate::base::Cancellation;
use crate::files::{FileTime, Walk, WalkOptions, compare, data_segments};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use tempfile::TempDir;

/// Restores the tree at `source` into `target`, as a backup would.
fn copy(source: &Path, restorer: &Restorer) -> RestoreReport {
    let walk = Walk::new(&WalkOptions::new(source)).unwrap();
    let root = Arc::clone(walk.root());
    let mut names: HashMap<(u64, u64), Entry> = HashMap::new();
    for entry in walk {
        let walked = entry.unwrap();
        let entry = Entry {
            link_target: (walked.metadata.kind == FileKind::Symlink).then(|| root.read_link(&walked.path).unwrap()),
            xattrs: root.xattrs(&walked.path).unwrap(),
            path: walked.path,
            metadata: walked.metadata,
        };
        if entry.metadata.is_hard_linked() {
            let first = names.entry(entry.metadata.identity()).or_insert_with(|| entry.clone());
            if first.path != entry.path && restorer.hard_link(first, &entry.path).is_some() {
                continue;
            }
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
fn a_file_that_is_not_committed_leaves_nothing_behind() {
    let target = tempfile::tempdir().unwrap();
    fs::write(target.path().join("old"), "old").unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Always).unwrap();
    let half = restorer.begin_file(&file_entry("old", "new content")).unwrap();
    half.write_at(0, b"new").unwrap();
    drop(half);
    let broken = restorer.begin_file(&file_entry("broken", "content")).unwrap();
    broken.fail(FailureReason::Content("its chunk is damaged".to_owned()));
    let report = restorer.finish();
    assert_eq!(report.failures[0].to_string(), "cannot restore `broken`: its chunk is damaged");
    assert_eq!(fs::read_to_string(target.path().join("old")).unwrap(), "old");
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
}

#[test]
fn what_a_killed_restore_left_is_replaced_by_the_next_one() {
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Never).unwrap();
    let half = restorer.begin_file(&file_entry("file", "whole")).unwrap();
    half.write_at(0, b"wh").unwrap();
    // As a kill would: no destructor runs.
    std::mem::forget(half);
    let left: Vec<_> = fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1);
    assert!(left[0].as_bytes().starts_with(b".plan-partial-"));
    assert_eq!(write(&restorer, "file", "whole"), Some(Outcome::Written));
    let left: Vec<_> = fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
}

#[test]
fn a_second_restore_into_the_same_target_has_to_wait() {
    let target = tempfile::tempdir().unwrap();
    let first = Restorer::new(target.path(), Overwrite::Never).unwrap();
    assert!(matches!(Restorer::new(target.path(), Overwrite::Never), Err(RestoreError::Busy { .. })));
    drop(first);
    assert!(Restorer::new(target.path(), Overwrite::Never).is_ok());
}

#[test]
fn many_threads_write_many_files_and_one_file_together() {
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Never).unwrap();
    let big = restorer.begin_file(&file_entry("big", &"x".repeat(80_000))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (restorer, big) = (restorer.clone(), &big);
            scope.spawn(move || {
                for number in 0..50 {
                    let path = format!("{}/{}/{thread}", number % 7, number);
                    assert_eq!(write(&restorer, &path, &path), Some(Outcome::Written));
                }
                big.write_at(thread * 10_000, &[b'x'; 10_000]).unwrap();
            });
        }
    });
    big.commit();
    let report = restorer.finish();
    assert_eq!((report.counts.written, report.counts.failed), (401, 0));
    assert_eq!(fs::read_to_string(target.path().join("big")).unwrap(), "x".repeat(80_000));
    assert_eq!(fs::read_to_string(target.path().join("5/33/7")).unwrap(), "5/33/7");
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_restored() {
    let target = tempfile::tempdir().unwrap();
    let path = vec!["d".repeat(250); 40].join("/");
    let restorer = Restorer::new(target.path(), Overwrite::Changed).unwrap();
    for end in 1..40 {
        let folder = &path.as_bytes()[..end * 251 - 1];
        assert_eq!(restorer.directory(&entry(folder, FileKind::Directory)), Outcome::Written);
    }
    assert_eq!(write(&restorer, &path, "deep"), Some(Outcome::Written));
    assert_eq!(restorer.finish().counts.failed, 0);
    let root = crate::files::Root::open(target.path()).unwrap();
    assert_eq!(root.metadata(path.as_bytes()).unwrap().size, 4);
    assert_eq!(root.metadata(&path.as_bytes()[..250]).unwrap().mtime.seconds, 1_000_000);
}
