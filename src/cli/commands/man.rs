use crate::base::{Context, Exit};
use crate::cli::arguments;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::Output;
use clap::{Args, CommandFactory};
use clap_mangen::Man;
use std::path::PathBuf;

/// Print the manual page, or write the pages of all verbs into a folder.
#[derive(Args)]
#[command(after_help = "Examples:
  plan man | man -l -
  plan man --to ~/.local/share/man/man1")]
pub(crate) struct Arguments {
    /// Write `plan.1`, `plan-run.1` and so on into this folder, which is made if it is missing.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut command = arguments::Arguments::command().disable_help_flag(true);
    command.build();
    let Some(folder) = arguments.to else {
        let page = render(&command)?;
        output.text(&page)?;
        return Ok(Exit::Done);
    };
    let folder = context.working_directory.join(folder);
    std::fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(command, &folder)).map_err(|e| {
        Failure::failed(format!("cannot write the manual pages into `{}`", folder.display())).because(&e)
    })?;
    output.note(&format!("wrote the manual pages into `{}`", folder.display()));
    Ok(Exit::Done)
}

fn render(command: &clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(Failure::output)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
