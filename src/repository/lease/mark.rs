//! How a host tells that a lease is that of its own dead process.
//!
//! Before a process takes a lease it makes a file named after its run in the host's own state, and
//! locks it for as long as it has the lease. The lock ends with the process, however that ends, and
//! not before. So whoever finds a lease in a store, has the file of its run and gets the lock, knows
//! that nobody goes on with it.
//!
//! This holds for the very file that the process had locked, under the kernel that it ran on. A copy of
//! the folder, a clone of the machine and a folder that two machines share have a file of that name
//! too, and a lock on it tells nothing. So the file says which one it is and since which boot. Wherever
//! there is doubt the lease is not ours, and runs out by itself; after a restart of the machine too,
//! for that looks like a clone of it.

use crate::base::{RunId, Timestamp};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Another one for each start of a kernel.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const MAX_BYTES: u64 = 4096;
/// After this a file that nobody has locked is swept away: its lease has run out long ago.
const OLD: TimeDelta = TimeDelta::days(1);

/// The file, locked.
pub(super) struct Mark {
    path: PathBuf,
    _lock: File,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    boot: String,
    device: u64,
    inode: u64,
}

impl Mark {
    /// Makes the mark of a run that is about to take a lease.
    pub fn make(folder: &Path, run: &RunId, now: Timestamp) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        sweep(folder, now);
        let path = folder.join(run.to_string());
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        file.try_lock()?;
        let made = serde_json::to_vec(&Made::here(&file)?).expect("plain data becomes JSON");
        // Not synced: after a crash of the machine it says nothing anyway.
        let written = file.write_all(&made);
        let mark = Self { path, _lock: file };
        match written {
            Ok(()) => Ok(mark),
            Err(error) => {
                mark.remove();
                Err(error)
            }
        }
    }

    /// The mark of a run that died on this host, and is nobody else's from now on. `None`: it
    /// lives, or did not run here, or nobody knows.
    pub fn of_dead(folder: &Path, run: &RunId) -> Option<Self> {
        let path = folder.join(run.to_string());
        // To be written, because a network file system locks nothing else.
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        file.try_lock().ok()?;
        let mut bytes = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let made: Made = serde_json::from_slice(&bytes).ok()?;
        (made == Made::here(&file).ok()?).then_some(Self { path, _lock: file })
    }

    /// Once the lease is given back, or somebody else's.
    pub fn remove(self) {
        // One that stays is swept away later.
        let _ = fs::remove_file(&self.path);
    }
}

impl Made {
    fn here(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let boot = fs::read_to_string(BOOT_ID)?.trim().to_owned();
        Ok(Self { boot, device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Removes what dead processes left whose leases nobody came to take over. Best effort.
fn sweep(folder: &Path, now: Timestamp) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let run = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok());
        if run.is_some_and(|run| now - run.started > OLD)
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(started: &str) -> RunId {
        RunId::new(started.parse().unwrap(), 7)
    }

    #[test]
    fn a_mark_is_its_processs_until_that_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, run) = (folder.path().join("state/.leases"), run("2026-11-24T02:00:00Z"));
        assert!(Mark::of_dead(&folder, &run).is_none(), "there is none");
        let mark = Mark::make(&folder, &run, run.started).unwrap();
        assert!(Mark::of_dead(&folder, &run).is_none(), "it lives");
        assert!(Mark::make(&folder, &run, run.started).is_err(), "no two have one name");
        drop(mark);
        let dead = Mark::of_dead(&folder, &run).expect("it died");
        assert!(Mark::of_dead(&folder, &run).is_none(), "one takes over at a time");
        dead.remove();
        assert!(Mark::of_dead(&folder, &run).is_none(), "it is gone");
    }

    #[test]
    fn a_mark_that_was_copied_or_made_before_the_machine_started_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, theirs) = (folder.path().join("mine"), folder.path().join("theirs"));
        let run = run("2026-11-24T02:00:00Z");
        drop(Mark::make(&mine, &run, run.started).unwrap());
        fs::create_dir(&theirs).unwrap();
        fs::copy(mine.join(run.to_string()), theirs.join(run.to_string())).unwrap();
        assert!(Mark::of_dead(&theirs, &run).is_none());
        let path = mine.join(run.to_string());
        let whole = fs::read_to_string(&path).unwrap();
        let boot = fs::read_to_string(BOOT_ID).unwrap();
        // In place: it stays the same file.
        fs::write(&path, whole.replace(boot.trim(), "00000000-0000-0000-0000-000000000000")).unwrap();
        assert!(Mark::of_dead(&mine, &run).is_none());
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Mark::of_dead(&mine, &run).is_none(), "{length} bytes");
        }
        fs::write(&path, whole).unwrap();
        assert!(Mark::of_dead(&mine, &run).is_some());
    }

    #[test]
    fn what_the_dead_left_long_ago_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let make = |run: &RunId, now: &RunId| Mark::make(folder.path(), run, now.started).unwrap();
        let [first, second, third] = ["2026-11-20T02:00:00Z", "2026-11-23T12:00:00Z", "2026-11-24T02:00:00Z"].map(run);
        drop(make(&first, &first));
        drop(make(&second, &first));
        fs::write(folder.path().join("of somebody else"), "").unwrap();
        let _third = make(&third, &third);
        assert_eq!(names(), [second.to_string().as_str(), &third.to_string(), "of somebody else"]);
        // However old, one that lives stays.
        let fourth = run("2026-12-24T02:00:00Z");
        make(&fourth, &fourth).remove();
        assert_eq!(names(), [third.to_string().as_str(), "of somebody else"]);
    }
}
