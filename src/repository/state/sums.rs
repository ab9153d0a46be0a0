//! Block sums of the files of a source's last snapshot, so that a file changed in
//! part is stored in part ([`crate::repository::delta`]).
//!
//! Each run adds a segment: sums, then rows that say whose they are, sorted. (Among the sums there
//! may be rows too, for a run after one that dies: [`super::adopted_sums`].) What
//! is damaged, or made with another key, is as if it were not there: files are
//! then stored whole.

use super::{LocalState, SumMark};
use crate::base::{ContentHash, Context};
use crate::repository::RepositoryError;
use crate::repository::delta::{BlockKey, BlockSum, SumRun};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, OnceLock};

/// 32 random bytes in hexadecimal.
const KEY_FILE: &str = "block-key";
const MAGIC: &[u8; 8] = b"PLNSUMS2";
/// The rows' BLAKE3 and length u64, the key's id, the magic number. A wrong bit in a sum
/// finds nothing; in a row it would give a file another one's bytes.
const TRAILER_BYTES: u64 = 56;
/// The largest table of rows that is read: some 26 million files.
pub(super) const MAX_ROWS_BYTES: u64 = 1 << 30;
/// So many segments of single runs are merged, since each is asked for each file.
const MAX_SEGMENTS: usize = 16;
/// Below this much it does not matter how much of it is stale.
const STALE_BYTES: u64 = 1 << 20;
/// Sums copied at once when segments are merged.
const COPY_SUMS: usize = 1 << 14;

/// Reads the tier's key, or makes one: sums made with a lost key find nothing.
pub(crate) fn block_key(state: &LocalState, context: &Context) -> io::Result<BlockKey> {
    let known = std::fs::read_to_string(state.folder().join(KEY_FILE)).ok();
    if let Some(seed) = known.and_then(|text| ContentHash::from_hex(text.trim())) {
        return Ok(BlockKey::new(&seed.0));
    }
    let mut seed = [0; 32];
    seed.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&context.random_u64().to_le_bytes()));
    state.replace(KEY_FILE, format!("{}\n", ContentHash(seed).to_hex()).as_bytes())?;
    Ok(BlockKey::new(&seed))
}

/// The first half of a content hash: enough to tell a source's files apart.
pub(super) type Id = [u8; 16];

fn id_of(hash: &ContentHash) -> Id {
    hash.0[..16].try_into().expect("a hash has sixteen bytes")
}

/// Where a run of sums lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunRow {
    pub(super) content: Id,
    /// Of the first block in the file, in bytes.
    pub(super) position: u64,
    /// Of the first sum in the segment, in bytes.
    at: u64,
    count: u32,
    block_bytes: u32,
}

impl RunRow {
    pub(super) const BYTES: usize = 40;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.content);
        bytes[16..24].copy_from_slice(&self.position.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.at.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.count.to_le_bytes());
        bytes[36..].copy_from_slice(&self.block_bytes.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let content = bytes[..16].try_into().expect("sixteen bytes");
        Self { content, position: word(16), at: word(24), count: half(32), block_bytes: half(36) }
    }

    /// All rows of some bytes; what is left at their end is no row.
    pub(super) fn read_all(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks::<{ Self::BYTES }>().0.iter().map(Self::from_bytes).collect()
    }

    /// Whether its sums can lie in the first `end` bytes of a segment.
    pub(super) fn is_within(&self, end: u64) -> bool {
        let bytes = u64::from(self.count) * BlockSum::BYTES as u64;
        self.block_bytes > 0 && self.at.checked_add(bytes).is_some_and(|own_end| own_end <= end)
    }
}

pub(super) struct Segment {
    name: String,
    pub(super) file: File,
    pub(super) size: u64,
    /// Sorted; read when first asked for.
    rows: OnceLock<Vec<RunRow>>,
}

impl Segment {
    pub(super) fn open(state: &LocalState, name: &str) -> Option<Self> {
        let file = File::open(state.folder().join(name)).ok()?;
        let size = file.metadata().ok()?.len();
        Some(Self { name: name.to_owned(), file, size, rows: OnceLock::new() })
    }

    /// The segment, with rows that are read from elsewhere than its end; sorted.
    pub(super) fn with_rows(self, rows: Vec<RunRow>) -> Self {
        Self { rows: OnceLock::from(rows), ..self }
    }

    fn rows(&self, key: &BlockKey) -> &[RunRow] {
        self.rows.get_or_init(|| self.read_rows(key).unwrap_or_default())
    }

    /// `None`: damaged, or made with another key.
    fn read_rows(&self, key: &BlockKey) -> Option<Vec<RunRow>> {
        let mut trailer = [0; TRAILER_BYTES as usize];
        let end = self.size.checked_sub(TRAILER_BYTES)?;
        self.file.read_exact_at(&mut trailer, end).ok()?;
        let (hash, rest) = trailer.split_at(32);
        if rest[16..] != *MAGIC || rest[8..16] != key.id() {
            return None;
        }
        let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes"));
        let start = end.checked_sub(length).filter(|_| length <= MAX_ROWS_BYTES)?;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, start).ok()?;
        if ContentHash::of(&bytes).0 != hash {
            return None;
        }
        let rows = RunRow::read_all(&bytes);
        let is_whole = bytes.len() == rows.len() * RunRow::BYTES;
        (is_whole && rows.is_sorted() && rows.iter().all(|row| row.is_within(start))).then_some(rows)
    }

    fn find(&self, key: &BlockKey, content: &Id) -> &[RunRow] {
        let rows = self.rows(key);
        let start = rows.partition_point(|row| row.content < *content);
        let count = rows[start..].iter().take_while(|row| row.content == *content).count();
        &rows[start..start + count]
    }

    fn sums(&self, at: u64, count: usize) -> io::Result<Vec<BlockSum>> {
        let mut bytes = vec![0; count * BlockSum::BYTES];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.as_chunks().0.iter().map(BlockSum::from_bytes).collect())
    }
}

/// The sums that earlier runs left behind for a source. Nothing is read before
/// the first changed file asks.
pub(crate) struct Sums {
    pub(crate) key: BlockKey,
    /// Oldest first.
    segments: Vec<Segment>,
}

/// The sums of one file's earlier version.
pub(crate) struct FileSums<'a> {
    segment: &'a Segment,
    rows: &'a [RunRow],
    pub(crate) block_bytes: u32,
}

impl FileSums<'_> {
    /// The sums of `blocks`; what has none (a hole) is found nowhere.
    pub(crate) fn read(&self, blocks: std::ops::Range<u64>) -> io::Result<Vec<BlockSum>> {
        let mut sums: Vec<BlockSum> = Vec::new();
        for row in self.rows {
            let first = row.position / u64::from(self.block_bytes);
            let start = blocks.start.max(first);
            let end = blocks.end.min(first + u64::from(row.count));
            if start >= end {
                continue;
            }
            // A sum that no block has but by chance of 2^-64.
            sums.resize((start - blocks.start) as usize, BlockSum { weak: 0, strong: 0 });
            let at = row.at + (start - first) * BlockSum::BYTES as u64;
            sums.extend(self.segment.sums(at, (end - start) as usize)?);
        }
        Ok(sums)
    }
}

impl Sums {
    pub(crate) fn open(state: &LocalState, key: BlockKey, names: &[String]) -> Self {
        Self { key, segments: names.iter().filter_map(|name| Segment::open(state, name)).collect() }
    }

    pub(crate) fn find(&self, content: &ContentHash) -> Option<FileSums<'_>> {
        let id = id_of(content);
        self.segments.iter().rev().find_map(|segment| {
            let rows = segment.find(&self.key, &id);
            let block_bytes = rows.first()?.block_bytes;
            Some(FileSums { segment, rows, block_bytes })
        })
    }

    pub(crate) fn has(&self, content: &ContentHash) -> bool {
        self.find(content).is_some()
    }

    /// The segments that the next run shall know: these and `new`, merged where they
    /// are many or largely stale. `live`: gives the contents of the new snapshot, if asked.
    pub(crate) fn next_segments(
        self,
        state: &LocalState,
        new: Option<String>,
        merged_name: &str,
        live: impl FnOnce() -> Result<HashSet<u64>, RepositoryError>,
    ) -> Result<Vec<String>, RepositoryError> {
        let mut segments = self.segments;
        segments.extend(new.and_then(|name| Segment::open(state, &name)));
        let since: u64 = segments.iter().skip(1).map(|segment| segment.size).sum();
        let stale = segments.len() > 1 && since > STALE_BYTES.max(segments[0].size / 2);
        let keep = if stale { 0 } else { 1 };
        if stale || segments.len() > MAX_SEGMENTS {
            let live = if stale { Some(live()?) } else { None };
            let merged = merge(state, &self.key, &segments[keep..], merged_name, live.as_ref())
                .map_err(|error| state.failed(error))?;
            segments.truncate(keep);
            segments.extend(merged.and_then(|name| Segment::open(state, &name)));
        }
        Ok(segments.into_iter().map(|segment| segment.name).collect())
    }
}

/// The start of a content hash, as a set of live contents has it.
pub(crate) fn short_id(hash: &ContentHash) -> u64 {
    u64::from_le_bytes(hash.0[..8].try_into().expect("a hash has eight bytes"))
}

/// Copies what is live into one segment; of equal contents those of the last one.
pub(super) fn merge(
    state: &LocalState,
    key: &BlockKey,
    segments: &[Segment],
    name: &str,
    live: Option<&HashSet<u64>>,
) -> io::Result<Option<String>> {
    let mut seen: HashSet<Id> = HashSet::new();
    let mut output = SegmentWriter::create(state, name)?;
    for segment in segments.iter().rev() {
        for rows in segment.rows(key).chunk_by(|a, b| a.content == b.content) {
            let content = rows[0].content;
            let id = u64::from_le_bytes(content[..8].try_into().expect("eight bytes"));
            if live.is_some_and(|live| !live.contains(&id)) || !seen.insert(content) {
                continue;
            }
            for row in rows {
                let place = output.position;
                let mut done = 0;
                while done < row.count as usize {
                    let count = (row.count as usize - done).min(COPY_SUMS);
                    output.append(&segment.sums(row.at + (done * BlockSum::BYTES) as u64, count)?)?;
                    done += count;
                }
                output.rows.push(RunRow { at: place, ..*row });
            }
        }
    }
    output.finish(state, key, name)
}

struct SegmentWriter {
    output: BufWriter<File>,
    position: u64,
    rows: Vec<RunRow>,
    /// So many of the rows are among the sums already.
    marked: usize,
}

pub(super) fn temporary(name: &str) -> String {
    format!("{name}.new")
}

impl SegmentWriter {
    fn create(state: &LocalState, name: &str) -> io::Result<Self> {
        let output = BufWriter::with_capacity(1 << 18, state.create(&temporary(name))?);
        Ok(Self { output, position: 0, rows: Vec::new(), marked: 0 })
    }

    /// Where the first of the sums was put.
    fn append(&mut self, sums: &[BlockSum]) -> io::Result<u64> {
        let at = self.position;
        for sum in sums {
            self.output.write_all(&sum.to_bytes())?;
        }
        self.position += (sums.len() * BlockSum::BYTES) as u64;
        Ok(at)
    }

    /// Puts the rows that no mark has yet among the sums; the mark, and the file that is to be synced for it.
    fn mark(&mut self, key: &BlockKey) -> io::Result<Option<(SumMark, File)>> {
        let new = &self.rows[self.marked..];
        if new.is_empty() {
            return Ok(None);
        }
        let bytes: Vec<u8> = new.iter().flat_map(|row| row.to_bytes()).collect();
        let mark = SumMark { at: self.position, rows: new.len() as u64, hash: SumMark::hash_of(key, &bytes) };
        self.output.write_all(&bytes)?;
        self.output.flush()?;
        self.position += bytes.len() as u64;
        self.marked = self.rows.len();
        Ok(Some((mark, self.output.get_ref().try_clone()?)))
    }

    /// The segment's name; `None` if there is nothing in it.
    fn finish(mut self, state: &LocalState, key: &BlockKey, name: &str) -> io::Result<Option<String>> {
        if self.rows.is_empty() {
            // Swept by a later run if it stays.
            let _ = std::fs::remove_file(state.folder().join(temporary(name)));
            return Ok(None);
        }
        // The same content under several paths is there several times.
        self.rows.sort_unstable();
        self.rows.dedup_by_key(|row| (row.content, row.position));
        let mut hasher = blake3::Hasher::new();
        for row in &self.rows {
            hasher.update(&row.to_bytes());
            self.output.write_all(&row.to_bytes())?;
        }
        self.output.write_all(hasher.finalize().as_bytes())?;
        self.output.write_all(&((self.rows.len() * RunRow::BYTES) as u64).to_le_bytes())?;
        self.output.write_all(&key.id())?;
        self.output.write_all(MAGIC)?;
        let file = self.output.into_inner().map_err(io::IntoInnerError::into_error)?;
        state.publish(&file, &temporary(name), name)?;
        Ok(Some(name.to_owned()))
    }
}

/// A run of sums that is already in the segment.
#[derive(Clone, Copy)]
pub(crate) struct PutRun {
    position: u64,
    at: u64,
    count: u32,
}

/// Takes the sums of the files that a run reads, from several threads.
pub(crate) struct NewSums<'a> {
    state: &'a LocalState,
    name: String,
    writer: Mutex<Option<SegmentWriter>>,
}

impl<'a> NewSums<'a> {
    /// Writes the file `name`, as soon as there is something to write.
    pub(crate) fn new(state: &'a LocalState, name: String) -> Self {
        Self { state, name, writer: Mutex::new(None) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut SegmentWriter) -> io::Result<T>) -> io::Result<T> {
        let mut writer = self.writer.lock().expect("no thread panics while it holds the sums");
        if writer.is_none() {
            *writer = Some(SegmentWriter::create(self.state, &self.name)?);
        }
        work(writer.as_mut().expect("made just now"))
    }

    /// Puts a part of a large file's sums away; it counts once [`NewSums::add`] has told whose it is.
    pub(crate) fn put(&self, run: &SumRun) -> io::Result<PutRun> {
        let at = self.with(|writer| writer.append(&run.sums))?;
        Ok(PutRun { position: run.position, at, count: run.sums.len() as u32 })
    }

    pub(crate) fn add(&self, content: &ContentHash, block_bytes: u32, runs: &[PutRun]) -> io::Result<()> {
        self.with(|writer| {
            writer.rows.extend(runs.iter().map(|&PutRun { position, at, count }| RunRow {
                content: id_of(content),
                position,
                at,
                count,
                block_bytes,
            }));
            Ok(())
        })
    }

    /// Sees to it that all that was added so far is on the disk; `None`: the last mark has it all.
    pub(crate) fn mark(&self, key: &BlockKey) -> io::Result<Option<SumMark>> {
        let mut writer = self.writer.lock().expect("no thread panics while it holds the sums");
        let Some((mark, file)) = writer.as_mut().map_or(Ok(None), |writer| writer.mark(key))? else {
            return Ok(None);
        };
        // Others go on meanwhile.
        drop(writer);
        file.sync_data()?;
        Ok(Some(mark))
    }

    /// Publishes the segment; `None` if nothing was added.
    pub(crate) fn finish(self, key: &BlockKey) -> io::Result<Option<String>> {
        let writer = self.writer.into_inner().expect("all threads have ended");
        writer.map_or(Ok(None), |writer| writer.finish(self.state, key, &self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BlockKey {
        BlockKey::new(&[5; 32])
    }

    fn run(seed: u64, count: usize) -> SumRun {
        let sums = (0..count as u64).map(|at| BlockSum { weak: at as u32, strong: seed << 32 | at }).collect();
        SumRun { position: 0, sums }
    }

    fn segment(state: &LocalState, name: &str, files: &[(&[u8], SumRun)]) -> String {
        let new = NewSums::new(state, name.to_owned());
        for (content, run) in files {
            let put = new.put(run).unwrap();
            new.add(&ContentHash::of(content), 512, &[put]).unwrap();
        }
        new.finish(&key()).unwrap().unwrap()
    }

    fn sums_of(sums: &Sums, content: &[u8], count: u64) -> Option<Vec<BlockSum>> {
        sums.find(&ContentHash::of(content)).map(|file| file.read(0..count).unwrap())
    }

    #[test]
    fn what_is_stale_goes_when_the_segments_have_grown_by_half() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let first = segment(&state, "1.sums", &[(b"kept", run(1, 50)), (b"gone", run(2, 100_000))]);
        let second = segment(&state, "2.sums", &[(b"kept", run(3, 60)), (b"new", run(4, 100_000))]);
        let live = || Ok(HashSet::from([short_id(&ContentHash::of(b"kept")), short_id(&ContentHash::of(b"new"))]));
        let sums = Sums::open(&state, key(), std::slice::from_ref(&first));
        let names = sums.next_segments(&state, Some(second), "all.sums", live).unwrap();
        assert_eq!(names, ["all.sums"]);
        let sums = Sums::open(&state, key(), &names);
        assert_eq!(sums_of(&sums, b"gone", 1), None);
        assert_eq!(sums_of(&sums, b"kept", 60), Some(run(3, 60).sums));
        assert_eq!(sums_of(&sums, b"new", 100_000), Some(run(4, 100_000).sums));
    }

    #[test]
    fn many_small_segments_are_merged_and_nobody_is_asked_what_is_live() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let mut names = Vec::new();
        for day in 0..40u64 {
            let new = segment(&state, &format!("{day}.sums"), &[(&day.to_le_bytes(), run(day, 10))]);
            let sums = Sums::open(&state, key(), &names);
            let live = || panic!("little is stale");
            names = sums.next_segments(&state, Some(new), &format!("{day}.sums.merged"), live).unwrap();
            assert!(names.len() <= MAX_SEGMENTS);
        }
        let sums = Sums::open(&state, key(), &names);
        for day in 0..40u64 {
            assert_eq!(sums_of(&sums, &day.to_le_bytes(), 10), Some(run(day, 10).sums));
        }
    }

    #[test]
    fn runs_with_a_gap_between_them_are_read_as_one_range() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let new = NewSums::new(&state, "1.sums".to_owned());
        let (before, after) = (run(1, 4), SumRun { position: 6 * 512, ..run(2, 4) });
        let put = [new.put(&before).unwrap(), new.put(&after).unwrap()];
        new.add(&ContentHash::of(b"sparse"), 512, &put).unwrap();
        let name = new.finish(&key()).unwrap().unwrap();
        let sums = Sums::open(&state, key(), &[name]);
        let file = sums.find(&ContentHash::of(b"sparse")).unwrap();
        let none = BlockSum { weak: 0, strong: 0 };
        assert_eq!(file.read(3..8).unwrap(), [before.sums[3], none, none, after.sums[0], after.sums[1]]);
        assert_eq!(file.read(20..30).unwrap(), []);
    }

    #[test]
    fn damage_at_any_byte_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        let name = segment(&state, "1.sums", &[(b"one", run(1, 3)), (b"two", run(2, 2))]);
        let path = folder.path().join(&name);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            for bytes in [good[..at].to_vec(), {
                let mut bytes = good.clone();
                bytes[at] ^= 0xff;
                bytes
            }] {
                std::fs::write(&path, bytes).unwrap();
                let sums = Sums::open(&state, key(), std::slice::from_ref(&name));
                for content in [&b"one"[..], b"two"] {
                    if let Some(file) = sums.find(&ContentHash::of(content)) {
                        let _ = file.read(0..4);
                    }
                }
            }
        }
    }
}
