use super::faults::{Call, Verdict};
use super::local::LocalFile;
use super::remote::RemoteFile;
use super::{Operation, Store, StoreError, StoreErrorKind};
use std::io::{self, Write};

/// Bytes are gathered to pieces of this size before they go on, for each piece
/// crosses into the runtime once. Chosen.
const PIECE_BYTES: usize = 512 << 10;

/// An object that is being written. It is visible only after
/// [`ObjectWriter::finish`]; dropped before, it leaves nothing.
///
/// After an error every later call returns that error again.
#[must_use = "an object that is not finished is never stored"]
pub struct ObjectWriter {
    store: Store,
    name: String,
    /// `None` once finished, aborted or failed.
    sink: Option<Sink>,
    piece: Vec<u8>,
    part_bytes: u64,
    written_bytes: u64,
    failed: Option<StoreError>,
}

/// Where an object's bytes go until it is finished.
pub(super) enum Sink {
    Local(LocalFile),
    Remote(RemoteFile),
}

/// The most that is held in memory for a service that takes objects whole.
const HELD_LIMIT_BYTES: u64 = 1 << 30;

impl ObjectWriter {
    pub(super) fn new(store: Store, name: &str, sink: Sink, part_bytes: u64) -> Self {
        Self {
            store,
            name: name.to_owned(),
            sink: Some(sink),
            piece: Vec::new(),
            part_bytes,
            written_bytes: 0,
            failed: None,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes taken so far.
    pub fn len_bytes(&self) -> u64 {
        self.written_bytes + self.piece.len() as u64
    }

    /// Makes the object visible under its name, whole and lastingly.
    ///
    /// # Errors
    ///
    /// The object may be visible all the same if the answer was lost.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.send_piece()?;
        let verdict = match self.store.meet_fault(Call::Finish, Operation::Write, Some(&self.name)) {
            Ok(verdict) => verdict,
            Err(error) => return Err(self.fail(error)),
        };
        let sink = self.sink.take().expect("a writer without an error has its sink");
        self.commit(sink)?;
        let parts = self.written_bytes.div_ceil(self.part_bytes).max(1);
        // An upload in parts takes a request to begin it and one to complete it.
        self.store.inner().counting.wrote(if parts == 1 { 1 } else { parts + 2 }, 0);
        self.store.lose_answer(verdict, Operation::Write, Some(&self.name))
    }

    fn commit(&self, sink: Sink) -> Result<(), StoreError> {
        match sink {
            Sink::Local(file) => {
                let folder = self.store.folder().expect("a local file belongs to a folder");
                folder
                    .commit(file, &self.name, true, &self.store.inner().metadata)
                    .map_err(|error| self.store.io_failure(Operation::Write, &self.name, &error))
            }
            Sink::Remote(file) => {
                file.commit().map_err(|error| self.store.failure(Operation::Write, Some(&self.name), error))
            }
        }
    }

    fn send_piece(&mut self) -> Result<(), StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        let length = piece.len();
        let verdict = self.store.faults().map_or(Verdict::Proceed, |faults| faults.at_bytes(length as u64));
        if let Verdict::Fail(kind) | Verdict::ProceedThenFail(kind) = verdict {
            let error = self.store.error(kind, Operation::Write, Some(&self.name), "a fault made for a test");
            return Err(self.fail(error));
        }
        self.store.inner().upload.take(length);
        let sent = match self.sink.as_mut().expect("a writer without an error has its sink") {
            Sink::Local(file) => {
                let written = file.write_all(&piece);
                // The piece's memory serves the next one.
                self.piece = piece;
                self.piece.clear();
                written.map_err(|error| self.store.io_failure(Operation::Write, &self.name, &error))
            }
            Sink::Remote(file) if file.is_held() && self.written_bytes + length as u64 > HELD_LIMIT_BYTES => {
                let detail = "the service takes an object only whole; choose a smaller `volume-size`";
                Err(self.store.error(StoreErrorKind::TooLarge, Operation::Write, Some(&self.name), detail))
            }
            Sink::Remote(file) => {
                file.write(piece).map_err(|error| self.store.failure(Operation::Write, Some(&self.name), error))
            }
        };
        if let Err(error) = sent {
            return Err(self.fail(error));
        }
        self.written_bytes += length as u64;
        self.store.inner().counting.wrote(0, length as u64);
        Ok(())
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.failed = Some(error.clone());
        self.give_up();
        error
    }

    fn give_up(&mut self) {
        let Some(sink) = self.sink.take() else { return };
        let has_crashed = self.store.faults().is_some_and(|faults| faults.has_crashed());
        match sink {
            Sink::Local(file) if has_crashed => file.abandon(),
            Sink::Remote(file) if !has_crashed => file.abort(),
            Sink::Local(_) | Sink::Remote(_) => {}
        }
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(PIECE_BYTES);
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.send_piece()?;
        }
        Ok(taken)
    }

    /// Does nothing: bytes count only once the object is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        self.give_up();
    }
}
