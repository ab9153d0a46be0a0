use super::beneath::{Beneath, split};
use super::{FileKind, Metadata, xattrs};
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom, fstat, openat, readlinkat, seek, statat};
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
        self.open_next_file(path, &mut Siblings::default())
    }

    /// [`Root::open_file`] for one file after another: of those that lie in one folder only the names
    /// are looked up.
    pub fn open_next_file(&self, path: &[u8], siblings: &mut Siblings) -> io::Result<(File, Metadata)> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(match siblings.folder_of(path, self)? {
            Some(folder) => {
                let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                quietly(flags, |flags| Ok(openat(folder, split(path).1, flags, Mode::empty())?))?
            }
            None => self.open_quietly(path, flags)?,
        });
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
        quietly(flags, |flags| self.beneath.at(path, flags, Mode::empty()))
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

/// Opens without touching the access time, which only a file's owner may leave alone.
fn quietly(flags: OFlags, open: impl Fn(OFlags) -> io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    match open(flags | OFlags::NOATIME) {
        Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => open(flags),
        other => other,
    }
}

/// The folder of the file that was opened last: the next one is likely to be in it too.
#[derive(Default)]
pub struct Siblings {
    folder: Vec<u8>,
    handle: Option<OwnedFd>,
}

impl Siblings {
    /// A handle on the folder of `path`, from the second file on that is opened in it.
    fn folder_of(&mut self, path: &[u8], root: &Root) -> io::Result<Option<BorrowedFd<'_>>> {
        let (folder, _) = split(path);
        if folder != self.folder {
            self.folder.clear();
            self.folder.extend_from_slice(folder);
            self.handle = None;
            return Ok(None);
        }
        if self.handle.is_none() {
            (self.handle, _) = root.parent(path)?;
        }
        Ok(self.handle.as_ref().map(AsFd::as_fd))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_opened_one_after_the_other_are_those_of_their_paths() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "x/a", "x/b", "x/c", "x/y/a", "x/y/b", "x/z", "y/a", "c"];
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, path.as_os_str().as_encoded_bytes()).unwrap();
        }
        let root = Root::open(folder.path()).unwrap();
        let mut siblings = Siblings::default();
        for path in paths.iter().chain(paths.iter().rev()) {
            let (file, _) = root.open_next_file(path.as_bytes(), &mut siblings).unwrap();
            let content = io::read_to_string(file).unwrap();
            assert_eq!(content, folder.path().join(path).to_str().unwrap());
        }
    }

    #[test]
    fn a_sibling_that_is_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("x")).unwrap();
        for name in ["a", "b"] {
            fs::write(folder.path().join("x").join(name), name).unwrap();
        }
        symlink("a", folder.path().join("x/link")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let mut siblings = Siblings::default();
        for path in ["x/a", "x/b"] {
            root.open_next_file(path.as_bytes(), &mut siblings).unwrap();
        }
        let error = root.open_next_file(b"x/link", &mut siblings).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
    }
}
