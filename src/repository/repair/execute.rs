//! Carries a [`RepairPlan`] out.

use super::search::hashed;
use super::{Mend, Origin, RepairPlan, RepairRequest, rank, record};
use crate::archive::{HashingWriter, RunRecord};
use crate::base::Clock;
use crate::repository::forgotten::Forgotten;
use crate::repository::lease::{Lease, LeaseHolder};
use crate::repository::state::LocalState;
use crate::repository::{RepositoryError, go_on, layout};
use crate::stores::{Class, Put, WriteOptions};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Read, Write};
use std::path::Path;

/// Bytes written between two looks at the lease: minutes, on a slow line.
const RENEWAL_BYTES: usize = 32 << 20;

/// What a repair did.
#[derive(Clone, Debug, Default)]
pub struct RepairOutcome {
    /// Objects that are good now and were not.
    pub mended: BTreeSet<String>,
    pub bytes: u64,
    /// Objects that were not mended after all, and why.
    pub failed: BTreeMap<String, String>,
}

/// Brings back what the plan mends, object by object. An object appears whole, in the place of the
/// damaged one, or not at all; one that was mended since the plan was made is left as it is.
/// What is done is entered into `outcome`, also where it ends with an error.
///
/// # Errors
/// Where somebody else prunes or repairs, and where this store can't be written. What was mended
/// before is mended: the next repair goes on from there.
pub fn execute(
    request: &RepairRequest<'_>,
    plan: &RepairPlan,
    clock: &dyn Clock,
    outcome: &mut RepairOutcome,
) -> Result<(), RepositoryError> {
    if plan.mends.is_empty() {
        return Ok(());
    }
    let store = request.repository().store();
    let holder = LeaseHolder { host: request.host, run: &request.run, marks: request.lease_marks };
    let mut lease = Lease::take(store, clock, holder)?;
    let done = carry_out(request, plan, &mut lease, outcome);
    done.and(lease.release())
}

fn carry_out(
    request: &RepairRequest<'_>,
    plan: &RepairPlan,
    lease: &mut Lease<'_>,
    outcome: &mut RepairOutcome,
) -> Result<(), RepositoryError> {
    // A prune may have come between the plan and the lease.
    let forgotten = Forgotten::read(request.repository().store())?;
    let pruned: HashSet<String> =
        forgotten.names.iter().filter_map(|name| layout::parse(name)).map(|(_, run)| run.to_string()).collect();
    let mut work: Vec<(&Mend, bool)> = plan.mends.iter().map(|mend| (mend, false)).collect();
    work.extend(plan.records.iter().map(|record| (record, true)));
    work.sort_by_key(|(mend, _)| (rank(&mend.object), mend.object.clone()));
    let is_pruned = |mend: &Mend| !mend.snapshots.is_empty() && mend.snapshots.iter().all(|run| pruned.contains(run));
    // The record comes before the snapshot that it lists.
    let mut derived: BTreeSet<&str> = BTreeSet::new();
    for mend in plan.mends.iter().filter(|mend| mend.origin == Origin::Derived && !is_pruned(mend)) {
        if !is_mended(request, mend)? {
            derived.insert(&mend.object);
        }
    }
    for (mend, is_own_record) in work {
        go_on(&request.cancel)?;
        lease.renew()?;
        if is_own_record {
            tell(request, mend, &derived)?;
        } else if is_pruned(mend) {
            outcome.failed.insert(mend.object.clone(), "no snapshot needs it any more".to_owned());
        } else if is_mended(request, mend)? {
            outcome.mended.insert(mend.object.clone());
        } else if let Err(why) = bring(request, mend, lease)? {
            outcome.failed.insert(mend.object.clone(), why);
        } else {
            outcome.mended.insert(mend.object.clone());
            outcome.bytes += mend.size;
        }
    }
    Ok(())
}

/// Whether the object is good by now.
fn is_mended(request: &RepairRequest<'_>, mend: &Mend) -> Result<bool, RepositoryError> {
    let store = request.repository().store();
    let Some(found) = store.stat(&mend.object)? else { return Ok(false) };
    let sums = [Some(&mend.sha256), mend.recorded.as_ref()];
    // One that can't even be read is not.
    match hashed(store, &mend.object, found.size_bytes, request) {
        Ok(sum) => Ok(sums.contains(&Some(&sum.sha256))),
        Err(RepositoryError::Cancelled) => Err(RepositoryError::Cancelled),
        Err(_) => Ok(false),
    }
}

/// Writes one object; `Err` inside: its source is no longer what it was.
fn bring(
    request: &RepairRequest<'_>,
    mend: &Mend,
    lease: &mut Lease<'_>,
) -> Result<Result<(), String>, RepositoryError> {
    let (store, name) = (request.repository().store(), &mend.object);
    let mut input = match mend.from.stream_sized(name, mend.size) {
        Ok(input) => input,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let class = if name.starts_with(layout::ARCHIVES) { Class::Data } else { Class::Hot };
    let options = WriteOptions { class, expected_bytes: Some(mend.size) };
    // Dropped before its end it leaves what was there.
    let mut output = HashingWriter::new(store.create(name, &options)?);
    let mut buffer = vec![0; 1 << 20];
    let mut since_renewal = 0;
    loop {
        go_on(&request.cancel)?;
        let count = match input.read(&mut buffer) {
            Ok(count) => count,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if count == 0 {
            break;
        }
        output.write_all(&buffer[..count]).map_err(|error| RepositoryError::io(store, name, error))?;
        since_renewal += count;
        if since_renewal >= RENEWAL_BYTES {
            since_renewal = 0;
            lease.renew()?;
        }
    }
    let (output, size, sha256) = output.finish();
    if (size, &sha256) != (mend.size, &mend.sha256) {
        return Ok(Err("its copy has changed meanwhile".to_owned()));
    }
    lease.renew()?;
    output.finish()?;
    Ok(Ok(()))
}

/// Writes the record of this repair: of what it makes anew, unless that was mended meanwhile.
fn tell(request: &RepairRequest<'_>, mend: &Mend, derived: &BTreeSet<&str>) -> Result<(), RepositoryError> {
    let bytes = mend.from.read(&mend.object, mend.size)?;
    let mut record: RunRecord =
        serde_json::from_slice(&bytes).map_err(|error| RepositoryError::Internal(error.to_string()))?;
    record.objects.retain(|object| derived.contains(object.name.as_str()));
    if record.objects.is_empty() {
        return Ok(());
    }
    let bytes = record::bytes(&record);
    let store = request.repository().store();
    Ok(store.put(&mend.object, &bytes, Put::IfAbsent)?)
}

/// Notes in a tier's folder of local state what stays damaged, so that the next backup stores it
/// again, and that the rest can be built on. `is_whole`: all was looked at.
///
/// # Errors
/// Where the state can't be written. A host without state of the tier notes nothing.
pub fn remember(
    folder: &Path,
    plan: &RepairPlan,
    outcome: &RepairOutcome,
    is_whole: bool,
) -> Result<(), RepositoryError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let state = LocalState::open(folder)?;
    let before = state.damaged();
    let mut names = if is_whole { HashSet::new() } else { before.clone() };
    names.retain(|name| !outcome.mended.contains(name));
    names.extend(plan.left.iter().map(|problem| problem.object.clone()));
    names.extend(outcome.failed.keys().cloned());
    if names == before { Ok(()) } else { state.set_damaged(&names) }
}
