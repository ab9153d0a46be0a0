//! What an index says of an archive and of a layer, found in their own bytes: for one that is lost.
//!
//! An index is all that tells where the frames of an archive lie, but each frame ends where its
//! compression says so; and of a layer, where each block's columns end.

use super::block::{self, block_len};
use super::layer::unpack;
use super::limits::{FRAME_BYTES, MAX_BLOCK_BYTES, MAX_FRAME_BYTES};
use super::{BlockInfo, Codec, Decompressor, FormatError, Frame, Row};
use std::io::{self, BufRead, BufReader, Read};

/// The frames of an archive, read front to back: all of them, or (with the error) those before the
/// first that is damaged. Where nothing is compressed any cut is right.
pub fn frames_of<R: Read>(archive: R, codec: Codec) -> (Vec<Frame>, Option<FormatError>) {
    let mut frames = Vec::new();
    let failure = match codec {
        Codec::Zstd { .. } => zstd_frames(archive, &mut frames),
        Codec::Gzip { .. } => gzip_members(archive, &mut frames),
        Codec::None => pieces(archive, &mut frames),
    };
    (frames, failure.err())
}

fn zstd_frames<R: Read>(archive: R, frames: &mut Vec<Frame>) -> Result<(), FormatError> {
    let mut packed = ZstdFrames::new(archive, MAX_FRAME_BYTES + MAX_FRAME_BYTES / 8);
    let mut decompressor = Decompressor::new(Codec::Zstd { level: 3 })?;
    while let Some(frame) = packed.next()? {
        let unpacked = zstd::zstd_safe::get_frame_content_size(&frame).ok().flatten();
        let unpacked = unpacked.filter(|unpacked| *unpacked <= MAX_FRAME_BYTES as u64);
        let unpacked =
            unpacked.ok_or_else(|| FormatError::corrupt("an archive", "a frame does not tell how long it is"))?;
        decompressor.decompress(&frame, unpacked as usize)?;
        frames.push(Frame { packed: frame.len() as u64, unpacked });
    }
    Ok(())
}

/// Cuts concatenated zstd frames apart.
struct ZstdFrames<R> {
    input: R,
    bytes: Vec<u8>,
    /// Of `bytes`: those that were handed out.
    used: usize,
    /// What reading on fails with, once what came before is handed out.
    failed: Option<io::Error>,
    limit: usize,
}

/// Of one read.
const READ_BYTES: usize = 1 << 20;

impl<R: Read> ZstdFrames<R> {
    fn new(input: R, limit: usize) -> Self {
        Self { input, bytes: Vec::new(), used: 0, failed: None, limit }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, FormatError> {
        let damaged = |detail: &str| FormatError::corrupt("a compressed frame", detail);
        loop {
            let left = &self.bytes[self.used..];
            if !left.is_empty()
                && let Ok(length) = zstd::zstd_safe::find_frame_compressed_size(left)
                && let Some(frame) = left.get(..length)
            {
                self.used += length;
                return Ok(Some(frame.to_vec()));
            }
            if left.len() > self.limit {
                return Err(damaged("it has no end"));
            }
            if let Some(error) = self.failed.take() {
                return Err(error.into());
            }
            self.bytes.drain(..self.used);
            self.used = 0;
            match (&mut self.input).take(READ_BYTES as u64).read_to_end(&mut self.bytes) {
                Ok(0) if self.bytes.is_empty() => return Ok(None),
                Ok(0) => return Err(damaged("it ends too early")),
                Ok(_) => {}
                Err(error) => self.failed = Some(error),
            }
        }
    }
}

fn gzip_members<R: Read>(archive: R, frames: &mut Vec<Frame>) -> Result<(), FormatError> {
    let mut input = Counted { input: BufReader::with_capacity(READ_BYTES, archive), consumed: 0 };
    while !input.fill_buf()?.is_empty() {
        let before = input.consumed;
        let mut member = flate2::bufread::GzDecoder::new(&mut input).take(MAX_FRAME_BYTES as u64 + 1);
        let unpacked = io::copy(&mut member, &mut io::sink()).map_err(of_gzip)?;
        if unpacked > MAX_FRAME_BYTES as u64 {
            return Err(FormatError::corrupt("a compressed frame", "it is larger than any may be"));
        }
        frames.push(Frame { packed: input.consumed - before, unpacked });
    }
    Ok(())
}

/// The codec tells of damage by one of these kinds; any other is of the store that the bytes come from.
fn of_gzip(error: io::Error) -> FormatError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidInput | InvalidData | UnexpectedEof => FormatError::corrupt("a compressed frame", error.to_string()),
        _ => FormatError::Io(error),
    }
}

/// Counts what is taken from a buffer.
struct Counted<R> {
    input: R,
    consumed: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.consumed += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }
    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.input.consume(count);
    }
}

fn pieces<R: Read>(mut archive: R, frames: &mut Vec<Frame>) -> Result<(), FormatError> {
    loop {
        let length = io::copy(&mut (&mut archive).take(FRAME_BYTES as u64), &mut io::sink())?;
        if length == 0 {
            return Ok(());
        }
        frames.push(Frame { packed: length, unpacked: length });
    }
}

/// Reads a layer's blocks front to back and hands out each block's rows, whose extents have the
/// layer's own numbers of archives. Returns where the blocks lie.
///
/// # Errors
/// Where it is damaged anywhere.
pub fn blocks_of<R: Read>(layer: R, mut act: impl FnMut(&[Row])) -> Result<Vec<BlockInfo>, FormatError> {
    let mut parts = ZstdFrames::new(layer, MAX_BLOCK_BYTES);
    let mut zstd = zstd::bulk::Decompressor::new()?;
    let mut blocks = Vec::new();
    let mut offset = 0;
    while let Some(head) = parts.next()? {
        let mut plain = unpack(&mut zstd, &head)?;
        let mut hash_bytes = 0;
        if block_len(&plain)? > plain.len() {
            let damaged = || FormatError::corrupt("a manifest block", "it ends too early");
            let hashes = parts.next()?.ok_or_else(damaged)?;
            hash_bytes = hashes.len() as u64;
            plain.extend_from_slice(&unpack(&mut zstd, &hashes)?);
        }
        let mut rows = Vec::new();
        block::decode(&plain, Some, &mut rows)?;
        let first_path = rows.first().map(|row| row.path().to_vec()).unwrap_or_default();
        let head_bytes = head.len() as u64;
        blocks.push(BlockInfo { offset, head_bytes, hash_bytes, first_path });
        offset += head_bytes + hash_bytes;
        act(&rows);
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::super::{ArchiveTable, Compressor, LayerToc, LayerWriter};
    use super::*;

    const CODECS: [Codec; 3] = [Codec::Zstd { level: 3 }, Codec::Gzip { level: 6 }, Codec::None];

    fn archive(codec: Codec) -> (Vec<u8>, Vec<Frame>) {
        let mut compressor = Compressor::new(codec).unwrap();
        let (mut bytes, mut frames) = (Vec::new(), Vec::new());
        for (fill, length) in [(1, 3000), (2, 1), (3, 700)] {
            let packed = compressor.compress(&vec![fill; length]).unwrap();
            frames.push(Frame { packed: packed.len() as u64, unpacked: length as u64 });
            bytes.extend(packed);
        }
        (bytes, frames)
    }

    fn layer() -> (Vec<u8>, LayerToc) {
        let mut writer = LayerWriter::stored(Vec::new()).unwrap();
        for path in ["a", "b", "c"] {
            writer.push(&Row::Deleted(path.into()), &ArchiveTable::default()).unwrap();
            writer.flush_block().unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn frames_and_blocks_are_found_where_they_were_written() {
        for codec in CODECS {
            let (bytes, frames) = archive(codec);
            let (found, error) = frames_of(&bytes[..], codec);
            assert!(error.is_none(), "{error:?}");
            match codec {
                Codec::None => assert_eq!(found, [Frame { packed: 3701, unpacked: 3701 }]),
                _ => assert_eq!(found, frames),
            }
        }
        let (bytes, toc) = layer();
        let mut rows = 0;
        assert_eq!(blocks_of(&bytes[..], |block| rows += block.len() as u64).unwrap(), toc.blocks);
        assert_eq!(rows, toc.rows);
    }

    #[test]
    fn a_store_that_fails_on_the_way_is_no_damage() {
        struct Unreachable;
        impl Read for Unreachable {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::TimedOut))
            }
        }
        for codec in CODECS {
            let (bytes, _) = archive(codec);
            for cut in 0..bytes.len() {
                let (_, error) = frames_of((&bytes[..cut]).chain(Unreachable), codec);
                assert!(error.is_some_and(|error| !error.is_damage()), "{codec:?} {cut}");
            }
        }
        let (bytes, _) = layer();
        for cut in 0..bytes.len() {
            let error = blocks_of((&bytes[..cut]).chain(Unreachable), |_| ()).unwrap_err();
            assert!(!error.is_damage(), "{cut}");
        }
    }

    #[test]
    fn what_lies_before_damage_is_found_and_nothing_else() {
        for codec in &CODECS[..2] {
            let (bytes, frames) = archive(*codec);
            for cut in 0..bytes.len() {
                let (found, _) = frames_of(&bytes[..cut], *codec);
                let whole: u64 = found.iter().map(|frame| frame.packed).sum();
                assert!(frames.starts_with(&found) && whole <= cut as u64, "{codec:?} {cut}");
                let mut flipped = bytes.clone();
                flipped[cut] ^= 0x10;
                let (found, _) = frames_of(&flipped[..], *codec);
                let before = frames.iter().scan(0, |end, frame| {
                    *end += frame.packed;
                    Some(*end)
                });
                let before = before.take_while(|end| *end <= cut as u64).count();
                assert!(found.len() >= before && found[..before] == frames[..before], "{codec:?} {cut}");
            }
        }
        let (bytes, toc) = layer();
        for cut in 0..bytes.len() {
            let found = blocks_of(&bytes[..cut], |_| ());
            assert!(found.is_err() || toc.blocks.starts_with(&found.unwrap()), "{cut}");
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0x10;
            let _ = blocks_of(&flipped[..], |_| ());
        }
    }
}
