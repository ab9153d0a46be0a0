//! Mending what a verification finds damaged, and telling what is lost.
//!
//! Two values, as with a prune: a [`RepairPlan`] that can be printed, then [`execute()`].
//! Finding damage is [`super::verify()`]'s work alone: it looks at the repository as it will be
//! once what is found elsewhere stands in it, again and again, until nothing more is found.
//!
//! Invariants: bytes are brought back only if they hash to what this repository's own record
//! says, and a record only if it agrees with all that is here, so that what is wrong in one tier
//! never spreads to another; an object that hashes right is never written; nothing is deleted.

mod config;
mod derive;
mod execute;
mod losses;
mod record;
mod search;
mod snapshot;

pub use config::{Opened, open};
pub use execute::{RepairOutcome, execute, remember};
pub use losses::{LostFile, SnapshotState, Standing, Still};

use super::catalogue::Elsewhere;
use super::verify::{KnownRun, VerifyLevel, VerifyOutcome, VerifyProblem, VerifyProgress, VerifyRequest, verify};
use super::{Catalogue, Repository, RepositoryError, layout};
use crate::archive::{Identities, Recipients};
use crate::base::{Cancellation, Percent, RunId, Timestamp};
use crate::stores::Store;
use search::Search;
use std::collections::BTreeMap;
use std::path::Path;

/// Another tier of the plan, to take good bytes from.
pub struct Donor<'a> {
    pub tier: &'a str,
    pub catalogue: Catalogue<'a>,
}

/// What to repair, and with what.
pub struct RepairRequest<'a> {
    pub opened: &'a Opened,
    pub identities: Option<&'a Identities>,
    /// Whom to encrypt to what is derived anew; `None`: nothing that is encrypted is derived.
    pub recipients: Option<&'a Recipients>,
    pub donors: &'a [Donor<'a>],
    pub plan: &'a str,
    pub tier: &'a str,
    pub host: &'a str,
    /// As [`super::LeaseHolder::marks`].
    pub lease_marks: &'a Path,
    /// The sources that are meant; empty: all.
    pub sources: &'a [String],
    /// What this host remembers to have stored here.
    pub known: &'a [KnownRun],
    pub level: VerifyLevel,
    /// Names this repair.
    pub run: RunId,
    pub now: Timestamp,
    pub cancel: Cancellation,
    pub progress: &'a VerifyProgress,
}

impl RepairRequest<'_> {
    pub(super) fn repository(&self) -> &Repository {
        &self.opened.repository
    }
}

/// An object that can be mended.
#[derive(Clone)]
pub struct Mend {
    pub object: String,
    /// What is wrong with it now.
    pub problem: String,
    /// Run ids of the snapshots that need it.
    pub snapshots: Vec<String>,
    pub origin: Origin,
    /// What it will be.
    pub size: u64,
    sha256: String,
    /// Another sum with which it is good: what the record says of an object that is derived.
    recorded: Option<String>,
    /// Where its bytes are.
    from: Store,
}

/// Where good bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The same object in another tier.
    Tier(String),
    /// Made anew from what else the repository holds.
    Derived,
}

/// What a repair would do, and what it can't.
pub struct RepairPlan {
    /// In the order in which they are written.
    pub mends: Vec<Mend>,
    /// The records of this repair: of what was derived the sums.
    records: Vec<Mend>,
    /// What stays damaged.
    pub left: Vec<VerifyProblem>,
    /// By object, of what stays damaged: why what was found is of no use.
    pub refused: BTreeMap<String, String>,
    /// Of all snapshots, oldest first.
    pub snapshots: Vec<SnapshotState>,
    /// Sorted by source and path.
    pub lost: Vec<LostFile>,
    /// Some of what is lost could not be listed: there is no key here.
    pub is_unlisted: bool,
    /// How the repository verifies once it is mended.
    pub verified: VerifyOutcome,
}

impl RepairPlan {
    /// Whether there was no damage at all.
    pub fn is_empty(&self) -> bool {
        self.mends.is_empty() && self.left.is_empty()
    }
}

/// Each looks at what the one before mended; damage hides behind damage at most from the
/// snapshot over its manifest to the archives, once more for each record that is lost.
const MAX_ROUNDS: usize = 16;

/// Works out what is damaged, what can be mended from where, and what is lost.
///
/// # Errors
/// What prevents looking at all: damage is no error.
pub fn plan(request: &RepairRequest<'_>) -> Result<RepairPlan, RepositoryError> {
    let mut search = Search::new(request);
    let mut mends: Vec<Mend> = request.opened.config.iter().cloned().collect();
    let mut records: Vec<Mend> = Vec::new();
    // What is not there at all is found by one listing.
    let mut level = VerifyLevel::Presence;
    let mut round = 1;
    let verified = loop {
        let catalogue = view(request, mends.iter().chain(&records));
        if round == MAX_ROUNDS {
            break look(request, &catalogue, request.level)?;
        }
        let verified = look(request, &catalogue, level)?;
        let found = search.find(&catalogue, &verified, &mends, level == request.level)?;
        if found.is_empty() && level == request.level {
            break verified;
        }
        if found.is_empty() {
            level = request.level;
        }
        mends.extend(found);
        records = search.records(&mends)?;
        round += 1;
    };
    let catalogue = view(request, mends.iter().chain(&records));
    let left = verified.problems.clone();
    let losses = losses::find(request, &catalogue, &left)?;
    mends.sort_by_cached_key(|mend| (rank(&mend.object), mend.object.clone()));
    let mut refused = search.refused();
    refused.retain(|object, _| left.iter().any(|problem| problem.object == *object));
    Ok(RepairPlan {
        mends,
        records,
        left,
        refused,
        snapshots: losses.snapshots,
        lost: losses.files,
        is_unlisted: losses.is_unlisted,
        verified,
    })
}

/// The repository as it will be.
fn view<'a>(request: &RepairRequest<'a>, mends: impl Iterator<Item = &'a Mend>) -> Catalogue<'a> {
    let elsewhere =
        mends.map(|mend| (mend.object.clone(), Elsewhere { store: mend.from.clone(), size: mend.size })).collect();
    Catalogue::as_mended(&request.opened.repository, request.identities, elsewhere)
}

fn look(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    level: VerifyLevel,
) -> Result<VerifyOutcome, RepositoryError> {
    let mut snapshots = catalogue.snapshots(None)?;
    snapshots.retain(|info| request.sources.is_empty() || request.sources.contains(&info.source));
    verify(
        catalogue,
        &VerifyRequest {
            snapshots: &snapshots,
            only_run: None,
            sources: request.sources,
            known: request.known,
            now: request.now,
            level,
            sample: Percent::ALL,
            seed: 0,
            threads: 0,
            cancel: request.cancel.clone(),
            progress: request.progress,
        },
    )
}

/// Objects come back in the order in which a run writes them: a snapshot's appearance is the commit.
fn rank(object: &str) -> usize {
    let order = [layout::ARCHIVES, layout::TREES, layout::INDEXES, layout::RUNS, layout::SNAPSHOTS];
    order.iter().position(|folder| object.starts_with(folder)).unwrap_or(order.len())
}
