//! The lock beside a plan: `plans/rpa.lock` for `plans/rpa.kdl`.

use super::failure::Failure;
use super::plan_file;
use crate::base::{Context, Exit};
use crate::compile::{lock, lock_changes};
use crate::diagnostics::Diagnostic;
use crate::plan::Plan;
use crate::rules::file::{DIFFERS_FROM_LOCK, UNREADABLE};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a lock says, and what it would say if it were written now.
pub(super) struct LockFile {
    pub path: PathBuf,
    /// `None`: there is none.
    pub committed: Option<String>,
    pub current: String,
}

impl LockFile {
    pub fn path_of(plan: &Path) -> PathBuf {
        plan.with_extension("lock")
    }

    pub fn is_beside(plan: &Path, context: &Context) -> bool {
        context.working_directory.join(Self::path_of(plan)).exists()
    }

    /// `said`: all that is said of the plan by default.
    pub fn of(path: &Path, plan: &Plan, said: &[Diagnostic], context: &Context) -> Result<Self, Failure> {
        let path = Self::path_of(path);
        let committed = match plan_file::read(&context.working_directory.join(&path)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Failure::failed(format!("cannot read the lock `{}`", path.display())).because(&error));
            }
        };
        let current = lock(plan, said).map_err(|error| Failure::new(Exit::InvalidPlan, error.to_string()))?;
        Ok(Self { path, committed, current })
    }

    /// From what is committed to what is so now, in words. Without a lock there is nothing to compare.
    pub fn changes(&self) -> Vec<String> {
        self.committed.as_ref().map_or(Vec::new(), |committed| lock_changes(committed, &self.current))
    }

    /// What is to be said of the plan if it compiles to something else than its lock.
    pub fn diagnose(&self, path: &Path, plan: &Plan) -> Option<Diagnostic> {
        /// A reader has enough after so many; the rest is counted.
        const SHOWN: usize = 20;
        let changes = self.changes();
        if changes.is_empty() {
            return None;
        }
        let lock = self.path.display();
        let message = format!("the plan compiles to something else than `{lock}` says");
        let help = format!("if that is meant, write it down with `plan lock {}` and commit it", path.display());
        let mut diagnostic = Diagnostic::new(&DIFFERS_FROM_LOCK, plan.name.span, message).help(help);
        for change in changes.iter().take(SHOWN) {
            diagnostic = diagnostic.note(change);
        }
        if changes.len() > SHOWN {
            diagnostic = diagnostic.note(format!("and {} more changes: `plan lock --check`", changes.len() - SHOWN));
        }
        Some(diagnostic)
    }

    /// Compares a plan with the lock beside it.
    pub fn compare(path: &Path, plan: &Plan, said: &[Diagnostic], context: &Context) -> Option<Diagnostic> {
        match Self::of(path, plan, said, context) {
            Ok(lock) => lock.diagnose(path, plan),
            Err(failure) => {
                let because = failure.causes.iter().map(|cause| format!(": {cause}")).collect::<String>();
                Some(Diagnostic::new(&UNREADABLE, plan.name.span, format!("{}{because}", failure.message)))
            }
        }
    }
}
