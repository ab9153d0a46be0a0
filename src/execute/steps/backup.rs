use super::{Done, lock_note, store, tier};
use crate::archive::limits::VOLUME_BYTES;
use crate::archive::{Identities, RunRecord};
use crate::base::RunId;
use crate::compile::JobName;
use crate::execute::failure;
use crate::execute::run::Run;
use crate::execute::site::codec;
use crate::files::WalkOptions;
use crate::plan::{Mode, Origin, SecretRef, Tier};
use crate::report::{BackupReport, Event, Outcome, Problem, Progress as ProgressEvent, Severity, Unreadable};
use crate::repository::{self, BackupOutcome, BackupRequest, BackupSource, Progress, Repository};
use crate::stores::Store;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// An archive that must be held in memory whole is at most this large.
const WHOLE_OBJECT_VOLUME_BYTES: u64 = 128 << 20;

/// Reads a source and stores what is new: one stream that ends in a snapshot.
pub(in crate::execute) fn backup(run: &Run<'_>, job: &JobName) -> Done {
    let id = run.new_run_id();
    run.with_job(job, |report| report.run = Some(id.clone()));
    (run.options.observer)(Event::JobStarted { job: job.clone(), run: id.clone() });
    let begun = Instant::now();
    let done = back_up(run, job, id);
    run.with_job(job, |report| report.duration = begun.elapsed());
    let outcome = done?;
    for unreadable in &outcome.unreadable {
        let message = unreadable.error.clone();
        let problem = Problem { severity: Severity::Warning, step: None, message, help: None };
        (run.options.observer)(Event::Problem { job: Some(job.clone()), path: Some(unreadable.path.clone()), problem });
    }
    run.with_job(job, |report| {
        report.outcome = if outcome.is_partial() { Outcome::Partial } else { Outcome::Success };
        for path in &outcome.unreadable {
            report.unreadable.add(path.path.clone(), path.error.clone());
        }
        report.unreadable = Unreadable { total: outcome.record.totals.unreadable, ..report.unreadable.clone() };
        report.notes.extend(outcome.notes.clone());
        report.notes.extend(run.plan().tier(&job.tier).and_then(lock_note));
        report.backup = Some(report_of(&outcome.record));
    });
    Ok(())
}

fn back_up(run: &Run<'_>, job: &JobName, id: RunId) -> Result<BackupOutcome, crate::report::Failure> {
    let (site, tier) = (run.site, tier(run, &job.tier)?);
    let source = run.plan().source(&job.source);
    let source = source.ok_or_else(|| failure::other(format!("the plan has no source `{}`", job.source)))?;
    let store = store(run, tier, &job.source)?;
    let recipients = site.recipients(tier, &run.state.borrow()).map_err(|error| failure::of_site(&error))?;
    let identities = identities(run, tier, &job.source, &store);
    let walk;
    let from = match &source.origin {
        Origin::Paths(paths) => {
            walk = WalkOptions { cancel: run.options.cancel.clone(), ..site.walk(paths) };
            BackupSource::Files(&walk)
        }
        Origin::Command { command, file_name } => BackupSource::Command {
            program: &command.program.value,
            arguments: &command.arguments,
            name: &file_name.value,
        },
    };
    let volume = tier.volume_size.as_ref().map_or(VOLUME_BYTES, |size| size.value.bytes());
    let progress = Progress::default();
    let request = BackupRequest {
        store: &store,
        plan: &run.plan().name.value,
        tier: &job.tier,
        source: &job.source,
        from,
        full: tier.mode.value == Mode::Full,
        codec: codec(tier),
        recipients: recipients.as_ref(),
        identities: identities.as_ref(),
        state: site.tier_state(tier, &job.source),
        run: id,
        invoked: run.started,
        volume_bytes: if store.streams_uploads() { volume } else { volume.min(WHOLE_OBJECT_VOLUME_BYTES) },
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &progress,
    };
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let tell = || {
        (run.options.observer)(Event::Progress(ProgressEvent {
            step: format!("{job}/upload"),
            files: read(&progress.entries),
            bytes_read: read(&progress.read_bytes),
            bytes_stored: read(&progress.stored_bytes),
            files_expected: None,
            bytes_expected: None,
        }));
    };
    watched(|| repository::backup(&request, site.context), tell).map_err(|error| failure::of_repository(&error))
}

/// What rebuilds lost local state from the store, where that is needed and can
/// be had without asking anybody. Otherwise a host that can only write makes a
/// new base.
fn identities(run: &Run<'_>, tier: &Tier, source: &str, store: &Store) -> Option<Identities> {
    let site = run.site;
    let key = site.key(tier).ok()??;
    let asks = |reference: &SecretRef| matches!(reference, SecretRef::Command(_));
    let is_quiet = !key.identities.iter().any(|identity| asks(&identity.secret.value))
        && !key.passphrase.as_ref().is_some_and(|passphrase| asks(&passphrase.value));
    let is_full = tier.mode.value == Mode::Full;
    if is_full || !is_quiet || repository::has_state(&site.tier_state(tier, source), source) {
        return None;
    }
    // A new repository has nothing to rebuild from. If it cannot be asked, the backup itself will say why.
    Repository::find(store).ok().flatten()?;
    site.identities(tier, &|_| None).ok().flatten()
}

fn report_of(record: &RunRecord) -> BackupReport {
    let totals = &record.totals;
    BackupReport {
        snapshot: Some(record.run.to_string()),
        files: totals.files,
        folders: totals.folders,
        new: totals.new,
        changed: totals.changed,
        deleted: totals.deleted,
        bytes_source: totals.bytes,
        bytes_read: totals.read_bytes,
        bytes_stored: totals.stored_bytes,
        // The run record does not list itself.
        objects: record.objects.len() as u64 + 1,
    }
}

/// Runs `work` on this thread while another calls `tell` now and then.
fn watched<R>(work: impl FnOnce() -> R, tell: impl Fn() + Send) -> R {
    let (ended, end) = crossbeam_channel::bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while end.recv_timeout(PROGRESS_INTERVAL) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                tell();
            }
        });
        let result = work();
        drop(ended);
        result
    })
}
