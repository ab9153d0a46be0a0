use super::*;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

#[test]
fn an_empty_source_comes_back_empty() {
    let bench = Bench::new();
    let outcome = bench.backup();
    assert_eq!((outcome.record.totals.files, outcome.record.totals.folders), (0, 1));
    bench.assert_newest_restores();
}

fn odd_tree(bench: &Bench) {
    bench.write("empty", b"");
    bench.write("a/small.txt", b"hello");
    bench.write("a/twin.txt", b"hello");
    bench.write("a.b", b"sorts after a/");
    bench.write("big/noise", &noise(1, 5 << 20));
    bench.write("big/streamed", &noise(2, 17 << 20));
    bench.write("big/text", "one line of text, again and again\n".repeat(60_000).as_bytes());
    std::fs::hard_link(bench.source().join("a/small.txt"), bench.source().join("big/linked")).unwrap();
    symlink("../a/small.txt", bench.source().join("big/link")).unwrap();
    symlink("nowhere\n", bench.source().join("dangling")).unwrap();
    let sparse = std::fs::File::create(bench.source().join("sparse")).unwrap();
    sparse.set_len(50 << 20).unwrap();
    sparse.write_all_at(b"in the middle", 30 << 20).unwrap();
    std::fs::File::create(bench.source().join("all-hole")).unwrap().set_len(5 << 20).unwrap();
    std::fs::set_permissions(bench.source().join("a.b"), std::fs::Permissions::from_mode(0o4711)).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"new\nline \xff");
    use std::os::unix::ffi::OsStrExt;
    std::fs::write(bench.source().join(odd), b"odd").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.source().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
}

#[test]
fn a_further_name_has_its_content_where_the_first_name_cannot_be_restored() {
    let bench = Bench::new();
    bench.write("first", b"content");
    for further in ["second", "third"] {
        std::fs::hard_link(bench.source().join("first"), bench.source().join(further)).unwrap();
    }
    bench.backup();
    let target = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(target.path().join("first/full")).unwrap();
    let report = bench.restore_into(target.path(), bench.snapshots().last().unwrap(), &[]);
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, ["cannot restore `first`: a folder that is not empty stands there; move it away first"]);
    for further in ["second", "third"] {
        assert_eq!(std::fs::read(target.path().join(further)).unwrap(), b"content");
    }
}

#[test]
fn every_kind_of_entry_comes_back_for_every_codec_with_and_without_encryption() {
    for codec in [Codec::Zstd { level: 3 }, Codec::Gzip { level: 6 }, Codec::None] {
        for (full, encrypted) in [(false, true), (true, true), (false, false)] {
            let mut bench = Bench { codec, full, ..Bench::new() };
            if !encrypted {
                bench.recipients = None;
            }
            odd_tree(&bench);
            let outcome = bench.backup();
            assert_eq!(outcome.unreadable, [], "{codec:?}");
            bench.assert_newest_restores();
            bench.write("a/small.txt", b"changed");
            bench.write("big/noise", &noise(1, (5 << 20) - 5));
            bench.write("big/streamed", &[&b"front"[..], &noise(2, 17 << 20)].concat());
            std::fs::remove_file(bench.source().join("a.b")).unwrap();
            let second = bench.backup();
            bench.assert_newest_restores();
            if !full {
                assert!(second.record.totals.stored_bytes < 8 << 20, "{}", second.record.totals.stored_bytes);
            }
        }
    }
}

#[test]
fn each_of_ten_snapshots_comes_back_as_it_was() {
    let bench = Bench { volume_bytes: 100_000, ..Bench::new() };
    let kept = tempfile::tempdir().unwrap();
    for round in 0..10u64 {
        for file in 0..40u64 {
            if (file + round) % 3 == 0 {
                bench.write(&format!("d{}/f{file}", file % 7), &noise(file * 100 + round, 3000));
            }
        }
        if round > 2 {
            let _ = std::fs::remove_file(bench.source().join(format!("d{}/f{round}", round % 7)));
        }
        if round == 5 {
            std::fs::rename(bench.source().join("d3"), bench.source().join("moved")).unwrap();
        }
        bench.backup();
        let copy = kept.path().join(round.to_string());
        assert!(std::process::Command::new("cp").arg("-a").arg(bench.source()).arg(&copy).status().unwrap().success());
    }
    let snapshots = bench.snapshots();
    assert_eq!(snapshots.len(), 10);
    for (round, info) in snapshots.iter().enumerate() {
        bench.assert_restores(info, &kept.path().join(round.to_string()));
    }
    assert!(bench.load(&snapshots[9]).layers.len() < 5);
}

#[test]
fn nothing_unchanged_is_opened_and_nothing_stored_twice() {
    let bench = Bench::new();
    for file in 0..50 {
        bench.write(&format!("f{file}"), &noise(file, 2000));
    }
    bench.backup();
    // A file is trusted only once its change time is older than the clock is coarse.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let second = bench.backup();
    let third = bench.backup();
    assert_eq!((third.read_files, third.record.totals.read_bytes), (0, 0));
    assert!(third.record.totals.stored_bytes < 4096, "{}", third.record.totals.stored_bytes);
    assert_eq!(second.record.totals.files, 50);
    bench.write("copy", &noise(7, 2000));
    let fourth = bench.backup();
    assert_eq!(fourth.read_files, 1);
    assert!(fourth.record.objects.iter().all(|object| !object.name.starts_with("archives/") || object.size < 1500));
    bench.assert_newest_restores();
}

#[test]
fn lost_state_is_rebuilt_from_the_store_where_a_key_is_at_hand() {
    let mut bench = Bench::new();
    bench.write("big", &noise(1, 20 << 20));
    bench.write("small", &noise(2, 5000));
    bench.backup();
    std::fs::remove_dir_all(bench.state()).unwrap();
    bench.can_read = true;
    let outcome = bench.backup();
    assert!(outcome.record.totals.stored_bytes < 8192, "{}", outcome.record.totals.stored_bytes);
    assert_eq!(outcome.notes, ["local state of `data` was rebuilt from the store"]);
    bench.assert_newest_restores();
    std::fs::remove_dir_all(bench.state()).unwrap();
    bench.can_read = false;
    let outcome = bench.backup();
    assert!(outcome.record.totals.stored_bytes > 20 << 20);
    assert_eq!(outcome.notes.len(), 1);
    bench.assert_newest_restores();
}

#[test]
fn a_store_that_lost_its_repository_is_not_filled_anew() {
    let mut bench = Bench::new();
    bench.write("f", b"x");
    bench.backup();
    bench.store = Store::memory();
    let error = bench.backup_of(&WalkOptions::new(bench.source())).unwrap_err();
    assert!(matches!(error, RepositoryError::Vanished { .. }), "{error}");
    assert!(bench.store.list("").unwrap().is_empty());
}

#[test]
fn a_commands_output_becomes_a_file_and_its_failure_makes_no_snapshot() {
    let bench = Bench::new();
    let shell = |script: &str| vec!["-c".to_owned(), script.to_owned()];
    for (script, size) in [("printf dump", 4), ("head -c 30000000 /dev/zero", 30_000_000), (":", 0)] {
        let arguments = shell(script);
        let from = BackupSource::Command { program: "sh", arguments: &arguments, name: "db.dump" };
        let outcome = bench.backup_from(from, &bench.store).unwrap();
        assert_eq!((outcome.record.totals.files, outcome.record.totals.bytes), (1, size));
        let (target, report) = bench.restore(bench.snapshots().last().unwrap(), &[]);
        assert!(report.failures.is_empty());
        assert_eq!(std::fs::metadata(target.path().join("db.dump")).unwrap().len(), size);
    }
    let before = bench.snapshots().len();
    let arguments = shell("printf half; echo 'no such database' >&2; exit 3");
    let from = BackupSource::Command { program: "sh", arguments: &arguments, name: "db.dump" };
    let error = bench.backup_from(from, &bench.store).unwrap_err();
    insta::assert_snapshot!(error, @"the command `sh` failed with exit status: 3: no such database");
    assert_eq!(bench.snapshots().len(), before);
}

#[test]
fn paths_and_patterns_select_what_is_restored() {
    let bench = Bench::new();
    for path in ["a/x.json", "a/b/y.json", "a/z.txt", "c/x.json"] {
        bench.write(path, path.as_bytes());
    }
    bench.backup();
    let info = bench.snapshots().pop().unwrap();
    let files = |patterns: &[&str]| {
        let (target, _) = bench.restore(&info, patterns);
        let mut found: Vec<String> = ["a/x.json", "a/b/y.json", "a/z.txt", "c/x.json"]
            .into_iter()
            .filter(|path| target.path().join(path).exists())
            .map(String::from)
            .collect();
        found.sort();
        found
    };
    assert_eq!(files(&["a"]), ["a/b/y.json", "a/x.json", "a/z.txt"]);
    assert_eq!(files(&["*.json"]), ["a/b/y.json", "a/x.json", "c/x.json"]);
    assert_eq!(files(&["a/b", "c/x.json"]), ["a/b/y.json", "c/x.json"]);
    assert!(files(&["nothing"]).is_empty());
}
