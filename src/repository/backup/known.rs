use super::piece::PendingExtent;
use crate::base::ContentHash;
use crate::repository::state::KnownChunks;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;

/// A content hash is already evenly spread: its first bytes are hash enough.
#[derive(Default)]
struct Prefix(u64);

impl Hasher for Prefix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut word = [0; 8];
        let count = bytes.len().min(8);
        word[..count].copy_from_slice(&bytes[..count]);
        self.0 ^= u64::from_le_bytes(word);
    }
}

type Shard = HashMap<[u8; 32], NewChunk, BuildHasherDefault<Prefix>>;

/// A chunk that this run stores.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewChunk {
    pub(super) seq: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// Locks are held for one look-up, so a few shards keep workers apart.
const SHARDS: usize = 16;

/// All chunks that need not be stored again: those of earlier runs and those of this one.
pub(super) struct Chunks {
    earlier: KnownChunks,
    shards: Vec<Mutex<Shard>>,
    /// In a full backup nothing is looked up.
    enabled: bool,
}

impl Chunks {
    pub(super) fn new(earlier: KnownChunks, enabled: bool) -> Self {
        Self { earlier, shards: (0..SHARDS).map(|_| Mutex::default()).collect(), enabled }
    }

    /// Whether no earlier run stored anything that could be found.
    pub(super) fn is_first(&self) -> bool {
        !self.enabled || self.earlier.is_empty()
    }

    /// Where a chunk lies, in an earlier archive or in a batch of this run.
    pub(super) fn find(&self, hash: &ContentHash, length: u64) -> Option<PendingExtent> {
        if !self.enabled {
            return None;
        }
        if let Some(place) = self.earlier.find(hash) {
            let extent = PendingExtent::Stored { archive: place.archive, offset: place.offset, length };
            return (u64::from(place.length) == length).then_some(extent);
        }
        let shard = self.shard(hash);
        let chunk = *shard.get(&hash.0)?;
        let extent = PendingExtent::Batch { seq: chunk.seq, offset: chunk.offset, length };
        (u64::from(chunk.length) == length).then_some(extent)
    }

    /// Tells that a chunk is about to be stored; the first to tell wins.
    pub(super) fn add(&self, hash: &ContentHash, chunk: NewChunk) {
        if self.enabled {
            self.shard(hash).entry(hash.0).or_insert(chunk);
        }
    }

    fn shard(&self, hash: &ContentHash) -> std::sync::MutexGuard<'_, Shard> {
        // The map uses the first bytes; shards the last.
        let shard = &self.shards[usize::from(hash.0[31]) % SHARDS];
        shard.lock().expect("no thread panics while it holds a shard")
    }

    /// The chunks of this run, and those of earlier ones.
    pub(super) fn into_parts(self) -> (KnownChunks, impl Iterator<Item = (ContentHash, NewChunk)>) {
        let new = self.shards.into_iter().flat_map(|shard| shard.into_inner().expect("all threads have ended"));
        (self.earlier, new.map(|(hash, chunk)| (ContentHash(hash), chunk)))
    }
}
