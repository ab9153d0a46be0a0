//! The work of a packing thread: read, hash, look up, frame, compress.

use super::buffers::FrameBuffers;
use super::delta::{Deltas, Earlier, Stretch};
use super::known::{Chunks, NewChunk};
use super::limits::AHEAD_WAIT;
use super::piece::{Batch, BatchEnd, FrameTask, Item, ItemResult, LinkRole, PendingContent, PendingExtent, Piece};
use super::pipeline::Turn;
use super::scan::is_racy;
use super::stream::StreamInput;
use super::{BackupRequest, Progress};
use crate::archive::{ChunkRow, Chunker, Compressor, Entry, Link, Stamp, TarEntry, limits, padding};
use crate::base::ContentHash;
use crate::files::{self, FileKind, FileTime, Metadata, Root, Siblings};
use crate::repository::{RepositoryError, go_on};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, select_biased};
use rustix::buffer::spare_capacity;
use rustix::io::{read, retry_on_intr};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// One packing thread.
pub(super) struct Packer<'a> {
    pub(super) request: &'a BackupRequest<'a>,
    pub(super) root: Option<Arc<Root>>,
    pub(super) chunks: &'a Chunks,
    pub(super) deltas: &'a Deltas<'a>,
    pub(super) chunker: Chunker,
    pub(super) kernel_now: FileTime,
    pub(super) turn: &'a Turn,
    pub(super) buffers: &'a FrameBuffers,
    /// To the other packers; dropped once there are no more batches.
    pub(super) frames: Option<Sender<FrameTask>>,
    /// From the other packers.
    pub(super) tasks: Receiver<FrameTask>,
    pub(super) pieces: Sender<Piece>,
    pub(super) compressor: Compressor,
    /// A file's content, reused.
    pub(super) buffer: Vec<u8>,
    pub(super) siblings: Siblings,
    pub(super) command: &'a Mutex<Option<Box<dyn Read + Send>>>,
}

/// The tar bytes of a batch while it is packed.
pub(super) struct Output {
    pub(super) seq: u64,
    part: u32,
    /// Bytes of frames already sent.
    sent: u64,
    pub(super) raw: Vec<u8>,
    pub(super) chunks: Vec<ChunkRow>,
}

impl Output {
    /// `raw`: empty, with room for a frame.
    fn new(seq: u64, raw: Vec<u8>) -> Self {
        Self { seq, part: 0, sent: 0, raw, chunks: Vec::new() }
    }

    /// Where the next byte will lie in the batch.
    pub(super) fn offset(&self) -> u64 {
        self.sent + self.raw.len() as u64
    }

    /// Appends content and notes it as a chunk of this run.
    pub(super) fn push_chunk(&mut self, chunks: &Chunks, hash: &ContentHash, bytes: &[u8]) -> PendingExtent {
        let offset = self.offset();
        chunks.add(hash, NewChunk { seq: self.seq, offset, length: bytes.len() as u32 });
        self.raw.extend_from_slice(bytes);
        PendingExtent::Batch { seq: self.seq, offset, length: bytes.len() as u64 }
    }

    pub(super) fn pad(&mut self, size: u64) {
        self.raw.resize(self.raw.len() + padding(size), 0);
    }
}

/// The writer is gone: its error tells why.
fn closed<T>(_: T) -> RepositoryError {
    RepositoryError::Internal("the writing thread ended early".to_owned())
}

impl Packer<'_> {
    pub(super) fn run(mut self, batches: &Receiver<Batch>) -> Result<(), RepositoryError> {
        loop {
            // Frames of a file under way come first: the writer waits for them.
            let batch = select_biased! {
                recv(self.tasks) -> task => {
                    if let Ok(task) = task {
                        self.compress(task)?;
                    }
                    continue;
                }
                recv(batches) -> batch => batch,
            };
            match batch {
                Ok(batch) => self.pack(batch)?,
                Err(_) => break,
            }
        }
        // Others may still be streaming a large file.
        self.frames = None;
        while let Ok(task) = self.tasks.recv() {
            self.compress(task)?;
        }
        Ok(())
    }

    fn compress(&mut self, task: FrameTask) -> Result<(), RepositoryError> {
        let frames = vec![self.pack_frame(task.raw)?];
        self.send(Piece { seq: task.seq, part: task.part, frames, end: None })
    }

    fn send(&self, piece: Piece) -> Result<(), RepositoryError> {
        self.turn.ahead_bytes.fetch_add(piece.stored_bytes(), Ordering::AcqRel);
        self.pieces.send(piece).map_err(closed)
    }

    /// Compresses a frame; with the length of its tar bytes.
    fn pack_frame(&mut self, raw: Vec<u8>) -> Result<(Vec<u8>, u64), RepositoryError> {
        let mut packed = self.buffers.packed.take();
        let compressed = self.compressor.compress_into(&raw, &mut packed);
        compressed.map_err(|error| RepositoryError::Internal(format!("compressing: {error}")))?;
        let length = raw.len() as u64;
        self.buffers.raw.give(raw);
        Ok((packed, length))
    }

    fn pack(&mut self, batch: Batch) -> Result<(), RepositoryError> {
        let mut output = Output::new(batch.seq, self.buffers.raw.take());
        let mut rows = Vec::with_capacity(batch.items.len());
        for item in batch.items {
            go_on(&self.request.cancel)?;
            rows.push(match item {
                Item::Deleted(path) => ItemResult::Deleted(path),
                Item::FolderAgain { path, metadata } => {
                    self.folder_again(&path, &metadata, &mut output);
                    ItemResult::Nothing
                }
                Item::Take { path, metadata, link, parent } => self.take(path, metadata, link, parent, &mut output)?,
                Item::Stream { path, metadata, parent } => {
                    self.stream_command(path, metadata, parent.as_deref(), &mut output)?
                }
            });
            self.flush_full(&mut output)?;
        }
        let mut frames = Vec::new();
        if output.raw.is_empty() {
            self.buffers.raw.give(output.raw);
        } else {
            frames.push(self.pack_frame(output.raw)?);
        }
        let end = Some(BatchEnd { rows, chunks: output.chunks });
        self.send(Piece { seq: output.seq, part: output.part, frames, end })
    }

    /// Sends the frame under way if it is full; called at chunk boundaries only.
    pub(super) fn flush_full(&mut self, output: &mut Output) -> Result<(), RepositoryError> {
        if output.raw.len() < limits::FRAME_BYTES {
            return Ok(());
        }
        self.flush(output)
    }

    fn flush(&mut self, output: &mut Output) -> Result<(), RepositoryError> {
        // Whoever streams the file that the writer waits for never waits here.
        while !self.turn.is_open(output.seq) {
            go_on(&self.request.cancel)?;
            match self.tasks.recv_timeout(AHEAD_WAIT) {
                Ok(task) => self.compress(task)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        output.sent += output.raw.len() as u64;
        let raw = std::mem::replace(&mut output.raw, self.buffers.raw.take());
        let task = FrameTask { seq: output.seq, part: output.part, raw };
        output.part += 1;
        match self.frames.as_ref().map(|frames| frames.try_send(task)) {
            Some(Ok(())) => Ok(()),
            // All others are busy as it is.
            Some(Err(TrySendError::Full(task) | TrySendError::Disconnected(task))) => self.compress(task),
            None => Err(RepositoryError::Internal("a batch after the last".to_owned())),
        }
    }

    fn take(
        &mut self,
        path: Vec<u8>,
        metadata: Metadata,
        link: Option<LinkRole>,
        parent: Option<Box<Entry>>,
        output: &mut Output,
    ) -> Result<ItemResult, RepositoryError> {
        let root = self.root.clone().ok_or_else(|| RepositoryError::Internal("a file without a root".to_owned()))?;
        let had_parent = parent.is_some();
        let taken = match (metadata.kind, link) {
            (_, Some(LinkRole::Again { link, first })) => self.hard_link(&root, &path, &metadata, link, &first, output),
            (FileKind::File, first) => {
                let link = first.as_ref().map(LinkRole::link);
                self.file(&root, &path, &metadata, link, parent.as_deref(), output)?
            }
            (_, first) => self.special(&root, &path, &metadata, first.as_ref().map(LinkRole::link), output),
        };
        Ok(match taken {
            Ok(Taken { entry, content, warning }) => ItemResult::Entry { entry, content, had_parent, warning },
            Err(error) if is_gone(&error) => ItemResult::Vanished { path, had_parent },
            Err(error) => ItemResult::Unreadable { path, error: error.to_string(), parent },
        })
    }

    /// Folders, symbolic links, devices: a header and no content.
    fn special(
        &self,
        root: &Root,
        path: &[u8],
        metadata: &Metadata,
        link: Option<Link>,
        output: &mut Output,
    ) -> io::Result<Taken> {
        let mut entry = self.entry(path, metadata);
        entry.link = link;
        if metadata.kind == FileKind::Symlink {
            entry.link_target = Some(root.read_link(path)?);
        }
        if metadata.kind != FileKind::Socket {
            entry.xattrs = root.xattrs(path)?;
            self.tar_entry(&entry, 0, None).write_header(&mut output.raw);
        }
        Ok(Taken { entry, content: PendingContent::None, warning: None })
    }

    fn folder_again(&self, path: &[u8], metadata: &Metadata, output: &mut Output) {
        let mut entry = self.entry(path, metadata);
        let xattrs = self.root.as_ref().map(|root| root.xattrs(path));
        // Whatever is wrong with them was told when the folder was packed.
        entry.xattrs = xattrs.and_then(Result::ok).unwrap_or_default();
        self.tar_entry(&entry, 0, None).write_header(&mut output.raw);
    }

    /// A further name of what was packed before. It has all that is needed to
    /// be restored alone, its content excepted, which is that of the first name.
    fn hard_link(
        &self,
        root: &Root,
        path: &[u8],
        metadata: &Metadata,
        link: Link,
        first: &[u8],
        output: &mut Output,
    ) -> io::Result<Taken> {
        let mut entry = self.entry(path, metadata);
        entry.link = Some(link);
        if metadata.kind == FileKind::Symlink {
            entry.link_target = Some(root.read_link(path)?);
        }
        if metadata.kind != FileKind::Socket {
            let mut header = self.tar_entry(&entry, 0, Some(first));
            header.is_hard_link = true;
            header.write_header(&mut output.raw);
            entry.xattrs = root.xattrs(path)?;
        }
        Ok(Taken { entry, content: PendingContent::SameAs(link), warning: None })
    }

    /// The outer error ends the run, the inner one this file.
    fn file(
        &mut self,
        root: &Root,
        path: &[u8],
        listed: &Metadata,
        link: Option<Link>,
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Result<io::Result<Taken>, RepositoryError> {
        let opened = root.open_next_file(path, &mut self.siblings).and_then(|(file, metadata)| {
            let xattrs = files::xattrs::of_file(&file)?;
            Ok((file, metadata, xattrs))
        });
        let (file, metadata, xattrs) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Progress::add(&self.request.progress.read_files, 1);
        let mut entry = self.entry(path, &metadata);
        entry.xattrs = xattrs;
        entry.link = link;
        let streams = metadata.size > limits::BUFFERED_FILE_BYTES || (metadata.is_sparse() && listed.is_sparse());
        if streams {
            let input = StreamInput::file(&file, &metadata);
            return match input {
                Ok(input) => self.stream(entry, input, Some((&file, &metadata)), parent, output),
                Err(error) => Ok(Err(error)),
            };
        }
        let warning = match self.read_whole(&file, &metadata, &mut entry) {
            Ok(warning) => warning,
            Err(error) => return Ok(Err(error)),
        };
        let content = self.store_buffered(&entry, parent, output)?;
        Ok(Ok(Taken { entry, content, warning }))
    }

    /// Reads a file into the buffer, once more if it changed meanwhile.
    fn read_whole(&mut self, file: &File, metadata: &Metadata, entry: &mut Entry) -> io::Result<Option<String>> {
        let mut before = metadata.clone();
        let mut warning = None;
        let mut file = file;
        for attempt in 0..2 {
            if attempt > 0 {
                file.rewind()?;
            }
            self.buffer.clear();
            read_up_to(file, before.size, &mut self.buffer)?;
            Progress::add(&self.request.progress.read_bytes, self.buffer.len() as u64);
            let after = files::file_metadata(file)?;
            warning = changed(&before, &after);
            entry.mtime = before.mtime;
            entry.stamp = self.stamp(&before).filter(|_| warning.is_none());
            if warning.is_none() || attempt == 1 || after.size > limits::BUFFERED_FILE_BYTES {
                break;
            }
            before = after;
        }
        entry.size = self.buffer.len() as u64;
        Ok(warning)
    }

    /// Packs the buffer as the content of `entry`, unless the store has it.
    pub(super) fn store_buffered(
        &mut self,
        entry: &Entry,
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Result<PendingContent, RepositoryError> {
        let buffer = std::mem::take(&mut self.buffer);
        let content = self.store_bytes(entry, &buffer, parent, output);
        self.buffer = buffer;
        content
    }

    fn store_bytes(
        &mut self,
        entry: &Entry,
        bytes: &[u8],
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Result<PendingContent, RepositoryError> {
        let size = bytes.len() as u64;
        if size == 0 {
            self.tar_entry(entry, 0, None).write_header(&mut output.raw);
            return Ok(PendingContent::None);
        }
        let hash = ContentHash::of(bytes);
        self.deltas.remember(&hash, bytes)?;
        if size <= limits::WHOLE_FILE_BYTES {
            let extent = match self.chunks.find(&hash, size) {
                Some(known) => known,
                None => {
                    if let Some(extents) = self.buffered_delta(bytes, parent, output) {
                        return Ok(PendingContent::Pending { hash, extents });
                    }
                    self.tar_entry(entry, size, None).write_header(&mut output.raw);
                    let extent = output.push_chunk(self.chunks, &hash, bytes);
                    output.pad(size);
                    extent
                }
            };
            return Ok(PendingContent::Pending { hash, extents: vec![extent] });
        }
        let mut cut = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let window = &bytes[at..bytes.len().min(at + self.chunker.max_size())];
            let end = at + self.chunker.cut(window);
            let chunk_hash = ContentHash::of(&bytes[at..end]);
            cut.push((at..end, chunk_hash, self.chunks.find(&chunk_hash, (end - at) as u64)));
            at = end;
        }
        if cut.iter().any(|(_, _, known)| known.is_none())
            && let Some(extents) = self.buffered_delta(bytes, parent, output)
        {
            self.flush_full(output)?;
            return Ok(PendingContent::Pending { hash, extents });
        }
        let whole = cut.iter().all(|(_, _, known)| known.is_none());
        if whole {
            self.tar_entry(entry, size, None).write_header(&mut output.raw);
        }
        let single = cut.len() == 1;
        let mut extents = Vec::new();
        for (range, chunk_hash, known) in cut {
            let chunk = &bytes[range];
            // Its twin may stand earlier in this very file.
            let known = if whole { None } else { known.or_else(|| self.chunks.find(&chunk_hash, chunk.len() as u64)) };
            let extent = match known {
                Some(known) => known,
                None => self.store_chunk(&chunk_hash, chunk, !whole, !single, output)?,
            };
            push_extent(&mut extents, extent);
            self.flush_full(output)?;
        }
        if whole {
            output.pad(size);
        }
        Ok(PendingContent::Pending { hash, extents })
    }

    /// The extents of a file in memory as pieces of its earlier version, if that pays.
    fn buffered_delta(
        &mut self,
        bytes: &[u8],
        parent: Option<&Entry>,
        output: &mut Output,
    ) -> Option<Vec<PendingExtent>> {
        let mut earlier: Earlier<'_> = self.deltas.earlier(parent)?;
        let stretch = Stretch { position: 0, is_end: true, patience: bytes.len() };
        let mut extents = Vec::new();
        let used = self.delta(bytes, stretch, &mut earlier, None, &mut extents, output);
        (used > 0).then_some(extents)
    }

    /// Appends a chunk, as an entry of its own or as part of the entry under way.
    pub(super) fn store_chunk(
        &mut self,
        hash: &ContentHash,
        chunk: &[u8],
        apart: bool,
        listed: bool,
        output: &mut Output,
    ) -> Result<PendingExtent, RepositoryError> {
        // A chunk that would overfill the frame begins the next one.
        if output.raw.len() >= limits::FRAME_BYTES / 2 && output.raw.len() + chunk.len() > limits::FRAME_BYTES {
            self.flush(output)?;
        }
        if apart {
            let path = format!(".plan/chunks/{}", hash.to_hex());
            chunk_entry(path.as_bytes(), chunk.len() as u64).write_header(&mut output.raw);
        }
        if listed {
            output.chunks.push(ChunkRow { offset: output.offset(), length: chunk.len() as u64, hash: *hash });
        }
        let extent = output.push_chunk(self.chunks, hash, chunk);
        if apart {
            output.pad(chunk.len() as u64);
        }
        Ok(extent)
    }

    fn stamp(&self, metadata: &Metadata) -> Option<Stamp> {
        let stamp = Stamp { ctime: metadata.ctime, ino: metadata.ino };
        (!is_racy(metadata.ctime, self.kernel_now)).then_some(stamp)
    }

    pub(super) fn entry(&self, path: &[u8], metadata: &Metadata) -> Entry {
        Entry {
            path: path.to_vec(),
            kind: metadata.kind,
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            mtime: metadata.mtime,
            size: metadata.size,
            rdev: metadata.rdev,
            link_target: None,
            link: None,
            xattrs: Vec::new(),
            content: None,
            stamp: self.stamp(metadata),
        }
    }

    pub(super) fn tar_entry<'e>(&self, entry: &'e Entry, size: u64, link: Option<&'e [u8]>) -> TarEntry<'e> {
        TarEntry {
            path: &entry.path,
            kind: entry.kind,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            rdev: entry.rdev,
            link: link.or(entry.link_target.as_deref()),
            is_hard_link: false,
            xattrs: &entry.xattrs,
            size,
            exact_times: self.request.full,
        }
    }
}

/// A path that was read.
pub(super) struct Taken {
    pub(super) entry: Entry,
    pub(super) content: PendingContent,
    pub(super) warning: Option<String>,
}

pub(super) fn chunk_entry(path: &[u8], size: u64) -> TarEntry<'_> {
    TarEntry {
        path,
        kind: FileKind::File,
        mode: 0o600,
        uid: 0,
        gid: 0,
        mtime: FileTime::default(),
        rdev: 0,
        link: None,
        is_hard_link: false,
        xattrs: &[],
        size,
        exact_times: false,
    }
}

/// Appends an extent, as one with the last where they touch.
pub(super) fn push_extent(extents: &mut Vec<PendingExtent>, next: PendingExtent) {
    use PendingExtent::{Batch, Hole, Stored};
    match (extents.last_mut(), next) {
        (Some(Batch { seq: a, offset, length }), Batch { seq: b, offset: start, length: more })
            if *a == b && *offset + *length == start =>
        {
            *length += more;
        }
        (Some(Stored { archive: a, offset, length }), Stored { archive: b, offset: start, length: more })
            if *a == b && *offset + *length == start =>
        {
            *length += more;
        }
        (Some(Hole { length }), Hole { length: more }) => *length += more,
        _ => extents.push(next),
    }
}

/// Appends the next `size` bytes of `file`, or as many as there are, in one call where the kernel
/// gives them at once. `read_to_end` would begin with small reads.
fn read_up_to(file: &File, size: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let end = into.len() + usize::try_from(size).map_err(io::Error::other)?;
    into.reserve(end - into.len());
    while into.len() < end && retry_on_intr(|| read(file, spare_capacity(into)))? > 0 {}
    into.truncate(end);
    Ok(())
}

/// How a file changed between two looks at it, if it did.
pub(super) fn changed(before: &Metadata, after: &Metadata) -> Option<String> {
    if after.size < before.size {
        return Some("shrank while it was being read".to_owned());
    }
    if after.size > before.size {
        return Some("grew while it was being read".to_owned());
    }
    ((before.mtime, before.ctime) != (after.mtime, after.ctime)).then(|| "changed while it was being read".to_owned())
}

/// The path is no longer there, or no longer what it was: as happens in a living tree.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
