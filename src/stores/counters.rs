use std::sync::atomic::{AtomicU64, Ordering};

/// What a store was asked for since it was opened. Repeats of a failed request
/// are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Objects and parts written.
    pub writes: u64,
    /// Ranges read.
    pub reads: u64,
    pub stats: u64,
    pub lists: u64,
    /// Objects deleted, found or not.
    pub deletes: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
}

#[derive(Default)]
pub(super) struct Counting {
    writes: AtomicU64,
    reads: AtomicU64,
    stats: AtomicU64,
    lists: AtomicU64,
    deletes: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
}

impl Counting {
    pub(super) fn wrote(&self, requests: u64, bytes: u64) {
        self.writes.fetch_add(requests, Ordering::Relaxed);
        self.bytes_up.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes_down.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn looked_up(&self) {
        self.stats.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn listed(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn deleted(&self, objects: u64) {
        self.deletes.fetch_add(objects, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            writes: read(&self.writes),
            reads: read(&self.reads),
            stats: read(&self.stats),
            lists: read(&self.lists),
            deletes: read(&self.deletes),
            bytes_up: read(&self.bytes_up),
            bytes_down: read(&self.bytes_down),
        }
    }
}
