//! Files changed in part are stored in part, and come back whole.

use super::*;
use crate::archive::ArchiveTable;
use std::os::unix::fs::FileExt;

/// Bytes that a run put into the store.
fn stored(outcome: &BackupOutcome) -> u64 {
    outcome.record.totals.stored_bytes
}

/// What a run costs in which nothing is new but one row: run record, snapshot, index, layer.
const OVERHEAD: u64 = 4000;

/// The files with block sums in local state.
fn sums_files(bench: &Bench) -> Vec<PathBuf> {
    let files = std::fs::read_dir(bench.state()).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".sums")).collect()
}

/// Archives and pieces of the one file that the newest snapshot has.
fn extents(bench: &Bench) -> (usize, usize) {
    let repository = Repository::open(&bench.store).unwrap();
    let catalogue = Catalogue::new(&repository, bench.identities.as_ref());
    let snapshot = bench.load(bench.snapshots().last().unwrap());
    let mut rows = catalogue.entries(&snapshot, &mut ArchiveTable::default()).unwrap();
    while let Some(entry) = rows.next_entry().unwrap() {
        let archives: std::collections::HashSet<u32> = entry.stored().map(|(archive, _)| archive).collect();
        let Some(content) = entry.content else { continue };
        return (archives.len(), content.extents.len());
    }
    panic!("the snapshot has no file with content");
}

#[test]
fn a_small_edit_of_a_small_file_costs_about_itself_and_two_blocks() {
    let bench = Bench::new();
    let mut content = noise(1, 60_000);
    bench.write("file", &content);
    bench.backup();
    content.splice(30_000..30_010, noise(2, 100));
    bench.write("file", &content);
    let edited = stored(&bench.backup());
    assert!(edited < OVERHEAD + 100 + 1024, "{edited}");
    bench.assert_newest_restores();
    assert_eq!(extents(&bench), (2, 3));

    // The same bytes written again are found again, though nothing holds them in one piece.
    bench.write("file", &content);
    let outcome = bench.backup();
    assert_eq!(outcome.read_files, 1);
    assert!(stored(&outcome) < OVERHEAD);
    bench.assert_newest_restores();
    let verified = bench.verify(VerifyLevel::Contents, "100%");
    assert!(verified.is_good(), "{:?}", verified.problems);
    assert_eq!(verified.pieced_files, 2);
}

#[test]
fn scattered_pages_of_a_large_file_cost_at_most_half_more_than_they_are() {
    const PAGE: usize = 4096;
    let bench = Bench::new();
    let mut content = noise(1, 24 << 20);
    bench.write("disk.img", &content);
    bench.backup();
    let pages = content.len() / PAGE;
    let changed: Vec<usize> = (0..pages).filter(|page| (page * 7919) % 100 == 0).collect();
    for page in &changed {
        content[page * PAGE..(page + 1) * PAGE].copy_from_slice(&noise(*page as u64, PAGE));
    }
    bench.write("disk.img", &content);
    let cost = stored(&bench.backup());
    assert!(changed.len() > 50 && cost * 2 < (changed.len() * PAGE * 3) as u64, "{cost} for {} pages", changed.len());
    bench.assert_newest_restores();
    assert!(bench.verify(VerifyLevel::Contents, "100%").is_good());
}

#[test]
fn an_insertion_near_the_front_and_an_appended_end_cost_little() {
    let bench = Bench::new();
    let content = noise(1, 20 << 20);
    bench.write("a.tar", &content);
    bench.backup();
    let content = [&content[..5000], &noise(2, 777), &content[5000..], &noise(3, 100_000)].concat();
    bench.write("a.tar", &content);
    let cost = stored(&bench.backup());
    assert!(cost < OVERHEAD + 777 + 100_000 + 3 * 4096, "{cost}");
    bench.assert_newest_restores();
}

#[test]
fn a_middle_sized_file_and_a_sparse_one_are_found_in_part() {
    let bench = Bench::new();
    let mut content = noise(1, 3 << 20);
    bench.write("database", &content);
    let sparse = std::fs::File::create(bench.source().join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(&noise(2, 10 << 20), 20 << 20).unwrap();
    bench.backup();
    content[1_000_000..1_000_300].copy_from_slice(&noise(3, 300));
    bench.write("database", &content);
    sparse.write_all_at(&noise(4, 4096), 22 << 20).unwrap();
    sparse.write_all_at(&noise(5, 4096), 40 << 20).unwrap();
    let cost = stored(&bench.backup());
    assert!(cost < OVERHEAD + 2 * 2048 + 4 * 4096, "{cost}");
    bench.assert_newest_restores();
    assert!(bench.verify(VerifyLevel::Contents, "100%").is_good());
}

#[test]
fn the_output_of_a_command_is_found_in_part_the_next_time() {
    let bench = Bench::new();
    bench.write("dump", &noise(1, 12 << 20));
    let script = format!("cat {0}/dump; date +%N", bench.source().display());
    let arguments = ["-c".to_owned(), script];
    let from = || BackupSource::Command { program: "sh", arguments: &arguments, name: "dump" };
    bench.backup_from(from(), &bench.store).unwrap();
    let second = bench.backup_from(from(), &bench.store).unwrap();
    assert!(stored(&second) < OVERHEAD + 4096, "{}", stored(&second));
    assert_eq!((second.record.totals.new, second.record.totals.changed), (0, 1));
}

#[test]
fn a_file_that_changes_every_day_keeps_few_archives_alive() {
    let bench = Bench::new();
    let mut content = noise(1, 200_000);
    let kept = tempfile::tempdir().unwrap();
    for day in 0..25u64 {
        let at = (day as usize * 7777) % content.len();
        content.splice(at..at, noise(100 + day, 50));
        bench.write("file", &content);
        std::fs::write(kept.path().join(day.to_string()), &content).unwrap();
        bench.backup();
        let (archives, pieces) = extents(&bench);
        assert!(archives <= 9 && pieces <= 16 + 200_000 / 16_000, "day {day}: {pieces} pieces in {archives} archives");
    }
    for (day, info) in bench.snapshots().iter().enumerate() {
        let (target, report) = bench.restore(info, &[]);
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let expected = std::fs::read(kept.path().join(day.to_string())).unwrap();
        assert!(std::fs::read(target.path().join("file")).unwrap() == expected, "day {day}");
    }
    let sums = sums_files(&bench).len();
    assert!((1..=17).contains(&sums), "{sums} files of block sums");
}

#[test]
fn a_file_is_stored_whole_where_its_earlier_version_is_gone_or_of_no_use() {
    let bench = Bench::new();
    let content = noise(1, 50_000);
    bench.write("file", &content);
    bench.backup();
    let edited = [&b"new"[..], &content].concat();
    for object in bench.store.list("archives/").unwrap() {
        bench.store.delete(&[object.name]).unwrap();
    }
    bench.write("file", &edited);
    assert!(stored(&bench.backup()) > 50_000);
    bench.assert_newest_restores();

    for damage in [&b""[..], b"no sums", &[0xff; 5000]] {
        for path in sums_files(&bench) {
            std::fs::write(path, damage).unwrap();
        }
        let edited = [damage, b"front", &edited].concat();
        bench.write("file", &edited);
        assert!(stored(&bench.backup()) > 50_000);
        bench.assert_newest_restores();
    }

    // Hardly any of it is left: pieces would not pay.
    bench.write("file", &[&noise(9, 40_000)[..], &edited[..2000]].concat());
    bench.backup();
    assert_eq!(extents(&bench).1, 1);
    bench.assert_newest_restores();
}

#[test]
fn a_lost_block_key_makes_the_next_run_store_whole_files_and_the_one_after_it_pieces() {
    let bench = Bench::new();
    let mut content = noise(1, 50_000);
    bench.write("file", &content);
    bench.backup();
    std::fs::remove_file(bench.state().join("block-key")).unwrap();
    let mut cost = || {
        content.splice(100..100, *b"more");
        bench.write("file", &content);
        let cost = stored(&bench.backup());
        bench.assert_newest_restores();
        cost
    };
    assert!(cost() > 50_000);
    assert!(cost() < OVERHEAD + 1024);
}

#[test]
fn a_full_backup_remembers_no_blocks() {
    let bench = Bench { full: true, ..Bench::new() };
    bench.write("file", &noise(1, 50_000));
    bench.backup();
    assert_eq!(sums_files(&bench), [] as [PathBuf; 0]);
}

/// Two blocks with each other's sums: what a collision, or damaged local state, would do.
#[test]
fn a_file_put_together_wrongly_is_found_by_verify_and_refused_by_restore() {
    let bench = Bench::new();
    let content = noise(1, 50_000);
    bench.write("file", &content);
    bench.write("other", b"fine");
    bench.backup();
    let sums = sums_files(&bench).remove(0);
    let mut bytes = std::fs::read(&sums).unwrap();
    let (first, second) = bytes.split_at_mut(12 * 11);
    first[12 * 10..].swap_with_slice(&mut second[..12]);
    std::fs::write(&sums, bytes).unwrap();
    bench.write("file", &[&content[11 * 512..12 * 512], &content].concat());
    bench.backup();
    let verified = bench.verify(VerifyLevel::Contents, "100%");
    let problems: Vec<_> = verified.problems.iter().map(|problem| problem.problem.as_str()).collect();
    insta::assert_debug_snapshot!(problems, @r#"
    [
        "the manifest is damaged: `file`, put together from its pieces, is not what was backed up",
    ]
    "#);
    let (target, report) = bench.restore(bench.snapshots().last().unwrap(), &[]);
    assert_eq!(report.failures.len(), 1);
    assert!(!target.path().join("file").exists() && target.path().join("other").exists());
}
