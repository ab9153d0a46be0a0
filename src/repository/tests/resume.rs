//! Runs that die, and runs that go on from what those stored.

use super::*;
use crate::base::Percent;
use crate::stores::testing::{Call, Effect, Faults};
use crate::stores::{Put, StoreErrorKind};
use std::collections::BTreeSet;
use std::time::Duration;

const GROUPS: u64 = 4;
const FILE_BYTES: u64 = 9000;

/// Four folders of five files each; each folder fills an archive.
fn bench() -> Bench {
    let bench = Bench { volume_bytes: 40_000, ..Bench::new() };
    (0..GROUPS).for_each(|group| write_group(&bench, &format!("d{group}"), 5 * group));
    let_the_clock_pass();
    bench
}

/// Five files, and one that is a hole: such a file ends a batch, and an archive
/// may be closed only between two batches.
fn write_group(bench: &Bench, folder: &str, seed: u64) {
    for file in 0..5 {
        bench.write(&format!("{folder}/f{file}"), &noise(seed + file, FILE_BYTES as usize));
    }
    std::fs::File::create(bench.source().join(folder).join("hole")).unwrap().set_len(1 << 20).unwrap();
}

/// A file is trusted only once its change time is older than the clock is coarse.
fn let_the_clock_pass() {
    std::thread::sleep(Duration::from_millis(30));
}

/// A run that dies when its n-th archive is about to be there.
fn die_at_archive(bench: &Bench, n: u64) {
    let faults = Arc::new(Faults::on(Call::Finish, n, Effect::Crash));
    run_with(bench, &faults).unwrap_err();
    assert!(faults.has_crashed());
}

fn run_with(bench: &Bench, faults: &Arc<Faults>) -> Result<BackupOutcome, RepositoryError> {
    let options = WalkOptions::new(bench.source());
    bench.backup_from(BackupSource::Files(&options), &bench.store.with_faults(Arc::clone(faults)))
}

fn archives(bench: &Bench) -> BTreeSet<String> {
    bench.store.list("archives/").unwrap().into_iter().map(|object| object.name).collect()
}

/// Everything that the newest run lists is as it was written, and can be decrypted.
fn assert_newest_is_sound(bench: &Bench) {
    bench.assert_newest_restores();
    let repository = Repository::open(&bench.store).unwrap();
    let catalogue = Catalogue::new(&repository, bench.identities.as_ref());
    let newest = [catalogue.snapshots(None).unwrap().pop().unwrap()];
    for (level, only_run) in
        [(VerifyLevel::Checksum, Some(&newest[0].run)), (VerifyLevel::Checksum, None), (VerifyLevel::Contents, None)]
    {
        let request = VerifyRequest {
            snapshots: &newest,
            only_run,
            sources: &[],
            known: &[],
            now: bench.context.now(),
            level,
            sample: Percent::ALL,
            seed: 7,
            threads: 2,
            cancel: Cancellation::default(),
            progress: &VerifyProgress::default(),
        };
        let outcome = verify(&catalogue, &request).unwrap();
        assert!(outcome.is_good() && outcome.unrecorded.is_empty(), "{level:?} {:?}", outcome.problems);
        if level == VerifyLevel::Checksum && only_run.is_some() {
            let record = newest[0].record.as_ref().unwrap();
            assert_eq!(outcome.objects_read, record.objects.len() as u64, "each object is hashed");
        }
    }
}

fn journals(bench: &Bench) -> Vec<PathBuf> {
    let files = std::fs::read_dir(bench.state()).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "journal")).collect()
}

#[test]
fn a_first_run_that_died_is_continued_and_nothing_stored_is_read_or_stored_again() {
    let bench = bench();
    die_at_archive(&bench, 4);
    let stored = archives(&bench);
    let size: u64 = bench.store.list("archives/").unwrap().iter().map(|object| object.size_bytes).sum();
    let before = bench.store.counters().bytes_up;
    let outcome = bench.backup();
    let uploaded = bench.store.counters().bytes_up - before;
    let size = crate::base::ByteSize(size);
    assert_eq!(outcome.notes, [format!("continued: 3 archives ({size}) were already stored")]);
    // The last folder, and the hole before it.
    assert_eq!((outcome.read_files, outcome.record.totals.read_bytes), (7, 5 * FILE_BYTES));
    assert_eq!(outcome.record.totals.files, 6 * GROUPS);
    assert!(uploaded < 6 * FILE_BYTES, "{uploaded}");
    assert!(outcome.record.totals.stored_bytes < 6 * FILE_BYTES);
    assert_eq!(archives(&bench).len(), 4);
    assert!(archives(&bench).is_superset(&stored));
    assert_newest_is_sound(&bench);
    assert_eq!(journals(&bench), Vec::<PathBuf>::new());

    // From here on it is a run like any other.
    let third = bench.backup();
    assert_eq!((third.read_files, third.notes.len()), (0, 0));
    bench.write("d0/f0", b"changed");
    bench.backup();
    assert_newest_is_sound(&bench);
    let all = bench.snapshots();
    bench.prune(&all[..2], Duration::ZERO);
    assert!(archives(&bench).is_superset(&stored));
    assert_newest_is_sound(&bench);
    assert!(bench.prune(&[], Duration::ZERO).is_empty());
}

#[test]
fn runs_that_die_one_after_the_other_add_up() {
    let bench = bench();
    die_at_archive(&bench, 2);
    assert_eq!(archives(&bench).len(), 1);
    die_at_archive(&bench, 2);
    assert_eq!((archives(&bench).len(), journals(&bench).len()), (2, 1));
    // One that dies before it has stored anything loses nothing.
    die_at_archive(&bench, 1);
    die_at_archive(&bench, 2);
    let stored = archives(&bench);
    assert_eq!(stored.len(), 3);
    let outcome = bench.backup();
    insta::assert_snapshot!(redacted(&outcome.notes), @"continued: 3 archives (SIZE) were already stored");
    assert_eq!(outcome.read_files, 7);
    assert_eq!(bench.store.list("index/").unwrap().len(), 4);
    assert_newest_is_sound(&bench);
}

#[test]
fn an_incremental_run_that_died_is_continued_over_its_parent() {
    let bench = bench();
    bench.backup();
    (0..GROUPS).for_each(|group| write_group(&bench, &format!("e{group}"), 100 + 5 * group));
    std::fs::remove_file(bench.source().join("d0/f3")).unwrap();
    let_the_clock_pass();
    die_at_archive(&bench, 3);
    // What had been stored changes, goes, and comes back meanwhile.
    bench.write("e0/f0", b"other");
    std::fs::remove_file(bench.source().join("e0/f1")).unwrap();
    bench.write("d0/f3", b"again");
    let outcome = bench.backup();
    insta::assert_snapshot!(redacted(&outcome.notes), @"continued: 2 archives (SIZE) were already stored");
    // The last two folders, the hole before them, and what changed.
    assert_eq!(outcome.read_files, 2 * 6 + 1 + 2);
    assert_newest_is_sound(&bench);
    let second = bench.backup();
    assert_eq!(second.record.totals.files, 12 * GROUPS - 1);
    assert_newest_is_sound(&bench);
}

#[test]
fn a_file_stored_in_part_by_a_run_that_died_is_whole_in_the_next() {
    let bench = bench();
    // Before all else in the walk.
    let mut image = noise(70, 6 << 20);
    bench.write("a/image", &image);
    let_the_clock_pass();
    bench.backup();
    for page in (0..image.len()).step_by(300_000) {
        image[page..page + 4096].copy_from_slice(&noise(page as u64, 4096));
    }
    bench.write("a/image", &image);
    (0..GROUPS).for_each(|group| write_group(&bench, &format!("e{group}"), 200 + 5 * group));
    let_the_clock_pass();
    die_at_archive(&bench, 3);
    let outcome = bench.backup();
    assert!(outcome.notes.iter().any(|note| note.starts_with("continued: 2 archives")), "{:?}", outcome.notes);
    assert!(outcome.record.totals.read_bytes < 6 << 20, "the image is not read again");
    assert_newest_is_sound(&bench);
    // And it can change again.
    image.splice(1000..1000, noise(71, 100));
    bench.write("a/image", &image);
    bench.backup();
    assert_newest_is_sound(&bench);
}

#[test]
fn a_small_change_of_a_large_file_is_stored_in_part_after_the_run_that_stored_it_died() {
    let bench = bench();
    // Before all else in the walk, in the first archive.
    let mut image = noise(70, 6 << 20);
    bench.write("a/image", &image);
    let_the_clock_pass();
    // Three runs die, the second and third with nothing of the image but what they took over.
    die_at_archive(&bench, 2);
    die_at_archive(&bench, 2);
    die_at_archive(&bench, 1);
    let outcome = bench.backup();
    assert!(outcome.record.totals.read_bytes < 6 << 20, "the image is not read again");
    for round in 0..2 {
        let at = 1_000_000 + round * 1_000_000;
        image[at..at + 4096].copy_from_slice(&noise(80 + round as u64, 4096));
        bench.write("a/image", &image);
        let_the_clock_pass();
        let before = bench.store.counters().bytes_up;
        bench.backup();
        let uploaded = bench.store.counters().bytes_up - before;
        assert!(uploaded < 40_000, "{uploaded} bytes for a page, round {round}");
    }
    assert_newest_is_sound(&bench);
}

#[test]
fn nothing_rests_on_what_a_run_stored_that_died_just_before_its_commit() {
    for put in 1.. {
        let bench = Bench::new();
        bench.write("file", &noise(1, FILE_BYTES as usize));
        bench.backup();
        bench.write("another", &noise(2, FILE_BYTES as usize));
        let faults = Arc::new(Faults::on(Call::Put, put, Effect::Crash));
        let outcome = run_with(&bench, &faults);
        if outcome.is_ok() {
            assert!(put > 3, "the index, the record, the snapshot");
            break;
        }
        bench.backup();
        let verified = bench.verify(VerifyLevel::Checksum, "100%");
        assert!(verified.is_good(), "put {put}: {:?}", verified.problems);
        bench.assert_newest_restores();
    }
}

#[test]
fn archives_that_vanished_or_were_cut_short_are_stored_anew() {
    let bench = bench();
    die_at_archive(&bench, 4);
    let stored: Vec<String> = archives(&bench).into_iter().collect();
    bench.store.delete(&stored[..1]).unwrap();
    let whole = bench.store.read(&stored[1], 1 << 30).unwrap();
    bench.store.put(&stored[1], &whole[..whole.len() / 2], Put::Replace).unwrap();
    let outcome = bench.backup();
    insta::assert_snapshot!(redacted(&outcome.notes), @r"
    2 of 3 archives that `RUN` had stored before it was cut off are not there any more: their files are stored again
    continued: 1 archive (SIZE) was already stored
    ");
    // What is only a hole needs no archive.
    assert_eq!(outcome.read_files, 3 * 5 + 2);
    assert_newest_is_sound(&bench);
    assert!(!outcome.record.objects.iter().any(|object| object.name == stored[1]));
}

/// Without run ids and sizes: age pads its header at random.
fn redacted(notes: &[String]) -> String {
    let note = |note: &String| {
        let quoted: Vec<&str> = note.split('`').collect();
        let quoted: Vec<&str> =
            quoted.into_iter().map(|part| if part.parse::<RunId>().is_ok() { "RUN" } else { part }).collect();
        let (before, after) = note.split_once(" (").map_or((quoted.join("`"), ""), |(a, b)| (a.to_owned(), b));
        after.split_once(')').map_or(before.clone(), |(_, after)| format!("{before} (SIZE){after}"))
    };
    notes.iter().map(note).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_prune_between_the_runs_costs_at_most_another_upload() {
    let bench = bench();
    die_at_archive(&bench, 4);
    // Within the grace period nothing happens, and once a snapshot needs them nothing will.
    let plan = bench.prune(&[], Duration::from_secs(600));
    assert_eq!((plan.delete.len(), plan.doom.len()), (0, 3));
    assert_eq!(bench.backup().read_files, 7);
    (0..20).for_each(|_| _ = bench.context.now());
    assert!(bench.prune(&[], Duration::from_secs(600)).delete.is_empty());
    assert_newest_is_sound(&bench);

    // After it they are gone.
    let bench = self::bench();
    die_at_archive(&bench, 4);
    assert_eq!(bench.prune(&[], Duration::ZERO).delete.len(), 3);
    let outcome = bench.backup();
    assert_eq!((outcome.read_files, outcome.notes.len()), (6 * GROUPS, 1), "{:?}", outcome.notes);
    assert_newest_is_sound(&bench);
}

#[test]
fn what_was_stored_for_files_that_are_gone_is_left_to_a_prune() {
    let bench = bench();
    die_at_archive(&bench, 4);
    std::fs::remove_dir_all(bench.source().join("d0")).unwrap();
    let outcome = bench.backup();
    let listed = outcome.record.objects.iter().filter(|object| object.name.starts_with("archives/")).count();
    // The first archive held five files of `d0` and nothing else.
    assert_eq!((listed, archives(&bench).len()), (3, 4));
    assert_eq!(bench.prune(&[], Duration::ZERO).delete.len(), 1);
    assert_newest_is_sound(&bench);
    // Back again, and nothing believes in the archive that is gone.
    write_group(&bench, "d0", 0);
    bench.backup();
    assert_newest_is_sound(&bench);
}

#[test]
fn a_damaged_journal_costs_another_upload_and_is_told() {
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() * 3 / 5);
    let flip_head = |bytes: &mut Vec<u8>| bytes[30] ^= 1;
    let empty = |bytes: &mut Vec<u8>| bytes.clear();
    let mut told = Vec::new();
    for damage in [&cut as &dyn Fn(&mut Vec<u8>), &flip_head, &empty] {
        let bench = bench();
        die_at_archive(&bench, 4);
        let journal = &journals(&bench)[0];
        let mut bytes = std::fs::read(journal).unwrap();
        damage(&mut bytes);
        std::fs::write(journal, bytes).unwrap();
        told.push(redacted(&bench.backup().notes));
        assert_newest_is_sound(&bench);
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    continued: 1 archive (SIZE) was already stored
    the journal of `RUN`, which was cut off, is damaged: what it stored is stored again
    the journal of `RUN`, which was cut off, is damaged: what it stored is stored again
    ");
}

#[test]
fn rows_that_are_damaged_or_lost_are_made_again_and_large_files_are_still_found() {
    for (kept, reads) in [(0, 4..=4), (1, 2..=3)] {
        let bench = Bench { volume_bytes: 2 << 20, ..Bench::new() };
        for file in 0..4 {
            bench.write(&format!("big{file}"), &noise(file, 5 << 20));
        }
        let_the_clock_pass();
        die_at_archive(&bench, 4);
        let mut files = std::fs::read_dir(bench.state()).unwrap().map(|file| file.unwrap().path());
        let rows = files.find(|path| path.extension().is_some_and(|extension| extension == "delta")).unwrap();
        let bytes = std::fs::read(&rows).unwrap();
        std::fs::write(&rows, &bytes[..bytes.len() * kept / 2]).unwrap();
        let outcome = bench.backup();
        assert!(reads.contains(&outcome.read_files), "{}", outcome.read_files);
        assert_eq!(outcome.notes.len(), 2, "{:?}", outcome.notes);
        assert!(outcome.record.totals.stored_bytes < 6 << 20, "{}", outcome.record.totals.stored_bytes);
        assert_newest_is_sound(&bench);
    }
}

#[test]
fn an_index_that_the_journal_does_not_know_makes_its_archives_unknown() {
    let bench = bench();
    die_at_archive(&bench, 4);
    let state = bench.folder.path().join("state of then");
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&bench.state(), &state);
    std::fs::remove_dir_all(bench.source().join("d0")).unwrap();
    bench.backup();
    let all = bench.snapshots();
    // The host's disk is set back to the moment of the death.
    std::fs::remove_dir_all(bench.state()).unwrap();
    copy(&state, &bench.state());
    write_group(&bench, "d0", 0);
    bench.backup();
    bench.prune(&all, Duration::ZERO);
    assert_newest_is_sound(&bench);
}

#[test]
fn another_base_or_key_setting_begins_anew_and_a_full_run_never_continues() {
    let mut bench = bench();
    die_at_archive(&bench, 4);
    bench.full = true;
    let outcome = bench.backup();
    assert_eq!((outcome.read_files, outcome.notes.len()), (6 * GROUPS, 0));
    // An incremental run still can.
    bench.full = false;
    assert_eq!(bench.backup().read_files, 7);
    assert_newest_is_sound(&bench);

    let bench = Bench { recipients: None, ..self::bench() };
    die_at_archive(&bench, 4);
    let bench = Bench { recipients: Bench::new().recipients, ..bench };
    assert_eq!(bench.backup().read_files, 6 * GROUPS);
    assert!(journals(&bench).is_empty());
}

#[test]
fn a_copy_of_what_was_continued_can_be_verified() {
    let bench = bench();
    die_at_archive(&bench, 4);
    bench.backup();
    bench.write("new", b"new");
    bench.backup();
    // The copy begins with the snapshot that only needs what was adopted before it.
    bench.prune(&bench.snapshots()[..1], Duration::ZERO);
    let repository = Repository::open(&bench.store).unwrap();
    let target = Store::memory();
    copy(&Catalogue::new(&repository, None), &target, "data", &bench.context, &Cancellation::default()).unwrap();
    let copied = Bench { store: target, ..bench };
    assert_newest_is_sound(&copied);
    let repository = Repository::open(&copied.store).unwrap();
    let records = Catalogue::new(&repository, None).records(None).unwrap();
    let written: BTreeSet<&str> =
        records.iter().flat_map(|record| &record.objects).map(|object| object.name.as_str()).collect();
    assert!(archives(&copied).iter().all(|name| written.contains(name.as_str())), "each has a checksum");
}

#[test]
fn whichever_store_call_of_a_continued_run_fails_the_one_after_it_is_clean() {
    for effect in [Effect::Fail(StoreErrorKind::Unexpected), Effect::LoseAnswer(StoreErrorKind::Timeout), Effect::Crash]
    {
        for call in 1.. {
            let bench = bench();
            die_at_archive(&bench, 3);
            let faults = Arc::new(Faults::on_call(call, effect));
            let outcome = run_with(&bench, &faults);
            if faults.calls() < call {
                assert!(call > 10 && outcome.is_ok());
                break;
            }
            bench.backup();
            assert_newest_is_sound(&bench);
            // Nothing that a snapshot needs is lost when the rest is swept away.
            bench.prune(&[], Duration::ZERO);
            assert_newest_is_sound(&bench);
        }
    }
}

#[test]
fn at_whatever_byte_a_run_dies_the_next_one_is_clean() {
    for cut in 0..12 {
        let bench = bench();
        let faults = Arc::new(Faults::after_bytes(1 + cut * 16_384, Effect::Crash));
        run_with(&bench, &faults).unwrap_err();
        let journalled = !journals(&bench).is_empty();
        let outcome = bench.backup();
        assert_eq!(outcome.read_files < 6 * GROUPS, journalled, "{cut}");
        assert_newest_is_sound(&bench);
    }
}
