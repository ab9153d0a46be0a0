use super::*;

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
        (Overwrite::Never, 1_000_001, None, "aaa"),
    ] {
        fs::write(&at, "aaa").unwrap();
        set_mtime(&at, seconds, 5);
        let restorer = Restorer::new(target.path(), overwrite).unwrap();
        assert_eq!(write(&restorer, "file", "new"), expected, "{overwrite:?}");
        assert_eq!(fs::read_to_string(&at).unwrap(), content, "{overwrite:?}");
        let report = restorer.finish();
        assert_eq!(report.counts.skipped, u64::from(expected.is_none()));
        let stays_other = expected.is_none() && seconds != 1_000_000;
        assert_eq!(report.counts.different, u64::from(stays_other), "{overwrite:?}");
        assert_eq!(report.different, vec![b"file".to_vec(); usize::from(stays_other)]);
    }
}

#[test]
fn a_file_in_a_new_folder_has_its_own_name_at_once_and_is_written_once() {
    for overwrite in [Overwrite::Never, Overwrite::Changed, Overwrite::Always] {
        let target = tempfile::tempdir().unwrap();
        let restorer = Restorer::new(target.path(), overwrite).unwrap();
        restorer.directory(&entry(b"new", FileKind::Directory));
        for (path, content) in [("new/file", "first"), ("made/on/the/way", "first"), ("file", "first")] {
            restorer.write_file(&file_entry(path, content), content.as_bytes());
            assert_eq!(fs::read_to_string(target.path().join(path)).unwrap(), "first");
        }
        // More than there should be: given up, and nothing of it stays.
        restorer.write_file(&file_entry("new/long", "1"), b"12");
        assert!(!target.path().join("new/long").exists());
        // An archive that has the name twice.
        restorer.write_file(&file_entry("new/file", "other!"), b"other!");
        let counts = restorer.finish().counts;
        let expected = match overwrite {
            Overwrite::Never => (4, 0, 1, 1),
            Overwrite::Changed | Overwrite::Always => (4, 1, 0, 1),
        };
        assert_eq!((counts.written, counts.replaced, counts.different, counts.failed), expected, "{overwrite:?}");
    }
}

#[test]
fn what_a_kill_left_of_a_file_is_told_of_or_written_anew() {
    let target = tempfile::tempdir().unwrap();
    for (overwrite, different, content) in [(Overwrite::Never, 1, "wh"), (Overwrite::Changed, 0, "whole")] {
        fs::write(target.path().join("half"), "wh").unwrap();
        let restorer = Restorer::new(target.path(), overwrite).unwrap();
        restorer.write_file(&file_entry("half", "whole"), b"whole");
        assert_eq!(restorer.finish().counts.different, different);
        assert_eq!(fs::read_to_string(target.path().join("half")).unwrap(), content);
    }
}

#[test]
fn a_target_that_was_missing_gets_its_attributes_whatever_may_be_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for overwrite in [Overwrite::Never, Overwrite::Changed, Overwrite::Always] {
        let target = folder.path().join(format!("{overwrite:?}/target"));
        let restorer = Restorer::new(&target, overwrite).unwrap();
        let root = entry(b"", FileKind::Directory);
        restorer.directory(&Entry { metadata: Metadata { mode: 0o700, ..root.metadata.clone() }, ..root });
        write(&restorer, "file", "x").unwrap();
        assert_eq!(restorer.finish().counts.failed, 0);
        let found = fs::metadata(&target).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o700, "{overwrite:?}");
    }
}

#[test]
fn what_never_leaves_and_differs_is_told_of_folders_and_further_names_too() {
    let target = tempfile::tempdir().unwrap();
    let at = |name: &str| target.path().join(name);
    let restorer = Restorer::new(target.path(), Overwrite::Never).unwrap();
    write(&restorer, "first", "abc").unwrap();
    for (name, content) in [("alike", "abc"), ("other", "other")] {
        fs::write(at(name), content).unwrap();
        set_mtime(&at(name), 1_000_000, 5);
        let outcome = restorer.hard_link(&file_entry("first", "abc"), name.as_bytes());
        assert_eq!(outcome, Some(Outcome::Skipped));
    }
    for (name, mode) in [("open", 0o755), ("closed", 0o700)] {
        fs::create_dir(at(name)).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        let folder = entry(name.as_bytes(), FileKind::Directory);
        restorer.directory(&Entry { metadata: Metadata { mode: 0o755, ..folder.metadata.clone() }, ..folder });
    }
    let report = restorer.finish();
    assert_eq!(report.different, [b"other".to_vec(), b"closed".to_vec()]);
    assert_eq!((report.counts.skipped, report.counts.different), (4, 2));
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
    restorer.hard_link(&file_entry("file", "x"), b"name").unwrap();
    let failures: Vec<String> = restorer.finish().failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        ["cannot restore `name`: a folder that is not empty stands there; move it away first"; 4].map(str::to_owned)
    );
    assert!(target.path().join("name/full").is_dir());
}

/// Puts something at `at`, which is free.
fn put(at: &Path, what: &str) {
    match what {
        "nothing" => return,
        "same file" | "other file" => fs::write(at, if what == "same file" { "abc" } else { "abcd" }).unwrap(),
        "same link" | "other link" => symlink(if what == "same link" { "to" } else { "two" }, at).unwrap(),
        "pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, at, Mode::RWXU).unwrap(),
        "empty folder" => fs::create_dir(at).unwrap(),
        "full folder" => fs::create_dir_all(at.join("full")).unwrap(),
        _ => unreachable!("{what}"),
    }
    set_mtime(at, 1_000_000, 5);
}

fn restore_one(restorer: &Restorer, entry: &Entry) -> Outcome {
    match entry.metadata.kind {
        FileKind::Directory => restorer.directory(entry),
        FileKind::Symlink => restorer.symlink(entry),
        FileKind::File => match restorer.begin_file(entry) {
            Some(file) => {
                file.write_at(0, b"abc").unwrap();
                file.commit()
            }
            None if restorer.finish().counts.failed > 0 => Outcome::Failed,
            None => Outcome::Skipped,
        },
        _ => restorer.node(entry),
    }
}

#[test]
fn every_meeting_of_an_entry_with_what_is_there_ends_as_the_preview_says() {
    let states =
        ["nothing", "same file", "other file", "same link", "other link", "pipe", "empty folder", "full folder"];
    let entries = [
        file_entry("name", "abc"),
        Entry { link_target: Some(b"to".to_vec()), ..entry(b"name", FileKind::Symlink) },
        entry(b"name", FileKind::Fifo),
        entry(b"name", FileKind::Directory),
    ];
    let mut table = String::new();
    for policy in [Overwrite::Never, Overwrite::Changed, Overwrite::Always] {
        for state in states {
            let mut row = format!("{policy:?} over {state}:");
            for entry in &entries {
                let target = tempfile::tempdir().unwrap();
                put(&target.path().join("name"), state);
                let foreseen = Preview::open(target.path(), policy).unwrap().outcome(entry);
                let restorer = Restorer::new(target.path(), policy).unwrap();
                let outcome = restore_one(&restorer, entry);
                assert_eq!(foreseen.unwrap_or(Outcome::Failed), outcome, "{row} {:?}", entry.metadata.kind);
                row += &format!(" {} {outcome:?}", entry.metadata.kind.noun());
            }
            table += &row;
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table, @"
    Never over nothing: file Written symbolic link Written named pipe Written folder Written
    Never over same file: file Skipped symbolic link Skipped named pipe Skipped folder Failed
    Never over other file: file Skipped symbolic link Skipped named pipe Skipped folder Failed
    Never over same link: file Skipped symbolic link Skipped named pipe Skipped folder Failed
    Never over other link: file Skipped symbolic link Skipped named pipe Skipped folder Failed
    Never over pipe: file Skipped symbolic link Skipped named pipe Skipped folder Failed
    Never over empty folder: file Skipped symbolic link Skipped named pipe Skipped folder Skipped
    Never over full folder: file Skipped symbolic link Skipped named pipe Skipped folder Skipped
    Changed over nothing: file Written symbolic link Written named pipe Written folder Written
    Changed over same file: file Skipped symbolic link Replaced named pipe Replaced folder Replaced
    Changed over other file: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Changed over same link: file Replaced symbolic link Skipped named pipe Replaced folder Replaced
    Changed over other link: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Changed over pipe: file Replaced symbolic link Replaced named pipe Skipped folder Replaced
    Changed over empty folder: file Replaced symbolic link Replaced named pipe Replaced folder Skipped
    Changed over full folder: file Failed symbolic link Failed named pipe Failed folder Skipped
    Always over nothing: file Written symbolic link Written named pipe Written folder Written
    Always over same file: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Always over other file: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Always over same link: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Always over other link: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Always over pipe: file Replaced symbolic link Replaced named pipe Replaced folder Replaced
    Always over empty folder: file Replaced symbolic link Replaced named pipe Replaced folder Skipped
    Always over full folder: file Failed symbolic link Failed named pipe Failed folder Skipped
    ");
}

#[test]
fn a_preview_needs_no_target_and_sees_what_is_in_the_way() {
    let target = tempfile::tempdir().unwrap();
    let preview = Preview::open(&target.path().join("not/yet"), Overwrite::Never).unwrap();
    assert_eq!(preview.outcome(&file_entry("a/b", "")).unwrap(), Outcome::Written);
    symlink("/", target.path().join("link")).unwrap();
    let preview = Preview::open(target.path(), Overwrite::Always).unwrap();
    assert!(preview.outcome(&file_entry("link/x", "")).is_err());
    assert!(preview.outcome(&file_entry("../x", "")).is_err());
    assert_eq!(preview.outcome(&file_entry("new/x", "")).unwrap(), Outcome::Written);
    assert!(!target.path().join("new").exists() && !target.path().join("not").exists());
}
