use super::LocalState;
use crate::archive::{ArchiveTable, limits};
use crate::base::ContentHash;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

const FILE: &str = "chunks";
const MAGIC: &[u8; 8] = b"PLNCHNK2";
/// hash 32, archive u32, length u32, offset u64; little-endian.
const RECORD_BYTES: usize = 48;
/// Records are hashed and written in pieces of this length: BLAKE3 has its speed from long ones.
const AT_ONCE_BYTES: usize = 1 << 20;

/// Where a chunk's bytes lie; `archive` is a place in an [`ArchiveTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkPlace {
    pub(crate) archive: u32,
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

/// Every chunk that the repository is known to have, sorted by hash.
///
/// The file: records, the archives' names as a JSON list, the BLAKE3 of both, that
/// list's length as u64, a magic number.
///
/// The records are read when the first chunk is looked for: a run in which nothing
/// changed needs none.
#[derive(Default)]
pub(crate) struct KnownChunks {
    /// How many records the file has.
    count: usize,
    /// Where they are read from, with the end of what they are hashed with.
    unread: Option<(File, Vec<u8>)>,
    /// `None`: the file turned out to be damaged.
    records: OnceLock<Option<Vec<u8>>>,
    /// Per archive number in the file: its place in the caller's table, `None` if it is gone.
    places: Vec<Option<u32>>,
}

impl KnownChunks {
    /// Opens what is there; chunks of archives that `alive` does not hold are not
    /// known any more. Anything wrong with the file: nothing is known.
    pub(crate) fn load(state: &LocalState, alive: &HashSet<String>, table: &mut ArchiveTable) -> Self {
        let Ok(file) = File::open(state.folder().join(FILE)) else { return Self::default() };
        let Some(Trailer { count, names, bytes }) = read_trailer(&file) else { return Self::default() };
        let places = names.iter().map(|name| alive.contains(name).then(|| table.place(name))).collect();
        Self { count, unread: Some((file, bytes)), records: OnceLock::new(), places }
    }

    /// Knows just these, which are sorted by hash.
    pub(crate) fn from_sorted(chunks: &[(ContentHash, ChunkPlace)], table: &ArchiveTable) -> Self {
        let mut records = Vec::with_capacity(chunks.len() * RECORD_BYTES);
        for (hash, place) in chunks {
            push_record(&mut records, &hash.0, *place);
        }
        Self::of_records(records, table)
    }

    fn of_records(records: Vec<u8>, table: &ArchiveTable) -> Self {
        Self {
            count: records.len() / RECORD_BYTES,
            unread: None,
            records: OnceLock::from(Some(records)),
            places: (0..table.names().len() as u32).map(Some).collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sorted; empty where the file is damaged.
    fn records(&self) -> &[u8] {
        let read = || match &self.unread {
            None => Some(Vec::new()),
            Some((file, trailer)) => read_records(file, self.count, trailer),
        };
        self.records.get_or_init(read).as_deref().unwrap_or_default()
    }

    fn place(&self, record: &[u8]) -> Option<ChunkPlace> {
        let number = |range: std::ops::Range<usize>| u32::from_le_bytes(record[range].try_into().expect("four bytes"));
        let archive = (*self.places.get(number(32..36) as usize)?)?;
        let offset = u64::from_le_bytes(record[40..48].try_into().expect("eight bytes"));
        Some(ChunkPlace { archive, offset, length: number(36..40) })
    }

    pub(crate) fn find(&self, hash: &ContentHash) -> Option<ChunkPlace> {
        // Hashes are evenly spread, so the guess by value is nearly right: a few
        // probes instead of log2(n).
        let records = self.records();
        let (mut low, mut high) = (0, records.len() / RECORD_BYTES);
        let (mut low_key, mut high_key) = (0u64, u64::MAX);
        let key = prefix(&hash.0);
        while low < high {
            let span = u128::from(high_key.wrapping_sub(low_key)).max(1);
            let ahead = u128::from(key.saturating_sub(low_key)) * (high - low) as u128 / span;
            let guess = (low + ahead as usize).min(high - 1);
            let record = &records[guess * RECORD_BYTES..(guess + 1) * RECORD_BYTES];
            match record[..32].cmp(&hash.0[..]) {
                std::cmp::Ordering::Equal => return self.place(record),
                std::cmp::Ordering::Less => (low, low_key) = (guess + 1, prefix(record)),
                std::cmp::Ordering::Greater => (high, high_key) = (guess, prefix(record)),
            }
        }
        None
    }

    /// These and `new`, which is sorted by hash; both number archives as `table` does.
    pub(crate) fn joined(&self, new: &[(ContentHash, ChunkPlace)], table: &ArchiveTable) -> Self {
        let mut records = Vec::with_capacity((self.count + new.len()) * RECORD_BYTES);
        let joined = self.merge(new, |hash, place| {
            push_record(&mut records, hash, place);
            Ok(())
        });
        joined.expect("memory takes every record");
        Self::of_records(records, table)
    }

    /// The chunks of an archive are not known any more.
    pub(crate) fn forget(&mut self, archive: u32) {
        for place in &mut self.places {
            place.take_if(|place| *place == archive);
        }
    }

    /// Writes these and `new` (sorted) as what the next run will know, and at once.
    pub(crate) fn save(
        &self,
        state: &LocalState,
        new: &[(ContentHash, ChunkPlace)],
        table: &ArchiveTable,
    ) -> io::Result<()> {
        self.prepare(state, new, table)?.publish(state)
    }

    /// The same, but for the file's name. Where the file is damaged there will be
    /// none, so that the next run gathers all from the store.
    pub(crate) fn prepare(
        &self,
        state: &LocalState,
        new: &[(ContentHash, ChunkPlace)],
        table: &ArchiveTable,
    ) -> io::Result<PreparedChunks> {
        self.records();
        if matches!(self.records.get(), Some(None)) {
            return Ok(PreparedChunks(None));
        }
        let temporary = temporary();
        let mut output = state.create(&temporary)?;
        let mut pending = Vec::with_capacity(AT_ONCE_BYTES + RECORD_BYTES);
        let mut hasher = blake3::Hasher::new();
        self.merge(new, |hash, place| {
            push_record(&mut pending, hash, place);
            if pending.len() >= AT_ONCE_BYTES {
                hasher.update(&pending);
                output.write_all(&pending)?;
                pending.clear();
            }
            Ok(())
        })?;
        hasher.update(&pending);
        output.write_all(&pending)?;
        let names = serde_json::to_vec(table.names()).expect("plain data becomes JSON");
        hasher.update(&names);
        output.write_all(&names)?;
        output.write_all(hasher.finalize().as_bytes())?;
        output.write_all(&(names.len() as u64).to_le_bytes())?;
        output.write_all(MAGIC)?;
        Ok(PreparedChunks(Some(output)))
    }

    /// Calls `write` for each of these and of `new`, in order, each hash once.
    fn merge(
        &self,
        new: &[(ContentHash, ChunkPlace)],
        mut write: impl FnMut(&[u8], ChunkPlace) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut new = new.iter().peekable();
        for record in self.records().chunks_exact(RECORD_BYTES) {
            while let Some((hash, place)) = new.next_if(|(hash, _)| hash.0[..] < record[..32]) {
                write(&hash.0, *place)?;
            }
            // A chunk stored again since its archive went away: the new place wins.
            let again = new.next_if(|(hash, _)| hash.0[..] == record[..32]).map(|(_, place)| *place);
            if let Some(place) = again.or_else(|| self.place(record)) {
                write(&record[..32], place)?;
            }
        }
        for (hash, place) in new {
            write(&hash.0, *place)?;
        }
        Ok(())
    }
}

/// What the next run will know, once it is published.
#[must_use]
pub(crate) struct PreparedChunks(Option<File>);

impl PreparedChunks {
    pub(crate) fn publish(self, state: &LocalState) -> io::Result<()> {
        match self.0 {
            Some(file) => state.publish(&file, &temporary(), FILE),
            None => std::fs::remove_file(state.folder().join(FILE)),
        }
    }
}

fn temporary() -> String {
    format!("{FILE}.new")
}

fn prefix(hash: &[u8]) -> u64 {
    u64::from_be_bytes(hash[..8].try_into().expect("eight bytes"))
}

fn push_record(records: &mut Vec<u8>, hash: &[u8], place: ChunkPlace) {
    records.extend_from_slice(hash);
    records.extend_from_slice(&place.archive.to_le_bytes());
    records.extend_from_slice(&place.length.to_le_bytes());
    records.extend_from_slice(&place.offset.to_le_bytes());
}

/// What follows the records.
struct Trailer {
    /// Of records before it.
    count: usize,
    names: Vec<String>,
    /// From the names on.
    bytes: Vec<u8>,
}

/// Bytes after the names: a hash, their length, the magic number.
const END_BYTES: usize = 48;

fn read_trailer(file: &File) -> Option<Trailer> {
    let size = file.metadata().ok()?.len();
    let mut end = [0; END_BYTES];
    let end_at = size.checked_sub(END_BYTES as u64)?;
    file.read_exact_at(&mut end, end_at).ok()?;
    let length = u64::from_le_bytes(end[32..40].try_into().expect("eight bytes"));
    let start = end_at.checked_sub(length)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= limits::MAX_JSON_BYTES)?;
    if end[40..] != MAGIC[..] || start % RECORD_BYTES as u64 != 0 {
        return None;
    }
    let mut bytes = vec![0; length + END_BYTES];
    file.read_exact_at(&mut bytes, start).ok()?;
    let names = serde_json::from_slice(&bytes[..length]).ok()?;
    Some(Trailer { count: usize::try_from(start).ok()? / RECORD_BYTES, names, bytes })
}

/// Reads the records and checks their hash: one wrong bit would give a file another one's bytes.
fn read_records(file: &File, count: usize, trailer: &[u8]) -> Option<Vec<u8>> {
    let mut records = vec![0; count * RECORD_BYTES];
    file.read_exact_at(&mut records, 0).ok()?;
    let (names, end) = trailer.split_at(trailer.len() - END_BYTES);
    let hash = blake3::Hasher::new().update(&records).update(names).finalize();
    (hash == end[..32]).then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_chunk_is_found_and_no_other(seeds in prop::collection::btree_set(any::<u16>(), 0..300), later in prop::collection::btree_set(any::<u16>(), 0..50)) {
            let folder = tempfile::tempdir().unwrap();
            let state = LocalState::open(folder.path()).unwrap();
            let table = ArchiveTable::from_names(["a".to_owned(), "gone".to_owned()]);
            let place = |seed: u16| ChunkPlace { archive: u32::from(seed.is_multiple_of(5)), offset: u64::from(seed) << 20, length: u32::from(seed) };
            let map = |seeds: &std::collections::BTreeSet<u16>| seeds.iter().map(|s| (ContentHash::of(&s.to_le_bytes()), place(*s))).collect::<std::collections::BTreeMap<_, _>>().into_iter().collect::<Vec<_>>();
            KnownChunks::default().save(&state, &map(&seeds), &table).unwrap();
            let both = HashSet::from(["a".to_owned(), "gone".to_owned()]);
            let known = KnownChunks::load(&state, &both, &mut table.clone());
            known.save(&state, &map(&later), &table).unwrap();
            let mut table = ArchiveTable::default();
            let known = KnownChunks::load(&state, &HashSet::from(["a".to_owned()]), &mut table);
            for seed in 0..=u16::MAX {
                let stored = seeds.contains(&seed) || later.contains(&seed);
                let expected = (stored && seed % 5 != 0).then(|| place(seed));
                if seed.is_multiple_of(97) || stored {
                    prop_assert_eq!(known.find(&ContentHash::of(&seed.to_le_bytes())), expected);
                }
            }
        }
    }

    #[test]
    fn a_damaged_file_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        for bytes in [&b""[..], b"short", &[0xff; 100]] {
            std::fs::write(folder.path().join(FILE), bytes).unwrap();
            assert!(KnownChunks::load(&state, &HashSet::new(), &mut ArchiveTable::default()).is_empty());
        }
    }
}
