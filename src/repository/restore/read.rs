use super::job::{frame_table, open_frames};
use crate::archive::limits::FRAME_BYTES;
use crate::archive::{ArchiveTable, Content, Entry, Extent, FormatError, FrameReader, FrameTable, zeros};
use crate::base::ContentHash;
use crate::repository::catalogue::StoreObject;
use crate::repository::{Catalogue, RepositoryError};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

/// Memory for decompressed frames that all readers together keep: the pieces of a file lie in
/// few archives, and those of the next file close to them.
const KEPT_FRAME_BYTES: usize = 96 << 20;

/// What each of them keeps at least, however many there are.
const KEPT_FRAME_BYTES_EACH: usize = 2 * FRAME_BYTES;

/// Archives that a reader keeps open.
const KEPT_ARCHIVES: usize = 16;

/// Writes a file's content to `output`, front to back.
///
/// # Errors
/// Where the content is damaged; what was written until then is to be thrown
/// away. An error of `output` itself is [`RepositoryError::Target`].
pub fn read_file(
    catalogue: &Catalogue<'_>,
    entry: &Entry,
    archives: &ArchiveTable,
    output: &mut dyn Write,
) -> Result<(), RepositoryError> {
    let Some(content) = &entry.content else { return Ok(()) };
    let mut reader = ContentReader::new(catalogue, archives);
    let is_right = reader
        .read(content, |bytes| output.write_all(bytes).map_err(|error| RepositoryError::Target(error.to_string())))?;
    if is_right {
        return Ok(());
    }
    let error = FormatError::corrupt("a file", "its content does not hash to what was backed up");
    Err(RepositoryError::object(catalogue.store(), &crate::files::display_path(&entry.path), error))
}

struct OpenArchive {
    archive: u32,
    table: Arc<FrameTable>,
    reader: FrameReader<StoreObject>,
}

struct KeptFrame {
    archive: u32,
    frame: usize,
    bytes: Arc<Vec<u8>>,
}

/// Reads files one after the other, each front to back.
pub(in crate::repository) struct ContentReader<'a> {
    catalogue: &'a Catalogue<'a>,
    archives: &'a ArchiveTable,
    /// Both: what was used last stands first.
    open: VecDeque<OpenArchive>,
    frames: VecDeque<KeptFrame>,
    /// The memory that they take, which may be more than is in it.
    kept_bytes: usize,
    keep_bytes: usize,
    /// Memory for a frame as it is stored.
    packed: Vec<u8>,
    watch: &'a Watch<'a>,
}

/// Sees each frame that is read: the archive's number, the frame's, and its bytes.
pub(in crate::repository) type Watch<'a> = dyn Fn(u32, usize, &[u8]) -> Result<(), RepositoryError> + Sync + 'a;

impl<'a> ContentReader<'a> {
    pub(in crate::repository) fn new(catalogue: &'a Catalogue<'a>, archives: &'a ArchiveTable) -> Self {
        Self::watched(catalogue, archives, 1, &|_, _, _| Ok(()))
    }

    /// One of `readers` that read at the same time.
    pub(in crate::repository) fn watched(
        catalogue: &'a Catalogue<'a>,
        archives: &'a ArchiveTable,
        readers: usize,
        watch: &'a Watch<'a>,
    ) -> Self {
        Self {
            catalogue,
            archives,
            open: VecDeque::new(),
            frames: VecDeque::new(),
            kept_bytes: 0,
            keep_bytes: (KEPT_FRAME_BYTES / readers.max(1)).max(KEPT_FRAME_BYTES_EACH),
            packed: Vec::new(),
            watch,
        }
    }

    /// Hands a file's bytes to `emit`; whether they hash to what was backed up.
    pub(in crate::repository) fn read(
        &mut self,
        content: &Content,
        mut emit: impl FnMut(&[u8]) -> Result<(), RepositoryError>,
    ) -> Result<bool, RepositoryError> {
        let mut hasher = blake3::Hasher::new();
        let mut both = |bytes: &[u8]| {
            hasher.update(bytes);
            emit(bytes)
        };
        for extent in &content.extents {
            match *extent {
                Extent::Hole { length } => zeros(length).try_for_each(&mut both)?,
                Extent::Stored { archive, offset, length } => self.extent(archive, offset, length, &mut both)?,
            }
        }
        Ok(ContentHash(*hasher.finalize().as_bytes()) == content.hash)
    }

    fn extent(
        &mut self,
        archive: u32,
        offset: u64,
        length: u64,
        emit: &mut impl FnMut(&[u8]) -> Result<(), RepositoryError>,
    ) -> Result<(), RepositoryError> {
        let name = self.archives.name(archive).unwrap_or_default();
        let beyond = || {
            let error = FormatError::corrupt("a manifest", "a file lies beyond the end of its archive");
            RepositoryError::object(self.catalogue.store(), name, error)
        };
        let end = offset.checked_add(length).ok_or_else(beyond)?;
        let table = self.table(archive)?;
        let mut at = offset;
        while at < end {
            let frame = table.at(at).ok_or_else(beyond)?;
            let bytes = self.frame(archive, frame)?;
            let from = (at - table.start(frame)) as usize;
            let count = (bytes.len() - from).min(usize::try_from(end - at).unwrap_or(usize::MAX));
            emit(&bytes[from..from + count])?;
            at += count as u64;
        }
        Ok(())
    }

    fn table(&mut self, archive: u32) -> Result<Arc<FrameTable>, RepositoryError> {
        if let Some(at) = self.open.iter().position(|open| open.archive == archive) {
            let used = self.open.remove(at).expect("found just now");
            self.open.push_front(used);
        } else {
            let name = self.archives.name(archive).unwrap_or_default();
            let table = frame_table(self.catalogue, name)?;
            let reader = open_frames(self.catalogue, name)?;
            self.open.truncate(KEPT_ARCHIVES - 1);
            self.open.push_front(OpenArchive { archive, table, reader });
        }
        Ok(Arc::clone(&self.open[0].table))
    }

    /// A frame of the archive opened last.
    fn frame(&mut self, archive: u32, frame: usize) -> Result<Arc<Vec<u8>>, RepositoryError> {
        if let Some(at) = self.frames.iter().position(|kept| (kept.archive, kept.frame) == (archive, frame)) {
            let used = self.frames.remove(at).expect("found just now");
            self.frames.push_front(used);
            return Ok(Arc::clone(&self.frames[0].bytes));
        }
        let open = &mut self.open[0];
        let needed = open.table.frame(frame).unpacked as usize;
        // What is not kept any longer lends its memory to what comes, where that fills it.
        let mut bytes = Vec::new();
        while self.kept_bytes + needed > self.keep_bytes {
            let Some(dropped) = self.frames.pop_back() else { break };
            self.kept_bytes -= dropped.bytes.capacity();
            let lent = Arc::try_unwrap(dropped.bytes).unwrap_or_default();
            if lent.capacity() / 2 <= needed {
                bytes = lent;
            }
        }
        open.reader.read(&open.table, frame, &mut self.packed, &mut bytes).map_err(|error| {
            let name = self.archives.name(archive).unwrap_or_default();
            RepositoryError::object(self.catalogue.store(), name, error)
        })?;
        (self.watch)(archive, frame, &bytes)?;
        let bytes = Arc::new(bytes);
        self.kept_bytes += bytes.capacity();
        self.frames.push_front(KeptFrame { archive, frame, bytes: Arc::clone(&bytes) });
        Ok(bytes)
    }
}
