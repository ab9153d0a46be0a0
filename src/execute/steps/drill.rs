use super::{Done, store, tier};
use crate::base::{counted, format_duration};
use crate::compile::JobName;
use crate::execute::failure;
use crate::execute::run::Run;
use crate::files::restore::{Overwrite, RestoreReport};
use crate::report::{DrillReport, Failure, FailureKind, Outcome};
use crate::repository::{self, Catalogue, Repository, RestoreProgress, RestoreRequest, Selection};
use std::time::{Duration, Instant};

/// Restores the newest snapshot into a scratch folder, where every hash is
/// checked, and times it.
pub(in crate::execute) fn drill(run: &Run<'_>, job: &JobName, index: usize) -> Done {
    let max_time = run.plan().drills.get(index).and_then(|drill| drill.max_time.as_ref()).map(|time| time.value);
    let begun = Instant::now();
    let restored = restore_newest(run, job);
    let duration = begun.elapsed();
    let (report, snapshot) = match &restored {
        Ok((report, snapshot)) => (Some(report), Some(snapshot.clone())),
        Err(_) => (None, None),
    };
    let done = restored.as_ref().map_err(Clone::clone).and_then(|(report, _)| judge(report, duration, max_time));
    run.drills.borrow_mut().push(DrillReport {
        job: job.clone(),
        outcome: done.clone().map_or_else(|failure| Outcome::Failed { failure }, |()| Outcome::Success),
        snapshot,
        files: report.map_or(0, |report| report.counts.written),
        bytes: report.map_or(0, |report| report.counts.bytes),
        duration,
        max_time,
    });
    run.state.borrow_mut().drills.insert(job.to_string(), run.started);
    done
}

fn restore_newest(run: &Run<'_>, job: &JobName) -> Result<(RestoreReport, String), Failure> {
    let tier = tier(run, &job.tier)?;
    let store = store(run, tier, &job.source)?;
    let identities = run.site.identities(tier, &|_| None).map_err(|error| failure::of_site(&error))?;
    let reading = |error| failure::of_reading(&error, run.site, tier);
    let repository = Repository::open(&store).map_err(reading)?;
    let catalogue = Catalogue::new(&repository, identities.as_ref());
    let newest = catalogue.snapshots(Some(&job.source)).map_err(reading)?.pop();
    let newest = newest.ok_or_else(|| failure::other(format!("`{job}` has no snapshot to restore")))?;
    let snapshot = catalogue.load(&newest).map_err(reading)?;
    let scratch = tempfile::Builder::new()
        .prefix("drill-")
        .tempdir_in(run.site.state_folder())
        .map_err(|error| failure::other(format!("cannot make a scratch folder: {error}")))?;
    let request = RestoreRequest {
        snapshot: &snapshot,
        selection: &Selection::default(),
        target: scratch.path(),
        overwrite: Overwrite::Always,
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &RestoreProgress::default(),
    };
    let report = repository::restore(&catalogue, &request).map_err(reading)?;
    Ok((report, newest.run.to_string()))
}

fn judge(report: &RestoreReport, duration: Duration, max_time: Option<Duration>) -> Done {
    if let Some(first) = report.failures.first() {
        let message = format!("{} could not be restored: {first}", counted(report.counts.failed, "path"));
        return Err(Failure::new(FailureKind::Damaged, message));
    }
    match max_time.filter(|max| duration > *max) {
        Some(max) => {
            let (took, max) = (format_duration(duration), format_duration(max));
            Err(failure::other(format!("the restore took {took}, longer than the {max} allowed")))
        }
        None => Ok(()),
    }
}
