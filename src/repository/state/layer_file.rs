use crate::archive::{ArchiveTable, FormatError, LayerReader, LayerToc, ReadObject, limits, unseal};
use crate::base::ContentHash;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Ends every local layer; before it stand the BLAKE3 of all that is before the
/// trailer, and the contents' length, 8 bytes, little-endian.
const MAGIC: &[u8; 8] = b"PLNLAYR2";
const TRAILER_BYTES: usize = 48;

/// The local copy of a manifest layer: its blocks, its table of contents as
/// JSON, a hash of both, that table's length, and a magic number.
pub(crate) struct LayerFile;

struct FileObject {
    file: File,
    size: u64,
}

impl ReadObject for FileObject {
    fn size(&self) -> u64 {
        self.size
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}

/// Of the first `length` bytes.
fn hash_of(mut file: &File, length: u64) -> io::Result<ContentHash> {
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(length))?;
    Ok(ContentHash(*hasher.finalize().as_bytes()))
}

fn damaged(detail: &str) -> FormatError {
    FormatError::corrupt("a local manifest", detail)
}

impl LayerFile {
    /// Ends a layer whose blocks were written to `output`.
    pub(crate) fn finish(mut output: BufWriter<File>, toc: &LayerToc) -> io::Result<File> {
        let json = serde_json::to_vec(toc).expect("plain data becomes JSON");
        output.write_all(&json)?;
        let mut file = output.into_inner().map_err(io::IntoInnerError::into_error)?;
        // It ends where the trailer begins.
        let hash = hash_of(&file, file.metadata()?.len())?;
        file.write_all(&[&hash.0[..], &(json.len() as u64).to_le_bytes(), MAGIC].concat())?;
        Ok(file)
    }

    /// Opens a layer that an earlier run wrote, if it is as it was written: a row
    /// with one wrong bit would become part of the next snapshot.
    pub(crate) fn open_checked(path: &Path, table: &mut ArchiveTable) -> Result<LayerReader, FormatError> {
        let file = File::open(path)?;
        let end = file.metadata()?.len().checked_sub(TRAILER_BYTES as u64);
        let end = end.ok_or_else(|| damaged("it is cut off"))?;
        let mut hash = [0; 32];
        file.read_exact_at(&mut hash, end)?;
        if hash_of(&file, end)?.0 != hash {
            return Err(damaged("its bytes are not those that were written"));
        }
        Self::open(path, table)
    }

    /// Opens a layer that this run has written or checked; its extents will number
    /// archives as `table` does.
    pub(crate) fn open(path: &Path, table: &mut ArchiveTable) -> Result<LayerReader, FormatError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let object = FileObject { file, size };
        let trailer_at = size.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| damaged("it is cut off"))?;
        let mut trailer = [0; TRAILER_BYTES];
        object.read_at(trailer_at, &mut trailer)?;
        let (length, magic) = trailer[32..].split_at(8);
        if magic != MAGIC {
            return Err(damaged("it is cut off"));
        }
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let start = trailer_at.checked_sub(length).filter(|_| length <= limits::MAX_JSON_BYTES as u64);
        let start = start.ok_or_else(|| damaged("its contents are cut off"))?;
        let mut json = vec![0; length as usize];
        object.read_at(start, &mut json)?;
        let toc: LayerToc = serde_json::from_slice(&json).map_err(|error| damaged(&error.to_string()))?;
        Ok(LayerReader::local(unseal(object, false, None)?, toc, table))
    }

    /// Opens a layer that was cut off; `toc` lists blocks that are there.
    pub(crate) fn open_unfinished(
        path: &Path,
        toc: LayerToc,
        table: &mut ArchiveTable,
    ) -> Result<LayerReader, FormatError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(LayerReader::local(unseal(FileObject { file, size }, false, None)?, toc, table))
    }
}
