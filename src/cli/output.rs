use super::arguments::Global;
use super::failure::Failure;
use crate::base::Context;
use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use std::io::{BufWriter, IsTerminal, Stdout, Write};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    Auto,
    Always,
    Never,
}

/// Width assumed where there is no terminal, so that files and logs look alike everywhere.
const DEFAULT_WIDTH: usize = 100;

pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default().bold();
pub(super) const STRONG: Style = Style::new().bold();

/// Standard output and standard error, and how to write to them.
///
/// Answers go to standard output, everything said about the work to standard
/// error. Writing an answer can fail; saying something cannot: where nobody
/// reads standard error, there is nobody to tell.
pub(super) struct Output {
    stdout: BufWriter<Stdout>,
    /// Whether standard output has bytes that are the answer, to which nothing may be added.
    is_raw: bool,
    pub json: bool,
    pub quiet: bool,
    pub verbose: u8,
    pub stdout_color: bool,
    pub stderr_color: bool,
    pub stderr_is_terminal: bool,
}

impl Output {
    pub fn new(global: &Global, context: &Context) -> Self {
        let choice = match global.color {
            Choice::Auto => environment_color(context),
            chosen => chosen,
        };
        let color = |is_terminal| match choice {
            Choice::Auto => is_terminal,
            Choice::Always => true,
            Choice::Never => false,
        };
        let stderr_is_terminal = std::io::stderr().is_terminal();
        Self {
            stdout: BufWriter::new(std::io::stdout()),
            is_raw: false,
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            stdout_color: color(std::io::stdout().is_terminal()),
            stderr_color: color(stderr_is_terminal),
            stderr_is_terminal,
        }
    }

    /// Columns of the terminal that standard error or output is.
    pub fn width(&self) -> usize {
        [rustix::termios::tcgetwinsize(std::io::stderr()), rustix::termios::tcgetwinsize(std::io::stdout())]
            .into_iter()
            .flatten()
            .map(|size| usize::from(size.ws_col))
            .find(|columns| *columns > 0)
            .unwrap_or(DEFAULT_WIDTH)
    }

    /// `text` in a style, if standard output has colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.stdout_color, style, text)
    }

    /// `text` in a style, if standard error has colours.
    pub fn paint_note(&self, style: Style, text: &str) -> String {
        paint(self.stderr_color, style, text)
    }

    /// Writes an answer and a line feed to standard output.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{text}").map_err(Failure::output)
    }

    /// Writes an answer as it is to standard output.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.stdout.write_all(text.as_bytes()).map_err(Failure::output)
    }

    /// Standard output for bytes that are the answer.
    pub fn bytes(&mut self) -> &mut impl Write {
        self.is_raw = true;
        &mut self.stdout
    }

    /// Writes one JSON document, indented, to standard output.
    pub fn document(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut self.stdout, value).map_err(|e| Failure::output(e.into()))?;
        self.line("")
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(Failure::output)
    }

    /// Says something about the work on standard error, unless `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    pub fn warning(&mut self, text: &str) {
        self.say(&format!("{} {text}", paint(self.stderr_color, WARNING, "warning:")));
    }

    /// What must not be overlooked, on its own line.
    pub fn attention(&mut self, text: &str) {
        self.say(&paint(self.stderr_color, STRONG, text));
    }

    /// One piece of advice under what was just said.
    pub fn help(&mut self, text: &str) {
        self.say(&format!("  {} {text}", paint(self.stderr_color, HELP, "help:")));
    }

    /// Tells why the command ended: as sentences on standard error, or with `--json` as one line
    /// behind what was already answered.
    pub fn end(&mut self, failure: &Failure) {
        if !self.json || failure.message.is_empty() {
            return self.failure(failure);
        }
        let document = failure.document().to_string();
        if self.is_raw {
            let _ = self.stdout.flush();
            return self.say(&document);
        }
        // Nobody reads it any more: there is nobody to tell.
        let _ = self.line(&document).and_then(|()| self.flush());
    }

    /// Says what went wrong as sentences on standard error; the command may go on.
    pub fn failure(&mut self, failure: &Failure) {
        // What was already answered stands before what went wrong.
        let _ = self.stdout.flush();
        if failure.message.is_empty() {
            return;
        }
        self.say(&format!("{} {}", paint(self.stderr_color, ERROR, "error:"), failure.message));
        for cause in &failure.causes {
            self.say(&format!("  because: {cause}"));
        }
        if let Some(help) = &failure.help {
            self.help(help);
        }
    }

    /// Says something of several lines as it is on standard error.
    pub fn say_block(&mut self, text: &str) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn say(&mut self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// What the environment says of colour: `NO_COLOR` (no-color.org) and a terminal without any.
pub(super) fn environment_color(context: &Context) -> Choice {
    let refused = context.variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    if refused || context.variable("TERM") == Some("dumb") { Choice::Never } else { Choice::Auto }
}

pub(super) fn paint(color: bool, style: Style, text: &str) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
