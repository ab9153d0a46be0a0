use super::block::{self, BlockWriter, EncodedBlock};
use super::limits::{BLOCK_BYTES, BLOCK_ROWS, MAX_BLOCK_BYTES};
use super::{ArchiveTable, Entry, FormatError, ReadObject, Row, Unsealer};
use crate::files::tree_order;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::{self, Write};

/// The table of contents of a manifest layer: where its blocks lie and which
/// archives its extents name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerToc {
    pub rows: u64,
    pub archives: Vec<String>,
    pub blocks: Vec<BlockInfo>,
}

/// One block: lengths of its two parts as they lie in the layer, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64, u64, String)", into = "(u64, u64, u64, String)")]
pub struct BlockInfo {
    pub offset: u64,
    pub head_bytes: u64,
    pub hash_bytes: u64,
    pub first_path: Vec<u8>,
}

impl BlockInfo {
    fn length(&self) -> u64 {
        self.head_bytes + self.hash_bytes
    }
}

impl From<BlockInfo> for (u64, u64, u64, String) {
    fn from(block: BlockInfo) -> Self {
        (block.offset, block.head_bytes, block.hash_bytes, STANDARD_NO_PAD.encode(&block.first_path))
    }
}

impl TryFrom<(u64, u64, u64, String)> for BlockInfo {
    type Error = &'static str;

    fn try_from((offset, head_bytes, hash_bytes, path): (u64, u64, u64, String)) -> Result<Self, Self::Error> {
        let first_path = STANDARD_NO_PAD.decode(path).map_err(|_| "a path is not base64")?;
        let limit = MAX_BLOCK_BYTES as u64;
        if head_bytes > limit || hash_bytes > limit || offset.checked_add(2 * limit).is_none() {
            return Err("a block is larger than any may be");
        }
        Ok(Self { offset, head_bytes, hash_bytes, first_path })
    }
}

/// Writes sorted rows as a layer.
///
/// Stored layers are compressed (each block two zstd frames) and lack stamps;
/// local ones are plain and have them.
pub struct LayerWriter<W> {
    output: W,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    block: BlockWriter,
    toc: LayerToc,
    offset: u64,
    /// From the caller's archive numbers to this layer's.
    places: HashMap<u32, u32>,
}

/// zstd level of manifests: they are small, stored for long, and read often.
const MANIFEST_LEVEL: i32 = 9;

impl<W: Write> LayerWriter<W> {
    pub fn stored(output: W) -> io::Result<Self> {
        Ok(Self::new(output, Some(zstd::bulk::Compressor::new(MANIFEST_LEVEL)?)))
    }

    pub fn local(output: W) -> Self {
        Self::new(output, None)
    }

    fn new(output: W, zstd: Option<zstd::bulk::Compressor<'static>>) -> Self {
        Self {
            output,
            zstd,
            block: BlockWriter::default(),
            toc: LayerToc::default(),
            offset: 0,
            places: HashMap::new(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.toc.rows
    }

    /// Adds the next row in [`tree_order`]; its extents number archives as `table` does.
    pub fn push(&mut self, row: &Row, table: &ArchiveTable) -> io::Result<()> {
        let (places, archives) = (&mut self.places, &mut self.toc.archives);
        self.block.push(row, self.zstd.is_none(), |archive| {
            *places.entry(archive).or_insert_with(|| {
                archives.push(table.name(archive).expect("an extent's archive is in its table").to_owned());
                archives.len() as u32 - 1
            })
        });
        self.toc.rows += 1;
        if self.block.rows() >= BLOCK_ROWS || self.block.len() >= BLOCK_BYTES {
            self.flush_block()?;
        }
        Ok(())
    }

    /// The contents so far: of whole blocks.
    pub fn toc(&self) -> &LayerToc {
        &self.toc
    }

    pub fn output(&mut self) -> &mut W {
        &mut self.output
    }

    /// Ends the block under way: what [`LayerWriter::toc`] says is then true of all rows so far.
    pub fn flush_block(&mut self) -> io::Result<()> {
        if self.block.rows() == 0 {
            return Ok(());
        }
        let EncodedBlock { first_path, mut head, mut hashes } = self.block.finish();
        if let Some(zstd) = &mut self.zstd {
            head = zstd.compress(&head)?;
            if !hashes.is_empty() {
                hashes = zstd.compress(&hashes)?;
            }
        }
        self.output.write_all(&head)?;
        self.output.write_all(&hashes)?;
        let (head_bytes, hash_bytes) = (head.len() as u64, hashes.len() as u64);
        self.toc.blocks.push(BlockInfo { offset: self.offset, head_bytes, hash_bytes, first_path });
        self.offset += head_bytes + hash_bytes;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<(W, LayerToc)> {
        self.flush_block()?;
        Ok((self.output, self.toc))
    }
}

/// Where a layer's bytes are read from.
pub(super) trait BlockSource: Send {
    fn read(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, FormatError>;
}

impl<O: ReadObject> BlockSource for Unsealer<O> {
    fn read(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, FormatError> {
        self.read_range(offset, length)
    }
}

/// Reads a layer's rows in order, or from a path on.
pub struct LayerReader {
    source: Box<dyn BlockSource>,
    toc: LayerToc,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    /// From this layer's archive numbers to the caller's.
    places: Vec<u32>,
    next_block: usize,
    ahead: Ahead,
    rows: std::vec::IntoIter<Row>,
    /// Rows still to come by the contents; `None`: reading did not begin at the first.
    rows_left: Option<u64>,
    peeked: Option<Row>,
    last_path: Option<Vec<u8>>,
}

impl LayerReader {
    /// A layer in a store. Its extents will number archives as `table` does.
    pub fn stored<O: ReadObject + 'static>(
        object: Unsealer<O>,
        toc: LayerToc,
        table: &mut ArchiveTable,
    ) -> Result<Self, FormatError> {
        Ok(Self::new(Box::new(object), toc, Some(zstd::bulk::Decompressor::new()?), table))
    }

    /// A layer in local state.
    pub fn local<O: ReadObject + 'static>(object: Unsealer<O>, toc: LayerToc, table: &mut ArchiveTable) -> Self {
        Self::new(Box::new(object), toc, None, table)
    }

    fn new(
        source: Box<dyn BlockSource>,
        toc: LayerToc,
        zstd: Option<zstd::bulk::Decompressor<'static>>,
        table: &mut ArchiveTable,
    ) -> Self {
        let places = toc.archives.iter().map(|name| table.place(name)).collect();
        Self {
            source,
            rows_left: Some(toc.rows),
            toc,
            zstd,
            places,
            next_block: 0,
            ahead: Ahead::default(),
            rows: Vec::new().into_iter(),
            peeked: None,
            last_path: None,
        }
    }

    /// Continues at the block that would hold `path`: rows before it may still come.
    pub fn seek(&mut self, path: &[u8]) {
        let after = self.toc.blocks.partition_point(|block| tree_order(&block.first_path, path) != Ordering::Greater);
        self.next_block = after.saturating_sub(1);
        self.rows_left = if self.next_block == 0 { Some(self.toc.rows) } else { None };
        self.ahead = Ahead::default();
        self.rows = Vec::new().into_iter();
        self.peeked = None;
        self.last_path = None;
    }

    pub fn peek(&mut self) -> Result<Option<&Row>, FormatError> {
        if self.peeked.is_none() {
            self.peeked = self.read_row()?;
        }
        Ok(self.peeked.as_ref())
    }

    /// The next row; rows come in strictly ascending order and all that there are, or not at all.
    pub fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        match self.peeked.take() {
            Some(row) => Ok(Some(row)),
            None => self.read_row(),
        }
    }

    fn read_row(&mut self) -> Result<Option<Row>, FormatError> {
        let damaged = |detail: &str| FormatError::corrupt("a manifest layer", detail);
        loop {
            if let Some(row) = self.rows.next() {
                let ascends = self.last_path.as_ref().is_none_or(|last| tree_order(last, row.path()) == Ordering::Less);
                if !ascends {
                    return Err(damaged("its rows are out of order"));
                }
                if let Some(left) = &mut self.rows_left {
                    *left = left.checked_sub(1).ok_or_else(|| damaged("it has more rows than its index says"))?;
                }
                let last = self.last_path.get_or_insert_default();
                last.clear();
                last.extend_from_slice(row.path());
                return Ok(Some(row));
            }
            if self.next_block >= self.toc.blocks.len() {
                // Whole blocks may be left out of the contents: nothing else would show that.
                return match self.rows_left {
                    None | Some(0) => Ok(None),
                    Some(_) => Err(damaged("it has fewer rows than its index says")),
                };
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> Result<(), FormatError> {
        let blocks = &self.toc.blocks[self.next_block..];
        let bytes = self.ahead.block(&mut *self.source, blocks)?;
        let mut rows = Vec::new();
        let places = &self.places;
        let place = |archive: u32| places.get(archive as usize).copied();
        match &mut self.zstd {
            None => block::decode(bytes, place, &mut rows)?,
            Some(zstd) => {
                let (head, hashes) = bytes.split_at(blocks[0].head_bytes as usize);
                let mut plain = unpack(zstd, head)?;
                if !hashes.is_empty() {
                    plain.extend_from_slice(&unpack(zstd, hashes)?);
                }
                block::decode(&plain, place, &mut rows)?;
            }
        }
        self.rows = rows.into_iter();
        self.next_block += 1;
        Ok(())
    }
}

/// Bytes of blocks to come. Whoever asks for one entry reads one block; whoever reads
/// on fetches ever more at once, as each fetch is a request to the store.
#[derive(Default)]
struct Ahead {
    offset: u64,
    bytes: Vec<u8>,
    /// How long the next fetch may be, if that is more than one block.
    fetch_bytes: u64,
}

/// Bounds of a fetch after the first (chosen). Many layers may be read side by side, each with this much.
const AHEAD_BYTES: std::ops::RangeInclusive<u64> = 128 << 10..=1 << 20;
/// By how much a fetch may be longer than the one before it.
const AHEAD_GROWTH: u64 = 4;

impl Ahead {
    /// The bytes of the first of `blocks`, of which there must be one.
    fn block(&mut self, source: &mut dyn BlockSource, blocks: &[BlockInfo]) -> Result<&[u8], FormatError> {
        let (first, rest) = blocks.split_first().expect("the caller looked whether there is a block");
        // Offsets and lengths are bounded by `BlockInfo::try_from`.
        let length = first.length();
        let is_there = |ahead: &Self| {
            first.offset >= ahead.offset && first.offset + length <= ahead.offset + ahead.bytes.len() as u64
        };
        if !is_there(self) {
            let mut end = first.offset + length;
            for next in rest {
                if next.offset != end || end + next.length() - first.offset > self.fetch_bytes {
                    break;
                }
                end += next.length();
            }
            self.bytes = source.read(first.offset, (end - first.offset) as usize)?;
            self.offset = first.offset;
            self.fetch_bytes = (self.fetch_bytes * AHEAD_GROWTH).clamp(*AHEAD_BYTES.start(), *AHEAD_BYTES.end());
        }
        let start = (first.offset - self.offset) as usize;
        Ok(&self.bytes[start..start + length as usize])
    }
}

pub(super) fn unpack(zstd: &mut zstd::bulk::Decompressor<'static>, frame: &[u8]) -> Result<Vec<u8>, FormatError> {
    let damaged = |detail: String| FormatError::corrupt("a manifest block", detail);
    let claimed = zstd::bulk::Decompressor::upper_bound(frame).unwrap_or(usize::MAX);
    if claimed > MAX_BLOCK_BYTES {
        return Err(damaged("it claims to be too large".to_owned()));
    }
    zstd.decompress(frame, claimed).map_err(|error| damaged(error.to_string()))
}

/// The entries of a snapshot: its layers merged, newest winning.
pub struct MergedRows {
    /// Oldest first.
    layers: Vec<LayerReader>,
    failed: Option<usize>,
}

impl MergedRows {
    /// `layers`: oldest first.
    pub fn new(layers: Vec<LayerReader>) -> Self {
        Self { layers, failed: None }
    }

    /// Continues close before `path`.
    pub fn seek(&mut self, path: &[u8]) {
        for layer in &mut self.layers {
            layer.seek(path);
        }
    }

    /// Of the layers, oldest first: the one that the last error is of.
    pub fn failed_layer(&self) -> Option<usize> {
        self.failed
    }

    /// The next row by path; a deletion hides what older layers say.
    pub fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        if let [layer] = &mut self.layers[..] {
            return layer.next_row().inspect_err(|_| self.failed = Some(0));
        }
        for (place, layer) in self.layers.iter_mut().enumerate() {
            layer.peek().inspect_err(|_| self.failed = Some(place))?;
        }
        let mut winner: Option<(usize, &Row)> = None;
        for (place, layer) in self.layers.iter().enumerate() {
            let Some(row) = &layer.peeked else { continue };
            // Ties go to the later layer.
            if winner.is_none_or(|(_, first)| tree_order(row.path(), first.path()) != Ordering::Greater) {
                winner = Some((place, row));
            }
        }
        let Some((place, _)) = winner else { return Ok(None) };
        let row = self.layers[place].next_row()?;
        for older in &mut self.layers[..place] {
            if older.peeked.as_ref().map(Row::path) == row.as_ref().map(Row::path) {
                older.next_row()?;
            }
        }
        Ok(row)
    }

    /// The next entry, skipping deletions.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, FormatError> {
        loop {
            match self.next_row()? {
                None => return Ok(None),
                Some(Row::Entry(entry)) => return Ok(Some(entry)),
                Some(Row::Deleted(_)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
