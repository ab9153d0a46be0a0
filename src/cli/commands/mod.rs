//! One file a verb: its arguments (whose documentation is the help), and what it does.

mod completions;
mod key;
mod man;

use super::failure::Outcome;
use super::output::Output;
use crate::base::Context;
use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Verb {
    Key(key::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

pub(super) fn dispatch(verb: Verb, context: &Context, output: &mut Output) -> Outcome {
    match verb {
        Verb::Key(arguments) => key::run(arguments, context, output),
        Verb::Completions(arguments) => completions::run(arguments, output),
        Verb::Man(arguments) => man::run(arguments, context, output),
    }
}
