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
