//! One file a verb: its arguments (whose documentation is the help), and what it does.

mod cat;
mod check;
mod completions;
mod cost;
mod diff;
mod explain;
mod find;
mod fmt;
mod graph;
mod import;
mod init;
mod key;
mod list;
mod lock;
mod ls;
mod lsp;
mod man;
mod next;
mod prune;
mod repair;
mod restore;
mod run;
mod schema;
mod show;
mod verify;

use super::failure::Outcome;
use super::output::Output;
use crate::base::Context;
use crate::files::display_path;
use clap::Subcommand;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum Verb {
    Init(init::Arguments),
    Import(import::Arguments),
    Check(check::Arguments),
    Fmt(fmt::Arguments),
    Explain(explain::Arguments),
    Schema(schema::Arguments),
    Show(show::Arguments),
    Graph(graph::Arguments),
    Lock(lock::Arguments),
    Cost(cost::Arguments),
    Diff(diff::Arguments),
    Run(run::Arguments),
    Next(next::Arguments),
    List(list::Arguments),
    Ls(ls::Arguments),
    Find(find::Arguments),
    Cat(cat::Arguments),
    Restore(restore::Arguments),
    Verify(verify::Arguments),
    Repair(repair::Arguments),
    Prune(prune::Arguments),
    Key(key::Arguments),
    Lsp(lsp::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

pub(super) fn dispatch(verb: Verb, context: &Context, output: &mut Output) -> Outcome {
    match verb {
        Verb::Init(arguments) => init::run(arguments, context, output),
        Verb::Import(arguments) => import::run(arguments, context, output),
        Verb::Check(arguments) => check::run(arguments, context, output),
        Verb::Fmt(arguments) => fmt::run(arguments, context, output),
        Verb::Explain(arguments) => explain::run(arguments, output),
        Verb::Schema(arguments) => schema::run(arguments, output),
        Verb::Show(arguments) => show::run(arguments, context, output),
        Verb::Graph(arguments) => graph::run(arguments, context, output),
        Verb::Cost(arguments) => cost::run(arguments, context, output),
        Verb::Lock(arguments) => lock::run(arguments, context, output),
        Verb::Diff(arguments) => diff::run(arguments, context, output),
        Verb::Run(arguments) => run::run(arguments, context, output),
        Verb::Next(arguments) => next::run(arguments, context, output),
        Verb::List(arguments) => list::run(arguments, context, output),
        Verb::Ls(arguments) => ls::run(arguments, context, output),
        Verb::Find(arguments) => find::run(arguments, context, output),
        Verb::Cat(arguments) => cat::run(arguments, context, output),
        Verb::Restore(arguments) => restore::run(arguments, context, output),
        Verb::Verify(arguments) => verify::run(arguments, context, output),
        Verb::Repair(arguments) => repair::run(arguments, context, output),
        Verb::Prune(arguments) => prune::run(arguments, context, output),
        Verb::Key(arguments) => key::run(arguments, context, output),
        Verb::Lsp(arguments) => lsp::run(arguments, context),
        Verb::Completions(arguments) => completions::run(arguments, output),
        Verb::Man(arguments) => man::run(arguments, context, output),
    }
}

/// Where to look, for verbs that read snapshots.
#[derive(clap::Args)]
struct Place {
    /// The plan file.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Read with the identity in this file, and not with those of the plan; may be repeated.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

/// `a`, `b`
fn quoted(words: &[OsString]) -> String {
    words.iter().map(|word| format!("`{}`", display_path(word.as_bytes()))).collect::<Vec<_>>().join(", ")
}
