use super::super::failure::{Failure, Outcome};
use super::super::lock_file::LockFile;
use super::super::output::Output;
use super::super::plan_file;
use crate::base::{Context, Exit};
use crate::diagnostics::{self, Human, HumanStyle, Severities, Severity};
use crate::rules::{Checked, catalogue};
use clap::ValueEnum;
use std::io::Read;
use std::path::{Path, PathBuf};

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
  plan check - --stdin-filename plans/a.kdl < draft.kdl")]
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
    /// Make the fixes that are mechanical, in the files.
    #[arg(long)]
    fix: bool,
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

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let severities = severities(&arguments)?;
    let paths = paths(&arguments.files, context)?;
    let mut worst = Exit::Done;
    for path in &paths {
        let mut checked = check_one(path, &arguments, &severities, context)?;
        if arguments.fix && path != Path::new("-") {
            checked = fix(path, checked, &severities, context, output)?;
        }
        print(&checked, path, &arguments, output)?;
        if checked.has_errors() {
            worst = Exit::InvalidPlan;
        }
    }
    Ok(worst)
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

/// The files named, with folders replaced by the plans in them.
fn paths(named: &[PathBuf], context: &Context) -> Result<Vec<PathBuf>, Failure> {
    if named.is_empty() {
        return plan_file::found(context);
    }
    let mut paths = Vec::new();
    for path in named {
        let whole = context.working_directory.join(path);
        if !whole.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(&whole)
            .map_err(|error| Failure::usage(format!("cannot list the folder `{}`", path.display())).because(&error))?;
        let names = entries.flatten().map(|entry| path.join(entry.file_name()));
        let mut found: Vec<PathBuf> = names.filter(|path| path.extension().is_some_and(|ext| ext == "kdl")).collect();
        if found.is_empty() {
            return Err(Failure::usage(format!("there is no `.kdl` file in the folder `{}`", path.display())));
        }
        found.sort();
        paths.extend(found);
    }
    Ok(paths)
}

fn check_one(
    path: &Path,
    arguments: &Arguments,
    severities: &Severities,
    context: &Context,
) -> Result<Checked, Failure> {
    if path != Path::new("-") {
        let mut checked = plan_file::check(path, severities.clone(), context)?;
        compare_with_lock(path, &mut checked, context)?;
        return Ok(checked);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage("cannot read the plan from the standard input").because(&error))?;
    Ok(plan_file::check_content(&arguments.stdin_filename, &text, severities.clone(), context))
}

/// Adds what is to be said if the plan is not what the lock beside it says.
fn compare_with_lock(path: &Path, checked: &mut Checked, context: &Context) -> Result<(), Failure> {
    if checked.plan().is_none() || !LockFile::is_beside(path, context) {
        return Ok(());
    }
    // A lock has what is said by default, whatever this command line asks for.
    let by_default = plan_file::check(path, Severities::default(), context)?;
    if let Some(plan) = by_default.plan() {
        checked.diagnostics.extend(LockFile::compare(path, plan, &by_default.diagnostics, context));
        diagnostics::Diagnostic::sort(&mut checked.diagnostics);
    }
    Ok(())
}

/// Fixes may uncover others: a few rounds are enough for all that are mechanical.
const FIX_ROUNDS: usize = 5;

fn fix(
    path: &Path,
    mut checked: Checked,
    severities: &Severities,
    context: &Context,
    output: &mut Output,
) -> Result<Checked, Failure> {
    let mut made = 0;
    for _ in 0..FIX_ROUNDS {
        let outcome = diagnostics::apply_fixes(&checked.files, &checked.diagnostics);
        if outcome.applied == 0 {
            break;
        }
        for (file, text) in &outcome.changed {
            let name = &checked.files.get(*file).name;
            plan_file::replace(&context.working_directory.join(name), text)
                .map_err(|error| Failure::failed(format!("cannot write `{name}`")).because(&error))?;
        }
        made += outcome.applied;
        checked = plan_file::check(path, severities.clone(), context)?;
        compare_with_lock(path, &mut checked, context)?;
    }
    if made > 0 {
        output.note(&format!("made {made} {} in `{}`", if made == 1 { "fix" } else { "fixes" }, path.display()));
    }
    Ok(checked)
}

fn print(checked: &Checked, path: &Path, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let (found, files) = (&checked.diagnostics, &checked.files);
    let format = if output.json { Format::Json } else { arguments.format };
    let style = match format {
        Format::Json => return output.text(&diagnostics::json(found, files)),
        Format::Sarif => return output.text(&diagnostics::sarif(found, files)),
        Format::Github => return output.text(&diagnostics::github(found, files)),
        Format::Human => HumanStyle::Unicode,
        Format::Narrated => HumanStyle::Narrated,
    };
    let human = Human { width: output.width(), colour: output.stdout_color, style };
    output.text(&human.render(found, files))?;
    if !output.quiet || checked.has_errors() {
        let name = if path == Path::new("-") { arguments.stdin_filename.as_path() } else { path };
        output.line(&format!("{}: {}", name.display(), diagnostics::summary(found)))?;
    }
    Ok(())
}
