//! Killed at any moment: the snapshots made before stay whole, and the next run
//! is clean. And a tree that changes while it is read.

use crate::support::trees::{self, Privilege};
use crate::support::{Backup, Comparison, Random, TreePrint, assert_same_tree, files_below, have};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const EVERYTHING: Comparison = Comparison::ALL;

#[test]
fn a_run_killed_at_any_moment_leaves_earlier_snapshots_and_a_clean_next_run() {
    // Small volumes make many moments between one object and the next.
    let backup = Backup::with_tier("volume-size \"1MiB\"");
    trees::build_small_files(&backup.source(), 1_500, 8);
    fs::write(backup.source().join("noise"), Random::new(9).bytes(6 << 20)).unwrap();
    let first_print = TreePrint::of(&backup.source());
    let first = backup.snapshot();

    let mut killed = 0;
    for moment in 1..=24 {
        // Each time there is something new to store, so that every moment of a run occurs.
        let noise = Random::new(100 + moment).bytes(5 << 20);
        fs::write(backup.source().join("changing noise"), noise).unwrap();
        trees::mutate_small_files(&backup.source(), 1_500, moment);
        let complete = backup.snapshots().len();
        if kill_after_growth(&backup, moment * 300_000) {
            killed += 1;
            assert!(backup.snapshots().len() >= complete, "a killed run takes no snapshot away");
        }
        backup.environment.advance(chrono::Duration::hours(1));
        // Nothing that is listed is broken.
        backup.environment.ok(&["verify", "--level", "contents"]);
    }
    assert!(killed >= 8, "only {killed} of 24 runs were killed before they ended");

    let last_print = TreePrint::of(&backup.source());
    let last = backup.snapshot();
    first_print.assert_is(&backup.restore(&first), EVERYTHING);
    last_print.assert_is(&backup.restore(&last), EVERYTHING);
    backup.environment.ok(&["verify", "--level", "contents"]);
}

/// Starts a run and kills it once the store has grown by `bytes`; false where it
/// ended by itself before.
fn kill_after_growth(backup: &Backup, bytes: u64) -> bool {
    let limit = backup.stored_bytes() + bytes;
    let mut run = start(backup);
    loop {
        if run.try_wait().expect("the run can be waited for").is_some() {
            return false;
        }
        if backup.stored_bytes() >= limit {
            run.kill().expect("the run can be killed");
            run.wait().expect("a killed run ends");
            return true;
        }
        thread::yield_now();
    }
}

fn start(backup: &Backup) -> Child {
    backup
        .environment
        .std_command(&["run", "--now"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

#[test]
fn a_first_run_killed_in_the_middle_is_made_good_by_the_next() {
    let backup = Backup::with_tier("volume-size \"1MiB\"");
    fs::write(backup.source().join("noise"), Random::new(10).bytes(24 << 20)).unwrap();
    assert!(kill_after_growth(&backup, 8 << 20), "24 MiB are not stored before 8 MiB are");
    backup.environment.advance(chrono::Duration::hours(1));
    let id = backup.snapshot();
    assert_eq!(backup.snapshots(), std::slice::from_ref(&id));
    assert_same_tree(&backup.source(), &backup.restore(&id), EVERYTHING);
}

#[test]
fn a_first_run_killed_twice_is_continued_and_uploads_nothing_twice() {
    for backup in [Backup::with_tier("volume-size \"1MiB\""), Backup::plain("volume-size \"1MiB\"")] {
        // Each of these is a batch of its own, and fills an archive.
        for file in 0..12 {
            fs::write(backup.source().join(format!("f{file:02}")), Random::new(file).bytes(5 << 20)).unwrap();
        }
        trees::build_small_files(&backup.source().join("small"), 200, 15);
        for _ in 0..2 {
            assert!(kill_after_growth(&backup, 23 << 20), "60 MiB are not stored before 46 MiB are");
            backup.environment.advance(chrono::Duration::hours(1));
        }
        assert!(backup.snapshots().is_empty());
        let stored = archive_bytes(&backup);
        let outcome = backup.run().expect_code(0);
        assert!(outcome.stdout.contains("continued: "), "the summary tells it:\n{outcome}");
        // Of each run that was killed, the archive under way and the one before it may be lost.
        let uploaded = archive_bytes(&backup) - stored;
        assert!((10 << 20..43 << 20).contains(&uploaded), "{uploaded}");
        let id = backup.snapshots().pop().unwrap();
        assert_same_tree(&backup.source(), &backup.restore(&id), EVERYTHING);
        if ["age", "zstd", "python3"].into_iter().all(have) {
            assert_same_tree(&backup.source(), &backup.restore_by_script(&id), EVERYTHING);
        }
        backup.environment.ok(&["verify", "--level", "contents"]);
    }
}

fn archive_bytes(backup: &Backup) -> u64 {
    backup.archives().iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

#[test]
fn ctrl_c_ends_a_copy_of_many_small_objects_before_the_next_one() {
    let backup = Backup::plain("");
    let second = backup.environment.path("second");
    backup.edit_plan(
        "    tier disk {",
        &format!("    tier usb {{\n        store fs {{ root {second:?} }}\n        encrypt none; schedule \"@hourly\"\n        take files; from disk\n    }}\n    tier disk {{"),
    );
    trees::put(&backup.source(), "file", "text");
    backup.snapshot();
    // Nothing changes: of each there are only small objects.
    for _ in 0..9 {
        backup.environment.ok(&["run", "--now", "--tier", "disk"]);
        backup.environment.advance(chrono::Duration::hours(1));
    }
    let copied = || files_below(&second.join("snapshots")).len();
    assert_eq!(copied(), 1);

    backup.edit_plan("from disk", "from disk; limit upload=\"1KiB/s\"");
    let mut run = backup.environment.std_command(&["run", "--now", "--tier", "usb"]);
    let run = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().expect("the program starts");
    while copied() < 2 {
        assert!(run.try_wait().expect("it can be waited for").is_none(), "it copies");
        thread::yield_now();
    }
    kill_process(Pid::from_child(&run), Signal::INT).expect("it can be told to stop");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    assert!(copied() < 10, "{} of 10", copied());
    backup.environment.ok(&["verify", "--level", "contents"]);

    backup.edit_plan("; limit upload=\"1KiB/s\"", "");
    backup.environment.ok(&["run", "--now", "--tier", "usb"]);
    assert_eq!(copied(), 10);
    backup.environment.ok(&["verify", "--level", "contents"]);
}

#[test]
fn local_state_that_is_lost_or_damaged_costs_time_and_nothing_else() {
    let backup = Backup::new();
    trees::build_odd_tree(&backup.source());
    backup.snapshot();
    fs::remove_dir_all(backup.environment.path("state")).unwrap();
    trees::mutate_odd_tree(&backup.source(), 1);
    let print = TreePrint::of(&backup.source());
    let id = backup.snapshot();
    print.assert_is(&backup.restore(&id), owners_if_root());

    for file in files_below(&backup.environment.path("state")) {
        let path = backup.environment.path("state").join(file);
        let length = fs::metadata(&path).unwrap().len();
        fs::File::options().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    }
    trees::mutate_odd_tree(&backup.source(), 2);
    let print = TreePrint::of(&backup.source());
    let id = backup.snapshot();
    print.assert_is(&backup.restore(&id), owners_if_root());
    backup.environment.ok(&["verify", "--level", "contents"]);
}

fn owners_if_root() -> Comparison {
    Comparison { owners: trees::privilege() == Privilege::Root, ..Comparison::ALL }
}

#[test]
fn a_tree_that_changes_while_it_is_read_is_saved_all_the_same() {
    let backup = Backup::new();
    let steady = backup.source().join("steady");
    trees::build_small_files(&steady, 4_000, 12);
    trees::build_small_files(&backup.source().join("restless"), 2_000, 13);
    backup.snapshot();

    let restless = backup.source().join("restless");
    let stop = AtomicBool::new(false);
    let mut ends = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| disturb(&restless, &stop));
        for _ in 0..4 {
            ends.push(backup.run());
        }
        stop.store(true, Ordering::Relaxed);
    });
    for end in &ends {
        // A file that was caught in the act makes the run partial, never a failure.
        assert!(matches!(end.code, Some(0 | 3)), "the run ended otherwise:\n{end}");
    }
    assert_eq!(backup.snapshots().len(), 5);
    for id in backup.snapshots() {
        assert_same_tree(&steady, &backup.restore(&id).join("steady"), EVERYTHING);
    }
    backup.environment.ok(&["verify", "--level", "contents"]);
    // At rest again: whole again.
    let id = backup.snapshot();
    assert_same_tree(&backup.source(), &backup.restore(&id), EVERYTHING);
}

/// Files grow, shrink, vanish, appear, and become folders until told to stop.
fn disturb(root: &Path, stop: &AtomicBool) {
    let mut random = Random::new(14);
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let path = root.join(format!("{turn:04}", turn = turn % 300));
        match random.below(5) {
            0 => drop(fs::remove_file(&path)),
            1 => drop(fs::write(&path, random.bytes(200_000))),
            2 => drop(fs::write(&path, random.prose(10))),
            3 => drop(fs::create_dir_all(root.join(format!("folder-{}/inside", turn % 50)))),
            _ => drop(fs::remove_dir_all(root.join(format!("folder-{}", turn % 50)))),
        }
    }
}
