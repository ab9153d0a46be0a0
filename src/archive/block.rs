//! The codec of one manifest block: up to [`super::limits::BLOCK_ROWS`] rows in columns.
//!
//! Columns, because a hash cannot be compressed and should not disturb what can.
//!
//! | part | bytes | content |
//! | --- | --- | --- |
//! | header | 7 × u32 little-endian | rows, then the length of each column below |
//! | paths | per row | LEB128 bytes shared with the row before, LEB128 length of the rest, the rest |
//! | meta | per row | tag byte; unless deleted: LEB128 mode, uid, gid, zigzag mtime seconds less those of the row before, LEB128 nanoseconds; files: LEB128 size |
//! | content | per file with bytes | LEB128 extent count; per extent see below |
//! | extra | per row that its tag says | link target, hard-link group, device number, extended attributes |
//! | stamps | local state only | zigzag ctime seconds less mtime seconds, LEB128 nanoseconds, LEB128 inode |
//! | hashes | 32 per file with bytes | BLAKE3-256 of the file |
//!
//! An extent is LEB128 `place + 1` (0: a hole), and unless a hole zigzag of its
//! offset less the predicted one (right after the tar header that follows the
//! extent before); its length follows unless it is the only one.

use super::limits::{BLOCK_ROWS, MAX_BLOCK_BYTES, MAX_EXTENTS, MAX_NAME_BYTES};
use super::{Content, Entry, Extent, FormatError, Link, Row, Stamp};
use crate::base::ContentHash;
use crate::files::xattrs::Xattr;
use crate::files::{FileKind, FileTime};

pub(super) const HEADER_BYTES: usize = 28;

const KIND_BITS: u8 = 0b0000_0111;
const DELETED: u8 = 7;
const HAS_LINK: u8 = 1 << 3;
const HAS_XATTRS: u8 = 1 << 4;
const HAS_STAMP: u8 = 1 << 5;

const TAR_BLOCK: u64 = 512;

/// Where the content of the next file begins if nothing but its header lies between.
fn predicted(end: u64) -> u64 {
    end.div_ceil(TAR_BLOCK).saturating_mul(TAR_BLOCK).saturating_add(TAR_BLOCK)
}

fn kind_code(kind: FileKind) -> u8 {
    match kind {
        FileKind::File => 0,
        FileKind::Directory => 1,
        FileKind::Symlink => 2,
        FileKind::BlockDevice => 3,
        FileKind::CharDevice => 4,
        FileKind::Fifo => 5,
        FileKind::Socket => 6,
    }
}

fn kind_of(code: u8) -> Option<FileKind> {
    Some(match code {
        0 => FileKind::File,
        1 => FileKind::Directory,
        2 => FileKind::Symlink,
        3 => FileKind::BlockDevice,
        4 => FileKind::CharDevice,
        5 => FileKind::Fifo,
        6 => FileKind::Socket,
        _ => return None,
    })
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Gathers rows into one block.
#[derive(Default)]
pub(super) struct BlockWriter {
    rows: usize,
    paths: Vec<u8>,
    meta: Vec<u8>,
    content: Vec<u8>,
    extra: Vec<u8>,
    stamps: Vec<u8>,
    hashes: Vec<u8>,
    first_path: Vec<u8>,
    last_path: Vec<u8>,
    last_mtime: i64,
    last_archive: u32,
    last_end: u64,
}

/// A finished block, in the two parts that are compressed apart.
pub(super) struct EncodedBlock {
    pub(super) first_path: Vec<u8>,
    /// Header and all columns but the last.
    pub(super) head: Vec<u8>,
    /// The hashes; may be empty.
    pub(super) hashes: Vec<u8>,
}

impl BlockWriter {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.paths.len()
            + self.meta.len()
            + self.content.len()
            + self.extra.len()
            + self.stamps.len()
            + self.hashes.len()
    }

    /// Adds a row; `place` translates an extent's archive number.
    pub(super) fn push(&mut self, row: &Row, keep_stamps: bool, mut place: impl FnMut(u32) -> u32) {
        let path = row.path();
        if self.rows == 0 {
            self.first_path = path.to_vec();
        }
        let shared = path.iter().zip(&self.last_path).take_while(|(a, b)| a == b).count();
        put(&mut self.paths, shared as u64);
        put_bytes(&mut self.paths, &path[shared..]);
        self.last_path.truncate(shared);
        self.last_path.extend_from_slice(&path[shared..]);
        self.rows += 1;
        let entry = match row {
            Row::Deleted(_) => return self.meta.push(DELETED),
            Row::Entry(entry) => entry,
        };
        let stamp = entry.stamp.filter(|_| keep_stamps);
        let mut tag = kind_code(entry.kind);
        tag |= if entry.link.is_some() { HAS_LINK } else { 0 };
        tag |= if entry.xattrs.is_empty() { 0 } else { HAS_XATTRS };
        tag |= if stamp.is_some() { HAS_STAMP } else { 0 };
        self.meta.push(tag);
        put(&mut self.meta, u64::from(entry.mode));
        put(&mut self.meta, u64::from(entry.uid));
        put(&mut self.meta, u64::from(entry.gid));
        put_signed(&mut self.meta, entry.mtime.seconds.wrapping_sub(self.last_mtime));
        self.last_mtime = entry.mtime.seconds;
        put(&mut self.meta, u64::from(entry.mtime.nanoseconds));
        if entry.kind == FileKind::File {
            put(&mut self.meta, entry.size);
        }
        if entry.kind == FileKind::Symlink {
            put_bytes(&mut self.extra, entry.link_target.as_deref().unwrap_or_default());
        }
        if matches!(entry.kind, FileKind::BlockDevice | FileKind::CharDevice) {
            put(&mut self.extra, entry.rdev);
        }
        if let Some(link) = entry.link {
            put(&mut self.extra, link.dev);
            put(&mut self.extra, link.ino);
        }
        if !entry.xattrs.is_empty() {
            put(&mut self.extra, entry.xattrs.len() as u64);
            for (name, value) in &entry.xattrs {
                put_bytes(&mut self.extra, name);
                put_bytes(&mut self.extra, value);
            }
        }
        if let Some(stamp) = stamp {
            put_signed(&mut self.stamps, stamp.ctime.seconds.wrapping_sub(entry.mtime.seconds));
            put(&mut self.stamps, u64::from(stamp.ctime.nanoseconds));
            put(&mut self.stamps, stamp.ino);
        }
        if let Some(content) = &entry.content {
            self.hashes.extend_from_slice(&content.hash.0);
            self.push_extents(&content.extents, &mut place);
        }
    }

    fn push_extents(&mut self, extents: &[Extent], place: &mut impl FnMut(u32) -> u32) {
        put(&mut self.content, extents.len() as u64);
        for extent in extents {
            match *extent {
                Extent::Hole { .. } => put(&mut self.content, 0),
                Extent::Stored { archive, offset, length } => {
                    let archive = place(archive);
                    put(&mut self.content, u64::from(archive) + 1);
                    let end = if archive == self.last_archive { self.last_end } else { 0 };
                    put_signed(&mut self.content, offset.wrapping_sub(predicted(end)) as i64);
                    self.last_archive = archive;
                    self.last_end = offset.saturating_add(length);
                }
            }
            if extents.len() > 1 {
                put(&mut self.content, extent.length());
            }
        }
    }

    pub(super) fn finish(&mut self) -> EncodedBlock {
        let block = std::mem::take(self);
        let columns = [&block.paths, &block.meta, &block.content, &block.extra, &block.stamps, &block.hashes];
        let mut head = Vec::with_capacity(HEADER_BYTES + block.len() - block.hashes.len());
        head.extend_from_slice(&(block.rows as u32).to_le_bytes());
        for column in columns {
            head.extend_from_slice(&(column.len() as u32).to_le_bytes());
        }
        for column in &columns[..5] {
            head.extend_from_slice(column);
        }
        EncodedBlock { first_path: block.first_path, head, hashes: block.hashes }
    }
}

/// A bounded reader of one column.
struct Column<'a>(&'a [u8]);

fn damaged(detail: &str) -> FormatError {
    FormatError::corrupt("a manifest block", detail)
}

impl<'a> Column<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| damaged("a column ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, FormatError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, FormatError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number is too long"))
    }

    fn small(&mut self) -> Result<u32, FormatError> {
        u32::try_from(self.number()?).map_err(|_| damaged("a number is too large"))
    }

    fn signed(&mut self) -> Result<i64, FormatError> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn bytes(&mut self) -> Result<&'a [u8], FormatError> {
        let length = self.number()?;
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_NAME_BYTES);
        self.take(length.ok_or_else(|| damaged("a name is too long"))?)
    }

    fn nanoseconds(&mut self) -> Result<u32, FormatError> {
        self.small().and_then(|n| if n < 1_000_000_000 { Ok(n) } else { Err(damaged("nanoseconds out of range")) })
    }
}

/// How many bytes a block has after decompression, from its header.
pub(super) fn block_len(header: &[u8]) -> Result<usize, FormatError> {
    let header = header.get(..HEADER_BYTES).ok_or_else(|| damaged("it has no header"))?;
    let total = (4..HEADER_BYTES).step_by(4).map(|at| number_at(header, at)).sum::<usize>() + HEADER_BYTES;
    if total > MAX_BLOCK_BYTES {
        return Err(damaged("it claims to be too large"));
    }
    Ok(total)
}

fn number_at(header: &[u8], at: usize) -> usize {
    u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")) as usize
}

/// Decodes a whole block (header, columns, hashes), appending its rows in order.
///
/// `place` translates archive numbers; `None` from it is damage.
pub(super) fn decode(
    block: &[u8],
    mut place: impl FnMut(u32) -> Option<u32>,
    rows: &mut Vec<Row>,
) -> Result<(), FormatError> {
    if block_len(block)? != block.len() {
        return Err(damaged("its length is not what its header says"));
    }
    let count = number_at(block, 0);
    // Each may have a long path though it takes few bytes here: all that it shares with the one before it.
    if count > BLOCK_ROWS {
        return Err(damaged("it has more rows than any may"));
    }
    let mut rest = Column(&block[HEADER_BYTES..]);
    let mut column = |index: usize| rest.take(number_at(block, 4 + 4 * index)).map(Column);
    let mut reader = BlockReader {
        paths: column(0)?,
        meta: column(1)?,
        content: column(2)?,
        extra: column(3)?,
        stamps: column(4)?,
        hashes: column(5)?,
        last_path: Vec::new(),
        last_mtime: 0,
        last_archive: 0,
        last_end: 0,
    };
    rows.reserve(count);
    for _ in 0..count {
        let row = reader.row(&mut place)?;
        rows.push(row);
    }
    Ok(())
}

struct BlockReader<'a> {
    paths: Column<'a>,
    meta: Column<'a>,
    content: Column<'a>,
    extra: Column<'a>,
    stamps: Column<'a>,
    hashes: Column<'a>,
    last_path: Vec<u8>,
    last_mtime: i64,
    last_archive: u32,
    last_end: u64,
}

impl BlockReader<'_> {
    fn row(&mut self, place: &mut impl FnMut(u32) -> Option<u32>) -> Result<Row, FormatError> {
        let shared = usize::try_from(self.paths.number()?).unwrap_or(usize::MAX);
        let rest = self.paths.bytes()?;
        if shared > self.last_path.len() || shared + rest.len() > MAX_NAME_BYTES {
            return Err(damaged("a path is cut wrongly"));
        }
        self.last_path.truncate(shared);
        self.last_path.extend_from_slice(rest);
        let path = self.last_path.clone();
        let tag = self.meta.byte()?;
        if tag == DELETED {
            return Ok(Row::Deleted(path));
        }
        let kind = kind_of(tag & KIND_BITS).ok_or_else(|| damaged("an entry of unknown kind"))?;
        let mode = self.meta.small()?;
        let uid = self.meta.small()?;
        let gid = self.meta.small()?;
        let seconds = self.last_mtime.wrapping_add(self.meta.signed()?);
        self.last_mtime = seconds;
        let mtime = FileTime { seconds, nanoseconds: self.meta.nanoseconds()? };
        let size = if kind == FileKind::File { self.meta.number()? } else { 0 };
        let link_target = match kind {
            FileKind::Symlink => Some(self.extra.bytes()?.to_vec()),
            _ => None,
        };
        let rdev = match kind {
            FileKind::BlockDevice | FileKind::CharDevice => self.extra.number()?,
            _ => 0,
        };
        let link = match tag & HAS_LINK {
            0 => None,
            _ => Some(Link { dev: self.extra.number()?, ino: self.extra.number()? }),
        };
        let xattrs = if tag & HAS_XATTRS == 0 { Vec::new() } else { self.xattrs()? };
        let stamp = if tag & HAS_STAMP == 0 { None } else { Some(self.stamp(seconds)?) };
        let content = if size == 0 { None } else { Some(self.content(size, place)?) };
        Ok(Row::Entry(Entry {
            path,
            kind,
            mode,
            uid,
            gid,
            mtime,
            size,
            rdev,
            link_target,
            link,
            xattrs,
            content,
            stamp,
        }))
    }

    fn xattrs(&mut self) -> Result<Vec<Xattr>, FormatError> {
        let count = self.extra.number()?;
        // Each takes at least two bytes, so a lie runs out of column before it runs out of memory.
        (0..count).map(|_| Ok((self.extra.bytes()?.to_vec(), self.extra.bytes()?.to_vec()))).collect()
    }

    fn stamp(&mut self, mtime_seconds: i64) -> Result<Stamp, FormatError> {
        let seconds = mtime_seconds.wrapping_add(self.stamps.signed()?);
        let nanoseconds = self.stamps.nanoseconds()?;
        Ok(Stamp { ctime: FileTime { seconds, nanoseconds }, ino: self.stamps.number()? })
    }

    fn content(&mut self, size: u64, place: &mut impl FnMut(u32) -> Option<u32>) -> Result<Content, FormatError> {
        let hash = self.hashes.take(32)?.try_into().expect("32 bytes were taken");
        let count = usize::try_from(self.content.number()?).unwrap_or(usize::MAX);
        if count > MAX_EXTENTS || count > self.content.0.len() {
            return Err(damaged("a file has too many extents"));
        }
        let mut extents = Vec::with_capacity(count);
        let mut total = 0u64;
        for _ in 0..count {
            let extent = self.extent(if count == 1 { Some(size) } else { None }, place)?;
            total = total.checked_add(extent.length()).ok_or_else(|| damaged("a file's extents are too long"))?;
            extents.push(extent);
        }
        if total != size {
            return Err(damaged("a file's extents do not add up to its size"));
        }
        Ok(Content { hash: ContentHash(hash), extents })
    }

    fn extent(&mut self, only: Option<u64>, place: &mut impl FnMut(u32) -> Option<u32>) -> Result<Extent, FormatError> {
        let archive = self.content.small()?;
        let Some(archive) = archive.checked_sub(1) else {
            return Ok(Extent::Hole { length: only.map_or_else(|| self.content.number(), Ok)? });
        };
        let end = if archive == self.last_archive { self.last_end } else { 0 };
        let offset = predicted(end).wrapping_add(self.content.signed()? as u64);
        let length = only.map_or_else(|| self.content.number(), Ok)?;
        self.last_archive = archive;
        self.last_end = offset.saturating_add(length);
        if offset.checked_add(length).is_none() {
            return Err(damaged("an extent lies beyond any archive"));
        }
        let archive = place(archive).ok_or_else(|| damaged("an extent names an unknown archive"))?;
        Ok(Extent::Stored { archive, offset, length })
    }
}
