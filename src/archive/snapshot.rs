use crate::base::{RawPath, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// A snapshot's record, the object `snapshots/…`: its appearance is the commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub format_version: u32,
    pub run: RunId,
    pub plan: String,
    pub tier: String,
    pub source: String,
    pub host: String,
    /// The folder that paths are relative to.
    pub base: String,
    /// `incremental` or `full`.
    pub mode: String,
    pub started: Timestamp,
    pub finished: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    pub totals: SnapshotTotals,
    /// Oldest first: each overrides those before it.
    pub layers: Vec<LayerRef>,
    /// At most [`Snapshot::MAX_UNREADABLE`]; `totals.unreadable` counts all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

impl Snapshot {
    /// The most unreadable paths that a snapshot lists by name.
    pub const MAX_UNREADABLE: usize = 10_000;
}

/// A manifest layer and the index that locates its blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRef {
    pub object: String,
    pub index: String,
    pub rows: u64,
}

/// A path that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    #[serde(flatten)]
    pub path: RawPath,
    pub error: String,
}

/// Counts of a snapshot and of what its run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTotals {
    pub files: u64,
    pub folders: u64,
    /// Links, devices and the like.
    pub others: u64,
    /// Bytes of all files.
    pub bytes: u64,
    pub new: u64,
    pub changed: u64,
    pub deleted: u64,
    pub unreadable: u64,
    /// Bytes read from files in this run.
    pub read_bytes: u64,
    /// Bytes added to the store by this run, all objects.
    pub stored_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Success,
    /// Something could not be read; everything else is saved.
    Partial,
    Failed,
}

/// What one run did, in the clear: the object `runs/…`. Enough to list, to
/// verify presence and checksums, and to prune, without any key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub format_version: u32,
    pub run: RunId,
    pub plan: String,
    pub tier: String,
    pub source: String,
    pub host: String,
    pub mode: String,
    pub started: Timestamp,
    pub finished: Timestamp,
    /// When the command began that made this run, perhaps among others: theirs is
    /// the same. `None`: the record is of a program that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoked: Option<Timestamp>,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// The public keys that the run encrypted to, sorted. Empty: it did not encrypt, or
    /// the record is of a program that did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    pub totals: SnapshotTotals,
    /// Everything this run wrote, the snapshot too, but not this record itself;
    /// and what it took over from runs that died.
    pub objects: Vec<StoredObject>,
    /// Objects of earlier runs that this run's snapshot needs.
    pub requires: Vec<String>,
    /// Per archive that the snapshot needs (its own too): bytes of its tar stream in use.
    pub live: Vec<(String, u64)>,
}

/// An object as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    pub name: String,
    pub size: u64,
    /// Of the stored bytes, in hexadecimal.
    pub sha256: String,
}
