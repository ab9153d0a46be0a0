use crate::archive::{ArchiveTable, FormatError, LayerReader, LayerToc, ReadObject, limits, unseal};
use crate::base::ContentHash;
use std::fs::File;
use std::io::{self, BufWriter, Write};
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
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Of the first `length` bytes.
fn hash_of(file: &File, length: u64) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut at = 0;
    while at < length {
        let part = buffer.len().min(usize::try_from(length - at).unwrap_or(usize::MAX));
        file.read_exact_at(&mut buffer[..part], at)?;
        hasher.update(&buffer[..part]);
        at += part as u64;
    }
    Ok(ContentHash(*hasher.finalize().as_bytes()))
}

impl LayerFile {
    /// Ends a layer whose blocks were written to `output`.
    pub(crate) fn finish(mut output: BufWriter<File>, toc: &LayerToc) -> io::Result<File> {
        let json = serde_json::to_vec(toc).expect("plain data becomes JSON");
        output.write_all(&json)?;
        let mut file = output.into_inner().map_err(io::IntoInnerError::into_error)?;
        let hash = hash_of(&file, file.metadata()?.len())?;
        file.write_all(&[&hash.0[..], &(json.len() as u64).to_le_bytes(), MAGIC].concat())?;
        Ok(file)
    }

    /// Opens a layer; its extents will number archives as `table` does.
    pub(crate) fn open(path: &Path, table: &mut ArchiveTable) -> Result<(LayerReader, LayerToc), FormatError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let object = FileObject { file, size };
        let damaged = |detail: &str| FormatError::corrupt("a local manifest", detail);
        let trailer_at = size.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| damaged("it is cut off"))?;
        let trailer = object.read_at(trailer_at, TRAILER_BYTES)?;
        let (hash, rest) = trailer.split_at(32);
        let (length, magic) = rest.split_at(8);
        if magic != MAGIC {
            return Err(damaged("it is cut off"));
        }
        // A row with one wrong bit would become part of the next snapshot.
        if hash_of(&object.file, trailer_at)?.0 != hash {
            return Err(damaged("its bytes are not those that were written"));
        }
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let start = trailer_at.checked_sub(length).filter(|_| length <= limits::MAX_JSON_BYTES as u64);
        let json = object.read_at(start.ok_or_else(|| damaged("its contents are cut off"))?, length as usize)?;
        let toc: LayerToc = serde_json::from_slice(&json).map_err(|error| damaged(&error.to_string()))?;
        let reader = LayerReader::local(unseal(object, false, None)?, toc.clone(), table);
        Ok((reader, toc))
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
