//! `plan check`: what is wrong with plans, in the form that is asked for.

mod explain;
mod fix;
mod subject;

use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::plan_file;
use crate::base::{Context, Exit};
use crate::diagnostics::{self, Diagnostic, Gathered, Human, HumanStyle, Severities, Severity};
use crate::rules::catalogue;
use crate::rules::file::DIFFERS_FROM_LOCK;
use clap::ValueEnum;
use std::path::PathBuf;
use subject::{Origin, Subject, inputs, is_stdin, without_parts};

/// Tell everything that is wrong with a plan, with the place, the reason and the fix
///
/// Needs no network and no secret, so it belongs into CI. Where a lock lies beside a plan
/// (`plan lock`), tells what has changed since it was written. Ends with 65 if there
/// is an error (with `--deny warnings` also if there is a warning).
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan check                             the plans in this folder and in plans/
  plan check plans/ shared.kdl           all plans in a folder, and a file
  plan check --deny warnings --format github
  plan check --allow plan::security::one_recipient
  plan check --fix                       make the mechanical fixes
  plan check --explain objectives        work lost and time to restore, for each loss
  plan check - --stdin-filename plans/a.kdl < draft.kdl
  plan check - --fix < draft.kdl > fixed.kdl")]
pub(in crate::cli) struct Arguments {
    /// Plan files, folders of them, or `-` for the standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT", hide_default_value = true)]
    format: Format,
    /// Make this code, or all `warnings`, an error; may be repeated.
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
    /// Make this code a warning; may be repeated.
    #[arg(long, value_name = "CODE")]
    warn: Vec<String>,
    /// Say nothing of this code; may be repeated.
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
    /// Make the fixes that are mechanical, in the files; with `-`, print the fixed plan.
    #[arg(long)]
    fix: bool,
    /// Print what the checker reckons instead: `objectives`, what each loss would cost and how long a restore takes.
    #[arg(long, value_enum, value_name = "TOPIC", conflicts_with = "fix", hide_possible_values = true)]
    explain: Option<Topic>,
    /// The name that the standard input is known by, for messages and includes.
    #[arg(long, value_name = "PATH", default_value = "stdin.kdl", hide_default_value = true)]
    stdin_filename: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the text with what is wrong underlined.
    Human,
    /// Sentences only, for screen readers.
    Narrated,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// For each loss: which tiers survive it, how much work is gone, how long a restore takes.
    Objectives,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let severities = severities(&arguments)?;
    let format = if output.json { Format::Json } else { arguments.format };
    refuse_what_does_not_go_together(&arguments, format)?;
    let inputs = inputs(&arguments.files, &arguments.stdin_filename, context)?;
    if arguments.fix
        && let [input] = inputs.as_slice()
        && matches!(input.origin, Origin::Stdin(_))
    {
        let input = inputs.into_iter().next().expect("there is one");
        return fix::stdin(input, &severities, context, output);
    }
    let mut subjects = Vec::new();
    for input in inputs {
        let subject = Subject::check(input, &severities, context)?;
        subjects.push(if arguments.fix { fix::files(subject, &severities, context, output)? } else { subject });
    }
    without_parts(&mut subjects, context);
    if arguments.explain.is_some() {
        // A plan in the making is explained whether its lock is up to date or not.
        let is_explained = |found: &Diagnostic| found.code() != DIFFERS_FROM_LOCK.code;
        subjects.iter_mut().for_each(|subject| subject.diagnostics.retain(is_explained));
    }
    print(&subjects, &arguments, format, output)?;
    let is_invalid = |subject: &&Subject| subject.checked.is_some() && subject.has_errors();
    Ok(if subjects.iter().any(|subject| is_invalid(&subject)) {
        Exit::InvalidPlan
    } else if subjects.iter().any(Subject::has_errors) {
        // Nothing is wrong but the names of files.
        Exit::Usage
    } else {
        Exit::Done
    })
}

fn refuse_what_does_not_go_together(arguments: &Arguments, format: Format) -> Result<(), Failure> {
    let is_for_people = matches!(format, Format::Human | Format::Narrated);
    if arguments.fix && arguments.files.iter().any(|path| is_stdin(path)) {
        if arguments.files.len() > 1 {
            return Err(Failure::usage("`--fix` with `-` prints the fixed plan, so `-` must stand alone"));
        }
        if !is_for_people {
            return Err(Failure::usage(
                "`--fix` with `-` prints the fixed plan, so there is no room for another format",
            )
            .help("run once with `--fix` and once without"));
        }
    }
    if arguments.explain.is_some() && !is_for_people && format != Format::Json {
        return Err(Failure::usage("`--explain` is a table or JSON").help("leave `--format` out, or take `json`"));
    }
    Ok(())
}

fn severities(arguments: &Arguments) -> Result<Severities, Failure> {
    let known = catalogue(plan_file::STORE_CHECKS);
    let mut severities = Severities::default();
    let changes = [
        (&arguments.allow, None),
        (&arguments.warn, Some(Severity::Warning)),
        (&arguments.deny, Some(Severity::Error)),
    ];
    for (codes, severity) in changes {
        for code in codes {
            if code == "warnings" && severity == Some(Severity::Error) {
                severities.deny_warnings();
                continue;
            }
            severities.set(code, severity, &known).map_err(|error| Failure::usage(error.to_string()))?;
        }
    }
    Ok(severities)
}

fn print(subjects: &[Subject], arguments: &Arguments, format: Format, output: &mut Output) -> Result<(), Failure> {
    if arguments.explain == Some(Topic::Objectives) && format == Format::Json {
        return explain::objectives_json(subjects, output);
    }
    let style = match format {
        Format::Human => HumanStyle::Unicode,
        Format::Narrated => HumanStyle::Narrated,
        Format::Json | Format::Sarif | Format::Github => {
            let mut all = Gathered::default();
            for subject in subjects {
                let (files, diagnostics) = subject.shown();
                all.add(&files, &diagnostics);
            }
            let emit = match format {
                Format::Sarif => diagnostics::sarif,
                Format::Github => diagnostics::github,
                _ => diagnostics::json,
            };
            return output.text(&emit(&all.diagnostics, &all.files));
        }
    };
    let human = Human { width: output.width(), colour: output.stdout_color, style };
    let is_explained = |subject: &Subject| {
        arguments.explain.is_some() && subject.checked.as_ref().is_some_and(|checked| checked.plan().is_some())
    };
    for subject in subjects.iter().filter(|subject| !is_explained(subject)) {
        let (files, diagnostics) = subject.shown();
        output.text(&human.render(&diagnostics, &files))?;
        if !output.quiet || subject.has_errors() {
            output.line(&format!(
                "{}: {}",
                subject.input.name.display(),
                diagnostics::summary(&subject.diagnostics)
            ))?;
        }
    }
    if arguments.explain.is_some() {
        return explain::objectives(subjects, output);
    }
    if subjects.len() > 1 && !output.quiet {
        let all: Vec<Diagnostic> = subjects.iter().flat_map(|subject| &subject.diagnostics).cloned().collect();
        output.line(&format!("{} files: {}", subjects.len(), diagnostics::summary(&all)))?;
    }
    Ok(())
}
