use crate::base::Exit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a job, a drill or a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    Success,
    /// There is a snapshot, but not all could be read.
    Partial,
    Failed {
        failure: Failure,
    },
    /// It did not run because something before it failed.
    Skipped {
        because: String,
    },
}

/// Why something failed, ready to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// The step that failed, as in the graph: `cloud/data/upload`.
    pub step: Option<String>,
    /// What is wrong with which thing, with its causes.
    pub message: String,
    /// One thing to do about it.
    pub help: Option<String>,
}

/// Failures that a script can tell apart, by exit code and in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// None of the others.
    Other,
    /// Stored bytes are not what was written.
    Damaged,
    NoRepository,
    Locked,
    WrongKey,
    /// Later it may work: the store was busy or the data must be thawed.
    TryLater,
    Cancelled,
}

impl FailureKind {
    pub fn exit(self) -> Exit {
        match self {
            Self::Other | Self::Damaged => Exit::Failed,
            Self::NoRepository => Exit::NoRepository,
            Self::Locked => Exit::Locked,
            Self::WrongKey => Exit::WrongKey,
            Self::TryLater => Exit::TryLater,
            Self::Cancelled => Exit::Cancelled,
        }
    }
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, step: None, message: message.into(), help: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Outcome {
    /// Whether a snapshot (or whatever was asked for) exists because of it.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Success | Self::Partial)
    }

    /// One word for a column.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Success => "done",
            Self::Partial => "partial",
            Self::Failed { failure: Failure { kind: FailureKind::Cancelled, .. } } => "cancelled",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }
}
