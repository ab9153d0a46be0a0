use super::Outcome;
use crate::base::{Money, Timestamp};
use crate::compile::JobName;
use std::fmt::Write;
use std::time::Duration;

/// What is known of one job, for monitoring. Failures update it too.
#[derive(Clone, Debug)]
pub struct JobMetrics {
    pub job: JobName,
    pub last_run: Option<LastRun>,
    pub last_success: Option<Timestamp>,
    pub last_verify: Option<Timestamp>,
    pub next_run: Option<Timestamp>,
    /// Of the last drill that succeeded.
    pub last_drill: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct LastRun {
    pub started: Timestamp,
    pub outcome: Outcome,
    pub duration: Duration,
    pub files: u64,
    pub bytes_source: u64,
    pub bytes_stored: u64,
    pub unreadable: u64,
}

/// Of a whole plan.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub plan: String,
    pub rpo: Option<Duration>,
    pub jobs: Vec<JobMetrics>,
    /// A tier and what it costs a month.
    pub monthly_cost: Vec<(String, Money)>,
}

type Sample<'a> = (Vec<(&'static str, &'a str)>, String);

/// The text of a `*.prom` file for node_exporter's textfile collector: gauges
/// with help and type, no timestamps, samples in plan order. To be written to
/// a temporary file and renamed.
pub fn prometheus(metrics: &Metrics) -> String {
    let mut out = String::new();
    let plan = metrics.plan.as_str();
    let mut of_jobs = |name: &str, help: &str, value: &dyn Fn(&JobMetrics) -> Option<String>| {
        let sample = |job: &JobMetrics| value(job);
        let samples: Vec<Sample> =
            metrics.jobs.iter().filter_map(|job| Some((labels(plan, &job.job), sample(job)?))).collect();
        gauge(&mut out, name, help, &samples);
    };
    let time = |time: Option<Timestamp>| time.map(|time| time.timestamp().to_string());
    let last = |value: fn(&LastRun) -> String| move |job: &JobMetrics| job.last_run.as_ref().map(value);
    of_jobs("plan_last_success_timestamp_seconds", "Start of the last run that succeeded.", &|job| {
        time(job.last_success)
    });
    of_jobs("plan_last_run_timestamp_seconds", "Start of the last run, however it ended.", &|job| {
        time(job.last_run.as_ref().map(|run| run.started))
    });
    of_jobs(
        "plan_last_run_status",
        "How the last run ended: 0 success, 1 partial, 2 failed or cancelled, 3 skipped.",
        &last(|run| status(&run.outcome).to_string()),
    );
    of_jobs("plan_last_run_duration_seconds", "How long the last run took.", &last(|run| seconds(run.duration)));
    of_jobs("plan_last_run_files", "Files in the last snapshot.", &last(|run| run.files.to_string()));
    of_jobs(
        "plan_last_run_source_bytes",
        "Size of the source at the last run.",
        &last(|run| run.bytes_source.to_string()),
    );
    of_jobs("plan_last_run_bytes", "Bytes that the last run stored.", &last(|run| run.bytes_stored.to_string()));
    of_jobs(
        "plan_last_run_unreadable_paths",
        "Paths that the last run could not read.",
        &last(|run| run.unreadable.to_string()),
    );
    of_jobs("plan_last_verify_timestamp_seconds", "Start of the last verification that found all well.", &|job| {
        time(job.last_verify)
    });
    of_jobs("plan_next_run_timestamp_seconds", "When the job is due next.", &|job| time(job.next_run));
    of_jobs("plan_last_drill_seconds", "How long the last successful drill took to restore.", &|job| {
        job.last_drill.map(seconds)
    });
    let rpo: Vec<Sample> = metrics.rpo.iter().map(|rpo| (vec![("plan", plan)], seconds(*rpo))).collect();
    gauge(&mut out, "plan_rpo_seconds", "How much work may be lost, as the plan promises.", &rpo);
    let costs: Vec<Sample> = metrics
        .monthly_cost
        .iter()
        .map(|(tier, cost)| {
            let micros = u64::try_from(cost.micros()).unwrap_or(0);
            (vec![("plan", plan), ("tier", tier.as_str())], decimal(micros, 1_000_000, 6))
        })
        .collect();
    gauge(&mut out, "plan_estimated_cost_usd", "Estimated cost of a tier a month.", &costs);
    out
}

fn labels<'a>(plan: &'a str, job: &'a JobName) -> Vec<(&'static str, &'a str)> {
    vec![("plan", plan), ("tier", &job.tier), ("source", &job.source)]
}

fn status(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Partial => 1,
        Outcome::Failed { .. } => 2,
        Outcome::Skipped { .. } => 3,
    }
}

fn seconds(duration: Duration) -> String {
    decimal(duration.as_millis() as u64, 1000, 3)
}

/// `value / scale` with `digits` decimals, none where they would all be zero.
fn decimal(value: u64, scale: u64, digits: usize) -> String {
    let (whole, part) = (value / scale, value % scale);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:0digits$}").trim_end_matches('0').to_owned() }
}

fn gauge(out: &mut String, name: &str, help: &str, samples: &[Sample]) {
    if samples.is_empty() {
        return;
    }
    let mut line = |line: String| writeln!(out, "{line}").expect("a string takes all that is written to it");
    line(format!("# HELP {name} {help}"));
    line(format!("# TYPE {name} gauge"));
    for (labels, value) in samples {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        line(format!("{name}{{{}}} {value}", labels.join(",")));
    }
}

/// Escapes of a label value in the text exposition format: `\`, `"` and the line feed.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, FailureKind, sample::at};

    #[test]
    fn metrics_of_a_plan_as_a_textfile() {
        let good = JobMetrics {
            job: JobName::new("local", "data"),
            last_run: Some(LastRun {
                started: at(24, 2, 0),
                outcome: Outcome::Success,
                duration: Duration::from_millis(52_320),
                files: 104_233,
                bytes_source: 1_563_495_000,
                bytes_stored: 9_380_970,
                unreadable: 0,
            }),
            last_success: Some(at(24, 2, 0)),
            last_verify: Some(at(24, 2, 0)),
            next_run: Some(at(24, 6, 0)),
            last_drill: Some(Duration::from_secs(754)),
        };
        let mut failed = good.clone();
        failed.job = JobName::new("cloud", "a\"b\\c");
        failed.last_run = failed.last_run.map(|run| LastRun {
            outcome: Outcome::Failed { failure: Failure::new(FailureKind::Other, "no") },
            duration: Duration::from_secs(12),
            ..run
        });
        failed.last_drill = None;
        let never = JobMetrics {
            job: JobName::new("archive", "system"),
            last_run: None,
            last_success: None,
            last_verify: None,
            next_run: Some(at(29, 2, 0)),
            last_drill: None,
        };
        insta::assert_snapshot!(prometheus(&Metrics {
            plan: "rpa".to_owned(),
            rpo: Some(Duration::from_secs(4 * 3600)),
            jobs: vec![good, failed, never],
            monthly_cost: vec![
                ("cloud".to_owned(), Money::from_micros(37_500)),
                ("archive".to_owned(), Money::from_micros(2_000_000)),
            ],
        }));
    }
}
