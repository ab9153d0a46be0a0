use super::name::TEMPORARY_FOLDER;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use tempfile::NamedTempFile;

/// Writes objects under a folder of this machine so that each appears at once
/// and whole, and stays after a power cut: OpenDAL's `fs` neither syncs folders
/// nor creates a name without a race.
///
/// Files and folders are the owner's alone (0600, 0700).
pub(super) struct LocalFolder {
    root: PathBuf,
    temporary: PathBuf,
    swept: Once,
}

/// A file that has no name in the store yet. Dropping it removes it.
pub(super) struct LocalFile {
    file: NamedTempFile,
    written: u64,
    /// Of these bytes the kernel was asked to begin writing to the disk.
    begun: u64,
}

/// Written bytes that may wait in memory before the disk is put to work, so
/// that the sync at the end has little left to do (chosen).
const WRITEBACK_BYTES: u64 = 8 << 20;

impl LocalFolder {
    /// Touches nothing: the root is created by the first write.
    pub(super) fn new(root: PathBuf, temporary: Option<PathBuf>) -> Self {
        let temporary = temporary.unwrap_or_else(|| root.join(TEMPORARY_FOLDER));
        Self { root, temporary, swept: Once::new() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn create(&self) -> io::Result<LocalFile> {
        create_folders(&self.temporary)?;
        self.swept.call_once(|| sweep(&self.temporary));
        loop {
            let file = NamedTempFile::new_in(&self.temporary)?;
            file.as_file().lock()?;
            // Another process that swept between the two calls took it for abandoned.
            if file.path().exists() {
                return Ok(LocalFile { file, written: 0, begun: 0 });
            }
        }
    }

    /// Gives the file its name, with its bytes and its name on the disk.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` only if not `replace`.
    pub(super) fn commit(
        &self,
        file: LocalFile,
        name: &str,
        replace: bool,
        metadata: &[(String, String)],
    ) -> io::Result<()> {
        let target = self.root.join(name);
        for (key, value) in metadata {
            match xattr::FileExt::set_xattr(file.file.as_file(), format!("user.{key}"), value.as_bytes()) {
                // A file system without attributes stores the bytes all the same.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                result => result?,
            }
        }
        file.file.as_file().sync_all()?;
        let parent = target.parent().expect("a checked name lies under the root");
        create_folders(parent)?;
        let persisted = match replace {
            true => file.file.persist(&target),
            false => file.file.persist_noclobber(&target),
        };
        persisted.map_err(|failed| failed.error)?;
        sync_folder(parent)
    }

    /// Fills `into` with an object's bytes from `offset` on.
    pub(super) fn read_range(&self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<()> {
        File::open(self.root.join(name))?.read_exact_at(into, offset)
    }

    /// Makes deletions of these objects last.
    pub(super) fn sync_parents(&self, names: &[String]) -> io::Result<()> {
        let mut parents: Vec<PathBuf> =
            names.iter().filter_map(|name| self.root.join(name).parent().map(Path::to_owned)).collect();
        parents.sort();
        parents.dedup();
        for parent in parents {
            match sync_folder(&parent) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }
}

impl LocalFile {
    /// Leaves the unfinished file where it is, as a crash would.
    pub(super) fn abandon(self) {
        // Without the handle there is nothing left to remove it.
        let _ = self.file.keep();
    }
}

impl Write for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.as_file_mut().write(bytes)?;
        self.written += count as u64;
        if self.written - self.begun >= WRITEBACK_BYTES {
            begin_writeback(self.file.as_file(), self.begun, self.written - self.begun);
            self.begun = self.written;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Asks the kernel to write a range to the disk now, without waiting for it.
fn begin_writeback(file: &File, offset: u64, length: u64) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open for as long as `file` is borrowed; the call
    // touches no memory. A refusal only means that the sync at the end takes longer.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset as i64, length as i64, libc::SYNC_FILE_RANGE_WRITE);
    }
}

/// Creates a folder with its parents, each lastingly.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folders(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        // Someone else was faster; a file of that name fails later, by name.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent.unwrap_or(Path::new("."))),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes files that crashed writers left: a live writer holds a lock on its
/// own. Best effort: whatever stays costs space only, and is tried again.
fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}
