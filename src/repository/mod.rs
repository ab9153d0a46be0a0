//! The archive format laid out in a store: catalogue, backup, restore, verify, prune.
//!
//! Knows the bytes ([`crate::archive`]), the places ([`crate::stores`]) and the
//! tree ([`crate::files`]); knows no command line. Invariant: a snapshot's record
//! is the last object that a run writes, and everything that it needs is in the
//! store by then. Main type: [`Repository`].

mod backup;
mod catalogue;
mod changes;
mod copy;
mod delta;
mod error;
mod forgotten;
mod layout;
mod lease;
mod open;
mod prune;
mod repair;
mod restore;
mod selection;
mod state;
mod verify;

use crate::base::Cancellation;
use crate::stores::Store;

pub use backup::{BackupOutcome, BackupRequest, BackupSource, Progress, backup};
pub use catalogue::{Catalogue, SnapshotInfo};
pub use changes::{Change, What, changes, local_manifest};
pub use copy::{CopyOutcome, copy};
pub use error::RepositoryError;
pub use layout::{SNAPSHOTS, component, source_of};
pub use lease::LeaseHolder;
pub use open::{Repository, RepositoryConfig};
pub use prune::{DEFAULT_GRACE, PrunePlan, execute as execute_prune, plan as plan_prune};
pub use repair::{
    Donor, LostFile, Mend, Opened, Origin, RepairOutcome, RepairPlan, RepairRequest, SnapshotState, Standing, Still,
    execute as execute_repair, open as open_for_repair, plan as plan_repair, remember as remember_repair,
};
pub use restore::{
    RestorePlan, RestoreProgress, RestoreRequest, for_each as for_each_entry, plan as plan_restore, read_file, restore,
    target_entry,
};
pub use selection::{BadPattern, Selection};
pub use state::{has_state, remembers};
pub use verify::{
    KnownRun, Leftovers, VerifyLevel, VerifyOutcome, VerifyProblem, VerifyProgress, VerifyRequest, remember_damage,
    verify,
};

/// # Errors
/// Once the work is cancelled.
fn go_on(cancel: &Cancellation) -> Result<(), RepositoryError> {
    if cancel.is_cancelled() { Err(RepositoryError::Cancelled) } else { Ok(()) }
}

/// What a thread ended with.
///
/// # Errors
/// Its own, or that it panicked.
fn joined<T>(ended: std::thread::Result<Result<T, RepositoryError>>) -> Result<T, RepositoryError> {
    ended.map_err(|_| RepositoryError::Internal("a thread panicked".to_owned())).flatten()
}

/// Threads at least for reading a service: that is waiting, mostly.
const IO_THREADS_MIN: usize = 4;

/// The threads that read a store: as many as asked for; 0: as many as pay.
fn io_threads(asked: usize, store: &Store) -> usize {
    match asked {
        0 if store.is_local() => cpu_threads(asked),
        0 => cpu_threads(asked).max(IO_THREADS_MIN),
        threads => threads,
    }
}

/// The threads of work that is reckoning, mostly: as many as asked for; 0: one for each core.
fn cpu_threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        threads => threads,
    }
}

#[cfg(test)]
mod tests;
