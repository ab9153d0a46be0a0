//! The writing thread: puts pieces in order, writes archives, and lists what
//! they hold as the rows of the new manifest layer.

use super::buffers::Buffers;
use super::delta::Deltas;
use super::limits::{ARCHIVES_CLOSING, JOURNALLED_BYTES};
use super::parent::Parent;
use super::piece::{BatchEnd, ItemResult, PendingContent, PendingExtent, Piece};
use super::pipeline::{LastTurn, Turn};
use super::scan::Scanned;
use super::{BackupRequest, Progress, archive_name, resume};
use crate::archive::{
    ArchiveIndex, ArchiveInfo, ArchiveTable, ArchiveWriter, ChunkRow, Content, Entry, Extent, LayerToc, LayerWriter,
    Link, Row,
};
use crate::files::FileKind;
use crate::repository::state::{Journal, LayerFile, LayerMark, LocalState, StoredArchive};
use crate::repository::{Repository, RepositoryError, go_on};
use crate::stores::{Class, ObjectWriter, StoreError, WriteOptions};
use crossbeam_channel::Receiver;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

/// What the writing thread leaves behind.
pub(super) struct Written {
    pub(super) archives: Vec<StoredArchive>,
    /// Where this run noted an archive, or goes on from another run.
    pub(super) journal: Option<Journal>,
    /// The new rows, in the local layer file `delta`.
    pub(super) delta: LayerToc,
    pub(super) delta_file: File,
    /// Numbers all archives, old and new.
    pub(super) table: ArchiveTable,
    /// Per batch: its archive's number and its first byte there.
    pub(super) places: Vec<Option<(u32, u64)>>,
    /// Of the entries that were packed: totals, live bytes, problems.
    pub(super) packed: Scanned,
}

struct OpenArchive {
    name: String,
    number: u32,
    writer: ArchiveWriter<ObjectWriter>,
    chunks: Vec<ChunkRow>,
}

/// An archive that will be in the store once its thread has ended.
struct Closing {
    thread: JoinHandle<Result<(), StoreError>>,
    archive: StoredArchive,
    /// The rows that need no later archive; `None`: not worth a journal.
    rows: Option<LayerMark>,
}

impl Closing {
    /// Whether a run that has failed should wait for it; one that was cancelled ends at once.
    fn can_wait(&self, request: &BackupRequest<'_>) -> bool {
        self.thread.is_finished() || !request.cancel.is_cancelled()
    }
}

pub(super) struct Writer<'a> {
    request: &'a BackupRequest<'a>,
    repository: &'a Repository,
    state: &'a LocalState,
    deltas: &'a Deltas<'a>,
    rows: LayerWriter<BufWriter<File>>,
    open: Option<OpenArchive>,
    /// Archives whose end is on its way to the store, oldest first.
    closing: VecDeque<Closing>,
    /// What a run after this one goes on from if this one dies.
    journal: Option<Journal>,
    waiting: BTreeMap<(u64, u32), Piece>,
    next: (u64, u32),
    /// Where the batch under way begins.
    batch_place: Option<(u32, u64)>,
    /// Rows that wait for a batch to be placed: the last such batch, and the rows.
    unresolved: VecDeque<(u64, Vec<ItemResult>)>,
    /// Content of the first path of each group of hard links; `None`: it could not be read.
    linked: HashMap<Link, Option<Content>>,
    written: WrittenSoFar,
    turn: LastTurn<'a>,
    /// Where the memory of written frames goes.
    buffers: &'a Buffers,
}

#[derive(Default)]
struct WrittenSoFar {
    archives: Vec<StoredArchive>,
    table: ArchiveTable,
    places: Vec<Option<(u32, u64)>>,
    packed: Scanned,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        request: &'a BackupRequest<'a>,
        repository: &'a Repository,
        state: &'a LocalState,
        parent: &mut Parent,
        deltas: &'a Deltas<'a>,
        (turn, buffers): (&'a Turn, &'a Buffers),
    ) -> Result<Self, RepositoryError> {
        let delta = LocalState::delta_name(request.source, &request.run);
        let file = state.create(&delta).map_err(|error| state.failed(error))?;
        Ok(Self {
            request,
            repository,
            state,
            deltas,
            rows: LayerWriter::local(BufWriter::with_capacity(1 << 18, file)),
            open: None,
            closing: VecDeque::new(),
            journal: parent.journal.take(),
            waiting: BTreeMap::new(),
            next: (0, 0),
            batch_place: None,
            unresolved: VecDeque::new(),
            linked: HashMap::new(),
            written: WrittenSoFar { table: parent.table.clone(), ..WrittenSoFar::default() },
            turn: LastTurn(turn),
            buffers,
        })
    }

    pub(super) fn run(mut self, pieces: &Receiver<Piece>, tickets: &Receiver<()>) -> Result<Written, RepositoryError> {
        if let Err(error) = self.write_all(pieces, tickets) {
            // What is stored in spite of it should not be stored again.
            while self.closing.front().is_some_and(|first| first.can_wait(self.request)) {
                if self.wait_for_oldest().is_err() {
                    break;
                }
            }
            return Err(error);
        }
        let failed = |error| RepositoryError::State { path: self.request.state.clone(), source: error };
        let (output, delta) = self.rows.finish().map_err(failed)?;
        let delta_file = LayerFile::finish(output, &delta).map_err(failed)?;
        let WrittenSoFar { archives, table, places, packed } = self.written;
        Ok(Written { archives, journal: self.journal, delta, delta_file, table, places, packed })
    }

    fn write_all(&mut self, pieces: &Receiver<Piece>, tickets: &Receiver<()>) -> Result<(), RepositoryError> {
        let mut aborted = false;
        for piece in pieces {
            go_on(&self.request.cancel)?;
            if piece.seq == Piece::ABORT.seq {
                aborted = true;
                break;
            }
            self.waiting.insert((piece.seq, piece.part), piece);
            while let Some(piece) = self.waiting.remove(&self.next) {
                self.piece(piece, tickets)?;
            }
        }
        go_on(&self.request.cancel)?;
        if aborted || !self.waiting.is_empty() || self.next.1 != 0 {
            // A packing thread ended early; it has told why.
            return Err(RepositoryError::Internal("a packing thread ended early".to_owned()));
        }
        self.resolve()?;
        self.close_archive()?;
        while !self.closing.is_empty() {
            self.wait_for_oldest()?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, tickets: &Receiver<()>) -> Result<(), RepositoryError> {
        self.turn.0.ahead_bytes.fetch_sub(piece.stored_bytes(), Ordering::AcqRel);
        for (frame, raw_bytes) in piece.frames {
            self.append(&frame, raw_bytes)?;
            self.buffers.give(frame);
        }
        let Some(end) = piece.end else {
            self.next.1 += 1;
            return Ok(());
        };
        self.end_batch(end)?;
        self.next = (self.next.0 + 1, 0);
        self.turn.0.seq.store(self.next.0, Ordering::Release);
        // The scan put it there before it sent the batch.
        let _ = tickets.recv();
        Ok(())
    }

    fn append(&mut self, frame: &[u8], raw_bytes: u64) -> Result<(), RepositoryError> {
        let mut archive = match self.open.take() {
            Some(archive) => archive,
            None => self.open_archive()?,
        };
        self.batch_place.get_or_insert((archive.number, archive.writer.position()));
        archive
            .writer
            .append(frame, raw_bytes)
            .map_err(|error| RepositoryError::io(self.request.store, &archive.name, error))?;
        Progress::add(&self.request.progress.stored_bytes, frame.len() as u64);
        self.open = Some(archive);
        Ok(())
    }

    fn open_archive(&mut self) -> Result<OpenArchive, RepositoryError> {
        let closed = self.written.archives.len() + self.closing.len();
        let name = archive_name(self.request, closed as u32 + 1);
        // A file boundary may be far past the volume size, and parts are counted.
        let options = WriteOptions { class: Class::Data, expected_bytes: Some(self.request.volume_bytes) };
        let output = self.repository.store.create(&name, &options)?;
        let writer = ArchiveWriter::new(self.request.recipients, output)
            .map_err(|error| RepositoryError::io(self.request.store, &name, error))?;
        let number = self.written.table.place(&name);
        Ok(OpenArchive { name, number, writer, chunks: Vec::new() })
    }

    fn close_archive(&mut self) -> Result<(), RepositoryError> {
        let Some(OpenArchive { name, writer, chunks, .. }) = self.open.take() else { return Ok(()) };
        let (output, info) =
            writer.finish(self.request.codec).map_err(|error| RepositoryError::io(self.request.store, &name, error))?;
        // The last parts of an upload, or the sync of a file, take a while: the
        // next archive does not wait for them.
        while self.closing.len() >= ARCHIVES_CLOSING {
            self.wait_for_oldest()?;
        }
        let ArchiveInfo { frames, size, sha256 } = info;
        let is_full = size >= self.request.volume_bytes;
        let rows = if self.request.full || !(is_full || size >= JOURNALLED_BYTES) {
            None
        } else {
            self.rows.flush_block().map_err(|error| self.state.failed(error))?;
            Some(LayerMark::of(self.rows.toc()))
        };
        let thread = thread::Builder::new()
            .name("close".to_owned())
            .spawn(move || output.finish())
            .map_err(|error| RepositoryError::Internal(error.to_string()))?;
        let archive = StoredArchive { size, sha256, index: ArchiveIndex { name, frames, chunks } };
        self.closing.push_back(Closing { thread, archive, rows });
        Ok(())
    }

    fn wait_for_oldest(&mut self) -> Result<(), RepositoryError> {
        let Some(Closing { thread, archive, rows }) = self.closing.pop_front() else { return Ok(()) };
        thread.join().map_err(|_| RepositoryError::Internal("a thread that ends an archive failed".to_owned()))??;
        if let Some(rows) = rows {
            self.note(&archive, rows).map_err(|error| self.state.failed(error))?;
        }
        self.written.archives.push(archive);
        Ok(())
    }

    /// Writes down that an archive is stored: first its rows and the block sums, then that they are there.
    fn note(&mut self, archive: &StoredArchive, rows: LayerMark) -> io::Result<()> {
        self.rows.output().flush()?;
        self.rows.output().get_ref().sync_data()?;
        let sums = self.deltas.mark()?;
        let mut journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::start(self.state, self.request.source, &resume::head(self.request, self.repository))?,
        };
        journal.archive(archive, self.rows.toc(), rows, sums.as_ref())?;
        self.journal = Some(journal);
        Ok(())
    }

    fn end_batch(&mut self, end: BatchEnd) -> Result<(), RepositoryError> {
        let place = self.batch_place.take();
        self.written.places.push(place);
        if let (Some((_, base)), Some(archive)) = (place, &mut self.open) {
            archive.chunks.extend(end.chunks.into_iter().map(|row| ChunkRow { offset: base + row.offset, ..row }));
        }
        let seqs = end.rows.iter().flat_map(|row| match row {
            ItemResult::Entry { content: PendingContent::Pending { extents, .. }, .. } => &extents[..],
            _ => &[],
        });
        let last = seqs.map(|extent| if let PendingExtent::Batch { seq, .. } = extent { *seq } else { 0 }).max();
        self.unresolved.push_back((last.unwrap_or(0), end.rows));
        self.resolve()?;
        while self.closing.front().is_some_and(|first| first.thread.is_finished()) {
            self.wait_for_oldest()?;
        }
        if self.open.as_ref().is_some_and(|archive| archive.writer.packed() >= self.request.volume_bytes) {
            self.close_archive()?;
        }
        Ok(())
    }

    /// Writes all rows whose content has a place by now.
    fn resolve(&mut self) -> Result<(), RepositoryError> {
        let placed = self.written.places.len() as u64;
        while self.unresolved.front().is_some_and(|(needed, _)| *needed < placed.max(1)) {
            let Some((_, rows)) = self.unresolved.pop_front() else { break };
            for row in rows {
                self.row(row)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, result: ItemResult) -> Result<(), RepositoryError> {
        match result {
            ItemResult::Nothing => Ok(()),
            ItemResult::Deleted(path) => self.push(Row::Deleted(path)),
            ItemResult::Vanished { path, had_parent } => {
                if had_parent {
                    self.push(Row::Deleted(path))
                } else {
                    Ok(())
                }
            }
            ItemResult::Unreadable { path, error, parent } => {
                self.unreadable(&path, error, parent.as_deref());
                Ok(())
            }
            ItemResult::Entry { mut entry, content, had_parent, warning } => {
                entry.content = match content {
                    PendingContent::None => None,
                    PendingContent::Pending { hash, extents } => {
                        let extents =
                            extents.into_iter().map(|extent| self.placed(extent)).collect::<Result<_, _>>()?;
                        Some(Content { hash, extents })
                    }
                    PendingContent::SameAs(link) => match self.linked.get(&link) {
                        Some(content) => content.clone(),
                        None => {
                            let error = "its content could not be read under its other names".to_owned();
                            self.unreadable(&entry.path, error, None);
                            return Ok(());
                        }
                    },
                };
                if let Some(link) = entry.link {
                    self.linked.entry(link).or_insert_with(|| entry.content.clone());
                }
                // A hard link's size is that of the file as it was read.
                entry.size = match &entry.content {
                    Some(content) => content.extents.iter().map(|extent| extent.length()).sum(),
                    None => 0,
                };
                self.count(&entry, had_parent);
                if let Some(warning) = warning {
                    self.written.packed.unreadable(&entry.path, warning);
                }
                self.push(Row::Entry(entry))
            }
        }
    }

    fn count(&mut self, entry: &Entry, had_parent: bool) {
        self.written.packed.count(entry);
        if entry.kind != FileKind::Directory {
            let totals = &mut self.written.packed.totals;
            *(if had_parent { &mut totals.changed } else { &mut totals.new }) += 1;
        }
    }

    /// Lists a path that was not saved; what the parent has of it stays.
    fn unreadable(&mut self, path: &[u8], error: String, parent: Option<&Entry>) {
        if let Some(parent) = parent {
            self.written.packed.count(parent);
        }
        self.written.packed.unreadable(path, error);
    }

    fn placed(&self, extent: PendingExtent) -> Result<Extent, RepositoryError> {
        Ok(match extent {
            PendingExtent::Hole { length } => Extent::Hole { length },
            PendingExtent::Stored { archive, offset, length } => Extent::Stored { archive, offset, length },
            PendingExtent::Batch { seq, offset, length } => {
                let place = usize::try_from(seq).ok().and_then(|seq| *self.written.places.get(seq)?);
                let (archive, base) =
                    place.ok_or_else(|| RepositoryError::Internal("content without a place".to_owned()))?;
                Extent::Stored { archive, offset: base + offset, length }
            }
        })
    }

    fn push(&mut self, row: Row) -> Result<(), RepositoryError> {
        self.rows
            .push(&row, &self.written.table)
            .map_err(|source| RepositoryError::State { path: self.request.state.clone(), source })
    }
}
