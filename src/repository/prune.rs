//! What goes when snapshots are forgotten, and its deletion.
//!
//! Two values: a [`PrunePlan`] that can be printed, then [`execute`]. Order:
//! the list of what is forgotten, then the snapshots, so that nothing names what is
//! deleted after them. An object
//! that no snapshot needs is only *doomed* at first, in a list in the store;
//! it is deleted by a later prune, once it has been doomed for longer than the
//! grace period and still nobody needs it. So a backup that is running on
//! another host meanwhile, and builds on such an object, loses nothing.

use super::forgotten::Forgotten;
use super::lease::{Lease, LeaseHolder};
use super::verify::objects_of;
use super::{Catalogue, RepositoryError, SnapshotInfo, go_on, layout};
use crate::base::{Cancellation, Clock, RunId, Timestamp};
use crate::stores::{Put, Store, StoreErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longer than any backup should take: only a run that takes longer could
/// build on an object that is deleted under it, and would notice at its commit.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 3600);

/// Objects deleted between two looks at the lease: some seconds for each, where they go one by one.
const BATCH: usize = 200;
const DOOMED_PREFIX: &str = "lease/doomed-";
const MAX_LIST_BYTES: u64 = 64 << 20;

/// What a prune would do.
#[derive(Clone, Debug, Default)]
pub struct PrunePlan {
    /// Snapshots that go, oldest first.
    pub forget: Vec<SnapshotInfo>,
    /// Objects that no remaining snapshot needs, deleted now: (name, bytes).
    pub delete: Vec<(String, u64)>,
    /// Objects that no remaining snapshot needs, deleted once the grace period is over.
    pub doom: Vec<(String, u64)>,
    /// All doomed objects with the time since when.
    doomed: BTreeMap<String, Timestamp>,
    /// Lists of doomed objects that the new one replaces.
    old_lists: Vec<String>,
    /// These say something else than `doomed`.
    is_list_stale: bool,
    /// All snapshots that prunes took, these too.
    forgotten: Forgotten,
    /// A remaining snapshot has no run record, so nobody knows what it needs:
    /// no object is deleted.
    pub blocked_by: Vec<String>,
}

impl PrunePlan {
    pub fn is_empty(&self) -> bool {
        self.forget.is_empty() && self.delete.is_empty() && self.doom.is_empty()
    }

    /// Bytes that go now, the snapshots' records too.
    pub fn freed_bytes(&self) -> u64 {
        let snapshots: u64 = self.forget.iter().map(|info| info.size).sum();
        snapshots + self.delete.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }

    /// Bytes that go after the grace period.
    pub fn doomed_bytes(&self) -> u64 {
        self.doom.iter().map(|(_, bytes)| bytes).sum()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct DoomedList {
    format_version: u32,
    /// Object name → since when.
    objects: BTreeMap<String, Timestamp>,
}

/// Works out what goes if `forget` (a subset of all snapshots) is forgotten.
pub fn plan(
    catalogue: &Catalogue<'_>,
    forget: &[SnapshotInfo],
    now: Timestamp,
    grace: Duration,
) -> Result<PrunePlan, RepositoryError> {
    let going: BTreeSet<&str> = forget.iter().map(|info| info.name.as_str()).collect();
    let all = catalogue.snapshots(None)?;
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut blocked_by = Vec::new();
    for info in all.iter().filter(|info| !going.contains(info.name.as_str())) {
        needed.insert(info.name.clone());
        match &info.record {
            Some(record) => needed.extend(objects_of(record).map(String::from)),
            None => blocked_by.push(info.run.to_string()),
        }
    }
    let (forget, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|info| going.contains(info.name.as_str()));
    let mut plan = PrunePlan { forget, blocked_by, ..PrunePlan::default() };
    plan.forgotten = Forgotten::read(catalogue.store())?;
    plan.forgotten.names.extend(plan.forget.iter().map(|info| info.name.clone()));
    plan.forgotten.retain_useful(&left, &catalogue.records(None)?);
    let since = doomed_since(catalogue, &mut plan.old_lists)?;
    if plan.blocked_by.is_empty() {
        divide(catalogue, &mut plan, &needed, &since, now, grace)?;
        plan.delete.extend(dead_records(catalogue, &plan, &needed)?);
    } else {
        // What is needed again is doomed no more: its time begins anew once nobody needs it.
        plan.doomed = since.clone();
        plan.doomed.retain(|name, _| !needed.contains(name));
    }
    plan.is_list_stale = plan.old_lists.len() > 1 || plan.doomed != since;
    Ok(plan)
}

/// Divides what nobody needs into what goes now and what goes once its time has come.
fn divide(
    catalogue: &Catalogue<'_>,
    plan: &mut PrunePlan,
    needed: &BTreeSet<String>,
    since: &BTreeMap<String, Timestamp>,
    now: Timestamp,
    grace: Duration,
) -> Result<(), RepositoryError> {
    let grace = chrono::Duration::from_std(grace).unwrap_or(chrono::Duration::MAX);
    for prefix in [layout::ARCHIVES, layout::TREES, layout::INDEXES] {
        for object in catalogue.store().list(prefix)? {
            if needed.contains(&object.name) || layout::parse(&object.name).is_none() {
                continue;
            }
            let doomed = since.get(&object.name).copied();
            if grace.is_zero() || doomed.is_some_and(|since| now.signed_duration_since(since) >= grace) {
                plan.delete.push((object.name, object.size_bytes));
            } else {
                plan.doomed.insert(object.name.clone(), doomed.unwrap_or(now));
                plan.doom.push((object.name, object.size_bytes));
            }
        }
    }
    Ok(())
}

/// Run records none of whose objects remain.
fn dead_records(
    catalogue: &Catalogue<'_>,
    plan: &PrunePlan,
    needed: &BTreeSet<String>,
) -> Result<Vec<(String, u64)>, RepositoryError> {
    let sizes: BTreeMap<_, _> =
        catalogue.store().list(layout::RUNS)?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
    let dead = catalogue.records(None)?.into_iter().filter(|record| {
        let snapshot = layout::snapshot(&record.source, &record.run, true);
        let plain = layout::snapshot(&record.source, &record.run, false);
        let has_snapshot = needed.contains(&snapshot) || needed.contains(&plain);
        let remains = |name: &str| needed.contains(name) || plan.doomed.contains_key(name);
        let unused = !record.objects.iter().any(|object| remains(&object.name));
        // A run that is committing right now has a record and no snapshot yet: its
        // objects are doomed at most, so they remain.
        unused && !has_snapshot && !record.objects.is_empty()
    });
    Ok(dead
        .map(|record| layout::run_record(&record.source, &record.run))
        .filter_map(|name| sizes.get(&name).map(|size| (name, *size)))
        .collect())
}

fn doomed_since(
    catalogue: &Catalogue<'_>,
    lists: &mut Vec<String>,
) -> Result<BTreeMap<String, Timestamp>, RepositoryError> {
    let mut since: BTreeMap<String, Timestamp> = BTreeMap::new();
    for object in catalogue.store().list(DOOMED_PREFIX)? {
        let bytes = match catalogue.store().read(&object.name, MAX_LIST_BYTES) {
            Ok(bytes) => bytes,
            // A prune under way has just replaced it.
            Err(error) if error.kind == StoreErrorKind::NotFound => continue,
            Err(error) if error.is_unreadable() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        lists.push(object.name);
        // A damaged list only makes its objects wait once more.
        let Ok(list) = serde_json::from_slice::<DoomedList>(&bytes) else { continue };
        for (name, time) in list.objects {
            since.entry(name).and_modify(|known| *known = (*known).min(time)).or_insert(time);
        }
    }
    Ok(since)
}

/// Carries a plan out. `holder` says who, and its run names what is written.
///
/// # Errors
/// `TryLater`-like where somebody else is pruning, or may be by now. Whatever was done before an
/// error is harmless: the next prune goes on from there.
pub fn execute(
    catalogue: &Catalogue<'_>,
    plan: &PrunePlan,
    holder: LeaseHolder<'_>,
    clock: &dyn Clock,
    cancel: &Cancellation,
) -> Result<(), RepositoryError> {
    if plan.is_empty() && !plan.is_list_stale {
        return Ok(());
    }
    let mut lease = Lease::take(catalogue.store(), clock, holder)?;
    let done = carry_out(catalogue, plan, holder.run, &mut lease, cancel);
    let released = lease.release();
    done.and(released)
}

fn carry_out(
    catalogue: &Catalogue<'_>,
    plan: &PrunePlan,
    run: &RunId,
    lease: &mut Lease<'_>,
    cancel: &Cancellation,
) -> Result<(), RepositoryError> {
    let store = catalogue.store();
    let snapshots: Vec<String> = plan.forget.iter().map(|info| info.name.clone()).collect();
    if !snapshots.is_empty() {
        go_on(cancel)?;
        lease.renew()?;
        plan.forgotten.write(store, run)?;
        delete_in_batches(store, &snapshots, lease, cancel)?;
        lease.renew()?;
        plan.forgotten.delete_old(store)?;
    }
    let mut delete: Vec<String> = plan.delete.iter().map(|(name, _)| name.clone()).collect();
    if !delete.is_empty() {
        // A snapshot committed since the plan was made may need some of it after all.
        let known: BTreeSet<&str> = snapshots.iter().map(String::as_str).collect();
        for info in catalogue.snapshots(None)?.iter().filter(|info| !known.contains(info.name.as_str())) {
            match &info.record {
                Some(record) => {
                    let needed: BTreeSet<&str> = objects_of(record).collect();
                    delete.retain(|name| !needed.contains(name.as_str()));
                }
                None => delete.clear(),
            }
        }
        delete_in_batches(store, &delete, lease, cancel)?;
    }
    lease.renew()?;
    if !plan.doomed.is_empty() {
        let list = DoomedList { format_version: 1, objects: plan.doomed.clone() };
        let json = serde_json::to_vec(&list).expect("plain data becomes JSON");
        store.put(&format!("{DOOMED_PREFIX}{run}.json"), &json, Put::Unlocked)?;
    }
    if !plan.old_lists.is_empty() {
        store.delete(&plan.old_lists)?;
    }
    Ok(())
}

/// Deletes in this order, and no more once the lease is lost or the work cancelled.
fn delete_in_batches(
    store: &Store,
    names: &[String],
    lease: &mut Lease<'_>,
    cancel: &Cancellation,
) -> Result<(), RepositoryError> {
    names.chunks(BATCH).try_for_each(|batch| {
        go_on(cancel)?;
        lease.renew()?;
        Ok(store.delete(batch)?)
    })
}
