use super::super::beneath::{Beneath, split};
use super::super::{FileKind, Metadata};
use super::FailureReason;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, statat};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

/// How many folder handles stay open: two generations of this many. The usual
/// limit of a process is 1024 handles; entries come in tree order, so a few
/// dozen already hit nearly always (chosen).
const HANDLES_PER_GENERATION: usize = 128;

/// Handles on the target and the folders in it.
///
/// A handle is opened once without following any link; from then on, what is
/// made through it lands in that folder, whatever is moved or linked meanwhile.
pub(super) struct Folders {
    target: Beneath,
    recent: Mutex<Generations>,
}

/// A folder in the target.
#[derive(Clone)]
pub(super) enum Handle {
    Target(Arc<Folders>),
    Below(Arc<OwnedFd>),
}

#[derive(Default)]
struct Generations {
    young: HashMap<Vec<u8>, Arc<OwnedFd>>,
    old: HashMap<Vec<u8>, Arc<OwnedFd>>,
    /// Folders that were made here.
    made: HashSet<Vec<u8>>,
}

impl Folders {
    pub fn new(target: Beneath) -> Arc<Self> {
        Arc::new(Self { target, recent: Mutex::default() })
    }

    pub fn target(&self) -> &Beneath {
        &self.target
    }

    /// The folder at `path`, which was checked; made with its parents where it is missing.
    pub fn at(self: &Arc<Self>, path: &[u8]) -> Result<Handle, FailureReason> {
        if path.is_empty() {
            return Ok(Handle::Target(Arc::clone(self)));
        }
        if let Some(handle) = self.lock().get(path) {
            return Ok(Handle::Below(handle));
        }
        let handle = match self.target.at(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(path)?,
            Err(error) => return Err(self.obstacle(path).unwrap_or(failed("open the folder of", error))),
        };
        let handle = Arc::new(handle);
        self.lock().put(path, Arc::clone(&handle));
        Ok(Handle::Below(handle))
    }

    /// Forgets a folder that was removed.
    pub fn forget(&self, path: &[u8]) {
        let mut recent = self.lock();
        recent.young.remove(path);
        recent.old.remove(path);
        recent.made.remove(path);
    }

    /// Notes that the folder at `path` was made just now.
    pub fn note_made(&self, path: &[u8]) {
        self.lock().made.insert(path.to_vec());
    }

    /// Whether the folder was made here: what is in it came after that.
    pub fn is_new(&self, path: &[u8]) -> bool {
        self.lock().made.contains(path)
    }

    /// As `mkdir -p`, but never through a link. Folders that an archive does
    /// not describe get the mode that a new folder usually gets.
    fn make(&self, path: &[u8]) -> Result<OwnedFd, FailureReason> {
        const FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
        let mut handle: Option<OwnedFd> = None;
        let mut end = 0;
        for name in path.split(|&byte| byte == b'/') {
            end += name.len();
            let from = handle.as_ref().map_or(self.target.as_fd(), AsFd::as_fd);
            let next = match openat(from, name, FLAGS, Mode::empty()) {
                Err(Errno::NOENT) => match mkdirat(from, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) => {
                        self.note_made(&path[..end]);
                        openat(from, name, FLAGS, Mode::empty())
                    }
                    // Another thread needs the same folder.
                    Err(Errno::EXIST) => openat(from, name, FLAGS, Mode::empty()),
                    Err(errno) => return Err(failed("make the folder of", errno)),
                },
                other => other,
            };
            match next {
                Ok(next) => handle = Some(next),
                Err(errno) => return Err(self.obstacle(path).unwrap_or(failed("open the folder of", errno))),
            }
            // The slash.
            end += 1;
        }
        handle.ok_or(FailureReason::Entry("the folder has no name"))
    }

    /// What stands where `path` needs a folder, if that is why it cannot be opened.
    fn obstacle(&self, path: &[u8]) -> Option<FailureReason> {
        let ends = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let (folder, name) = split(&path[..end]);
            let folder = self.target.at(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).ok()?;
            let kind = Metadata::from(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?).kind;
            if kind != FileKind::Directory {
                return Some(FailureReason::InTheWay { path: path[..end].to_vec(), kind });
            }
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.recent.lock().expect("no thread panics while it looks up a handle")
    }
}

impl Generations {
    fn get(&mut self, path: &[u8]) -> Option<Arc<OwnedFd>> {
        if let Some(handle) = self.young.get(path) {
            return Some(Arc::clone(handle));
        }
        let (path, handle) = self.old.remove_entry(path)?;
        self.put(&path, Arc::clone(&handle));
        Some(handle)
    }

    fn put(&mut self, path: &[u8], handle: Arc<OwnedFd>) {
        if self.young.len() >= HANDLES_PER_GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(path.to_vec(), handle);
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Target(folders) => folders.target.as_fd(),
            Self::Below(handle) => handle.as_fd(),
        }
    }
}

pub(super) fn failed(action: &'static str, error: impl Into<io::Error>) -> FailureReason {
    FailureReason::Io { action, source: error.into() }
}
