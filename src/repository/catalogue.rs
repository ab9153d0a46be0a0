use super::{Repository, RepositoryError, go_on, layout};
use crate::archive::{
    ArchiveTable, FormatError, Identities, LayerReader, MergedRows, ReadObject, RunIndex, RunRecord, Snapshot,
    Unsealer, limits, unseal,
};
use crate::base::{Cancellation, RunId, Timestamp};
use crate::stores::{Operation, Store, StoreError, StoreErrorKind, StoredObject};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};

/// What is read at once of an object in a local folder: it stays in a core's cache until
/// it is decrypted (chosen).
const LOCAL_WINDOW_BYTES: usize = 256 << 10;

/// An object of a store, for random access.
pub(crate) struct StoreObject {
    store: Store,
    name: String,
    size: u64,
}

impl StoreObject {
    /// Looks the size up.
    pub(crate) fn open(store: &Store, name: &str) -> Result<Self, FormatError> {
        let found = store.stat(name).map_err(|error| FormatError::Io(error.into()))?;
        let missing = || StoreError {
            kind: StoreErrorKind::NotFound,
            operation: Operation::Read,
            object: Some(name.to_owned()),
            store: store.describe(),
            detail: String::new(),
        };
        let size = found.ok_or_else(|| FormatError::Io(missing().into()))?.size_bytes;
        Ok(Self { store: store.clone(), name: name.to_owned(), size })
    }
}

impl ReadObject for StoreObject {
    fn size(&self) -> u64 {
        self.size
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        Ok(self.store.read_range(&self.name, offset, into)?)
    }
    fn window_bytes(&self) -> usize {
        if self.store.is_local() { LOCAL_WINDOW_BYTES } else { usize::MAX }
    }
}

/// A snapshot in the store: its name, and its run record where that is readable.
#[derive(Clone, Debug)]
pub struct SnapshotInfo {
    pub source: String,
    pub run: RunId,
    /// The object's name.
    pub name: String,
    /// As stored.
    pub size: u64,
    /// `None`: the record is missing or damaged, or its run was cut off right after the commit.
    pub record: Option<RunRecord>,
}

impl SnapshotInfo {
    /// Whether it may be that plan's: not if its record names another. Sources of
    /// the same name in two plans may share a store.
    pub fn is_of_plan(&self, plan: &str) -> bool {
        self.record.as_ref().is_none_or(|record| record.plan == plan)
    }

    /// When it was made, to the fraction of a second where its record tells: what
    /// orders the snapshots of one second, whose ids are random after that.
    pub fn moment(&self) -> Timestamp {
        let finished = self.record.as_ref().map(|record| record.finished);
        finished.filter(|time| time.timestamp() == self.run.started.timestamp()).unwrap_or(self.run.started)
    }

    /// Whether everything of the source is in it.
    pub fn is_complete(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.outcome == crate::archive::Outcome::Success)
    }
}

/// An object that lies in another store, whole.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    pub store: Store,
    pub size: u64,
}

/// Reads what is in a repository.
pub struct Catalogue<'a> {
    repository: &'a Repository,
    identities: Option<&'a Identities>,
    /// By name: objects that are read there, as if they were here.
    elsewhere: BTreeMap<String, Elsewhere>,
    indexes: Mutex<HashMap<String, Arc<RunIndex>>>,
    /// By object name.
    records: Mutex<HashMap<String, Option<RunRecord>>>,
}

/// What a run record, and a snapshot or index as stored, may have.
pub(super) const MAX_RECORD_BYTES: u64 = 256 << 20;

impl<'a> Catalogue<'a> {
    pub fn new(repository: &'a Repository, identities: Option<&'a Identities>) -> Self {
        Self::as_mended(repository, identities, BTreeMap::new())
    }

    /// The repository as it is once these objects stand in it, each in the place of what has its
    /// name now.
    pub(crate) fn as_mended(
        repository: &'a Repository,
        identities: Option<&'a Identities>,
        elsewhere: BTreeMap<String, Elsewhere>,
    ) -> Self {
        Self { repository, identities, elsewhere, indexes: Mutex::default(), records: Mutex::default() }
    }

    pub(crate) fn store(&self) -> &'a Store {
        &self.repository.store
    }

    /// Where an object is read.
    pub(crate) fn store_of(&self, name: &str) -> &Store {
        self.elsewhere.get(name).map_or(self.store(), |elsewhere| &elsewhere.store)
    }

    /// The objects whose names start with `prefix`, in no order.
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, RepositoryError> {
        let mut objects = self.store().list(prefix)?;
        objects.retain(|object| !self.elsewhere.contains_key(&object.name));
        let brought = self.elsewhere.iter().filter(|(name, _)| name.starts_with(prefix));
        objects.extend(brought.map(|(name, elsewhere)| StoredObject {
            name: name.clone(),
            size_bytes: elsewhere.size,
            modified: None,
        }));
        Ok(objects)
    }

    /// All snapshots, oldest first, of one source or of all. Needs no key.
    pub fn snapshots(&self, source: Option<&str>) -> Result<Vec<SnapshotInfo>, RepositoryError> {
        let records: BTreeMap<_, _> = self
            .records(source)?
            .into_iter()
            .map(|record| ((record.source.clone(), record.run.clone()), record))
            .collect();
        let mut snapshots: Vec<SnapshotInfo> = self
            .list(&prefix(layout::SNAPSHOTS, source))?
            .into_iter()
            .filter_map(|object| {
                let (source, run) = layout::parse(&object.name)?;
                let record = records.get(&(source.clone(), run.clone())).cloned();
                Some(SnapshotInfo { source, run, name: object.name, size: object.size_bytes, record })
            })
            .collect();
        snapshots.sort_by(|a, b| (a.moment(), &a.run, &a.source).cmp(&(b.moment(), &b.run, &b.source)));
        Ok(snapshots)
    }

    /// The names and runs of all snapshots, without their records: one listing.
    pub fn snapshot_names(&self, source: Option<&str>) -> Result<Vec<(String, RunId, String)>, RepositoryError> {
        let objects = self.list(&prefix(layout::SNAPSHOTS, source))?;
        Ok(objects
            .into_iter()
            .filter_map(|object| layout::parse(&object.name).map(|(source, run)| (source, run, object.name)))
            .collect())
    }

    /// Whom the newest encrypted snapshot of a source was encrypted to, if its record is there and says
    /// so; `None`: there is no such snapshot, or it is another plan's. One listing, one read.
    pub fn newest_recipients(&self, plan: &str, source: &str) -> Result<Option<Vec<String>>, RepositoryError> {
        let names = self.snapshot_names(Some(source))?.into_iter().filter(|(_, _, name)| layout::is_encrypted(name));
        let Some((source, run, _)) = names.max_by(|a, b| a.1.cmp(&b.1)) else { return Ok(None) };
        let recipients = match self.record(&layout::run_record(&source, &run)) {
            Ok(Some(record)) if record.plan != plan => return Ok(None),
            Ok(record) => record.map(|record| record.recipients).unwrap_or_default(),
            Err(RepositoryError::Store(error)) if error.kind == StoreErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Some(recipients))
    }

    /// Whom the run encrypted to that wrote an object; empty where its record is gone or does not say.
    pub fn recipients_of(&self, object: &str) -> Vec<String> {
        let record = layout::parse(object).map(|(source, run)| self.record(&layout::run_record(&source, &run)));
        record.and_then(|record| record.ok().flatten()).map(|record| record.recipients).unwrap_or_default()
    }

    /// All run records that can be read, oldest first. A damaged one is left out:
    /// its snapshot is still listed, as one without a record.
    pub fn records(&self, source: Option<&str>) -> Result<Vec<RunRecord>, RepositoryError> {
        self.records_unless(source, &Cancellation::default())
    }

    /// The same, looking before each of them whether it is to stop.
    pub(super) fn records_unless(
        &self,
        source: Option<&str>,
        cancel: &Cancellation,
    ) -> Result<Vec<RunRecord>, RepositoryError> {
        let mut records = Vec::new();
        for object in self.list(&prefix(layout::RUNS, source))? {
            go_on(cancel)?;
            if layout::parse(&object.name).is_none() {
                continue;
            }
            match self.record(&object.name) {
                // A prune has deleted it since it was listed.
                Err(RepositoryError::Store(error)) if error.kind == StoreErrorKind::NotFound => {}
                record => records.extend(record?),
            }
        }
        records.sort_by(|a, b| a.run.cmp(&b.run));
        Ok(records)
    }

    /// A run record, kept for the next call: it never changes. `None`: it is damaged.
    fn record(&self, name: &str) -> Result<Option<RunRecord>, RepositoryError> {
        if let Some(record) = self.records.lock().expect("no thread panics while it holds the records").get(name) {
            return Ok(record.clone());
        }
        let record: Option<RunRecord> = match self.store_of(name).read(name, MAX_RECORD_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            // One object that nobody can read must not hide all others.
            Err(error) if error.is_unreadable() || error.kind == StoreErrorKind::TooLarge => None,
            Err(error) => return Err(error.into()),
        };
        self.records
            .lock()
            .expect("no thread panics while it holds the records")
            .insert(name.to_owned(), record.clone());
        Ok(record)
    }

    /// A snapshot's own record, decrypted.
    pub fn load(&self, info: &SnapshotInfo) -> Result<Snapshot, RepositoryError> {
        self.load_named(&info.name)
    }

    pub(crate) fn load_named(&self, name: &str) -> Result<Snapshot, RepositoryError> {
        let bytes = self.read_sealed(name)?;
        let snapshot: Snapshot = self.decode(name, "a snapshot", &bytes)?;
        if snapshot.format_version != super::open::FORMAT_VERSION {
            let error = FormatError::Version {
                what: "the snapshot",
                found: u64::from(snapshot.format_version),
                supported: u64::from(super::open::FORMAT_VERSION),
            };
            return Err(RepositoryError::object(self.store(), name, error));
        }
        Ok(snapshot)
    }

    /// The index of a run, kept for the next call.
    pub(crate) fn index(&self, name: &str) -> Result<Arc<RunIndex>, RepositoryError> {
        if let Some(index) = self.indexes.lock().expect("no thread panics while it holds the indexes").get(name) {
            return Ok(Arc::clone(index));
        }
        let packed = self.read_sealed(name)?;
        let bytes = unpack_json(&packed).map_err(|error| RepositoryError::object(self.store(), name, error))?;
        let index: Arc<RunIndex> = Arc::new(self.decode(name, "an index", &bytes)?);
        self.indexes
            .lock()
            .expect("no thread panics while it holds the indexes")
            .insert(name.to_owned(), Arc::clone(&index));
        Ok(index)
    }

    /// The index of the run that wrote an archive.
    pub(crate) fn index_of_archive(&self, archive: &str) -> Result<Arc<RunIndex>, RepositoryError> {
        let (source, run) = layout::parse(archive).ok_or_else(|| {
            let error = FormatError::corrupt("a manifest", format!("it names `{archive}`, which is no archive"));
            RepositoryError::object(self.store(), archive, error)
        })?;
        self.index(&layout::index(&source, &run, layout::is_encrypted(archive)))
    }

    /// The entries of a snapshot in tree order; extents number archives as `table` does.
    pub fn entries(&self, snapshot: &Snapshot, table: &mut ArchiveTable) -> Result<MergedRows, RepositoryError> {
        let mut readers = Vec::new();
        for layer in &snapshot.layers {
            let index = self.index(&layer.index)?;
            let failed = |error| RepositoryError::object(self.store(), &layer.object, error);
            let toc = index.layer.clone().ok_or_else(|| {
                failed(FormatError::corrupt("an index", "it lacks the manifest layer that a snapshot needs"))
            })?;
            if toc.rows != layer.rows {
                let detail = format!("it lists {} rows of a manifest that has {}", toc.rows, layer.rows);
                return Err(RepositoryError::object(
                    self.store(),
                    &layer.index,
                    FormatError::corrupt("an index", detail),
                ));
            }
            readers.push(LayerReader::stored(self.unsealed(&layer.object)?, toc, table).map_err(failed)?);
        }
        Ok(MergedRows::new(readers))
    }

    /// What went wrong while a snapshot's entries were read, with the object where it did.
    pub(crate) fn manifest_failure(
        &self,
        snapshot: &Snapshot,
        rows: &MergedRows,
        error: FormatError,
    ) -> RepositoryError {
        let layer = rows.failed_layer().and_then(|failed| snapshot.layers.get(failed));
        let object = layer.map_or_else(|| snapshot.run.to_string(), |layer| layer.object.clone());
        RepositoryError::object(self.store(), &object, error)
    }

    /// An object, decrypted where its name says that it is encrypted, for random access.
    pub(crate) fn unsealed(&self, name: &str) -> Result<Unsealer<StoreObject>, RepositoryError> {
        StoreObject::open(self.store_of(name), name)
            .and_then(|object| unseal(object, layout::is_encrypted(name), self.identities))
            .map_err(|error| RepositoryError::object(self.store(), name, error))
    }

    fn read_sealed(&self, name: &str) -> Result<Vec<u8>, RepositoryError> {
        let sealed = self.store_of(name).read(name, MAX_RECORD_BYTES)?;
        unseal(crate::archive::MemoryObject(sealed), layout::is_encrypted(name), self.identities)
            .and_then(|mut object| object.read_all(limits::MAX_JSON_BYTES))
            .map_err(|error| RepositoryError::object(self.store(), name, error))
    }

    fn decode<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        what: &'static str,
        bytes: &[u8],
    ) -> Result<T, RepositoryError> {
        serde_json::from_slice(bytes)
            .map_err(|error| RepositoryError::object(self.store(), name, FormatError::corrupt(what, error.to_string())))
    }
}

fn prefix(folder: &str, source: Option<&str>) -> String {
    source.map_or_else(|| folder.to_owned(), |source| format!("{folder}{}/", layout::component(source)))
}

/// Decompresses JSON of unknown but bounded length.
fn unpack_json(packed: &[u8]) -> Result<Vec<u8>, FormatError> {
    let damaged = |_| FormatError::corrupt("an index", "it can't be decompressed");
    let mut bytes = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(damaged)?;
    let limit = limits::MAX_JSON_BYTES as u64;
    io::Read::read_to_end(&mut io::Read::take(decoder, limit + 1), &mut bytes).map_err(damaged)?;
    if bytes.len() as u64 > limit {
        return Err(FormatError::corrupt("an index", "it is larger than any may be"));
    }
    Ok(bytes)
}
