//! What goes in comes out: every kind of tree, restored from the first, a middle
//! and the last of ten snapshots, equal in every byte and attribute.

use crate::support::trees::{self, Privilege};
use crate::support::{Backup, Comparison, Random, TreePrint, assert_same_tree, unpack_with_stock_tools};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Ten snapshots of a tree that `build` makes and `change` changes before each
/// further one; then the first, the fifth and the last are restored and compared.
fn ten_snapshots(backup: &Backup, build: impl FnOnce(&Path), change: impl Fn(&Path, u64)) {
    build(&backup.source());
    let mut kept: Vec<(String, TreePrint)> = Vec::new();
    for step in 0..10 {
        if step > 0 {
            change(&backup.source(), step);
        }
        let print = [0, 4, 9].contains(&step).then(|| TreePrint::of(&backup.source()));
        let id = backup.snapshot();
        kept.extend(print.map(|print| (id, print)));
    }
    assert_eq!(backup.snapshots().len(), 10);
    for (id, print) in kept {
        let restored = backup.restore(&id);
        print.assert_is(&restored, everything());
        // Room for the next: some of these trees are large.
        fs::remove_dir_all(restored).unwrap();
    }
    backup.environment.ok(&["verify", "--level", "contents"]);
}

fn everything() -> Comparison {
    Comparison { owners: trees::privilege() == Privilege::Root, ..Comparison::ALL }
}

#[test]
fn an_empty_source_comes_back_empty_until_something_is_in_it() {
    ten_snapshots(
        &Backup::new(),
        |_| {},
        |root, step| match step {
            5 => trees::put(root, "a folder/a file", "now there is one"),
            8 => fs::remove_dir_all(root.join("a folder")).unwrap(),
            _ => {}
        },
    );
}

#[test]
fn an_odd_tree_comes_back_whole() {
    ten_snapshots(&Backup::new(), trees::build_odd_tree, trees::mutate_odd_tree);
}

#[test]
fn an_odd_tree_comes_back_whole_from_full_gzip_snapshots() {
    ten_snapshots(&Backup::with_tier("mode full; compress gzip"), trees::build_odd_tree, trees::mutate_odd_tree);
}

#[test]
fn an_odd_tree_comes_back_whole_without_compression_and_encryption() {
    ten_snapshots(&Backup::plain("compress none"), trees::build_odd_tree, trees::mutate_odd_tree);
}

#[test]
fn empty_files_come_back_as_empty_files() {
    ten_snapshots(
        &Backup::new(),
        |root| (0..500).for_each(|n| trees::put(root, format!("{}/{n}", n % 7), "")),
        |root, step| trees::put(root, format!("later/{step}"), ""),
    );
}

#[test]
fn paths_of_4000_bytes_come_back() {
    ten_snapshots(
        &Backup::new(),
        |root| trees::build_deep_path(root, 4_000),
        |root, step| trees::put(root, format!("beside it/{step}"), "short"),
    );
}

#[test]
fn a_hundred_thousand_small_files_come_back() {
    const COUNT: u64 = 100_000;
    ten_snapshots(
        &Backup::new(),
        |root| trees::build_small_files(root, COUNT, 11),
        |root, step| trees::mutate_small_files(root, COUNT, step),
    );
}

#[test]
fn a_file_of_five_gibibytes_comes_back() {
    const SIZE: u64 = 5 << 30;
    ten_snapshots(
        &Backup::new(),
        |root| trees::write_large_file(&root.join("disk.img"), SIZE, 5),
        |root, step| {
            trees::put(root, "note", format!("step {step}"));
            if step == 3 || step == 7 {
                let file = fs::OpenOptions::new().write(true).open(root.join("disk.img")).unwrap();
                file.write_all_at(b"a few bytes in the middle of it", SIZE / 2 + step * 4099).unwrap();
            }
        },
    );
}

#[test]
fn a_large_file_whose_bytes_shift_is_stored_once() {
    let backup = Backup::new();
    let path = backup.source().join("large");
    let mut content = Random::new(21).bytes(48 << 20);
    fs::write(&path, &content).unwrap();
    backup.snapshot();
    let before = backup.stored_bytes();
    content.splice(1_000..1_000, *b"a few bytes that move all others along");
    fs::write(&path, &content).unwrap();
    let id = backup.snapshot();
    let added = backup.stored_bytes() - before;
    assert!(added < 10 << 20, "48 MiB shifted by 38 bytes cost {added} bytes");
    assert_eq!(fs::read(backup.restore(&id).join("large")).unwrap(), content);
}

#[test]
fn equal_files_and_moved_folders_are_stored_once() {
    let backup = Backup::new();
    let noise = Random::new(22).bytes(8 << 20);
    trees::put(&backup.source(), "first/noise", &noise);
    backup.snapshot();
    let before = backup.stored_bytes();
    assert!(before < 10 << 20);
    trees::put(&backup.source(), "copy of noise", &noise);
    fs::rename(backup.source().join("first"), backup.source().join("renamed")).unwrap();
    let id = backup.snapshot();
    let added = backup.stored_bytes() - before;
    assert!(added < 64 << 10, "two names for known bytes cost {added} bytes");
    assert_same_tree(&backup.source(), &backup.restore(&id), everything());
}

#[test]
fn a_run_without_changes_stores_almost_nothing() {
    let backup = Backup::new();
    trees::build_small_files(&backup.source(), 3_000, 4);
    backup.snapshot();
    let before = backup.stored_bytes();
    backup.snapshot();
    let added = backup.stored_bytes() - before;
    assert!(added < 8 << 10, "nothing changed, and {added} bytes were stored");
}

#[test]
fn a_full_snapshot_comes_back_with_age_zstd_and_tar() {
    stock_tools_restore(Backup::with_tier("mode full"), ".tar.zst.age");
}

#[test]
fn a_full_snapshot_comes_back_with_age_gzip_and_tar() {
    stock_tools_restore(Backup::with_tier("mode full; compress gzip level=6"), ".tar.gz.age");
}

#[test]
fn a_full_snapshot_without_compression_comes_back_with_age_and_tar() {
    stock_tools_restore(Backup::with_tier("mode full; compress none"), ".tar.age");
}

#[test]
fn a_full_snapshot_in_the_clear_comes_back_with_zstd_and_tar() {
    stock_tools_restore(Backup::plain("mode full"), ".tar.zst");
}

#[test]
fn a_full_snapshot_in_many_volumes_comes_back_with_stock_tools() {
    let backup = Backup::with_tier("mode full; volume-size \"1MiB\"");
    trees::build_odd_tree(&backup.source());
    // Each of these is a batch of its own, and an archive is closed between two batches.
    for file in 0..3 {
        fs::write(backup.source().join(format!("noise{file}")), Random::new(file).bytes(5 << 20)).unwrap();
    }
    backup.snapshot();
    assert!(backup.archives().len() > 2, "several volumes: {:?}", backup.archives());
    compare_with_stock_restore(&backup);
}

/// Everything but sockets, which no tar holds.
fn stock_tools_restore(backup: Backup, suffix: &str) {
    trees::build_odd_tree(&backup.source());
    backup.snapshot();
    for archive in backup.archives() {
        assert!(archive.to_string_lossy().ends_with(suffix), "`{}` ends with `{suffix}`", archive.display());
    }
    compare_with_stock_restore(&backup);
}

fn compare_with_stock_restore(backup: &Backup) {
    let restored = backup.environment.path("restored with stock tools");
    unpack_with_stock_tools(&backup.archives(), backup.identity(), &restored);
    assert_same_tree(&backup.source(), &restored, everything());
}
