use super::commands::Verb;
use super::exit_codes;
use super::output::Choice;
use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, ValueEnum};
use std::ffi::OsString;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Backups as a program: one plan file, checked, compiled and run against any store.
///
/// PLAN is a file; where it is left out, it is `plan.kdl` or the one `.kdl` file in `plans/`.
#[derive(Parser)]
#[command(
    name = "plan",
    version,
    styles = STYLES,
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "A first backup: `plan init`, then `plan run`. Exit codes: `plan --help`.",
    after_long_help = exit_codes::help()
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub global: Global,
}

/// What every verb accepts.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// When to use colour: auto, always or never; NO_COLOR in the environment means never.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Choice::Auto,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "WHEN"
    )]
    pub color: Choice,
    /// Print JSON, errors too: one document, or one object a line for long work.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only what was asked for and what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more; twice for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The value of `--color`, for what is printed before the arguments are parsed.
pub(super) fn early_color(arguments: &[OsString]) -> Option<Choice> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--color") {
            Some("") => arguments.next(),
            Some(rest) => rest.strip_prefix('='),
            None if argument == "--" => return None,
            None => None,
        };
        if let Some(choice) = value.and_then(|value| Choice::from_str(value, false).ok()) {
            return Some(choice);
        }
    }
    None
}

/// Whether `--json` is given, for what is printed before the arguments are parsed.
pub(super) fn early_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}
