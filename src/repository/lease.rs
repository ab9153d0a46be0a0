//! The right to delete in a store, or to replace what is damaged, which one host has at a time.
//!
//! An object in the store says who has it and until when. A host that dies loses it by
//! itself; one that works for longer renews it, and stops where it has lost it: a host whose clock
//! stood still or whose requests hung must not delete beside the next one.

use super::RepositoryError;
use crate::base::{Clock, RunId, Timestamp, rfc3339};
use crate::stores::{Put, Store, StoreErrorKind};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

const NAME: &str = "lease/prune.json";
/// How long a lease holds if its holder dies.
const LENGTH: TimeDelta = TimeDelta::minutes(30);
/// So much of it is left at least when a step begins. Chosen: longer than any one step takes.
const LEFT_FOR_A_STEP: TimeDelta = TimeDelta::minutes(15);
const MAX_BYTES: u64 = 64 << 10;

/// The lease as this process has it.
pub(super) struct Lease<'a> {
    store: &'a Store,
    clock: &'a dyn Clock,
    host: &'a str,
    run: &'a RunId,
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
    /// Another host has it.
    pub fn take(
        store: &'a Store,
        clock: &'a dyn Clock,
        host: &'a str,
        run: &'a RunId,
    ) -> Result<Self, RepositoryError> {
        let now = clock.now();
        let lease = Self { store, clock, host, run, expires: now + LENGTH };
        for _ in 0..2 {
            match store.put(NAME, &lease.record(lease.expires), Put::Unlocked) {
                Ok(()) => return Ok(lease),
                Err(error) if error.kind == StoreErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(held) = lease.stored()?.filter(|held| held.expires > now) {
                return Err(RepositoryError::Leased { host: held.host, until: rfc3339(held.expires) });
            }
            store.delete(&[NAME.to_owned()])?;
        }
        Err(RepositoryError::Leased { host: "another host".to_owned(), until: rfc3339(lease.expires) })
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
        if self.is_ours()? {
            self.store.delete(&[NAME.to_owned()])?;
        }
        Ok(())
    }

    fn is_ours(&self) -> Result<bool, RepositoryError> {
        // As it is written: a run's moment may be finer than that.
        Ok(self.stored()?.is_some_and(|held| held.run.to_string() == self.run.to_string()))
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
        let record = Record { host: self.host.to_owned(), run: self.run.clone(), expires };
        serde_json::to_vec(&record).expect("plain data becomes JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

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

    /// Made in the middle of a second.
    fn run(random: u32) -> RunId {
        RunId { started: "2026-11-24T02:00:00.123456789Z".parse().unwrap(), random }
    }

    #[test]
    fn a_lease_that_is_renewed_lasts_as_long_as_the_work() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let mut lease = Lease::take(&store, &clock, "a", &mine).unwrap();
        for _ in 0..10 {
            clock.advance(20);
            lease.renew().unwrap();
            assert!(matches!(Lease::take(&store, &clock, "b", &other), Err(RepositoryError::Leased { .. })));
        }
        lease.release().unwrap();
        Lease::take(&store, &clock, "b", &other).unwrap();
    }

    #[test]
    fn a_lease_that_ran_out_is_lost_whether_somebody_has_it_by_now_or_not() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let mut lease = Lease::take(&store, &clock, "a", &mine).unwrap();
        clock.advance(31);
        let error = lease.renew().unwrap_err();
        assert_eq!(error.exit(), crate::base::Exit::TryLater);
        insta::assert_snapshot!(error, @"the lease on `memory://` ran out or was taken over before all was done; run the command again");
        let mut theirs = Lease::take(&store, &clock, "b", &other).unwrap();
        assert!(matches!(lease.renew(), Err(RepositoryError::LeaseLost { .. })));
        lease.release().unwrap();
        theirs.renew().expect("it was not given back by whom it no longer belongs to");
    }

    #[test]
    fn of_two_hosts_that_take_a_dead_ones_lease_at_once_one_deletes() {
        let (store, clock, mine, other) = (Store::memory(), clock(), run(1), run(2));
        let mut slow = Lease::take(&store, &clock, "a", &mine).unwrap();
        // The other one had seen the dead host's lease, and deletes what it takes for that.
        store.delete(&[NAME.to_owned()]).unwrap();
        let mut quick = Lease::take(&store, &clock, "b", &other).unwrap();
        assert!(matches!(slow.renew(), Err(RepositoryError::LeaseLost { .. })));
        quick.renew().unwrap();
    }
}
