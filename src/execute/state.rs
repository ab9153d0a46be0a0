//! What a host remembers of a plan between runs: `state.json`.

use super::HISTORY_FILE;
use crate::base::Timestamp;
use crate::compile::JobName;
use crate::files::plain_reason;
use crate::report::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FORMAT_VERSION: u32 = 1;
const FILE: &str = "state.json";
/// Some ten thousand runs.
const MAX_HISTORY_BYTES: u64 = 16 << 20;
/// Where a damaged file is put aside.
const DAMAGED: &str = "state.json.damaged";

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot read the local state `{}`: {}", path.display(), plain_reason(source))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the local state `{}`: {}", path.display(), plain_reason(source))]
    Write { path: PathBuf, source: io::Error },
    #[error("the local state `{}` is of version {found}, made by a newer program", path.display())]
    Newer { path: PathBuf, found: u32 },
}

/// Losing it costs nothing but that everything is due once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    format_version: u32,
    /// The plan file that ran last; `None`: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_file: Option<PathBuf>,
    /// By `tier/source`.
    #[serde(default)]
    jobs: BTreeMap<String, JobState>,
    /// Start of the last good verification with a schedule of its own, by `tier/source/place`.
    #[serde(default)]
    verifications: BTreeMap<String, Timestamp>,
    /// By `tier/source`.
    #[serde(default)]
    pub drills: BTreeMap<String, Timestamp>,
    /// When a periodic report was last sent, by its name.
    #[serde(default)]
    pub reports: BTreeMap<String, Timestamp>,
    /// The recipients of the keys that a run has made, by the path of the identity file.
    #[serde(default)]
    pub made_keys: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobState {
    /// Start of the last run that made a good snapshot: what "due" is measured from.
    pub last_success: Option<Timestamp>,
    /// Start and end of the last run, however it went.
    pub last_run: Option<LastRun>,
    /// Start of the last good verification, by whatever schedule.
    #[serde(default)]
    pub last_verify: Option<Timestamp>,
    /// The scheduled time whose failure has been told already.
    #[serde(default)]
    pub failure_told_of: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    pub started: Timestamp,
    pub finished: Timestamp,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl State {
    pub fn job(&self, job: &JobName) -> JobState {
        self.jobs.get(&job.to_string()).cloned().unwrap_or_default()
    }

    pub fn job_mut(&mut self, job: &JobName) -> &mut JobState {
        self.jobs.entry(job.to_string()).or_default()
    }

    pub fn verified(&self, job: &JobName, index: usize) -> Option<Timestamp> {
        self.verifications.get(&format!("{job}/{index}")).copied()
    }

    pub fn set_verified(&mut self, job: &JobName, index: usize, started: Timestamp) {
        self.verifications.insert(format!("{job}/{index}"), started);
    }
}

/// The file of a plan's state folder.
#[derive(Clone, Debug)]
pub struct StateFile {
    folder: PathBuf,
}

impl StateFile {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Reads it. A missing file is an empty state; so is a damaged one, which
    /// is then named in the second value.
    pub fn load(&self) -> Result<(State, Option<PathBuf>), StateError> {
        let path = self.folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((State::default(), None)),
            Err(source) => return Err(StateError::Read { path, source }),
        };
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { format_version: found }) if found > FORMAT_VERSION => {
                return Err(StateError::Newer { path, found });
            }
            _ => {}
        }
        match serde_json::from_slice(&bytes) {
            Ok(state) => Ok((state, None)),
            Err(_) => Ok((State::default(), Some(path))),
        }
    }

    /// Writes it whole or not at all. A damaged file that is in the way is kept
    /// beside it.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let path = self.folder.join(FILE);
        let failed = |source| StateError::Write { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        if let Ok((_, Some(damaged))) = self.load() {
            std::fs::rename(damaged, self.folder.join(DAMAGED)).map_err(failed)?;
        }
        let mut state = state.clone();
        state.format_version = FORMAT_VERSION;
        let mut json = serde_json::to_vec_pretty(&state).expect("plain data becomes JSON");
        json.push(b'\n');
        replace(&self.folder, FILE, &json).map_err(failed)
    }

    /// Appends a run's line to the history. Past a size the older half is dropped.
    pub fn append_history(&self, line: &str) -> Result<(), StateError> {
        let path = self.folder.join(HISTORY_FILE);
        let failed = |source| StateError::Write { path: path.clone(), source };
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
        // In one write, so that a crash leaves at most one broken line.
        file.write_all(format!("{}\n", line.trim_end()).as_bytes()).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > MAX_HISTORY_BYTES {
            let text = std::fs::read(&path).map_err(failed)?;
            let middle = text.len() / 2;
            let cut = text[middle..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| middle + at + 1);
            replace(&self.folder, HISTORY_FILE, &text[cut..]).map_err(failed)?;
        }
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Replaces a file of a folder: temporary file, fsync, rename, fsync of the
/// folder. After a crash the old content is there or the new one.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    // Made with mode 0600, and removed if it is not persisted.
    let mut temporary = tempfile::Builder::new().prefix(name).tempfile_in(folder)?;
    // Through the file itself: its errors name no temporary path.
    temporary.as_file_mut().write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(folder.join(name)).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::testing::now;

    fn sample() -> State {
        let job = JobName::new("cloud", "data");
        let mut state = State { format_version: FORMAT_VERSION, ..State::default() };
        state.job_mut(&job).last_success = Some(now());
        state.job_mut(&job).last_run = Some(LastRun { started: now(), finished: now(), outcome: Outcome::Partial });
        state.set_verified(&job, 1, now());
        state
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(folder.path().join("new"));
        assert_eq!(file.load().expect("missing is empty"), (State::default(), None));
        file.save(&sample()).expect("saved");
        assert_eq!(file.load().expect("loaded"), (sample(), None));
        insta::assert_snapshot!(std::fs::read_to_string(folder.path().join("new/state.json")).expect("there"), @r#"
        {
          "format_version": 1,
          "jobs": {
            "cloud/data": {
              "last_success": "2026-11-24T09:00:00Z",
              "last_run": {
                "started": "2026-11-24T09:00:00Z",
                "finished": "2026-11-24T09:00:00Z",
                "status": "partial"
              },
              "last_verify": null,
              "failure_told_of": null
            }
          },
          "verifications": {
            "cloud/data/1": "2026-11-24T09:00:00Z"
          },
          "drills": {},
          "reports": {},
          "made_keys": {}
        }
        "#);
    }

    #[test]
    fn a_file_cut_at_any_byte_is_taken_as_empty_and_kept_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(folder.path());
        file.save(&sample()).expect("saved");
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).expect("read");
        for length in 0..whole.trim_ascii_end().len() {
            std::fs::write(&path, &whole[..length]).expect("cut");
            assert_eq!(file.load().expect("tolerated"), (State::default(), Some(path.clone())), "{length} bytes");
        }
        file.save(&sample()).expect("saved again");
        assert!(folder.path().join(DAMAGED).exists());
        assert_eq!(file.load().expect("loaded"), (sample(), None));
    }

    #[test]
    fn a_history_that_grows_too_long_loses_its_older_half() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(folder.path());
        let line = "x".repeat(1 << 20);
        for number in 0..17 {
            file.append_history(&format!("{number} {line}")).expect("appended");
        }
        let text = std::fs::read_to_string(folder.path().join(HISTORY_FILE)).expect("read");
        let numbers: Vec<&str> = text.lines().map(|line| line.split(' ').next().expect("a number")).collect();
        assert_eq!(numbers, ["9", "10", "11", "12", "13", "14", "15", "16"]);
    }

    #[test]
    fn a_newer_state_is_not_overwritten_in_ignorance() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), r#"{"format_version": 2, "jobs": []}"#).expect("written");
        let file = StateFile::new(folder.path());
        assert!(matches!(file.load(), Err(StateError::Newer { found: 2, .. })));
    }
}
