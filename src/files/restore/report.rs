use super::super::{FileKind, display_path, plain_reason};
use super::PathRejection;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};

/// How many failures are kept with their paths; all are counted.
pub const FAILURES_KEPT_MAX: usize = 10_000;

/// How many paths of what differs and was left as it is are kept.
const DIFFERENT_KEPT_MAX: usize = 100;

/// How many different attributes are named in notes; hostile archives may make up any number.
const NOTES_KEPT_MAX: usize = 100;

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there and is now.
    Written,
    /// It took the place of something else.
    Replaced,
    /// What was there stays: it is the same, or was not to be overwritten.
    Skipped,
    /// See [`RestoreReport::failures`].
    Failed,
}

/// How many entries came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreCounts {
    pub written: u64,
    pub replaced: u64,
    pub skipped: u64,
    /// Of the skipped: what stands there looks other than the entry, by type, size,
    /// modification time or link target (a folder: by its permissions), and was not to be overwritten.
    pub different: u64,
    pub failed: u64,
    /// Content written to files, holes not counted.
    pub bytes: u64,
}

/// How a restore went.
#[derive(Debug, Default)]
pub struct RestoreReport {
    pub counts: RestoreCounts,
    /// In the order in which they happened; at most [`FAILURES_KEPT_MAX`].
    pub failures: Vec<RestoreFailure>,
    /// The first hundred of what [`RestoreCounts::different`] counts.
    pub different: Vec<Vec<u8>>,
    /// What could not be given back the same way for one or many entries.
    pub notes: Vec<RestoreNote>,
}

/// One entry that is missing or wrong in the target.
#[derive(Debug)]
pub struct RestoreFailure {
    pub path: Vec<u8>,
    pub reason: FailureReason,
}

#[derive(Debug)]
pub enum FailureReason {
    Path(PathRejection),
    /// Something other than a folder stands at `path` where a folder is needed.
    InTheWay {
        path: Vec<u8>,
        kind: FileKind,
    },
    /// A folder that holds something stands where the entry belongs.
    FolderInTheWay,
    /// The entry contradicts itself.
    Entry(&'static str),
    /// The bytes to restore could not be had; the caller says why.
    Content(String),
    /// The system refused.
    Io {
        action: &'static str,
        source: io::Error,
    },
}

/// One kind of loss that is not worth a line for each entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreNote {
    pub loss: Loss,
    pub count: u64,
    /// Of the entries concerned, the first that was seen.
    pub first_path: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Only root may give files away.
    Owner,
    /// A set-uid or set-gid bit, dropped because the owner is another one now.
    SetId,
    /// The target's file system has no such attribute, or only root may set it.
    Xattr(Vec<u8>),
    /// A socket exists only while a program listens.
    Socket,
}

impl fmt::Display for FailureReason {
    /// What is wrong with "it", the entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(rejection) => rejection.fmt(f),
            Self::InTheWay { path, kind } => {
                write!(f, "a {} stands at `{}`; move it away first", kind.noun(), display_path(path))
            }
            Self::FolderInTheWay => f.write_str("a folder that is not empty stands there; move it away first"),
            Self::Entry(fault) => f.write_str(fault),
            Self::Content(why) => f.write_str(why),
            Self::Io { action, source } => write!(f, "cannot {action} it: {}", plain_reason(source)),
        }
    }
}

impl fmt::Display for RestoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = display_path(&self.path);
        match &self.reason {
            FailureReason::Io { action, source } => write!(f, "cannot {action} `{path}`: {}", plain_reason(source)),
            refusal @ (FailureReason::Path(_) | FailureReason::Entry(_)) => {
                write!(f, "refused to restore `{path}`: {refusal}")
            }
            reason => write!(f, "cannot restore `{path}`: {reason}"),
        }
    }
}

impl std::error::Error for RestoreFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            FailureReason::Path(rejection) => Some(rejection),
            FailureReason::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for RestoreNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = match self.count {
            1 => format!("`{}`", display_path(&self.first_path)),
            count => format!("{count} entries (the first is `{}`)", display_path(&self.first_path)),
        };
        match &self.loss {
            Loss::Owner => write!(f, "the owner of {entries} was not restored: run the restore as root for that"),
            Loss::SetId => write!(f, "the set-uid and set-gid bits of {entries} were dropped, as the owner changed"),
            Loss::Xattr(name) => {
                let name = display_path(name);
                write!(
                    f,
                    "the attribute `{name}` of {entries} was not restored: the file system has none, or only root may set it"
                )
            }
            Loss::Socket => write!(f, "{entries}: sockets are not restored; the program that listens makes them"),
        }
    }
}

/// The report as it comes about, from several threads.
#[derive(Default)]
pub(super) struct Tally {
    written: AtomicU64,
    replaced: AtomicU64,
    skipped: AtomicU64,
    different: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
    failures: Mutex<Vec<RestoreFailure>>,
    different_paths: Mutex<Vec<Vec<u8>>>,
    notes: Mutex<BTreeMap<Loss, (u64, Vec<u8>)>>,
}

impl Tally {
    /// Counts what became of an entry, with the reason if it failed.
    pub fn settle(&self, path: &[u8], outcome: Result<Outcome, FailureReason>) -> Outcome {
        let outcome = outcome.unwrap_or_else(|reason| {
            self.keep(path, reason);
            Outcome::Failed
        });
        let counter = match outcome {
            Outcome::Written => &self.written,
            Outcome::Replaced => &self.replaced,
            Outcome::Skipped => &self.skipped,
            Outcome::Failed => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Notes that something other than the entry stays at its path.
    pub fn differs(&self, path: &[u8]) {
        self.different.fetch_add(1, Ordering::Relaxed);
        let mut paths = self.different_paths.lock().expect("no thread panics while it notes a path");
        if paths.len() < DIFFERENT_KEPT_MAX {
            paths.push(path.to_vec());
        }
    }

    fn keep(&self, path: &[u8], reason: FailureReason) {
        let mut failures = self.failures.lock().expect("no thread panics while it notes a failure");
        if failures.len() < FAILURES_KEPT_MAX {
            failures.push(RestoreFailure { path: path.to_vec(), reason });
        }
    }

    pub fn note(&self, path: &[u8], loss: Loss) {
        let mut notes = self.notes.lock().expect("no thread panics while it makes a note");
        if notes.len() < NOTES_KEPT_MAX || notes.contains_key(&loss) {
            notes.entry(loss).or_insert_with(|| (0, path.to_vec())).0 += 1;
        }
    }

    pub fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    /// The report so far; failures and notes are handed over.
    pub fn report(&self) -> RestoreReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failures = std::mem::take(&mut *self.failures.lock().expect("no thread panics while it notes a failure"));
        let paths = std::mem::take(&mut *self.different_paths.lock().expect("no thread panics while it notes a path"));
        let notes = std::mem::take(&mut *self.notes.lock().expect("no thread panics while it makes a note"));
        RestoreReport {
            different: paths,
            counts: RestoreCounts {
                written: read(&self.written),
                replaced: read(&self.replaced),
                skipped: read(&self.skipped),
                different: read(&self.different),
                failed: read(&self.failed),
                bytes: read(&self.bytes),
            },
            failures,
            notes: notes
                .into_iter()
                .map(|(loss, (count, first_path))| RestoreNote { loss, count, first_path })
                .collect(),
        }
    }
}
