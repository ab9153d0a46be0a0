use super::readers::{self, Settled};
use super::resume::{self, Adopted};
use super::{BackupRequest, base_of};
use crate::archive::{ArchiveTable, Content, Entry, Extent, LayerReader, LayerWriter, MergedRows, Row, limits};
use crate::base::ContentHash;
use crate::repository::delta::BlockKey;
use crate::repository::state::{ChunkPlace, Current, CurrentLayer, Journal, KnownChunks, LayerFile, LocalState};
use crate::repository::{Catalogue, Repository, RepositoryError, layout};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufWriter;

/// What the new snapshot builds on.
pub(super) struct Parent {
    /// `None`: everything is new.
    pub(super) current: Option<Current>,
    pub(super) chunks: KnownChunks,
    /// Numbers every archive that the parent's manifest and the chunks name.
    pub(super) table: ArchiveTable,
    /// Archives in the store now.
    pub(super) alive: HashSet<String>,
    pub(super) notes: Vec<String>,
    /// What runs stored that never came to their end.
    pub(super) adopted: Option<Adopted>,
    /// Until the writer takes it.
    pub(super) journal: Option<Journal>,
}

impl Parent {
    /// The parent's manifest with what is adopted over it, in order; empty where
    /// there is neither.
    pub(super) fn rows(&self, state: &LocalState) -> Result<MergedRows, RepositoryError> {
        let layers = self.current.iter().flat_map(|current| &current.layers).map(|layer| &layer.file);
        let files = layers.chain(self.adopted.iter().map(|adopted| &adopted.file));
        open_layers(files, state, &mut self.table.clone()).map(MergedRows::new)
    }

    /// The files of block sums of these rows, oldest first.
    pub(super) fn sums(&self) -> Vec<String> {
        let adopted = self.adopted.iter().flat_map(|adopted| &adopted.sums);
        self.current.iter().flat_map(|current| &current.sums).chain(adopted).cloned().collect()
    }

    /// Which of the archives known so far the store has.
    pub(super) fn alive_by_number(&self) -> Alive {
        Alive(self.table.names().iter().map(|name| self.alive.contains(name)).collect())
    }
}

/// By archive number: whether the store has it.
pub(super) struct Alive(Vec<bool>);

impl Alive {
    pub(super) fn has(&self, archive: u32) -> bool {
        self.0.get(archive as usize).copied().unwrap_or(false)
    }
}

/// Opens local layers, oldest first.
pub(super) fn open_layers<'f>(
    files: impl IntoIterator<Item = &'f String>,
    state: &LocalState,
    table: &mut ArchiveTable,
) -> Result<Vec<LayerReader>, RepositoryError> {
    files
        .into_iter()
        .map(|file| {
            let path = state.folder().join(file);
            LayerFile::open(&path, table).map_err(|error| state.failed(std::io::Error::other(error)))
        })
        .collect()
}

/// Finds the parent, and what a run that died has left to go on from.
pub(super) fn find(
    request: &BackupRequest<'_>,
    repository: &Repository,
    catalogue: &Catalogue<'_>,
    state: &LocalState,
    settled: Settled,
    key: &BlockKey,
) -> Result<Parent, RepositoryError> {
    let damaged = state.damaged();
    let indexes = repository.store.list(layout::INDEXES)?.into_iter().filter(|object| !damaged.contains(&object.name));
    let indexes: HashSet<_> = indexes.filter_map(|object| layout::parse(&object.name)).collect();
    let mut archives: HashMap<String, u64> =
        repository.store.list(layout::ARCHIVES)?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
    let listed = archives.len();
    archives.retain(|name, _| !damaged.contains(name));
    // An archive is of use only with its index.
    let has_index = |name: &str| layout::parse(name).is_some_and(|run| indexes.contains(&run));
    let alive: HashSet<String> = archives.keys().filter(|name| has_index(name)).cloned().collect();
    let mut parent = Parent {
        current: None,
        chunks: KnownChunks::default(),
        table: ArchiveTable::default(),
        alive,
        notes: settled.note.into_iter().collect(),
        adopted: None,
        journal: None,
    };
    if archives.len() < listed {
        parent
            .notes
            .push("what a verification found damaged in the store is not built on: it is stored again".to_owned());
    }
    state.sweep(request.source, state.current(request.source, &repository.config.id).as_ref());
    if request.full || settled.begins_anew {
        return Ok(parent);
    }
    let snapshots = catalogue.snapshot_names(Some(request.source))?;
    let leftover = resume::find(request, repository, state, &archives, &snapshots, &mut parent)?;
    parent.chunks = KnownChunks::load(state, &parent.alive, &mut parent.table);
    find_snapshot(request, repository, catalogue, state, (&snapshots, &damaged), &mut parent)?;
    if let Some(leftover) = leftover {
        resume::adopt(request, repository, state, leftover, key, &mut parent)?;
    }
    Ok(parent)
}

/// Finds the newest snapshot in local state, else in the store where a key is at hand.
fn find_snapshot(
    request: &BackupRequest<'_>,
    repository: &Repository,
    catalogue: &Catalogue<'_>,
    state: &LocalState,
    (snapshots, damaged): (&[(String, crate::base::RunId, String)], &HashSet<String>),
    parent: &mut Parent,
) -> Result<(), RepositoryError> {
    if snapshots.is_empty() && parent.alive.is_empty() {
        return Ok(());
    }
    let encrypted = request.recipients.is_some();
    let exists = |run: &crate::base::RunId| snapshots.iter().any(|(_, found, _)| found == run);
    let trees = repository.store.list(layout::TREES)?;
    let has_tree =
        |name: &str| !damaged.contains(name) && trees.binary_search_by(|object| object.name.as_str().cmp(name)).is_ok();
    let local = state.current(request.source, &repository.config.id).filter(|current| {
        // Without its snapshot the parent's objects may be swept away by a prune.
        exists(&current.run)
            && current.base == base_of(request)
            && current.encrypted == encrypted
            && current.layers.iter().all(|layer| has_tree(&layer.stored.object))
    });
    if let Some(current) = local {
        // All that this run reads of them later is what is hashed here.
        let is_sound = |file: &String| LayerFile::open_checked(&state.folder().join(file), &mut parent.table).is_ok();
        if current.layers.iter().map(|layer| &layer.file).all(is_sound) {
            parent.current = Some(current);
            return Ok(());
        }
        parent.notes.push(format!("the local state of `{}` is damaged", request.source));
    }
    if snapshots.is_empty() {
        return Ok(());
    }
    if request.identities.is_some() || !encrypted {
        rebuild(request, repository, catalogue, (state, damaged), parent)?;
    } else if parent.chunks.is_empty() {
        parent.notes.push(format!(
            "there is no local state of `{}` and no key here to read the store with: everything is uploaded again, once",
            request.source
        ));
    }
    Ok(())
}

/// Reads the newest readable snapshot's manifest into local state. The copy has
/// no stamps, so every file is read once more; what the store has is not uploaded again.
fn rebuild(
    request: &BackupRequest<'_>,
    repository: &Repository,
    catalogue: &Catalogue<'_>,
    (state, damaged): (&LocalState, &HashSet<String>),
    parent: &mut Parent,
) -> Result<(), RepositoryError> {
    let encrypted = request.recipients.is_some();
    for info in catalogue.snapshots(Some(request.source))?.iter().rev() {
        if layout::is_encrypted(&info.name) != encrypted {
            continue;
        }
        if !readers::admit(request, catalogue, state, info)? {
            // Older ones are no better: `readers::settle` has said what to know.
            return Ok(());
        }
        match copy_snapshot(request, repository, catalogue, (state, damaged), parent, info) {
            Ok(()) => {
                parent.notes.push(format!("local state of `{}` was rebuilt from the store", request.source));
                return Ok(());
            }
            Err(error) if matches!(error, RepositoryError::State { .. }) => return Err(error),
            Err(error) => parent.notes.push(format!("can't build on snapshot `{}`: {error}", info.run)),
        }
    }
    Ok(())
}

fn copy_snapshot(
    request: &BackupRequest<'_>,
    repository: &Repository,
    catalogue: &Catalogue<'_>,
    (state, damaged): (&LocalState, &HashSet<String>),
    parent: &mut Parent,
    info: &crate::repository::SnapshotInfo,
) -> Result<(), RepositoryError> {
    let snapshot = catalogue.load(info)?;
    if let Some(layer) = snapshot.layers.iter().find(|layer| damaged.contains(&layer.object)) {
        // That the next run would not build on either.
        let error = crate::archive::FormatError::corrupt("the manifest", "a verification found it so");
        return Err(RepositoryError::object(&repository.store, &layer.object, error));
    }
    let mut current = Current::new(&repository.config.id, &snapshot.run, &snapshot.base, request.recipients.is_some());
    current.totals = snapshot.totals;
    let mut chunks: BTreeMap<ContentHash, ChunkPlace> = BTreeMap::new();
    let mut seen = HashSet::new();
    for layer in &snapshot.layers {
        let one = crate::archive::Snapshot { layers: vec![layer.clone()], ..snapshot.clone() };
        let mut rows = catalogue.entries(&one, &mut parent.table)?;
        let (_, run) = layout::parse(&layer.object).ok_or_else(|| {
            let error = crate::archive::FormatError::corrupt("a snapshot", "it names a layer wrongly");
            RepositoryError::object(&repository.store, &info.name, error)
        })?;
        let file = LocalState::layer_name(request.source, &run);
        let failed = |error| state.failed(error);
        let output = BufWriter::with_capacity(1 << 20, state.create(&file).map_err(failed)?);
        let mut writer = LayerWriter::local(output);
        let object_failed = |error| RepositoryError::object(&repository.store, &layer.object, error);
        while let Some(row) = rows.next_row().map_err(object_failed)? {
            if let Row::Entry(entry) = &row {
                remember(entry, parent, catalogue, &mut chunks, &mut seen)?;
            }
            writer.push(&row, &parent.table).map_err(failed)?;
        }
        let (output, toc) = writer.finish().map_err(failed)?;
        LayerFile::finish(output, &toc).and_then(|file| file.sync_all()).map_err(failed)?;
        current.layers.push(CurrentLayer { stored: layer.clone(), file });
    }
    state.commit(request.source, &current)?;
    let chunks: Vec<_> = chunks.into_iter().collect();
    KnownChunks::from_sorted(&chunks, &parent.table)
        .save(state, &[], &parent.table)
        .map_err(|error| state.failed(error))?;
    parent.chunks = KnownChunks::load(state, &parent.alive, &mut parent.table);
    parent.current = (snapshot.base == base_of(request)).then_some(current);
    Ok(())
}

/// The chunk that is a whole file.
pub(super) fn whole_file(content: &Content) -> Option<(ContentHash, ChunkPlace)> {
    match content.extents[..] {
        [Extent::Stored { archive, offset, length }] if length <= limits::WHOLE_FILE_BYTES => {
            Some((content.hash, ChunkPlace { archive, offset, length: length as u32 }))
        }
        _ => None,
    }
}

/// Notes where a file's chunks lie; those of large files stand in their archives' indexes.
fn remember(
    entry: &Entry,
    parent: &mut Parent,
    catalogue: &Catalogue<'_>,
    chunks: &mut BTreeMap<ContentHash, ChunkPlace>,
    seen: &mut HashSet<u32>,
) -> Result<(), RepositoryError> {
    let Some(content) = &entry.content else { return Ok(()) };
    if let Some((hash, place)) = whole_file(content) {
        chunks.insert(hash, place);
        return Ok(());
    }
    for (archive, _) in entry.stored() {
        if !seen.insert(archive) {
            continue;
        }
        let Some(name) = parent.table.name(archive).map(str::to_owned) else { continue };
        let index = catalogue.index_of_archive(&name)?;
        for row in index.archives.iter().filter(|a| a.name == name).flat_map(|a| &a.chunks) {
            if let Ok(length) = u32::try_from(row.length) {
                chunks.insert(row.hash, ChunkPlace { archive, offset: row.offset, length });
            }
        }
    }
    Ok(())
}
