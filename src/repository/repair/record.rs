//! Run records: that of another tier, one made anew from the snapshot, and that of the repair itself.

use super::search::{Search, holds, sum_of};
use super::{Mend, Origin, RepairRequest};
use crate::archive::{ArchiveTable, FormatError, Outcome, RunRecord, SnapshotTotals, StoredObject};
use crate::base::RunId;
use crate::repository::catalogue::MAX_RECORD_BYTES;
use crate::repository::verify::VerifyProblem;
use crate::repository::{Catalogue, RepositoryError, go_on, layout};
use crate::stores::{Store, StoreErrorKind};
use std::collections::{BTreeMap, BTreeSet};

/// The `mode` in a record of a repair.
const REPAIR: &str = "repair";

/// A run record as it is stored.
pub(super) fn bytes(record: &RunRecord) -> Vec<u8> {
    let mut json = serde_json::to_vec(record).expect("plain data becomes JSON");
    json.push(b'\n');
    json
}

/// The record in another tier, if it agrees with all that is here.
pub(super) fn copy(
    search: &mut Search<'_>,
    catalogue: &Catalogue<'_>,
    problem: &VerifyProblem,
) -> Result<Option<Mend>, RepositoryError> {
    let name = &problem.object;
    for donor in search.request.donors {
        let store = donor.catalogue.store();
        let bytes = match store.read(name, MAX_RECORD_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == StoreErrorKind::NotFound => continue,
            Err(error) => {
                search.passed_over(name, donor.tier, error.into())?;
                continue;
            }
        };
        let record = serde_json::from_slice::<RunRecord>(&bytes).ok();
        let Some(record) = record.filter(|record| *name == layout::run_record(&record.source, &record.run)) else {
            search.refuse(name, format!("that of tier `{}` is damaged too", donor.tier));
            continue;
        };
        if let Some(other) = disagreement(search.request, catalogue, &record, store)? {
            search.refuse(name, format!("that of tier `{}` tells of another `{other}` than is here", donor.tier));
            continue;
        }
        let sum = sum_of(name, &bytes);
        return Ok(Some(search.mend(problem, Origin::Tier(donor.tier.to_owned()), sum, store)));
    }
    Ok(None)
}

/// An object that is here, and not as a record of another tier says, unless it is damaged: no record
/// here tells of it as it is, and `there` has what that record says.
fn disagreement(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    record: &RunRecord,
    there: &Store,
) -> Result<Option<String>, RepositoryError> {
    let present: BTreeSet<String> = catalogue.list("")?.into_iter().map(|object| object.name).collect();
    let here = catalogue.records(None)?;
    for object in record.objects.iter().filter(|object| present.contains(&object.name)) {
        let store = catalogue.store_of(&object.name);
        match holds(store, object, request) {
            Ok(true) => continue,
            Ok(false) => {}
            // What can't be read says nothing.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        }
        for known in here.iter().flat_map(|record| &record.objects).filter(|known| known.name == object.name) {
            if holds(store, known, request)? {
                return Ok(Some(object.name.clone()));
            }
        }
        // A store that can't be read proves nothing.
        match holds(there, object, request) {
            Ok(true) => {}
            Err(RepositoryError::Cancelled) => return Err(RepositoryError::Cancelled),
            Ok(false) | Err(_) => return Ok(Some(object.name.clone())),
        }
    }
    Ok(None)
}

/// The record of a run that this host remembers, and of which nothing is left here.
pub(super) fn remembered(search: &mut Search<'_>, problem: &VerifyProblem) -> Result<Option<Mend>, RepositoryError> {
    let request = search.request;
    let is_meant = |source: &str| problem.object == format!("{}{}/", layout::SNAPSHOTS, layout::component(source));
    let Some(known) = request.known.iter().find(|known| is_meant(&known.source)) else { return Ok(None) };
    for donor in request.donors {
        let records = match donor.catalogue.records(Some(&known.source)) {
            Ok(records) => records,
            Err(error) => {
                search.passed_over(&problem.object, donor.tier, error)?;
                continue;
            }
        };
        let is_known = |record: &&RunRecord| {
            record.source == known.source && record.run.started == known.started && record.outcome != Outcome::Failed
        };
        let Some(record) = records.iter().find(is_known) else { continue };
        let name = layout::run_record(&record.source, &record.run);
        let bytes = match donor.catalogue.store().read(&name, MAX_RECORD_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => {
                search.passed_over(&problem.object, donor.tier, error.into())?;
                continue;
            }
        };
        let sum = sum_of(&name, &bytes);
        let problem = VerifyProblem { snapshots: vec![record.run.to_string()], ..problem.clone() };
        return Ok(Some(search.mend(&problem, Origin::Tier(donor.tier.to_owned()), sum, donor.catalogue.store())));
    }
    Ok(None)
}

/// The record of a run made anew: its snapshot and what lies there under the run's name tell all of
/// it but when the command began, and to whom it encrypted.
pub(super) fn derive(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    (source, run): (&str, &RunId),
    records: &[RunRecord],
) -> Result<Vec<u8>, RepositoryError> {
    let present: BTreeMap<String, u64> =
        catalogue.list("")?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
    let snapshot_name = [true, false].map(|encrypted| layout::snapshot(source, run, encrypted));
    let name = layout::run_record(source, run);
    let lacking = || FormatError::corrupt(super::derive::IT, "its run has no snapshot any more");
    let snapshot_name = snapshot_name.into_iter().find(|name| present.contains_key(name));
    let snapshot_name = snapshot_name.ok_or_else(|| RepositoryError::object(catalogue.store(), &name, lacking()))?;
    let snapshot = catalogue.load_named(&snapshot_name)?;
    if snapshot.run != *run || snapshot.source != source {
        let error = FormatError::corrupt("the snapshot", "it is another than its name says");
        return Err(RepositoryError::object(catalogue.store(), &snapshot_name, error));
    }
    let mut table = ArchiveTable::default();
    let mut live: Vec<u64> = Vec::new();
    let mut rows = catalogue.entries(&snapshot, &mut table)?;
    loop {
        let next = rows.next_entry();
        let Some(entry) = next.map_err(|error| catalogue.manifest_failure(&snapshot, &rows, error))? else { break };
        go_on(&request.cancel)?;
        for (archive, length) in entry.stored() {
            live.resize(live.len().max(archive as usize + 1), 0);
            live[archive as usize] = live[archive as usize].saturating_add(length);
        }
    }
    let live: Vec<(String, u64)> = table.names().iter().cloned().zip(live).filter(|(_, bytes)| *bytes > 0).collect();
    let mut needed: BTreeSet<String> = live.iter().map(|(archive, _)| archive.clone()).collect();
    needed.extend(live.iter().filter_map(|(archive, _)| {
        let (source, run) = layout::parse(archive)?;
        Some(layout::index(&source, &run, layout::is_encrypted(archive)))
    }));
    needed.extend(snapshot.layers.iter().flat_map(|layer| [layer.object.clone(), layer.index.clone()]));
    let is_own = |name: &str| {
        layout::parse(name).is_some_and(|(of, by)| of == source && by == *run) && !name.starts_with(layout::RUNS)
    };
    // What it took over from runs that died: no other record lists it, and they have no snapshot.
    let has_snapshot = |name: &str| {
        layout::parse(name).is_some_and(|(of, by)| {
            [true, false].iter().any(|encrypted| present.contains_key(&layout::snapshot(&of, &by, *encrypted)))
        })
    };
    let listed: BTreeSet<&str> =
        records.iter().flat_map(|record| &record.objects).map(|object| object.name.as_str()).collect();
    let adopted = needed.iter().filter(|name| !listed.contains(name.as_str()) && !has_snapshot(name));
    let own: BTreeSet<&String> = present.keys().filter(|name| is_own(name)).chain(adopted).collect();
    let mut objects = Vec::new();
    for name in &own {
        if let Some(size) = present.get(*name) {
            let store = catalogue.store_of(name);
            objects.push(super::search::hashed(store, name, *size, request)?);
        }
    }
    let own_bytes = present.get(&snapshot_name).copied().unwrap_or(0);
    let own: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let requires = needed.iter().filter(|name| !own.contains(name.as_str())).cloned().collect();
    let record = RunRecord {
        format_version: 1,
        run: run.clone(),
        plan: snapshot.plan,
        tier: snapshot.tier,
        source: snapshot.source,
        host: snapshot.host,
        mode: snapshot.mode,
        started: snapshot.started,
        finished: snapshot.finished,
        invoked: None,
        outcome: if snapshot.totals.unreadable > 0 { Outcome::Partial } else { Outcome::Success },
        parent: snapshot.parent,
        recipients: Vec::new(),
        // The snapshot could not count itself.
        totals: SnapshotTotals {
            stored_bytes: snapshot.totals.stored_bytes.saturating_add(own_bytes),
            ..snapshot.totals
        },
        objects,
        requires,
        live,
    };
    Ok(bytes(&record))
}

/// What a repair says of the objects of a source that it made anew. It has no snapshot.
pub(super) fn of_repair(request: &RepairRequest<'_>, source: &str, objects: Vec<StoredObject>) -> RunRecord {
    let is_encrypted = objects.iter().any(|object| layout::is_encrypted(&object.name));
    let recipients = request.recipients.filter(|_| is_encrypted);
    RunRecord {
        format_version: 1,
        run: request.run.clone(),
        plan: request.plan.to_owned(),
        tier: request.tier.to_owned(),
        source: source.to_owned(),
        host: request.host.to_owned(),
        mode: REPAIR.to_owned(),
        started: request.run.started,
        finished: request.now,
        invoked: None,
        outcome: Outcome::Failed,
        parent: None,
        recipients: recipients.map(|to| to.texts().to_vec()).unwrap_or_default(),
        totals: SnapshotTotals {
            stored_bytes: objects.iter().map(|object| object.size).sum(),
            ..SnapshotTotals::default()
        },
        objects,
        requires: Vec::new(),
        live: Vec::new(),
    }
}
