//! An index that is lost, made anew from what it is of: the archives and the manifest layer of a run.
//!
//! Where frames and blocks end their own bytes tell. Which archives the layer's extents mean they do
//! not: a number may be any of the archives that the run's snapshot needs. So files are read
//! from one after the other until their content hashes right. Chunks are left out: they matter to
//! writers only, and to them little.

use super::RepairRequest;
use crate::archive::{
    ArchiveIndex, Codec, Content, Extent, FormatError, FrameTable, LayerToc, Row, RunIndex, RunRecord, Unsealer,
    blocks_of, frames_of, seal, zeros,
};
use crate::base::ContentHash;
use crate::repository::catalogue::StoreObject;
use crate::repository::restore::{LastArchive, frame_table};
use crate::repository::{Catalogue, RepositoryError, go_on, layout};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// What can't be made anew, in an error that is of nothing else.
pub(super) const IT: &str = "it";

/// Files of one archive number that are tried.
const MAX_SAMPLES: usize = 4;

/// Files that are read to find out which archives are meant.
const MAX_TRIES: usize = 4096;

/// The bytes of an index as it is stored.
///
/// # Errors
/// Where it can't be made; what says why is for people.
pub(super) fn index(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    name: &str,
    records: &[RunRecord],
) -> Result<Vec<u8>, RepositoryError> {
    let (source, run) = layout::parse(name).ok_or_else(|| refused(catalogue, name, "its name is none of an index"))?;
    let encrypted = layout::is_encrypted(name);
    check_key(request, catalogue, name, records)?;
    let record = records.iter().find(|record| record.source == source && record.run == run);
    let mut present = catalogue.list(&format!("{}{}/", layout::ARCHIVES, layout::component(&source)))?;
    present.retain(|object| layout::is_encrypted(&object.name) == encrypted);
    present.sort_by(|a, b| a.name.cmp(&b.name));
    let mut archives = Vec::new();
    for object in present.iter().filter(|object| layout::parse(&object.name).is_some_and(|of| of.1 == run)) {
        let found = Tripwire::open(request, catalogue, &object.name).and_then(|wire| {
            let (frames, error) = frames_of(wire, Codec::of_name(&object.name));
            go_on(&request.cancel)?;
            match error.map(|error| RepositoryError::object(catalogue.store(), &object.name, error)) {
                Some(error) if !error.is_damage() => Err(error),
                // What lies behind the first damaged frame is lost.
                _ => Ok(frames),
            }
        });
        match found {
            Ok(frames) => archives.push(ArchiveIndex { name: object.name.clone(), frames, chunks: Vec::new() }),
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    let tree = layout::tree(&source, &run, encrypted);
    let layer = match catalogue.list(&tree)?.is_empty() {
        true => None,
        false => {
            let candidates = match record {
                Some(record) => record.live.iter().map(|(name, bytes)| (name.clone(), Some(*bytes))).collect(),
                None => present.iter().map(|object| (object.name.clone(), None)).collect(),
            };
            Some(layer(request, catalogue, &tree, &archives, candidates)?)
        }
    };
    if archives.is_empty() && layer.is_none() {
        return Err(refused(catalogue, name, "nothing of what its run stored is left"));
    }
    let index = RunIndex { format_version: 1, run, archives, layer };
    let packed = index.pack().map_err(|error| RepositoryError::io(catalogue.store(), name, error))?;
    sealed(request, catalogue, name, &packed)
}

/// A small object as it is stored under its name.
pub(super) fn sealed(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    name: &str,
    bytes: &[u8],
) -> Result<Vec<u8>, RepositoryError> {
    let failed = |error| RepositoryError::io(catalogue.store(), name, error);
    let recipients = request.recipients.filter(|_| layout::is_encrypted(name));
    let mut sealer = seal(recipients, Vec::new()).map_err(failed)?;
    sealer.write_all(bytes).map_err(failed)?;
    sealer.finish().map_err(failed)
}

pub(super) fn refused(catalogue: &Catalogue<'_>, name: &str, why: &str) -> RepositoryError {
    RepositoryError::object(catalogue.store(), name, FormatError::corrupt(IT, why))
}

/// Whoever could read all of the snapshot must be able to read this too.
pub(super) fn check_key(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    name: &str,
    records: &[RunRecord],
) -> Result<(), RepositoryError> {
    if !layout::is_encrypted(name) {
        return Ok(());
    }
    let no_key = || RepositoryError::object(catalogue.store(), name, FormatError::NoKey);
    request.identities.ok_or_else(no_key)?;
    // Not to whom a record says: anyone who can write to the store can write one.
    let today = request.recipients.ok_or_else(no_key)?.texts();
    let (source, run) = layout::parse(name).ok_or_else(no_key)?;
    let record = records.iter().find(|record| record.source == source && record.run == run);
    let then = record.map(|record| &record.recipients[..]).unwrap_or_default();
    if !then.is_empty() && !then.iter().any(|one| today.contains(one)) {
        return Err(refused(catalogue, name, "its run encrypted to none of the recipients that the plan has today"));
    }
    Ok(())
}

/// Reads an object front to back, until the repair is cancelled.
struct Tripwire<'a> {
    request: &'a RepairRequest<'a>,
    object: Unsealer<StoreObject>,
}

impl<'a> Tripwire<'a> {
    fn open(request: &'a RepairRequest<'a>, catalogue: &Catalogue<'_>, name: &str) -> Result<Self, RepositoryError> {
        let mut object = catalogue.unsealed(name)?;
        object.rewind().map_err(|error| RepositoryError::io(catalogue.store(), name, error))?;
        Ok(Self { request, object })
    }
}

impl Read for Tripwire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // What it ends with is not looked at: the repair ends.
        go_on(&self.request.cancel).map_err(io::Error::other)?;
        self.object.read(buffer)
    }
}

/// The table of contents of a layer. `candidates`: archives that it may mean, with the bytes of
/// each that the run's snapshot uses, where they are known.
fn layer(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    tree: &str,
    own: &[ArchiveIndex],
    candidates: Vec<(String, Option<u64>)>,
) -> Result<LayerToc, RepositoryError> {
    let mut rows = 0;
    let mut places: BTreeMap<u32, Place> = BTreeMap::new();
    let failed = |error| RepositoryError::object(catalogue.store(), tree, error);
    let blocks = blocks_of(Tripwire::open(request, catalogue, tree)?, |block| {
        rows += block.len() as u64;
        for row in block {
            if let Row::Entry(entry) = row
                && let Some(content) = &entry.content
            {
                note(content, entry.size, candidates.len(), &mut places);
            }
        }
    });
    go_on(&request.cancel)?;
    let blocks = blocks.map_err(failed)?;
    let count = places.last_key_value().map_or(0, |(last, _)| *last as usize + 1);
    let unknown = || failed(FormatError::corrupt(IT, "which archives its files lie in can't be told"));
    if count > candidates.len() || places.len() != count {
        return Err(unknown());
    }
    let mut candidates: Vec<Candidate> =
        candidates.into_iter().map(|(name, live)| Candidate::new(catalogue, own, name, live)).collect();
    let mut archives = vec![String::new(); count];
    let mut tries = 0;
    for (number, place) in &places {
        // What the snapshot uses of an archive is about what this layer does.
        candidates.sort_by_key(|candidate| candidate.live.map_or(0, |live| live.abs_diff(place.bytes)));
        let found = candidates.iter().position(|candidate| {
            candidate.table.as_ref().is_some_and(|table| table.unpacked() >= place.end)
                && place.samples.iter().any(|(_, sample)| {
                    tries += 1;
                    tries <= MAX_TRIES && candidate.holds(request, catalogue, sample)
                })
        });
        if let Some(found) = found {
            archives[*number as usize] = candidates.remove(found).name;
        }
    }
    go_on(&request.cancel)?;
    let open: Vec<usize> = (0..count).filter(|number| archives[*number].is_empty()).collect();
    match (&open[..], &candidates[..]) {
        ([], _) => {}
        // The one that is lost, or damaged where it was looked at.
        ([number], [candidate]) => archives[*number] = candidate.name.clone(),
        _ => return Err(unknown()),
    }
    Ok(LayerToc { rows, archives, blocks })
}

/// An archive by its number in a layer.
#[derive(Default)]
struct Place {
    bytes: u64,
    /// Where the last of its extents ends.
    end: u64,
    /// The smallest files that lie in it alone, with their sizes.
    samples: Vec<(u64, Content)>,
}

/// Enters a file. Numbers beyond `limit` are damage, of which the highest is enough.
fn note(content: &Content, size: u64, limit: usize, places: &mut BTreeMap<u32, Place>) {
    let mut only = None;
    let mut is_alone = true;
    for extent in &content.extents {
        let Extent::Stored { archive, offset, length } = *extent else { continue };
        if places.len() > limit {
            return;
        }
        let place = places.entry(archive).or_default();
        place.bytes = place.bytes.saturating_add(length);
        place.end = place.end.max(offset.saturating_add(length));
        is_alone &= only.is_none_or(|other| other == archive);
        only = Some(archive);
    }
    let Some(place) = only.filter(|_| is_alone).and_then(|only| places.get_mut(&only)) else { return };
    let samples = &mut place.samples;
    if samples.len() < MAX_SAMPLES || samples.last().is_some_and(|(largest, _)| size < *largest) {
        samples.push((size, content.clone()));
        samples.sort_by_key(|(size, _)| *size);
        samples.truncate(MAX_SAMPLES);
    }
}

/// An archive that a number may mean.
struct Candidate {
    name: String,
    live: Option<u64>,
    /// `None`: nothing of it can be read.
    table: Option<Arc<FrameTable>>,
}

impl Candidate {
    fn new(catalogue: &Catalogue<'_>, own: &[ArchiveIndex], name: String, live: Option<u64>) -> Self {
        let table = match own.iter().find(|archive| archive.name == name) {
            Some(archive) => FrameTable::new(&archive.frames).map(Arc::new).ok(),
            None => frame_table(catalogue, &name).ok(),
        };
        Self { name, live, table }
    }

    /// Whether a file whose extents all lie in one archive lies in this one. One that can't be read has none.
    fn holds(&self, request: &RepairRequest<'_>, catalogue: &Catalogue<'_>, content: &Content) -> bool {
        self.hash(request, catalogue, content).is_some_and(|hash| hash == content.hash)
    }

    /// `None`: it is not there to be read, or the repair was cancelled.
    fn hash(&self, request: &RepairRequest<'_>, catalogue: &Catalogue<'_>, content: &Content) -> Option<ContentHash> {
        let table = self.table.as_ref()?;
        let mut hasher = blake3::Hasher::new();
        let mut open = LastArchive::default();
        for extent in &content.extents {
            let (mut at, length) = match *extent {
                Extent::Hole { length } => {
                    // It may be said to be as long as no disk is.
                    for piece in zeros(length) {
                        go_on(&request.cancel).ok()?;
                        hasher.update(piece);
                    }
                    continue;
                }
                Extent::Stored { offset, length, .. } => (offset, length),
            };
            let end = at.checked_add(length)?;
            while at < end {
                go_on(&request.cancel).ok()?;
                let frame = table.at(at)?;
                let bytes = open.frame(catalogue, (0, &self.name), table, frame).ok()?;
                let from = (at - table.start(frame)) as usize;
                let count = (bytes.len() - from).min(usize::try_from(end - at).unwrap_or(usize::MAX));
                hasher.update(&bytes[from..from + count]);
                at += count as u64;
            }
        }
        Some(ContentHash(*hasher.finalize().as_bytes()))
    }
}
