use super::serde_text::time;
use super::{DrillReport, FORMAT_VERSION, FailureKind, JobReport, Outcome};
use crate::base::{Exit, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A finished run of a plan: all its jobs, and what else went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    pub plan: String,
    pub host: String,
    #[serde(with = "time")]
    pub started: Timestamp,
    #[serde(with = "time")]
    pub finished: Timestamp,
    /// In plan order.
    pub jobs: Vec<JobReport>,
    #[serde(default)]
    pub drills: Vec<DrillReport>,
    /// Of the run, not of one job: hooks, notifications, reports.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// As in the graph: `db/before-1`, `notify/ops`.
    pub step: Option<String>,
    pub message: String,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Told, and no more.
    Warning,
    /// The run is not a success.
    Error,
}

/// A run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Success,
    /// Something was saved, but not all.
    Partial,
    Failed,
    Cancelled,
}

impl RunStatus {
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl RunReport {
    pub fn duration(&self) -> Duration {
        (self.finished - self.started).to_std().unwrap_or_default()
    }

    /// Cancelled beats all; without trouble it is a success; with trouble it
    /// is partial if at least one job saved something, else failed.
    pub fn status(&self) -> RunStatus {
        let outcomes =
            || self.jobs.iter().map(|job| &job.outcome).chain(self.drills.iter().map(|drill| &drill.outcome));
        if outcomes().any(|outcome| failure_kind(outcome) == Some(FailureKind::Cancelled)) {
            return RunStatus::Cancelled;
        }
        let trouble = self.problems.iter().any(|problem| problem.severity == Severity::Error)
            || outcomes().any(|outcome| *outcome != Outcome::Success);
        match (trouble, outcomes().any(Outcome::is_good)) {
            (false, _) => RunStatus::Success,
            (true, true) => RunStatus::Partial,
            (true, false) => RunStatus::Failed,
        }
    }

    /// A run that failed for one reason alone ends with that reason's code.
    pub fn exit(&self) -> Exit {
        match self.status() {
            RunStatus::Success => Exit::Done,
            RunStatus::Partial => Exit::Partial,
            RunStatus::Cancelled => Exit::Cancelled,
            RunStatus::Failed => {
                let mut kinds = self.jobs.iter().filter_map(|job| failure_kind(&job.outcome)).map(FailureKind::exit);
                let first = kinds.next().unwrap_or(Exit::Failed);
                if kinds.all(|kind| kind == first) { first } else { Exit::Failed }
            }
        }
    }

    /// One document: the report with its status and exit code.
    pub fn json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        struct Document<'a> {
            format_version: u32,
            status: RunStatus,
            exit_code: u8,
            #[serde(flatten)]
            report: &'a RunReport,
        }
        let document = Document {
            format_version: FORMAT_VERSION,
            status: self.status(),
            exit_code: self.exit().code(),
            report: self,
        };
        serde_json::to_value(document).expect("a report has only text and numbers")
    }
}

fn failure_kind(outcome: &Outcome) -> Option<FailureKind> {
    match outcome {
        Outcome::Failed { failure } => Some(failure.kind),
        Outcome::Success | Outcome::Partial | Outcome::Skipped { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::JobName;
    use crate::report::{Failure, sample};

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed { failure: Failure::new(kind, "no") }
    }

    fn exit_of(outcomes: &[Outcome]) -> Exit {
        let mut run = sample::run(Vec::new());
        for outcome in outcomes {
            run.jobs.push(JobReport::new(JobName::new("tier", "source"), outcome.clone()));
        }
        run.exit()
    }

    #[test]
    fn the_exit_code_says_what_became_of_all_jobs() {
        let skipped = Outcome::Skipped { because: "db/before-1 failed".to_owned() };
        let (done, partial) = (Outcome::Success, Outcome::Partial);
        assert_eq!(exit_of(&[]), Exit::Done);
        assert_eq!(exit_of(&[done.clone(), done.clone()]), Exit::Done);
        assert_eq!(exit_of(&[done.clone(), partial.clone()]), Exit::Partial);
        assert_eq!(exit_of(&[partial]), Exit::Partial);
        assert_eq!(exit_of(&[done.clone(), failed(FailureKind::Locked)]), Exit::Partial);
        assert_eq!(exit_of(&[failed(FailureKind::Locked), failed(FailureKind::Locked)]), Exit::Locked);
        assert_eq!(exit_of(&[failed(FailureKind::WrongKey), skipped.clone()]), Exit::WrongKey);
        assert_eq!(exit_of(&[failed(FailureKind::Other), failed(FailureKind::TryLater)]), Exit::Failed);
        assert_eq!(exit_of(&[skipped]), Exit::Failed);
        assert_eq!(exit_of(&[done, failed(FailureKind::Cancelled)]), Exit::Cancelled);
    }

    #[test]
    fn an_error_outside_all_jobs_keeps_a_run_from_being_a_success() {
        let mut run = sample::run(vec![JobReport::new(JobName::new("tier", "source"), Outcome::Success)]);
        let problem = |severity| Problem { severity, step: None, message: "no".to_owned(), help: None };
        run.problems.push(problem(Severity::Warning));
        assert_eq!(run.exit(), Exit::Done);
        run.problems.push(problem(Severity::Error));
        assert_eq!(run.exit(), Exit::Partial);
    }
}
