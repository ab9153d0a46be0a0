//! The bytes of archives, frame by frame, against the hashes of the chunks in them.

use super::pieces::{self, Pieced};
use super::{Findings, Needed, VerifyOutcome, VerifyRequest, in_parallel, is_sampled};
use crate::archive::{ArchiveTable, Extent, FormatError, Row, Snapshot, limits};
use crate::base::{ContentHash, counted};
use crate::repository::restore::{ContentReader, LastArchive, frame_table};
use crate::repository::{Catalogue, RepositoryError, cpu_threads, go_on, io_threads, joined, layout};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A chunk and where it must lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chunk {
    pub(super) archive: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
    hash: ContentHash,
}

impl Chunk {
    pub(super) fn is_in_one_frame(&self, tables: &FrameTables) -> bool {
        let Some(table) = tables.get(&self.archive) else { return false };
        self.length > 0 && table.at(self.offset) == table.at(self.offset.saturating_add(self.length - 1))
    }
}

pub(super) fn verify(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    objects: &[Needed],
    outcome: &mut VerifyOutcome,
) -> Result<(), RepositoryError> {
    let findings = Findings::new(catalogue, objects);
    let mut table = ArchiveTable::default();
    let archives: Archives<'_> = objects
        .iter()
        .filter(|(object, _)| object.name.starts_with(layout::ARCHIVES))
        .map(|(object, snapshots)| (object.name.as_str(), &snapshots[..]))
        .collect();
    let mut chunks = listed(catalogue, &archives, &mut table, &findings)?;
    let (frames, tables) = frames_to_read(catalogue, request, &archives, &mut table, &findings)?;
    let names = table.clone();
    let known = OnceLock::new();
    let reading = Reading {
        catalogue,
        request,
        archives: &archives,
        tables: &tables,
        findings: &findings,
        names: &names,
        chunks: &known,
        places: frames.iter().copied().zip(0..).collect(),
        checked: frames.iter().map(|_| AtomicBool::new(false)).collect(),
        frames: &frames,
    };
    let (chunks, pieced) = thread::scope(|scope| {
        // Each thread unpacks its first frame while the manifests are read.
        let read = scope.spawn(|| reading.check(0..io_threads(request.threads, catalogue.store()).min(frames.len())));
        let gathered = scope.spawn(|| gather(catalogue, request, &mut table, &findings));
        let mut gathered = joined(gathered.join());
        // Where gathering failed too, as those who read wait for it.
        let chunks = known.get_or_init(|| {
            gathered.iter_mut().for_each(|gathered| chunks.append(&mut gathered.chunks));
            chunks.sort_unstable();
            chunks.dedup();
            chunks
        });
        joined(read.join())?;
        gathered.map(|gathered| (chunks, gathered.pieced))
    })?;
    beyond_the_end(chunks, &archives, &names, &tables, &findings)?;
    let turns = match request.only_run {
        None => pieces::turns(pieced, request, chunks, &tables),
        Some(_) => Vec::new(),
    };
    reading.rest(&table, &turns)?;
    outcome.objects_read += archives.len() as u64;
    findings.merge(outcome);
    Ok(())
}

/// Archives that end before what lies in them by the manifests: no frame shows that.
fn beyond_the_end(
    chunks: &[Chunk],
    archives: &Archives<'_>,
    names: &ArchiveTable,
    tables: &FrameTables,
    findings: &Findings<'_>,
) -> Result<(), RepositoryError> {
    for of_archive in chunks.chunk_by(|a, b| a.archive == b.archive) {
        let archive = of_archive[0].archive;
        let (Some(name), Some(table)) = (names.name(archive), tables.get(&archive)) else { continue };
        let is_within = |chunk: &Chunk| chunk.offset.saturating_add(chunk.length) <= table.unpacked();
        if let Some(snapshots) = archives.get(name).filter(|_| !of_archive.iter().all(is_within)) {
            let error = FormatError::corrupt("the archive", "files lie beyond the frames that its index lists");
            findings.failed(name, snapshots, RepositoryError::object(findings.catalogue.store(), name, error))?;
        }
    }
    Ok(())
}

/// The chunks that the archives' indexes list: those of large files.
fn listed(
    catalogue: &Catalogue<'_>,
    archives: &Archives<'_>,
    table: &mut ArchiveTable,
    findings: &Findings<'_>,
) -> Result<Vec<Chunk>, RepositoryError> {
    let mut chunks = Vec::new();
    for (name, snapshots) in archives {
        let place = table.place(name);
        match catalogue.index_of_archive(name) {
            Ok(index) => chunks.extend(
                index
                    .archives
                    .iter()
                    .filter(|listed| listed.name == **name)
                    .flat_map(|listed| &listed.chunks)
                    .map(|row| Chunk { archive: place, offset: row.offset, length: row.length, hash: row.hash }),
            ),
            Err(error) => findings.failed(name, snapshots, error)?,
        }
    }
    Ok(chunks)
}

/// The archives to verify, each with the snapshots that need it.
type Archives<'a> = HashMap<&'a str, &'a [String]>;

/// What reading frames takes.
struct Reading<'a> {
    catalogue: &'a Catalogue<'a>,
    request: &'a VerifyRequest<'a>,
    archives: &'a Archives<'a>,
    tables: &'a FrameTables,
    findings: &'a Findings<'a>,
    names: &'a ArchiveTable,
    /// Sorted; there once the manifests are read.
    chunks: &'a OnceLock<Vec<Chunk>>,
    /// All to read.
    frames: &'a [(u32, usize)],
    /// Where a frame stands in `frames`.
    places: HashMap<(u32, usize), usize>,
    /// Whether somebody has the frame of that place or had it.
    checked: Vec<AtomicBool>,
}

impl Reading<'_> {
    /// Reads the frames of some places.
    fn check(&self, places: Range<usize>) -> Result<(), RepositoryError> {
        in_parallel(self.request, places.len(), places.len(), LastArchive::default, |open, at| {
            self.frame(open, places.start + at)
        })
    }

    /// Puts together the files of all turns and reads all frames that are left. `table`
    /// numbers all archives.
    fn rest(&self, table: &ArchiveTable, turns: &[Vec<Pieced>]) -> Result<(), RepositoryError> {
        // Those who put files together keep frames, and it is reckoning; where the store
        // is a service, more threads wait for it.
        let pieces_threads = cpu_threads(self.request.threads);
        let more_threads = io_threads(self.request.threads, self.catalogue.store()) - pieces_threads;
        let watch = |archive, frame, bytes: &[u8]| self.passed_by(archive, frame, bytes);
        let begin = || {
            let reader = ContentReader::watched(self.catalogue, table, pieces_threads, &watch);
            (reader, LastArchive::default())
        };
        let work = |(reader, open): &mut (ContentReader<'_>, LastArchive), at: usize| match turns.get(at) {
            Some(turn) => pieces::verify(reader, turn, self.request, self.findings),
            None => self.frame(open, at - turns.len()),
        };
        let count = self.frames.len();
        thread::scope(|scope| {
            // From the end, where nobody else is soon.
            let more = scope.spawn(|| {
                in_parallel(self.request, more_threads, count, LastArchive::default, |open, at| {
                    self.frame(open, count - 1 - at)
                })
            });
            let both = in_parallel(self.request, pieces_threads, turns.len() + count, begin, work);
            let more = joined(more.join());
            both.and(more)
        })
    }

    /// Reads a frame, unless somebody did, and hashes the chunks in it.
    fn frame(&self, open: &mut LastArchive, place: usize) -> Result<(), RepositoryError> {
        if self.checked[place].swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (archive, frame) = self.frames[place];
        let name = self.names.name(archive).unwrap_or_default();
        match open.frame(self.catalogue, (archive, name), &self.tables[&archive], frame) {
            Ok(bytes) => {
                self.request.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                self.chunks_of(archive, frame, bytes)
            }
            Err(error) => self.findings.failed(name, self.archives.get(name).copied().unwrap_or_default(), error),
        }
    }

    /// A frame that was read for a file: it need not be read again.
    fn passed_by(&self, archive: u32, frame: usize, bytes: &[u8]) -> Result<(), RepositoryError> {
        match self.places.get(&(archive, frame)) {
            Some(place) if !self.checked[*place].swap(true, Ordering::Relaxed) => self.chunks_of(archive, frame, bytes),
            _ => Ok(()),
        }
    }

    /// Hashes all chunks that lie in a frame.
    fn chunks_of(&self, archive: u32, frame: usize, bytes: &[u8]) -> Result<(), RepositoryError> {
        let (good, bad) = check_frame(self.chunks.wait(), archive, self.tables[&archive].start(frame), bytes);
        self.findings.add(|findings| {
            findings.bytes += bytes.len() as u64;
            findings.chunks += good;
        });
        if bad == 0 {
            return Ok(());
        }
        let detail = format!(
            "{} of frame {frame} {} other bytes than were written",
            counted(bad, "chunk"),
            if bad == 1 { "has" } else { "have" }
        );
        let name = self.names.name(archive).unwrap_or_default();
        let error = RepositoryError::object(self.catalogue.store(), name, FormatError::corrupt("the archive", detail));
        self.findings.failed(name, self.archives.get(name).copied().unwrap_or_default(), error)
    }
}

/// The content of files as manifests tell of it.
#[derive(Default)]
struct Gathered {
    /// Of files that lie in one piece, be they one chunk or more.
    chunks: Vec<Chunk>,
    pieced: Vec<Pieced>,
}

/// Reads the layers of all snapshots, each once.
fn gather(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    table: &mut ArchiveTable,
    findings: &Findings<'_>,
) -> Result<Gathered, RepositoryError> {
    let mut gathered = Gathered::default();
    let mut layers = BTreeSet::new();
    for info in request.snapshots {
        let id = [info.run.to_string()];
        let snapshot = match catalogue.load(info) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                findings.failed(&info.name, &id, error)?;
                continue;
            }
        };
        for layer in &snapshot.layers {
            go_on(&request.cancel)?;
            if !layers.insert(layer.object.clone()) {
                continue;
            }
            let one = Snapshot { layers: vec![layer.clone()], ..snapshot.clone() };
            if let Err(error) = gathered.layer(catalogue, &one, table) {
                findings.failed(&layer.object, &id, error)?;
            }
        }
    }
    Ok(gathered)
}

impl Gathered {
    fn layer(
        &mut self,
        catalogue: &Catalogue<'_>,
        layer: &Snapshot,
        table: &mut ArchiveTable,
    ) -> Result<(), RepositoryError> {
        let mut rows = catalogue.entries(layer, table)?;
        let name = &layer.layers[0].object;
        let failed = |error| RepositoryError::object(catalogue.store(), name, error);
        while let Some(row) = rows.next_row().map_err(failed)? {
            let Row::Entry(entry) = row else { continue };
            let Some(content) = entry.content else { continue };
            if let [Extent::Stored { archive, offset, length }] = content.extents[..] {
                self.chunks.push(Chunk { archive, offset, length, hash: content.hash });
            }
            let is_chunk = content.extents.len() == 1 && entry.size <= limits::WHOLE_FILE_BYTES;
            if !is_chunk {
                self.pieced.push(Pieced { layer: name.clone(), path: entry.path, content });
            }
        }
        Ok(())
    }
}

pub(super) type FrameTables = HashMap<u32, std::sync::Arc<crate::archive::FrameTable>>;

/// The frames that are in the sample, in order; at least one where there is any.
fn frames_to_read(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    archives: &Archives<'_>,
    table: &mut ArchiveTable,
    findings: &Findings<'_>,
) -> Result<(Vec<(u32, usize)>, FrameTables), RepositoryError> {
    let (mut all, mut chosen, mut tables) = (Vec::new(), Vec::new(), HashMap::new());
    let sorted: BTreeMap<_, _> = archives.iter().collect();
    for (name, snapshots) in sorted {
        let frames = match frame_table(catalogue, name) {
            Ok(frames) => frames,
            Err(error) => {
                findings.failed(name, snapshots, error)?;
                continue;
            }
        };
        let place = table.place(name);
        for frame in 0..frames.len() {
            all.push((place, frame));
            if is_sampled(request, name, frame as u64) {
                chosen.push((place, frame));
            }
        }
        tables.insert(place, frames);
    }
    if chosen.is_empty() && !all.is_empty() {
        chosen.push(all[(request.seed % all.len() as u64) as usize]);
    }
    Ok((chosen, tables))
}

/// How many chunks that lie whole in a frame hash right, and how many do not.
fn check_frame(chunks: &[Chunk], archive: u32, start: u64, bytes: &[u8]) -> (u64, u64) {
    let end = start + bytes.len() as u64;
    let from = chunks.partition_point(|chunk| (chunk.archive, chunk.offset) < (archive, start));
    let (mut good, mut bad) = (0, 0);
    for chunk in chunks[from..].iter().take_while(|chunk| chunk.archive == archive && chunk.offset < end) {
        if chunk.offset + chunk.length > end {
            // A file of several chunks: each of those stands in the index.
            continue;
        }
        let at = (chunk.offset - start) as usize;
        let right = ContentHash::of(&bytes[at..at + chunk.length as usize]) == chunk.hash;
        *(if right { &mut good } else { &mut bad }) += 1;
    }
    (good, bad)
}
