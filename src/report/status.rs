use super::prometheus::LastRun;
use super::serde_text::{optional_milliseconds, optional_time, time};
use super::{FORMAT_VERSION, Moments, Outcome};
use crate::base::{Cell, Column, Paint, Style, Table, Timestamp, counted, format_duration, printable, wrap};
use crate::compile::JobName;
use crate::schedule::Timetable;
use chrono::TimeDelta;
use serde::Serialize;
use std::time::Duration;

/// How long after a scheduled time a job that has not succeeded is still not
/// called late: half the time to the next one, within these bounds. Chosen: a
/// run takes its time, and a crontab line may fire only every ten minutes.
const MIN_GRACE: TimeDelta = TimeDelta::minutes(15);
const MAX_GRACE: TimeDelta = TimeDelta::hours(1);

/// Over this many days a schedule's longest gap is looked for: a year with its clock changes.
const YEAR_DAYS: u32 = 366;

/// What is known of a job's past.
#[derive(Clone, Debug)]
pub struct JobPast {
    pub job: JobName,
    /// `None`: it runs only when asked.
    pub timetable: Option<Timetable>,
    /// Start of the last run that succeeded.
    pub last_success: Option<Timestamp>,
    pub last_run: Option<LastRun>,
    pub last_verify: Option<Timestamp>,
}

/// Whether backups are as new as they should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusReport {
    pub plan: String,
    #[serde(with = "time")]
    pub now: Timestamp,
    /// In plan order.
    pub jobs: Vec<JobStatus>,
    /// One for each source if the plan has an RPO, else none; in plan order.
    pub objectives: Vec<SourceStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobStatus {
    #[serde(flatten)]
    pub job: JobName,
    pub state: Freshness,
    #[serde(with = "optional_time")]
    pub last_success: Option<Timestamp>,
    #[serde(with = "optional_time")]
    pub last_run: Option<Timestamp>,
    pub last_outcome: Option<Outcome>,
    #[serde(with = "optional_time")]
    pub last_verify: Option<Timestamp>,
    #[serde(with = "optional_time")]
    pub next: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// The last scheduled run succeeded, or is not late yet.
    Fresh,
    /// A scheduled time has passed, with its grace, and no run since then succeeded.
    Stale,
    /// It never succeeded.
    Never,
    /// It succeeded and has no schedule to be measured by.
    Unscheduled,
}

/// A source's newest snapshot, wherever it is, against the plan's RPO.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatus {
    pub source: String,
    /// The start of the newest successful run, and its tier.
    #[serde(with = "optional_time")]
    pub newest: Option<Timestamp>,
    pub tier: Option<String>,
    #[serde(rename = "rpo_ms", with = "super::serde_text::milliseconds")]
    pub rpo: Duration,
    pub is_met: bool,
    /// The longest time without a scheduled run, all tiers that read the
    /// source taken alone; `None`: no tier takes it on a schedule. Longer than
    /// the RPO: the plan itself cannot keep its promise.
    #[serde(rename = "longest_gap_ms", with = "optional_milliseconds")]
    pub longest_gap: Option<Duration>,
}

/// Judges what is known at `now`.
pub fn status(plan: &str, rpo: Option<Duration>, jobs: &[JobPast], now: Timestamp) -> StatusReport {
    let mut sources: Vec<&str> = Vec::new();
    for past in jobs {
        if !sources.contains(&past.job.source.as_str()) {
            sources.push(&past.job.source);
        }
    }
    let objectives =
        rpo.into_iter().flat_map(|rpo| sources.iter().map(move |source| objective(source, rpo, jobs, now)));
    StatusReport {
        plan: plan.to_owned(),
        now,
        jobs: jobs.iter().map(|past| job_status(past, now)).collect(),
        objectives: objectives.collect(),
    }
}

fn job_status(past: &JobPast, now: Timestamp) -> JobStatus {
    JobStatus {
        job: past.job.clone(),
        state: freshness(past, now),
        last_success: past.last_success,
        last_run: past.last_run.as_ref().map(|run| run.started),
        last_outcome: past.last_run.as_ref().map(|run| run.outcome.clone()),
        last_verify: past.last_verify,
        next: past.timetable.as_ref().and_then(|timetable| timetable.next_after(now)),
    }
}

fn freshness(past: &JobPast, now: Timestamp) -> Freshness {
    let Some(last) = past.last_success else { return Freshness::Never };
    let Some(timetable) = &past.timetable else { return Freshness::Unscheduled };
    // The first scheduled time that this success does not serve.
    let Some(unmet) = timetable.next_after(last) else { return Freshness::Fresh };
    let interval = timetable.next_after(unmet).map_or(MAX_GRACE * 2, |next| next - unmet);
    let grace = (interval / 2).clamp(MIN_GRACE, MAX_GRACE);
    let jitter = TimeDelta::from_std(timetable.jitter).unwrap_or(TimeDelta::zero());
    if now - unmet > grace + jitter { Freshness::Stale } else { Freshness::Fresh }
}

fn objective(source: &str, rpo: Duration, jobs: &[JobPast], now: Timestamp) -> SourceStatus {
    let of_source = || jobs.iter().filter(|past| past.job.source == source);
    let newest =
        of_source().filter_map(|past| Some((past.last_success?, past.job.tier.clone()))).max_by_key(|(t, _)| *t);
    let gaps = of_source().filter_map(|past| {
        let timetable = past.timetable.as_ref()?;
        Some(timetable.longest_gap(now, YEAR_DAYS)?.length() + timetable.jitter)
    });
    let age = newest.as_ref().map(|(time, _)| (now - *time).to_std().unwrap_or_default());
    SourceStatus {
        source: source.to_owned(),
        newest: newest.as_ref().map(|(time, _)| *time),
        tier: newest.map(|(_, tier)| tier),
        rpo,
        is_met: age.is_some_and(|age| age <= rpo),
        longest_gap: gaps.min(),
    }
}

impl Freshness {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Never => "never",
            Self::Unscheduled => "on request",
        }
    }
}

impl StatusReport {
    /// Whether every job is as new as its schedule asks for.
    pub fn is_fresh(&self) -> bool {
        self.jobs.iter().all(|job| matches!(job.state, Freshness::Fresh | Freshness::Unscheduled))
    }

    /// Whether every source has a snapshot younger than the RPO; true without one.
    pub fn meets_rpo(&self) -> bool {
        self.objectives.iter().all(|source| source.is_met)
    }

    pub fn json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        struct Document<'a> {
            format_version: u32,
            is_fresh: bool,
            meets_rpo: bool,
            #[serde(flatten)]
            report: &'a StatusReport,
        }
        let document = Document {
            format_version: FORMAT_VERSION,
            is_fresh: self.is_fresh(),
            meets_rpo: self.meets_rpo(),
            report: self,
        };
        serde_json::to_value(document).expect("a status has only text and numbers")
    }

    /// A table of the jobs, the objective source by source, and one closing line.
    pub fn text(&self, zone: chrono_tz::Tz, width: usize, style: Style) -> String {
        let moments = Moments { now: self.now, zone };
        let mut out = self.job_table(&moments).render(width, style);
        if let Some(first) = self.objectives.first() {
            let title = format!("at most {} may be lost", format_duration(first.rpo));
            out.push_str(&format!("\n{}\n", style.paint(Paint::Bold, &title)));
            out.push_str(&self.objective_table(&moments).render(width, style));
        }
        let (paint, line) = self.closing();
        out.push('\n');
        for line in wrap(&printable(&line), width) {
            out.push_str(&style.paint(paint, &line));
            out.push('\n');
        }
        out
    }

    fn job_table(&self, moments: &Moments) -> Table {
        let mut table = Table::new([
            Column::left("tier"),
            Column::left("source"),
            Column::left("state"),
            Column::left("last success"),
            Column::left("last run").optional(2),
            Column::left("verified").optional(3),
            Column::left("next").optional(1),
        ]);
        for job in &self.jobs {
            let paint = match job.state {
                Freshness::Fresh => Paint::Good,
                Freshness::Stale | Freshness::Never => Paint::Bad,
                Freshness::Unscheduled => Paint::Plain,
            };
            let distance = |time: Option<Timestamp>| time.map(|time| moments.relative(time)).unwrap_or_default();
            table.row([
                Cell::from(&job.job.tier),
                Cell::from(&job.job.source),
                Cell::painted(paint, job.state.word()),
                distance(job.last_success).into(),
                job.last_outcome.as_ref().map(Outcome::word).unwrap_or_default().into(),
                distance(job.last_verify).into(),
                job.next.map(|next| moments.short(next)).unwrap_or_default().into(),
            ]);
        }
        table
    }

    fn objective_table(&self, moments: &Moments) -> Table {
        let mut table = Table::new([Column::left(""), Column::left(""), Column::left("").wrap()]).indent(2);
        for source in &self.objectives {
            let (paint, word) = if source.is_met { (Paint::Good, "met") } else { (Paint::Bad, "not met") };
            let newest = match (source.newest, &source.tier) {
                (Some(newest), Some(tier)) => format!("newest in {tier}, {}", moments.relative(newest)),
                _ => "no snapshot".to_owned(),
            };
            let gap = source.longest_gap.filter(|gap| *gap > source.rpo);
            let gap =
                gap.map(|gap| format!("; its schedules leave up to {}", format_duration(gap))).unwrap_or_default();
            table.row([Cell::from(&source.source), Cell::painted(paint, word), format!("{newest}{gap}").into()]);
        }
        table
    }

    /// How it stands, in a few words.
    pub fn sentence(&self) -> String {
        self.closing().1
    }

    fn closing(&self) -> (Paint, String) {
        let total = self.jobs.len() as u64;
        let of = |state: Freshness| self.jobs.iter().filter(move |job| job.state == state);
        let names = |state: Freshness| of(state).map(|job| job.job.to_string()).collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        if of(Freshness::Stale).count() > 0 {
            parts.push(format!("stale: {}", names(Freshness::Stale)));
        }
        if of(Freshness::Never).count() > 0 {
            parts.push(format!("never backed up: {}", names(Freshness::Never)));
        }
        if !parts.is_empty() {
            let fresh = total - (of(Freshness::Stale).count() + of(Freshness::Never).count()) as u64;
            return (Paint::Bad, format!("{fresh} of {} fresh; {}", counted(total, "job"), parts.join("; ")));
        }
        let unmet: Vec<&str> =
            self.objectives.iter().filter(|source| !source.is_met).map(|source| source.source.as_str()).collect();
        let fresh = if total == 1 { "the job is fresh".to_owned() } else { format!("all {total} jobs are fresh") };
        match unmet.is_empty() {
            true => (Paint::Good, fresh),
            false => (Paint::Warn, format!("{fresh}, but older than the objective allows: {}", unmet.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::at;
    use crate::report::{Failure, FailureKind};

    fn past(tier: &str, source: &str, cron: &str, last_success: Option<Timestamp>) -> JobPast {
        let timetable = (!cron.is_empty())
            .then(|| Timetable::parse(cron, chrono_tz::UTC, Duration::ZERO).expect("a test's schedule is right"));
        let run = |started| LastRun {
            started,
            outcome: Outcome::Success,
            duration: Duration::from_secs(60),
            files: 10,
            bytes_source: 1000,
            bytes_stored: 100,
            unreadable: 0,
        };
        JobPast {
            job: JobName::new(tier, source),
            timetable,
            last_success,
            last_run: last_success.map(run),
            last_verify: last_success,
        }
    }

    fn report() -> StatusReport {
        let mut failing = past("cloud", "data", "0 */4 * * *", Some(at(24, 0, 0)));
        failing.last_run = failing.last_run.map(|run| LastRun {
            started: at(24, 8, 0),
            outcome: Outcome::Failed { failure: Failure::new(FailureKind::Other, "access denied") },
            ..run
        });
        let jobs = [
            past("local", "data", "0 */4 * * *", Some(at(24, 8, 0))),
            past("local", "config", "0 2 * * *", Some(at(24, 2, 0))),
            failing,
            past("archive", "system", "0 2 * * 0", None),
            past("usb", "data", "", Some(at(1, 9, 0))),
        ];
        status("rpa", Some(Duration::from_secs(4 * 3600)), &jobs, at(24, 11, 50))
    }

    #[test]
    fn status_as_text() {
        insta::assert_snapshot!(report().text(chrono_tz::UTC, 100, Style::PLAIN));
    }

    #[test]
    fn status_as_text_in_a_narrow_terminal() {
        insta::assert_snapshot!(report().text(chrono_tz::UTC, 56, Style::PLAIN));
    }

    #[test]
    fn status_as_json() {
        insta::assert_json_snapshot!(report().json());
    }

    #[test]
    fn a_job_becomes_stale_only_after_its_grace() {
        let state = |hour, minute| {
            let jobs = [past("local", "data", "0 */4 * * *", Some(at(24, 4, 1)))];
            status("p", None, &jobs, at(24, hour, minute)).jobs[0].state
        };
        assert_eq!(state(7, 59), Freshness::Fresh);
        assert_eq!(state(9, 0), Freshness::Fresh);
        assert_eq!(state(9, 1), Freshness::Stale);
        let frequent = [past("local", "data", "*/10 * * * *", Some(at(24, 4, 1)))];
        assert_eq!(status("p", None, &frequent, at(24, 4, 25)).jobs[0].state, Freshness::Fresh);
        assert_eq!(status("p", None, &frequent, at(24, 4, 26)).jobs[0].state, Freshness::Stale);
    }

    #[test]
    fn fresh_jobs_can_still_be_older_than_the_objective() {
        let jobs = [past("local", "config", "0 2 * * *", Some(at(24, 2, 0)))];
        let report = status("rpa", Some(Duration::from_secs(4 * 3600)), &jobs, at(24, 11, 50));
        assert!(report.is_fresh() && !report.meets_rpo());
        insta::assert_snapshot!(report.text(chrono_tz::UTC, 100, Style::PLAIN));
    }
}
