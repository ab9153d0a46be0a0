//! Which snapshots a prune took away, or a copy left behind: lists in the store,
//! each written before what it names goes. So a snapshot that is gone and in no
//! list was deleted by somebody else, and a verification says so.
//!
//! Like all in `lease/` a list concerns neither backups nor readers. One that is
//! lost or damaged makes a verification tell of snapshots that may be gone rightly.

use super::{RepositoryError, SnapshotInfo, layout};
use crate::archive::RunRecord;
use crate::base::RunId;
use crate::stores::{Put, Store};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "lease/forgotten-";
const MAX_LIST_BYTES: u64 = 64 << 20;

/// The names of snapshots that went, as their objects are called, and the lists that say so.
#[derive(Clone, Debug, Default)]
pub(super) struct Forgotten {
    pub names: BTreeSet<String>,
    lists: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct List {
    format_version: u32,
    snapshots: BTreeSet<String>,
}

impl Forgotten {
    pub fn read(store: &Store) -> Result<Self, RepositoryError> {
        let mut forgotten = Self::default();
        for object in store.list(PREFIX)? {
            let bytes = match store.read(&object.name, MAX_LIST_BYTES) {
                Ok(bytes) => bytes,
                // A prune under way has just replaced it by one that is listed too, or by the next reading.
                Err(error) if error.kind == crate::stores::StoreErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            forgotten.lists.push(object.name);
            if let Ok(list) = serde_json::from_slice::<List>(&bytes) {
                forgotten.names.extend(list.snapshots);
            }
        }
        Ok(forgotten)
    }

    /// Whether the snapshot of a run went, encrypted or not.
    pub fn has(&self, source: &str, run: &RunId) -> bool {
        [true, false].iter().any(|encrypted| self.names.contains(&layout::snapshot(source, run, *encrypted)))
    }

    /// What is still worth naming, of what is not among the snapshots left: those with a
    /// run record, and those newer than any that is left.
    pub fn retain_useful(&mut self, left: &[SnapshotInfo], records: &[RunRecord]) {
        let recorded: BTreeSet<_> = records.iter().map(|record| (&record.source, &record.run)).collect();
        let mut newest: BTreeMap<&String, &RunId> = BTreeMap::new();
        for info in left {
            self.names.remove(&info.name);
            let known = newest.entry(&info.source).or_insert(&info.run);
            *known = (*known).max(&info.run);
        }
        self.names.retain(|name| {
            layout::parse(name).is_some_and(|(source, run)| {
                recorded.contains(&(&source, &run)) || newest.get(&source).is_none_or(|newest| run > **newest)
            })
        });
    }

    /// Writes one list with all names; `writer` makes its own name.
    pub fn write(&self, store: &Store, writer: &RunId) -> Result<(), RepositoryError> {
        let list = List { format_version: 1, snapshots: self.names.clone() };
        let json = serde_json::to_vec(&list).expect("plain data becomes JSON");
        Ok(store.put(&format!("{PREFIX}{writer}.json"), &json, Put::Unlocked)?)
    }

    /// Deletes the lists that were read: the one written since has their names.
    pub fn delete_old(&self, store: &Store) -> Result<(), RepositoryError> {
        if !self.lists.is_empty() {
            store.delete(&self.lists)?;
        }
        Ok(())
    }
}
