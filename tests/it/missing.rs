//! What `plan verify` tells of snapshots, records and stores that are gone.

use crate::support::{Backup, trees};
use std::fs;

/// Ids replaced by the order of the runs.
fn without_ids(text: &str, ids: &[String]) -> String {
    ids.iter().enumerate().fold(text.to_owned(), |text, (at, id)| text.replace(id, &format!("RUN{at}")))
}

fn three_snapshots() -> (Backup, Vec<String>) {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "stays", "of the first run");
    for text in ["one", "two", "three"] {
        trees::put(&backup.source(), "changes", text);
        backup.snapshot();
    }
    let ids = backup.snapshots();
    (backup, ids)
}

#[test]
fn a_snapshot_that_was_deleted_is_told_although_the_others_are_good() {
    let (backup, ids) = three_snapshots();
    fs::remove_file(backup.store().join(format!("snapshots/files/{}.json", ids[1]))).unwrap();
    let told = backup.environment.run(&["verify"]).expect_code(1);
    insta::assert_snapshot!(without_ids(&told.to_string(), &ids), @"
    exit 1
    --- stdout ---
    tier  level     snapshots  objects     read  result
    disk  contents          2        8  5.5 KiB  1 problem
    disk: `snapshots/files/RUN1.json`: it is missing: it was stored once, and no prune took it away
    --- stderr ---
      help: `plan repair --dry-run` tells what can be mended, and which files are lost
    ");
}

#[test]
fn a_store_that_is_older_than_this_host_remembers_is_told() {
    let (backup, ids) = three_snapshots();
    let newest = &ids[2];
    fs::remove_file(backup.store().join(format!("snapshots/files/{newest}.json"))).unwrap();
    fs::remove_file(backup.store().join(format!("runs/files/{newest}.json"))).unwrap();
    let told = backup.environment.run(&["verify", "--level", "presence"]).expect_code(1);
    insta::assert_snapshot!(told, @"
    exit 1
    --- stdout ---
    tier  level     snapshots  objects  read  result
    disk  presence          2        8   0 B  1 problem
    disk: `snapshots/files/`: this host stored a snapshot of `files` on 2026-11-24T11:00:00Z, and here the newest is of 2026-11-24T10:00:00Z: it was deleted, or this is an older copy of the store
    --- stderr ---
      help: `plan repair --dry-run` tells what can be mended, and which files are lost
    ");
    // Another host remembers nothing.
    fs::rename(backup.environment.path("state"), backup.environment.path("away")).unwrap();
    backup.environment.ok(&["verify"]);
}

#[test]
fn a_tier_that_lost_its_repository_is_told_beside_good_ones() {
    let (backup, _) = three_snapshots();
    let second = backup.environment.path("second");
    backup.edit_plan(
        "    tier disk {",
        &format!(
            "    tier other {{\n        store fs {{ root {second:?} }}\n        encrypt none\n        \
             schedule \"@hourly\"\n        take files\n    }}\n    tier disk {{"
        ),
    );
    backup.snapshot();
    fs::rename(&second, backup.environment.path("not mounted")).unwrap();
    let told = backup.environment.run(&["verify"]).expect_code(3);
    insta::assert_snapshot!(told, @"
    exit 3
    --- stdout ---
    tier   level     snapshots  objects     read  result
    other                                         failed
    disk   contents          4       13  7.5 KiB  good
    --- stderr ---
    error: tier `other` could not be verified: `fs://$ROOT/second` holds no repository, and this host made a backup there on 2026-11-24T12:00:00Z
      help: is the disk mounted, is the bucket the right one? `plan run` says how to start anew
    ");
}
