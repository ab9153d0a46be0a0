use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use crate::base::{Context, Exit};
use clap::ValueEnum;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Write a commented starter plan
///
/// The plan passes `plan check` as it is; change its paths, then `plan run`.
/// A file that exists is never overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan init                              plan.kdl for a laptop and a disk
  plan init --template server /etc/plan/server.kdl
  plan init --template rpa plans/rpa.kdl")]
pub(in crate::cli) struct Arguments {
    /// Where to write it.
    #[arg(default_value = "plan.kdl", hide_default_value = true)]
    file: PathBuf,
    /// What to start from.
    #[arg(long, value_enum, default_value_t = Template::Home, value_name = "NAME", hide_default_value = true)]
    template: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// One laptop, one disk, one bucket.
    Home,
    /// Files, databases and hooks.
    Server,
    /// Three tiers and an archive, as a small company has them.
    Rpa,
}

impl Template {
    fn text(self) -> &'static str {
        match self {
            Self::Home => include_str!("../../../plans/home.kdl"),
            Self::Server => include_str!("../../../plans/server.kdl"),
            Self::Rpa => include_str!("../../../plans/rpa.kdl"),
        }
    }
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let shown = arguments.file.display();
    let path = context.working_directory.join(&arguments.file);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::failed(format!("`{shown}` exists already"))
            .help("choose another name; a plan is never overwritten"),
        _ => Failure::failed(format!("cannot write `{shown}`")).because(&error),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path).map_err(failed)?;
    file.write_all(arguments.template.text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    output.note(&format!(
        "wrote `{shown}`; next: put your own recipient in it (`plan key new`), look through it, `plan check {shown}`, `plan run {shown}`"
    ));
    Ok(Exit::Done)
}
