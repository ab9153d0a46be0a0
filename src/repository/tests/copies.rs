//! Copies that are told to stop.

use super::*;
use crate::stores::testing::Faults;

fn names(store: &Store) -> Vec<String> {
    store.list("").unwrap().into_iter().map(|object| object.name).filter(|name| !name.starts_with("lease/")).collect()
}

fn bench_with_many_runs() -> Bench {
    let bench = Bench { volume_bytes: 60_000, ..Bench::new() };
    for run in 0..6 {
        bench.write("changing", &noise(run, 100_000));
        bench.write(&format!("only{run}"), &noise(100 + run, 4000));
        bench.backup();
    }
    // Records of runs whose snapshots are not copied go along.
    bench.prune(&bench.snapshots()[..2], Duration::ZERO);
    bench
}

#[test]
fn a_copy_that_is_told_to_stop_does_so_before_the_next_object_and_is_completed_later() {
    let bench = bench_with_many_runs();
    for is_target in [true, false] {
        for call in 1.. {
            let cancel = Cancellation::default();
            let faults = Arc::new(Faults::cancelling(call, &cancel));
            let target = Store::memory();
            let faulty = |store: &Store, is_it: bool| match is_it {
                true => store.with_faults(Arc::clone(&faults)),
                false => store.clone(),
            };
            let (from, to) = (faulty(&bench.store, !is_target), faulty(&target, is_target));
            let copy_now = |from: &Store, to: &Store, cancel: &Cancellation| {
                let repository = Repository::open(from)?;
                copy(&Catalogue::new(&repository, None), to, "data", &bench.context, cancel)
            };
            let done = copy_now(&from, &to, &cancel);
            let calls = faults.calls();
            if calls < call {
                assert!(call > 25 && done.is_ok(), "{call}");
                break;
            }
            match done {
                Ok(_) => assert_eq!(calls, call, "nothing was left to do"),
                Err(error) => assert_eq!(error.exit(), crate::base::Exit::Cancelled, "{error}"),
            }
            // A new repository is made whole.
            assert!(calls <= call.max(3) + 1, "{calls} calls, and it was told at {call}");
            let repository = Repository::open(&target);
            for info in repository.iter().flat_map(|found| Catalogue::new(found, None).snapshots(None).unwrap()) {
                let catalogue = Catalogue::new(repository.as_ref().unwrap(), bench.identities.as_ref());
                assert!(catalogue.load(&info).is_ok(), "what is listed is there");
            }
            copy_now(&bench.store, &target, &Cancellation::default()).unwrap();
            let missing: Vec<_> = {
                let there = names(&target);
                names(&bench.store).into_iter().filter(|name| !there.contains(name)).collect()
            };
            assert!(missing.is_empty(), "{call}: {missing:?}");
        }
    }
}
