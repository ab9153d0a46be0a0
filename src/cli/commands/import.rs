use super::super::failure::{Failure, Outcome};
use super::super::output::{HELP, Output, WARNING};
use super::super::plan_file;
use crate::base::{Context, Exit, printable};
use crate::diagnostics::{Severities, Severity};
use crate::import::{ImportError, Imported, Input, Kind, MAX_INPUT_BYTES, Note, NoteKind, import};
use clap::ValueEnum;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Write a plan from a crontab and its scripts, a borgmatic or a resticprofile configuration
///
/// The plan says behind every setting which line it comes from. What cannot be
/// carried over, means something else in a plan, or is not said and must be filled
/// in, stands as a comment in its place and is listed on the standard error. No
/// secret is copied: the plan refers to it, and says where it is to be put.
/// Nothing of what is read is run.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  crontab -l > crontab && plan import crontab /opt/app/backup.sh -o app.kdl
  plan import /etc/borgmatic/config.yaml -o /etc/plan/server.kdl
  plan import profiles.toml              prints the plan
  plan import backup.sh ~/.config/rclone/rclone.conf
  plan import backups.md                 the crontab and scripts in its blocks
  plan import - --from crontab < crontab")]
pub(in crate::cli) struct Arguments {
    /// The files that make one plan: a crontab with the scripts that it runs, and `rclone.conf`; or one
    /// configuration, or a document with crontab and scripts in fenced blocks. `-` is the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are, where their names and contents do not show it: borgmatic, resticprofile, crontab or script.
    #[arg(long, value_enum, value_name = "KIND", hide_possible_values = true)]
    from: Option<From>,
    /// Write the plan to this file instead of the standard output; its name becomes the plan's.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite that file.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    Borgmatic,
    Resticprofile,
    Crontab,
    Script,
}

impl From {
    fn kind(self) -> Kind {
        match self {
            Self::Borgmatic => Kind::Borgmatic,
            Self::Resticprofile => Kind::Resticprofile,
            Self::Crontab => Kind::Crontab,
            Self::Script => Kind::Script,
        }
    }
}

/// What a plan is called that is printed.
const NAME: &str = "imported";

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    if let Some(file) = &arguments.output
        && !arguments.force
        && context.working_directory.join(file).symlink_metadata().is_ok()
    {
        return Err(exists(file));
    }
    let inputs = arguments.files.iter().map(|file| read(file, arguments.from, context));
    let inputs = inputs.collect::<Result<Vec<Input>, Failure>>()?;
    let stem = arguments.output.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let imported = import(&inputs, stem.as_deref().unwrap_or(NAME)).map_err(failure)?;
    if let Some(file) = &arguments.output {
        let path = context.working_directory.join(file);
        let written = match arguments.force && path.symlink_metadata().is_ok() {
            true => plan_file::replace(&path, &imported.text),
            false => plan_file::create(&path, &imported.text),
        };
        written.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(file),
            _ => Failure::failed(format!("cannot write `{}`", file.display())).because(&error),
        })?;
    }
    report(&arguments, &inputs, &imported, context, output)?;
    Ok(Exit::Done)
}

fn exists(file: &Path) -> Failure {
    Failure::failed(format!("`{}` exists already", file.display()))
        .help("choose another name, or overwrite it with `--force`")
}

fn failure(error: ImportError) -> Failure {
    Failure::usage(printable(&error.to_string())).help(error.help())
}

fn read(file: &Path, from: Option<From>, context: &Context) -> Result<Input, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("cannot read `{}`", file.display())).because(&error);
    let mut bytes = Vec::new();
    // One more than is allowed, so that it is seen.
    let limit = MAX_INPUT_BYTES as u64 + 1;
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(context.working_directory.join(file)).map_err(failed)?;
        if opened.metadata().map_err(failed)?.is_dir() {
            return Err(failed(ErrorKind::IsADirectory.into()).help("name the files in it that make one plan"));
        }
        opened.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    }
    let name = if file == Path::new("-") { "stdin".to_owned() } else { file.to_string_lossy().into_owned() };
    let by_name = file.file_name().is_some_and(|name| name == "rclone.conf");
    let kind = from.map(From::kind).filter(|_| !by_name);
    Input::new(&printable(&name), &bytes, kind).map_err(failure)
}

fn report(
    arguments: &Arguments,
    inputs: &[Input],
    imported: &Imported,
    context: &Context,
    output: &mut Output,
) -> Result<(), Failure> {
    let written = arguments.output.as_deref();
    let checked = plan_file::check_content(
        written.unwrap_or(Path::new("plan.kdl")),
        &imported.text,
        Severities::default(),
        context,
    );
    let count = |severity| checked.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if output.json {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|input| serde_json::json!({ "file": &*input.path, "kind": input.kind.to_string() }))
            .collect();
        return output.document(&serde_json::json!({
            "format_version": 1,
            "inputs": inputs,
            "plan_file": written.map(|file| file.display().to_string()),
            "plan": imported.text,
            "notes": imported.notes.iter().map(note_json).collect::<Vec<_>>(),
            "check": { "errors": errors, "warnings": warnings },
        }));
    }
    match written {
        Some(file) => output.note(&format!("wrote `{}`", file.display())),
        None => output.text(&imported.text)?,
    }
    output.flush()?;
    for kind in NoteKind::ALL {
        let notes: Vec<&Note> = imported.notes.iter().filter(|note| note.kind == kind).collect();
        if notes.is_empty() {
            continue;
        }
        let style = if kind == NoteKind::Differs { HELP } else { WARNING };
        let heading = output.paint_note(style, &format!("{}:", kind.label()));
        output.note(&heading);
        for note in notes {
            let origin = note.origin.as_ref().map(ToString::to_string);
            let place = origin.or_else(|| note.node.as_ref().map(|node| format!("`{node}`")));
            let origin = place.map_or(String::new(), |place| format!("{place}: "));
            output.note(&printable(&format!("  {origin}{}", note.text)));
        }
    }
    let s = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let name = written.map_or("the plan".to_owned(), |file| format!("`{}`", file.display()));
    output.note(&format!("{name} has {} and {}", s(errors, "error"), s(warnings, "warning")));
    let next = match written {
        Some(file) => format!("look through it, then: `plan check {}`", file.display()),
        None => "write it to a file with `-o FILE`, then: `plan check FILE`".to_owned(),
    };
    output.help(&next);
    Ok(())
}

fn note_json(note: &Note) -> serde_json::Value {
    serde_json::json!({
        "kind": note.kind.id(),
        "node": note.node,
        "file": note.origin.as_ref().map(|origin| origin.file.to_string()),
        "line": note.origin.as_ref().map(|origin| origin.line),
        "text": note.text,
    })
}
