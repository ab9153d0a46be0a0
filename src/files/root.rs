use super::beneath::{Beneath, split};
use super::{FileKind, Metadata, xattrs};
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom, fstat, readlinkat, seek, statat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Longest list of data segments that is reported; a file with more holes is
/// read as one dense segment, which is slower but as correct.
const SEGMENTS_MAX: usize = 1 << 20;

/// A handle on the folder that a source's paths are relative to.
///
/// Everything is opened relative to the handle and no symbolic link below it is
/// followed, so a tree that changes while it is read can at worst give an
/// error, never a file from elsewhere. Paths may be longer than `PATH_MAX`.
pub struct Root {
    path: PathBuf,
    beneath: Beneath,
}

impl Root {
    /// Opens the folder at `path`, following symbolic links in `path` itself.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), beneath: Beneath::open(path)? })
    }

    /// The path that the root was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `lstat` of `path`, to see whether it changed since the walk.
    pub fn metadata(&self, path: &[u8]) -> io::Result<Metadata> {
        if path.is_empty() {
            return Ok(Metadata::from(&fstat(&self.beneath)?));
        }
        let (folder, name) = self.parent(path)?;
        let folder = folder.as_ref().map_or(self.beneath.as_fd(), AsFd::as_fd);
        Ok(Metadata::from(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?))
    }

    /// Opens a regular file for reading, without touching its access time
    /// where that is allowed, and without ever waiting for a pipe's writer.
    ///
    /// The metadata is the open file's own: it differs from what the walk saw
    /// where the file was written or replaced since, and then is the right one.
    ///
    /// # Errors
    /// Also when the path is something other than a regular file by now.
    pub fn open_file(&self, path: &[u8]) -> io::Result<(File, Metadata)> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.open_quietly(path, flags)?);
        let metadata = file_metadata(&file)?;
        if metadata.kind != FileKind::File {
            return Err(io::Error::other(format!(
                "was a file when it was listed and is a {} now",
                metadata.kind.noun()
            )));
        }
        Ok((file, metadata))
    }

    /// The target of a symbolic link, as the bytes that it holds.
    pub fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let (folder, name) = self.parent(path)?;
        let folder = folder.as_ref().map_or(self.beneath.as_fd(), AsFd::as_fd);
        Ok(readlinkat(folder, name, Vec::new())?.into_bytes())
    }

    /// Every extended attribute that can be given back, sorted by name; see
    /// [`xattrs::of_file`] for a file that is already open. Links and devices
    /// are asked themselves and not opened.
    pub fn xattrs(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        if path.is_empty() {
            return xattrs::of_file(&self.beneath);
        }
        let (folder, name) = self.parent(path)?;
        xattrs::of_name(folder.as_ref().map_or(self.beneath.as_fd(), AsFd::as_fd), name)
    }

    /// Opens a folder for listing, without touching its access time.
    pub(super) fn open_directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        self.open_quietly(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    pub(super) fn beneath(&self) -> &Beneath {
        &self.beneath
    }

    fn open_quietly(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        match self.beneath.at(path, flags | OFlags::NOATIME, Mode::empty()) {
            // Only a file's owner may leave its access time alone.
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                self.beneath.at(path, flags, Mode::empty())
            }
            other => other,
        }
    }

    /// A handle on the folder of `path` (none: it is the root) and the name in it.
    fn parent<'path>(&self, path: &'path [u8]) -> io::Result<(Option<OwnedFd>, &'path [u8])> {
        let (folder, name) = split(path);
        if folder.is_empty() {
            return Ok((None, name));
        }
        let handle = self.beneath.at(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        Ok((Some(handle), name))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.beneath.as_fd()
    }
}

/// `fstat`: what an open file is now.
pub fn file_metadata(file: &File) -> io::Result<Metadata> {
    Ok(Metadata::from(&fstat(file)?))
}

/// Where a file of `size` bytes holds data: ascending, disjoint (offset,
/// length) pairs inside `0..size`. What lies between reads as zeros.
///
/// One segment where the file system cannot tell. Moves the file's position.
pub fn data_segments(file: &File, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut segments = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOTTY) => return Ok(vec![(0, size)]),
            Err(error) => return Err(error.into()),
        };
        if start >= size {
            break;
        }
        let end = match seek(file, SeekFrom::Hole(start)) {
            Ok(end) => end.min(size),
            // It shrank meanwhile; the reader will notice.
            Err(Errno::NXIO) => size,
            Err(error) => return Err(error.into()),
        };
        if segments.len() == SEGMENTS_MAX {
            return Ok(vec![(0, size)]);
        }
        if end > start {
            segments.push((start, end - start));
        }
        at = end.max(start + 1);
    }
    seek(file, SeekFrom::Start(0))?;
    Ok(segments)
}
