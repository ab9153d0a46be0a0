use super::faults::Call;
use super::runtime::{block_on, runtime};
use super::{Operation, Store, StoreError, StoreErrorKind};
use opendal::{Buffer, Operator};
use std::collections::VecDeque;
use std::io::{self, Read};
use tokio::task::JoinHandle;

/// A stream asks for ranges of this size. Chosen: a request costs little beside
/// it, and the ranges in flight for one object stay within 16 MiB.
pub(super) const RANGE_BYTES: u64 = 4 << 20;

/// Reads one object from start to end, some ranges ahead of the reader.
pub struct ObjectReader {
    store: Store,
    operator: Operator,
    name: String,
    size_bytes: u64,
    /// Where the next range to ask for starts.
    asked_to: u64,
    /// Ranges that were asked for, in order, with their lengths.
    ahead: VecDeque<(u64, JoinHandle<opendal::Result<Buffer>>)>,
    current: Buffer,
}

impl ObjectReader {
    pub(super) fn new(store: Store, operator: Operator, name: &str, size_bytes: u64) -> Self {
        let (ahead, current) = (VecDeque::new(), Buffer::new());
        Self { store, operator, name: name.to_owned(), size_bytes, asked_to: 0, ahead, current }
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn ask_ahead(&mut self) {
        while self.ahead.len() < self.store.inner().concurrency && self.asked_to < self.size_bytes {
            let length = RANGE_BYTES.min(self.size_bytes - self.asked_to);
            let range = self.asked_to..self.asked_to + length;
            self.asked_to = range.end;
            let (operator, name) = (self.operator.clone(), self.name.clone());
            let task = runtime().spawn(async move { operator.read_with(&name).range(range).await });
            self.ahead.push_back((length, task));
        }
    }

    fn next_range(&mut self) -> Result<Buffer, StoreError> {
        self.ask_ahead();
        let Some((length, task)) = self.ahead.pop_front() else { return Ok(Buffer::new()) };
        let read = |error| self.store.failure(Operation::Read, Some(&self.name), error);
        self.store.meet_fault(Call::Read, Operation::Read, Some(&self.name))?;
        let buffer = block_on(task).expect("reading a range neither panics nor is cancelled").map_err(read)?;
        if buffer.len() as u64 != length {
            let detail = format!("it has fewer than {} bytes", self.size_bytes);
            return Err(self.store.error(StoreErrorKind::Unexpected, Operation::Read, Some(&self.name), &detail));
        }
        self.store.inner().download.take(buffer.len());
        self.store.inner().counting.read(length);
        Ok(buffer)
    }
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !into.is_empty() {
            self.current = self.next_range()?;
        }
        let taken = into.len().min(self.current.len());
        let mut filled = 0;
        for chunk in self.current.split_to(taken) {
            into[filled..filled + chunk.len()].copy_from_slice(&chunk);
            filled += chunk.len();
        }
        Ok(taken)
    }
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        for (_, task) in &self.ahead {
            task.abort();
        }
    }
}
