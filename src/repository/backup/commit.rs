//! The end of a backup: the manifest layer, the index, the run record, and
//! last the snapshot, whose appearance is the commit.

use super::known::NewChunk;
use super::parent::{Parent, open_layers};
use super::pipeline::Packed;
use super::resume::Adopted;
use super::scan::Scanned;
use super::write::Written;
use super::{BackupOutcome, BackupRequest, base_of};
use crate::archive::{
    ArchiveIndex, ArchiveTable, HashingWriter, LayerRef, LayerToc, LayerWriter, MergedRows, Outcome, Row, RunIndex,
    RunRecord, Snapshot, SnapshotTotals, StoredObject, seal,
};
use crate::base::{ContentHash, Context, RunId};
use crate::repository::open::FORMAT_VERSION;
use crate::repository::state::{
    ChunkPlace, Current, CurrentLayer, Journal, LayerFile, LocalState, PreparedChunks, StoredArchive, Sums, short_id,
};
use crate::repository::{Repository, RepositoryError, go_on, joined, layout};
use crate::stores::{Class, Put, WriteOptions};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufWriter, Write};
use std::sync::atomic::Ordering;
use std::thread;

/// A layer is merged into the new one while it is at most this many times as
/// large: so there are few layers to read, and each row is rewritten only as
/// often as the logarithm of their number (O'Neil et al., "The Log-Structured
/// Merge-Tree", 1996).
const MERGE_RATIO: u64 = 2;

pub(super) fn commit(
    request: &BackupRequest<'_>,
    repository: &Repository,
    state: &LocalState,
    packed: Packed,
    context: &Context,
) -> Result<BackupOutcome, RepositoryError> {
    let Packed { mut parent, scanned, mut written, chunks, sums } = packed;
    let live = merge_live(&scanned, &written);
    let journal = written.journal.take();
    let objects = written.archives.iter().map(StoredArchive::object).collect();
    let mut commit = Commit { request, repository, state, journal, objects, adopted_bytes: 0, chunks: None };
    let (mut earlier, new) = chunks.into_parts();
    let adopted = parent.adopted.take();
    if let Some(adopted) = &adopted {
        // What nothing needs any more is left to a prune.
        let is_live = |archive: &&StoredArchive| live.iter().any(|(name, _)| name == archive.name());
        let (needed, rest): (Vec<_>, Vec<_>) = adopted.archives.iter().partition(is_live);
        needed.into_iter().for_each(|archive| commit.adopt(archive.object()));
        rest.into_iter().for_each(|archive| earlier.forget(written.table.place(archive.name())));
    }
    let has_new_chunks = (written.places.iter().any(Option::is_some) || adopted.is_some()) && !request.full;
    let place = |(hash, chunk): (ContentHash, NewChunk)| {
        let (archive, base) = written.places.get(chunk.seq as usize).copied().flatten()?;
        Some((hash, ChunkPlace { archive, offset: base + chunk.offset, length: chunk.length }))
    };
    let prepare = || {
        let mut new: Vec<_> = new.filter_map(place).collect();
        new.sort_unstable_by_key(|(hash, _)| *hash);
        let prepared = earlier.prepare(state, &new, &written.table).map_err(|error| state.failed(error));
        // They are large.
        drop(earlier);
        prepared
    };
    // The table of chunks and the manifest take about the same time and nothing from each other.
    let (prepared, layers) = thread::scope(|scope| {
        let preparing = has_new_chunks.then(|| scope.spawn(prepare));
        let layers = commit.layers(&parent, adopted.as_ref(), &written);
        (preparing.map(|thread| joined(thread.join())).transpose(), layers)
    });
    commit.chunks = prepared?;
    let (layers, toc) = layers?;
    if let Some(adopted) = &adopted {
        commit.adopted_indexes(adopted)?;
    }
    let archives = written.archives.iter().map(|archive| archive.index.clone()).collect();
    if !written.archives.is_empty() || toc.is_some() {
        commit.index(&request.run, archives, toc)?;
    }
    let sums = if request.full { Vec::new() } else { commit.sums(sums, &layers)? };
    commit.finish(parent, scanned, written, (layers, sums), live, context)
}

struct Commit<'a> {
    request: &'a BackupRequest<'a>,
    repository: &'a Repository,
    state: &'a LocalState,
    journal: Option<Journal>,
    /// Everything written so far, and what is adopted of runs that died.
    objects: Vec<StoredObject>,
    /// Of the latter.
    adopted_bytes: u64,
    /// Where the chunks lie, those of this run too.
    chunks: Option<PreparedChunks>,
}

impl Commit<'_> {
    /// Lists an object that a run which died has stored among this one's.
    fn adopt(&mut self, object: StoredObject) {
        self.adopted_bytes += object.size;
        self.objects.push(object);
    }

    /// What this run itself has stored.
    fn stored_bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum::<u64>() - self.adopted_bytes
    }

    fn encrypted(&self) -> bool {
        self.request.recipients.is_some()
    }

    /// The new snapshot's layers, oldest first; and the contents of the one
    /// that this run writes, if there is anything new.
    fn layers(
        &mut self,
        parent: &Parent,
        adopted: Option<&Adopted>,
        written: &Written,
    ) -> Result<(Vec<CurrentLayer>, Option<LayerToc>), RepositoryError> {
        let mut layers = parent.current.as_ref().map(|current| current.layers.clone()).unwrap_or_default();
        let delta = LocalState::delta_name(self.request.source, &self.request.run);
        let adopted_rows = adopted.map_or(0, |adopted| adopted.rows);
        if written.delta.rows + adopted_rows == 0 && !layers.is_empty() {
            // Nothing else is lost with it.
            let _ = std::fs::remove_file(self.state.folder().join(&delta));
            return Ok((layers, None));
        }
        let mut rows = written.delta.rows + adopted_rows;
        let mut keep = layers.len();
        while keep > 0 && layers[keep - 1].stored.rows <= MERGE_RATIO * rows {
            rows += layers[keep - 1].stored.rows;
            keep -= 1;
        }
        let merged: Vec<String> = layers.split_off(keep).into_iter().map(|layer| layer.file).collect();
        let merged: Vec<&String> = merged.iter().chain(adopted.map(|adopted| &adopted.file)).collect();
        let file = LocalState::layer_name(self.request.source, &self.request.run);
        let object = layout::tree(self.request.source, &self.request.run, self.encrypted());
        let toc = self.write_layer(&merged, written, &delta, &file, &object, keep == 0)?;
        let index = layout::index(self.request.source, &self.request.run, self.encrypted());
        layers.push(CurrentLayer { stored: LayerRef { object, index, rows: toc.rows }, file });
        Ok((layers, Some(toc)))
    }

    /// Writes `merged` and the new rows as one layer, to the store and to `file`.
    /// At the bottom nothing is left for a deletion to hide.
    fn write_layer(
        &mut self,
        merged: &[&String],
        written: &Written,
        delta: &str,
        file: &str,
        object: &str,
        at_bottom: bool,
    ) -> Result<LayerToc, RepositoryError> {
        let failed = |error| self.state.failed(error);
        let stored_failed = |error| RepositoryError::io(self.request.store, object, error);
        let mut table = written.table.clone();
        let mut readers = open_layers(merged.iter().copied(), self.state, &mut table)?;
        let delta_path = self.state.folder().join(delta);
        let own = LayerFile::open(&delta_path, &mut table);
        readers.push(own.map_err(|error| self.state.failed(std::io::Error::other(error)))?);
        let mut rows = MergedRows::new(readers);
        // Where nothing is merged the rows are already in a local file.
        let temporary = format!("{file}.new");
        let mut local = match merged.is_empty() {
            true => None,
            false => {
                let output = self.state.create(&temporary).map_err(failed)?;
                Some(LayerWriter::local(BufWriter::with_capacity(1 << 20, output)))
            }
        };
        let options = WriteOptions { class: Class::Hot, expected_bytes: None };
        let output = HashingWriter::new(self.repository.store.create(object, &options)?);
        let sealer = seal(self.request.recipients, output).map_err(stored_failed)?;
        let mut stored = LayerWriter::stored(sealer).map_err(stored_failed)?;
        while let Some(row) = rows.next_row().map_err(|error| failed(std::io::Error::other(error)))? {
            if at_bottom && matches!(row, Row::Deleted(_)) {
                continue;
            }
            stored.push(&row, &table).map_err(stored_failed)?;
            if let Some(local) = &mut local {
                local.push(&row, &table).map_err(failed)?;
            }
        }
        let (sealer, toc) = stored.finish().map_err(stored_failed)?;
        let (output, size, sha256) = sealer.finish().map_err(stored_failed)?.finish();
        output.finish()?;
        self.objects.push(StoredObject { name: object.to_owned(), size, sha256 });
        match local {
            Some(local) => {
                let (output, toc) = local.finish().map_err(failed)?;
                let output = LayerFile::finish(output, &toc).map_err(failed)?;
                self.state.publish(&output, &temporary, file).map_err(failed)?;
                // A leftover is swept by a later run.
                let _ = std::fs::remove_file(delta_path);
            }
            None => self.state.publish(&written.delta_file, delta, file).map_err(failed)?,
        }
        Ok(toc)
    }

    /// The files of block sums that the next run shall know.
    fn sums(
        &self,
        (sums, new): (Sums, Option<String>),
        layers: &[CurrentLayer],
    ) -> Result<Vec<String>, RepositoryError> {
        let merged = format!("{}.merged", LocalState::sums_name(self.request.source, &self.request.run));
        let live = || {
            let mut rows = MergedRows::new(open_layers(
                layers.iter().map(|layer| &layer.file),
                self.state,
                &mut ArchiveTable::default(),
            )?);
            let mut live = HashSet::new();
            let damaged = |error| self.state.failed(std::io::Error::other(error));
            while let Some(entry) = rows.next_entry().map_err(damaged)? {
                live.extend(entry.content.map(|content| short_id(&content.hash)));
            }
            Ok(live)
        };
        sums.next_segments(self.state, new, &merged, live)
    }

    /// Stores the indexes that runs which died could not store any more: one for
    /// each, for an archive's name leads to that of its own run.
    fn adopted_indexes(&mut self, adopted: &Adopted) -> Result<(), RepositoryError> {
        let mut runs: BTreeMap<RunId, Vec<ArchiveIndex>> = BTreeMap::new();
        for archive in &adopted.archives {
            let (_, run) = layout::parse(archive.name()).expect("only well named archives are adopted");
            runs.entry(run).or_default().push(archive.index.clone());
        }
        for (run, archives) in runs {
            let name = layout::index(self.request.source, &run, self.encrypted());
            match adopted.indexes.iter().find(|index| index.name == name) {
                Some(stored) => self.adopt(stored.clone()),
                None => self.index(&run, archives, None)?,
            }
        }
        Ok(())
    }

    fn index(
        &mut self,
        run: &RunId,
        archives: Vec<ArchiveIndex>,
        layer: Option<LayerToc>,
    ) -> Result<(), RepositoryError> {
        let index = RunIndex { format_version: FORMAT_VERSION, run: run.clone(), archives, layer };
        let name = layout::index(self.request.source, run, self.encrypted());
        let packed = index.pack().map_err(|error| RepositoryError::io(self.request.store, &name, error))?;
        let (bytes, object) = self.sealed(&name, &packed)?;
        if let Some(journal) = &mut self.journal {
            // A run after this one must know it for its own.
            journal.index(&object).map_err(|error| self.state.failed(error))?;
        }
        self.repository.store.put(&name, &bytes, Put::IfAbsent)?;
        self.objects.push(object);
        Ok(())
    }

    /// A small object as it will be stored.
    fn sealed(&self, name: &str, bytes: &[u8]) -> Result<(Vec<u8>, StoredObject), RepositoryError> {
        let failed = |error| RepositoryError::io(self.request.store, name, error);
        let mut sealer = seal(self.request.recipients, HashingWriter::new(Vec::new())).map_err(failed)?;
        sealer.write_all(bytes).map_err(failed)?;
        let (bytes, size, sha256) = sealer.finish().map_err(failed)?.finish();
        Ok((bytes, StoredObject { name: name.to_owned(), size, sha256 }))
    }

    fn finish(
        mut self,
        parent: Parent,
        scanned: Scanned,
        written: Written,
        (layers, sums): (Vec<CurrentLayer>, Vec<String>),
        live: Vec<(String, u64)>,
        context: &Context,
    ) -> Result<BackupOutcome, RepositoryError> {
        let request = self.request;
        self.check_still_there(&parent, &live)?;
        let mut unreadable = scanned.unreadable;
        unreadable.extend(written.packed.unreadable);
        unreadable.truncate(Snapshot::MAX_UNREADABLE);
        let mut totals = sum(&scanned.totals, &written.packed.totals);
        totals.unreadable = scanned.unreadable_count + written.packed.unreadable_count;
        totals.read_bytes = request.progress.read_bytes.load(Ordering::Relaxed);
        totals.stored_bytes = self.stored_bytes();
        let parent_run = parent.current.as_ref().map(|current| current.run.clone());
        let mode = if request.full { "full" } else { "incremental" };
        let finished = context.now();
        let snapshot = Snapshot {
            format_version: FORMAT_VERSION,
            run: request.run.clone(),
            plan: request.plan.to_owned(),
            tier: request.tier.to_owned(),
            source: request.source.to_owned(),
            host: context.host.clone(),
            base: base_of(request),
            mode: mode.to_owned(),
            started: request.run.started,
            finished,
            parent: parent_run.clone(),
            totals,
            layers: layers.iter().map(|layer| layer.stored.clone()).collect(),
            unreadable: unreadable.clone(),
        };
        let name = layout::snapshot(request.source, &request.run, self.encrypted());
        let json = serde_json::to_vec(&snapshot).expect("plain data becomes JSON");
        let (bytes, object) = self.sealed(&name, &json)?;
        self.objects.push(object);
        let record = self.record(&snapshot, &live, parent_run);
        let record_name = layout::run_record(request.source, &request.run);
        let mut record_json = serde_json::to_vec(&record).expect("plain data becomes JSON");
        record_json.push(b'\n');
        go_on(&request.cancel)?;
        self.repository.store.put(&record_name, &record_json, Put::IfAbsent)?;
        self.repository.store.put(&name, &bytes, Put::IfAbsent)?;

        if let Some(chunks) = self.chunks.take() {
            // Not before: a run that built on chunks of one that never came to its end would need
            // archives that no run record lists.
            chunks.publish(self.state).map_err(|error| self.state.failed(error))?;
        }
        if !request.full {
            let journals = self.state.journals(request.source);
            self.state.forget_journals(request.source, &journals).map_err(|error| self.state.failed(error))?;
            let mut current = Current::new(&self.repository.config.id, &request.run, &snapshot.base, self.encrypted());
            current.layers = layers;
            current.sums = sums;
            current.totals = totals;
            self.state.commit(request.source, &current)?;
        } else {
            self.state.sweep(request.source, None);
        }
        let read_files = request.progress.read_files.load(Ordering::Relaxed);
        Ok(BackupOutcome { record, unreadable, notes: parent.notes, read_files })
    }

    fn record(&self, snapshot: &Snapshot, live: &[(String, u64)], parent: Option<RunId>) -> RunRecord {
        let own: BTreeSet<&str> = self.objects.iter().map(|object| object.name.as_str()).collect();
        let mut requires = BTreeSet::new();
        for layer in &snapshot.layers {
            requires.extend([layer.object.clone(), layer.index.clone()]);
        }
        for (archive, _) in live {
            requires.insert(archive.clone());
            requires.extend(index_of(archive));
        }
        requires.retain(|name| !own.contains(name.as_str()));
        let is_partial = snapshot.totals.unreadable > 0;
        let mut totals = snapshot.totals;
        totals.stored_bytes = self.stored_bytes();
        RunRecord {
            format_version: FORMAT_VERSION,
            run: snapshot.run.clone(),
            plan: snapshot.plan.clone(),
            tier: snapshot.tier.clone(),
            source: snapshot.source.clone(),
            host: snapshot.host.clone(),
            mode: snapshot.mode.clone(),
            started: snapshot.started,
            finished: snapshot.finished,
            invoked: Some(self.request.invoked),
            outcome: if is_partial { Outcome::Partial } else { Outcome::Success },
            parent,
            recipients: self.request.recipients.map(|to| to.texts().to_vec()).unwrap_or_default(),
            totals,
            objects: self.objects.clone(),
            requires: requires.into_iter().collect(),
            live: live.to_vec(),
        }
    }

    /// Another host may have pruned meanwhile: what the snapshot needs of earlier
    /// runs, adopted or not, must be there at the moment of the commit.
    fn check_still_there(&self, parent: &Parent, live: &[(String, u64)]) -> Result<(), RepositoryError> {
        let is_own = |name: &str| layout::parse(name).is_some_and(|(_, run)| run == self.request.run);
        let needed: Vec<&str> = live.iter().map(|(name, _)| name.as_str()).filter(|name| !is_own(name)).collect();
        if needed.is_empty() {
            return Ok(());
        }
        let still: BTreeSet<String> =
            self.repository.store.list(layout::ARCHIVES)?.into_iter().map(|object| object.name).collect();
        match needed.iter().find(|name| !still.contains(**name) || !parent.alive.contains(**name)) {
            None => Ok(()),
            Some(gone) => {
                Err(RepositoryError::Missing { store: self.request.store.describe(), object: (*gone).to_owned() })
            }
        }
    }
}

/// The index that locates an archive's frames.
fn index_of(archive: &str) -> Option<String> {
    let (source, run) = layout::parse(archive)?;
    Some(layout::index(&source, &run, layout::is_encrypted(archive)))
}

fn merge_live(scanned: &Scanned, written: &Written) -> Vec<(String, u64)> {
    let bytes = |live: &[u64], at: usize| live.get(at).copied().unwrap_or(0);
    let names = written.table.names().iter().enumerate();
    names
        .map(|(at, name)| (name.clone(), bytes(&scanned.live, at) + bytes(&written.packed.live, at)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect()
}

fn sum(a: &SnapshotTotals, b: &SnapshotTotals) -> SnapshotTotals {
    SnapshotTotals {
        files: a.files + b.files,
        folders: a.folders + b.folders,
        others: a.others + b.others,
        bytes: a.bytes + b.bytes,
        new: a.new + b.new,
        changed: a.changed + b.changed,
        deleted: a.deleted + b.deleted,
        ..SnapshotTotals::default()
    }
}
