use super::super::FileKind;
use rustix::fs::{FileType, RawDir};
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

/// What one `getdents64` may fill: a thousand entries or so. Larger gains
/// nothing measurable.
const LISTING_BUFFER_BYTES: usize = 64 << 10;

/// Offsets into a folder's names are 32 bits: more names than that (some two
/// hundred million files in one folder) are a problem, not a crash.
const NAMES_MAX_BYTES: usize = u32::MAX as usize;

/// A folder's names, each followed by a NUL, and where they lie in order.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    pub sorted: Vec<Name>,
}

#[derive(Clone, Copy)]
pub(super) struct Name {
    /// The first eight bytes, so that most comparisons need no look at the name.
    prefix: u64,
    start: u32,
    length: u16,
    /// As far as the listing tells.
    pub kind: Option<FileKind>,
}

impl Names {
    /// Adds what the folder lists, unsorted. What comes before an error stays.
    pub fn read(&mut self, folder: &OwnedFd, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        buffer.reserve_exact(LISTING_BUFFER_BYTES);
        let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => None,
                known => Some(FileKind::from(known)),
            };
            self.push(name, kind).ok_or_else(|| io::Error::other("it holds too many names; split it"))?;
        }
        Ok(())
    }

    /// None where a folder holds more than offsets can tell apart.
    pub fn push(&mut self, name: &[u8], kind: Option<FileKind>) -> Option<()> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let length = u16::try_from(name.len()).ok()?;
        if self.bytes.len() + name.len() + 1 > NAMES_MAX_BYTES {
            return None;
        }
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        let mut prefix = [0; 8];
        let known = name.len().min(8);
        prefix[..known].copy_from_slice(&name[..known]);
        self.sorted.push(Name { prefix: u64::from_be_bytes(prefix), start, length, kind });
        Some(())
    }

    pub fn sort(&mut self) {
        let Self { bytes, sorted } = self;
        // Names hold no NUL, so that equal prefixes mean: as far as they go, equal.
        sorted.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| text(bytes, a).cmp(text(bytes, b))));
    }

    pub fn text(&self, name: &Name) -> &[u8] {
        text(&self.bytes, name)
    }

    pub fn contains(&self, name: &[u8]) -> bool {
        self.sorted.iter().any(|entry| text(&self.bytes, entry) == name)
    }

    pub fn c_str(&self, name: &Name) -> &CStr {
        let start = name.start as usize;
        CStr::from_bytes_with_nul(&self.bytes[start..=start + usize::from(name.length)])
            .expect("a directory entry's name ends at its only NUL")
    }
}

/// The bytes of one of the names in `bytes`.
fn text<'names>(bytes: &'names [u8], name: &Name) -> &'names [u8] {
    &bytes[name.start as usize..][..usize::from(name.length)]
}
