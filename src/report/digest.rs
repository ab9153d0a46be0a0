use super::document::{Document, GridColumn};
use super::serde_text::{optional_time, time};
use super::{DrillReport, FORMAT_VERSION, JobReport, Moments, Outcome, RunReport, RunStatus, Severity, StatusReport};
use crate::base::{ByteSize, Money, Timestamp, counted, format_duration, grouped};
use crate::compile::JobName;
use crate::files::display_path;
use chrono_tz::Tz;
use serde::Serialize;

/// A kind of problem is told once, and no more than this many kinds. Chosen.
const MAX_PROBLEMS: usize = 20;

/// Many runs in one: what a periodic report says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Digest {
    pub plan: String,
    #[serde(with = "time")]
    pub from: Timestamp,
    #[serde(with = "time")]
    pub to: Timestamp,
    pub runs: RunCounts,
    /// In the order of their first appearance.
    pub jobs: Vec<JobDigest>,
    pub drills: Vec<DrillReport>,
    /// The most frequent first.
    pub problems: Vec<ProblemDigest>,
    /// Whether backups are fresh as of now, if that was asked.
    pub status: Option<StatusReport>,
    /// What each tier costs a month, in millionths of a dollar.
    pub monthly_cost_micro_usd: Vec<(String, i64)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunCounts {
    pub success: u64,
    pub partial: u64,
    pub failed: u64,
    pub cancelled: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobDigest {
    #[serde(flatten)]
    pub job: JobName,
    pub done: u64,
    pub partial: u64,
    /// Or cancelled.
    pub failed: u64,
    pub skipped: u64,
    /// Of the last backup.
    pub files: u64,
    pub bytes_source: u64,
    /// The source's growth over the period; may be negative.
    pub bytes_grown: i64,
    pub bytes_read: u64,
    pub bytes_stored: u64,
    pub snapshots_expired: u64,
    pub bytes_freed: u64,
    #[serde(with = "optional_time")]
    pub last_success: Option<Timestamp>,
    #[serde(with = "optional_time")]
    pub last_verified: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemDigest {
    /// A job, a step of it, or a step of the run.
    pub whose: String,
    pub message: String,
    pub times: u64,
    #[serde(with = "time")]
    pub last: Timestamp,
}

/// The runs that started at or after `from` and before `to`.
pub fn digest(plan: &str, runs: &[RunReport], from: Timestamp, to: Timestamp) -> Digest {
    let mut runs: Vec<&RunReport> = runs.iter().filter(|run| run.started >= from && run.started < to).collect();
    runs.sort_by_key(|run| run.started);
    let mut digest = Digest {
        plan: plan.to_owned(),
        from,
        to,
        runs: RunCounts::default(),
        jobs: Vec::new(),
        drills: Vec::new(),
        problems: Vec::new(),
        status: None,
        monthly_cost_micro_usd: Vec::new(),
    };
    for run in runs {
        digest.add(run);
    }
    digest.problems.sort_by_key(|problem| std::cmp::Reverse((problem.times, problem.last)));
    digest
}

impl Digest {
    fn add(&mut self, run: &RunReport) {
        match run.status() {
            RunStatus::Success => self.runs.success += 1,
            RunStatus::Partial => self.runs.partial += 1,
            RunStatus::Failed => self.runs.failed += 1,
            RunStatus::Cancelled => self.runs.cancelled += 1,
        }
        for job in &run.jobs {
            self.add_job(run.started, job);
        }
        self.drills.extend(run.drills.iter().cloned());
        for drill in &run.drills {
            if let Outcome::Failed { failure } = &drill.outcome {
                self.add_problem(&format!("{}/drill", drill.job), &failure.message, run.started);
            }
        }
        for problem in run.problems.iter().filter(|problem| problem.severity == Severity::Error) {
            self.add_problem(problem.step.as_deref().unwrap_or("run"), &problem.message, run.started);
        }
    }

    fn add_job(&mut self, started: Timestamp, job: &JobReport) {
        if let Outcome::Failed { failure } = &job.outcome {
            let whose = failure.step.clone().unwrap_or_else(|| job.job.to_string());
            self.add_problem(&whose, &failure.message, started);
        }
        // One line however many there are: they come again in every run.
        if let Some(first) = job.unreadable.paths.first() {
            let message =
                format!("paths could not be read, among them `{}`: {}", display_path(&first.path.0), first.reason);
            self.add_problem(&job.job.to_string(), &message, started);
        }
        let at = self.jobs.iter().position(|known| known.job == job.job).unwrap_or_else(|| {
            self.jobs.push(JobDigest::new(job.job.clone()));
            self.jobs.len() - 1
        });
        self.jobs[at].add(started, job);
    }

    fn add_problem(&mut self, whose: &str, message: &str, at: Timestamp) {
        match self.problems.iter_mut().find(|known| known.whose == whose && known.message == message) {
            Some(known) => {
                known.times += 1;
                known.last = at;
            }
            None => self.problems.push(ProblemDigest {
                whose: whose.to_owned(),
                message: message.to_owned(),
                times: 1,
                last: at,
            }),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        struct Document<'a> {
            format_version: u32,
            #[serde(flatten)]
            digest: &'a Digest,
        }
        let document = Document { format_version: FORMAT_VERSION, digest: self };
        serde_json::to_value(document).expect("a digest has only text and numbers")
    }

    /// As a document to read, times in `zone`.
    pub fn document(&self, zone: Tz) -> Document {
        let moments = Moments { now: self.to, zone };
        let mut document = Document::new(format!(
            "Backups of {}, {} to {}",
            self.plan,
            moments.date(self.from),
            moments.absolute(self.to)
        ));
        document.paragraph(self.verdict());
        if !self.jobs.is_empty() {
            document.heading("Jobs");
            document.table(&JOB_COLUMNS, self.jobs.iter().map(|job| job_row(job, &moments)).collect());
        }
        if !self.drills.is_empty() {
            document.heading("Restore drills");
            document.list(self.drills.iter().map(DrillReport::sentence).collect());
        }
        if !self.problems.is_empty() {
            document.heading("Problems");
            document.list(self.problem_lines(&moments));
        }
        if !self.monthly_cost_micro_usd.is_empty() {
            document.heading("Estimated cost a month");
            document.table(&[GridColumn::text("tier"), GridColumn::number("cost")], self.cost_rows());
        }
        document
    }

    /// What a busy person reads.
    fn verdict(&self) -> String {
        let counts = [
            (self.runs.success, "succeeded"),
            (self.runs.partial, "partial"),
            (self.runs.failed, "failed"),
            (self.runs.cancelled, "cancelled"),
        ];
        let total: u64 = counts.iter().map(|(n, _)| n).sum();
        let counts: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", grouped(*n))).collect();
        let runs = match (total, self.runs.success == total) {
            (0, _) => "There was no run".to_owned(),
            (1, true) => "The one run succeeded".to_owned(),
            (n, true) => format!("All {} runs succeeded", grouped(n)),
            (n, false) => format!("{}: {}", counted(n, "run"), counts.join(", ")),
        };
        let stored: u64 = self.jobs.iter().map(|job| job.bytes_stored).sum();
        let freed: u64 = self.jobs.iter().map(|job| job.bytes_freed).sum();
        let bytes = match total {
            0 => String::new(),
            _ => format!(" {} were stored, {} freed.", ByteSize(stored), ByteSize(freed)),
        };
        let status = self.status.as_ref().map(|status| format!(" Now: {}.", status.sentence())).unwrap_or_default();
        format!("{runs}.{bytes}{status}")
    }

    fn problem_lines(&self, moments: &Moments) -> Vec<String> {
        let line = |problem: &ProblemDigest| {
            let times = match problem.times {
                1 => format!("at {}", moments.date(problem.last)),
                n => format!("{} times, last at {}", grouped(n), moments.date(problem.last)),
            };
            format!("{}: {} ({times})", problem.whose, problem.message)
        };
        let mut lines: Vec<String> = self.problems.iter().take(MAX_PROBLEMS).map(line).collect();
        if self.problems.len() > MAX_PROBLEMS {
            lines.push(format!("and {} more", grouped((self.problems.len() - MAX_PROBLEMS) as u64)));
        }
        lines
    }

    fn cost_rows(&self) -> Vec<Vec<String>> {
        let costs =
            self.monthly_cost_micro_usd.iter().map(|(tier, micros)| (tier.as_str(), Money::from_micros(*micros)));
        let total: Money = costs.clone().map(|(_, cost)| cost).sum();
        costs.chain([("all", total)]).map(|(tier, cost)| vec![tier.to_owned(), cost.to_string()]).collect()
    }
}

const JOB_COLUMNS: [GridColumn; 10] = [
    GridColumn::text("tier"),
    GridColumn::text("source"),
    GridColumn::number("done"),
    GridColumn::number("not done"),
    GridColumn::text("last success"),
    GridColumn::text("last verified"),
    GridColumn::number("files"),
    GridColumn::number("size"),
    GridColumn::number("growth"),
    GridColumn::number("stored"),
];

fn job_row(job: &JobDigest, moments: &Moments) -> Vec<String> {
    let date = |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), |time| moments.date(time));
    let sign = match job.bytes_grown {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    let of_backup = |text: String| if job.last_success.is_some() { text } else { String::new() };
    let not_done = [(job.partial, "partial"), (job.failed, "failed"), (job.skipped, "skipped")];
    let not_done: Vec<String> =
        not_done.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", grouped(*n))).collect();
    vec![
        job.job.tier.clone(),
        job.job.source.clone(),
        grouped(job.done),
        not_done.join(", "),
        date(job.last_success),
        date(job.last_verified),
        of_backup(grouped(job.files)),
        of_backup(ByteSize(job.bytes_source).to_string()),
        of_backup(format!("{sign}{}", ByteSize(job.bytes_grown.unsigned_abs()))),
        of_backup(ByteSize(job.bytes_stored).to_string()),
    ]
}

impl JobDigest {
    fn new(job: JobName) -> Self {
        Self {
            job,
            done: 0,
            partial: 0,
            failed: 0,
            skipped: 0,
            files: 0,
            bytes_source: 0,
            bytes_grown: 0,
            bytes_read: 0,
            bytes_stored: 0,
            snapshots_expired: 0,
            bytes_freed: 0,
            last_success: None,
            last_verified: None,
        }
    }

    /// Runs come in the order of time.
    fn add(&mut self, started: Timestamp, job: &JobReport) {
        match &job.outcome {
            Outcome::Success => self.done += 1,
            Outcome::Partial => self.partial += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
        }
        if job.outcome.is_good() && job.backup.is_some() {
            self.last_success = Some(started);
        }
        if !job.verifications.is_empty() {
            self.last_verified = Some(started);
        }
        if let Some(backup) = &job.backup {
            let is_first = self.files == 0 && self.bytes_source == 0;
            if !is_first {
                self.bytes_grown += i64::try_from(backup.bytes_source).unwrap_or(i64::MAX)
                    - i64::try_from(self.bytes_source).unwrap_or(i64::MAX);
            }
            self.files = backup.files;
            self.bytes_source = backup.bytes_source;
            self.bytes_read += backup.bytes_read;
            self.bytes_stored += backup.bytes_stored;
        }
        if let Some(prune) = &job.prune {
            self.snapshots_expired += prune.forgotten;
            self.bytes_freed += prune.bytes_freed;
        }
    }
}

impl DrillReport {
    /// `cloud/data: 104,233 files, 1.5 GiB restored and equal in 12m, 30m allowed`.
    pub fn sentence(&self) -> String {
        let allowed = self.max_time.map(|max| format!(", {} allowed", format_duration(max))).unwrap_or_default();
        match &self.outcome {
            Outcome::Success | Outcome::Partial => format!(
                "{}: {}, {} restored and equal in {}{allowed}",
                self.job,
                counted(self.files, "file"),
                ByteSize(self.bytes),
                format_duration(self.duration)
            ),
            Outcome::Failed { failure } if failure.kind == super::FailureKind::Cancelled => {
                format!("{}: cancelled", self.job)
            }
            Outcome::Failed { failure } => format!("{}: failed: {failure}", self.job),
            Outcome::Skipped { because } => format!("{}: skipped because {because}", self.job),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Style;
    use crate::report::sample::{self, at};

    fn week() -> Digest {
        let mut runs = Vec::new();
        for (day, run) in [(18, sample::good_run()), (19, sample::partial_run()), (20, sample::partial_run())] {
            let mut run = run;
            (run.started, run.finished) = (at(day, 2, 0), at(day, 2, 3));
            for job in &mut run.jobs {
                if let Some(backup) = &mut job.backup {
                    backup.bytes_source += u64::from(day) << 20;
                }
            }
            runs.push(run);
        }
        runs[2].drills.push(DrillReport {
            job: JobName::new("cloud", "data"),
            outcome: Outcome::Success,
            snapshot: None,
            files: 104_233,
            bytes: 3 << 29,
            duration: std::time::Duration::from_secs(754),
            max_time: Some(std::time::Duration::from_secs(1800)),
        });
        let mut early = sample::good_run();
        early.started = at(10, 2, 0);
        runs.push(early);
        let mut digest = digest("rpa", &runs, at(16, 8, 0), at(23, 8, 0));
        digest.monthly_cost_micro_usd = vec![("cloud".to_owned(), 37_500), ("archive".to_owned(), 416_000)];
        digest
    }

    #[test]
    fn a_week_as_text() {
        insta::assert_snapshot!(week().document(chrono_tz::UTC).text(120, Style::PLAIN));
    }

    #[test]
    fn a_week_as_markdown() {
        insta::assert_snapshot!(week().document(chrono_tz::UTC).markdown());
    }

    #[test]
    fn a_week_as_html() {
        insta::assert_snapshot!(week().document(chrono_tz::UTC).html());
    }

    #[test]
    fn a_week_as_json() {
        insta::assert_json_snapshot!(week().json());
    }

    #[test]
    fn a_week_without_runs_says_so() {
        let document = digest("rpa", &[], at(16, 8, 0), at(23, 8, 0)).document(chrono_tz::UTC);
        let text = document.text(80, Style::PLAIN);
        assert_eq!(text, "Backups of rpa, 2026-11-16 08:00 to 2026-11-23 08:00 UTC\n\nThere was no run.\n");
    }
}
