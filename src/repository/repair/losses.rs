//! Which files of which snapshots are lost with what can't be mended.
//!
//! A file is lost if putting it together fails as a restore of it would: in a damaged archive
//! those are the files of its damaged frames, not all.

use super::RepairRequest;
use crate::archive::{ArchiveTable, Content, Entry, Extent, FormatError};
use crate::base::{ContentHash, RunId};
use crate::repository::restore::ContentReader;
use crate::repository::verify::{VerifyProblem, objects_of};
use crate::repository::{Catalogue, RepositoryError, SnapshotInfo, go_on, layout};
use crate::stores::{StoreError, StoreErrorKind};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a repair leaves of a snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotState {
    pub source: String,
    pub run: RunId,
    pub standing: Standing,
    /// The nearest older snapshot of the source that is whole, else the nearest newer one.
    pub instead: Option<RunId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Whole,
    /// All but these files is there.
    Lacking {
        files: u64,
        bytes: u64,
    },
    /// Its list of files can't be read, so nothing of it can be restored; why.
    Unreadable(String),
    /// It needs something that is damaged, and without a key nobody knows which files that concerns.
    Unlisted,
}

/// A file that can't be restored from some snapshots.
#[derive(Clone, Debug)]
pub struct LostFile {
    pub source: String,
    pub path: Vec<u8>,
    pub size: u64,
    /// Oldest first, at least one.
    pub snapshots: Vec<RunId>,
    /// Where the same content is whole.
    pub still_in: Option<Still>,
    hash: ContentHash,
}

/// A file that can be restored.
#[derive(Clone, Debug)]
pub struct Still {
    pub tier: String,
    pub run: RunId,
    /// There it may have another path.
    pub path: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Losses {
    pub snapshots: Vec<SnapshotState>,
    pub files: Vec<LostFile>,
    pub is_unlisted: bool,
}

/// Snapshots of each tier, newest first, in which the content of lost files is looked for.
const MAX_SEARCHED: usize = 64;

/// By source, path and content.
type Lost = BTreeMap<(String, Vec<u8>, [u8; 32]), LostFile>;

/// `catalogue`: as it will be once mended. `left`: what stays damaged.
pub(super) fn find(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    left: &[VerifyProblem],
) -> Result<Losses, RepositoryError> {
    let mut infos = catalogue.snapshots(None)?;
    infos.retain(|info| request.sources.is_empty() || request.sources.contains(&info.source));
    let damage = Damage::of(catalogue, left)?;
    let mut losses = Losses::default();
    let mut lost = Lost::new();
    let mut testing =
        Testing { catalogue, request, damage: &damage, table: ArchiveTable::default(), known: HashMap::new() };
    for info in &infos {
        let standing = match damage.concerns(info) {
            true => testing.snapshot(info, &mut lost)?,
            false => Standing::Whole,
        };
        losses.is_unlisted |= standing == Standing::Unlisted;
        let (source, run) = (info.source.clone(), info.run.clone());
        losses.snapshots.push(SnapshotState { source, run, standing, instead: None });
    }
    for (object, problem) in left.iter().map(|problem| (&problem.object, &problem.problem)) {
        let is_snapshot = object.starts_with(layout::SNAPSHOTS) && infos.iter().all(|info| info.name != *object);
        if let Some((source, run)) = layout::parse(object).filter(|_| is_snapshot) {
            let standing = Standing::Unreadable(problem.clone());
            losses.snapshots.push(SnapshotState { source, run, standing, instead: None });
        }
    }
    losses.snapshots.sort_by(|a, b| (&a.source, &a.run).cmp(&(&b.source, &b.run)));
    name_instead(&mut losses.snapshots);
    search(&testing, &infos, &mut lost)?;
    losses.files = lost.into_values().collect();
    Ok(losses)
}

/// The snapshots to take in the place of those that lack something.
fn name_instead(snapshots: &mut [SnapshotState]) {
    for of_source in snapshots.chunk_by_mut(|a, b| a.source == b.source) {
        let whole: Vec<RunId> = of_source
            .iter()
            .filter(|snapshot| snapshot.standing == Standing::Whole)
            .map(|snapshot| snapshot.run.clone())
            .collect();
        for snapshot in of_source.iter_mut().filter(|snapshot| snapshot.standing != Standing::Whole) {
            let older = whole.iter().rev().find(|run| **run < snapshot.run);
            snapshot.instead = older.or(whole.first()).cloned();
        }
    }
}

/// What can't be mended, by what that means for reading.
struct Damage {
    objects: HashSet<String>,
    /// Archives of which nothing can be read: they or their indexes are gone.
    gone: HashSet<String>,
    /// Files that lie in pieces may be wrong though all archives are good.
    has_wrong_pieces: bool,
}

impl Damage {
    fn of(catalogue: &Catalogue<'_>, left: &[VerifyProblem]) -> Result<Self, RepositoryError> {
        let objects: HashSet<String> = left.iter().map(|problem| problem.object.clone()).collect();
        let mut gone = HashSet::new();
        if !objects.is_empty() {
            let present: HashSet<String> = catalogue.list("")?.into_iter().map(|object| object.name).collect();
            gone.extend(objects.iter().filter(|name| !present.contains(*name)).cloned());
        }
        let has_wrong_pieces = objects.iter().any(|name| name.starts_with(layout::TREES));
        Ok(Self { objects, gone, has_wrong_pieces })
    }

    fn concerns(&self, info: &SnapshotInfo) -> bool {
        if self.objects.is_empty() {
            return false;
        }
        match &info.record {
            Some(record) => objects_of(record).chain([&*info.name]).any(|name| self.objects.contains(name)),
            None => true,
        }
    }

    /// Whether an archive, or the index that leads into it, is damaged.
    fn has_archive(&self, name: &str) -> bool {
        self.objects.contains(name) || index_of(name).is_some_and(|index| self.objects.contains(&index))
    }

    fn is_gone(&self, name: &str) -> bool {
        self.gone.contains(name) || index_of(name).is_some_and(|index| self.gone.contains(&index))
    }
}

fn index_of(archive: &str) -> Option<String> {
    let (source, run) = layout::parse(archive)?;
    Some(layout::index(&source, &run, layout::is_encrypted(archive)))
}

struct Testing<'a> {
    catalogue: &'a Catalogue<'a>,
    request: &'a RepairRequest<'a>,
    damage: &'a Damage,
    /// Of all snapshots, so that a file that did not change is the same to all of them.
    table: ArchiveTable,
    /// Whether the content is whole; by where it lies and what it hashes to.
    known: HashMap<[u8; 32], bool>,
}

impl Testing<'_> {
    fn snapshot(&mut self, info: &SnapshotInfo, lost: &mut Lost) -> Result<Standing, RepositoryError> {
        let catalogue = self.catalogue;
        let opened = catalogue.load(info).and_then(|snapshot| {
            let rows = catalogue.entries(&snapshot, &mut self.table)?;
            Ok((snapshot, rows))
        });
        let (snapshot, mut rows) = match opened {
            Ok(opened) => opened,
            Err(error) => return standing(error),
        };
        let table = self.table.clone();
        let mut reader = ContentReader::new(catalogue, &table);
        let (mut files, mut bytes) = (0, 0);
        loop {
            go_on(&self.request.cancel)?;
            let entry = match rows.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => return standing(catalogue.manifest_failure(&snapshot, &rows, error)),
            };
            let Some(content) = &entry.content else { continue };
            if self.is_whole(content, &table, &mut reader)? {
                continue;
            }
            files += 1;
            bytes += entry.size;
            enter(info, entry, lost);
        }
        // All that it needs of what is damaged may be files that it lacks no byte of.
        Ok(if files == 0 { Standing::Whole } else { Standing::Lacking { files, bytes } })
    }

    fn is_whole(
        &mut self,
        content: &Content,
        table: &ArchiveTable,
        reader: &mut ContentReader<'_>,
    ) -> Result<bool, RepositoryError> {
        let names = content.extents.iter().filter_map(|extent| match *extent {
            Extent::Stored { archive, .. } => table.name(archive),
            Extent::Hole { .. } => None,
        });
        let is_doubtful = names.clone().any(|name| self.damage.has_archive(name))
            || (self.damage.has_wrong_pieces && content.extents.len() > 1);
        if !is_doubtful {
            return Ok(true);
        }
        if names.clone().any(|name| self.damage.is_gone(name)) {
            return Ok(false);
        }
        let key = key_of(content);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let is_whole = reads(self.request, reader, content)?;
        self.known.insert(key, is_whole);
        Ok(is_whole)
    }
}

/// What an error says of a snapshot whose manifest can't be read.
fn standing(error: RepositoryError) -> Result<Standing, RepositoryError> {
    match error {
        RepositoryError::Object { source: FormatError::NoKey | FormatError::WrongKey, .. } => Ok(Standing::Unlisted),
        ref damaged if damaged.is_damage() => Ok(Standing::Unreadable(error.to_string())),
        RepositoryError::Store(StoreError { kind: StoreErrorKind::NotFound, object: Some(object), .. }) => {
            Ok(Standing::Unreadable(format!("`{object}` is missing")))
        }
        other => Err(other),
    }
}

/// Whether a file can be put together.
fn reads(
    request: &RepairRequest<'_>,
    reader: &mut ContentReader<'_>,
    content: &Content,
) -> Result<bool, RepositoryError> {
    // A hole may be said to be as long as no disk is.
    match reader.read(content, |_| go_on(&request.cancel)) {
        Ok(is_right) => Ok(is_right),
        Err(error) if error.is_damage() => Ok(false),
        Err(RepositoryError::Object { source: FormatError::WrongKey | FormatError::NoKey, .. }) => Ok(false),
        Err(RepositoryError::Store(StoreError { kind: StoreErrorKind::NotFound, .. })) => Ok(false),
        // Once thawed it will be there.
        Err(RepositoryError::Store(StoreError { kind: StoreErrorKind::Archived, .. })) => Ok(true),
        Err(error) => Err(error),
    }
}

fn key_of(content: &Content) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&content.hash.0);
    for extent in &content.extents {
        let (archive, offset) = match *extent {
            Extent::Stored { archive, offset, .. } => (u64::from(archive) + 1, offset),
            Extent::Hole { .. } => (0, 0),
        };
        for number in [archive, offset, extent.length()] {
            hasher.update(&number.to_le_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

fn enter(info: &SnapshotInfo, entry: Entry, lost: &mut Lost) {
    let Some(content) = entry.content else { return };
    let key = (info.source.clone(), entry.path, content.hash.0);
    let file = lost.entry(key).or_insert_with_key(|(source, path, _)| LostFile {
        source: source.clone(),
        path: path.clone(),
        size: entry.size,
        snapshots: Vec::new(),
        still_in: None,
        hash: content.hash,
    });
    file.snapshots.push(info.run.clone());
}

/// Looks where else the content of lost files is: in this tier, then in the others.
fn search(testing: &Testing<'_>, infos: &[SnapshotInfo], lost: &mut Lost) -> Result<(), RepositoryError> {
    let mut wanted: HashMap<ContentHash, Option<Still>> = lost.values().map(|file| (file.hash, None)).collect();
    let request = testing.request;
    let here = infos.iter().rev().take(MAX_SEARCHED);
    search_in(request, testing.catalogue, request.tier, here, &mut wanted)?;
    for donor in request.donors {
        // One that can't be read has nothing to tell.
        let Ok(infos) = donor.catalogue.snapshots(None) else { continue };
        search_in(request, &donor.catalogue, donor.tier, infos.iter().rev().take(MAX_SEARCHED), &mut wanted)?;
    }
    for file in lost.values_mut() {
        file.still_in = wanted.get(&file.hash).cloned().flatten();
    }
    Ok(())
}

fn search_in<'i>(
    request: &RepairRequest<'_>,
    catalogue: &Catalogue<'_>,
    tier: &str,
    infos: impl Iterator<Item = &'i SnapshotInfo>,
    wanted: &mut HashMap<ContentHash, Option<Still>>,
) -> Result<(), RepositoryError> {
    let mut tried = HashSet::new();
    for info in infos {
        if wanted.values().all(Option::is_some) {
            break;
        }
        let mut table = ArchiveTable::default();
        let opened = catalogue.load(info).and_then(|snapshot| catalogue.entries(&snapshot, &mut table));
        let Ok(mut rows) = opened else { continue };
        let mut reader = ContentReader::new(catalogue, &table);
        while let Ok(Some(entry)) = rows.next_entry() {
            go_on(&request.cancel)?;
            let Some(content) = &entry.content else { continue };
            let Some(place) = wanted.get_mut(&content.hash).filter(|place| place.is_none()) else { continue };
            let names = content.extents.iter().map(|extent| match *extent {
                Extent::Stored { archive, offset, .. } => (table.name(archive).unwrap_or_default().to_owned(), offset),
                Extent::Hole { .. } => Default::default(),
            });
            // The same bytes in the same place are as lost as before.
            if tried.insert((content.hash, names.collect::<Vec<_>>()))
                && matches!(reads(request, &mut reader, content), Ok(true))
            {
                *place = Some(Still { tier: tier.to_owned(), run: info.run.clone(), path: entry.path });
            }
        }
    }
    Ok(())
}
