//! What the steps of a run do. One function a kind of task; each enters its
//! results into the job's report and returns why it failed.

use super::run::Run;
use super::site::{SiteError, codec};
use crate::archive::limits::VOLUME_BYTES;
use crate::base::{ByteSize, Percent};
use crate::compile::JobName;
use crate::files::restore::Overwrite;
use crate::plan::{Command, Keep, Level, Mode, Origin, Tier};
use crate::report::{
    BackupReport, DrillReport, Event, Failure, FailureKind, Outcome, Problem, Progress as ProgressEvent, PruneReport,
    Severity, Unreadable, VerifyReport,
};
use crate::repository::{
    self, BackupRequest, BackupSource, Catalogue, DEFAULT_GRACE, Progress, Repository, RepositoryError,
    RestoreProgress, RestoreRequest, Selection, SnapshotInfo, VerifyLevel, VerifyOutcome, VerifyProgress,
    VerifyRequest,
};
use crate::retention::{Candidate, Rules, select};
use crate::stores::Store;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

type Done = Result<(), Failure>;

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// An archive that must be held in memory whole is at most this large.
const WHOLE_OBJECT_VOLUME_BYTES: u64 = 128 << 20;

pub(super) fn failure_of(error: &RepositoryError) -> Failure {
    use crate::base::Exit;
    let kind = match error.exit() {
        Exit::NoRepository => FailureKind::NoRepository,
        Exit::WrongKey => FailureKind::WrongKey,
        Exit::TryLater => FailureKind::TryLater,
        Exit::Cancelled => FailureKind::Cancelled,
        Exit::Locked => FailureKind::Locked,
        _ => FailureKind::Other,
    };
    Failure::new(kind, error.to_string())
}

fn failure_of_site(error: &SiteError) -> Failure {
    let mut failure = match error {
        SiteError::Store(error) => failure_of(&RepositoryError::Store(error.clone())),
        SiteError::Key(_) => Failure::new(FailureKind::WrongKey, error.to_string()),
        _ => Failure::new(FailureKind::Other, error.to_string()),
    };
    if let SiteError::Key(error) = error {
        failure.help = error.help();
    }
    failure
}

/// The plan's noun behind a name that the graph was compiled from.
fn tier<'r>(run: &'r Run<'_>, name: &str) -> Result<&'r Tier, Failure> {
    run.plan().tier(name).ok_or_else(|| Failure::new(FailureKind::Other, format!("the plan has no tier `{name}`")))
}

fn store(run: &Run<'_>, tier: &Tier, source: &str) -> Result<Store, Failure> {
    run.site.store(tier, Some(source), run.started).map_err(|error| failure_of_site(&error))
}

/// A program before or after a source is read; what it prints is not kept
/// unless it fails.
pub(super) fn hook(run: &Run<'_>, command: &Command) -> Done {
    let program = &command.program.value;
    let failed = |problem: String| Failure::new(FailureKind::Other, format!("the command `{program}` {problem}"));
    let output = std::process::Command::new(program)
        .args(&command.arguments)
        .current_dir(&run.site.plan_folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("can't be started: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(failed(format!("failed with {}: {}", output.status, last.trim())))
}

pub(super) fn backup(run: &Run<'_>, job: &JobName) -> Done {
    let id = run.new_run_id();
    run.with_job(job, |report| report.run = Some(id.clone()));
    (run.options.observer)(Event::JobStarted { job: job.clone(), run: id.clone() });
    let begun = Instant::now();
    let done = back_up(run, job, &id);
    run.with_job(job, |report| report.duration = begun.elapsed());
    done
}

fn back_up(run: &Run<'_>, job: &JobName, id: &crate::base::RunId) -> Done {
    let (site, tier) = (run.site, tier(run, &job.tier)?);
    let source = run.plan().source(&job.source);
    let source =
        source.ok_or_else(|| Failure::new(FailureKind::Other, format!("the plan has no source `{}`", job.source)))?;
    let store = store(run, tier, &job.source)?;
    let recipients = site.recipients(tier, &run.state.borrow()).map_err(|error| failure_of_site(&error))?;
    // A host that only writes has none; then lost state means a new base.
    let identities = site.identities(tier, &[], &|_| None).ok().flatten();
    let walk;
    let from = match &source.origin {
        Origin::Paths(paths) => {
            walk = crate::files::WalkOptions { cancel: run.options.cancel.clone(), ..site.walk(paths) };
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
        state: site.tier_state(tier),
        run: id.clone(),
        volume_bytes: if store.streams_uploads() { volume } else { volume.min(WHOLE_OBJECT_VOLUME_BYTES) },
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &progress,
    };
    let observer = run.options.observer;
    let outcome = watched(
        || repository::backup(&request, site.context),
        || {
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            observer(Event::Progress(ProgressEvent {
                step: format!("{job}/upload"),
                files: read(&progress.entries),
                bytes_read: read(&progress.read_bytes),
                bytes_stored: read(&progress.stored_bytes),
                files_expected: None,
                bytes_expected: None,
                path: None,
            }));
        },
    );
    let outcome = outcome.map_err(|error| failure_of(&error))?;
    for unreadable in &outcome.unreadable {
        let message = unreadable.error.clone();
        let problem = Problem { severity: Severity::Warning, step: None, message, help: None };
        observer(Event::Problem { job: Some(job.clone()), path: Some(unreadable.path.clone()), problem });
    }
    let record = &outcome.record;
    run.with_job(job, |report| {
        let mut unreadable = Unreadable::default();
        outcome.unreadable.iter().for_each(|path| unreadable.add(path.path.clone(), path.error.clone()));
        unreadable.total = record.totals.unreadable;
        report.outcome = if outcome.is_partial() { Outcome::Partial } else { Outcome::Success };
        report.unreadable = unreadable;
        report.notes = outcome.notes.clone();
        report.backup = Some(BackupReport {
            snapshot: Some(record.run.to_string()),
            files: record.totals.files,
            folders: record.totals.folders,
            new: record.totals.new,
            changed: record.totals.changed,
            deleted: record.totals.deleted,
            bytes_source: record.totals.bytes,
            bytes_read: record.totals.read_bytes,
            bytes_stored: record.totals.stored_bytes,
            objects: record.objects.len() as u64 + 1,
        });
    });
    Ok(())
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

pub(super) fn copy(run: &Run<'_>, job: &JobName, from: &str) -> Done {
    let id = run.new_run_id();
    run.with_job(job, |report| report.run = Some(id));
    let begun = Instant::now();
    let (target_tier, source_tier) = (tier(run, &job.tier)?, tier(run, from)?);
    let key =
        |tier| run.site.key(tier).map(|key| key.map(|key| key.name.value.clone())).map_err(|e| failure_of_site(&e));
    if key(target_tier)? != key(source_tier)? {
        let message = format!("tier `{}` copies from `{from}` and so must encrypt with the same key", job.tier);
        return Err(Failure::new(FailureKind::Other, message));
    }
    let (target, origin) = (store(run, target_tier, &job.source)?, store(run, source_tier, &job.source)?);
    let origin = Repository::open(&origin).map_err(|error| failure_of(&error))?;
    let catalogue = Catalogue::new(&origin, None);
    let copied = repository::copy(&catalogue, &target, &job.source, run.site.context, &run.options.cancel)
        .map_err(|error| failure_of(&error))?;
    let newest = catalogue.snapshots(Some(&job.source)).map_err(|error| failure_of(&error))?.pop();
    let totals = newest.as_ref().and_then(|info| info.record.as_ref()).map(|record| record.totals).unwrap_or_default();
    run.with_job(job, |report| {
        report.duration = begun.elapsed();
        report.backup = Some(BackupReport {
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
        });
    });
    Ok(())
}

fn engine_level(level: Level) -> VerifyLevel {
    match level {
        Level::Presence => VerifyLevel::Presence,
        Level::Checksum => VerifyLevel::Checksum,
        Level::Contents => VerifyLevel::Contents,
    }
}

pub(super) fn verify(
    run: &Run<'_>,
    job: &JobName,
    level: Level,
    sample: Option<Percent>,
    index: usize,
    scheduled: bool,
) -> Done {
    let tier = tier(run, &job.tier)?;
    let store = store(run, tier, &job.source)?;
    let repository = Repository::open(&store).map_err(|error| failure_of(&error))?;
    let identities = match level {
        Level::Contents => match run.site.identities(tier, &[], &|_| None) {
            Ok(identities) => identities,
            // This host can only write: it checks what can be checked without a key, and says so.
            Err(_) => return verify_without_key(run, job, &repository, index, scheduled),
        },
        _ => None,
    };
    verify_at(run, job, &repository, identities.as_ref(), level, sample, index, scheduled)
}

fn verify_without_key(run: &Run<'_>, job: &JobName, repository: &Repository, index: usize, scheduled: bool) -> Done {
    let note =
        "there is no identity on this host, so the content could not be decrypted: stored bytes were checked instead";
    run.with_job(job, |report| {
        if !report.notes.iter().any(|known| known == note) {
            report.notes.push(note.to_owned());
        }
    });
    verify_at(run, job, repository, None, Level::Checksum, None, index, scheduled)
}

#[allow(clippy::too_many_arguments)]
fn verify_at(
    run: &Run<'_>,
    job: &JobName,
    repository: &Repository,
    identities: Option<&crate::archive::Identities>,
    level: Level,
    sample: Option<Percent>,
    index: usize,
    scheduled: bool,
) -> Done {
    let started = run.site.context.now();
    let catalogue = Catalogue::new(repository, identities);
    let mut snapshots = catalogue.snapshots(Some(&job.source)).map_err(|error| failure_of(&error))?;
    // After an upload: what this run wrote. On its own schedule: all there is.
    let own = run.with_job(job, |report| report.run.clone()).filter(|_| !scheduled);
    if let Some(own) = &own {
        snapshots.retain(|info| info.run == *own);
    }
    let request = VerifyRequest {
        snapshots: &snapshots,
        only_run: own.as_ref(),
        level: engine_level(level),
        sample: sample.unwrap_or(Percent::ALL),
        seed: run.site.context.random_u64(),
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &VerifyProgress::default(),
    };
    let outcome = repository::verify(&catalogue, &request).map_err(|error| failure_of(&error))?;
    run.with_job(job, |report| {
        report.verifications.push(VerifyReport {
            level,
            sample: sample.map(|sample| sample.to_string()),
            objects: outcome.objects,
            bytes: outcome.bytes,
        });
        if outcome.archived > 0 {
            report
                .notes
                .push(format!("{} archived objects were not read: they must be thawed first", outcome.archived));
        }
    });
    if !outcome.is_good() {
        return Err(damage(&outcome));
    }
    let mut state = run.state.borrow_mut();
    if scheduled {
        state.set_verified(job, index, started);
    }
    state.job_mut(job).last_verify = Some(started);
    Ok(())
}

/// A verification that found something wrong.
fn damage(outcome: &VerifyOutcome) -> Failure {
    let first = &outcome.problems[0];
    let more = match outcome.problems.len() {
        1 => String::new(),
        count => format!(", and {} more objects are damaged", count - 1),
    };
    let message = format!("`{}` is damaged: {}{more}", first.object, first.problem);
    let help = format!("snapshots that need it: {}; `plan verify` lists all damage", first.snapshots.join(", "));
    Failure { help: Some(help), ..Failure::new(FailureKind::Damaged, message) }
}

pub(super) fn prune(run: &Run<'_>, job: &JobName, keep: &Keep) -> Done {
    let tier = tier(run, &job.tier)?;
    let store = store(run, tier, &job.source)?;
    let Some(repository) = Repository::find(&store).map_err(|error| failure_of(&error))? else { return Ok(()) };
    let catalogue = Catalogue::new(&repository, None);
    let now = run.site.context.now();
    let snapshots = catalogue.snapshots(Some(&job.source)).map_err(|error| failure_of(&error))?;
    let verified = run.state.borrow().job(job).last_verify;
    let own = run.with_job(job, |report| report.run.clone());
    let forget = forgotten(&snapshots, keep, run.plan().timezone.value, now, |info| {
        verified.is_some_and(|time| info.run.started <= time) || own.as_ref() == Some(&info.run)
    });
    let plan = repository::plan_prune(&catalogue, &forget, now, DEFAULT_GRACE).map_err(|error| failure_of(&error))?;
    repository::execute_prune(&catalogue, &plan, &run.new_run_id(), &run.site.context.host, now)
        .map_err(|error| failure_of(&error))?;
    run.with_job(job, |report| {
        report.prune = Some(PruneReport {
            kept: (snapshots.len() - forget.len()) as u64,
            forgotten: forget.len() as u64,
            objects_deleted: plan.delete.len() as u64,
            bytes_freed: plan.freed_bytes(),
        });
        if !plan.blocked_by.is_empty() {
            let names = plan.blocked_by.join(", ");
            report.notes.push(format!(
                "nothing was deleted: what snapshot {names} needs is not known, its run record is missing"
            ));
        }
    });
    Ok(())
}

/// The snapshots of one source that the rules let go.
pub fn forgotten(
    snapshots: &[SnapshotInfo],
    keep: &Keep,
    zone: chrono_tz::Tz,
    now: crate::base::Timestamp,
    is_verified: impl Fn(&SnapshotInfo) -> bool,
) -> Vec<SnapshotInfo> {
    let candidates: Vec<Candidate> = snapshots
        .iter()
        .map(|info| Candidate {
            id: info.run.clone(),
            time: info.run.started,
            is_complete: info.is_complete(),
            is_verified: is_verified(info),
        })
        .collect();
    let decisions = select(&candidates, &Rules::of(Some(keep)), zone, now);
    snapshots.iter().zip(decisions).filter(|(_, decision)| !decision.is_keep()).map(|(info, _)| info.clone()).collect()
}

/// Restores the newest snapshot into a scratch folder, with every hash checked, and times it.
pub(super) fn drill(run: &Run<'_>, job: &JobName, index: usize) -> Done {
    let tier = tier(run, &job.tier)?;
    let store = store(run, tier, &job.source)?;
    let identities = run.site.identities(tier, &[], &|_| None).map_err(|error| failure_of_site(&error))?;
    let repository = Repository::open(&store).map_err(|error| failure_of(&error))?;
    let catalogue = Catalogue::new(&repository, identities.as_ref());
    let newest = catalogue.snapshots(Some(&job.source)).map_err(|error| failure_of(&error))?.pop();
    let newest =
        newest.ok_or_else(|| Failure::new(FailureKind::Other, format!("`{job}` has no snapshot to restore")))?;
    let begun = Instant::now();
    let snapshot = catalogue.load(&newest).map_err(|error| failure_of(&error))?;
    let scratch = tempfile::Builder::new()
        .prefix("drill-")
        .tempdir_in(run.site.state_folder())
        .map_err(|error| Failure::new(FailureKind::Other, format!("can't make a scratch folder: {error}")))?;
    let request = RestoreRequest {
        snapshot: &snapshot,
        selection: &Selection::default(),
        target: scratch.path(),
        overwrite: Overwrite::Always,
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &RestoreProgress::default(),
    };
    let restored = repository::restore(&catalogue, &request).map_err(|error| failure_of(&error))?;
    let duration = begun.elapsed();
    let max_time = run.plan().drills.get(index).and_then(|drill| drill.max_time.as_ref()).map(|time| time.value);
    let outcome = match (restored.failures.first(), max_time.filter(|max| duration > *max)) {
        (Some(first), _) => {
            let message =
                format!("{} of {} files could not be restored: {first}", restored.counts.failed, snapshot.totals.files);
            Err(Failure::new(FailureKind::Damaged, message))
        }
        (None, Some(max)) => {
            let (took, max) = (crate::base::format_duration(duration), crate::base::format_duration(max));
            Err(Failure::new(FailureKind::Other, format!("the restore took {took}, longer than the {max} allowed")))
        }
        (None, None) => Ok(()),
    };
    run.drills.borrow_mut().push(DrillReport {
        job: job.clone(),
        outcome: outcome.clone().map_or_else(|failure| Outcome::Failed { failure }, |()| Outcome::Success),
        snapshot: Some(newest.run.to_string()),
        files: restored.counts.written,
        bytes: ByteSize(restored.counts.bytes).bytes(),
        duration,
        max_time,
    });
    run.state.borrow_mut().drills.insert(job.to_string(), run.started);
    outcome
}
