//! How long work is shown while it runs.

use super::output::Output;
use crate::base::{ByteSize, Context, counted, format_duration, grouped};
use crate::files::display_path;
use crate::report::{Event, FailureKind, JobReport, Outcome, Progress, Severity};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

/// How often a moving line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// Tells a run as it happens: a line that moves on a terminal, a plain line a
/// job elsewhere, JSON lines with `--json`.
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
        let (json, quiet, verbose) = (output.json, output.quiet, output.verbose > 0);
        Self { context, json, quiet, verbose, bar: moving_line(output), writing: Mutex::new(()) }
    }

    pub fn tell(&self, event: Event) {
        let _writing = self.writing.lock().expect("no thread panics while it writes");
        if self.json {
            // Nobody reads it any more: nothing to say, and the work goes on.
            let _ = writeln!(std::io::stdout(), "{}", event.json_line(self.context.now()));
            return;
        }
        if self.quiet {
            return;
        }
        match &event {
            Event::Progress(progress) => self.show(&progress_text(progress)),
            Event::StepStarted { step } => {
                self.show(step);
                if self.verbose {
                    self.line(step);
                }
            }
            Event::JobFinished(report) => self.line(&job_line(report)),
            // Of the run: told at once. Paths stand in the summary, all of them here with `-v`.
            Event::Problem { path, problem, .. } if path.is_none() || self.verbose => {
                let what = path.as_ref().map(|path| format!("`{}`: ", display_path(&path.0))).unwrap_or_default();
                let step = problem.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
                let word = if problem.severity == Severity::Error { "error" } else { "warning" };
                self.line(&format!("{word}: {step}{what}{}", problem.message));
            }
            _ => {}
        }
    }

    fn show(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
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

/// `None` where standard error is no terminal, or nothing is to be said.
fn moving_line(output: &Output) -> Option<ProgressBar> {
    if !output.stderr_is_terminal || output.json || output.quiet {
        return None;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").expect("the template is valid"));
    bar.enable_steady_tick(TICK);
    Some(bar)
}

fn progress_text(progress: &Progress) -> String {
    let (read, stored) = (ByteSize(progress.bytes_read), ByteSize(progress.bytes_stored));
    let entries = if progress.files == 1 { "entry" } else { "entries" };
    format!("{}  {} {entries}, {read} read, {stored} stored", progress.step, grouped(progress.files))
}

/// One line for a log: `cloud/data: done in 2m 10s, 12 files new or changed, 4.0 MiB stored`.
fn job_line(report: &JobReport) -> String {
    let mut parts = vec![match &report.outcome {
        Outcome::Skipped { because } => format!("skipped because {because}"),
        // There is no more to say of it.
        Outcome::Failed { failure } if failure.kind == FailureKind::Cancelled => report.outcome.word().to_owned(),
        Outcome::Failed { failure } => format!("{}: {failure}", report.outcome.word()),
        outcome => format!("{} in {}", outcome.word(), format_duration(report.duration)),
    }];
    if let Some(backup) = &report.backup {
        parts.push(format!("{} new or changed", counted(backup.new + backup.changed, "file")));
        parts.push(format!("{} stored", ByteSize(backup.bytes_stored)));
    }
    if report.unreadable.total > 0 {
        parts.push(format!("{} unreadable", counted(report.unreadable.total, "path")));
    }
    format!("{}: {}", report.job, parts.join(", "))
}

/// A moving line on a terminal for work that is not a run.
pub(super) struct Ticker {
    bar: Option<ProgressBar>,
}

impl Ticker {
    pub fn new(output: &Output) -> Self {
        Self { bar: moving_line(output) }
    }

    /// Does the work while `text` is shown now and then.
    pub fn during<R>(&self, text: impl Fn() -> String + Send, work: impl FnOnce() -> R) -> R {
        let Some(bar) = &self.bar else { return work() };
        let (ended, end) = crossbeam_channel::bounded::<()>(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                bar.set_message(text());
                while end.recv_timeout(TICK) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                    bar.set_message(text());
                }
            });
            let result = work();
            drop(ended);
            bar.finish_and_clear();
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::JobName;
    use crate::report::Failure;

    #[test]
    fn a_cancelled_job_is_said_to_be_so_once() {
        let told = |kind, message: &str| {
            let outcome = Outcome::Failed { failure: Failure::new(kind, message) };
            job_line(&JobReport::new(JobName::new("disk", "notes"), outcome))
        };
        assert_eq!(told(FailureKind::Cancelled, "cancelled"), "disk/notes: cancelled");
        assert_eq!(told(FailureKind::Other, "no space is left"), "disk/notes: failed: no space is left");
    }
}
