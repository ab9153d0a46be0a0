use super::*;
use std::os::unix::fs::MetadataExt;

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
                item.map_or_else(|problem| format!("! {problem}"), |entry| crate::files::display_path(entry.path)),
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
