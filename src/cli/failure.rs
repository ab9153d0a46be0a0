use crate::base::Exit;
use crate::report;
use clap::error::ErrorKind;
use serde_json::{Value, json};
use std::error::Error;
use std::io;

/// The version of [`Failure::document`].
const FORMAT_VERSION: u32 = 1;

/// Why a command ended without doing what it was asked: what failed, on which
/// thing, the causes beneath, what to do, and the exit code.
///
/// Texts are lower case without a full stop, things in backticks.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    /// Empty: there is nothing to print (the reader of a pipe has gone, or all
    /// has been said already).
    pub message: String,
    pub causes: Vec<String>,
    pub help: Option<String>,
    /// What is wrong with the plan, as JSON tells it: for people it has been printed.
    pub diagnostics: Option<Value>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), help: None, diagnostics: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Ends the command with this code; what is to be said has been printed.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Adds an error and all of its sources as causes.
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Some libraries repeat their source in their own text.
            if self.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What a program reads instead of the sentences.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "format_version": FORMAT_VERSION,
            "type": "error",
            "kind": self.exit.name(),
            "exit_code": self.exit.code(),
            "message": self.message,
            "causes": self.causes,
            "help": self.help,
        });
        if let Some(diagnostics) = &self.diagnostics {
            document["diagnostics"] = diagnostics.clone();
        }
        document
    }

    /// What a program reads of a part that failed, in the document of a command that went on.
    pub fn part(&self) -> Value {
        json!({ "message": self.message, "help": self.help, "exit_code": self.exit.code() })
    }

    /// A command line that could not be parsed, in the words of the parser.
    pub fn command_line(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("something is missing on the command line").help("`plan --help` tells what there is");
        }
        let text = error.render().to_string();
        let one_line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut paragraphs = text.split("\n\n").map(one_line).filter(|paragraph| !paragraph.is_empty());
        let message = paragraphs.next().unwrap_or_default();
        let help: Vec<String> = paragraphs
            .filter(|paragraph| !paragraph.starts_with("For more information"))
            .map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_owned).unwrap_or(paragraph))
            .collect();
        let failure = Self::usage(message.strip_prefix("error: ").unwrap_or(&message));
        if help.is_empty() { failure } else { failure.help(help.join("; ")) }
    }

    /// An error while writing to standard output. A reader that has gone
    /// (`plan list | head`) is no failure.
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(Exit::Done);
        }
        Self::failed("cannot write to the standard output").because(&error)
    }
}

impl From<report::Failure> for Failure {
    fn from(failure: report::Failure) -> Self {
        let message = match failure.step {
            Some(step) => format!("{step}: {}", failure.message),
            None => failure.message,
        };
        Self { help: failure.help, ..Self::new(failure.kind.exit(), message) }
    }
}

/// What a command returns.
pub(super) type Outcome = Result<Exit, Failure>;
