use super::Notification;
use super::error::{Failure, NotifyErrorKind};
use super::http::Patience;
use crate::plan::Command;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

/// The end of what a failed command said, which its last line is taken from.
const SAID_LIMIT_BYTES: u64 = 2000;

/// Runs the program with the notification's JSON as its standard input, once:
/// a repeat could tell twice.
pub(super) fn run(command: &Command, notification: &Notification, patience: &Patience) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::settings(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        match tokio::time::timeout(patience.timeout, run_once(command, notification)).await {
            Ok(result) => result,
            // The child was killed when its future was dropped.
            Err(_) => Err(failed(command, "did not end in time")),
        }
    })
}

async fn run_once(command: &Command, notification: &Notification) -> Result<(), Failure> {
    let not_started = |error: io::Error| failed(command, &format!("can't be started: {error}"));
    // A file, for a pipe could be held open by a program left in the background.
    let mut said = tempfile::tempfile().map_err(not_started)?;
    let mut child = tokio::process::Command::new(&command.program.value)
        .args(&command.arguments)
        .env("PLAN_EVENT", notification.event.to_string())
        .env("PLAN_SUBJECT", notification.subject())
        .env("PLAN_TITLE", &notification.title)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(said.try_clone().map_err(not_started)?)
        .kill_on_drop(true)
        .spawn()
        .map_err(not_started)?;
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = notification.to_json().to_string();
    // Beside the wait: a program that does not read its input is no failure.
    tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let status = child.wait().await.map_err(|error| failed(command, &format!("can't be waited for: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let length = said.seek(SeekFrom::End(0)).unwrap_or(0);
    let mut tail = Vec::new();
    let read = said
        .seek(SeekFrom::Start(length.saturating_sub(SAID_LIMIT_BYTES)))
        .and_then(|_| said.take(SAID_LIMIT_BYTES).read_to_end(&mut tail));
    let tail = String::from_utf8_lossy(&tail);
    match tail.lines().map(str::trim).rfind(|line| !line.is_empty()).filter(|_| read.is_ok()) {
        Some(last) => Err(failed(command, &format!("ended with {status}: {last}"))),
        None => Err(failed(command, &format!("ended with {status}"))),
    }
}

fn failed(command: &Command, what: &str) -> Failure {
    Failure { kind: NotifyErrorKind::Refused, host: None, detail: format!("`{}` {what}", command.program.value) }
}
