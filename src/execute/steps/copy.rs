use super::{Done, lock_note, store, tier};
use crate::compile::JobName;
use crate::execute::failure;
use crate::execute::run::Run;
use crate::plan::Tier;
use crate::report::{BackupReport, Event, Failure};
use crate::repository::{self, Catalogue, Repository};
use std::time::Instant;

/// Copies another tier's new snapshots as they are stored.
pub(in crate::execute) fn copy(run: &Run<'_>, job: &JobName, from: &str) -> Done {
    let id = run.new_run_id();
    run.with_job(job, |report| report.run = Some(id.clone()));
    (run.options.observer)(Event::JobStarted { job: job.clone(), run: id });
    let begun = Instant::now();
    let done = copy_snapshots(run, job, from);
    run.with_job(job, |report| {
        report.duration = begun.elapsed();
        report.backup = done.as_ref().ok().cloned();
        report.notes.extend(run.plan().tier(&job.tier).and_then(lock_note));
    });
    done.map(|_| ())
}

fn copy_snapshots(run: &Run<'_>, job: &JobName, from: &str) -> Result<BackupReport, Failure> {
    let (target_tier, origin_tier) = (tier(run, &job.tier)?, tier(run, from)?);
    if key_name(run, target_tier)? != key_name(run, origin_tier)? {
        let message = format!("tier `{}` copies from `{from}` and must be encrypted with the same key", job.tier);
        let help = Some(format!("write the `encrypt` of `{from}` into `{}` too", job.tier));
        return Err(Failure { help, ..failure::other(message) });
    }
    let (target, origin) = (store(run, target_tier, &job.source)?, store(run, origin_tier, &job.source)?);
    let of_repository = |error| failure::of_repository(&error);
    let origin = Repository::open(&origin).map_err(of_repository)?;
    let catalogue = Catalogue::new(&origin, None);
    let copied = repository::copy(&catalogue, &target, &job.source, run.site.context, &run.options.cancel)
        .map_err(of_repository)?;
    let newest = catalogue.snapshots(Some(&job.source)).map_err(of_repository)?.pop();
    let totals = newest.as_ref().and_then(|info| info.record.as_ref()).map(|record| record.totals).unwrap_or_default();
    Ok(BackupReport {
        snapshot: newest.map(|info| info.run.to_string()),
        files: totals.files,
        folders: totals.folders,
        new: 0,
        changed: 0,
        deleted: 0,
        bytes_source: totals.bytes,
        bytes_read: copied.bytes,
        bytes_stored: copied.bytes,
        objects: copied.objects,
    })
}

fn key_name(run: &Run<'_>, tier: &Tier) -> Result<Option<String>, Failure> {
    let key = run.site.key(tier).map_err(|error| failure::of_site(&error))?;
    Ok(key.map(|key| key.name.value.clone()))
}
