//! One file a verb: its arguments (whose documentation is the help), and what it does.

mod check;
mod completions;
mod explain;
mod graph;
mod init;
mod key;
mod man;
mod next;
mod run;
mod schema;

use super::failure::{Failure, Outcome};
use super::output::Output;
use crate::base::{Context, Exit};
use crate::execute::{LockError, SiteError};
use crate::stores::StoreErrorKind;
use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Verb {
    Init(init::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Schema(schema::Arguments),
    Graph(graph::Arguments),
    Run(run::Arguments),
    Next(next::Arguments),
    Key(key::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

pub(super) fn dispatch(verb: Verb, context: &Context, output: &mut Output) -> Outcome {
    match verb {
        Verb::Init(arguments) => init::run(arguments, context, output),
        Verb::Check(arguments) => check::run(arguments, context, output),
        Verb::Explain(arguments) => explain::run(arguments, output),
        Verb::Schema(arguments) => schema::run(arguments, output),
        Verb::Graph(arguments) => graph::run(arguments, context, output),
        Verb::Next(arguments) => next::run(arguments, context, output),
        Verb::Run(arguments) => run::run(arguments, context, output),
        Verb::Key(arguments) => key::run(arguments, context, output),
        Verb::Completions(arguments) => completions::run(arguments, output),
        Verb::Man(arguments) => man::run(arguments, context, output),
    }
}

/// Another run holds the plan's lock, or the lock cannot be used.
fn lock_failure(error: LockError) -> Failure {
    match &error {
        LockError::Held { .. } => Failure::new(Exit::Locked, error.to_string())
            .help("wait for it with `--lock-wait 10m`; a run that died holds no lock"),
        LockError::Cancelled => Failure::new(Exit::Cancelled, error.to_string()),
        LockError::File { source, .. } => Failure::failed(error.to_string()).because(source),
    }
}

/// A tier that cannot be reached or read, with the exit code that tells why.
fn site_failure(error: &SiteError) -> Failure {
    match error {
        SiteError::Key(key) => {
            let failure = Failure::new(Exit::WrongKey, key.to_string());
            match key.help() {
                Some(help) => failure.help(help),
                None => failure,
            }
        }
        SiteError::Store(store) => {
            let later = store.is_retryable() || store.kind == StoreErrorKind::Archived;
            Failure::new(if later { Exit::TryLater } else { Exit::Failed }, store.to_string())
        }
        other => Failure::failed(other.to_string()),
    }
}
