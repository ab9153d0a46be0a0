use super::super::failure::{Failure, Outcome};
use super::super::lock_file::LockFile;
use super::super::output::Output;
use super::super::{plan_file, reach};
use crate::base::{Context, Exit};
use crate::compile::lock_diff;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Write down what a plan compiles to, for review
///
/// The lock stands beside the plan: `plans/rpa.lock` for `plans/rpa.kdl`. It has every setting as it
/// is resolved, every job, what comes to be held and what that costs, what the checker
/// says, and the steps in their order. Commit it with the plan: `plan check` compares
/// the two, and a change is read as what follows from it. Secrets are in it as references only.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan lock                              write plan.lock beside plan.kdl
  plan lock plans/rpa.kdl plans/home.kdl
  plan lock --check                      end with 1 if the plan has changed since, and tell how
  plan lock --check -v                   the same, line by line")]
pub(in crate::cli) struct Arguments {
    /// The plan files.
    #[arg(value_name = "PLAN")]
    plans: Vec<PathBuf>,
    /// Write nothing; end with 1 if a lock is missing or says something else.
    #[arg(long)]
    check: bool,
}

/// How a lock stands to its plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    Current,
    Changed,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let plans = match arguments.plans.as_slice() {
        [] => vec![plan_file::find(None, context)?],
        named => named.to_vec(),
    };
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    for path in plans {
        let checked = plan_file::sound(&path, context, output)?;
        let plan = checked.plan().expect("a sound plan is one");
        reach::check_takes(plan, &plan.tiers.iter().collect::<Vec<_>>())?;
        let lock = LockFile::of(&path, plan, &checked.diagnostics, context)?;
        let changes = lock.changes();
        let state = match &lock.committed {
            None => State::Missing,
            Some(committed) if *committed == lock.current => State::Current,
            // Only prices are others: no change of the plan, and yet worth writing.
            Some(_) if changes.is_empty() && arguments.check => State::Current,
            Some(_) => State::Changed,
        };
        if !arguments.check && state != State::Current {
            plan_file::replace(&context.working_directory.join(&lock.path), &lock.current).map_err(|error| {
                Failure::failed(format!("cannot write the lock `{}`", lock.path.display())).because(&error)
            })?;
        }
        if arguments.check && state != State::Current {
            exit = Exit::Failed;
        }
        if output.json {
            documents.push(document(&plan.name.value, &lock, state, &changes));
        } else {
            tell(&path, &lock, state, &changes, arguments.check, output)?;
        }
    }
    if output.json {
        output.document(&json!({ "format_version": 1, "locks": documents }))?;
    }
    Ok(exit)
}

fn tell(
    path: &std::path::Path,
    lock: &LockFile,
    state: State,
    changes: &[String],
    check: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let name = lock.path.display();
    let head = match (state, check) {
        (State::Current, true) => format!("`{name}` says what `{}` compiles to", path.display()),
        (State::Current, false) => format!("`{name}` is up to date"),
        (State::Missing, true) => format!("there is no lock `{name}`"),
        (State::Missing, false) => format!("wrote `{name}`"),
        (State::Changed, true) => format!("`{}` compiles to something else than `{name}` says:", path.display()),
        (State::Changed, false) if changes.is_empty() => format!("wrote `{name}`: only figures have changed"),
        (State::Changed, false) => format!("wrote `{name}`:"),
    };
    let is_wrong = check && state != State::Current;
    if is_wrong || !output.quiet {
        output.line(&head)?;
        for change in changes {
            output.line(&format!("  {change}"))?;
        }
    }
    if let (Some(committed), true) = (&lock.committed, output.verbose > 0) {
        const CONTEXT_LINES: usize = 3;
        output.text(&lock_diff(committed, &lock.current, CONTEXT_LINES))?;
    }
    if is_wrong {
        output.flush()?;
        output.help(&format!("write it with `plan lock {}`, and commit it with the plan", path.display()));
    }
    Ok(())
}

fn document(plan: &str, lock: &LockFile, state: State, changes: &[String]) -> Value {
    let state = match state {
        State::Missing => "missing",
        State::Current => "current",
        State::Changed => "changed",
    };
    // `state` is how it was found, before it was written.
    json!({ "plan": plan, "file": lock.path.display().to_string(), "found": state, "changes": changes })
}
