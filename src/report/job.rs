use super::serde_text::{milliseconds, optional_milliseconds, optional_time};
use super::{Failure, FailureKind, Outcome};
use crate::base::{RawPath, RunId, Timestamp};
use crate::compile::JobName;
use crate::plan::Level;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What became of one job in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    #[serde(flatten)]
    pub job: JobName,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// `None`: it never started.
    pub run: Option<RunId>,
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// `None`: there was nothing to back up (only a verification), or it failed before.
    pub backup: Option<BackupReport>,
    #[serde(default)]
    pub verifications: Vec<VerifyReport>,
    pub prune: Option<PruneReport>,
    #[serde(default)]
    pub unreadable: Unreadable,
    /// What a person should know though all went well: `the local cache was lost; this is a new base`.
    #[serde(default)]
    pub notes: Vec<String>,
    /// When it is due again; `None`: it has no schedule.
    #[serde(with = "optional_time")]
    pub next: Option<Timestamp>,
}

/// What a backup (or a copy) read and stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// The snapshot's id; `None`: none was made.
    pub snapshot: Option<String>,
    pub files: u64,
    pub folders: u64,
    pub new: u64,
    pub changed: u64,
    pub deleted: u64,
    /// All bytes of the source, read or known to be unchanged.
    pub bytes_source: u64,
    pub bytes_read: u64,
    pub bytes_stored: u64,
    /// Objects written.
    pub objects: u64,
}

/// A verification that found nothing wrong; one that did is a failure of its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    pub level: Level,
    /// `5%`; `None`: all of it.
    pub sample: Option<String>,
    pub objects: u64,
    /// Bytes fetched and checked.
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneReport {
    /// Snapshots.
    pub kept: u64,
    /// Snapshots.
    pub forgotten: u64,
    pub objects_deleted: u64,
    pub bytes_freed: u64,
}

/// Paths that could not be read whole: all are counted, the first ones are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    pub total: u64,
    /// At most [`Unreadable::MAX_LISTED`].
    pub paths: Vec<UnreadablePath>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadablePath {
    #[serde(flatten)]
    pub path: RawPath,
    pub reason: String,
}

impl Unreadable {
    /// Chosen: enough to see a pattern, little enough to send.
    pub const MAX_LISTED: usize = 100;

    pub fn add(&mut self, path: RawPath, reason: impl Into<String>) {
        self.total += 1;
        if self.paths.len() < Self::MAX_LISTED {
            self.paths.push(UnreadablePath { path, reason: reason.into() });
        }
    }
}

/// A restore into a scratch folder, compared and timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillReport {
    #[serde(flatten)]
    pub job: JobName,
    #[serde(flatten)]
    pub outcome: Outcome,
    pub snapshot: Option<String>,
    pub files: u64,
    pub bytes: u64,
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// What the plan allows.
    #[serde(rename = "max_time_ms", with = "optional_milliseconds", default)]
    pub max_time: Option<Duration>,
}

impl JobReport {
    /// A job that ended this way and of which nothing else is known (yet).
    pub fn new(job: JobName, outcome: Outcome) -> Self {
        Self {
            job,
            outcome,
            run: None,
            duration: Duration::ZERO,
            backup: None,
            verifications: Vec::new(),
            prune: None,
            unreadable: Unreadable::default(),
            notes: Vec::new(),
            next: None,
        }
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(&self.outcome, Outcome::Failed { failure: Failure { kind: FailureKind::Cancelled, .. } })
    }
}
