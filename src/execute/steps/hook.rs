use super::Done;
use crate::execute::failure;
use crate::execute::run::Run;
use crate::plan::Command;
use crate::report::{Failure, FailureKind};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::Stdio;
use std::time::Duration;

/// How often a running hook is looked at. Chosen.
const POLL: Duration = Duration::from_millis(20);
/// The end of what a failed hook said, of which the last line is shown.
const MAX_SAID_BYTES: u64 = 4096;

/// Runs a program before or after a source is read, in the folder of the plan
/// file, without standard input. What it prints is shown only if it fails.
pub(in crate::execute) fn hook(run: &Run<'_>, command: &Command) -> Done {
    let program = &command.program.value;
    let failed = |problem: String| failure::other(format!("the command `{program}` {problem}"));
    let not_started = |error: io::Error| failed(format!("cannot be started: {}", crate::files::plain_reason(&error)));
    // A file and no pipe: a program that it leaves in the background may hold a pipe open for ever.
    let mut said = tempfile::tempfile().map_err(not_started)?;
    let mut child = std::process::Command::new(program)
        .args(&command.arguments)
        .current_dir(&run.site.plan_folder)
        .stdin(Stdio::null())
        .stdout(said.try_clone().map_err(not_started)?)
        .stderr(said.try_clone().map_err(not_started)?)
        .spawn()
        .map_err(not_started)?;
    let cancelled_before = run.options.cancel.is_cancelled();
    let status = loop {
        match child.try_wait().map_err(|error| failed(format!("cannot be waited for: {error}")))? {
            Some(status) => break status,
            // What cleans up after a cancelled run is not itself cancelled.
            None if run.options.cancel.is_cancelled() && !cancelled_before => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::new(FailureKind::Cancelled, format!("the command `{program}` was cancelled")));
            }
            None => std::thread::sleep(POLL),
        }
    };
    match (status.success(), last_line(&mut said)) {
        (true, _) => Ok(()),
        (false, Some(line)) => Err(failed(format!("ended with {status}: {line}"))),
        (false, None) => Err(failed(format!("ended with {status} and said nothing"))),
    }
}

fn last_line(said: &mut File) -> Option<String> {
    let length = said.seek(SeekFrom::End(0)).ok()?;
    said.seek(SeekFrom::Start(length.saturating_sub(MAX_SAID_BYTES))).ok()?;
    let mut tail = Vec::new();
    said.take(MAX_SAID_BYTES).read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    tail.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}
