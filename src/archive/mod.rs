//! The bytes of format version 1: chunks, frames, tar entries, manifests,
//! indexes, snapshots, and age around them all.
//!
//! Knows nothing of plans, OpenDAL or tokio: objects are reached through
//! [`ReadObject`] and [`std::io::Write`]. Every decoder treats its input as
//! hostile: it bounds what it allocates by a named limit in [`limits`] and
//! returns [`FormatError`], never panics. The specification is
//! `schema/archive-v1.md`.

mod block;
mod chunker;
mod compress;
mod derive;
mod encrypt;
mod entry;
mod error;
mod frames;
mod index;
mod layer;
pub mod limits;
mod object;
mod snapshot;
mod tar;
mod writer;
mod zeros;

pub use chunker::{Chunker, ChunkerParameters};
pub use compress::{Codec, Compressor, Decompressor};
pub use derive::{blocks_of, frames_of};
pub use encrypt::{
    Identities, IdentityError, RecipientError, Recipients, Sealer, Unsealer, generate_identity, seal, unseal,
};
pub use entry::{ArchiveTable, Content, Entry, Extent, Link, Row, Stamp};
pub use error::FormatError;
pub use frames::{Frame, FrameReader, FrameTable};
pub use index::{ArchiveIndex, ChunkRow, RunIndex};
pub use layer::{BlockInfo, LayerReader, LayerToc, LayerWriter, MergedRows};
pub use object::{MemoryObject, ReadObject, WindowReader};
pub use snapshot::{LayerRef, Outcome, RunRecord, Snapshot, SnapshotTotals, StoredObject, Unreadable};
pub use tar::{TarEntry, padding};
pub use writer::{ArchiveInfo, ArchiveWriter, HashingWriter};
pub use zeros::zeros;
