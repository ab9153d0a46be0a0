//! What a store should hold by what its run records and this host say: snapshots
//! that are gone, snapshots without a record, objects of no run.

use super::{Needed, VerifyOutcome, VerifyProblem, VerifyRequest, objects_of};
use crate::archive::RunRecord;
use crate::base::{RunId, Timestamp, rfc3339};
use crate::repository::forgotten::Forgotten;
use crate::repository::{Catalogue, DEFAULT_GRACE, RepositoryError, SnapshotInfo, layout};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What runs stored that were cut off, and that no later run has taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    pub objects: u64,
    pub bytes: u64,
}

/// A run that this host remembers to have made a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRun {
    pub source: String,
    pub started: Timestamp,
}

/// Enters what is missing into the outcome. `records` were listed before `present`; `needed` are
/// the objects that are there.
pub(super) fn look(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    records: &[RunRecord],
    present: &HashMap<String, u64>,
    needed: &[Needed],
    outcome: &mut VerifyOutcome,
) -> Result<(), RepositoryError> {
    // Read after what is present: a prune writes its list before it deletes.
    let forgotten = Forgotten::read(catalogue.store())?;
    // A snapshot that a prune took since it was listed is no loss.
    outcome.problems.retain(|problem| !forgotten.names.contains(&problem.object));
    let is_meant = |source: &str| request.sources.is_empty() || request.sources.iter().any(|one| one == source);
    let has = |source: &str, run: &RunId| {
        [true, false].iter().any(|encrypted| present.contains_key(&layout::snapshot(source, run, *encrypted)))
    };
    unrecorded(request.snapshots, records, present, outcome);
    without_sum(needed, present, outcome);
    let gone: Vec<&RunRecord> = records
        .iter()
        .filter(|record| record.outcome != crate::archive::Outcome::Failed && is_meant(&record.source))
        .filter(|record| !has(&record.source, &record.run) && !forgotten.has(&record.source, &record.run))
        .collect();
    let parents: HashSet<(&str, &RunId)> =
        records.iter().filter_map(|record| Some((record.source.as_str(), record.parent.as_ref()?))).collect();
    let adopted: HashSet<(String, RunId)> = records
        .iter()
        .flat_map(|record| {
            record.objects.iter().filter_map(|object| layout::parse(&object.name)).map(move |of| (of, record))
        })
        .filter(|((_, run), record)| *run != record.run)
        .map(|(of, _)| of)
        .collect();
    for record in &gone {
        let remembered =
            request.known.iter().any(|known| known.source == record.source && known.started == record.run.started);
        let encrypted = record.objects.iter().any(|object| layout::is_encrypted(&object.name));
        if remembered || parents.contains(&(record.source.as_str(), &record.run)) {
            outcome.problems.push(VerifyProblem {
                object: layout::snapshot(&record.source, &record.run, encrypted),
                problem: "it is missing: it was stored once, and no prune took it away".to_owned(),
                snapshots: vec![record.run.to_string()],
            });
        } else if !adopted.contains(&(record.source.clone(), record.run.clone()))
            && is_older_than_grace(record.finished, request.now)
        {
            outcome.uncommitted.push(record.run.to_string());
        }
    }
    newest(request, &forgotten, &gone, outcome);
    outcome.leftovers = leftovers(request, records, present, &has);
    Ok(())
}

/// Snapshots of which nobody knows what they need.
fn unrecorded(
    snapshots: &[SnapshotInfo],
    records: &[RunRecord],
    present: &HashMap<String, u64>,
    outcome: &mut VerifyOutcome,
) {
    let recorded: HashSet<_> = records.iter().map(|record| (&record.source, &record.run)).collect();
    for info in snapshots.iter().filter(|info| info.record.is_none() && present.contains_key(&info.name)) {
        // Committed since the snapshots were listed, record first.
        if recorded.contains(&(&info.source, &info.run)) {
            outcome.unrecorded.retain(|run| *run != info.run.to_string());
            continue;
        }
        let object = layout::run_record(&info.source, &info.run);
        outcome.problems.push(VerifyProblem {
            problem: format!("{}, so what its snapshot needs was not looked at", fault(&object, present)),
            object,
            snapshots: vec![info.run.to_string()],
        });
    }
}

/// What is wrong with a run record that could not be read.
fn fault(record: &str, present: &HashMap<String, u64>) -> &'static str {
    if present.contains_key(record) { "it is damaged" } else { "it is missing" }
}

/// Earlier runs whose objects are needed, though no record tells their sizes and sums any more.
fn without_sum(needed: &[Needed], present: &HashMap<String, u64>, outcome: &mut VerifyOutcome) {
    let mut lost: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for (expected, snapshots) in needed.iter().filter(|(expected, _)| expected.sha256.is_none()) {
        // A snapshot without its record is told by itself.
        let is_data = !expected.name.starts_with(layout::SNAPSHOTS);
        if let Some((source, run)) = layout::parse(&expected.name).filter(|_| is_data) {
            lost.entry(layout::run_record(&source, &run)).or_default().extend(snapshots);
        }
    }
    for (object, snapshots) in lost {
        if outcome.problems.iter().all(|problem| problem.object != object) {
            outcome.problems.push(VerifyProblem {
                problem: format!(
                    "{}, so nothing tells the sizes and sums of what its run stored",
                    fault(&object, present)
                ),
                object,
                snapshots: snapshots.into_iter().cloned().collect(),
            });
        }
    }
}

/// Sources whose newest snapshot is older than what this host remembers to have stored.
fn newest(request: &VerifyRequest<'_>, forgotten: &Forgotten, gone: &[&RunRecord], outcome: &mut VerifyOutcome) {
    for KnownRun { source, started } in request.known {
        let newest = request.snapshots.iter().filter(|info| info.source == *source).map(|info| info.run.started).max();
        let is_there = newest.is_some_and(|newest| newest >= *started);
        let was_pruned = forgotten
            .names
            .iter()
            .filter_map(|name| layout::parse(name))
            .any(|(of, run)| of == *source && run.started >= *started);
        let is_told = gone.iter().any(|record| record.source == *source && record.run.started == *started);
        if is_there || was_pruned || is_told {
            continue;
        }
        let newest = match newest {
            Some(newest) => format!("the newest is of {}", rfc3339(newest)),
            None => "there is none".to_owned(),
        };
        outcome.problems.push(VerifyProblem {
            object: format!("{}{}/", layout::SNAPSHOTS, layout::component(source)),
            problem: format!(
                "this host stored a snapshot of `{source}` on {}, and here {newest}: it was deleted, or this is an older copy of the store",
                rfc3339(*started)
            ),
            snapshots: Vec::new(),
        });
    }
}

/// Objects of runs without a record or snapshot, which no other run lists either. Young
/// ones may belong to a run under way.
fn leftovers(
    request: &VerifyRequest<'_>,
    records: &[RunRecord],
    present: &HashMap<String, u64>,
    has_snapshot: &dyn Fn(&str, &RunId) -> bool,
) -> Leftovers {
    let recorded: HashSet<(&String, &RunId)> = records.iter().map(|record| (&record.source, &record.run)).collect();
    let needed: HashSet<&str> = records.iter().flat_map(objects_of).collect();
    let mut leftovers = Leftovers::default();
    for (name, bytes) in present {
        let is_data = [layout::ARCHIVES, layout::TREES, layout::INDEXES].iter().any(|folder| name.starts_with(folder));
        let Some((source, run)) = layout::parse(name).filter(|_| is_data) else { continue };
        let is_known = recorded.contains(&(&source, &run)) || needed.contains(name.as_str());
        if !is_known && !has_snapshot(&source, &run) && is_older_than_grace(run.started, request.now) {
            leftovers.objects += 1;
            leftovers.bytes += bytes;
        }
    }
    leftovers
}

fn is_older_than_grace(time: Timestamp, now: Timestamp) -> bool {
    now.signed_duration_since(time).to_std().is_ok_and(|age| age >= DEFAULT_GRACE)
}
