use crate::archive::{ChunkRow, Entry, Link};
use crate::base::ContentHash;
use crate::files::Metadata;

/// Paths to pack, in tree order, with a number that orders batches.
pub(super) struct Batch {
    pub(super) seq: u64,
    pub(super) items: Vec<Item>,
}

/// One line of the new manifest layer, before its content is read.
pub(super) enum Item {
    Deleted(Vec<u8>),
    Take {
        path: Vec<u8>,
        metadata: Metadata,
        link: Option<LinkRole>,
        parent: Option<Box<Entry>>,
    },
    /// A folder's tar entry once more, after all that it holds: unpacking later
    /// volumes has changed its times.
    FolderAgain {
        path: Vec<u8>,
        metadata: Metadata,
    },
    /// Standard output of a program, already running.
    Stream {
        path: Vec<u8>,
        metadata: Metadata,
        parent: Option<Box<Entry>>,
    },
}

/// What an entry is among the hard links of one file in this run.
#[derive(Clone, Debug)]
pub(super) enum LinkRole {
    /// The path that the content is read through.
    First(Link),
    /// Another name of that path.
    Again { link: Link, first: Vec<u8> },
}

impl LinkRole {
    pub(super) fn link(&self) -> Link {
        match *self {
            Self::First(link) | Self::Again { link, .. } => link,
        }
    }
}

/// A frame of a large file that any core may compress.
pub(super) struct FrameTask {
    pub(super) seq: u64,
    pub(super) part: u32,
    pub(super) raw: Vec<u8>,
}

/// What the writer receives: frames, in order of (seq, part), and at the end of a batch its rows.
pub(super) struct Piece {
    pub(super) seq: u64,
    pub(super) part: u32,
    /// Compressed, with the length of the tar bytes in it.
    pub(super) frames: Vec<(Vec<u8>, u64)>,
    pub(super) end: Option<BatchEnd>,
}

impl Piece {
    pub(super) fn stored_bytes(&self) -> u64 {
        self.frames.iter().map(|(frame, _)| frame.len() as u64).sum()
    }

    /// A packing thread failed: no batch has this number.
    pub(super) const ABORT: Piece = Piece { seq: u64::MAX, part: u32::MAX, frames: Vec::new(), end: None };
}

/// The results of a batch.
pub(super) struct BatchEnd {
    pub(super) rows: Vec<ItemResult>,
    /// Chunks of files of more than one chunk; offsets within the batch.
    pub(super) chunks: Vec<ChunkRow>,
}

// Nearly every result is an entry; a box would cost an allocation for each.
#[allow(clippy::large_enum_variant)]
pub(super) enum ItemResult {
    /// Only for the archive; the manifest has it.
    Nothing,
    Deleted(Vec<u8>),
    Entry {
        /// Its content is in `content`, not in the entry itself.
        entry: Entry,
        content: PendingContent,
        had_parent: bool,
        /// Saved, but not as it was at one moment.
        warning: Option<String>,
    },
    /// Not saved. Where the parent has the path, the parent's version stays.
    Unreadable {
        path: Vec<u8>,
        error: String,
        parent: Option<Box<Entry>>,
    },
    /// Gone since the walk; a parent's version must be deleted.
    Vanished {
        path: Vec<u8>,
        had_parent: bool,
    },
}

pub(super) enum PendingContent {
    None,
    /// Some of the extents lie in batches of this run.
    Pending {
        hash: ContentHash,
        extents: Vec<PendingExtent>,
    },
    /// That of the first path of a group of hard links.
    SameAs(Link),
}

/// An extent before its batch has a place in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingExtent {
    /// In the tar bytes of batch `seq`.
    Batch {
        seq: u64,
        offset: u64,
        length: u64,
    },
    Stored {
        archive: u32,
        offset: u64,
        length: u64,
    },
    Hole {
        length: u64,
    },
}
