//! The command line: arguments, one file a verb under `commands/`, exit codes,
//! and all that is printed.
//!
//! Only this module prints, asks, or catches signals. A command returns an
//! [`Exit`] or a [`failure::Failure`] (what failed, on which thing, what to do); [`run`]
//! prints the failure, once, and gives its exit code to `main`.

mod arguments;
mod commands;
mod exit_codes;
mod failure;
mod interrupt;
mod lock_file;
mod near;
mod opened;
mod output;
mod own_state;
mod path_json;
mod plan_file;
mod progress;
mod prompt;
mod reach;

use crate::base::{Context, Exit};
use arguments::Arguments;
use clap::{CommandFactory, FromArgMatches};
use failure::Failure;
use output::{Choice, Output};

use std::ffi::OsString;
use std::io::Write;

/// Runs one command line, `arguments[0]` being the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, context: &Context) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // The parser prints before it has parsed `--color`.
    let early = arguments::early_color(&arguments).unwrap_or_else(|| output::environment_color(context));
    let wants_json = arguments::early_json(&arguments);
    let command = Arguments::command().color(match early {
        Choice::Auto => clap::ColorChoice::Auto,
        Choice::Always => clap::ColorChoice::Always,
        Choice::Never => clap::ColorChoice::Never,
    });
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| Arguments::from_arg_matches(&matches));
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(message) if message.use_stderr() && wants_json => {
            return refuse(&Failure::command_line(&message));
        }
        Err(message) => {
            // Nobody reads it any more: nothing to say.
            let _ = message.print();
            return if message.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let mut output = Output::new(&parsed.global, context);
    let result = commands::dispatch(parsed.verb, context, &mut output);
    let result = result.and_then(|exit| output.flush().map(|()| exit));
    result.unwrap_or_else(|failure| {
        output.end(&failure);
        failure.exit
    })
}

/// Ends with what is wrong around the command line, before it was read: an environment in which
/// the program cannot work.
pub fn refuse_environment(arguments: impl IntoIterator<Item = OsString>, message: &str) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments::early_json(&arguments) {
        return refuse(&Failure::usage(message));
    }
    eprintln!("error: {message}");
    Exit::Usage
}

/// Tells of a failure before there is an [`Output`], with `--json`.
fn refuse(failure: &Failure) -> Exit {
    // Nobody reads it any more: nothing to say.
    let _ = writeln!(std::io::stdout(), "{}", failure.document());
    failure.exit
}
