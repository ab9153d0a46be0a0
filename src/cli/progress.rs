use super::output::Output;
use crate::base::{ByteSize, Context};
use crate::report::{Event, Progress, Severity};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::sync::Mutex;

/// Tells a run as it happens: a line that moves on a terminal, plain lines
/// with `-v` elsewhere, JSON lines with `--json`.
pub(super) struct Reporter<'a> {
    context: &'a Context,
    json: bool,
    quiet: bool,
    verbose: bool,
    bar: Option<ProgressBar>,
    /// Only one thread writes at a time.
    writing: Mutex<()>,
}

impl<'a> Reporter<'a> {
    pub fn new(output: &Output, context: &'a Context) -> Self {
        let shows_bar = output.stderr_is_terminal && !output.json && !output.quiet;
        let bar = shows_bar.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid");
            bar.set_style(style);
            bar
        });
        let (json, quiet, verbose) = (output.json, output.quiet, output.verbose > 0);
        Self { context, json, quiet, verbose, bar, writing: Mutex::new(()) }
    }

    pub fn tell(&self, event: Event) {
        let _writing = self.writing.lock().expect("no thread panics while it writes");
        if self.json {
            // Nobody reads it any more: nothing to say.
            let _ = writeln!(std::io::stdout(), "{}", event.json_line(self.context.now()).trim_end());
            return;
        }
        match &event {
            Event::Progress(progress) => self.progress(progress),
            Event::StepStarted { step } => {
                self.show(step);
                if self.verbose {
                    self.line(step);
                }
            }
            Event::Problem { path, problem, .. } if !self.quiet => {
                let what = path.as_ref().map(|path| format!("`{path}`: ")).unwrap_or_default();
                let word = if problem.severity == Severity::Error { "error" } else { "warning" };
                // Paths are listed again in the summary; here each is told as it is met.
                if path.is_none() || self.verbose {
                    self.line(&format!("{word}: {what}{}", problem.message));
                }
            }
            _ => {}
        }
    }

    fn progress(&self, progress: &Progress) {
        let (read, stored) = (ByteSize(progress.bytes_read), ByteSize(progress.bytes_stored));
        self.show(&format!("{}  {} entries, {read} read, {stored} stored", progress.step, progress.files));
    }

    fn show(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            bar.tick();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => _ = writeln!(std::io::stderr(), "{text}"),
        }
    }

    /// Takes the moving line away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How often a moving line is drawn anew.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// A moving line on a terminal for work that is not a run.
pub(super) struct Ticker {
    shows: bool,
}

impl Ticker {
    pub fn new(output: &Output) -> Self {
        Self { shows: output.stderr_is_terminal && !output.json && !output.quiet }
    }

    /// Does the work while `text` is shown now and then.
    pub fn during<R>(&self, text: impl Fn() -> String + Send, work: impl FnOnce() -> R) -> R {
        if !self.shows {
            return work();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid"));
        let (ended, end) = crossbeam_channel::bounded::<()>(0);
        std::thread::scope(|scope| {
            let shown = &bar;
            scope.spawn(move || {
                while end.recv_timeout(TICK) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                    shown.set_message(text());
                    shown.tick();
                }
            });
            let result = work();
            drop(ended);
            bar.finish_and_clear();
            result
        })
    }
}
