//! The threads of a restore.

use super::RestoreRequest;
use crate::archive::{ArchiveTable, Codec, FormatError, FrameReader, FrameTable, zeros};
use crate::base::ContentHash;
use crate::files::restore::{self, RestoreFile, Restorer};
use crate::repository::catalogue::StoreObject;
use crate::repository::{Catalogue, RepositoryError, go_on, io_threads};
use crate::stores::{StoreError, StoreErrorKind};
use crossbeam_channel::{Receiver, bounded};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Frames that wait for a thread: names only, so this costs nothing.
const TASKS_WAITING: usize = 64;

/// A run of a file's bytes in an archive's tar stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) archive: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) file: u32,
    pub(super) file_offset: u64,
}

/// A file to restore that has content.
pub(super) struct FileJob {
    entry: restore::Entry,
    hash: ContentHash,
    /// Stored bytes still to be written.
    remaining: AtomicU64,
    pieces: usize,
    state: Mutex<FileState>,
}

enum FileState {
    Waiting,
    Open(Arc<RestoreFile>),
    /// Committed, skipped or failed.
    Done,
}

impl FileJob {
    pub(super) fn new(entry: restore::Entry, hash: ContentHash, stored_bytes: u64, pieces: usize) -> Self {
        Self { entry, hash, remaining: AtomicU64::new(stored_bytes), pieces, state: Mutex::new(FileState::Waiting) }
    }

    pub(super) fn size(&self) -> u64 {
        self.entry.metadata.size
    }

    /// The file to write to; `None`: nothing is to be written.
    fn open(&self, restorer: &Restorer) -> Option<Arc<RestoreFile>> {
        let mut state = self.state.lock().expect("no thread panics while it holds a file");
        match &*state {
            FileState::Open(file) => Some(Arc::clone(file)),
            FileState::Done => None,
            FileState::Waiting => {
                let file = restorer.begin_file(&self.entry).map(Arc::new);
                *state = file.clone().map_or(FileState::Done, FileState::Open);
                file
            }
        }
    }

    /// Gives the file up, once.
    fn fail(&self, restorer: &Restorer, why: &str) {
        let mut state = self.state.lock().expect("no thread panics while it holds a file");
        if !matches!(std::mem::replace(&mut *state, FileState::Done), FileState::Done) {
            restorer.fail(&self.entry.path, why);
        }
    }

    fn commit(&self, restorer: &Restorer) {
        let state = std::mem::replace(
            &mut *self.state.lock().expect("no thread panics while it holds a file"),
            FileState::Done,
        );
        let FileState::Open(file) = state else { return };
        // Whoever wrote has let go of it before counting its bytes.
        let Ok(file) = Arc::try_unwrap(file) else {
            return restorer.fail(&self.entry.path, "internal error: it is still being written");
        };
        match self.hash_of(&file) {
            Ok(hash) if hash == self.hash => _ = file.commit(),
            Ok(_) => {
                drop(file);
                restorer.fail(&self.entry.path, WRONG_HASH);
            }
            Err(error) => {
                drop(file);
                restorer.fail(&self.entry.path, format!("it can't be read back: {error}"));
            }
        }
    }

    /// Hashes what was written, as it is now in the file.
    fn hash_of(&self, file: &RestoreFile) -> std::io::Result<ContentHash> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        let (mut at, size) = (0, self.size());
        while at < size {
            let want = buffer.len().min(usize::try_from(size - at).unwrap_or(usize::MAX));
            let count = file.content().read_at(&mut buffer[..want], at)?;
            if count == 0 {
                // A hole at the end that is not yet there.
                for piece in zeros(size - at) {
                    hasher.update(piece);
                }
                break;
            }
            hasher.update(&buffer[..count]);
            at += count as u64;
        }
        Ok(ContentHash(*hasher.finalize().as_bytes()))
    }
}

const WRONG_HASH: &str = "its content is damaged: it does not hash to what was backed up";

/// One frame and what is needed of it.
struct Task {
    archive: u32,
    frame: usize,
    table: Arc<FrameTable>,
    parts: Vec<Part>,
}

struct Part {
    file: u32,
    file_offset: u64,
    /// In the frame.
    start: usize,
    length: usize,
}

/// Reads the frames that hold `pieces` (sorted by place) and writes their files.
pub(super) fn run(
    catalogue: &Catalogue<'_>,
    request: &RestoreRequest<'_>,
    restorer: &Restorer,
    archives: &ArchiveTable,
    files: &[FileJob],
    pieces: Vec<Piece>,
) -> Result<(), RepositoryError> {
    let threads = io_threads(request.threads, catalogue.store());
    let failure = Mutex::new(None);
    let (task_in, task_out) = bounded::<Task>(TASKS_WAITING);
    let sent = thread::scope(|scope| {
        for _ in 0..threads {
            let worker = Worker { catalogue, request, restorer, archives, files, tasks: task_out.clone() };
            let failure = &failure;
            let spawned = thread::Builder::new().name("restore".to_owned()).spawn_scoped(scope, move || {
                if let Err(error) = worker.run() {
                    failure.lock().expect("no thread panics while it holds the failure").get_or_insert(error);
                }
            });
            spawned.map_err(|error| RepositoryError::Internal(error.to_string()))?;
        }
        drop(task_out);
        let planned = plan_tasks(catalogue, restorer, archives, files, &pieces, |task| {
            // Closed: all threads have failed.
            task_in.send(task).is_ok()
        });
        // The scope waits for the threads, and they wait for this.
        drop(task_in);
        planned
    });
    if let Some(error) = failure.into_inner().expect("all threads have ended") {
        return Err(error);
    }
    sent?;
    for job in files.iter().filter(|job| job.pieces == 0) {
        job.open(restorer);
        job.commit(restorer);
    }
    Ok(())
}

/// Cuts sorted pieces into frames' shares. Archives that cannot be read fail their files.
fn plan_tasks(
    catalogue: &Catalogue<'_>,
    restorer: &Restorer,
    archives: &ArchiveTable,
    files: &[FileJob],
    pieces: &[Piece],
    mut send: impl FnMut(Task) -> bool,
) -> Result<(), RepositoryError> {
    for of_archive in pieces.chunk_by(|a, b| a.archive == b.archive) {
        let archive = of_archive[0].archive;
        let name = archives.name(archive).unwrap_or_default();
        let table = match frame_table(catalogue, name) {
            Ok(table) => table,
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                let why = error.to_string();
                of_archive.iter().for_each(|piece| files[piece.file as usize].fail(restorer, &why));
                continue;
            }
        };
        let mut task: Option<Task> = None;
        for piece in of_archive {
            let mut at = piece.offset;
            let end = piece.offset + piece.length;
            while at < end {
                let Some(frame) = table.at(at) else {
                    files[piece.file as usize].fail(restorer, "its content lies beyond the end of its archive");
                    break;
                };
                let start = table.start(frame);
                let stop = end.min(start + table.frame(frame).unpacked);
                if task.as_ref().is_some_and(|task| task.frame != frame) && !task.take().is_none_or(&mut send) {
                    return Ok(());
                }
                let task =
                    task.get_or_insert_with(|| Task { archive, frame, table: Arc::clone(&table), parts: Vec::new() });
                task.parts.push(Part {
                    file: piece.file,
                    file_offset: piece.file_offset + (at - piece.offset),
                    start: (at - start) as usize,
                    length: (stop - at) as usize,
                });
                at = stop;
            }
        }
        if !task.is_none_or(&mut send) {
            return Ok(());
        }
    }
    Ok(())
}

/// The frames of an archive.
pub(in crate::repository) fn frame_table(
    catalogue: &Catalogue<'_>,
    archive: &str,
) -> Result<Arc<FrameTable>, RepositoryError> {
    let index = catalogue.index_of_archive(archive)?;
    let failed = |error| RepositoryError::object(catalogue.store(), archive, error);
    let listed = index.archives.iter().find(|listed| listed.name == archive);
    let listed = listed.ok_or_else(|| failed(FormatError::corrupt("an index", "it does not list its archive")))?;
    FrameTable::new(&listed.frames).map(Arc::new).map_err(failed)
}

/// Whether an error will meet every other file too.
fn is_fatal(error: &RepositoryError) -> bool {
    match error {
        RepositoryError::Cancelled | RepositoryError::Internal(_) => true,
        // The snapshot was opened: an archive that the key does not fit is damaged, or of another key's time.
        RepositoryError::Object { source: FormatError::NoKey, .. } => true,
        RepositoryError::Store(StoreError { kind, .. }) => {
            use StoreErrorKind::{Disk, NotFound, TooLarge, Unexpected};
            !matches!(kind, NotFound | Unexpected | TooLarge | Disk)
        }
        _ => false,
    }
}

struct Worker<'a> {
    catalogue: &'a Catalogue<'a>,
    request: &'a RestoreRequest<'a>,
    restorer: &'a Restorer,
    archives: &'a ArchiveTable,
    files: &'a [FileJob],
    tasks: Receiver<Task>,
}

impl Worker<'_> {
    fn run(self) -> Result<(), RepositoryError> {
        let mut open = LastArchive::default();
        while let Ok(task) = self.tasks.recv() {
            go_on(&self.request.cancel)?;
            let name = self.archives.name(task.archive).unwrap_or_default();
            match open.frame(self.catalogue, (task.archive, name), &task.table, task.frame) {
                Ok(bytes) => task.parts.iter().for_each(|part| self.part(part, bytes)),
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    let why = error.to_string();
                    task.parts.iter().for_each(|part| self.files[part.file as usize].fail(self.restorer, &why));
                }
            }
        }
        Ok(())
    }

    fn part(&self, part: &Part, frame: &[u8]) {
        let job = &self.files[part.file as usize];
        let Some(bytes) = frame.get(part.start..part.start + part.length) else {
            return job.fail(self.restorer, "its content lies beyond the end of its frame");
        };
        if part.length as u64 == job.size() && ContentHash::of(bytes) == job.hash {
            return self.whole(job, bytes);
        }
        let Some(file) = job.open(self.restorer) else { return };
        let written = file.write_at(part.file_offset, bytes);
        drop(file);
        if let Err(error) = written {
            return job.fail(self.restorer, &error.to_string());
        }
        let left = job.remaining.fetch_sub(part.length as u64, Ordering::AcqRel) - part.length as u64;
        if left == 0 {
            job.commit(self.restorer);
            self.done(job);
        }
    }

    /// A file that lies whole in one frame, already found right.
    fn whole(&self, job: &FileJob, bytes: &[u8]) {
        *job.state.lock().expect("no thread panics while it holds a file") = FileState::Done;
        self.restorer.write_file(&job.entry, bytes);
        self.done(job);
    }

    fn done(&self, job: &FileJob) {
        self.request.progress.done_files.fetch_add(1, Ordering::Relaxed);
        self.request.progress.done_bytes.fetch_add(job.size(), Ordering::Relaxed);
    }
}

/// The archive that a thread read last: frames come archive by archive, so it is opened
/// once, mostly.
#[derive(Default)]
pub(in crate::repository) struct LastArchive {
    open: Option<(u32, FrameReader<StoreObject>)>,
    /// The frame read last: as it is stored, and unpacked.
    packed: Vec<u8>,
    bytes: Vec<u8>,
}

impl LastArchive {
    /// The bytes of a frame of the archive of that number and name.
    pub(in crate::repository) fn frame(
        &mut self,
        catalogue: &Catalogue<'_>,
        (archive, name): (u32, &str),
        table: &FrameTable,
        frame: usize,
    ) -> Result<&[u8], RepositoryError> {
        let reader = match self.open.take().filter(|(opened, _)| *opened == archive) {
            Some((_, reader)) => reader,
            None => open_frames(catalogue, name)?,
        };
        let (_, reader) = self.open.insert((archive, reader));
        let read = reader.read(table, frame, &mut self.packed, &mut self.bytes);
        read.map_err(|error| RepositoryError::object(catalogue.store(), name, error))?;
        Ok(&self.bytes)
    }
}

/// Opens an archive for reading frames.
pub(super) fn open_frames(
    catalogue: &Catalogue<'_>,
    archive: &str,
) -> Result<FrameReader<StoreObject>, RepositoryError> {
    FrameReader::new(catalogue.unsealed(archive)?, Codec::of_name(archive))
        .map_err(|error| RepositoryError::object(catalogue.store(), archive, error))
}
