//! A run from its selection to its report.

use super::due::{Work, next_of};
use super::keys::{KeyError, MadeKey};
use super::messages::Messenger;
use super::site::SiteError;
use super::state::{LastRun, State, StateError, StateFile};
use super::steps::Verification;
use super::{HISTORY_FILE, Site, failure, steps};
use crate::base::{Cancellation, RunId, Timestamp};
use crate::compile::{CompileError, Compiled, JobName, NodeId, ReadySet, Task, Work as TaskWork, compile};
use crate::plan::{Key, Plan, Tier};
use crate::report::{
    DrillReport, Event, Failure, FailureKind, JobReport, Observer, Outcome, Problem, RunReport, Severity, StepEnd,
};
use crate::repository::{Catalogue, Repository};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

/// How to run.
pub struct RunOptions<'a> {
    /// Stop at the first job that fails.
    pub fail_fast: bool,
    pub cancel: Cancellation,
    pub observer: &'a Observer<'a>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Site(#[from] SiteError),
}

/// A run under way: what the steps share.
pub(super) struct Run<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) options: &'a RunOptions<'a>,
    pub(super) started: Timestamp,
    pub(super) state: RefCell<State>,
    pub(super) jobs: RefCell<BTreeMap<JobName, JobReport>>,
    pub(super) drills: RefCell<Vec<DrillReport>>,
    pub(super) problems: RefCell<Vec<Problem>>,
    /// Jobs whose last run before this one failed.
    pub(super) failed_before: BTreeSet<JobName>,
    /// Scheduled times whose failure has been told already.
    pub(super) told_before: BTreeSet<(JobName, Timestamp)>,
    work: &'a Work,
    files: StateFile,
}

/// A store of the plan that holds backups encrypted with this key, and their recipients as far as they
/// are known. One that cannot be asked now says so when it is to be written.
fn backups_with(site: &Site<'_>, key: &Key) -> Option<(String, Vec<String>)> {
    let has_key = |tier: &&Tier| site.key(tier).is_ok_and(|found| found.is_some_and(|found| found.name == key.name));
    site.plan.tiers.iter().filter(has_key).find_map(|tier| {
        tier.takes.iter().find_map(|take| {
            let store = site.store(tier, Some(&take.source.value), site.context.now()).ok()?;
            let repository = Repository::find(&store).ok()??;
            let catalogue = Catalogue::new(&repository, None);
            let recipients = catalogue.newest_recipients(&site.plan.name.value, &take.source.value).ok()??;
            Some((store.describe(), recipients))
        })
    })
}

/// Makes the keys that the plan wants made on first use. Their recipients are in `state` then.
///
/// # Errors
/// Where backups lie in a store already that need such a key: a new one would hide that it is lost.
pub fn make_keys(site: &Site<'_>, work: &Work, state: &mut State) -> Result<Vec<MadeKey>, SiteError> {
    let mut made = Vec::new();
    for tier in site.plan.tiers.iter().filter(|tier| work.selection.jobs.iter().any(|job| job.tier == tier.name.value))
    {
        if let Some(key) = site.key(tier)? {
            if let Some(path) = super::keys::to_make(key, &site.secrets, state).first()
                && let Some((store, recipients)) = backups_with(site, key)
            {
                let (key, path) = (key.name.value.clone(), path.display().to_string());
                return Err(KeyError::Orphaned { key, path, store, recipients }.into());
            }
            made.extend(super::keys::make_missing(key, &site.secrets, state, site.context.now())?);
        }
    }
    Ok(made)
}

/// Does the work. Whatever goes wrong with one job is in the report, and the
/// others are done all the same.
///
/// The caller holds the plan's lock, has made the keys ([`make_keys`]) and
/// gives the state that it loaded. If the plan is `nice`, the calling thread
/// keeps its lowered priority afterwards.
pub fn run(
    site: &Site<'_>,
    work: &Work,
    files: &StateFile,
    state: State,
    options: &RunOptions<'_>,
) -> Result<RunReport, RunError> {
    let compiled = compile(site.plan, &work.selection)?;
    let started = site.context.now();
    let jobs = || compiled.jobs.iter().map(|job| (job.name.clone(), state.job(&job.name)));
    let failed_before = jobs()
        .filter(|(_, known)| known.last_run.as_ref().is_some_and(|last| !last.outcome.is_good()))
        .map(|(job, _)| job)
        .collect();
    let told_before = jobs().filter_map(|(job, known)| Some((job, known.failure_told_of?))).collect();
    let run = Run {
        site,
        failed_before,
        told_before,
        options,
        started,
        state: RefCell::new(state),
        jobs: RefCell::default(),
        drills: RefCell::default(),
        problems: RefCell::default(),
        work,
        files: files.clone(),
    };
    (options.observer)(Event::RunStarted {
        plan: site.plan.name.value.clone(),
        host: site.context.host.clone(),
        jobs: compiled.jobs.iter().map(|job| job.name.clone()).collect(),
    });
    run.stand_back();
    Messenger { run: &run }.started();
    run.tasks(&compiled);
    let report = run.report(&compiled);
    (options.observer)(Event::run_finished(report.clone()));
    Ok(report)
}

impl Run<'_> {
    pub(super) fn plan(&self) -> &Plan {
        self.site.plan
    }

    /// Lowers the priority before any thread or program is started that should have it.
    fn stand_back(&self) {
        if let Some(Err(error)) = self.plan().nice.map(super::priority::lower) {
            // Being backed up matters more than being nice.
            self.problem(Severity::Warning, &failure::other(format!("the priority can't be lowered: {error}")));
        }
    }

    /// Runs the tasks one after the other: each keeps the disk and all cores
    /// busy by itself, and what happens does so in the same order every time.
    fn tasks(&self, compiled: &Compiled) {
        let tasks = compiled.tasks();
        let mut ready: ReadySet<String> = ReadySet::new(&tasks);
        let mut unfinished: BTreeMap<&JobName, usize> = BTreeMap::new();
        for (_, task) in tasks.nodes() {
            if let Some(job) = job_of(task) {
                *unfinished.entry(job).or_default() += 1;
            }
        }
        let mut ended = |task: &Task| {
            let Some((job, left)) = job_of(task).and_then(|job| Some((job, unfinished.get_mut(job)?))) else { return };
            *left -= 1;
            if *left == 0 {
                self.job_ended(compiled, job);
            }
        };
        while let Some(id) = ready.start() {
            let task = tasks.node(id);
            let outcome = match self.options.cancel.is_cancelled() && !runs_always(task) {
                true => Err(Failure::new(FailureKind::Cancelled, "the run was cancelled")),
                false => self.task(compiled, task),
            };
            if let Err(failure) = &outcome {
                self.failed(task, failure);
            }
            ended(task);
            let is_failure = outcome.is_err();
            let because = format!("`{}` failed", name_of(compiled, task));
            let mut skipped = ready.finish(id, outcome.map_err(|_| because.clone()));
            if is_failure && self.options.fail_fast && !runs_always(task) {
                let because = format!("{because}, and this run stops at the first failure");
                let waiting: Vec<NodeId> =
                    ready.not_started().filter(|waiting| !runs_always(tasks.node(*waiting))).collect();
                skipped.extend(waiting.into_iter().flat_map(|waiting| ready.skip(waiting, because.clone())));
            }
            for skipped in skipped {
                self.skipped(tasks.node(skipped.node), &skipped.because);
                ended(tasks.node(skipped.node));
            }
        }
    }

    fn task(&self, compiled: &Compiled, task: &Task) -> Result<(), Failure> {
        let step = name_of(compiled, task);
        (self.options.observer)(Event::StepStarted { step: step.clone() });
        let begun = Instant::now();
        let done = match &task.work {
            TaskWork::Before { command, .. } | TaskWork::After { command, .. } => steps::hook(self, command),
            TaskWork::Backup(job) => steps::backup(self, job),
            TaskWork::Copy { job, from } => steps::copy(self, job, from),
            TaskWork::Verify { job, level, sample, index, scheduled } => {
                let (level, sample, index, scheduled) = (*level, *sample, *index, *scheduled);
                steps::verify(self, job, Verification { level, sample, index, scheduled })
            }
            TaskWork::Prune { job, keep } => steps::prune(self, job, keep),
            TaskWork::Drill { job, index } => steps::drill(self, job, *index),
            TaskWork::Record => self.record(compiled),
            TaskWork::Report { index } => Messenger { run: self }.periodic(*index),
            TaskWork::Notify { channel } => Messenger { run: self }.finished(channel, &self.report(compiled)),
        };
        let done = done.map_err(|failure| Failure { step: Some(step.clone()), ..failure });
        let outcome = match &done {
            Ok(()) => Outcome::Success,
            Err(failure) => Outcome::Failed { failure: failure.clone() },
        };
        let duration = begun.elapsed();
        (self.options.observer)(Event::StepFinished(StepEnd { step, outcome, duration }));
        done
    }

    /// Enters a failure where it belongs: a job's outcome, or the run's problems.
    fn failed(&self, task: &Task, failure: &Failure) {
        let outcome = || Outcome::Failed { failure: failure.clone() };
        match &task.work {
            TaskWork::Backup(job) | TaskWork::Copy { job, .. } | TaskWork::Verify { job, .. } => {
                self.with_job(job, |report| {
                    if !matches!(report.outcome, Outcome::Failed { .. }) {
                        report.outcome = outcome();
                    }
                });
            }
            TaskWork::Drill { job, index } => self.fail_drill(job, *index, outcome()),
            TaskWork::Before { .. } | TaskWork::Prune { .. } | TaskWork::Record => {
                self.problem(Severity::Error, failure);
            }
            // What was to be saved is saved.
            TaskWork::After { .. } | TaskWork::Report { .. } | TaskWork::Notify { .. } => {
                self.problem(Severity::Warning, failure);
            }
        }
    }

    fn fail_drill(&self, job: &JobName, index: usize, outcome: Outcome) {
        let max_time = self.plan().drills.get(index).and_then(|drill| drill.max_time.as_ref()).map(|time| time.value);
        let mut drills = self.drills.borrow_mut();
        if !drills.iter().any(|drill| drill.job == *job) {
            let (files, bytes, duration) = (0, 0, Default::default());
            drills.push(DrillReport { job: job.clone(), outcome, snapshot: None, files, bytes, duration, max_time });
        }
    }

    fn skipped(&self, task: &Task, because: &str) {
        if let TaskWork::Backup(job) | TaskWork::Copy { job, .. } = &task.work {
            self.with_job(job, |report| report.outcome = Outcome::Skipped { because: because.to_owned() });
        }
    }

    pub(super) fn problem(&self, severity: Severity, failure: &Failure) {
        let problem = Problem {
            severity,
            step: failure.step.clone(),
            message: failure.message.clone(),
            help: failure.help.clone(),
        };
        (self.options.observer)(Event::Problem { job: None, path: None, problem: problem.clone() });
        self.problems.borrow_mut().push(problem);
    }

    /// Changes a job's report, which begins as a success without anything done.
    pub(super) fn with_job<R>(&self, job: &JobName, change: impl FnOnce(&mut JobReport) -> R) -> R {
        let mut jobs = self.jobs.borrow_mut();
        change(jobs.entry(job.clone()).or_insert_with(|| JobReport::new(job.clone(), Outcome::Success)))
    }

    /// A fresh identity for a job's run.
    pub(super) fn new_run_id(&self) -> RunId {
        RunId::new(self.site.context.now(), self.site.context.random_u64() as u32)
    }

    /// The report as far as the run has come.
    fn report(&self, compiled: &Compiled) -> RunReport {
        let jobs = self.jobs.borrow();
        RunReport {
            plan: self.plan().name.value.clone(),
            host: self.site.context.host.clone(),
            started: self.started,
            finished: self.site.context.now(),
            jobs: compiled.jobs.iter().filter_map(|job| jobs.get(&job.name).cloned()).collect(),
            drills: self.drills.borrow().clone(),
            problems: self.problems.borrow().clone(),
        }
    }

    /// Remembers how a job went as soon as it has ended, so that a run that is
    /// killed later does not do it again, and tells it.
    fn job_ended(&self, compiled: &Compiled, name: &JobName) {
        let Some(job) = compiled.jobs.iter().find(|job| job.name == *name) else { return };
        let report = {
            let mut reports = self.jobs.borrow_mut();
            let mut state = self.state.borrow_mut();
            let report = reports.entry(name.clone()).or_insert_with(|| JobReport::new(name.clone(), Outcome::Success));
            let entry = state.job_mut(name);
            if let Some(run) = &report.run {
                let finished = self.site.context.now();
                entry.last_run = Some(LastRun { started: run.started, finished, outcome: report.outcome.clone() });
                // A partial snapshot counts: else one unreadable file would make every tick run again.
                if report.outcome.is_good() && report.backup.is_some() {
                    entry.last_success = Some(run.started);
                    entry.failure_told_of = None;
                }
            }
            report.next = next_of(self.site, job, entry.last_success);
            report.clone()
        };
        (self.options.observer)(Event::JobFinished(Box::new(report)));
        if let Err(failure) = self.save_state() {
            self.problem(Severity::Error, &failure);
        }
    }

    /// Writes down the whole run: state and history.
    fn record(&self, compiled: &Compiled) -> Result<(), Failure> {
        self.save_state()?;
        let line = crate::report::history_line(&self.report(compiled));
        self.files.append_history(&line).map_err(|error| failure::of_state(&error))
    }

    /// The scheduled time that a job's run is for; `None`: it was asked for by hand.
    pub(super) fn scheduled(&self, job: &JobName) -> Option<Timestamp> {
        self.work.scheduled.get(job).copied()
    }

    pub(super) fn missed(&self) -> &BTreeMap<JobName, u32> {
        &self.work.missed
    }

    pub(super) fn save_state(&self) -> Result<(), Failure> {
        self.files.save(&self.state.borrow()).map_err(|error| failure::of_state(&error))
    }

    pub(super) fn history_path(&self) -> PathBuf {
        self.files.folder().join(HISTORY_FILE)
    }
}

/// What is done whatever happened before: cleaning up, writing down, telling.
fn runs_always(task: &Task) -> bool {
    matches!(task.work, TaskWork::Record | TaskWork::Report { .. } | TaskWork::Notify { .. } | TaskWork::After { .. })
}

/// The job that a task is a part of.
fn job_of(task: &Task) -> Option<&JobName> {
    match &task.work {
        TaskWork::Backup(job)
        | TaskWork::Copy { job, .. }
        | TaskWork::Verify { job, .. }
        | TaskWork::Prune { job, .. } => Some(job),
        _ => None,
    }
}

/// How the graph names a task: by its last step.
fn name_of(compiled: &Compiled, task: &Task) -> String {
    let last: Option<&NodeId> = task.steps.last();
    last.map(|id| compiled.steps.node(*id).id.clone()).unwrap_or_default()
}
