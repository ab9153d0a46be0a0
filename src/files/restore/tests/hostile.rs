use super::*;
use proptest::prelude::*;
use std::os::unix::fs::MetadataExt;

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
    assert_eq!(restorer.hard_link(&file_entry("missing", ""), b"link"), None);
    assert_eq!(write(&restorer, "good", "good"), Some(Outcome::Written));
    let report = restorer.finish();
    assert_eq!((report.counts.failed, report.counts.written), (6, 1));
    let shown: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    refused to restore `no-target`: it is a link without a target
    refused to restore `nul`: its target is no path
    refused to restore `file-as-node`: it is no device and no named pipe
    refused to restore `folder-as-file`: it is no file and has no content
    refused to restore `.`: the target itself can only be a folder
    refused to restore `time`: its time has more nanoseconds than a second
    ");
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
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
    assert_eq!(restorer.hard_link(&file_entry(path, ""), b"from"), None);
    restorer.hard_link(&file_entry("good", ""), path.as_bytes());
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
    assert_eq!(report.counts.failed, 50);
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
    assert_eq!(report.counts.failed, 20);
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
            restorer.hard_link(&file_entry("a/0/new0", ""), b"a/new");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    restorer.finish();
    assert_untouched(&outside);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_sequence_of_entries_reaches_outside(
        steps in prop::collection::vec(("(a|b|\\.|\\.\\.|victim|outside|/|\u{0}){1,6}", 0..6u8, 0..5usize), 1..40),
        overwrite in prop_oneof![Just(Overwrite::Never), Just(Overwrite::Changed), Just(Overwrite::Always)],
    ) {
        let (_both, target, outside) = target_and_outside();
        let targets = [outside.to_str().unwrap(), "..", "../outside", "../outside/victim", "a"];
        let restorer = Restorer::new(&target, overwrite).unwrap();
        for (path, action, number) in &steps {
            let bytes = path.as_bytes();
            match action {
                0 => _ = restorer.directory(&entry(bytes, FileKind::Directory)),
                1 => _ = restorer.begin_file(&file_entry(path, "")).map(|file| file.commit()),
                2 => {
                    let link_target = Some(targets[*number].as_bytes().to_vec());
                    restorer.symlink(&Entry { link_target, ..entry(bytes, FileKind::Symlink) });
                }
                3 => _ = restorer.node(&entry(bytes, FileKind::Fifo)),
                4 => _ = restorer.hard_link(&file_entry(path, ""), b"linked"),
                _ => _ = restorer.hard_link(&file_entry("a", ""), bytes),
            }
        }
        restorer.finish();
        assert_untouched(&outside);
        let around: Vec<_> = fs::read_dir(target.parent().unwrap()).unwrap().collect();
        prop_assert_eq!(around.len(), 2);
    }
}
