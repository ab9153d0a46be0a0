use crate::base::Exit;
use crate::report;
use std::error::Error;
use std::io;

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
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), help: None }
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
