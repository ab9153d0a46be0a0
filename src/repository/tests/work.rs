//! How much work things are, counted: bytes read from the source, requests to the
//! store and their bytes. Never times.

use super::*;
use crate::stores::Counters;
use std::ops::Sub;

impl Sub for Counters {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            reads: self.reads - before.reads,
            stats: self.stats - before.stats,
            lists: self.lists - before.lists,
            deletes: self.deletes - before.deletes,
            bytes_up: self.bytes_up - before.bytes_up,
            bytes_down: self.bytes_down - before.bytes_down,
        }
    }
}

impl Bench {
    /// What `act` asks of the store.
    fn counted<T>(&self, act: impl FnOnce() -> T) -> (T, Counters) {
        let before = self.store.counters();
        let done = act();
        (done, self.store.counters() - before)
    }

    /// Folders of small files, and a few frames of what nothing compresses.
    fn tree(folders: usize) -> Self {
        let bench = Self::new();
        for folder in 0..folders {
            for file in 0..20 {
                bench.write(&format!("{folder:03}/{file}"), &noise((folder * 20 + file) as u64, 3000));
            }
        }
        bench.write("large", &noise(1 << 40, 40 << 20));
        bench
    }
}

#[test]
fn a_run_that_finds_nothing_changed_asks_as_little_of_the_store_however_large_the_tree_is() {
    let counted = [3, 150].map(|folders| {
        let bench = Bench::tree(folders);
        bench.backup();
        // Files that were written right before a run are looked into once more.
        bench.backup();
        let (outcome, counted) = bench.counted(|| bench.backup());
        assert_eq!((outcome.record.totals.new, outcome.record.totals.changed), (0, 0));
        assert_eq!(outcome.record.totals.read_bytes, 0);
        assert!(counted.bytes_up < 3000, "{counted:?}");
        (counted.writes, counted.reads, counted.stats, counted.lists, counted.deletes)
    });
    // Two writes: the run record and the snapshot. One read: `repository.json`. What is
    // built on is looked for by listing its folders.
    assert_eq!(counted, [(2, 1, 0, 5, 0); 2]);
}

#[test]
fn one_changed_file_is_all_that_is_read_and_stored() {
    let bench = Bench::tree(50);
    bench.backup();
    // Files that were written right before a run are looked into once more.
    bench.backup();
    bench.write("007/7", &noise(1 << 41, 3000));
    let (outcome, counted) = bench.counted(|| bench.backup());
    assert_eq!((outcome.record.totals.new, outcome.record.totals.changed), (0, 1));
    assert_eq!(outcome.record.totals.read_bytes, 3000);
    assert!((3000..12_000).contains(&counted.bytes_up), "{counted:?}");
}

#[test]
fn one_file_of_many_takes_a_few_ranges() {
    let bench = Bench::tree(150);
    bench.backup();
    let newest = bench.snapshots().pop().unwrap();
    let ((target, report), counted) = bench.counted(|| bench.restore(&newest, &["100/10"]));
    assert_eq!(report.counts.bytes, 3000);
    assert!(target.path().join("100/10").is_file());
    let frame = crate::archive::limits::FRAME_BYTES as u64;
    assert!(counted.reads <= 12 && counted.bytes_down < 2 * frame, "{counted:?}");
}

#[test]
fn what_is_stored_is_read_once_to_restore_and_once_to_verify_all_of_it() {
    let bench = Bench::tree(150);
    let stored = bench.backup().record.totals.stored_bytes;
    let newest = bench.snapshots().pop().unwrap();
    let (_, restored) = bench.counted(|| bench.restore(&newest, &[]));
    let (outcome, verified) = bench.counted(|| bench.verify(VerifyLevel::Contents, "100%"));
    assert!(outcome.is_good());
    for counted in [restored, verified] {
        // Ranges begin and end within blocks of the encryption, which neighbours share.
        assert!((stored * 9 / 10..stored * 11 / 10).contains(&counted.bytes_down), "{counted:?} of {stored}");
    }
}
