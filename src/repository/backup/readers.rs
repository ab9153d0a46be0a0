//! Who can read a new snapshot: whoever can read all that it rests on.
//!
//! An incremental snapshot needs archives of earlier runs, and those are encrypted to the
//! recipients of their time. If no single recipient of today can read them all, a new
//! snapshot on top of them could be restored by nobody who has one key only. Then the run
//! begins anew.

use super::BackupRequest;
use crate::archive::RunRecord;
use crate::repository::state::{LocalState, Readers};
use crate::repository::{Catalogue, RepositoryError, SnapshotInfo, layout};
use std::collections::HashMap;

/// What the recipients of today mean for a run.
#[derive(Default)]
pub(super) struct Settled {
    /// Nothing stored before may be built on.
    pub(super) begins_anew: bool,
    /// What a person should know.
    pub(super) note: Option<String>,
}

/// Compares today's recipients with those of earlier runs, and forgets local state that
/// must not be built on.
pub(super) fn settle(
    request: &BackupRequest<'_>,
    catalogue: &Catalogue<'_>,
    state: &LocalState,
) -> Result<Settled, RepositoryError> {
    let Some(today) = request.recipients.map(|recipients| recipients.texts()) else { return Ok(Settled::default()) };
    let before = match state.readers() {
        Some(readers) => readers,
        None => {
            let recipients = catalogue.newest_recipients(request.plan, request.source)?.unwrap_or_default();
            Readers { of_all: recipients.clone(), recipients }
        }
    };
    let common = common(&before.of_all, today);
    let is_unknown = before.of_all.is_empty();
    let mut begins_anew = false;
    let (of_all, note) = if is_unknown || (request.full && before.recipients == today) {
        (today.to_vec(), None)
    } else if common.is_empty() {
        let anew = if request.full { "" } else { "this run begins anew and builds on none of it; " };
        let note = format!(
            "the key has changed, and nobody who has today's can read what was stored before: {anew}earlier snapshots \
             need the identity of {}",
            before.of_all.join(" or ")
        );
        if !request.full {
            // Before the new readers are written down: cut off in between, it is done again.
            state.forget_all()?;
            begins_anew = true;
        }
        (today.to_vec(), Some(note))
    } else if request.full {
        (today.to_vec(), None)
    } else {
        let new: Vec<&str> = today.iter().filter(|one| !common.contains(one)).map(String::as_str).collect();
        let is_news = !new.is_empty() && before.recipients != today;
        let note = is_news.then(|| {
            format!(
                "{} alone can't read this snapshot and those after it: what they need of earlier runs was not encrypted \
                 to that key; in a new store (another `root`) all is",
                new.join(", ")
            )
        });
        (common, note)
    };
    state.set_readers(&Readers { of_all, recipients: today.to_vec() })?;
    Ok(Settled { begins_anew, note })
}

/// Takes a snapshot of the store as what the next runs build on, if some recipient of today can read all of it.
pub(super) fn admit(
    request: &BackupRequest<'_>,
    catalogue: &Catalogue<'_>,
    state: &LocalState,
    info: &SnapshotInfo,
) -> Result<bool, RepositoryError> {
    let Some(today) = request.recipients.map(|recipients| recipients.texts()) else { return Ok(true) };
    let readers = readers_of(info, &catalogue.records(None)?);
    let of_all = readers.map_or_else(|| today.to_vec(), |readers| common(&readers, today));
    if of_all.is_empty() {
        return Ok(false);
    }
    state.set_readers(&Readers { of_all, recipients: today.to_vec() })?;
    Ok(true)
}

/// Who can read all that a snapshot needs; `None`: the records don't tell.
fn readers_of(info: &SnapshotInfo, records: &[RunRecord]) -> Option<Vec<String>> {
    let by_run: HashMap<_, _> = records.iter().map(|record| ((&record.source, &record.run), record)).collect();
    let record = info.record.as_ref().filter(|record| !record.recipients.is_empty())?;
    let mut readers = record.recipients.clone();
    for name in &record.requires {
        let Some((source, run)) = layout::parse(name) else { continue };
        let Some(owner) = by_run.get(&(&source, &run)).filter(|owner| !owner.recipients.is_empty()) else { continue };
        readers = common(&readers, &owner.recipients);
    }
    Some(readers)
}

fn common(some: &[String], others: &[String]) -> Vec<String> {
    some.iter().filter(|one| others.contains(one)).cloned().collect()
}
