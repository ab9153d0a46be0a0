//! A changed file stored as pieces of its earlier version and what is new.

use super::pack::{Output, Packer, chunk_entry, push_extent};
use super::parent::Alive;
use super::piece::PendingExtent;
use crate::archive::{Entry, Extent};
use crate::base::ContentHash;
use crate::repository::RepositoryError;
use crate::repository::delta::{Piece, SumBuilder, SumRun, Window, block_bytes};
use crate::repository::state::{FileSums, LocalState, NewSums, PutRun, SumMark, Sums};
use std::io;
use std::ops::Range;

/// Blocks whose sums are in memory at once: 12 MB of them, for 2 GiB of a large file.
const WINDOW_BLOCKS: u64 = 1 << 19;

/// An earlier version is of use if at least this share (one in …) of the bytes is found in it.
const LEAST_SHARE: u64 = 4;

/// And at least so many bytes: less does not pay for a piece's place in the manifest.
const LEAST_BYTES: u64 = 1024;

/// Pieces are longer than this on average, or the bytes are stored anew: each may cost
/// a restore a read of its own.
const PIECE_BYTES: u64 = 16 << 10;

/// So many pieces are always allowed.
const FREE_PIECES: u64 = 16;

/// Pieces lie in at most this many archives, or the bytes are stored anew: a file that
/// changes every day would keep each day's archive alive.
const MOST_ARCHIVES: usize = 8;

/// What deltas are made with.
pub(super) struct Deltas<'a> {
    state: &'a LocalState,
    sums: Sums,
    new: NewSums<'a>,
    alive: &'a Alive,
    /// In a full backup nothing refers to earlier runs, and none is remembered.
    is_enabled: bool,
}

impl<'a> Deltas<'a> {
    pub(super) fn new(state: &'a LocalState, sums: Sums, new_name: String, alive: &'a Alive, is_enabled: bool) -> Self {
        Self { state, sums, new: NewSums::new(state, new_name), alive, is_enabled }
    }

    /// What is known of the version of a file that the parent has.
    pub(super) fn earlier<'s>(&'s self, parent: Option<&Entry>) -> Option<Earlier<'s>> {
        if !self.is_enabled {
            return None;
        }
        let parent = parent?;
        let content = parent.content.as_ref()?;
        let sums = self.sums.find(&content.hash)?;
        let ends = content.extents.iter().scan(0, |end, extent| {
            *end += extent.length();
            Some(*end)
        });
        let ends: Vec<u64> = ends.collect();
        let extents = content.extents.clone();
        Some(Earlier { extents, ends, size: parent.size, sums, window: None, shift: 0 })
    }

    /// Begins the sums of a file that is read in parts.
    pub(super) fn builder(&self, size: Option<u64>) -> Option<SumBuilder> {
        let block = block_bytes(size.unwrap_or(u64::MAX))?;
        self.is_enabled.then(|| SumBuilder::new(block))
    }

    pub(super) fn put(&self, run: &SumRun) -> Result<PutRun, RepositoryError> {
        self.new.put(run).map_err(|error| self.state.failed(error))
    }

    pub(super) fn add(&self, content: &ContentHash, block: u32, runs: &[PutRun]) -> Result<(), RepositoryError> {
        self.new.add(content, block, runs).map_err(|error| self.state.failed(error))
    }

    /// Remembers a file that is in memory, unless the same content is known.
    pub(super) fn remember(&self, content: &ContentHash, bytes: &[u8]) -> Result<(), RepositoryError> {
        let Some(block) = block_bytes(bytes.len() as u64).filter(|_| self.is_enabled) else { return Ok(()) };
        if self.sums.has(content) {
            return Ok(());
        }
        let run = self.put(&SumBuilder::whole(&self.sums.key, block, bytes))?;
        self.add(content, block, &[run])
    }

    pub(super) fn feed(&self, builder: &mut SumBuilder, bytes: &[u8]) {
        builder.feed(&self.sums.key, bytes);
    }

    pub(super) fn finish(&self, builder: SumBuilder) -> Option<SumRun> {
        builder.finish(&self.sums.key)
    }

    /// Sees to it that a run after this one can go on from the sums so far.
    pub(super) fn mark(&self) -> io::Result<Option<SumMark>> {
        self.new.mark(&self.sums.key)
    }

    /// The sums of earlier runs, and the name of those of this one, if there are any.
    pub(super) fn into_parts(self) -> Result<(Sums, Option<String>), RepositoryError> {
        let new = self.new.finish(&self.sums.key).map_err(|error| self.state.failed(error))?;
        Ok((self.sums, new))
    }
}

/// The version of a file that the parent has, and where its bytes lie.
pub(super) struct Earlier<'s> {
    extents: Vec<Extent>,
    /// Where each extent ends in the file.
    ends: Vec<u64>,
    size: u64,
    sums: FileSums<'s>,
    window: Option<Window>,
    /// What to add to an offset of the new file to get that of the same bytes in the old one.
    shift: i64,
}

impl Earlier<'_> {
    /// Sees to it that blocks around the place that corresponds to `position` can be looked up.
    fn open_window(&mut self, position: u64) -> io::Result<()> {
        let block = u64::from(self.sums.block_bytes);
        let blocks = self.size.div_ceil(block);
        let here = position.saturating_add_signed(self.shift) / block;
        if let Some(window) = &self.window {
            let known = window.blocks();
            let margin = WINDOW_BLOCKS / 4;
            let from_start = known.start == 0 || here >= known.start + margin;
            let to_end = known.end >= blocks || here + margin < known.end;
            if from_start && to_end {
                return Ok(());
            }
        }
        let first = if blocks <= WINDOW_BLOCKS { 0 } else { here.saturating_sub(WINDOW_BLOCKS / 2) };
        let sums = self.sums.read(first..blocks.min(first + WINDOW_BLOCKS))?;
        self.window = Some(Window::new(self.sums.block_bytes, self.size, first, sums));
        Ok(())
    }

    /// Appends the extents of a range of the old version. `false`: the store has lost some of it.
    fn place(&self, range: Range<u64>, alive: &Alive, extents: &mut Vec<PendingExtent>) -> bool {
        let mut at = self.ends.partition_point(|end| *end <= range.start);
        let mut position = range.start;
        while position < range.end {
            let (Some(extent), Some(end)) = (self.extents.get(at), self.ends.get(at)) else { return false };
            let skipped = position - (end - extent.length());
            let length = range.end.min(*end) - position;
            let piece = match *extent {
                Extent::Hole { .. } => PendingExtent::Hole { length },
                Extent::Stored { archive, offset, .. } => {
                    if !alive.has(archive) {
                        return false;
                    }
                    PendingExtent::Stored { archive, offset: offset + skipped, length }
                }
            };
            push_extent(extents, piece);
            position += length;
            at += 1;
        }
        true
    }
}

/// Bytes of the new version, in order: found, with where they lie, or new.
struct Found {
    at: Range<usize>,
    /// `None`: new.
    extents: Option<Vec<PendingExtent>>,
    /// The offset in the old version.
    from: u64,
}

/// How a stretch of a file is looked for.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    /// In the file.
    pub(super) position: u64,
    /// Whether the file ends with it.
    pub(super) is_end: bool,
    /// Bytes without a match after which looking at every place is given up.
    pub(super) patience: usize,
}

impl Packer<'_> {
    /// Packs what is new in `bytes` and appends all their extents, if the earlier
    /// version helps. Returns how many bytes that were: fewer than all where the rest is
    /// better looked at with what follows it; 0: nothing was done.
    pub(super) fn delta(
        &mut self,
        bytes: &[u8],
        stretch: Stretch,
        earlier: &mut Earlier<'_>,
        builder: Option<&mut SumBuilder>,
        extents: &mut Vec<PendingExtent>,
        output: &mut Output,
    ) -> usize {
        // Sums that can't be read are as good as none.
        if earlier.open_window(stretch.position).is_err() {
            return 0;
        }
        let found = self.look(bytes, stretch, earlier);
        let Some(used) = found.last().map(|last| last.at.end) else { return 0 };
        if !pays(&found, used as u64) {
            return 0;
        }
        if let Some(last) = found.iter().rev().find(|found| found.extents.is_some()) {
            earlier.shift = last.from as i64 - (stretch.position + last.at.start as u64) as i64;
        }
        if let Some(builder) = builder {
            self.feed_sums(bytes, stretch.position, &found, earlier, builder);
        }
        let new = || found.iter().filter(|found| found.extents.is_none());
        let new_bytes: usize = new().map(|found| found.at.len()).sum();
        if new_bytes > 0 {
            // Its name must only be like no other in the archive.
            let path = format!(".plan/pieces/{}-{}", output.seq, output.offset());
            chunk_entry(path.as_bytes(), new_bytes as u64).write_header(&mut output.raw);
        }
        for found in found {
            match found.extents {
                Some(old) => old.into_iter().for_each(|extent| push_extent(extents, extent)),
                None => {
                    let (seq, offset, length) = (output.seq, output.offset(), found.at.len() as u64);
                    output.raw.extend_from_slice(&bytes[found.at]);
                    push_extent(extents, PendingExtent::Batch { seq, offset, length });
                }
            }
        }
        output.pad(new_bytes as u64);
        used
    }

    fn look(&self, bytes: &[u8], stretch: Stretch, earlier: &Earlier<'_>) -> Vec<Found> {
        let Some(window) = &earlier.window else { return Vec::new() };
        let block = window.block_bytes();
        let old = stretch.position.saturating_add_signed(earlier.shift);
        let expected = old.is_multiple_of(block).then_some(old / block);
        let Stretch { position, is_end, patience } = stretch;
        let mut pieces = window.find(&self.deltas.sums.key, bytes, position, expected, is_end, patience);
        // A block may begin in the last bytes and end past them.
        if !is_end
            && pieces.len() > 1
            && let Some(Piece::New(range)) = pieces.last()
            && (range.len() as u64) < block
        {
            pieces.pop();
        }
        let mut found: Vec<Found> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let next = match piece {
                Piece::New(at) => Found { at, extents: None, from: 0 },
                Piece::Old { at, from } => {
                    let mut extents = Vec::new();
                    let is_there = earlier.place(from..from + at.len() as u64, self.deltas.alive, &mut extents);
                    Found { at, extents: is_there.then_some(extents), from }
                }
            };
            match found.last_mut() {
                Some(last) if last.extents.is_none() && next.extents.is_none() => last.at.end = next.at.end,
                _ => found.push(next),
            }
        }
        found
    }

    /// Adds up the stretch; blocks that lie where they were are not read again for that.
    fn feed_sums(&self, bytes: &[u8], position: u64, found: &[Found], earlier: &Earlier<'_>, builder: &mut SumBuilder) {
        for Found { at, extents, from } in found {
            let bytes = &bytes[at.clone()];
            let in_place = extents.is_some() && *from == position + at.start as u64;
            let known = earlier.window.as_ref().filter(|window| {
                in_place && builder.is_between_blocks() && builder.block_bytes() == window.block_bytes()
            });
            let known = known.and_then(|window| {
                let block = window.block_bytes();
                let blocks = *from / block..(*from + bytes.len() as u64) / block;
                window.sums_of(blocks)
            });
            match known {
                Some(sums) => {
                    builder.feed_known(sums);
                    let rest = sums.len() * builder.block_bytes() as usize;
                    self.deltas.feed(builder, &bytes[rest..]);
                }
                None => self.deltas.feed(builder, bytes),
            }
        }
    }
}

/// Whether the pieces are worth it: see the constants' rules.
fn pays(found: &[Found], bytes: u64) -> bool {
    let old: u64 = found.iter().filter(|found| found.extents.is_some()).map(|found| found.at.len() as u64).sum();
    if old < LEAST_BYTES || old < bytes / LEAST_SHARE {
        return false;
    }
    let mut archives: Vec<u32> = Vec::new();
    let mut pieces = 0;
    for found in found {
        let extents = found.extents.as_deref().unwrap_or_default();
        pieces += extents.len().max(1) as u64;
        for extent in extents {
            if let PendingExtent::Stored { archive, .. } = extent
                && !archives.contains(archive)
            {
                archives.push(*archive);
            }
        }
    }
    archives.len() <= MOST_ARCHIVES && pieces <= FREE_PIECES + bytes / PIECE_BYTES
}
