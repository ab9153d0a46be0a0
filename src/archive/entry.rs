use crate::base::ContentHash;
use crate::files::{FileKind, FileTime};
use std::collections::HashMap;

/// One path of a snapshot: everything needed to bring it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the source's base, no leading `/`; empty for the base itself.
    pub path: Vec<u8>,
    pub kind: FileKind,
    /// The low 12 mode bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: FileTime,
    /// Bytes of content; 0 for everything but files.
    pub size: u64,
    /// Device number of a device node, else 0.
    pub rdev: u64,
    pub link_target: Option<Vec<u8>>,
    /// Equal in all entries that are hard links of one file.
    pub link: Option<Link>,
    /// Sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// `Some` for every file that is not empty.
    pub content: Option<Content>,
    /// Only in local state.
    pub stamp: Option<Stamp>,
}

impl Entry {
    /// Where its content lies, holes left out: the archive and the length of each extent.
    pub fn stored(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.content.iter().flat_map(|content| &content.extents).filter_map(|extent| match *extent {
            Extent::Stored { archive, length, .. } => Some((archive, length)),
            Extent::Hole { .. } => None,
        })
    }
}

/// Names a group of hard links: device and inode where they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    pub dev: u64,
    pub ino: u64,
}

/// What tells, besides size and mtime, that a file was not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub ctime: FileTime,
    pub ino: u64,
}

/// A file's bytes: where they lie and what they hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Of the whole file.
    pub hash: ContentHash,
    /// In file order; their lengths add up to the file's size.
    pub extents: Vec<Extent>,
}

/// A run of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Bytes of an archive's tar stream; `archive` is a place in an [`ArchiveTable`].
    Stored { archive: u32, offset: u64, length: u64 },
    /// Zeros that nothing stores.
    Hole { length: u64 },
}

impl Extent {
    pub fn length(self) -> u64 {
        match self {
            Self::Stored { length, .. } | Self::Hole { length } => length,
        }
    }
}

/// One line of a manifest layer.
#[derive(Clone, Debug, PartialEq, Eq)]
// Nearly every row is an entry; a box would cost an allocation for each.
#[allow(clippy::large_enum_variant)]
pub enum Row {
    Entry(Entry),
    /// The path that an older layer has is no longer there.
    Deleted(Vec<u8>),
}

impl Row {
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Entry(entry) => &entry.path,
            Self::Deleted(path) => path,
        }
    }
}

/// Archive names by small number, each once.
#[derive(Clone, Debug, Default)]
pub struct ArchiveTable {
    names: Vec<String>,
    places: HashMap<String, u32>,
}

impl ArchiveTable {
    pub fn from_names(names: impl IntoIterator<Item = String>) -> Self {
        let mut table = Self::default();
        for name in names {
            table.place(&name);
        }
        table
    }

    /// The number of `name`, given out now if it is new.
    pub fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }

    pub fn name(&self, place: u32) -> Option<&str> {
        self.names.get(place as usize).map(String::as_str)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }
}
