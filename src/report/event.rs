use super::serde_text::milliseconds;
use super::{FORMAT_VERSION, JobReport, Outcome, Problem, RunReport, RunStatus};
use crate::base::{RawPath, RunId, Timestamp, rfc3339};
use crate::compile::JobName;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a run's events go: a progress bar, plain lines, JSON lines. It is
/// called from several threads and must not block for long.
pub type Observer<'a> = dyn Fn(Event) + Send + Sync + 'a;

/// One thing that happens in a run, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Event {
    RunStarted {
        plan: String,
        host: String,
        /// Those that are to run, in plan order.
        jobs: Vec<JobName>,
    },
    JobStarted {
        #[serde(flatten)]
        job: JobName,
        run: RunId,
    },
    StepStarted {
        /// As in the graph: `cloud/data/verify-checksum`.
        step: String,
    },
    Progress(Progress),
    /// A path that could not be read, a hook that failed: told at once, and again in the report.
    Problem {
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<JobName>,
        #[serde(flatten)]
        path: Option<RawPath>,
        #[serde(flatten)]
        problem: Problem,
    },
    StepFinished(StepEnd),
    JobFinished(Box<JobReport>),
    RunFinished {
        status: RunStatus,
        exit_code: u8,
        #[serde(flatten)]
        report: Box<RunReport>,
    },
}

/// How far a step is; numbers only grow within a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub step: String,
    /// Entries seen, unchanged ones too.
    pub files: u64,
    pub bytes_read: u64,
    pub bytes_stored: u64,
    /// What all would be, where it is known or can be guessed from the last snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_expected: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnd {
    pub step: String,
    #[serde(flatten)]
    pub outcome: Outcome,
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
}

impl Event {
    pub fn run_finished(report: RunReport) -> Self {
        Self::RunFinished { status: report.status(), exit_code: report.exit().code(), report: Box::new(report) }
    }

    /// The event as one line of JSON, without the line break.
    pub fn json_line(&self, time: Timestamp) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            format_version: u32,
            time: String,
            #[serde(flatten)]
            event: &'a Event,
        }
        let line = Line { format_version: FORMAT_VERSION, time: rfc3339(time), event: self };
        serde_json::to_string(&line).expect("an event has only text and numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Severity, sample};

    #[test]
    fn events_are_lines_of_json_with_a_type() {
        let job = JobName::new("local", "data");
        let mut run = sample::partial_run();
        run.jobs[0].unreadable.paths.truncate(1);
        let events = [
            Event::RunStarted { plan: "rpa".into(), host: "web1".into(), jobs: vec![job.clone()] },
            Event::JobStarted { job: job.clone(), run: sample::run_id() },
            Event::StepStarted { step: "local/data/archive".into() },
            Event::Progress(Progress {
                step: "local/data/archive".into(),
                files: 1200,
                bytes_read: 1 << 20,
                bytes_stored: 300_000,
                ..Progress::default()
            }),
            Event::Problem {
                job: Some(job),
                path: Some("sessions/x".into()),
                problem: Problem {
                    severity: Severity::Error,
                    step: None,
                    message: "permission denied".into(),
                    help: None,
                },
            },
            Event::StepFinished(StepEnd {
                step: "local/data/archive".into(),
                outcome: Outcome::Success,
                duration: Duration::from_millis(1234),
            }),
            Event::JobFinished(Box::new(run.jobs[0].clone())),
            Event::run_finished(run.clone()),
        ];
        let lines: Vec<String> = events.iter().map(|event| event.json_line(run.started)).collect();
        insta::assert_snapshot!(lines.join("\n"));
        for (line, event) in lines.iter().zip(&events) {
            assert_eq!(serde_json::from_str::<Event>(line).expect("a line reads back"), *event);
        }
    }
}
