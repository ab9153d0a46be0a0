use super::*;
use crate::archive::FormatError;
use crate::stores::testing::{Call, Effect, Faults};
use crate::stores::{Put, StoreErrorKind};
use std::time::Duration;

fn bench_with_three_runs() -> Bench {
    let bench = Bench::new();
    bench.write("large", &noise(9, 3 << 20));
    for run in 0..3 {
        for file in 0..20 {
            bench.write(&format!("d/f{file}"), &noise(file + 100 * run, 4000));
        }
        bench.backup();
    }
    bench
}

#[test]
fn a_sound_store_verifies_at_every_level() {
    let bench = bench_with_three_runs();
    for level in [VerifyLevel::Presence, VerifyLevel::Checksum, VerifyLevel::Contents] {
        let outcome = bench.verify(level, "100%");
        assert!(outcome.is_good() && outcome.unrecorded.is_empty(), "{level:?} {:?}", outcome.problems);
        assert!(outcome.objects >= 12);
    }
    let contents = bench.verify(VerifyLevel::Contents, "100%");
    // 61 files were stored, the large one in several chunks.
    assert!(contents.chunks >= 62, "{}", contents.chunks);
    let sampled = bench.verify(VerifyLevel::Contents, "1%");
    assert!(sampled.is_good() && sampled.bytes > 0 && sampled.bytes < contents.bytes);
}

#[test]
fn a_missing_or_changed_object_is_named_with_the_snapshots_that_need_it() {
    let bench = bench_with_three_runs();
    let objects: Vec<String> = bench.store.list("").unwrap().into_iter().map(|object| object.name).collect();
    let snapshots = bench.snapshots().len();
    for name in objects.iter().filter(|name| name.contains('/') && !name.starts_with("runs/")) {
        let whole = bench.store.read(name, 1 << 30).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        bench.store.put(name, &flipped, Put::Replace).unwrap();
        assert!(bench.verify(VerifyLevel::Presence, "100%").is_good());
        for level in [VerifyLevel::Checksum, VerifyLevel::Contents] {
            let outcome = bench.verify(level, "100%");
            assert!(!outcome.is_good(), "{level:?} {name}");
            assert!(outcome.problems.iter().all(|problem| !problem.snapshots.is_empty()));
        }
        bench.store.put(name, &whole[..middle], Put::Replace).unwrap();
        assert_eq!(bench.verify(VerifyLevel::Presence, "100%").problems.len(), 1, "{name}");
        bench.store.delete(std::slice::from_ref(name)).unwrap();
        if !name.starts_with("snapshots/") {
            let outcome = bench.verify(VerifyLevel::Presence, "100%");
            assert_eq!(outcome.problems[0].problem, "it is missing");
        }
        bench.store.put(name, &whole, Put::Replace).unwrap();
    }
    assert_eq!(bench.snapshots().len(), snapshots);
    assert!(bench.verify(VerifyLevel::Contents, "100%").is_good());
}

#[test]
fn a_damaged_archive_costs_only_the_files_in_it() {
    let bench = bench_with_three_runs();
    let newest = bench.snapshots().pop().unwrap();
    let own = format!("archives/data/{}", newest.run);
    let name = bench.store.list(&own).unwrap().remove(0).name;
    let mut bytes = bench.store.read(&name, 1 << 30).unwrap();
    let last = bytes.len() - 2000;
    bytes[last] ^= 0x40;
    bench.store.put(&name, &bytes, Put::Replace).unwrap();
    let (target, report) = bench.restore(&newest, &[]);
    assert!(!report.failures.is_empty() && report.failures.len() <= 20);
    assert_eq!(std::fs::read(target.path().join("large")).unwrap(), noise(9, 3 << 20));
}

#[test]
fn reading_needs_the_right_key_and_says_so() {
    let bench = bench_with_three_runs();
    let repository = Repository::open(&bench.store).unwrap();
    let newest = bench.snapshots().pop().unwrap();
    let error = Catalogue::new(&repository, None).load(&newest).unwrap_err();
    assert!(matches!(error, RepositoryError::Object { source: FormatError::NoKey, .. }));
    assert_eq!(error.exit(), crate::base::Exit::WrongKey);
    let stranger = Identities::parse(generate_identity().0.expose().as_bytes(), None).unwrap();
    let error = Catalogue::new(&repository, Some(&stranger)).load(&newest).unwrap_err();
    assert_eq!(error.exit(), crate::base::Exit::WrongKey);
}

#[test]
fn forgetting_frees_only_what_nobody_needs_and_only_after_the_grace_period() {
    let bench = bench_with_three_runs();
    let snapshots = bench.snapshots();
    let before = bench.store.list("archives/").unwrap().len();
    let plan = bench.prune(&snapshots[..2], Duration::from_secs(600));
    assert!(plan.delete.is_empty() && plan.doomed_bytes() > 80_000, "{plan:?}");
    assert_eq!((bench.snapshots().len(), bench.store.list("archives/").unwrap().len()), (1, before));
    bench.assert_newest_restores();
    // The bench's clock goes on by a minute at each look.
    (0..10).for_each(|_| _ = bench.context.now());
    let plan = bench.prune(&[], Duration::from_secs(600));
    assert!(plan.freed_bytes() > 80_000 && plan.doom.is_empty());
    // The first archive stays: the large file is in it.
    assert_eq!(bench.store.list("archives/").unwrap().len(), before - 1);
    bench.assert_newest_restores();
    assert!(bench.verify(VerifyLevel::Contents, "100%").is_good());
    bench.write("again", b"a run after a prune");
    bench.backup();
    bench.assert_newest_restores();
    assert!(bench.prune(&[], Duration::ZERO).is_empty());
}

#[test]
fn what_was_deleted_behind_the_hosts_back_is_stored_anew() {
    let bench = bench_with_three_runs();
    let archives: Vec<String> = bench.store.list("archives/").unwrap().into_iter().map(|object| object.name).collect();
    bench.store.delete(&archives).unwrap();
    bench.backup();
    bench.assert_newest_restores();
}

#[test]
fn what_is_needed_again_has_its_whole_grace_period_once_nobody_needs_it() {
    let bench = Bench::new();
    bench.write("a", &noise(1, 30_000));
    bench.backup();
    let archive = bench.store.list("archives/").unwrap().remove(0).name;
    // Nobody needed it when a prune looked, and a run has built on it since.
    let list = format!(r#"{{"format_version":1,"objects":{{"{archive}":"2001-01-01T00:00:00Z"}}}}"#);
    bench.store.put("lease/doomed-20010101T000000Z-00000000.json", list.as_bytes(), Put::Replace).unwrap();
    let grace = Duration::from_secs(3600);
    assert!(bench.prune(&[], grace).is_empty());
    let plan = bench.prune(&bench.snapshots(), grace);
    let is_among = |list: &[(String, u64)]| list.iter().any(|(name, _)| *name == archive);
    assert!(is_among(&plan.doom) && !is_among(&plan.delete), "{plan:?}");
}

#[test]
fn a_prune_that_is_cancelled_deletes_nothing_more() {
    let bench = bench_with_three_runs();
    let repository = Repository::open(&bench.store).unwrap();
    let catalogue = Catalogue::new(&repository, None);
    let plan = plan_prune(&catalogue, &bench.snapshots()[..2], bench.context.now(), Duration::ZERO).unwrap();
    let cancel = Cancellation::default();
    cancel.cancel();
    let (run, marks) = (bench.run_id(), bench.lease_marks());
    let holder = LeaseHolder { host: "host", run: &run, marks: &marks };
    let error = execute_prune(&catalogue, &plan, holder, &*bench.context.clock, &cancel).unwrap_err();
    assert_eq!(error.exit(), crate::base::Exit::Cancelled);
    assert_eq!(bench.snapshots().len(), 3);
    assert!(bench.store.list("lease/").unwrap().is_empty(), "the lease is given back");
}

/// The bench's repository, one read of whose store fails.
fn failing(bench: &Bench, read: u64, kind: StoreErrorKind) -> (Repository, Arc<Faults>) {
    let faults = Arc::new(Faults::on(Call::Read, read, Effect::Fail(kind)));
    let repository = Repository::open(&bench.store).unwrap();
    (Repository { store: bench.store.with_faults(Arc::clone(&faults)), ..repository }, faults)
}

#[test]
fn a_run_record_that_cannot_be_had_hides_no_snapshot() {
    let bench = bench_with_three_runs();
    for kind in [StoreErrorKind::NotFound, StoreErrorKind::TooLarge, StoreErrorKind::Disk] {
        for read in 1..=3 {
            let (repository, _) = failing(&bench, read, kind);
            let snapshots = Catalogue::new(&repository, None).snapshots(None).unwrap();
            let recorded = snapshots.iter().filter(|info| info.record.is_some()).count();
            assert_eq!((snapshots.len(), recorded), (3, 2), "{kind:?} {read}");
        }
    }
}

#[test]
fn what_its_disk_cannot_read_is_damage_of_one_object() {
    let bench = bench_with_three_runs();
    for level in [VerifyLevel::Checksum, VerifyLevel::Contents] {
        for read in 1.. {
            let (repository, faults) = failing(&bench, read, StoreErrorKind::Disk);
            let outcome = bench.verify_in(&repository, level, "100%");
            if faults.calls_of(Call::Read) < read {
                assert!(read > 10 && outcome.is_good());
                break;
            }
            // Of a frame that is needed for a file too it is the second reader who tells, if it fails again.
            let is_told = outcome.problems.iter().any(|problem| !problem.snapshots.is_empty());
            assert!(is_told || level == VerifyLevel::Contents, "{read} {outcome:?}");
        }
    }
}

#[test]
fn two_prunes_at_once_are_refused_and_a_dead_hosts_lease_runs_out() {
    let bench = bench_with_three_runs();
    let repository = Repository::open(&bench.store).unwrap();
    let catalogue = Catalogue::new(&repository, None);
    let lease = |until: &str| format!(r#"{{"host":"other","run":"20260101T000000Z-00000000","expires":"{until}"}}"#);
    bench.store.put("lease/prune.json", lease("2099-01-01T00:00:00Z").as_bytes(), Put::Replace).unwrap();
    let plan = plan_prune(&catalogue, &bench.snapshots()[..1], bench.context.now(), Duration::ZERO).unwrap();
    let error = bench.carry_out(&catalogue, &plan).unwrap_err();
    insta::assert_snapshot!(error, @"`other` is pruning or repairing this store, or died doing so: nobody else may until 2099-01-01T00:00:00Z; try again later");
    assert_eq!(bench.snapshots().len(), 3);
    bench.store.put("lease/prune.json", lease("2001-01-01T00:00:00Z").as_bytes(), Put::Replace).unwrap();
    bench.carry_out(&catalogue, &plan).unwrap();
    assert_eq!(bench.snapshots().len(), 2);
}

/// A clock that goes on by 25 minutes at each look.
struct Slow(AtomicU64);

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        let looks = self.0.fetch_add(1, Ordering::Relaxed);
        chrono::DateTime::from_timestamp(1_764_000_000 + 1500 * looks as i64, 0).unwrap()
    }
}

#[test]
fn a_prune_whose_lease_ran_out_deletes_nothing_more_and_the_next_one_goes_on() {
    let bench = bench_with_three_runs();
    let repository = Repository::open(&bench.store).unwrap();
    let catalogue = Catalogue::new(&repository, None);
    let snapshots = bench.snapshots();
    let plan = plan_prune(&catalogue, &snapshots[..2], bench.context.now(), Duration::ZERO).unwrap();
    let clock = Slow(AtomicU64::new(0));
    let error = bench.carry_out_by(&catalogue, &plan, &clock).unwrap_err();
    assert!(matches!(error, RepositoryError::LeaseLost { .. }), "{error}");
    assert_eq!(bench.snapshots().len(), 3, "it was lost before the first deletion");
    bench.prune(&snapshots[..2], Duration::ZERO);
    assert_eq!(bench.snapshots().len(), 1);
    bench.assert_newest_restores();
}

#[test]
fn whichever_store_call_fails_earlier_snapshots_stay_and_the_next_run_is_clean() {
    for effect in [Effect::Fail(StoreErrorKind::Unexpected), Effect::LoseAnswer(StoreErrorKind::Timeout), Effect::Crash]
    {
        for call in 1.. {
            let bench = Bench { volume_bytes: 30_000, ..Bench::new() };
            for file in 0..8 {
                bench.write(&format!("f{file}"), &noise(file, 9000));
            }
            bench.backup();
            let first = bench.snapshots().pop().unwrap();
            let copy = tempfile::tempdir().unwrap();
            let copied = copy.path().join("first");
            assert!(
                std::process::Command::new("cp").arg("-a").arg(bench.source()).arg(&copied).status().unwrap().success()
            );
            for file in 4..12 {
                bench.write(&format!("f{file}"), &noise(file + 50, 9000));
            }
            let faults = Arc::new(Faults::on_call(call, effect));
            let faulty = bench.store.with_faults(Arc::clone(&faults));
            let options = WalkOptions::new(bench.source());
            let outcome = bench.backup_from(BackupSource::Files(&options), &faulty);
            if faults.calls() < call {
                assert!(call > 10 && outcome.is_ok());
                break;
            }
            bench.assert_restores(&first, &copied);
            bench.backup();
            bench.assert_newest_restores();
            assert!(bench.verify(VerifyLevel::Contents, "100%").is_good(), "{effect:?} {call}");
        }
    }
}

#[test]
fn any_wrong_bit_in_local_state_costs_time_but_never_content() {
    let bench = Bench::new();
    bench.write("a", b"a\n");
    bench.write("b", b"b\n");
    bench.write("large", &noise(1, 9000));
    bench.backup();
    let names: Vec<PathBuf> = std::fs::read_dir(bench.state()).unwrap().map(|file| file.unwrap().path()).collect();
    let saved = tempfile::tempdir().unwrap();
    for name in &names {
        std::fs::copy(name, saved.path().join(name.file_name().unwrap())).unwrap();
    }
    let mut round = 0u64;
    for name in names.iter().filter(|name| !name.ends_with("clock") && !name.ends_with("repository")) {
        let good = std::fs::read(saved.path().join(name.file_name().unwrap())).unwrap();
        for at in (0..good.len()).step_by(1 + good.len() / 40) {
            for file in std::fs::read_dir(saved.path()).unwrap().flatten() {
                std::fs::copy(file.path(), bench.state().join(file.file_name())).unwrap();
            }
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(name, bytes).unwrap();
            round += 1;
            bench.write("c", format!("new {round}").as_bytes());
            bench.write("large", &[&round.to_le_bytes()[..], &noise(1, 9000)].concat());
            bench.backup();
            bench.assert_newest_restores();
        }
    }
    assert!(round > 100);
}

#[test]
fn what_a_verification_found_damaged_is_stored_again() {
    let bench = Bench::new();
    bench.write("kept", &noise(1, 30_000));
    bench.backup();
    let archive = bench.store.list("archives/").unwrap().remove(0).name;
    let mut bytes = bench.store.read(&archive, 1 << 20).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bench.store.delete(std::slice::from_ref(&archive)).unwrap();
    bench.store.put(&archive, &bytes, Put::IfAbsent).unwrap();
    let verified = bench.verify(VerifyLevel::Contents, "100%");
    assert!(!verified.is_good());
    remember_damage(&bench.state(), &verified, true).unwrap();
    let outcome = bench.backup();
    assert_eq!(outcome.notes.len(), 1, "{:?}", outcome.notes);
    bench.assert_newest_restores();
    remember_damage(&bench.state(), &VerifyOutcome::default(), true).unwrap();
    assert_eq!(bench.backup().notes, Vec::<String>::new());
}

#[test]
fn a_manifest_that_a_verification_found_wrong_is_built_on_by_no_run() {
    let bench = Bench { can_read: true, ..Bench::new() };
    bench.write("kept", &noise(1, 30_000));
    bench.backup();
    let object = bench.store.list("trees/").unwrap().remove(0).name;
    let problem = VerifyProblem { object, problem: String::new(), snapshots: Vec::new() };
    let found = VerifyOutcome { problems: vec![problem], ..VerifyOutcome::default() };
    remember_damage(&bench.state(), &found, true).unwrap();
    let anew = bench.backup();
    assert!(anew.record.parent.is_none() && anew.notes.iter().any(|note| note.contains("can't build on")), "{anew:?}");
    // The new manifest is good, so not every run begins anew.
    let next = bench.backup();
    assert!(next.record.parent == Some(anew.record.run) && next.notes.is_empty(), "{:?}", next.notes);
    bench.assert_newest_restores();
}
