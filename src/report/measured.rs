use super::{BackupReport, RunReport};
use crate::base::Timestamp;
use crate::cost::{MeasuredSize, MeasuredSizes};
use crate::plan::{Mode, Plan};

/// From fewer days than this no change a day is told.
const LEAST_DAYS: i64 = 1;

/// The sizes of a plan's sources as its past runs have found them: what was
/// there in the newest, what changed a day, and how well it packs.
///
/// `runs` may be in any order. Sources of which no snapshot was made are left out.
pub fn measured_sizes(plan: &Plan, runs: &[RunReport]) -> MeasuredSizes {
    let sources = plan.sources.iter().map(|source| source.name.value.as_str());
    sources.filter_map(|source| Some((source.to_owned(), measured(plan, source, runs)?))).collect()
}

/// A backup, and when it was made.
struct Made<'a> {
    at: Timestamp,
    tier: &'a str,
    backup: &'a BackupReport,
}

fn measured(plan: &Plan, source: &str, runs: &[RunReport]) -> Option<MeasuredSize> {
    let mut made: Vec<Made> = Vec::new();
    for run in runs.iter().filter(|run| run.plan == plan.name.value) {
        for job in run.jobs.iter().filter(|job| job.job.source == source) {
            let backup = job.backup.as_ref().filter(|backup| backup.snapshot.is_some());
            // A copy has another tier's sizes.
            let is_read = plan.tier(&job.job.tier).is_some_and(|tier| tier.from.is_none());
            made.extend(backup.filter(|_| is_read).map(|backup| Made { at: run.started, tier: &job.job.tier, backup }));
        }
    }
    made.sort_by_key(|made| made.at);
    let newest = made.last()?;
    let sum = |of: fn(&BackupReport) -> u64| made.iter().fold(0u64, |sum, made| sum.saturating_add(of(made.backup)));
    let (read, stored) = (sum(|backup| backup.bytes_read), sum(|backup| backup.bytes_stored));
    Some(MeasuredSize {
        bytes: newest.backup.bytes_source,
        change_per_day: change_per_day(plan, &made),
        stored_percent: percent(stored, read),
    })
}

/// What the incremental tier with the most backups read a day after its first.
fn change_per_day(plan: &Plan, made: &[Made<'_>]) -> Option<u64> {
    let incremental = plan.tiers.iter().filter(|tier| tier.mode.value == Mode::Incremental);
    let of_tiers = incremental.map(|tier| made.iter().filter(|made| made.tier == tier.name.value).collect::<Vec<_>>());
    let longest = of_tiers.max_by_key(Vec::len)?;
    let (first, rest) = longest.split_first()?;
    let seconds = (rest.last()?.at - first.at).num_seconds();
    if seconds < LEAST_DAYS * 86_400 {
        return None;
    }
    let read: u128 = rest.iter().map(|made| u128::from(made.backup.bytes_read)).sum();
    u64::try_from(read * 86_400 / u128::try_from(seconds).ok()?).ok()
}

fn percent(part: u64, of: u64) -> Option<u32> {
    let percent = u128::from(part) * 100 / u128::from((of > 0).then_some(of)?);
    u32::try_from(percent).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;
    use crate::plan::resolve;
    use crate::report::sample;
    use std::io;
    use std::path::Path;

    fn run(day: u32, tier: &str, source: u64, read: u64, stored: u64) -> RunReport {
        let mut run = sample::run(vec![sample::good_job(tier, "data", 1)]);
        run.plan = "p".to_owned();
        run.started = format!("2026-11-{day:02}T02:00:00Z").parse().expect("a time");
        run.jobs[0].backup = Some(BackupReport {
            snapshot: Some("x".to_owned()),
            bytes_source: source,
            bytes_read: read,
            bytes_stored: stored,
            ..BackupReport::default()
        });
        run
    }

    fn plan() -> Plan {
        let text = "plan p {
                source data { base \"/srv\" }
                source other { base \"/other\" }
                tier disk { store fs { root \"/b\" }; take data other; schedule \"@daily\" }
                tier weekly { mode full; store fs { root \"/w\" }; take data; schedule \"@weekly\" }
            }";
        let loaded = language::load("plan.kdl", text, &mut |_: &Path| Err(io::ErrorKind::NotFound.into()));
        resolve(&loaded.document, &loaded.files).0.expect("the text has a plan")
    }

    #[test]
    fn past_runs_tell_size_change_and_ratio() {
        let runs = [
            run(3, "disk", 1_100, 100, 50),
            run(1, "disk", 1_000, 1_000, 500),
            run(2, "weekly", 1_050, 1_050, 525),
            run(5, "disk", 1_200, 300, 150),
        ];
        let sizes = measured_sizes(&plan(), &runs);
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["data"]);
        let expected = MeasuredSize { bytes: 1_200, change_per_day: Some(100), stored_percent: Some(50) };
        assert_eq!(sizes["data"], expected);
    }

    #[test]
    fn one_run_tells_a_size_and_no_change() {
        let sizes = measured_sizes(&plan(), &[run(1, "disk", 1_000, 1_000, 250)]);
        assert_eq!(sizes["data"], MeasuredSize { bytes: 1_000, change_per_day: None, stored_percent: Some(25) });
        let mut failed = run(1, "disk", 1_000, 0, 0);
        failed.jobs[0].backup.as_mut().expect("it has one").snapshot = None;
        assert!(measured_sizes(&plan(), &[failed]).is_empty());
    }
}
