//! The sizes of the pipeline's queues, and why.

/// Batches that may be under way at once. Each holds up to one frame (or one
/// buffered file) in memory; while a large file streams, this many small ones
/// may wait behind it.
pub(super) const BATCHES_IN_FLIGHT: usize = 6;

/// Compressed pieces that wait for the writer.
pub(super) const PIECES_WAITING: usize = 4;

/// Compressed bytes that wait for their turn: while one large file streams, others
/// are read ahead by this much, and then their packers help to compress.
pub(super) const AHEAD_BYTES: u64 = 24 << 20;

/// How long a packer that may not read ahead waits before it looks again.
pub(super) const AHEAD_WAIT: std::time::Duration = std::time::Duration::from_millis(5);

/// Entries in a batch, so that empty files and folders don't make it endless.
pub(super) const BATCH_ENTRIES: usize = 4096;

/// One read of a large file.
pub(super) const READ_BYTES: usize = 4 << 20;

/// A file whose inode changed this short before the run, or during it, is read
/// again next time: a write within the clock's granularity (one jiffy, 10 ms at
/// worst) leaves no other trace.
pub(super) const RACY_NANOSECONDS: i64 = 20_000_000;

/// Archives whose last bytes are on their way while the next one is written:
/// each may hold the parts of an upload in memory.
pub(super) const ARCHIVES_CLOSING: usize = 1;

/// An archive that is neither this large nor full is not noted in the journal: to
/// upload it again costs about as much as syncing the journal's files. Chosen.
pub(super) const JOURNALLED_BYTES: u64 = 8 << 20;
