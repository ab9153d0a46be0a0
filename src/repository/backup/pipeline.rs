//! The threads of a backup: they are started here, joined here, and what went
//! wrong in any of them becomes the run's one error.

use super::buffers::FrameBuffers;
use super::delta::Deltas;
use super::known::Chunks;
use super::limits::{AHEAD_BYTES, BATCHES_IN_FLIGHT, PIECES_WAITING};
use super::pack::Packer;
use super::parent::Parent;
use super::piece::{Batch, FrameTask, Item, Piece};
use super::scan::{Scan, Scanned};
use super::stream::start_command;
use super::write::{Writer, Written};
use super::{BackupRequest, BackupSource};
use crate::archive::{Chunker, Compressor};
use crate::files::{FileKind, FileTime, Metadata, Siblings, Walk};
use crate::repository::delta::BlockKey;
use crate::repository::state::{LocalState, Sums};
use crate::repository::{Repository, RepositoryError, cpu_threads};
use crossbeam_channel::{Sender, bounded};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Everything that the threads produced.
pub(super) struct Packed {
    pub(super) parent: Parent,
    pub(super) scanned: Scanned,
    pub(super) written: Written,
    /// Chunks of this run, by batch.
    pub(super) chunks: Chunks,
    /// Block sums of earlier runs, and the name of those of this one.
    pub(super) sums: (Sums, Option<String>),
}

/// The first error of any thread. Whoever fails sets it and ends; the others
/// find their queues closed and end too.
#[derive(Default)]
pub(super) struct Failure(Mutex<Option<RepositoryError>>);

impl Failure {
    pub(super) fn set(&self, error: RepositoryError) {
        self.0.lock().expect("no thread panics while it holds the failure").get_or_insert(error);
    }

    fn take(&self) -> Option<RepositoryError> {
        self.0.lock().expect("no thread panics while it holds the failure").take()
    }
}

/// Tells the writer when a packing thread ends before its work is done, by an
/// error or a panic: without its pieces the writer would wait for ever.
struct Alarm {
    pieces: Sender<Piece>,
    armed: bool,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.armed {
            // Where the writer is gone too there is nobody to tell.
            let _ = self.pieces.send(Piece::ABORT);
        }
    }
}

/// How far packers are ahead of the writer.
#[derive(Default)]
pub(super) struct Turn {
    /// The batch that the writer is at.
    pub(super) seq: AtomicU64,
    /// Compressed bytes of later batches, sent but not yet written.
    pub(super) ahead_bytes: AtomicU64,
    /// The writer has ended, well or not.
    has_ended: AtomicBool,
}

/// Lets nobody wait for a writer that is gone.
pub(super) struct LastTurn<'a>(pub(super) &'a Turn);

impl Drop for LastTurn<'_> {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}

impl Turn {
    /// Whether the packer of batch `seq` may go on reading.
    pub(super) fn is_open(&self, seq: u64) -> bool {
        self.seq.load(Ordering::Acquire) == seq
            || self.ahead_bytes.load(Ordering::Acquire) < AHEAD_BYTES
            || self.has_ended.load(Ordering::Acquire)
    }
}

/// Hands batches to the packers, as many at once as the pipeline allows.
pub(super) struct Feed {
    batches: Sender<Batch>,
    /// One ticket a batch under way; the writer gives them back.
    tickets: Sender<()>,
    next_seq: u64,
}

impl Feed {
    pub(super) fn send(&mut self, items: Vec<Item>) -> Result<(), RepositoryError> {
        let seq = self.next_seq;
        self.next_seq += 1;
        // A closed queue means that another thread failed: its error is the one that counts.
        let closed = || RepositoryError::Internal("the packing threads ended early".to_owned());
        self.tickets.send(()).map_err(|_| closed())?;
        self.batches.send(Batch { seq, items }).map_err(|_| closed())
    }
}

pub(super) fn run(
    request: &BackupRequest<'_>,
    repository: &Repository,
    state: &LocalState,
    mut parent: Parent,
    key: BlockKey,
) -> Result<Packed, RepositoryError> {
    let chunker = Chunker::new(repository.config.chunker)
        .ok_or_else(|| RepositoryError::Internal("chunk sizes out of range".to_owned()))?;
    let rows = parent.rows(state)?;
    let chunks = Chunks::new(std::mem::take(&mut parent.chunks), !request.full);
    let alive = parent.alive_by_number();
    let sums = Sums::open(state, key, &parent.sums());
    let new_sums = LocalState::sums_name(request.source, &request.run);
    let deltas = Deltas::new(state, sums, new_sums, &alive, !request.full);
    let kernel_now = state.kernel_now()?;
    let (walk, mut command) = match &request.from {
        BackupSource::Files(options) => (Some(Walk::new(options)?), None),
        BackupSource::Command { program, arguments, name } => {
            (None, Some((start_command(program, arguments)?, name.as_bytes().to_vec())))
        }
    };
    let root = walk.as_ref().map(|walk| Arc::clone(walk.root()));
    let failure = Failure::default();
    let threads = cpu_threads(request.threads);
    let (batch_in, batch_out) = bounded::<Batch>(BATCHES_IN_FLIGHT);
    let (ticket_in, ticket_out) = bounded::<()>(BATCHES_IN_FLIGHT);
    // Frames of a large file that wait for a core: one for each of the others keeps
    // them busy, for to fill one takes a fraction of the time to compress it.
    let (frame_in, frame_out) = bounded::<FrameTask>(threads.saturating_sub(1).max(1));
    let (piece_in, piece_out) = bounded::<Piece>(PIECES_WAITING);
    let command_output = Mutex::new(command.as_mut().and_then(|(child, _)| child.take_output()));
    let turn = Turn::default();
    let buffers = FrameBuffers::default();
    let writer = Writer::new(request, repository, state, &mut parent, &deltas, (&turn, &buffers.packed))?;
    let scanned = thread::scope(|scope| {
        let (failure, chunks, deltas, turn, buffers) = (&failure, &chunks, &deltas, &turn, &buffers);
        let writing = thread::Builder::new()
            .name("write".to_owned())
            .spawn_scoped(scope, move || match writer.run(&piece_out, &ticket_out) {
                Ok(written) => Some(written),
                Err(error) => {
                    failure.set(error);
                    None
                }
            })
            .map_err(|error| RepositoryError::Internal(error.to_string()))?;
        for _ in 0..threads {
            let packer = Packer {
                request,
                root: root.clone(),
                chunks,
                deltas,
                turn,
                buffers,
                chunker,
                kernel_now,
                frames: Some(frame_in.clone()),
                tasks: frame_out.clone(),
                pieces: piece_in.clone(),
                compressor: Compressor::new(request.codec)
                    .map_err(|error| RepositoryError::Internal(error.to_string()))?,
                buffer: Vec::new(),
                siblings: Siblings::default(),
                command: &command_output,
            };
            let batch_out = batch_out.clone();
            thread::Builder::new()
                .name("pack".to_owned())
                .spawn_scoped(scope, move || {
                    let mut alarm = Alarm { pieces: packer.pieces.clone(), armed: true };
                    match packer.run(&batch_out) {
                        Ok(()) => alarm.armed = false,
                        Err(error) => failure.set(error),
                    }
                })
                .map_err(|error| RepositoryError::Internal(error.to_string()))?;
        }
        // From here only the threads hold these ends, so that the queues close when they end.
        drop((frame_in, piece_in, batch_out, frame_out));
        let scan = Scan {
            request,
            parent: rows,
            alive: &alive,
            feed: Feed { batches: batch_in, tickets: ticket_in, next_seq: 0 },
            scanned: Scanned::default(),
            pending_bytes: 0,
            items: Vec::new(),
            next_parent: None,
            links: HashMap::new(),
            unlisted: Vec::new(),
            folders: Vec::new(),
        };
        let scanned = match (walk, &command) {
            (Some(walk), _) => scan.run(walk),
            (None, Some((_, path))) => scan.stream(path.clone(), stream_metadata(kernel_now)),
            (None, None) => scan.finish(),
        };
        let written = writing.join().map_err(|_| RepositoryError::Internal("the writing thread failed".to_owned()))?;
        match (failure.take(), scanned, written) {
            // Cancelling closes the queues, which looks like other errors.
            _ if request.cancel.is_cancelled() => Err(RepositoryError::Cancelled),
            (Some(error), _, _) | (None, Err(error), _) => Err(error),
            (None, Ok(scanned), Some(written)) => Ok((scanned, written)),
            (None, Ok(_), None) => Err(RepositoryError::Internal("the writing thread ended early".to_owned())),
        }
    });
    if let Some((child, _)) = command {
        // The command's own failure explains a broken stream better than the stream does.
        let ended = child.wait(scanned.is_err());
        if !request.cancel.is_cancelled() {
            ended?;
        }
    }
    let (scanned, written) = scanned?;
    let sums = deltas.into_parts()?;
    Ok(Packed { parent, scanned, written, chunks, sums })
}

/// What the file that a command's output becomes looks like.
fn stream_metadata(now: FileTime) -> Metadata {
    Metadata {
        kind: FileKind::File,
        size: 0,
        mode: 0o600,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mtime: FileTime { seconds: now.seconds, nanoseconds: 0 },
        ctime: FileTime::default(),
        dev: 0,
        ino: 0,
        nlink: 1,
        rdev: 0,
        blocks: 0,
    }
}
