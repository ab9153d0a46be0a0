//! A snapshot that is lost, made anew from its run's record and a snapshot before or after it.
//!
//! The record tells all but two things: the base, and in which order the layers lie. A run takes
//! both from its parent, and lays its own layer on top; so either neighbour tells them. Which paths
//! could not be read is lost, but for their number.

use super::RepairRequest;
use super::derive::{check_key, refused, sealed};
use crate::archive::{LayerRef, RunRecord, Snapshot, SnapshotTotals};
use crate::repository::{Catalogue, RepositoryError, layout};
use std::collections::BTreeSet;

/// The bytes of a snapshot as it is stored.
///
/// # Errors
/// Where it can't be made; what says why is for people.
pub(super) fn derive(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    name: &str,
    records: &[RunRecord],
) -> Result<Vec<u8>, RepositoryError> {
    check_key(request, catalogue, name, records)?;
    let of = layout::parse(name);
    let record = records.iter().find(|record| of.as_ref() == Some(&(record.source.clone(), record.run.clone())));
    let record = record.ok_or_else(|| refused(catalogue, name, "the record of its run is lost too"))?;
    let (base, trees) = base_and_trees(catalogue, name, record, records)?;
    let mut layers = Vec::new();
    for object in trees {
        let parsed = layout::parse(&object).ok_or_else(|| refused(catalogue, name, "a layer has a wrong name"))?;
        let index = layout::index(&parsed.0, &parsed.1, layout::is_encrypted(&object));
        let toc = catalogue.index(&index)?;
        let rows = toc.layer.as_ref().map(|layer| layer.rows);
        let rows = rows.ok_or_else(|| refused(catalogue, name, "an index lacks its layer"))?;
        layers.push(LayerRef { object, index, rows });
    }
    let own_bytes = record.objects.iter().find(|object| object.name == name).map_or(0, |object| object.size);
    let snapshot = Snapshot {
        format_version: 1,
        run: record.run.clone(),
        plan: record.plan.clone(),
        tier: record.tier.clone(),
        source: record.source.clone(),
        host: record.host.clone(),
        base,
        mode: record.mode.clone(),
        started: record.started,
        finished: record.finished,
        parent: record.parent.clone(),
        // The record counts the snapshot itself.
        totals: SnapshotTotals { stored_bytes: record.totals.stored_bytes.saturating_sub(own_bytes), ..record.totals },
        layers,
        unreadable: Vec::new(),
    };
    let json = serde_json::to_vec(&snapshot).expect("plain data becomes JSON");
    sealed(request, catalogue, name, &json)
}

/// The base, and the objects of the layers, oldest first.
fn base_and_trees(
    catalogue: &Catalogue<'_>,
    name: &str,
    record: &RunRecord,
    records: &[RunRecord],
) -> Result<(String, Vec<String>), RepositoryError> {
    let encrypted = layout::is_encrypted(name);
    let own = layout::tree(&record.source, &record.run, encrypted);
    let needed: BTreeSet<&str> = record
        .objects
        .iter()
        .map(|object| object.name.as_str())
        .chain(record.requires.iter().map(String::as_str))
        .filter(|name| name.starts_with(layout::TREES))
        .collect();
    let load = |of: &RunRecord| catalogue.load_named(&layout::snapshot(&of.source, &of.run, encrypted)).ok();
    let is_kin = |other: &&RunRecord| other.source == record.source && other.plan == record.plan;
    let parent = records.iter().filter(is_kin).find(|other| Some(&other.run) == record.parent.as_ref());
    let children = records.iter().filter(is_kin).filter(|other| other.parent.as_ref() == Some(&record.run));
    for neighbour in parent.into_iter().chain(children).filter_map(load) {
        let below = neighbour.layers.iter().map(|layer| &layer.object).filter(|object| **object != own);
        let mut trees: Vec<String> = below.filter(|object| needed.contains(object.as_str())).cloned().collect();
        trees.extend(needed.contains(own.as_str()).then(|| own.clone()));
        // A child may have merged some of them.
        if trees.len() == needed.len() {
            return Ok((neighbour.base, trees));
        }
    }
    let why = "no snapshot before or after it tells to which folder its paths are relative, and in which order its layers lie";
    Err(refused(catalogue, name, why))
}
