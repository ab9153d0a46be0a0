use super::{Codec, Frame, Recipients, Sealer, seal};
use crate::base::ContentHash;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Counts and hashes what passes through on its way to a store.
pub struct HashingWriter<W> {
    output: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    pub fn new(output: W) -> Self {
        Self { output, sha256: Sha256::new(), bytes: 0 }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The output, how many bytes went there, and their SHA-256 in hexadecimal.
    pub fn finish(self) -> (W, u64, String) {
        let digest: [u8; 32] = self.sha256.finalize().into();
        (self.output, self.bytes, ContentHash(digest).to_hex())
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.output.write(buffer)?;
        self.sha256.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// What was written of one archive.
#[derive(Clone, Debug)]
pub struct ArchiveInfo {
    pub frames: Vec<Frame>,
    /// As stored.
    pub size: u64,
    pub sha256: String,
}

/// Writes frames, already compressed, as one encrypted archive.
pub struct ArchiveWriter<W: Write> {
    sealer: Sealer<HashingWriter<W>>,
    frames: Vec<Frame>,
    packed: u64,
    unpacked: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub fn new(recipients: Option<&Recipients>, output: W) -> io::Result<Self> {
        let sealer = seal(recipients, HashingWriter::new(output))?;
        Ok(Self { sealer, frames: Vec::new(), packed: 0, unpacked: 0 })
    }

    /// Where the next frame's bytes begin in the tar stream.
    pub fn position(&self) -> u64 {
        self.unpacked
    }

    /// About how large the archive is by now, as stored.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    pub fn append(&mut self, frame: &[u8], unpacked: u64) -> io::Result<()> {
        self.sealer.write_all(frame)?;
        self.frames.push(Frame { packed: frame.len() as u64, unpacked });
        self.packed += frame.len() as u64;
        self.unpacked += unpacked;
        Ok(())
    }

    /// Ends the tar stream and the encryption. The output is not yet committed.
    pub fn finish(mut self, codec: Codec) -> io::Result<(W, ArchiveInfo)> {
        // Two blocks of zeros end a tar stream (POSIX.1-2017, pax).
        let end = [0; 1024];
        let frame = super::Compressor::new(codec)?.compress(&end)?;
        self.append(&frame, end.len() as u64)?;
        let (output, size, sha256) = self.sealer.finish()?.finish();
        Ok((output, ArchiveInfo { frames: self.frames, size, sha256 }))
    }
}
