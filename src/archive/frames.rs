use super::limits::MAX_FRAME_BYTES;
use super::{Codec, Decompressor, FormatError, ReadObject, Unsealer};
use serde::{Deserialize, Serialize};

/// One frame's lengths: in the archive (compressed, before encryption) and of its tar bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Frame {
    pub packed: u64,
    pub unpacked: u64,
}

impl From<(u64, u64)> for Frame {
    fn from((packed, unpacked): (u64, u64)) -> Self {
        Self { packed, unpacked }
    }
}

impl From<Frame> for (u64, u64) {
    fn from(frame: Frame) -> Self {
        (frame.packed, frame.unpacked)
    }
}

/// Where each frame of an archive lies, for random access.
#[derive(Clone, Debug, Default)]
pub struct FrameTable {
    frames: Vec<Frame>,
    /// Per frame: the offset of its first byte, packed and unpacked.
    starts: Vec<(u64, u64)>,
    unpacked: u64,
}

impl FrameTable {
    /// Checks that every frame is within the limits of the format.
    pub fn new(frames: &[Frame]) -> Result<Self, FormatError> {
        let damaged = |detail: &str| FormatError::corrupt("an index", detail);
        let mut table = Self { frames: frames.to_vec(), ..Self::default() };
        table.starts.reserve(frames.len());
        let mut packed = 0u64;
        for frame in frames {
            let limit = MAX_FRAME_BYTES as u64;
            if frame.unpacked > limit || frame.packed > limit + limit / 8 {
                return Err(damaged("it lists a frame larger than any may be"));
            }
            table.starts.push((packed, table.unpacked));
            // Bounded frames in a bounded list: no overflow.
            packed += frame.packed;
            table.unpacked += frame.unpacked;
        }
        Ok(table)
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of the whole tar stream.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// The frame that holds the byte at `offset` of the tar stream.
    pub fn at(&self, offset: u64) -> Option<usize> {
        if offset >= self.unpacked {
            return None;
        }
        // The last frame that starts at or before the offset; empty frames start where the next does.
        Some(self.starts.partition_point(|(_, start)| *start <= offset) - 1)
    }

    /// Offset of a frame's first byte in the tar stream.
    pub fn start(&self, frame: usize) -> u64 {
        self.starts[frame].1
    }

    pub fn frame(&self, frame: usize) -> Frame {
        self.frames[frame]
    }
}

/// Reads single frames of one archive.
pub struct FrameReader<O: ReadObject> {
    object: Unsealer<O>,
    decompressor: Decompressor,
}

impl<O: ReadObject> FrameReader<O> {
    pub fn new(object: Unsealer<O>, codec: Codec) -> Result<Self, FormatError> {
        Ok(Self { object, decompressor: Decompressor::new(codec)? })
    }

    /// Puts the tar bytes of one frame in place of what is in `bytes`: one ranged read,
    /// decrypted and decompressed. `buffer` is memory for the compressed frame, which grows to
    /// the largest so far; what is in it means nothing.
    pub fn read(
        &mut self,
        table: &FrameTable,
        frame: usize,
        buffer: &mut Vec<u8>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let Frame { packed, unpacked } = table.frames[frame];
        // Both fit: `FrameTable::new` bounded them.
        let packed = packed as usize;
        if buffer.len() < packed {
            buffer.resize(packed, 0);
        }
        self.object.fill(table.starts[frame].0, &mut buffer[..packed])?;
        self.decompressor.decompress_into(&buffer[..packed], unpacked as usize, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_in_its_frame() {
        let frames: Vec<Frame> = [(5, 10), (5, 0), (7, 20), (1, 1)].map(Frame::from).to_vec();
        let table = FrameTable::new(&frames).unwrap();
        let found: Vec<_> = [0, 9, 10, 29, 30, 31].map(|offset| table.at(offset)).to_vec();
        assert_eq!(found, [Some(0), Some(0), Some(2), Some(2), Some(3), None]);
        assert_eq!((table.start(2), table.unpacked()), (10, 31));
        assert!(FrameTable::new(&[Frame { packed: 1, unpacked: u64::MAX }]).is_err());
    }
}
