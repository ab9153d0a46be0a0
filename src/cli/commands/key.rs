use crate::base::{Context, Exit};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::{Output, STRONG};
use crate::cli::prompt;
use crate::execute::key_file::{self, KeyFileError};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Make encryption keys, and tell their recipients.
///
/// Backups are encrypted with age. A key has two halves: the recipient (`age1…`), which is public and is all that a
/// host needs to make backups, and the identity, which is secret and is needed to read them.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    New(New),
    Show(Show),
}

/// Make a new key: write its identity into FILE and print its recipient.
///
/// The file is made with mode 0600, in the format of `age-keygen`. A file that exists is never overwritten.
#[derive(Args)]
#[command(after_help = "Examples:
  plan key new ~/.config/plan/ops.key
  plan key new escrow.key --passphrase")]
struct New {
    /// Where to write the identity.
    file: PathBuf,
    /// Lock the file with a passphrase: asked for on a terminal, else one line of the standard input.
    #[arg(long)]
    passphrase: bool,
}

/// Print the recipients of an identity file: age identities, or an SSH private key.
///
/// A file that is locked with a passphrase is unlocked first: the passphrase is asked for on a terminal, else it is one
/// line of the standard input.
#[derive(Args)]
#[command(after_help = "Examples:
  plan key show ~/.config/plan/ops.key
  plan key show ~/.ssh/id_ed25519")]
struct Show {
    /// The identity file.
    file: PathBuf,
}

pub(super) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    match arguments.verb {
        Verb::New(arguments) => new(arguments, context, output),
        Verb::Show(arguments) => show(arguments, context, output),
    }
}

fn new(arguments: New, context: &Context, output: &mut Output) -> Outcome {
    let path = context.working_directory.join(&arguments.file);
    // Before a passphrase is asked for in vain; `create` checks again, atomically.
    if path.symlink_metadata().is_ok() {
        return Err(failure(KeyFileError::Exists { path: arguments.file.clone() }, &arguments.file));
    }
    let passphrase = match arguments.passphrase {
        true => Some(prompt::new_passphrase(&format!("the new key `{}`", arguments.file.display()))?),
        false => None,
    };
    let recipient =
        key_file::create(&path, context.now(), passphrase.as_ref()).map_err(|e| failure(e, &arguments.file))?;
    if output.json {
        output.document(&serde_json::json!({
            "identity_file": path.display().to_string(),
            "recipient": recipient,
            "locked": passphrase.is_some(),
        }))?;
        return Ok(Exit::Done);
    }
    output.line(&recipient)?;
    output.flush()?;
    let file = arguments.file.display();
    let key = output.paint_note(STRONG, &format!("key ops {{ recipient \"{recipient}\" }}"));
    output.note(&format!("\nThe line above is the recipient; it is public. In the plan:\n\n    {key}\n"));
    output.note(&format!(
        "The identity is in `{file}` (mode 0600). Without it no backup made with this key can be\n\
         read: copy it to a place that survives this machine (a password manager, a safe).\n\
         Where restores are made, add to the key:  identity (file)\"{}\"",
        path.display()
    ));
    Ok(Exit::Done)
}

fn show(arguments: Show, context: &Context, output: &mut Output) -> Outcome {
    let path = context.working_directory.join(&arguments.file);
    let content = key_file::read(&path).map_err(|e| failure(e, &arguments.file))?;
    let passphrase = match key_file::is_locked(content.expose()) {
        true => Some(prompt::passphrase(&format!("the key file `{}`", arguments.file.display()))?),
        false => None,
    };
    let recipients =
        key_file::recipients(content.expose(), passphrase.as_ref()).map_err(|e| failure(e, &arguments.file))?;
    if output.json {
        output.document(&serde_json::json!({ "recipients": recipients }))?;
    } else {
        for recipient in recipients {
            output.line(&recipient)?;
        }
    }
    Ok(Exit::Done)
}

fn failure(error: KeyFileError, file: &Path) -> Failure {
    let shown = file.display();
    match &error {
        KeyFileError::Exists { .. } => Failure::failed(format!("the key file `{shown}` exists already"))
            .help("choose another name; a key is never overwritten, because backups made with it would be lost"),
        KeyFileError::Write { source, .. } => {
            Failure::failed(format!("cannot write the key file `{shown}`")).because(source)
        }
        KeyFileError::Read { source, .. } => {
            Failure::failed(format!("cannot read the key file `{shown}`")).because(source)
        }
        KeyFileError::WrongPassphrase | KeyFileError::PassphraseNeeded => {
            Failure::new(Exit::WrongKey, format!("cannot unlock the key file `{shown}`")).because(&error)
        }
        KeyFileError::Unrecognized => Failure::failed(format!("`{shown}` is not a key file")).because(&error),
        KeyFileError::Plugin(plugin) => Failure::failed(format!("cannot tell the recipient of `{shown}`"))
            .because(&error)
            .help(format!("ask `age-plugin-{plugin}` for it")),
    }
}
