use super::*;
use crate::stores::Put;
use crate::stores::testing::{Call, Effect, Faults};

/// A bench whose snapshots are copied to a second store.
struct Two {
    bench: Bench,
    copy: Store,
}

fn two() -> Two {
    two_from(Bench { volume_bytes: 60_000, ..Bench::new() })
}

fn two_from(bench: Bench) -> Two {
    bench.write("large", &noise(9, 3 << 20));
    for run in 0..3 {
        for file in 0..10 {
            bench.write(&format!("d/f{file}"), &noise(file + 100 * run, 9000));
        }
        bench.write(&format!("only{run}"), &noise(1000 + run, 5000));
        bench.backup();
    }
    copied(bench)
}

/// A bench with its snapshots copied.
fn copied(bench: Bench) -> Two {
    let copy = Store::memory();
    let repository = Repository::open(&bench.store).unwrap();
    super::super::copy(&Catalogue::new(&repository, None), &copy, "data", &bench.context, &Cancellation::default())
        .unwrap();
    Two { bench, copy }
}

impl Two {
    fn with<T>(&self, donor: Option<&Store>, level: VerifyLevel, act: impl FnOnce(&RepairRequest<'_>) -> T) -> T {
        self.with_store(&self.bench.store, donor, level, act)
    }

    fn with_store<T>(
        &self,
        store: &Store,
        donor: Option<&Store>,
        level: VerifyLevel,
        act: impl FnOnce(&RepairRequest<'_>) -> T,
    ) -> T {
        let opened = open_for_repair(&self.bench.store, &self.bench.state(), &self.bench.context).unwrap().unwrap();
        let opened = Opened { repository: Repository { store: store.clone(), ..opened.repository }, ..opened };
        let identities = self.bench.identities.as_ref().filter(|_| level == VerifyLevel::Contents);
        let other = donor.map(|donor| Repository::open(donor).unwrap());
        let donors: Vec<Donor<'_>> =
            other.iter().map(|other| Donor { tier: "copy", catalogue: Catalogue::new(other, identities) }).collect();
        act(&RepairRequest {
            opened: &opened,
            identities,
            recipients: self.bench.recipients.as_ref(),
            donors: &donors,
            plan: "plan",
            tier: "tier",
            host: "host",
            lease_marks: &self.bench.lease_marks(),
            sources: &[],
            known: &[],
            level,
            run: self.bench.run_id(),
            now: self.bench.context.now(),
            cancel: Cancellation::default(),
            progress: &VerifyProgress::default(),
        })
    }

    fn plan(&self, donor: bool, level: VerifyLevel) -> RepairPlan {
        self.with(donor.then_some(&self.copy), level, |request| plan_repair(request).unwrap())
    }

    fn repair(&self, donor: bool, level: VerifyLevel) -> (RepairPlan, RepairOutcome) {
        self.with(donor.then_some(&self.copy), level, |request| {
            let plan = plan_repair(request).unwrap();
            let mut outcome = RepairOutcome::default();
            execute_repair(request, &plan, &*self.bench.context.clock, &mut outcome).unwrap();
            (plan, outcome)
        })
    }

    fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let store = &self.bench.store;
        let names = store.list("").unwrap().into_iter().map(|object| object.name);
        names
            .filter(|name| name.contains('/'))
            .map(|name| (name.clone(), store.read(&name, 1 << 30).unwrap()))
            .collect()
    }

    fn flip(&self, name: &str, at: usize) {
        let mut bytes = self.bench.store.read(name, 1 << 30).unwrap();
        bytes[at] ^= 1;
        self.bench.store.put(name, &bytes, Put::Replace).unwrap();
    }

    fn delete(&self, name: &str) {
        self.bench.store.delete(&[name.to_owned()]).unwrap();
    }
}

#[test]
fn without_damage_there_is_nothing_to_do() {
    let two = two();
    let before = two.objects();
    let (plan, outcome) = two.repair(true, VerifyLevel::Contents);
    assert!(plan.is_empty() && plan.lost.is_empty() && outcome.mended.is_empty());
    assert!(plan.snapshots.iter().all(|snapshot| snapshot.standing == Standing::Whole));
    assert_eq!(two.objects(), before);
}

#[test]
fn whatever_one_object_is_lost_or_damaged_comes_back_byte_for_byte_from_a_copy() {
    let two = two();
    let whole = two.objects();
    for level in [VerifyLevel::Checksum, VerifyLevel::Contents] {
        for (name, bytes) in &whole {
            let is_deleted_snapshot_unknown = name.starts_with("snapshots/")
                && Some(name) == whole.iter().map(|(name, _)| name).rfind(|name| name.starts_with("snapshots/"));
            for at in [None, Some(150), Some(bytes.len() / 2), Some(bytes.len() - 1)] {
                match at {
                    // Nobody but this host could know of the newest one, and the bench remembers nothing.
                    None if is_deleted_snapshot_unknown => continue,
                    None => two.delete(name),
                    Some(at) => two.flip(name, at),
                }
                let now = two.bench.store.read(name, 1 << 30).unwrap_or_default();
                if name.starts_with("runs/") && serde_json::from_slice::<crate::archive::RunRecord>(&now).is_ok() {
                    // What still reads as a record is one: nothing tells its own sum.
                    two.bench.store.put(name, bytes, Put::Replace).unwrap();
                    continue;
                }
                let told = two.plan(true, level);
                assert_eq!(told.left, [], "{level:?} {name} {at:?} {:?}", told.refused);
                let (plan, outcome) = two.repair(true, level);
                assert_eq!(outcome.mended.iter().collect::<Vec<_>>(), [name], "{level:?} {at:?}");
                assert!(plan.lost.is_empty());
                assert!(two.objects() == whole, "{level:?} {name} {at:?}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_what_is_not_encrypted_is_found_where_it_is_and_mended() {
    let bench = Bench { recipients: None, identities: None, ..Bench::new() };
    for run in 0..2 {
        for file in 0..4 {
            bench.write(&format!("f{file}"), &noise(10 * run + file, 900));
        }
        bench.backup();
    }
    let two = copied(bench);
    let whole = two.objects();
    let small = |name: &str| ["trees/", "index/", "snapshots/"].iter().any(|folder| name.starts_with(folder));
    for (name, bytes) in whole.iter().filter(|(name, _)| small(name)) {
        for at in (0..bytes.len()).step_by(3) {
            two.flip(name, at);
            let outcome = two.bench.verify(VerifyLevel::Contents, "1%");
            assert!(outcome.problems.iter().any(|problem| problem.object == *name), "{name} {at} {outcome:?}");
            let (plan, outcome) = two.repair(true, VerifyLevel::Contents);
            assert_eq!(plan.left, [], "{name} {at} {:?}", plan.refused);
            assert_eq!(outcome.mended.iter().collect::<Vec<_>>(), [name], "{at}");
            assert!(plan.lost.is_empty() && two.objects() == whole, "{name} {at}");
        }
    }
}

#[test]
fn all_that_is_lost_at_once_comes_back_from_a_copy() {
    let two = two();
    let whole = two.objects();
    // The records and one snapshot, that they be found at all; all else hides behind what is gone.
    for (name, _) in whole.iter().filter(|(name, _)| !name.starts_with("runs/") && !name.starts_with("snapshots/")) {
        two.delete(name);
    }
    two.delete(&whole.iter().find(|(name, _)| name.starts_with("snapshots/")).unwrap().0);
    two.delete(&whole.iter().rfind(|(name, _)| name.starts_with("runs/")).unwrap().0);
    let (plan, _) = two.repair(true, VerifyLevel::Contents);
    assert!(plan.left.is_empty(), "{:?}", plan.left);
    assert_eq!(two.objects(), whole);
    assert!(two.bench.verify(VerifyLevel::Contents, "100%").is_good());
}

#[test]
fn a_dry_run_tells_the_same_and_changes_nothing() {
    let two = two();
    let archive = two.bench.store.list("archives/").unwrap().remove(0).name;
    let index = two.bench.store.list("index/").unwrap().remove(1).name;
    two.delete(&archive);
    two.delete(&index);
    let before = two.objects();
    let told = two.plan(false, VerifyLevel::Contents);
    assert_eq!(two.objects(), before);
    let (done, _) = two.repair(false, VerifyLevel::Contents);
    let names = |plan: &RepairPlan| plan.mends.iter().map(|mend| mend.object.clone()).collect::<Vec<_>>();
    let paths = |plan: &RepairPlan| plan.lost.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!((names(&told), paths(&told)), (names(&done), paths(&done)));
    assert_eq!(names(&done), [index]);
    assert!(!paths(&done).is_empty());
}

#[test]
fn exactly_the_files_that_a_restore_fails_on_are_lost() {
    let two = two();
    for at in 0..two.bench.store.list("archives/").unwrap().len() {
        let archive = two.bench.store.list("archives/").unwrap().remove(at).name;
        let whole = two.bench.store.read(&archive, 1 << 30).unwrap();
        for damage in [None, Some(100), Some(whole.len() / 3), Some(whole.len() - 700)] {
            match damage {
                None => two.delete(&archive),
                Some(byte) => two.flip(&archive, byte),
            }
            let plan = two.plan(false, VerifyLevel::Contents);
            assert_eq!(plan.left.len(), 1, "{:?}", plan.left);
            for info in two.bench.snapshots() {
                let (_, report) = two.bench.restore(&info, &[]);
                let mut failed: Vec<Vec<u8>> = report.failures.iter().map(|failure| failure.path.clone()).collect();
                failed.sort();
                let lost: Vec<Vec<u8>> = plan
                    .lost
                    .iter()
                    .filter(|file| file.snapshots.contains(&info.run))
                    .map(|file| file.path.clone())
                    .collect();
                assert_eq!(lost, failed, "{archive} {damage:?} {}", info.run);
                let state = plan.snapshots.iter().find(|state| state.run == info.run).unwrap();
                assert_eq!(state.standing == Standing::Whole, failed.is_empty());
            }
            two.bench.store.put(&archive, &whole, Put::Replace).unwrap();
        }
    }
}

#[test]
fn what_is_lost_and_still_on_disk_is_stored_anew_by_the_next_run() {
    let two = two();
    for archive in two.bench.store.list("archives/").unwrap() {
        two.flip(&archive.name, 4000);
    }
    let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
    assert!(!plan.lost.is_empty());
    remember_repair(&two.bench.state(), &plan, &outcome, true).unwrap();
    two.bench.backup();
    two.bench.assert_newest_restores();
    // The damaged ones stay what they are, and are told again.
    let again = two.plan(false, VerifyLevel::Contents);
    assert_eq!(again.left.len(), plan.left.len());
    assert_eq!(again.snapshots.last().unwrap().standing, Standing::Whole);
    let newest = &again.snapshots.last().unwrap().run;
    assert!(again.snapshots.iter().rev().skip(1).all(|state| state.instead.as_ref() == Some(newest)));
}

#[test]
fn a_lost_file_whose_content_is_elsewhere_is_told_where() {
    let two = two();
    let archive = two.bench.store.list("archives/").unwrap().pop().unwrap().name;
    two.delete(&archive);
    // The copy has the archive too, so another store of the same files stands for a second tier.
    let other = Bench::new();
    for file in std::fs::read_dir(two.bench.source().join("d")).unwrap().flatten().take(4) {
        other.write(&file.file_name().to_string_lossy(), &std::fs::read(file.path()).unwrap());
    }
    other.backup();
    let repository = Repository::open(&other.store).unwrap();
    let plan = two.with(None, VerifyLevel::Contents, |request| {
        let donors = [Donor { tier: "other", catalogue: Catalogue::new(&repository, other.identities.as_ref()) }];
        plan_repair(&RepairRequest {
            donors: &donors,
            run: request.run.clone(),
            cancel: Cancellation::default(),
            ..*request
        })
        .unwrap()
    });
    let found =
        plan.lost.iter().filter(|file| file.still_in.as_ref().is_some_and(|still| still.tier == "other")).count();
    let none = plan.lost.iter().filter(|file| file.still_in.is_none()).count();
    assert!(found > 0 && found <= 4 && found + none == plan.lost.len(), "{found} {none}");
}

#[test]
fn a_lost_index_is_made_anew_from_its_archives_and_its_layer() {
    for codec in [Codec::Zstd { level: 3 }, Codec::Gzip { level: 6 }, Codec::None] {
        for is_encrypted in [true, false] {
            let mut bench = Bench { volume_bytes: 60_000, codec, ..Bench::new() };
            if !is_encrypted {
                (bench.recipients, bench.identities) = (None, None);
            }
            let two = two_from(bench);
            let indexes = two.bench.store.list("index/").unwrap();
            assert_eq!(indexes.len(), 3);
            for index in &indexes {
                two.delete(&index.name);
            }
            let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
            assert_eq!(plan.left, [], "{codec:?} {is_encrypted} {:?}", plan.refused);
            assert!(plan.lost.is_empty() && outcome.mended.len() == 3);
            for level in [VerifyLevel::Presence, VerifyLevel::Checksum, VerifyLevel::Contents] {
                let outcome = two.bench.verify(level, "100%");
                assert!(outcome.is_good() && outcome.uncommitted.is_empty(), "{level:?} {:?}", outcome.problems);
            }
            two.bench.assert_newest_restores();
            for info in two.bench.snapshots() {
                assert!(two.bench.restore(&info, &[]).1.failures.is_empty());
            }
            // Neither a backup nor a prune is confused by it.
            two.bench.write("new", b"new");
            two.bench.backup();
            two.bench.assert_newest_restores();
            let all = two.bench.snapshots();
            two.bench.prune(&all[..3], Duration::ZERO);
            two.bench.assert_newest_restores();
            assert!(two.bench.verify(VerifyLevel::Contents, "100%").is_good());
        }
    }
}

#[test]
fn an_index_is_not_made_anew_from_what_could_be_read_at_the_moment() {
    for codec in [Codec::Zstd { level: 3 }, Codec::Gzip { level: 6 }, Codec::None] {
        let bench = Bench { recipients: None, identities: None, codec, ..Bench::new() };
        bench.write("a", &noise(1, 2000));
        bench.backup();
        let two = copied(bench);
        let index = two.bench.store.list("index/").unwrap().remove(0).name;
        let good = two.bench.store.read(&index, 1 << 20).unwrap();
        for read in 1.. {
            two.delete(&index);
            let kind = crate::stores::StoreErrorKind::Busy;
            let faults = Arc::new(Faults::on(Call::Read, read, Effect::Fail(kind)));
            let faulty = two.bench.store.with_faults(Arc::clone(&faults));
            let done = two.with_store(&faulty, None, VerifyLevel::Contents, |request| {
                let plan = plan_repair(request)?;
                execute_repair(request, &plan, &*two.bench.context.clock, &mut RepairOutcome::default())
            });
            let is_over = faults.calls_of(Call::Read) < read;
            assert!(!is_over || done.is_ok(), "{codec:?} {read} {done:?}");
            let (plan, _) = two.repair(false, VerifyLevel::Contents);
            assert_eq!(plan.left, [], "{codec:?} {read} {done:?}");
            two.bench.assert_newest_restores();
            if is_over {
                assert!(read > 5, "{read}");
                break;
            }
            // As if nothing had been repaired.
            two.bench.store.put(&index, &good, Put::Replace).unwrap();
            for record in two.bench.store.list("runs/").unwrap().into_iter().skip(1) {
                two.delete(&record.name);
            }
        }
    }
}

#[test]
fn what_its_disk_cannot_read_comes_back_from_a_copy() {
    let two = two();
    let whole = two.objects();
    for level in [VerifyLevel::Checksum, VerifyLevel::Contents] {
        for read in 1.. {
            let faults = Arc::new(Faults::on(Call::Read, read, Effect::Fail(crate::stores::StoreErrorKind::Disk)));
            let faulty = two.bench.store.with_faults(Arc::clone(&faults));
            let done = two.with_store(&faulty, Some(&two.copy), level, |request| {
                let plan = plan_repair(request)?;
                execute_repair(request, &plan, &*two.bench.context.clock, &mut RepairOutcome::default())
            });
            done.unwrap();
            assert_eq!(two.objects(), whole, "{level:?} {read}");
            if faults.calls_of(Call::Read) < read {
                assert!(read > 10);
                break;
            }
        }
    }
}

#[test]
fn a_lost_run_record_is_made_anew_from_its_snapshot() {
    let two = two();
    let records = Catalogue::new(&Repository::open(&two.bench.store).unwrap(), None).records(None).unwrap();
    for record in two.bench.store.list("runs/").unwrap() {
        two.delete(&record.name);
    }
    let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
    assert_eq!((plan.left.len(), outcome.mended.len()), (0, 3), "{:?}", plan.refused);
    assert!(two.bench.verify(VerifyLevel::Checksum, "100%").is_good());
    let again = Catalogue::new(&Repository::open(&two.bench.store).unwrap(), None).records(None).unwrap();
    for (before, now) in records.into_iter().zip(again) {
        let sorted = |mut record: crate::archive::RunRecord| {
            record.objects.sort_by(|a, b| a.name.cmp(&b.name));
            record.live.sort();
            record
        };
        let expected =
            crate::archive::RunRecord { recipients: Vec::new(), invoked: None, totals: Default::default(), ..before };
        assert_eq!(sorted(crate::archive::RunRecord { totals: Default::default(), ..now }), sorted(expected));
    }
}

#[test]
fn a_lost_snapshot_is_made_anew_from_its_record_and_a_neighbour() {
    let two = two();
    let infos = two.bench.snapshots();
    for info in &infos {
        let before = two.bench.load(info);
        // Deleted, the newest is missed by nobody here.
        two.flip(&info.name, 300);
        let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
        assert_eq!(plan.left, [], "{:?}", plan.refused);
        assert_eq!(outcome.mended.iter().collect::<Vec<_>>(), [&info.name]);
        assert_eq!(two.bench.load(info), before);
        assert_eq!(two.bench.verify(VerifyLevel::Checksum, "100%").problems, []);
    }
    two.bench.assert_newest_restores();
    // Without any neighbour nobody knows the base.
    infos.iter().for_each(|info| two.flip(&info.name, 300));
    let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
    assert!(outcome.mended.is_empty());
    assert!(
        plan.snapshots.iter().all(|state| matches!(state.standing, Standing::Unreadable(_)) && state.instead.is_none())
    );
    insta::assert_snapshot!(plan.refused.values().next().unwrap(), @"no other tier has it whole, and it can't be made anew: no snapshot before or after it tells to which folder its paths are relative, and in which order its layers lie");
}

#[test]
fn a_lost_configuration_is_made_anew_and_the_local_state_stays_of_use() {
    let two = two();
    for damage in [None, Some(&b"{"[..])] {
        two.delete("repository.json");
        if let Some(bytes) = damage {
            two.bench.store.put("repository.json", bytes, Put::Replace).unwrap();
        }
        assert!(Repository::find(&two.bench.store).map_or(true, |found| found.is_none()));
        let (plan, outcome) = two.repair(false, VerifyLevel::Contents);
        assert_eq!((plan.left.len(), outcome.mended.len()), (0, 1));
        let next = two.bench.backup();
        assert!(next.record.parent.is_some() && next.notes.is_empty(), "{:?}", next.notes);
        two.bench.assert_newest_restores();
    }
    let nothing = Store::memory();
    assert!(open_for_repair(&nothing, &two.bench.state(), &two.bench.context).unwrap().is_none());
}

#[test]
fn a_record_of_another_tier_that_does_not_fit_is_not_taken() {
    let two = two();
    let record = two.bench.store.list("runs/").unwrap().pop().unwrap().name;
    let text = String::from_utf8(two.copy.read(&record, 1 << 20).unwrap()).unwrap();
    let mut parsed: crate::archive::RunRecord = serde_json::from_str(&text).unwrap();
    parsed.objects[0].sha256 = "0".repeat(64);
    two.copy.put(&record, &serde_json::to_vec(&parsed).unwrap(), Put::Replace).unwrap();
    two.delete(&record);
    let before = two.objects();
    let (plan, outcome) = two.repair(true, VerifyLevel::Checksum);
    assert!(outcome.mended.is_empty() && plan.refused[&record].contains("tells of another"), "{:?}", plan.refused);
    assert_eq!(two.objects(), before);
}

#[test]
fn a_lost_record_and_damage_of_what_it_lists_are_mended_together() {
    for bench in [Bench::new(), Bench { recipients: None, identities: None, ..Bench::new() }] {
        for run in 0..2 {
            bench.write("changing", &noise(run, 20_000));
            bench.write(&format!("only{run}"), &noise(100 + run, 5000));
            bench.backup();
        }
        let two = copied(bench);
        let whole = two.objects();
        for level in [VerifyLevel::Checksum, VerifyLevel::Contents] {
            for (record, bytes) in whole.iter().filter(|(name, _)| name.starts_with("runs/")) {
                let parsed: crate::archive::RunRecord = serde_json::from_slice(bytes).unwrap();
                for object in &parsed.objects {
                    two.delete(record);
                    two.flip(&object.name, object.size as usize / 2);
                    let (plan, outcome) = two.repair(true, level);
                    assert_eq!(plan.left, [], "{level:?} {} {:?}", object.name, plan.refused);
                    assert!(outcome.failed.is_empty() && two.objects() == whole, "{level:?} {}", object.name);
                }
            }
        }
    }
}

#[test]
fn a_copy_that_is_damaged_too_is_not_taken() {
    let two = two();
    let archive = two.bench.store.list("archives/").unwrap().remove(0).name;
    two.flip(&archive, 4000);
    let mut bytes = two.copy.read(&archive, 1 << 30).unwrap();
    bytes[5000] ^= 1;
    two.copy.put(&archive, &bytes, Put::Replace).unwrap();
    let before = two.objects();
    let (plan, outcome) = two.repair(true, VerifyLevel::Checksum);
    assert!(outcome.mended.is_empty() && plan.left.len() == 1 && plan.is_unlisted);
    assert_eq!(two.objects(), before);
}

#[test]
fn whichever_store_call_fails_nothing_good_is_lost_and_the_next_repair_ends_it() {
    let bench = Bench { recipients: None, identities: None, ..Bench::new() };
    for run in 0..2 {
        bench.write("a", &noise(run, 2000));
        bench.write(&format!("only{run}"), &noise(100 + run, 2000));
        bench.backup();
    }
    let two = copied(bench);
    let whole = two.objects();
    for effect in [
        Effect::Fail(crate::stores::StoreErrorKind::Unexpected),
        Effect::LoseAnswer(crate::stores::StoreErrorKind::Timeout),
        Effect::Crash,
    ] {
        for call in 1.. {
            let names: Vec<String> = two.objects().into_iter().map(|(name, _)| name).collect();
            two.bench.store.delete(&names).unwrap();
            for (name, bytes) in &whole {
                two.bench.store.put(name, bytes, Put::Replace).unwrap();
            }
            two.flip(&whole[0].0, 500);
            let index = whole.iter().find(|(name, _)| name.starts_with("index/")).unwrap();
            two.delete(&index.0);
            two.copy.delete(std::slice::from_ref(&index.0)).unwrap();
            let snapshot = whole.iter().find(|(name, _)| name.starts_with("snapshots/")).unwrap();
            two.delete(&snapshot.0);
            let faults = Arc::new(Faults::on_call(call, effect));
            let faulty = two.bench.store.with_faults(Arc::clone(&faults));
            let before = two.objects();
            let done = two.with_store(&faulty, Some(&two.copy), VerifyLevel::Checksum, |request| {
                let request = RepairRequest {
                    identities: two.bench.identities.as_ref(),
                    level: VerifyLevel::Contents,
                    run: request.run.clone(),
                    cancel: Cancellation::default(),
                    ..*request
                };
                plan_repair(&request).and_then(|plan| {
                    execute_repair(&request, &plan, &*two.bench.context.clock, &mut RepairOutcome::default())
                })
            });
            let is_over = faults.calls() < call;
            if is_over {
                assert!(call > 20 && done.is_ok(), "{call}");
                break;
            }
            let now: std::collections::BTreeMap<_, _> = two.objects().into_iter().collect();
            for (name, bytes) in &before {
                let is_good = whole.iter().any(|(other, good)| other == name && good == bytes);
                assert!(!is_good || now.get(name) == Some(bytes), "{effect:?} {call}: {name} was good");
            }
            // At once: the host knows that its process is dead.
            let (plan, _) = two.repair(true, VerifyLevel::Contents);
            assert_eq!(plan.left, [], "{effect:?} {call}");
            let sums = two.bench.verify(VerifyLevel::Checksum, "100%");
            assert!(sums.is_good(), "{effect:?} {call} {:?}", sums.problems);
            assert!(two.bench.verify(VerifyLevel::Contents, "100%").is_good(), "{effect:?} {call}");
        }
    }
}

#[test]
fn while_another_host_prunes_nothing_is_repaired() {
    let two = two();
    two.delete(&two.bench.store.list("archives/").unwrap().remove(0).name);
    let lease = r#"{"host":"other","run":"20260101T000000Z-00000000","expires":"2099-01-01T00:00:00Z"}"#;
    two.bench.store.put("lease/prune.json", lease.as_bytes(), Put::Replace).unwrap();
    let before = two.objects();
    let error = two.with(Some(&two.copy), VerifyLevel::Checksum, |request| {
        let plan = plan_repair(request).unwrap();
        assert_eq!(plan.mends.len(), 1);
        execute_repair(request, &plan, &*two.bench.context.clock, &mut RepairOutcome::default()).unwrap_err()
    });
    assert_eq!(error.exit(), crate::base::Exit::TryLater);
    assert_eq!(two.objects(), before);
}
