//! What is said about runs: the events of a running one, the record of a
//! finished one, and their forms for people and for programs.
//!
//! Plain data and pure functions; knows nothing of how a run is executed. Main
//! types: [`Event`], [`RunReport`], [`JobReport`]. Nothing here needs a clock: times
//! come in with the data.

mod alerts;
mod digest;
mod document;
mod event;
mod history;
mod job;
mod measured;
mod moments;
mod next;
mod outcome;
mod page;
mod prometheus;
mod run;
#[cfg(test)]
mod sample;
mod serde_text;
mod status;
mod summary;

pub use alerts::alert_rules;
pub use digest::{Digest, JobDigest, ProblemDigest, RunCounts, digest};
pub use document::{Block, Document, Grid, GridColumn};
pub use event::{Event, Observer, Progress, StepEnd};
pub use history::{history_line, history_table, read_history};
pub use job::{BackupReport, DrillReport, JobReport, PruneReport, Unreadable, UnreadablePath, VerifyReport};
pub use measured::measured_sizes;
pub use moments::Moments;
pub use next::{Upcoming, next_json, next_table, nothing_due};
pub use outcome::{Failure, FailureKind, Outcome};
pub use page::run_document;
pub use prometheus::{JobMetrics, LastRun, Metrics, prometheus};
pub use run::{Problem, RunReport, RunStatus, Severity};
pub use status::{Freshness, JobPast, JobStatus, SourceStatus, StatusReport, status};
pub use summary::summary;

/// Of every JSON document and line written here. Rises when something is
/// removed or changes its meaning; additions keep it.
pub const FORMAT_VERSION: u32 = 1;
