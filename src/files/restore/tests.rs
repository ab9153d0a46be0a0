use super::super::{Differs, FileTime, Walk, WalkOptions, compare, data_segments};
use super::*;
use crate::base::Cancellation;
use proptest::prelude::*;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use tempfile::TempDir;

/// Restores the tree at `source` into `target`, as a backup would.
fn copy(source: &Path, restorer: &Restorer) -> RestoreReport {
    let walk = Walk::new(&WalkOptions::new(source)).unwrap();
    let root = Arc::clone(walk.root());
    let mut names: HashMap<(u64, u64), Vec<u8>> = HashMap::new();
    for entry in walk {
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

#[test]
fn restoring_again_over_the_same_tree_writes_nothing() {
    let source = odd_tree();
    let target = tempfile::tempdir().unwrap();
    copy(source.path(), &Restorer::new(target.path(), Overwrite::Changed).unwrap());
    fs::set_permissions(target.path().join("plain/text"), fs::Permissions::from_mode(0o600)).unwrap();
    set_mtime(&target.path().join("plain"), 5, 5);
    let report = copy(source.path(), &Restorer::new(target.path(), Overwrite::Changed).unwrap());
    assert_eq!((report.counts.written, report.counts.replaced, report.counts.failed), (0, 0, 0));
    assert_eq!(report.counts.bytes, 0);
    assert_eq!(differences(source.path(), target.path()), Vec::<String>::new());
}

#[test]
fn restoring_with_always_over_a_changed_tree_makes_it_equal() {
    let source = odd_tree();
    let target = tempfile::tempdir().unwrap();
    copy(source.path(), &Restorer::new(target.path(), Overwrite::Always).unwrap());
    for name in ["plain/text", "fifo", "link", "sparse"] {
        fs::remove_file(target.path().join(name)).unwrap();
    }
    symlink("elsewhere", target.path().join("plain/text")).unwrap();
    fs::create_dir(target.path().join("fifo")).unwrap();
    fs::write(target.path().join("link"), "file").unwrap();
    fs::remove_dir(target.path().join("empty")).unwrap();
    fs::write(target.path().join("empty"), "no folder").unwrap();
    let report = copy(source.path(), &Restorer::new(target.path(), Overwrite::Always).unwrap());
    assert_eq!(report.counts.failed, 0, "{:?}", report.failures);
    assert_eq!(differences(source.path(), target.path()), Vec::<String>::new());
}

#[test]
fn never_leaves_alone_what_is_there_and_changed_only_what_is_the_same() {
    let target = tempfile::tempdir().unwrap();
    let at = target.path().join("file");
    for (overwrite, seconds, expected, content) in [
        (Overwrite::Never, 1_000_000, None, "aaa"),
        (Overwrite::Changed, 1_000_000, None, "aaa"),
        (Overwrite::Changed, 1_000_001, Some(Outcome::Replaced), "new"),
        (Overwrite::Always, 1_000_000, Some(Outcome::Replaced), "new"),
        (Overwrite::Never, 3, None, "aaa"),
    ] {
        fs::write(&at, "aaa").unwrap();
        set_mtime(&at, seconds, 5);
        let restorer = Restorer::new(target.path(), overwrite).unwrap();
        assert_eq!(write(&restorer, "file", "new"), expected, "{overwrite:?}");
        assert_eq!(fs::read_to_string(&at).unwrap(), content, "{overwrite:?}");
        assert_eq!(restorer.finish().counts.skipped, u64::from(expected.is_none()));
    }
}

#[test]
fn a_name_that_is_free_again_counts_as_written() {
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Never).unwrap();
    assert_eq!(write(&restorer, "a/b/c", "deep"), Some(Outcome::Written));
    assert_eq!(fs::read_to_string(target.path().join("a/b/c")).unwrap(), "deep");
}

#[test]
fn a_full_folder_is_never_deleted_for_something_else() {
    let target = tempfile::tempdir().unwrap();
    fs::create_dir_all(target.path().join("name/full")).unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Always).unwrap();
    assert!(write(&restorer, "name", "x").is_none());
    restorer.symlink(&Entry { link_target: Some(b"x".to_vec()), ..entry(b"name", FileKind::Symlink) });
    restorer.node(&entry(b"name", FileKind::Fifo));
    write(&restorer, "file", "x").unwrap();
    restorer.hard_link(b"file", b"name");
    let failures: Vec<String> = restorer.finish().failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        ["cannot restore `name`: a folder that is not empty stands there; move it away first"; 4].map(str::to_owned)
    );
    assert!(target.path().join("name/full").is_dir());
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
fn content_beyond_the_size_of_an_entry_is_refused() {
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Never).unwrap();
    let file = restorer.begin_file(&file_entry("file", "12345")).unwrap();
    assert!(file.write_at(3, b"45").is_ok());
    for (offset, bytes) in [(4, &b"56"[..]), (6, b""), (u64::MAX, b"x")] {
        assert!(matches!(file.write_at(offset, bytes), Err(FailureReason::Entry(_))), "{offset}");
    }
}

#[test]
fn an_entry_that_contradicts_itself_fails_and_nothing_else() {
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Always).unwrap();
    restorer.symlink(&entry(b"no-target", FileKind::Symlink));
    restorer.symlink(&Entry { link_target: Some(b"a\0b".to_vec()), ..entry(b"nul", FileKind::Symlink) });
    restorer.node(&entry(b"file-as-node", FileKind::File));
    restorer.begin_file(&entry(b"folder-as-file", FileKind::Directory));
    restorer.begin_file(&file_entry("", ""));
    let mut timeless = file_entry("time", "");
    timeless.metadata.mtime.nanoseconds = (1 << 30) - 1;
    restorer.begin_file(&timeless).unwrap().commit();
    restorer.hard_link(b"missing", b"link");
    assert_eq!(write(&restorer, "good", "good"), Some(Outcome::Written));
    let report = restorer.finish();
    assert_eq!((report.counts.failed, report.counts.written), (7, 1));
    let shown: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    refused to restore `no-target`: it is a link without a target
    refused to restore `nul`: its target is no path
    refused to restore `file-as-node`: it is no device and no named pipe
    refused to restore `folder-as-file`: it is no file and has no content
    refused to restore `.`: the target itself can only be a folder
    refused to restore `time`: its time has more nanoseconds than a second
    cannot restore `link`: it is a further name of `missing`, which is not there
    ");
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
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
    let root = super::super::Root::open(target.path()).unwrap();
    assert_eq!(root.metadata(path.as_bytes()).unwrap().size, 4);
    assert_eq!(root.metadata(&path.as_bytes()[..250]).unwrap().mtime.seconds, 1_000_000);
}

/// A target, and beside it a folder that nothing may get into.
fn target_and_outside() -> (TempDir, PathBuf, PathBuf) {
    let both = tempfile::tempdir().unwrap();
    let (target, outside) = (both.path().join("target"), both.path().join("outside"));
    fs::create_dir(&target).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("victim"), "untouched").unwrap();
    fs::set_permissions(outside.join("victim"), fs::Permissions::from_mode(0o600)).unwrap();
    (both, target, outside)
}

fn assert_untouched(outside: &Path) {
    let names: Vec<_> = fs::read_dir(outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["victim"]);
    assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "untouched");
    assert_eq!(fs::metadata(outside.join("victim")).unwrap().mode() & 0o7777, 0o600);
}

/// Tries everything that a restorer can do at `path`.
fn try_everything_at(restorer: &Restorer, path: &str) {
    restorer.directory(&entry(path.as_bytes(), FileKind::Directory));
    if let Some(file) = restorer.begin_file(&file_entry(path, "")) {
        file.commit();
    }
    restorer.symlink(&Entry { link_target: Some(b"x".to_vec()), ..entry(path.as_bytes(), FileKind::Symlink) });
    restorer.node(&entry(path.as_bytes(), FileKind::Fifo));
    restorer.hard_link(path.as_bytes(), b"from");
    restorer.hard_link(b"good", path.as_bytes());
}

#[test]
fn no_path_in_an_archive_leads_out_of_the_target() {
    let (_both, target, outside) = target_and_outside();
    let restorer = Restorer::new(&target, Overwrite::Always).unwrap();
    write(&restorer, "good", "").unwrap();
    let absolute = outside.join("new");
    for path in ["../outside/new", "../outside/victim", "a/../../outside/new", "..", ".", "a//b", "a/", "a\0b", "./a"] {
        try_everything_at(&restorer, path);
    }
    try_everything_at(&restorer, absolute.to_str().unwrap());
    let report = restorer.finish();
    assert_eq!(report.counts.failed, 60);
    assert_eq!(report.counts.written, 1);
    assert!(report.failures.iter().all(|failure| matches!(failure.reason, FailureReason::Path(_))));
    assert_untouched(&outside);
}

#[test]
fn a_link_laid_by_the_archive_is_not_followed() {
    let (_both, target, outside) = target_and_outside();
    let restorer = Restorer::new(&target, Overwrite::Changed).unwrap();
    write(&restorer, "good", "").unwrap();
    for (name, to) in [
        ("absolute", outside.to_str().unwrap()),
        ("relative", "../outside"),
        ("inside", "."),
        ("file", "../outside/victim"),
    ] {
        let link = Entry { link_target: Some(to.as_bytes().to_vec()), ..entry(name.as_bytes(), FileKind::Symlink) };
        assert_eq!(restorer.symlink(&link), Outcome::Written);
    }
    for path in ["absolute/new", "relative/victim", "absolute/a/b/c", "inside/x"] {
        try_everything_at(&restorer, path);
    }
    let report = restorer.finish();
    assert_eq!(report.counts.failed, 24);
    assert!(report.failures[0].to_string().ends_with("a symbolic link stands at `absolute`; move it away first"));
    assert!(!target.join("x").exists());
    // A file at the link's own path takes the link's place.
    let restorer = restorer.clone();
    assert_eq!(write(&restorer, "file", "mine"), Some(Outcome::Replaced));
    assert!(fs::symlink_metadata(target.join("file")).unwrap().is_file());
    assert_untouched(&outside);
}

#[test]
fn links_that_were_in_the_target_before_are_not_followed_either() {
    let (_both, target, outside) = target_and_outside();
    symlink(&outside, target.join("folder")).unwrap();
    symlink(outside.join("victim"), target.join("file")).unwrap();
    let never = Restorer::new(&target, Overwrite::Never).unwrap();
    assert_eq!(never.directory(&entry(b"folder", FileKind::Directory)), Outcome::Failed);
    assert!(write(&never, "folder/new", "x").is_none());
    assert!(write(&never, "file", "x").is_none());
    drop(never);
    assert_untouched(&outside);
    let always = Restorer::new(&target, Overwrite::Always).unwrap();
    assert!(write(&always, "folder/new", "x").is_none());
    assert_eq!(always.directory(&entry(b"folder", FileKind::Directory)), Outcome::Replaced);
    assert_eq!(write(&always, "folder/new", "x"), Some(Outcome::Written));
    assert_eq!(write(&always, "file", "x"), Some(Outcome::Replaced));
    assert_eq!(always.finish().counts.failed, 1);
    assert!(target.join("folder").symlink_metadata().unwrap().is_dir());
    assert_untouched(&outside);
}

#[test]
fn a_folder_swapped_for_a_link_while_it_is_restored_leads_nowhere() {
    let (_both, target, outside) = target_and_outside();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let restorer = Restorer::new(&target, Overwrite::Always).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Folder, link, folder, link, as fast as it goes.
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = fs::rename(target.join("a"), target.join("away"));
                let _ = symlink(&outside, target.join("a"));
                let _ = fs::remove_file(target.join("a"));
                let _ = fs::rename(target.join("away"), target.join("a"));
            }
        });
        for number in 0..2000 {
            // More folders than handles stay open, so that paths are looked up again and again.
            let path = format!("a/{}/new{number}", number % 400);
            if let Some(file) = restorer.begin_file(&file_entry(&path, "")) {
                file.commit();
            }
            restorer.directory(&entry(b"a/victim", FileKind::Directory));
            restorer.hard_link(b"a/0/new0", b"a/new");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    restorer.finish();
    assert_untouched(&outside);
}

/// Runs `work` in a thread that is an ordinary user, if we are root: rights
/// belong to threads in Linux.
fn as_a_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    const USER: u32 = 65_534;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if is_root() {
                rustix::thread::set_thread_groups(&[]).unwrap();
                let (group, user) = (rustix::process::Gid::from_raw(USER), rustix::process::Uid::from_raw(USER));
                rustix::thread::set_thread_res_gid(group, group, group).unwrap();
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}

fn open_to_all(folder: &TempDir) -> &Path {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder.path()
}

#[test]
fn an_ordinary_user_gets_the_content_without_owners_and_set_id_bits() {
    let target = tempfile::tempdir().unwrap();
    let path = open_to_all(&target);
    let report = as_a_user(|| {
        let restorer = Restorer::new(path, Overwrite::Changed).unwrap();
        let mut folder = entry(b"folder", FileKind::Directory);
        (folder.metadata.uid, folder.metadata.mode) = (1, 0o500);
        restorer.directory(&folder);
        for (name, mode) in [("folder/plain", 0o644), ("folder/set", 0o6755)] {
            let mut entry = file_entry(name, "x");
            (entry.metadata.uid, entry.metadata.gid, entry.metadata.mode) = (1, 2, mode);
            entry.xattrs = vec![(b"trusted.x".to_vec(), b"1".to_vec()), (b"user.x".to_vec(), b"1".to_vec())];
            let file = restorer.begin_file(&entry).unwrap();
            file.write_at(0, b"x").unwrap();
            assert_eq!(file.commit(), Outcome::Written);
        }
        let mut device = entry(b"null", FileKind::CharDevice);
        device.metadata.rdev = rustix::fs::makedev(1, 3);
        restorer.node(&device);
        restorer.node(&entry(b"socket", FileKind::Socket));
        restorer.finish()
    });
    let notes: Vec<String> = report.notes.iter().map(ToString::to_string).collect();
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(notes.join("\n"), @"
    the owner of 3 entries (the first is `folder/plain`) was not restored: run the restore as root for that
    the set-uid and set-gid bits of `folder/set` were dropped, as the owner changed
    the attribute `trusted.x` of 2 entries (the first is `folder/plain`) was not restored: the file system has none, or only root may set it
    `socket`: sockets are not restored; the program that listens makes them
    ");
    insta::assert_snapshot!(failures.join("\n"), @"cannot create `null`: operation not permitted");
    let metadata = fs::metadata(path.join("folder/set")).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (0o755, 1_000_000));
    assert_eq!(fs::metadata(path.join("folder")).unwrap().mode() & 0o7777, 0o500);
}

#[test]
fn an_ordinary_user_may_restore_into_a_closed_folder_of_theirs() {
    let target = tempfile::tempdir().unwrap();
    let path = open_to_all(&target);
    as_a_user(|| {
        fs::create_dir_all(path.join("closed")).unwrap();
        fs::set_permissions(path.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        let restorer = Restorer::new(path, Overwrite::Changed).unwrap();
        let mut folder = entry(b"closed", FileKind::Directory);
        folder.metadata.mode = 0o550;
        assert_eq!(restorer.directory(&folder), Outcome::Skipped);
        assert_eq!(write(&restorer, "closed/file", "x"), Some(Outcome::Written));
        assert_eq!(restorer.finish().counts.failed, 0);
    });
    assert_eq!(fs::metadata(path.join("closed")).unwrap().mode() & 0o7777, 0o550);
}

#[test]
fn what_an_ordinary_user_may_not_read_is_a_problem_in_its_place() {
    let source = tempfile::tempdir().unwrap();
    let path = open_to_all(&source);
    for folder in ["a", "closed", "unsearchable"] {
        fs::create_dir(path.join(folder)).unwrap();
        fs::write(path.join(folder).join("file"), "").unwrap();
    }
    fs::write(path.join("unreadable"), "").unwrap();
    for (name, mode) in [("closed", 0o000), ("unsearchable", 0o444), ("unreadable", 0o000)] {
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    if !is_root() {
        return;
    }
    let shown = as_a_user(|| {
        let mut walk = Walk::new(&WalkOptions::new(path)).unwrap();
        let root = Arc::clone(walk.root());
        assert_eq!(root.open_file(b"unreadable").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(root.open_file(b"a/file").is_ok(), "another's file can be opened, with its access time");
        let mut shown = Vec::new();
        while let Some(item) = walk.next_ref() {
            shown.push(
                item.map_or_else(|problem| format!("! {problem}"), |entry| super::super::display_path(entry.path)),
            );
        }
        shown
    });
    insta::assert_snapshot!(shown.join("\n"), @"
    .
    a
    a/file
    closed
    ! cannot list the folder `closed`: permission denied
    unreadable
    unsearchable
    ! cannot read the metadata of `unsearchable/file`: permission denied
    ");
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
    let shown = differences(expected.path(), found.path());
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
    assert_eq!(differences(expected.path(), expected.path()), Vec::<String>::new());
}

/// Something random in a tree; paths meet and nest.
#[derive(Clone, Debug)]
enum Piece {
    File { size: usize, mode: u32, mtime: (i64, u32) },
    Sparse(u64),
    Folder { mode: u32 },
    Symlink(String),
    HardLink(usize),
}

fn a_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        (0..9000usize, 0..0o10000u32, (-9_000_000_000..9_000_000_000i64, 0..1_000_000_000u32))
            .prop_map(|(size, mode, mtime)| Piece::File { size, mode, mtime }),
        (0..200_000u64).prop_map(Piece::Sparse),
        (0..0o10000u32).prop_map(|mode| Piece::Folder { mode }),
        "[a-c./]{1,9}".prop_map(Piece::Symlink),
        (0..20usize).prop_map(Piece::HardLink),
    ]
}

fn build(base: &Path, pieces: &[(Vec<String>, Piece)]) {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = Vec::new();
    for (path, piece) in pieces {
        let at = base.join(path.join("/"));
        // A path through a file, or one that is taken: then the piece falls away.
        if fs::create_dir_all(at.parent().unwrap()).is_err() || at.symlink_metadata().is_ok() {
            continue;
        }
        match piece {
            Piece::File { size, mode, mtime } => {
                fs::write(&at, vec![1; *size]).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(*mode)).unwrap();
                set_mtime(&at, mtime.0, mtime.1.into());
                files.push(at);
            }
            Piece::Sparse(offset) => {
                fs::File::create(&at).unwrap().write_all_at(b"x", *offset).unwrap();
                files.push(at);
            }
            Piece::Folder { mode } => {
                fs::create_dir(&at).unwrap();
                folders.push((at, *mode));
            }
            Piece::Symlink(target) => symlink(target, &at).unwrap(),
            Piece::HardLink(number) => {
                if let Some(first) = files.get(*number) {
                    fs::hard_link(first, &at).unwrap();
                }
            }
        }
    }
    for (at, mode) in folders {
        // We may not be root, and must get in again.
        fs::set_permissions(&at, fs::Permissions::from_mode(mode | 0o700)).unwrap();
        set_mtime(&at, i64::from(mode), 123_456_789);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_back_as_it_was_over_nothing_and_over_any_other(
        pieces in prop::collection::vec((prop::collection::vec("[ab]", 1..5), a_piece()), 0..30),
        before in prop::collection::vec((prop::collection::vec("[ab]", 1..3), a_piece()), 0..4),
    ) {
        prop_assume!(is_root());
        let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        build(source.path(), &pieces);
        build(target.path(), &before);
        let report = copy(source.path(), &Restorer::new(target.path(), Overwrite::Always).unwrap());
        let in_the_way = |failure: &RestoreFailure| matches!(failure.reason, FailureReason::FolderInTheWay);
        prop_assert!(report.failures.iter().all(in_the_way), "{:?}", report.failures);
        if report.failures.is_empty() {
            let comparison = compare(source.path(), target.path(), &Cancellation::default()).unwrap();
            let wrong = comparison.differences.iter().filter(|difference| difference.differs != Differs::Unexpected);
            // What was in a folder before and is in no archive stays.
            prop_assert_eq!(wrong.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        }
    }
}
