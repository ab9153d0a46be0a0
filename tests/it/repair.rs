//! `plan repair`: what it mends, what it tells of the rest, and what works afterwards.

use crate::support::{Backup, Comparison, assert_same_tree, files_below, trees};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Three snapshots on a disk, and a second tier with these settings.
fn three_snapshots(backup: Backup, second: &str) -> (Backup, Vec<String>) {
    if !second.is_empty() {
        let root = backup.environment.path("second");
        backup.edit_plan(
            "    tier disk {",
            &format!("    tier usb {{\n        store fs {{ root {root:?} }}\n        schedule \"@hourly\"\n        take files\n        {second}\n    }}\n    tier disk {{"),
        );
    }
    trees::put(&backup.source(), "stays", "of the first run");
    for text in ["one", "two", "three"] {
        trees::put(&backup.source(), "changes", text);
        trees::put(&backup.source(), format!("only/{text}"), text);
        backup.snapshot();
    }
    let mut ids: Vec<String> =
        files_below(&backup.store().join("snapshots/files")).iter().map(|path| id_of(path)).collect();
    ids.sort();
    (backup, ids)
}

fn copied() -> (Backup, Vec<String>) {
    three_snapshots(Backup::plain(""), "encrypt none; from disk")
}

fn id_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy()[..25].to_owned()
}

/// The object of a folder that a run wrote.
fn object(root: &Path, folder: &str, id: &str) -> PathBuf {
    let folder = root.join(folder).join("files");
    let name = files_below(&folder).into_iter().find(|name| id_of(name) == id).expect("the run wrote it");
    folder.join(name)
}

/// Makes the first byte another: what is said of it is the same in every run.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn content(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(root).into_iter().map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect()
}

/// Ids replaced by the order of the runs.
fn without_ids(text: &str, ids: &[String]) -> String {
    ids.iter().enumerate().fold(text.to_owned(), |text, (at, id)| text.replace(id, &format!("RUN{at}")))
}

#[test]
fn what_the_other_tier_has_is_brought_back_and_a_dry_run_says_so_before() {
    let (backup, ids) = copied();
    let whole = content(&backup.store());
    fs::remove_file(object(&backup.store(), "archives", &ids[0])).unwrap();
    flip(&object(&backup.store(), "index", &ids[1]));
    fs::remove_file(object(&backup.store(), "snapshots", &ids[1])).unwrap();
    fs::remove_file(object(&backup.store(), "runs", &ids[2])).unwrap();
    let damaged = content(&backup.store());
    let told = backup.environment.ok(&["repair", "--dry-run", "--tier", "disk"]);
    insta::assert_snapshot!("can_be_mended", without_ids(&told.to_string(), &ids));
    assert_eq!(content(&backup.store()), damaged);
    let done = backup.environment.ok(&["repair"]);
    insta::assert_snapshot!("mended", without_ids(&done.to_string(), &ids));
    assert_eq!(content(&backup.store()), whole);
    backup.environment.ok(&["verify"]);
}

#[test]
fn without_damage_nothing_is_written() {
    let (backup, _) = copied();
    let before = content(&backup.environment.path(""));
    let told = backup.environment.ok(&["repair"]);
    insta::assert_snapshot!("no_damage", told);
    assert_eq!(content(&backup.environment.path("")), before);
}

#[test]
fn what_is_lost_is_listed_and_all_else_goes_on() {
    let (backup, ids) = three_snapshots(Backup::plain(""), "");
    fs::remove_file(object(&backup.store(), "archives", &ids[1])).unwrap();
    fs::remove_file(object(&backup.store(), "index", &ids[0])).unwrap();
    let told = backup.environment.run(&["repair", "--dry-run"]).expect_code(3);
    insta::assert_snapshot!("lost", without_ids(&told.to_string(), &ids));
    let mut json = backup.environment.run(&["repair", "--json"]).expect_code(3).json();
    let size = &mut json["tiers"][0]["mends"][0]["size"];
    // One byte more or less by the times of the files.
    assert!(size.as_u64().is_some_and(|size| (150..190).contains(&size)), "{size}");
    *size = "SIZE".into();
    insta::assert_snapshot!("lost_json", without_ids(&format!("{json:#}"), &ids));
    // The rest is restored.
    let told = backup.environment.run(&["restore", "--to", "restored"]).expect_code(3);
    assert!(told.stderr.contains("cannot restore `only/two`"), "{told}");
    assert_eq!(fs::read_to_string(backup.environment.work("restored/changes")).unwrap(), "three");
    // What is still on disk is stored again, and what was made anew is built on.
    let newest = backup.snapshot();
    assert_same_tree(&backup.source(), &backup.restore(&newest), Comparison::ALL);
    let again = backup.environment.run(&["repair", "--json"]).expect_code(3).json();
    let states: Vec<_> = again["tiers"][0]["snapshots"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["whole", "lacking", "lacking", "whole"]);
    assert!(again["tiers"][0]["mends"].as_array().unwrap().is_empty());
    assert_eq!(again["tiers"][0]["lost"][0]["still_in"]["id"], newest.as_str());
}

#[test]
fn of_a_tier_of_its_own_it_is_told_what_it_still_has() {
    let (backup, ids) = three_snapshots(Backup::plain(""), "encrypt none");
    let own: Vec<String> = ids.clone();
    fs::remove_file(object(&backup.store(), "archives", &own[0])).unwrap();
    let told = backup.environment.run(&["repair", "--tier", "disk"]).expect_code(3);
    let theirs = files_below(&backup.environment.path("second/snapshots/files"));
    let theirs: Vec<String> = theirs.iter().map(|path| id_of(path)).collect();
    let text = theirs
        .iter()
        .enumerate()
        .fold(without_ids(&told.to_string(), &own), |text, (at, id)| text.replace(id, &format!("THEIRS{at}")));
    insta::assert_snapshot!("still_in", text);
}

#[test]
fn without_the_key_copies_are_brought_back_and_of_the_rest_nobody_knows_the_files() {
    let (backup, ids) = three_snapshots(Backup::new(), "encrypt k; from disk");
    let whole = content(&backup.store());
    flip(&object(&backup.store(), "archives", &ids[0]));
    backup.edit_plan("identity (file)", "identity (file)\"/nowhere\"; identity (file)");
    let identity = backup.identity().unwrap().to_owned();
    fs::rename(&identity, identity.with_extension("away")).unwrap();
    let told = backup.environment.ok(&["repair", "--tier", "disk"]);
    assert!(told.stderr.contains("only checksums were compared"), "{told}");
    assert_eq!(content(&backup.store()), whole);
    flip(&object(&backup.store(), "archives", &ids[0]));
    flip(&object(&backup.environment.path("second"), "archives", &ids[0]));
    let told = backup.environment.run(&["repair", "--tier", "disk"]).expect_code(3);
    let text = told.to_string().replace(&*identity.to_string_lossy(), "IDENTITY");
    // How long an age header is differs from time to time.
    let (before, after) = text.split_once(" KiB").expect("something was read");
    let text = format!("{}N KiB{after}", before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'));
    insta::assert_snapshot!("without_the_key", without_ids(&text, &ids));
    backup.environment.run(&["repair", "--identity", "missing.key"]).expect_code(12);
}

#[test]
fn a_look_at_what_is_there_lists_the_lost_files_too_where_there_is_a_key() {
    let (backup, ids) = three_snapshots(Backup::new(), "");
    fs::remove_file(object(&backup.store(), "archives", &ids[1])).unwrap();
    let told = backup.environment.run(&["repair", "--dry-run", "--level", "presence"]).expect_code(3);
    assert!(told.stdout.contains("only/two") && !told.stderr.contains("without a key"), "{told}");
}

#[test]
fn a_damaged_manifest_is_named_and_what_to_do_is_said() {
    let (backup, ids) = three_snapshots(Backup::plain(""), "");
    flip(&object(&backup.store(), "trees", &ids[2]));
    for arguments in [&["ls", "latest"][..], &["restore", "--to", "restored"]] {
        let told = backup.environment.run(arguments).expect_code(1);
        insta::allow_duplicates! {
            insta::assert_snapshot!("damaged_manifest", without_ids(&told.stderr, &ids));
        }
    }
    let told = backup.environment.run(&["repair", "--tier", "disk"]).expect_code(3);
    insta::assert_snapshot!("repair_of_a_damaged_manifest", without_ids(&told.to_string(), &ids));
    fs::remove_file(object(&backup.store(), "trees", &ids[2])).unwrap();
    let told = backup.environment.run(&["ls", "latest"]).expect_code(1);
    insta::assert_snapshot!("missing_manifest", without_ids(&told.stderr, &ids));
    // The next run needs neither, and its snapshot is whole.
    let newest = backup.snapshot();
    assert_same_tree(&backup.source(), &backup.restore(&newest), Comparison::ALL);
}

#[test]
fn a_tier_that_cannot_be_repaired_is_told_beside_those_that_are() {
    let (backup, ids) = copied();
    fs::remove_file(object(&backup.store(), "archives", &ids[0])).unwrap();
    fs::rename(backup.environment.path("second"), backup.environment.path("not mounted")).unwrap();
    fs::write(backup.environment.path("second"), "a file where a folder was").unwrap();
    let told = backup.environment.run(&["repair"]).expect_code(3);
    insta::assert_snapshot!("beside_others", without_ids(&told.to_string(), &ids));
    backup.environment.run(&["repair", "--tier", "dsk"]).expect_code(64);
    let other = Backup::plain("");
    other.environment.run(&["repair"]).expect_code(10);
}
