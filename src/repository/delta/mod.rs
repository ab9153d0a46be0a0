//! Finding the parts of a file's earlier version in its new one, without the
//! earlier bytes: a host that can only write knows no more of them than sums of
//! their blocks (Tridgell and Mackerras, "The rsync algorithm", 1996).
//!
//! A file's [`BlockSum`]s stand for its content at multiples of [`block_bytes`].
//! They are local state: a store never has them. Pure: no files, no places.

mod matcher;
mod sums;

pub(crate) use matcher::{Piece, Window};
pub(crate) use sums::{BlockKey, BlockSum, SumBuilder, SumRun};

/// A file smaller than this has no sums: stored whole it costs hardly more than its pieces.
pub(crate) const SMALLEST_FILE: u64 = 1536;

/// Of a file of `size` bytes, how long the blocks are that are recognised: 12 bytes of
/// sums for each are 2.3% of a small file and 0.3% of a large one. 4 KiB is the page of
/// most databases and file systems.
pub(crate) fn block_bytes(size: u64) -> Option<u32> {
    match size {
        0..SMALLEST_FILE => None,
        SMALLEST_FILE..=0x10_0000 => Some(512),
        0x10_0001..=0x80_0000 => Some(2048),
        _ => Some(4096),
    }
}
