use super::{Frame, LayerToc};
use crate::base::{ContentHash, RunId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use std::io;

/// What one run added, for random access to it: the object `index/…`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunIndex {
    pub format_version: u32,
    pub run: RunId,
    pub archives: Vec<ArchiveIndex>,
    /// The manifest layer that this run wrote, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerToc>,
}

/// zstd level of indexes: small, and read often.
const LEVEL: i32 = 9;

impl RunIndex {
    /// As it is stored, but for the encryption.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_vec(self).expect("plain data becomes JSON");
        zstd::bulk::compress(&json, LEVEL)
    }
}

/// The frames of one archive, and the chunks of its large files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArchiveIndex {
    pub name: String,
    pub frames: Vec<Frame>,
    /// Of files of more than one chunk, in order; a smaller file's chunk is the
    /// file itself, and stands in the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<ChunkRow>,
}

/// A chunk in an archive's tar stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64, String)", into = "(u64, u64, String)")]
pub struct ChunkRow {
    pub offset: u64,
    pub length: u64,
    pub hash: ContentHash,
}

impl From<ChunkRow> for (u64, u64, String) {
    fn from(row: ChunkRow) -> Self {
        (row.offset, row.length, STANDARD_NO_PAD.encode(row.hash.0))
    }
}

impl TryFrom<(u64, u64, String)> for ChunkRow {
    type Error = &'static str;

    fn try_from((offset, length, hash): (u64, u64, String)) -> Result<Self, Self::Error> {
        let hash = STANDARD_NO_PAD.decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
        offset.checked_add(length).ok_or("a chunk lies beyond any archive")?;
        Ok(Self { offset, length, hash: ContentHash(hash.ok_or("a chunk's hash is not 32 bytes in base64")?) })
    }
}
