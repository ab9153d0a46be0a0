use super::super::FileKind;
use super::super::beneath::{Beneath, split};
use super::folders::failed;
use super::{Entry, FailureReason, Outcome, Overwrite, RestoreError, Verdict, check_path, judge, look};
use rustix::fs::{Dir, Mode, OFlags};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// Tells what a [`Restorer`](super::Restorer) would do, and changes nothing.
///
/// Each entry is judged by what is in the target now, so what one entry would
/// change for another is not seen: below a link that a folder would replace,
/// everything is in the way.
pub struct Preview {
    overwrite: Overwrite,
    /// None: there is no target yet, and everything would be written.
    target: Option<Beneath>,
}

impl Preview {
    /// Opens the target, which need not exist.
    ///
    /// # Errors
    /// Where it exists and cannot be opened.
    pub fn open(target: &Path, overwrite: Overwrite) -> Result<Self, RestoreError> {
        match Beneath::open(target) {
            Ok(beneath) => Ok(Self { overwrite, target: Some(beneath) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { overwrite, target: None }),
            Err(source) => Err(RestoreError::Target { path: target.to_owned(), source }),
        }
    }

    /// What would become of the entry, as far as can be told beforehand.
    pub fn outcome(&self, entry: &Entry) -> Result<Outcome, FailureReason> {
        check_path(&entry.path).map_err(FailureReason::Path)?;
        if entry.metadata.kind == FileKind::Socket {
            return Ok(Outcome::Skipped);
        }
        let Some(target) = &self.target else { return Ok(Outcome::Written) };
        let (folder, name) = split(&entry.path);
        if name.is_empty() {
            return Ok(Outcome::Skipped);
        }
        let folder = match target.at(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outcome::Written),
            Err(error) => return Err(failed("open the folder of", error)),
        };
        let Some(found) = look(folder.as_fd(), name)? else { return Ok(Outcome::Written) };
        let in_the_way = || FailureReason::InTheWay { path: entry.path.clone(), kind: found.kind };
        match (entry.metadata.kind, found.kind) {
            (FileKind::Directory, FileKind::Directory) => Ok(Outcome::Skipped),
            (FileKind::Directory, _) if self.overwrite == Overwrite::Never => Err(in_the_way()),
            (FileKind::Directory, _) => Ok(Outcome::Replaced),
            _ => match judge(self.overwrite, entry, &found, folder.as_fd(), name) {
                Verdict::Keep => Ok(Outcome::Skipped),
                Verdict::Replace if found.kind == FileKind::Directory && !self.is_empty(&entry.path) => {
                    Err(FailureReason::FolderInTheWay)
                }
                Verdict::Replace => Ok(Outcome::Replaced),
            },
        }
    }

    fn is_empty(&self, folder: &[u8]) -> bool {
        let Some(target) = &self.target else { return true };
        let handle = target.at(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
        let entries = handle.and_then(|handle| Ok(Dir::read_from(handle)?));
        entries.is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| [&b"."[..], b".."].contains(&entry.file_name().to_bytes())))
        })
    }
}
