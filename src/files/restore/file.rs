use super::super::FileKind;
use super::attributes::open_subject;
use super::folders::{Handle, failed};
use super::{Entry, FailureReason, Inner, Outcome, Standing, make_temporary, temporary_name, wanted};
use rustix::fs::{AtFlags, FallocateFlags, OFlags, fallocate, ftruncate, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files from this size on get their blocks before their content: they come
/// in one piece on the disk, and a full disk is seen at once. Below, the file
/// system's delayed allocation does as well (chosen).
const PREALLOCATE_MIN_BYTES: u64 = 4 << 20;

/// In a sparse file, zeros are left out in pieces of this size: the block size
/// of nearly every file system.
const HOLE_BYTES: usize = 4096;

/// A file that is being restored: written by any number of threads, then
/// committed. Dropped without that, nothing of it stays.
pub struct RestoreFile {
    inner: Arc<Inner>,
    entry: Entry,
    folder: Handle,
    /// The name that it has until it is committed. None: its own from the start.
    temporary: Option<String>,
    file: File,
    outcome: Outcome,
    /// End of what was written so far.
    written_to: AtomicU64,
    is_sparse: bool,
    is_committed: bool,
}

/// None: what is there stays.
pub(super) fn begin(inner: &Arc<Inner>, entry: &Entry) -> Result<Option<RestoreFile>, FailureReason> {
    if entry.metadata.kind != FileKind::File {
        return Err(FailureReason::Entry("it is no file and has no content"));
    }
    let (folder, name) = inner.place(&entry.path)?;
    let outcome = match inner.make_room(entry, &folder, name)? {
        Standing::Kept => return Ok(None),
        Standing::Nothing => Outcome::Written,
        Standing::Replaceable => Outcome::Replaced,
    };
    let temporary = temporary_name(name);
    let name = temporary.as_bytes();
    let made = make_temporary(&folder, name, || create(inner, entry, &folder, name));
    let file = made.map_err(|errno| failed("create", errno))?;
    let file = RestoreFile::new(inner, entry, folder, Some(temporary), file, outcome);
    let size = entry.metadata.size;
    if size >= PREALLOCATE_MIN_BYTES && !file.is_sparse {
        match fallocate(&file.file, FallocateFlags::empty(), 0, size) {
            // From here on the file has its length.
            Ok(()) => file.written_to.store(size, Ordering::Relaxed),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => return Err(failed("make room for", errno)),
            Err(_) => {}
        }
    }
    Ok(Some(file))
}

/// Begins a file in a new folder, under its own name, for content that is at hand.
/// None: not so here, see [`begin`].
pub(super) fn begin_new(inner: &Arc<Inner>, entry: &Entry) -> Result<Option<RestoreFile>, FailureReason> {
    let (folder, _) = super::split(&entry.path);
    if entry.metadata.kind != FileKind::File || !inner.folders.is_new(folder) {
        return Ok(None);
    }
    let (folder, name) = inner.place(&entry.path)?;
    match create(inner, entry, &folder, name) {
        Ok(file) => Ok(Some(RestoreFile::new(inner, entry, folder, None, file, Outcome::Written))),
        // By the archive itself, if it has two of that name, or by somebody else.
        Err(Errno::EXIST) => Ok(None),
        Err(errno) => Err(failed("create", errno)),
    }
}

fn create(inner: &Inner, entry: &Entry, folder: &Handle, name: &[u8]) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, inner.attributes.creation_mode(&wanted(entry))).map(File::from)
}

impl RestoreFile {
    fn new(
        inner: &Arc<Inner>,
        entry: &Entry,
        folder: Handle,
        temporary: Option<String>,
        file: File,
        outcome: Outcome,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            entry: entry.clone(),
            folder,
            temporary,
            file,
            outcome,
            written_to: AtomicU64::new(0),
            is_sparse: entry.metadata.is_sparse(),
            is_committed: false,
        }
    }

    pub fn path(&self) -> &[u8] {
        &self.entry.path
    }

    /// What was written so far, to be read back. Its length may be less than the entry's yet.
    pub fn content(&self) -> &File {
        &self.file
    }

    /// Writes `bytes` at `offset`; what is never written reads as zeros.
    ///
    /// # Errors
    /// Where the system refuses, or where the bytes go beyond the entry's size.
    /// Give the reason to [`RestoreFile::fail`] then, or to [`super::Restorer::fail`]
    /// where other threads still hold the file.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FailureReason> {
        let end = offset.checked_add(bytes.len() as u64).filter(|&end| end <= self.entry.metadata.size);
        let end = end.ok_or(FailureReason::Entry("it has more content than its size says"))?;
        let written = if self.is_sparse { self.write_sparsely(offset, bytes) } else { self.write(offset, bytes) };
        let written = written.map_err(|error| failed("write", error))?;
        self.written_to.fetch_max(end, Ordering::Relaxed);
        self.inner.tally.add_bytes(written);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<u64> {
        self.file.write_all_at(bytes, offset)?;
        Ok(bytes.len() as u64)
    }

    /// Leaves out the whole blocks that hold only zeros.
    fn write_sparsely(&self, offset: u64, bytes: &[u8]) -> std::io::Result<u64> {
        let mut written = 0;
        let mut start = 0;
        let mut at = 0;
        while at < bytes.len() {
            let to_boundary = HOLE_BYTES - ((offset + at as u64) % HOLE_BYTES as u64) as usize;
            let end = (at + to_boundary).min(bytes.len());
            let is_hole = end - at == HOLE_BYTES && bytes[at..end].iter().all(|&byte| byte == 0);
            if is_hole {
                written += self.write(offset + start as u64, &bytes[start..at])?;
                start = end;
            }
            at = end;
        }
        // A last short block was not a hole, so this reaches the end of what was given or of its last hole.
        Ok(written + self.write(offset + start as u64, &bytes[start..])?)
    }

    /// Gives the file its attributes and its real name.
    pub fn commit(mut self) -> Outcome {
        let settled = self.settle();
        self.inner.tally.settle(&self.entry.path, settled)
    }

    fn settle(&mut self) -> Result<Outcome, FailureReason> {
        let size = self.entry.metadata.size;
        if self.is_sparse || self.written_to.load(Ordering::Relaxed) < size {
            ftruncate(&self.file, size).map_err(|errno| failed("set the size of", errno))?;
        }
        self.inner.attributes.apply(&open_subject(&self.file), &wanted(&self.entry), &self.inner.tally)?;
        if let Some(temporary) = &self.temporary {
            renameat(&self.folder, temporary.as_str(), &self.folder, self.name())
                .map_err(|errno| failed("rename", errno))?;
        }
        self.is_committed = true;
        Ok(self.outcome)
    }

    /// The name that is its own.
    fn name(&self) -> &[u8] {
        super::split(&self.entry.path).1
    }

    /// Writes all content and commits; where that fails, gives the file up.
    pub(super) fn finish_with(self, content: &[u8]) {
        match self.write_at(0, content) {
            Ok(()) => _ = self.commit(),
            Err(reason) => self.fail(reason),
        }
    }

    /// Gives the file up and counts it as failed.
    pub fn fail(self, reason: FailureReason) {
        self.inner.tally.settle(&self.entry.path, Err(reason));
    }
}

impl Drop for RestoreFile {
    fn drop(&mut self) {
        if !self.is_committed {
            // What cannot be removed is removed when the restore is repeated.
            let name = self.temporary.as_ref().map_or(self.name(), String::as_bytes);
            let _ = unlinkat(self.folder.as_fd(), name, AtFlags::empty());
        }
    }
}
