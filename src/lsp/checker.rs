//! Checks plans on a thread of its own, so that answers never wait for a check.
//!
//! One job at a time: while it runs the server gathers what has changed since,
//! so that nothing queues up behind a fast typist.

use super::analysis::{Analysis, World};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread;

pub(super) struct Job {
    pub(super) world: World,
    /// Files whose plans are to be checked.
    pub(super) changed: BTreeSet<PathBuf>,
    /// The files of every plan that was checked before.
    pub(super) known: BTreeMap<PathBuf, Vec<PathBuf>>,
}

/// Every plan that was to be checked, with `None` for those that cannot be read.
pub(super) type Done = Vec<(PathBuf, Option<Analysis>)>;

pub(super) struct Checker {
    jobs: Sender<Job>,
    pub(super) done: Receiver<Done>,
    is_busy: bool,
}

impl Checker {
    pub(super) fn start() -> Self {
        let (jobs, todo) = bounded::<Job>(1);
        let (finished, done) = bounded(1);
        // Ends with the server, which drops the other ends of both channels.
        thread::spawn(move || {
            for job in todo {
                if finished.send(run(&job)).is_err() {
                    return;
                }
            }
        });
        Self { jobs, done, is_busy: false }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Starts a job; the one before must be done.
    pub(super) fn submit(&mut self, job: Job) {
        debug_assert!(!self.is_busy, "one job at a time");
        self.is_busy = self.jobs.send(job).is_ok();
    }

    /// Says that what came out of `done` was taken.
    pub(super) fn finished(&mut self) {
        self.is_busy = false;
    }
}

fn run(job: &Job) -> Done {
    let plans: BTreeSet<PathBuf> = job.changed.iter().flat_map(|path| job.world.plans_of(path, &job.known)).collect();
    plans.into_iter().map(|plan| (plan.clone(), job.world.check(&plan))).collect()
}
