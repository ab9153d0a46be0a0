//! Writing a tree back: every entry as it was, and nothing outside the target.
//!
//! [`Restorer`] is used from several threads at once, in any order. Every name
//! in an archive is hostile: paths are checked ([`check_path`]), and everything
//! is made relative to handles of folders that were opened below the target
//! without following a link ([`folders`]). So neither `..`, nor a link that the
//! archive laid, nor one that somebody puts there meanwhile leads elsewhere.
//!
//! A file is written under a temporary name in its folder and renamed when it
//! is whole with all its attributes. Where the folder is new and the file is
//! written at once ([`Restorer::write_file`]), it has its real name from the
//! start: looking first and renaming took a third of the time of restoring small
//! files. It has its time last, so what a kill leaves of it looks other than it should:
//! a repeated restore writes it anew, or tells of it where nothing is to be
//! overwritten. Folders get their attributes last, deepest first, in [`Restorer::finish`].

mod attributes;
mod file;
mod folders;
mod others;
mod path;
mod preview;
mod report;

pub use file::RestoreFile;
pub use path::{PathRejection, check_path};
pub use preview::Preview;
pub use report::{
    FAILURES_KEPT_MAX, FailureReason, Loss, Outcome, RestoreCounts, RestoreFailure, RestoreNote, RestoreReport,
};

use super::beneath::{Beneath, split};
use super::xattrs::Xattr;
use super::{FileKind, Metadata, plain_reason, tree_order};
use attributes::{Attributes, Wanted, open_subject};
use folders::{Folders, Handle, failed};
use report::Tally;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, mkdirat, readlinkat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{fs, io};

/// One entry of a tree to restore.
///
/// Of the metadata, what the system keeps for itself (`ctime`, `dev`, `ino`,
/// `nlink`) is not looked at; `blocks` tells whether a file was sparse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Below the target; empty: the target itself.
    pub path: Vec<u8>,
    pub metadata: Metadata,
    /// Of a symbolic link.
    pub link_target: Option<Vec<u8>>,
    pub xattrs: Vec<Xattr>,
}

/// What to do where something is already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it as it is.
    Never,
    /// Write what differs in type, size, modification time or link target; give
    /// the rest its attributes only.
    #[default]
    Changed,
    /// Write everything anew.
    Always,
}

/// Why a restore cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("cannot open the target `{}`: {}", path.display(), plain_reason(source))]
    Target { path: PathBuf, source: io::Error },
    #[error("another restore is writing to `{}`: wait for it to end", path.display())]
    Busy { path: PathBuf },
}

/// Writes entries into a target folder. Clones are the same restorer.
#[derive(Clone)]
pub struct Restorer(Arc<Inner>);

struct Inner {
    overwrite: Overwrite,
    folders: Arc<Folders>,
    attributes: Attributes,
    tally: Tally,
    /// Folders whose attributes are due at the end.
    pending: Mutex<Vec<PendingFolder>>,
}

struct PendingFolder {
    path: Box<[u8]>,
    metadata: Metadata,
    xattrs: Box<[Xattr]>,
}

/// What stands where an entry belongs.
enum Standing {
    Nothing,
    /// To be replaced by a rename.
    Replaceable,
    /// To be kept; what is to be done about its attributes is done.
    Kept,
}

enum Verdict {
    Keep,
    Replace,
}

impl Restorer {
    /// Opens the target, which is made with its parents if it is missing.
    ///
    /// # Errors
    /// `Busy` while another restorer writes there.
    pub fn new(target: &Path, overwrite: Overwrite) -> Result<Self, RestoreError> {
        let failed = |source| RestoreError::Target { path: target.to_owned(), source };
        let is_new = make_target(target).map_err(failed)?;
        let beneath = Beneath::open(target).map_err(failed)?;
        // Not every network file system can lock; there, two restores that write
        // the same files at once may take each other's temporary files away.
        if flock(&beneath, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(RestoreError::Busy { path: target.to_owned() });
        }
        let folders = Folders::new(beneath);
        if is_new {
            folders.note_made(b"");
        }
        Ok(Self(Arc::new(Inner {
            overwrite,
            folders,
            attributes: Attributes::new(),
            tally: Tally::default(),
            pending: Mutex::default(),
        })))
    }

    /// Makes a folder, or takes the one that is there. Its attributes are set
    /// in [`Restorer::finish`]; until then only we can use a new one.
    pub fn directory(&self, entry: &Entry) -> Outcome {
        self.0.tally.settle(&entry.path, self.0.directory(entry))
    }

    /// Begins to write a file. None: there is nothing to write, because what is
    /// there stays or because it failed; both are counted.
    pub fn begin_file(&self, entry: &Entry) -> Option<RestoreFile> {
        match file::begin(&self.0, entry) {
            Ok(Some(file)) => Some(file),
            Ok(None) => {
                self.0.tally.settle(&entry.path, Ok(Outcome::Skipped));
                None
            }
            Err(reason) => {
                self.0.tally.settle(&entry.path, Err(reason));
                None
            }
        }
    }

    /// Writes a whole file.
    pub fn write_file(&self, entry: &Entry, content: &[u8]) {
        match file::begin_new(&self.0, entry) {
            Ok(Some(file)) => file.finish_with(content),
            Ok(None) => {
                if let Some(file) = self.begin_file(entry) {
                    file.finish_with(content);
                }
            }
            Err(reason) => _ = self.0.tally.settle(&entry.path, Err(reason)),
        }
    }

    /// Makes a symbolic link, which may point anywhere: nothing follows it here.
    pub fn symlink(&self, entry: &Entry) -> Outcome {
        self.0.tally.settle(&entry.path, others::symlink(&self.0, entry))
    }

    /// Gives what was restored as `first` the further name `new`. None, and
    /// nothing is counted: `first` does not stand at its path, since it failed
    /// or something else was to stay there, or the file system has no hard links.
    pub fn hard_link(&self, first: &Entry, new: &[u8]) -> Option<Outcome> {
        match others::hard_link(&self.0, first, new) {
            Ok(None) => None,
            Ok(Some(outcome)) => Some(self.0.tally.settle(new, Ok(outcome))),
            Err(reason) => Some(self.0.tally.settle(new, Err(reason))),
        }
    }

    /// Makes a device or named pipe; a socket is noted and skipped.
    pub fn node(&self, entry: &Entry) -> Outcome {
        self.0.tally.settle(&entry.path, others::node(&self.0, entry))
    }

    /// Counts an entry as failed whose content cannot be had.
    pub fn fail(&self, path: &[u8], why: impl Into<String>) {
        self.0.tally.settle(path, Err(FailureReason::Content(why.into())));
    }

    /// Sets the folders' attributes and tells how it went. Everything must have
    /// been committed or dropped; a second call tells of what came since.
    pub fn finish(&self) -> RestoreReport {
        let mut pending = std::mem::take(&mut *self.0.pending());
        // Backwards in tree order, each folder comes after all that it holds.
        pending.sort_by(|a, b| tree_order(&b.path, &a.path));
        for folder in &pending {
            if let Err(reason) = self.0.finish_folder(folder) {
                self.0.tally.settle(&folder.path, Err(reason));
            }
        }
        self.0.tally.report()
    }
}

impl Inner {
    fn directory(&self, entry: &Entry) -> Result<Outcome, FailureReason> {
        check_path(&entry.path).map_err(FailureReason::Path)?;
        if entry.path.is_empty() {
            if self.overwrite != Overwrite::Never || self.folders.is_new(b"") {
                self.defer(entry);
            }
            return Ok(Outcome::Skipped);
        }
        let (folder, name) = self.place(&entry.path)?;
        let make = || mkdirat(&folder, name, Mode::RWXU);
        let outcome = match make() {
            Ok(()) => {
                self.folders.note_made(&entry.path);
                Outcome::Written
            }
            Err(Errno::EXIST) => {
                let found = inspect(&folder, name)?;
                if found.kind == FileKind::Directory {
                    if self.overwrite == Overwrite::Never {
                        // What a killed restore made is still closed to others. Times change with what is put in.
                        if (found.mode ^ entry.metadata.mode) & 0o777 != 0 {
                            self.tally.differs(&entry.path);
                        }
                        return Ok(Outcome::Skipped);
                    }
                    self.open_up(&entry.path, &found);
                    Outcome::Skipped
                } else if self.overwrite == Overwrite::Never {
                    return Err(FailureReason::InTheWay { path: entry.path.clone(), kind: found.kind });
                } else {
                    unlinkat(&folder, name, AtFlags::empty()).map_err(|errno| failed("replace", errno))?;
                    make().map_err(|errno| failed("make the folder", errno))?;
                    Outcome::Replaced
                }
            }
            Err(errno) => return Err(failed("make the folder", errno)),
        };
        self.defer(entry);
        Ok(outcome)
    }

    /// Lets us write into a folder of ours that forbids even that; its mode is
    /// given back at the end.
    fn open_up(&self, path: &[u8], found: &Metadata) {
        if found.mode & 0o700 == 0o700 {
            return;
        }
        let Ok(handle) = self.folders.at(path) else { return };
        // Where this fails the entries below will fail, with the reason.
        let _ = attributes::set_mode_of_handle(handle.as_fd(), found.mode | 0o700);
    }

    fn defer(&self, entry: &Entry) {
        self.pending().push(PendingFolder {
            path: entry.path.as_slice().into(),
            metadata: entry.metadata.clone(),
            xattrs: entry.xattrs.as_slice().into(),
        });
    }

    fn finish_folder(&self, folder: &PendingFolder) -> Result<(), FailureReason> {
        let target = self.folders.target();
        let handle = target
            .at(&folder.path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            .map_err(|error| failed("set the attributes of", error))?;
        let wanted = Wanted { path: &folder.path, metadata: &folder.metadata, xattrs: &folder.xattrs };
        self.attributes.apply(&open_subject(&handle), &wanted, &self.tally)
    }

    /// The folder that an entry goes into, and its name there.
    fn place<'path>(&self, path: &'path [u8]) -> Result<(Handle, &'path [u8]), FailureReason> {
        check_path(path).map_err(FailureReason::Path)?;
        let (folder, name) = split(path);
        if name.is_empty() {
            return Err(FailureReason::Entry("the target itself can only be a folder"));
        }
        Ok((self.folders.at(folder)?, name))
    }

    /// Decides what becomes of what stands where `entry` belongs, and makes room.
    fn make_room(&self, entry: &Entry, folder: &Handle, name: &[u8]) -> Result<Standing, FailureReason> {
        let Some(found) = look(folder.as_fd(), name)? else { return Ok(Standing::Nothing) };
        match judge(self.overwrite, entry, &found, folder.as_fd(), name) {
            Verdict::Keep if self.overwrite == Overwrite::Never => {
                if !is_same(entry, &found, folder.as_fd(), name) {
                    self.tally.differs(&entry.path);
                }
                Ok(Standing::Kept)
            }
            Verdict::Keep => {
                let subject = attributes::Subject::named(folder.as_fd(), name, found.kind)?;
                self.attributes.apply(&subject, &wanted(entry), &self.tally)?;
                Ok(Standing::Kept)
            }
            Verdict::Replace if found.kind == FileKind::Directory => {
                unlinkat(folder, name, AtFlags::REMOVEDIR).map_err(|errno| match errno {
                    Errno::NOTEMPTY | Errno::EXIST => FailureReason::FolderInTheWay,
                    errno => failed("replace", errno),
                })?;
                self.folders.forget(&entry.path);
                Ok(Standing::Replaceable)
            }
            Verdict::Replace => Ok(Standing::Replaceable),
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Vec<PendingFolder>> {
        self.pending.lock().expect("no thread panics while it notes a folder")
    }
}

/// Makes the target with its parents; whether it was missing.
fn make_target(target: &Path) -> io::Result<bool> {
    fs::create_dir_all(target.parent().unwrap_or(target))?;
    match fs::create_dir(target) {
        Ok(()) => Ok(true),
        Err(_) if target.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

fn wanted(entry: &Entry) -> Wanted<'_> {
    Wanted { path: &entry.path, metadata: &entry.metadata, xattrs: &entry.xattrs }
}

/// Makes something new in `folder` under a temporary name, in the place of what a
/// restore that was killed left there.
fn make_temporary<T>(folder: &Handle, name: &[u8], make: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    match make() {
        Err(Errno::EXIST) => unlinkat(folder, name, AtFlags::empty()).and_then(|()| make()),
        other => other,
    }
}

fn inspect(folder: &Handle, name: &[u8]) -> Result<Metadata, FailureReason> {
    look(folder.as_fd(), name)?.ok_or_else(|| failed("inspect", Errno::NOENT))
}

/// What stands at `name`; none: nothing.
fn look(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Metadata>, FailureReason> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Metadata::from(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(failed("inspect", errno)),
    }
}

/// What the overwrite policy says of `found`, which stands where `entry`
/// belongs. An entry that is no folder.
fn judge(overwrite: Overwrite, entry: &Entry, found: &Metadata, folder: BorrowedFd<'_>, name: &[u8]) -> Verdict {
    match overwrite {
        Overwrite::Never => Verdict::Keep,
        Overwrite::Changed if is_same(entry, found, folder, name) => Verdict::Keep,
        Overwrite::Changed | Overwrite::Always => Verdict::Replace,
    }
}

/// Whether `found`, at `name` in `folder`, is by its looks what `entry` says.
fn is_same(entry: &Entry, found: &Metadata, folder: BorrowedFd<'_>, name: &[u8]) -> bool {
    let wanted = &entry.metadata;
    found.kind == wanted.kind
        && found.mtime == wanted.mtime
        && match found.kind {
            FileKind::File => found.size == wanted.size,
            FileKind::Symlink => {
                let target = readlinkat(folder, name, Vec::new()).map(CString::into_bytes);
                target.is_ok_and(|target| Some(&target) == entry.link_target.as_ref())
            }
            FileKind::BlockDevice | FileKind::CharDevice => found.rdev == wanted.rdev,
            FileKind::Fifo | FileKind::Socket | FileKind::Directory => true,
        }
}

/// The name under which an entry comes about in its folder. The same for the
/// same name, so that a restore that is repeated after it was killed finds and
/// removes what was left; a hash, because names may already be as long as allowed.
fn temporary_name(name: &[u8]) -> String {
    let hash = blake3::hash(name);
    format!(".plan-partial-{}", &hash.to_hex()[..16])
}

#[cfg(test)]
mod tests;
