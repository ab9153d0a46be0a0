//! Without this program: what lies in a store says how to bring it back, and the
//! script that lies beside it does it for incremental snapshots too.

use crate::support::trees::{self, Privilege};
use crate::support::{Backup, Comparison, TreePrint, have};

#[test]
fn the_script_in_the_store_restores_every_incremental_snapshot() {
    restore_with_the_script(Backup::new());
}

#[test]
fn the_script_in_the_store_restores_from_many_small_volumes() {
    restore_with_the_script(Backup::with_tier("volume-size \"1MiB\"; compress gzip"));
}

#[test]
fn the_script_in_the_store_restores_what_was_never_encrypted() {
    restore_with_the_script(Backup::plain(""));
}

fn restore_with_the_script(backup: Backup) {
    if !["age", "zstd", "python3"].into_iter().all(have) {
        return;
    }
    trees::build_odd_tree(&backup.source());
    let mut kept: Vec<(String, TreePrint)> = Vec::new();
    for step in 0..6 {
        if step > 0 {
            trees::mutate_odd_tree(&backup.source(), step);
        }
        let print = TreePrint::of(&backup.source());
        kept.push((backup.snapshot(), print));
    }
    for (id, print) in [&kept[0], &kept[3], &kept[5]] {
        let target = backup.restore_by_script(id);
        let owners = trees::privilege() == Privilege::Root;
        print.assert_is(&target, Comparison { owners, ..Comparison::ALL });
    }
}

#[test]
fn the_text_in_the_store_names_the_tools() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "content");
    backup.snapshot();
    let text = std::fs::read_to_string(backup.store().join("README.txt")).unwrap();
    for word in ["age", "zstd", "tar", "restore.py"] {
        assert!(text.contains(word), "it tells of `{word}`:\n{text}");
    }
}
