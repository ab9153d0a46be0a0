//! Every bound of format version 1, named, with its unit.

/// A file up to this size is one chunk; a larger one is cut by content.
pub const WHOLE_FILE_BYTES: u64 = 1 << 20;
/// A frame is closed at the first chunk boundary past this much tar.
/// 100,000 source files (970 MB of tar) at zstd 3 took 72.6 MB with 4 MiB and 70.3 MB
/// with 8 MiB, with a window as large; 71.5 MB as one stream of `zstd -3`.
pub const FRAME_BYTES: usize = 8 << 20;
/// The largest frame a reader accepts: a full frame, one more chunk of the
/// largest size, its tar header with extended attributes, and padding.
pub const MAX_FRAME_BYTES: usize = 32 << 20;
/// A file up to this size is read into memory and packed by one worker; a
/// larger one is streamed and compressed by all.
pub const BUFFERED_FILE_BYTES: u64 = 8 << 20;
/// An archive is closed at the first file boundary past this size, as stored.
pub const VOLUME_BYTES: u64 = 512 << 20;
/// Rows in one manifest block, at most.
pub const BLOCK_ROWS: usize = 1024;
/// A manifest block is closed early past this size.
pub const BLOCK_BYTES: usize = 1 << 20;
/// The largest decoded manifest block a reader accepts.
pub const MAX_BLOCK_BYTES: usize = 64 << 20;
/// The largest path, link target, or extended attribute a reader accepts.
pub const MAX_NAME_BYTES: usize = 1 << 20;
/// The largest decoded JSON object (snapshot, index, run record) a reader accepts.
pub const MAX_JSON_BYTES: usize = 1 << 30;
/// The largest count of extents a file may have.
pub const MAX_EXTENTS: usize = 1 << 20;
