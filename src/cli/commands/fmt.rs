use super::super::failure::{Failure, Outcome};
use super::super::output::{self, Output};
use super::super::plan_file;
use crate::base::{Context, Exit, counted};
use crate::diagnostics::{Human, HumanStyle, SourceFiles};
use crate::language;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::path::{Path, PathBuf};

/// Lay plans out in the normal form
///
/// Rewrites the files in place. Four columns of indentation for each block, one
/// node on a line, one space between values, none around `=`, at most one empty
/// line in a row, no `;` at the end of a line.
///
/// A block that is written on one line stays on one line, a line broken with `\`
/// stays broken, and a comment stays beside what it stands beside. Values keep
/// the form that they are written in; names lose quotation marks that they do
/// not need. Nothing changes its place or its meaning.
///
/// A file with a syntax error stays as it is: the error is told, and the command
/// ends with 65.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan fmt                               the plans in this folder and in plans/
  plan fmt plans/ shared.kdl             all plans in a folder, and a file
  plan fmt --check                       for CI: list what is not formatted, end with 1
  plan fmt --diff plans/home.kdl         show what would change
  plan fmt - < draft.kdl                 for editors: from standard input to standard output")]
pub(in crate::cli) struct Arguments {
    /// Plan files, folders of them, or `-` for the standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; list the files that would change, and end with 1 if there are any.
    #[arg(long)]
    check: bool,
    /// Change nothing; print what would change.
    #[arg(long)]
    diff: bool,
    /// The name that the standard input is known by, for messages.
    #[arg(long, value_name = "PATH", default_value = "stdin.kdl", hide_default_value = true)]
    stdin_filename: PathBuf,
}

/// What became of one file.
#[derive(Serialize)]
struct Formatted {
    file: String,
    result: FormatResult,
    /// The text, where it came from the standard input and was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum FormatResult {
    Unchanged,
    Formatted,
    WouldChange,
    Invalid,
    Unreadable,
    Unwritable,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut done = Vec::new();
    for path in plan_file::named(&arguments.files, context)? {
        done.push(format_one(&path, &arguments, context, output)?);
    }
    let any = |result| done.iter().any(|file| file.result == result);
    if output.json {
        output.document(&serde_json::json!({ "format_version": 1, "files": done }))?;
    } else if !arguments.files.iter().any(|path| path == Path::new("-")) {
        summary(&done, output);
    }
    Ok(if any(FormatResult::Invalid) {
        Exit::InvalidPlan
    } else if any(FormatResult::Unreadable) {
        Exit::Usage
    } else if any(FormatResult::Unwritable) || (arguments.check && any(FormatResult::WouldChange)) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// Formats one file. What is wrong with it is printed; the other files have their turn all the same.
fn format_one(
    path: &Path,
    arguments: &Arguments,
    context: &Context,
    output: &mut Output,
) -> Result<Formatted, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { &arguments.stdin_filename } else { path }.display().to_string();
    let ended = |result| Ok(Formatted { file: name.clone(), result, text: None });
    let text = match plan_file::text(path, context) {
        Ok(text) => text,
        Err(failure) => {
            output.failure(&failure);
            return ended(FormatResult::Unreadable);
        }
    };
    let mut files = SourceFiles::default();
    let file = files.add(name.clone(), text.as_str());
    let new = match language::format(&text, file) {
        Ok(new) => new,
        Err(errors) => {
            let human = Human { width: output.width(), colour: output.stderr_color, style: HumanStyle::Unicode };
            output.say_block(&human.render(&errors, &files));
            output.note(&format!("`{name}` is left as it is: it has errors"));
            if errors.iter().any(|error| error.fix.is_some()) && !is_stdin {
                output.help(&format!("`plan check --fix {name}` makes the fixes that are mechanical"));
            }
            return ended(FormatResult::Invalid);
        }
    };
    let changes = new != text;
    if arguments.diff && changes && !output.json {
        print_diff(&name, &text, &new, output)?;
    }
    if arguments.check || arguments.diff {
        if changes && !arguments.diff && !output.json {
            output.line(&name)?;
        }
        return ended(if changes { FormatResult::WouldChange } else { FormatResult::Unchanged });
    }
    if is_stdin {
        let result = if changes { FormatResult::Formatted } else { FormatResult::Unchanged };
        if !output.json {
            output.text(&new)?;
            return ended(result);
        }
        return Ok(Formatted { file: name, result, text: Some(new) });
    }
    if !changes {
        return ended(FormatResult::Unchanged);
    }
    if let Err(error) = plan_file::replace(&context.working_directory.join(path), &new) {
        output.failure(&Failure::failed(format!("cannot write `{name}`")).because(&error));
        return ended(FormatResult::Unwritable);
    }
    output.note(&format!("formatted `{name}`"));
    ended(FormatResult::Formatted)
}

fn print_diff(name: &str, old: &str, new: &str, output: &mut Output) -> Result<(), Failure> {
    const REMOVED: Style = AnsiColor::Red.on_default();
    const ADDED: Style = AnsiColor::Green.on_default();
    let diff = TextDiff::from_lines(old, new);
    let unified = diff.unified_diff();
    output.line(&output.paint(output::STRONG, &format!("--- {name}")))?;
    output.line(&output.paint(output::STRONG, &format!("+++ {name}")))?;
    for hunk in unified.iter_hunks() {
        output.line(&hunk.header().to_string())?;
        for change in hunk.iter_changes() {
            let line = change.value();
            let line = format!("{}{}", change.tag(), line.strip_suffix('\n').unwrap_or(line));
            output.line(&match change.tag() {
                ChangeTag::Equal => line,
                ChangeTag::Delete => output.paint(REMOVED, &line),
                ChangeTag::Insert => output.paint(ADDED, &line),
            })?;
            if change.missing_newline() {
                output.line("\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}

/// Says how many files are as they should be.
fn summary(done: &[Formatted], output: &mut Output) {
    let count = |result| done.iter().filter(|file| file.result == result).count();
    let files = |count: usize| counted(count as u64, "file");
    let (unchanged, would_change) = (count(FormatResult::Unchanged), count(FormatResult::WouldChange));
    if would_change > 0 {
        let them = if would_change == 1 { "it" } else { "them" };
        output.note(&format!("{} would change: `plan fmt` formats {them}", files(would_change)));
    } else if unchanged == done.len() {
        output.note(&format!("nothing to change in {}", files(unchanged)));
    }
}
