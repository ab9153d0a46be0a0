//! The right to delete in a store, or to replace what is damaged, which one host has at a time.
//!
//! An object in the store says who has it and until when. A host that dies loses it by
//! itself; one that works for longer renews it, and stops where it has lost it: a host whose clock
//! stood still or whose requests hung must not delete beside the next one. A host that knows the
//! lease to be that of its own dead process ([`mark`]) needs not wait until it has run out.

mod mark;

use super::RepositoryError;
use crate::base::{Clock, RunId, Timestamp, rfc3339};
use crate::stores::{Put, Store, StoreErrorKind};
use chrono::TimeDelta;
use mark::Mark;
use serde::{Deserialize, Serialize};
use std::path::Path;

const NAME: &str = "lease/prune.json";
/// How long a lease holds if its holder dies.
const LENGTH: TimeDelta = TimeDelta::minutes(30);
/// So much of it is left at least when a step begins. Chosen: longer than any one step takes.
const LEFT_FOR_A_STEP: TimeDelta = TimeDelta::minutes(15);
const MAX_BYTES: u64 = 64 << 10;

/// Who takes a lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseHolder<'a> {
    pub host: &'a str,
    pub run: &'a RunId,
    /// Where this host remembers which of its processes have a lease: the same folder for all plans
    /// whose state lies together. Made if it is missing.
    pub marks: &'a Path,
}

/// The lease as this process has it.
pub(super) struct Lease<'a> {
    store: &'a Store,
    clock: &'a dyn Clock,
    holder: LeaseHolder<'a>,
    /// `None`: it could not be made, so if this process dies the next one waits. No reason not
    /// to work: a full disk may be what a prune is for.
    mark: Option<Mark>,
    expires: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    host: String,
    run: RunId,
    expires: Timestamp,
}

impl<'a> Lease<'a> {
    /// Takes the lease; one that has run out is a dead host's.
    ///
    /// # Errors
    /// Another host has it, or another process of this one.
    pub fn take(store: &'a Store, clock: &'a dyn Clock, holder: LeaseHolder<'a>) -> Result<Self, RepositoryError> {
        let now = clock.now();
        let mark = Mark::make(holder.marks, holder.run, now).ok();
        let lease = Self { store, clock, holder, mark, expires: now + LENGTH };
        match lease.enter(now) {
            Ok(None) => Ok(lease),
            Ok(Some(held)) => {
                lease.remove_mark();
                Err(RepositoryError::Leased { host: held.host, until: rfc3339(held.expires) })
            }
            // It may be entered all the same, the answer lost: the mark stays for the next process.
            Err(error) => Err(error),
        }
    }

    /// Writes down in the store who has it; `Some`: somebody else has it.
    fn enter(&self, now: Timestamp) -> Result<Option<Record>, RepositoryError> {
        // Kept until the lease is ours: no other process of this host takes over what it says.
        let mut dead = None;
        for _ in 0..2 {
            match self.store.put(NAME, &self.record(self.expires), Put::Unlocked) {
                Ok(()) => {
                    dead.into_iter().for_each(Mark::remove);
                    return Ok(None);
                }
                Err(error) if error.kind == StoreErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(held) = self.stored()?.filter(|held| held.expires > now) {
                dead = Mark::of_dead(self.holder.marks, &held.run);
                if dead.is_none() {
                    return Ok(Some(held));
                }
                // Before the mark was ours another process may have taken over what it says.
                match self.stored()? {
                    None => continue,
                    Some(now_held) if now_held.run != held.run => return Ok(Some(now_held)),
                    Some(_) => {}
                }
            }
            self.store.delete(&[NAME.to_owned()])?;
        }
        Ok(Some(Record { host: "another host".to_owned(), run: self.holder.run.clone(), expires: self.expires }))
    }

    /// Before each step that deletes: renews the lease where it ends soon.
    ///
    /// # Errors
    /// It has run out or somebody else has it, so nothing may be deleted any more.
    pub fn renew(&mut self) -> Result<(), RepositoryError> {
        let lost = || RepositoryError::LeaseLost { store: self.store.describe() };
        let now = self.clock.now();
        // Of two hosts that found a dead one's lease, the one that was slower to take it has it.
        if now >= self.expires || !self.is_ours()? {
            return Err(lost());
        }
        if self.expires - now < LEFT_FOR_A_STEP {
            let expires = now + LENGTH;
            self.store.put(NAME, &self.record(expires), Put::Renew)?;
            // Not longer than it was had all the while.
            if self.clock.now() >= self.expires {
                return Err(lost());
            }
            self.expires = expires;
        }
        Ok(())
    }

    /// Gives the lease back, unless it is somebody else's by now.
    pub fn release(self) -> Result<(), RepositoryError> {
        // Where this fails the mark stays, and tells the next process that this one is done.
        if self.is_ours()? {
            self.store.delete(&[NAME.to_owned()])?;
        }
        self.remove_mark();
        Ok(())
    }

    fn remove_mark(self) {
        self.mark.into_iter().for_each(Mark::remove);
    }

    fn is_ours(&self) -> Result<bool, RepositoryError> {
        // As it is written: a run's moment may be finer than that.
        Ok(self.stored()?.is_some_and(|held| held.run.to_string() == self.holder.run.to_string()))
    }

    /// `None`: there is none, or it is damaged.
    fn stored(&self) -> Result<Option<Record>, RepositoryError> {
        match self.store.read(NAME, MAX_BYTES) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn record(&self, expires: Timestamp) -> Vec<u8> {
        let record = Record { host: self.holder.host.to_owned(), run: self.holder.run.clone(), expires };
        serde_json::to_vec(&record).expect("plain data becomes JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::testing::{Effect, Faults};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    struct ByHand(Mutex<Timestamp>);

    impl ByHand {
        fn advance(&self, minutes: i64) {
            *self.0.lock().unwrap() += TimeDelta::minutes(minutes);
        }
    }

    impl Clock for ByHand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn clock() -> ByHand {
        ByHand(Mutex::new("2026-11-24T02:00:00Z".parse().unwrap()))
    }

    /// A host with its state.
    struct Host {
        name: &'static str,
        marks: PathBuf,
        folder: tempfile::TempDir,
    }

    impl Host {
        fn new(name: &'static str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { name, marks: folder.path().join("state/.leases"), folder }
        }

        fn take<'a>(
            &'a self,
            store: &'a Store,
            clock: &'a dyn Clock,
            run: &'a RunId,
        ) -> Result<Lease<'a>, RepositoryError> {
            Lease::take(store, clock, LeaseHolder { host: self.name, run, marks: &self.marks })
        }

        fn marked(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.marks).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    fn is_refused(taken: Result<Lease<'_>, RepositoryError>) -> bool {
        matches!(taken, Err(RepositoryError::Leased { .. }))
    }

    /// Made in the middle of a second.
    fn run(random: u32) -> RunId {
        RunId { started: "2026-11-24T02:00:00.123456789Z".parse().unwrap(), random }
    }

    #[test]
    fn a_lease_that_is_renewed_lasts_as_long_as_the_work() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let (a, b) = (Host::new("a"), Host::new("b"));
        let mut lease = a.take(&store, &clock, &mine).unwrap();
        for _ in 0..10 {
            clock.advance(20);
            lease.renew().unwrap();
            assert!(is_refused(b.take(&store, &clock, &other)));
        }
        lease.release().unwrap();
        b.take(&store, &clock, &other).unwrap();
    }

    #[test]
    fn a_lease_that_ran_out_is_lost_whether_somebody_has_it_by_now_or_not() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let (a, b) = (Host::new("a"), Host::new("b"));
        let mut lease = a.take(&store, &clock, &mine).unwrap();
        clock.advance(31);
        let error = lease.renew().unwrap_err();
        assert_eq!(error.exit(), crate::base::Exit::TryLater);
        insta::assert_snapshot!(error, @"the lease on `memory://` ran out or was taken over before all was done; run the command again");
        let mut theirs = b.take(&store, &clock, &other).unwrap();
        assert!(matches!(lease.renew(), Err(RepositoryError::LeaseLost { .. })));
        lease.release().unwrap();
        theirs.renew().expect("it was not given back by whom it no longer belongs to");
    }

    #[test]
    fn of_two_hosts_that_take_a_dead_ones_lease_at_once_one_deletes() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let (a, b) = (Host::new("a"), Host::new("b"));
        let mut slow = a.take(&store, &clock, &mine).unwrap();
        // The other one had seen the dead host's lease, and deletes what it takes for that.
        store.delete(&[NAME.to_owned()]).unwrap();
        let mut quick = b.take(&store, &clock, &other).unwrap();
        assert!(matches!(slow.renew(), Err(RepositoryError::LeaseLost { .. })));
        quick.renew().unwrap();
    }

    #[test]
    fn a_host_takes_over_its_own_dead_processs_lease_at_once_and_a_living_ones_never() {
        let (store, clock, [dead, next, third]) = (Store::memory(), clock(), [run(1), run(2), run(3)]);
        let host = Host::new("a");
        let lease = host.take(&store, &clock, &dead).unwrap();
        assert!(is_refused(host.take(&store, &clock, &next)), "it lives");
        // As when its process is killed: it gives nothing back, and its lock goes.
        drop(lease);
        let mut lease = host.take(&store, &clock, &next).unwrap();
        lease.renew().unwrap();
        assert!(is_refused(host.take(&store, &clock, &third)), "and this one lives");
        assert_eq!(host.marked(), [next.to_string()]);
        lease.release().unwrap();
        assert!(host.marked().is_empty() && store.list("lease/").unwrap().is_empty());
    }

    #[test]
    fn whoever_knows_nothing_of_the_dead_process_waits_until_its_lease_runs_out() {
        let (store, clock, dead, next) = (Store::memory(), clock(), run(1), run(2));
        let host = Host::new("a");
        drop(host.take(&store, &clock, &dead).unwrap());
        // The same name, and a copy of its state.
        let clone = Host::new("a");
        std::fs::create_dir_all(&clone.marks).unwrap();
        std::fs::copy(host.marks.join(dead.to_string()), clone.marks.join(dead.to_string())).unwrap();
        for other in [&Host::new("a"), &Host::new("b"), &clone] {
            assert!(is_refused(other.take(&store, &clock, &next)));
        }
        clock.advance(31);
        Host::new("b").take(&store, &clock, &next).unwrap();
    }

    #[test]
    fn a_host_that_can_write_no_mark_works_all_the_same() {
        let (store, clock, mine, next) = (Store::memory(), clock(), run(1), run(2));
        let host = Host::new("a");
        std::fs::write(host.folder.path().join("state"), "no folder").unwrap();
        let mut lease = host.take(&store, &clock, &mine).unwrap();
        lease.renew().unwrap();
        assert!(is_refused(host.take(&store, &clock, &next)));
        lease.release().unwrap();
        drop(host.take(&store, &clock, &mine).unwrap());
        assert!(is_refused(host.take(&store, &clock, &next)), "nobody knows that it is dead");
    }

    #[test]
    fn wherever_a_process_dies_the_next_one_of_the_host_takes_the_lease() {
        let effects =
            [Effect::Fail(StoreErrorKind::Unexpected), Effect::LoseAnswer(StoreErrorKind::Timeout), Effect::Crash];
        for effect in effects {
            for call in 1.. {
                let (store, clock, [first, second, third]) = (Store::memory(), clock(), [run(1), run(2), run(3)]);
                let host = Host::new("a");
                drop(host.take(&store, &clock, &first).unwrap());
                let faults = Arc::new(Faults::on_call(call, effect));
                let faulty = store.with_faults(Arc::clone(&faults));
                let done = host.take(&faulty, &clock, &second).and_then(|mut lease| {
                    clock.advance(20);
                    lease.renew()?;
                    lease.release()
                });
                let mut lease = host.take(&store, &clock, &third).unwrap();
                lease.renew().unwrap();
                lease.release().unwrap();
                if faults.calls() < call {
                    assert!(call > 8 && done.is_ok(), "{call}");
                    assert!(host.marked().is_empty());
                    break;
                }
            }
        }
    }
}
