//! One run of a plan at a time on one host.

use crate::base::{Cancellation, Context, Timestamp, rfc3339};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two tries while waiting. Chosen.
const RETRY: Duration = Duration::from_millis(100);
/// What is read of another's note.
const MAX_NOTE_BYTES: u64 = 4096;

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another run of this plan is under way{}", holder.as_ref().map(Holder::shown).unwrap_or_default())]
    Held { holder: Option<Holder> },
    #[error("cannot lock `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cancelled while waiting for another run of this plan")]
    Cancelled,
}

/// Who holds the lock, as they wrote it down themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub process: u32,
    pub host: String,
    pub started: Timestamp,
    /// The verb: `run`, `prune`.
    pub command: String,
}

impl Holder {
    fn shown(&self) -> String {
        format!(": `plan {}`, process {} on {}, since {}", self.command, self.process, self.host, rfc3339(self.started))
    }
}

/// Held until it is dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub struct PlanLock {
    file: File,
}

impl PlanLock {
    /// Takes the lock in a plan's state folder, which is made if it is missing.
    /// Where it is held, waits for at most `wait`.
    pub fn take(
        folder: &Path,
        command: &str,
        wait: Duration,
        context: &Context,
        cancel: &Cancellation,
    ) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let failed = |source| LockError::File { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let deadline = Instant::now() + wait;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() >= deadline => {
                    return Err(LockError::Held { holder: holder(&mut file) });
                }
                Err(rustix::io::Errno::WOULDBLOCK) if cancel.is_cancelled() => return Err(LockError::Cancelled),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(RETRY),
                Err(errno) => return Err(failed(errno.into())),
            }
        }
        let note = Holder {
            process: std::process::id(),
            host: context.host.clone(),
            started: context.now(),
            command: command.to_owned(),
        };
        let text = serde_json::to_string(&note).expect("plain data becomes JSON");
        // Without it whoever is refused learns less. A full disk, which a prune may be for, is no reason to stop.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{text}"));
        Ok(Self { file })
    }
}

impl Drop for PlanLock {
    fn drop(&mut self) {
        // The note would be wrong; the lock itself goes with the file handle.
        let _ = self.file.set_len(0);
    }
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_NOTE_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::testing::context;

    #[test]
    fn a_held_lock_names_its_holder_and_is_free_again_when_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path());
        let take = |command| {
            PlanLock::take(&folder.path().join("state/p"), command, Duration::ZERO, &context, &Cancellation::default())
        };
        let held = take("run").expect("free");
        let error = take("prune").expect_err("held");
        let text = error.to_string().replace(&std::process::id().to_string(), "PID");
        insta::assert_snapshot!(text, @"another run of this plan is under way: `plan run`, process PID on host, since 2026-11-24T09:00:00Z");
        drop(held);
        take("prune").expect("free again");
    }

    #[test]
    fn a_full_disk_is_no_reason_not_to_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path());
        std::os::unix::fs::symlink("/dev/full", folder.path().join("lock")).expect("a file that takes nothing");
        let take = || PlanLock::take(folder.path(), "prune", Duration::ZERO, &context, &Cancellation::default());
        let held = take().expect("free");
        insta::assert_snapshot!(take().expect_err("held"), @"another run of this plan is under way");
        drop(held);
        take().expect("free again");
    }

    #[test]
    fn waiting_for_a_lock_can_be_cancelled() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path());
        let cancel = Cancellation::default();
        let _held = PlanLock::take(folder.path(), "run", Duration::ZERO, &context, &cancel).expect("free");
        cancel.cancel();
        let waited = PlanLock::take(folder.path(), "run", Duration::from_secs(60), &context, &cancel);
        assert!(matches!(waited, Err(LockError::Cancelled)));
    }
}
