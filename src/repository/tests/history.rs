//! What a verification tells of snapshots and records that are gone.

use super::*;
use crate::base::{FixedClock, Percent};
use crate::stores::testing::{Effect, Faults};

const LATER: chrono::TimeDelta = chrono::TimeDelta::days(2);

fn look(bench: &Bench, store: &Store, known: &[KnownRun]) -> VerifyOutcome {
    let repository = Repository::open(store).unwrap();
    let catalogue = Catalogue::new(&repository, None);
    let snapshots = catalogue.snapshots(None).unwrap();
    let request = VerifyRequest {
        snapshots: &snapshots,
        only_run: None,
        sources: &[],
        known,
        now: bench.context.now() + LATER,
        level: VerifyLevel::Presence,
        sample: Percent::ALL,
        seed: 7,
        threads: 2,
        cancel: Cancellation::default(),
        progress: &VerifyProgress::default(),
    };
    verify(&catalogue, &request).unwrap()
}

/// What is told of a store, with ids replaced by the place of their run.
fn told(bench: &Bench, runs: &[SnapshotInfo], known: &[KnownRun]) -> String {
    let outcome = look(bench, &bench.store, known);
    let mut text: String =
        outcome.problems.iter().map(|problem| format!("{}: {}\n", problem.object, problem.problem)).collect();
    text.extend(outcome.uncommitted.iter().map(|run| format!("uncommitted {run}\n")));
    if outcome.leftovers != Leftovers::default() {
        text.push_str(&format!("leftovers: {}\n", outcome.leftovers.objects));
    }
    for (at, info) in runs.iter().enumerate() {
        text = text.replace(&info.run.to_string(), &format!("RUN{at}"));
    }
    text
}

/// The large file of the first run is needed by all.
fn three_runs() -> (Bench, Vec<SnapshotInfo>) {
    let bench = Bench::new();
    bench.write("large", &noise(9, 100_000));
    for run in 0..3 {
        bench.write("changing", &noise(100 + run, 4000));
        bench.backup();
    }
    let snapshots = bench.snapshots();
    (bench, snapshots)
}

fn delete(bench: &Bench, name: &str) {
    bench.store.delete(&[name.to_owned()]).unwrap();
}

fn record_of(info: &SnapshotInfo) -> String {
    layout::run_record(&info.source, &info.run)
}

fn known(info: &SnapshotInfo) -> [KnownRun; 1] {
    [KnownRun { source: info.source.clone(), started: info.run.started }]
}

#[test]
fn a_snapshot_that_nobody_pruned_is_missed() {
    let (bench, runs) = three_runs();
    assert_eq!(told(&bench, &runs, &known(&runs[2])), "");
    delete(&bench, &runs[1].name);
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"snapshots/data/RUN1.json.age: it is missing: it was stored once, and no prune took it away");
}

#[test]
fn the_newest_snapshot_is_missed_by_the_host_that_stored_it() {
    let (bench, runs) = three_runs();
    delete(&bench, &runs[2].name);
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"uncommitted RUN2");
    insta::assert_snapshot!(told(&bench, &runs, &known(&runs[2])), @"snapshots/data/RUN2.json.age: it is missing: it was stored once, and no prune took it away");
    delete(&bench, &record_of(&runs[2]));
    insta::assert_snapshot!(told(&bench, &runs, &known(&runs[2])).replace(char::is_numeric, "0"), @"
    snapshots/data/: this host stored a snapshot of `data` on 0000-00-00T00:00:00Z, and here the newest is of 0000-00-00T00:00:00Z: it was deleted, or this is an older copy of the store
    leftovers: 0
    ");
}

#[test]
fn a_snapshot_without_its_record_is_a_problem() {
    let (bench, runs) = three_runs();
    delete(&bench, &record_of(&runs[1]));
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"runs/data/RUN1.json: it is missing, so what its snapshot needs was not looked at");
    bench.store.put(&record_of(&runs[1]), b"{", crate::stores::Put::Replace).unwrap();
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"runs/data/RUN1.json: it is damaged, so what its snapshot needs was not looked at");
}

#[test]
fn a_record_whose_run_stored_what_is_needed_is_missed_without_its_snapshot_too() {
    let (bench, runs) = three_runs();
    bench.prune(&runs[..1], Duration::ZERO);
    assert_eq!(told(&bench, &runs, &known(&runs[2])), "");
    delete(&bench, &record_of(&runs[0]));
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"runs/data/RUN0.json: it is missing, so nothing tells the sizes and sums of what its run stored");
    bench.store.put(&record_of(&runs[0]), b"{", crate::stores::Put::Replace).unwrap();
    insta::assert_snapshot!(told(&bench, &runs, &[]), @"runs/data/RUN0.json: it is damaged, so nothing tells the sizes and sums of what its run stored");
}

#[test]
fn what_a_prune_took_is_not_missed_wherever_it_was_cut_off() {
    for effect in [Effect::Fail(crate::stores::StoreErrorKind::Unexpected), Effect::Crash] {
        for call in 1.. {
            let (bench, runs) = three_runs();
            let faults = Arc::new(Faults::on_call(call, effect));
            let faulty = bench.store.with_faults(Arc::clone(&faults));
            let prune = |store: &Store, forget: &[SnapshotInfo]| -> Result<(), RepositoryError> {
                let repository = Repository::open(store)?;
                let catalogue = Catalogue::new(&repository, None);
                let now = bench.context.now() + LATER;
                let plan = plan_prune(&catalogue, forget, now, Duration::ZERO)?;
                bench.carry_out(&catalogue, &plan)
            };
            let done = prune(&faulty, &runs[..1]);
            assert_eq!(told(&bench, &runs, &known(&runs[2])), "", "{effect:?} {call}");
            if faults.calls() < call {
                assert!(call > 10 && done.is_ok());
                break;
            }
            // At once: the host knows that its process is dead.
            prune(&bench.store, &bench.snapshots()[..1]).unwrap();
            assert_eq!(told(&bench, &runs, &known(&runs[2])), "", "{effect:?} {call}, pruned again");
            assert!(bench.store.list("lease/forgotten-").unwrap().len() <= 2);
        }
    }
}

#[test]
fn a_copy_does_not_miss_what_was_never_copied_but_what_was() {
    let (bench, runs) = three_runs();
    bench.prune(&runs[..1], Duration::ZERO);
    let target = Store::memory();
    let repository = Repository::open(&bench.store).unwrap();
    copy(&Catalogue::new(&repository, None), &target, "data", &bench.context, &Cancellation::default()).unwrap();
    let outcome = look(&bench, &target, &[]);
    assert!(outcome.is_good() && outcome.uncommitted.is_empty(), "{outcome:?}");
    target.delete(&[runs[1].name.clone()]).unwrap();
    assert_eq!(look(&bench, &target, &[]).problems.len(), 1);
}

#[test]
fn a_copy_leaves_out_no_snapshot_of_the_second_of_its_newest() {
    let mut bench = Bench::new();
    bench.context.clock = Arc::new(FixedClock(bench.context.now()));
    let target = Store::memory();
    // Whichever of their random halves is the larger: of five, one follows a larger one.
    for count in 1..=5 {
        bench.write("changing", &noise(count, 4000));
        bench.backup();
        let repository = Repository::open(&bench.store).unwrap();
        let catalogue = Catalogue::new(&repository, None);
        let outcome = copy(&catalogue, &target, "data", &bench.context, &Cancellation::default()).unwrap();
        assert_eq!(outcome.snapshots, 1, "at snapshot {count}");
        assert_eq!(target.list(layout::SNAPSHOTS).unwrap().len() as u64, count);
    }
    assert!(look(&bench, &target, &[]).is_good());
}

#[test]
fn what_runs_left_that_were_cut_off_is_told_and_no_problem() {
    let bench = Bench { volume_bytes: 30_000, ..Bench::new() };
    bench.write("first", b"1");
    bench.backup();
    for file in 0..8 {
        bench.write(&format!("f{file}"), &noise(file, 9000));
    }
    let options = WalkOptions::new(bench.source());
    let faults = Arc::new(Faults::on(crate::stores::testing::Call::Create, 2, Effect::Crash));
    bench.backup_from(BackupSource::Files(&options), &bench.store.with_faults(faults)).unwrap_err();
    let outcome = look(&bench, &bench.store, &[]);
    assert!(outcome.is_good() && outcome.leftovers.objects > 0, "{outcome:?}");
    bench.backup();
    let outcome = look(&bench, &bench.store, &[]);
    assert_eq!((outcome.problems, outcome.leftovers), (Vec::new(), Leftovers::default()), "they were taken over");
}
