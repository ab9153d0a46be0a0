//! Block sums that a run which died has left, for the run that goes on from it.
//!
//! A file of sums gets its rows only at its end. So that they are not lost with the run, those
//! added since the last time are put among the sums whenever an archive is journalled, and
//! a [`SumMark`] in the journal says where: the rows are on the disk before it is written.

use super::LocalState;
use super::sums::{Id, MAX_ROWS_BYTES, RunRow, Segment, merge, temporary};
use crate::base::RunId;
use crate::repository::delta::BlockKey;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::os::unix::fs::FileExt;

/// Rows among the sums of a file that has no end yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SumMark {
    /// Where the first row lies in the file, in bytes.
    pub(super) at: u64,
    pub(super) rows: u64,
    /// Of the key's id and the rows, in hexadecimal.
    pub(super) hash: String,
}

impl SumMark {
    pub(super) fn hash_of(key: &BlockKey, rows: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&key.id()).update(rows);
        hasher.finalize().to_hex().to_string()
    }
}

impl LocalState {
    /// The name of the sums that `run` goes on from.
    fn adopted_sums_name(source: &str, run: &RunId) -> String {
        format!("{}.adopted", Self::sums_name(source, run))
    }

    /// Copies the sums that the run `dead` left behind, its own and those that it went on from, into a
    /// file of `run`: those of the contents that are `live`. What is damaged, or made with
    /// another key, is left out. `None`: there are none.
    pub(crate) fn adopt_sums(
        &self,
        source: &str,
        (dead, marks): (&RunId, &[SumMark]),
        run: &RunId,
        key: &BlockKey,
        live: &HashSet<u64>,
    ) -> io::Result<Option<String>> {
        let unfinished = temporary(&Self::sums_name(source, dead));
        let segments: Vec<Segment> = [
            Segment::open(self, &Self::adopted_sums_name(source, dead)),
            Segment::open(self, &unfinished).and_then(|segment| with_marked_rows(segment, key, marks)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if segments.is_empty() {
            return Ok(None);
        }
        merge(self, key, &segments, &Self::adopted_sums_name(source, run), Some(live))
    }
}

/// The segment with the rows of its marks, as far as these are sound.
fn with_marked_rows(segment: Segment, key: &BlockKey, marks: &[SumMark]) -> Option<Segment> {
    let mut rows: Vec<RunRow> = Vec::new();
    let mut left = MAX_ROWS_BYTES;
    for mark in marks {
        let length = mark.rows.checked_mul(RunRow::BYTES as u64).filter(|length| *length <= left)?;
        if mark.at.checked_add(length).is_none_or(|end| end > segment.size) {
            break;
        }
        left -= length;
        let mut bytes = vec![0; length as usize];
        segment.file.read_exact_at(&mut bytes, mark.at).ok()?;
        if SumMark::hash_of(key, &bytes) != mark.hash {
            break;
        }
        // Sums lie before the rows that tell of them.
        let marked = RunRow::read_all(&bytes);
        rows.extend(marked.into_iter().filter(|row| row.is_within(mark.at)));
    }
    rows.sort_unstable();
    rows.dedup_by_key(|row: &mut RunRow| -> (Id, u64) { (row.content, row.position) });
    (!rows.is_empty()).then(|| segment.with_rows(rows))
}

#[cfg(test)]
mod tests {
    use super::super::sums::{NewSums, Sums, short_id};
    use super::*;
    use crate::base::ContentHash;
    use crate::repository::delta::{BlockSum, SumRun};

    fn key() -> BlockKey {
        BlockKey::new(&[5; 32])
    }

    fn run_id(random: u32) -> RunId {
        RunId::new(chrono::DateTime::from_timestamp(1_764_000_000, 0).unwrap(), random)
    }

    fn sums(seed: u64) -> SumRun {
        let sums = (0..4).map(|at| BlockSum { weak: at as u32, strong: seed << 32 | at }).collect();
        SumRun { position: 0, sums }
    }

    fn content(number: u64) -> ContentHash {
        ContentHash::of(&number.to_le_bytes())
    }

    fn live(numbers: impl IntoIterator<Item = u64>) -> HashSet<u64> {
        numbers.into_iter().map(|number| short_id(&content(number))).collect()
    }

    /// A run that adds these contents, one a mark, and dies.
    fn die(state: &LocalState, run: &RunId, numbers: std::ops::Range<u64>) -> Vec<SumMark> {
        let new = NewSums::new(state, LocalState::sums_name("data", run));
        let marks = numbers.map(|number| {
            let put = new.put(&sums(number)).unwrap();
            new.add(&content(number), 512, &[put]).unwrap();
            new.mark(&key()).unwrap().expect("there is something new")
        });
        let marks: Vec<SumMark> = marks.collect();
        assert_eq!(new.mark(&key()).unwrap(), None);
        marks
    }

    fn known(state: &LocalState, name: Option<String>) -> Vec<u64> {
        let names: Vec<String> = name.into_iter().collect();
        let opened = Sums::open(state, key(), &names);
        let is_known = |number: &u64| {
            let found = opened.find(&content(*number)).map(|file| file.read(0..4).unwrap());
            assert!(found.as_ref().is_none_or(|found| *found == sums(*number).sums));
            found.is_some()
        };
        (0..20).filter(is_known).collect()
    }

    #[test]
    fn the_sums_of_runs_that_died_one_after_the_other_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let (first, second, third) = (run_id(1), run_id(2), run_id(3));
        let marks = die(&state, &first, 0..5);
        let name = state.adopt_sums("data", (&first, &marks), &second, &key(), &live(1..20)).unwrap();
        assert_eq!(known(&state, name), [1, 2, 3, 4], "what no adopted file has is left out");
        let marks = die(&state, &second, 10..12);
        let name = state.adopt_sums("data", (&second, &marks), &third, &key(), &live(0..20)).unwrap();
        assert_eq!(known(&state, name), [1, 2, 3, 4, 10, 11]);
        assert_eq!(state.adopt_sums("data", (&run_id(9), &[]), &third, &key(), &live(0..20)).unwrap(), None);
        let other = BlockKey::new(&[6; 32]);
        assert_eq!(state.adopt_sums("data", (&first, &marks), &third, &other, &live(0..20)).unwrap(), None);
    }

    #[test]
    fn marks_that_tell_lies_and_damage_at_any_byte_give_no_wrong_sums() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let (dead, next) = (run_id(1), run_id(2));
        let marks = die(&state, &dead, 0..3);
        let adopt = |marks: &[SumMark]| {
            let name = state.adopt_sums("data", (&dead, marks), &next, &key(), &live(0..20)).unwrap();
            name.map_or(Vec::new(), |name| {
                let opened = Sums::open(&state, key(), &[name]);
                (0..20).filter(|number| opened.has(&content(*number))).collect::<Vec<u64>>()
            })
        };
        assert_eq!(adopt(&marks), [0, 1, 2]);
        for lie in [u64::MAX, u64::MAX / 40, 1 << 40, 0] {
            adopt(&[SumMark { at: lie, ..marks[0].clone() }]);
            adopt(&[SumMark { rows: lie, ..marks[0].clone() }]);
        }
        let path = folder.path().join(temporary(&LocalState::sums_name("data", &dead)));
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            std::fs::write(&path, &good[..at]).unwrap();
            assert_eq!(adopt(&marks), (0..(at / (good.len() / 3)) as u64).collect::<Vec<_>>(), "cut at {at}");
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let whole = adopt(&marks).len();
            let is_in_rows = at % (good.len() / 3) >= 4 * BlockSum::BYTES;
            assert_eq!(whole == 3, !is_in_rows, "flipped at {at}");
        }
    }
}
