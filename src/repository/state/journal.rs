//! What a run has durably stored so far, so that a run after it can go on from
//! there if it dies.
//!
//! The file `<source>-<run>.journal`: lines that are only ever appended, each
//! 16 hexadecimal digits of the BLAKE3 of what follows, a space, and JSON. The
//! first line is a [`JournalHead`], every other a closed archive or an index. A
//! line is written only after its archive is in the store, and after the rows
//! that it counts are on the disk; so any beginning of the file is true, and
//! reading ends at the first line that is cut off or damaged.

use super::{LayerFile, LocalState, SumMark};
use crate::archive::{ArchiveIndex, ArchiveTable, BlockInfo, FormatError, LayerReader, LayerToc, StoredObject, limits};
use crate::base::{ContentHash, RunId};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

const VERSION: u32 = 1;
/// Hexadecimal digits of a line's hash.
const HASH_DIGITS: usize = 16;

/// An archive in the store, and where its frames and chunks lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredArchive {
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) index: ArchiveIndex,
}

impl StoredArchive {
    pub(crate) fn name(&self) -> &str {
        &self.index.name
    }

    pub(crate) fn object(&self) -> StoredObject {
        StoredObject { name: self.index.name.clone(), size: self.size, sha256: self.sha256.clone() }
    }
}

/// Whose journal it is, and what that run went on from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JournalHead {
    version: u32,
    pub(crate) repository: String,
    pub(crate) run: RunId,
    pub(crate) base: String,
    pub(crate) encrypted: bool,
    /// Of runs before that died.
    pub(crate) archives: Vec<StoredArchive>,
    /// Indexes of such runs that are, or may be, in the store.
    pub(crate) indexes: Vec<StoredObject>,
}

impl JournalHead {
    pub(crate) fn new(repository: &str, run: &RunId, base: &str, encrypted: bool) -> Self {
        Self {
            version: VERSION,
            repository: repository.to_owned(),
            run: run.clone(),
            base: base.to_owned(),
            encrypted,
            archives: Vec::new(),
            indexes: Vec::new(),
        }
    }
}

/// How far a layer was written when an archive was closed. All three only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerMark {
    rows: u64,
    blocks: usize,
    archives: usize,
}

impl LayerMark {
    pub(crate) fn of(toc: &LayerToc) -> Self {
        Self { rows: toc.rows, blocks: toc.blocks.len(), archives: toc.archives.len() }
    }
}

/// What follows the head. `Line` is read, `LineRef` written.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Archive {
        archive: Box<StoredArchive>,
        rows: u64,
        archives: Vec<String>,
        blocks: Vec<BlockInfo>,
        #[serde(default)]
        sums: Option<SumMark>,
    },
    Index(StoredObject),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LineRef<'a> {
    Archive {
        archive: &'a StoredArchive,
        rows: u64,
        archives: &'a [String],
        blocks: &'a [BlockInfo],
        #[serde(skip_serializing_if = "Option::is_none")]
        sums: Option<&'a SumMark>,
    },
    Index(&'a StoredObject),
}

/// A journal that is being written.
pub(crate) struct Journal {
    file: File,
    /// What of the run's rows it already has.
    noted: LayerMark,
}

impl Journal {
    pub(crate) fn start(state: &LocalState, source: &str, head: &JournalHead) -> io::Result<Self> {
        let name = LocalState::journal_name(source, &head.run);
        let temporary = format!("{name}.new");
        let mut file = state.create(&temporary)?;
        file.write_all(&line(head))?;
        state.publish(&file, &temporary, &name)?;
        Ok(Self { file, noted: LayerMark::default() })
    }

    /// Notes an archive that is in the store now, and the rows up to `mark` and the block sums,
    /// which are on the disk.
    pub(crate) fn archive(
        &mut self,
        archive: &StoredArchive,
        toc: &LayerToc,
        mark: LayerMark,
        sums: Option<&SumMark>,
    ) -> io::Result<()> {
        let from = std::mem::replace(&mut self.noted, mark);
        self.append(&LineRef::Archive {
            archive,
            rows: mark.rows,
            archives: &toc.archives[from.archives..mark.archives],
            blocks: &toc.blocks[from.blocks..mark.blocks],
            sums,
        })
    }

    /// Notes an index that is about to be stored, of this run or one before.
    pub(crate) fn index(&mut self, index: &StoredObject) -> io::Result<()> {
        self.append(&LineRef::Index(index))
    }

    fn append(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.file.write_all(&line(value))?;
        self.file.sync_data()
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(value).expect("plain data becomes JSON");
    let hash = ContentHash::of(&json).to_hex();
    let mut line = Vec::with_capacity(HASH_DIGITS + json.len() + 2);
    line.extend_from_slice(&hash.as_bytes()[..HASH_DIGITS]);
    line.push(b' ');
    line.extend_from_slice(&json);
    line.push(b'\n');
    line
}

fn parse<T: serde::de::DeserializeOwned>(line: &[u8]) -> Option<T> {
    let json = line.get(HASH_DIGITS + 1..)?;
    let hash = ContentHash::of(json).to_hex();
    (line[..HASH_DIGITS] == hash.as_bytes()[..HASH_DIGITS] && line[HASH_DIGITS] == b' ').then_some(())?;
    serde_json::from_slice(json).ok()
}

/// What the journal of a run that did not end says.
pub(crate) struct Interrupted {
    pub(crate) head: JournalHead,
    /// Of that run and of those that it went on from.
    pub(crate) archives: Vec<StoredArchive>,
    pub(crate) indexes: Vec<StoredObject>,
    /// Of the run's own file of block sums.
    pub(crate) sums: Vec<SumMark>,
    /// Of the rows in the run's own file, as far as they are of use.
    toc: LayerToc,
}

impl Interrupted {
    /// Reads a journal; `None` where its head is damaged, or of another version.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
        let mut head: JournalHead = parse(lines.next()?)?;
        if head.version != VERSION {
            return None;
        }
        let archives = std::mem::take(&mut head.archives);
        let indexes = std::mem::take(&mut head.indexes);
        let mut interrupted = Self { head, archives, indexes, sums: Vec::new(), toc: LayerToc::default() };
        for line in lines.map_while(parse::<Line>) {
            match line {
                Line::Archive { archive, rows, archives, blocks, sums } => {
                    interrupted.archives.push(*archive);
                    interrupted.toc.rows = rows;
                    interrupted.toc.archives.extend(archives);
                    interrupted.toc.blocks.extend(blocks);
                    interrupted.sums.extend(sums);
                }
                Line::Index(index) => interrupted.indexes.push(index),
            }
        }
        Some(interrupted)
    }

    /// Its rows, oldest first: those that it went on from, then its own. A file
    /// that is damaged is left out: its entries are read again.
    pub(crate) fn layers(
        &self,
        state: &LocalState,
        source: &str,
        table: &mut ArchiveTable,
    ) -> (Vec<LayerReader>, Vec<FormatError>) {
        let adopted = state.folder().join(LocalState::adopted_name(source, &self.head.run));
        let own = state.folder().join(LocalState::delta_name(source, &self.head.run));
        let (mut readers, mut errors) = (Vec::new(), Vec::new());
        // Without the file there is nothing that it went on from.
        for opened in [
            adopted.exists().then(|| LayerFile::open_checked(&adopted, table)),
            (self.toc.rows > 0).then(|| LayerFile::open_unfinished(&own, self.toc.clone(), table)),
        ] {
            match opened {
                Some(Ok(reader)) => readers.push(reader),
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        (readers, errors)
    }
}

impl LocalState {
    pub(crate) fn journal_name(source: &str, run: &RunId) -> String {
        format!("{}.journal", Self::run_prefix(source, run))
    }

    /// The rows of a run, until it is known what layer they become.
    pub(crate) fn delta_name(source: &str, run: &RunId) -> String {
        format!("{}.delta", Self::layer_name(source, run))
    }

    /// The rows that a run goes on from.
    pub(crate) fn adopted_name(source: &str, run: &RunId) -> String {
        format!("{}.adopted", Self::layer_name(source, run))
    }

    /// The runs of `source` that have a journal, oldest first.
    pub(crate) fn journals(&self, source: &str) -> Vec<RunId> {
        let mut runs: Vec<RunId> = self
            .files_of(source)
            .into_iter()
            .filter(|(run, name)| *name == Self::journal_name(source, run))
            .map(|(run, _)| run)
            .collect();
        runs.sort_unstable();
        runs
    }

    /// What a run left behind; `None` where its journal is damaged.
    pub(crate) fn interrupted(&self, source: &str, run: &RunId) -> Option<Interrupted> {
        let path = self.folder().join(Self::journal_name(source, run));
        let size = std::fs::metadata(&path).ok()?.size();
        if size > limits::MAX_JSON_BYTES as u64 {
            return None;
        }
        Interrupted::read(&std::fs::read(path).ok()?).filter(|found| found.head.run == *run)
    }

    /// Deletes the journals of these runs for good; their rows go with the next sweep.
    pub(crate) fn forget_journals(&self, source: &str, runs: &[RunId]) -> io::Result<()> {
        for run in runs {
            match std::fs::remove_file(self.folder().join(Self::journal_name(source, run))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if runs.is_empty() { Ok(()) } else { File::open(self.folder())?.sync_all() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        "20261124T020000Z-1f2e3d4c".parse().unwrap()
    }

    fn archive(number: u32) -> StoredArchive {
        StoredArchive {
            size: 100,
            sha256: "00".repeat(32),
            index: ArchiveIndex {
                name: format!("archives/data/{}-{number:04}.tar", run()),
                frames: Vec::new(),
                chunks: Vec::new(),
            },
        }
    }

    fn written(state: &LocalState) -> Vec<u8> {
        let mut journal = Journal::start(state, "data", &JournalHead::new("id", &run(), "/data", true)).unwrap();
        let mut toc = LayerToc::default();
        for number in 1..=3 {
            toc.rows += 10;
            toc.archives.push(archive(number).index.name);
            toc.blocks.push(BlockInfo {
                offset: u64::from(number),
                head_bytes: 1,
                hash_bytes: 0,
                first_path: vec![b'a'],
            });
            journal.archive(&archive(number), &toc, LayerMark::of(&toc), None).unwrap();
        }
        journal.index(&StoredObject { name: "index/data/x".to_owned(), size: 1, sha256: String::new() }).unwrap();
        std::fs::read(state.folder().join(LocalState::journal_name("data", &run()))).unwrap()
    }

    #[test]
    fn what_was_noted_is_read_back_and_the_rows_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let state = LocalState::open(folder.path()).unwrap();
        written(&state);
        assert_eq!(state.journals("data"), [run()]);
        assert_eq!(state.journals("dat"), []);
        let found = state.interrupted("data", &run()).unwrap();
        assert_eq!((found.archives.len(), found.indexes.len(), found.head.base.as_str()), (3, 1, "/data"));
        assert_eq!((found.toc.rows, found.toc.blocks.len(), found.toc.archives.len()), (30, 3, 3));
        state.sweep("data", None);
        assert_eq!(state.journals("data"), [run()], "a sweep leaves a journal");
        state.forget_journals("data", &[run()]).unwrap();
        assert!(state.journals("data").is_empty() && state.interrupted("data", &run()).is_none());
    }

    #[test]
    fn any_beginning_of_a_journal_is_a_journal_and_no_damage_goes_unseen() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = written(&LocalState::open(folder.path()).unwrap());
        let whole_lines = |upto: usize| bytes[..upto].iter().filter(|byte| **byte == b'\n').count();
        for cut in 0..bytes.len() {
            let found = Interrupted::read(&bytes[..cut]).map(|found| 1 + found.archives.len() + found.indexes.len());
            assert_eq!(found.unwrap_or(0), whole_lines(cut), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let found = Interrupted::read(&flipped).map(|found| 1 + found.archives.len() + found.indexes.len());
            assert_eq!(found.unwrap_or(0), whole_lines(at), "{at}");
        }
    }
}
