use super::super::failure::{Failure, Outcome};
use super::super::plan_file;
use crate::base::{Context, Exit};
use crate::lsp;
use std::io::{BufReader, stdin, stdout};
use std::path::Path;
use std::sync::Arc;

/// Serve an editor: what `check`, `fmt` and `explain` know, while you type
///
/// Speaks the Language Server Protocol on standard input and output; an editor
/// starts it. Diagnostics and their fixes, completion, hover, go to definition,
/// rename, outline, formatting. Needs no network and no secret, and writes no file.
#[derive(clap::Args)]
#[command(after_help = "\
How to set up VS Code, Helix, Neovim, Zed and others: `schema/editors.md`. In short, let the
editor run `plan lsp` for `.kdl` files in a folder `plans`.")]
pub(in crate::cli) struct Arguments {
    /// Accepted because many editors add it; standard input and output are used anyway.
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(in crate::cli) fn run(_: Arguments, context: &Context) -> Outcome {
    let folder = context.working_directory.clone();
    let disk = Arc::new(move |path: &Path| plan_file::read(&folder.join(path)));
    match lsp::serve(BufReader::new(stdin()), stdout().lock(), disk, context.clock.clone()) {
        Ok(true) => Ok(Exit::Done),
        Ok(false) => Err(Failure::failed("the editor left without `shutdown`")),
        Err(error) => Err(Failure::failed("the connection to the editor broke").because(&error)),
    }
}
