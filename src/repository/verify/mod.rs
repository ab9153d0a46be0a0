//! Whether stored bytes are what was written. Always of the store, never of a local copy.

mod contents;
mod history;
mod pieces;

pub use history::{KnownRun, Leftovers};

use super::state::LocalState;
use super::{Catalogue, RepositoryError, SnapshotInfo, go_on, io_threads, layout};
use crate::archive::{FormatError, HashingWriter, RunRecord};
use crate::base::{Cancellation, Percent, Timestamp};
use crate::stores::{Store, StoreError, StoreErrorKind};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerifyLevel {
    /// The objects are there, with their sizes. One listing; no key.
    Presence,
    /// Their stored bytes hash to what was written. Reads everything; no key.
    Checksum,
    /// Decrypt, decompress, and hash all content; put files that lie in pieces
    /// together. Needs a key.
    Contents,
}

pub struct VerifyRequest<'a> {
    /// What must be restorable.
    pub snapshots: &'a [SnapshotInfo],
    /// Of the objects that these need, only those that this run wrote; files in
    /// pieces are not put together.
    pub only_run: Option<&'a crate::base::RunId>,
    /// The sources that are meant; empty: all.
    pub sources: &'a [String],
    /// What this host remembers to have stored here: if it is gone, that is a problem.
    /// Looked at, as all that run records say of the past, unless `only_run` is given.
    pub known: &'a [KnownRun],
    pub now: Timestamp,
    pub level: VerifyLevel,
    /// The share of objects (checksum) or frames (contents) that is read.
    pub sample: Percent,
    /// Chooses the sample.
    pub seed: u64,
    /// Threads; 0: as many as pay.
    pub threads: usize,
    pub cancel: Cancellation,
    pub progress: &'a VerifyProgress,
}

#[derive(Debug, Default)]
pub struct VerifyProgress {
    pub objects: AtomicU64,
    pub bytes: AtomicU64,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerifyOutcome {
    /// Objects whose presence and size were checked.
    pub objects: u64,
    /// Objects that were read, at least in part.
    pub objects_read: u64,
    /// Bytes read from the store (checksum) or hashed (contents).
    pub bytes: u64,
    /// Chunks whose hash was right (contents).
    pub chunks: u64,
    /// Files that lie in pieces and hash right put together (contents).
    pub pieced_files: u64,
    pub problems: Vec<VerifyProblem>,
    /// Objects that lie in an archive class and cannot be read now.
    pub archived: u64,
    /// Snapshots without a readable run record, which is a problem too: only their own object was looked at.
    pub unrecorded: Vec<String>,
    /// Runs whose record tells of a success and that have no snapshot, though nobody knows
    /// whether they ever had one: cut off at the very last step, or it was deleted.
    pub uncommitted: Vec<String>,
    /// What runs left that were cut off, older than the grace period of a prune.
    pub leftovers: Leftovers,
}

impl VerifyOutcome {
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// An object that is missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyProblem {
    pub object: String,
    pub problem: String,
    /// Run ids of the snapshots that need it.
    pub snapshots: Vec<String>,
}

/// Notes in a tier's folder of local state what is damaged, so that the next backup
/// stores it again instead of building on it. `is_whole`: all was looked at, so what is
/// not among the problems is good.
///
/// # Errors
/// Where the state can't be written. A host without state of the tier notes nothing.
pub fn remember_damage(folder: &Path, outcome: &VerifyOutcome, is_whole: bool) -> Result<(), RepositoryError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let state = LocalState::open(folder)?;
    let before = state.damaged();
    let mut names = if is_whole { HashSet::new() } else { before.clone() };
    names.extend(outcome.problems.iter().map(|problem| problem.object.clone()));
    if names == before { Ok(()) } else { state.set_damaged(&names) }
}

/// An object and what is known of it.
struct Expected {
    name: String,
    /// From a run record; `None`: only that it must be there.
    size: Option<u64>,
    sha256: Option<String>,
}

/// Verifies what the snapshots need.
///
/// # Errors
/// What prevents looking at all. Damage is no error: it is in the outcome.
pub fn verify(catalogue: &Catalogue<'_>, request: &VerifyRequest<'_>) -> Result<VerifyOutcome, RepositoryError> {
    let mut outcome = VerifyOutcome::default();
    let records = catalogue.records(None)?;
    let needed = needed_objects(&records, request, &mut outcome);
    let present: HashMap<String, u64> =
        catalogue.list("")?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
    let mut intact = Vec::new();
    for (expected, snapshots) in needed {
        outcome.objects += 1;
        let problem = match (present.get(&expected.name), expected.size) {
            (None, _) => "it is missing".to_owned(),
            (Some(found), Some(size)) if *found != size => format!("it has {found} bytes where {size} were written"),
            _ => {
                intact.push((expected, snapshots));
                continue;
            }
        };
        outcome.problems.push(VerifyProblem { object: expected.name, problem, snapshots });
    }
    if request.only_run.is_none() {
        history::look(catalogue, request, &records, &present, &intact, &mut outcome)?;
    }
    request.progress.objects.store(outcome.objects, Ordering::Relaxed);
    match request.level {
        VerifyLevel::Presence => {}
        VerifyLevel::Checksum => {
            // A small sample of few objects is still a look at one.
            let mut chosen: Vec<&Needed> =
                intact.iter().filter(|(object, _)| is_sampled(request, &object.name, 0)).collect();
            if chosen.is_empty() {
                chosen.extend(intact.first());
            }
            checksum(catalogue, request, &chosen, &intact, &mut outcome)?;
        }
        VerifyLevel::Contents => {
            // What age does not authenticate may be read all the same with another meaning: a
            // manifest with a wrong hash would make its archive look damaged.
            let plain: Vec<&Needed> = intact.iter().filter(|(object, _)| is_plain_metadata(&object.name)).collect();
            let mut sums = VerifyOutcome::default();
            checksum(catalogue, request, &plain, &intact, &mut sums)?;
            contents::verify(catalogue, request, &intact, &mut outcome)?;
            // Where reading it told more, once is enough.
            sums.problems.retain(|problem| outcome.problems.iter().all(|other| other.object != problem.object));
            outcome.problems.append(&mut sums.problems);
        }
    }
    merge_problems(&mut outcome.problems);
    Ok(outcome)
}

/// Each object that the snapshots need, with the snapshots that do.
fn needed_objects(
    records: &[RunRecord],
    request: &VerifyRequest<'_>,
    outcome: &mut VerifyOutcome,
) -> Vec<(Expected, Vec<String>)> {
    let written: HashMap<&str, _> =
        records.iter().flat_map(|record| &record.objects).map(|object| (object.name.as_str(), object)).collect();
    let mut needed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for info in request.snapshots {
        let id = info.run.to_string();
        needed.entry(&info.name).or_default().insert(id.clone());
        let Some(record) = &info.record else {
            outcome.unrecorded.push(id);
            continue;
        };
        for name in objects_of(record) {
            needed.entry(name).or_default().insert(id.clone());
        }
    }
    // What it went on from, of a run that died, is listed among its own.
    let own: Option<BTreeSet<&str>> = request.only_run.map(|run| {
        let infos = request.snapshots.iter().filter(|info| info.run == *run);
        let listed = infos.clone().filter_map(|info| info.record.as_ref()).flat_map(|record| &record.objects);
        infos.map(|info| info.name.as_str()).chain(listed.map(|object| object.name.as_str())).collect()
    });
    let of_run = |name: &str| own.as_ref().is_none_or(|own| own.contains(name));
    needed
        .into_iter()
        .filter(|(name, _)| of_run(name))
        .map(|(name, snapshots)| {
            let object = written.get(name);
            let expected = Expected {
                name: name.to_owned(),
                size: object.map(|object| object.size),
                sha256: object.map(|object| object.sha256.clone()),
            };
            (expected, snapshots.into_iter().collect())
        })
        .collect()
}

/// All objects that a run's snapshot needs: its own and those of earlier runs.
pub(super) fn objects_of(record: &RunRecord) -> impl Iterator<Item = &str> {
    record.objects.iter().map(|object| object.name.as_str()).chain(record.requires.iter().map(String::as_str))
}

/// Whether the thing of number `at` is in the sample. The same seed chooses the same.
fn is_sampled(request: &VerifyRequest<'_>, name: &str, at: u64) -> bool {
    if request.sample == Percent::ALL {
        return true;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&request.seed.to_le_bytes()).update(&at.to_le_bytes()).update(name.as_bytes());
    let bytes: [u8; 4] = hasher.finalize().as_bytes()[..4].try_into().expect("a hash has four bytes");
    f64::from(u32::from_le_bytes(bytes)) < request.sample.fraction() * f64::from(u32::MAX)
}

/// Runs `work` for each place in `0..count` on several threads, each of which hands
/// what it `begin`s with from one call to the next; the first error ends it.
fn in_parallel<T>(
    request: &VerifyRequest<'_>,
    threads: usize,
    count: usize,
    begin: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, usize) -> Result<(), RepositoryError> + Sync,
) -> Result<(), RepositoryError> {
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                let mut kept = begin();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    if let Err(error) = go_on(&request.cancel).and_then(|()| work(&mut kept, at)) {
                        next.store(count, Ordering::Relaxed);
                        failure.lock().expect("no thread panics while it holds the failure").get_or_insert(error);
                    }
                }
            });
        }
    });
    failure.into_inner().expect("all threads have ended").map_or(Ok(()), Err)
}

/// What the threads found, merged into the outcome at the end.
struct Findings<'a> {
    found: Mutex<VerifyOutcome>,
    catalogue: &'a Catalogue<'a>,
    /// Of the objects that are there, as far as a record tells.
    sums: HashMap<&'a str, (u64, &'a str)>,
}

impl<'a> Findings<'a> {
    fn new(catalogue: &'a Catalogue<'a>, objects: &'a [Needed]) -> Self {
        let sum = |expected: &'a Expected| Some((&*expected.name, (expected.size?, expected.sha256.as_deref()?)));
        Self {
            found: Mutex::default(),
            catalogue,
            sums: objects.iter().filter_map(|(expected, _)| sum(expected)).collect(),
        }
    }

    fn add(&self, change: impl FnOnce(&mut VerifyOutcome)) {
        change(&mut self.found.lock().expect("no thread panics while it holds the findings"));
    }

    fn merge(self, outcome: &mut VerifyOutcome) {
        let found = self.found.into_inner().expect("all threads have ended");
        outcome.objects_read += found.objects_read;
        outcome.bytes += found.bytes;
        outcome.chunks += found.chunks;
        outcome.pieced_files += found.pieced_files;
        outcome.archived += found.archived;
        outcome.problems.extend(found.problems);
    }

    /// Notes a failed read, or passes on what will fail everywhere. `object` is what was read; what is
    /// damaged may be another, on the way there.
    fn failed(&self, object: &str, snapshots: &[String], error: RepositoryError) -> Result<(), RepositoryError> {
        let damage = error.damage().map(|(damaged, problem)| (damaged.unwrap_or(object).to_owned(), problem));
        let (object, problem) = match (damage, error) {
            (Some(damage), _) => damage,
            (_, RepositoryError::Store(StoreError { kind: StoreErrorKind::Archived, .. })) => {
                self.add(|found| found.archived += 1);
                return Ok(());
            }
            (_, RepositoryError::Object { object, source: FormatError::WrongKey, .. }) if self.differs(&object) => {
                (object, "it can't be opened, and its bytes are not those that were written".to_owned())
            }
            (_, RepositoryError::Object { object, source: source @ FormatError::Version { .. }, .. })
                if self.differs(&object) =>
            {
                (object, format!("{source}, and its bytes are not those that were written"))
            }
            (_, RepositoryError::Store(error)) if error.kind == StoreErrorKind::NotFound => {
                (error.object.unwrap_or_else(|| object.to_owned()), "it is missing".to_owned())
            }
            (_, other) => return Err(other),
        };
        let snapshots = snapshots.to_vec();
        self.add(|found| found.problems.push(VerifyProblem { object, problem, snapshots }));
        Ok(())
    }

    /// Whether an object has other bytes than were written: what looks like a wrong key may be damage.
    fn differs(&self, object: &str) -> bool {
        let Some((size, sha256)) = self.sums.get(object) else { return false };
        sha256_of(self.catalogue.store_of(object), object, *size, |_| Ok(())).is_ok_and(|found| found != *sha256)
    }
}

/// The SHA-256 of an object that has `size` bytes. `go_on` learns how many were read, piece by piece.
///
/// # Errors
/// Where it can't be read, and where `go_on` says so.
pub(super) fn sha256_of(
    store: &Store,
    object: &str,
    size: u64,
    mut go_on: impl FnMut(u64) -> Result<(), RepositoryError>,
) -> Result<String, RepositoryError> {
    let mut stream = store.stream_sized(object, size)?;
    let mut hasher = HashingWriter::new(io::sink());
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = stream.read(&mut buffer).map_err(|error| RepositoryError::io(store, object, error))?;
        if count == 0 {
            return Ok(hasher.finish().2);
        }
        hasher.write_all(&buffer[..count]).expect("a sink takes everything");
        go_on(count as u64)?;
    }
}

/// Sorts problems, and makes one of those that say the same of one object.
fn merge_problems(problems: &mut Vec<VerifyProblem>) {
    problems.sort_by(|a, b| (&a.object, &a.problem).cmp(&(&b.object, &b.problem)));
    problems.dedup_by(|next, first| {
        let is_same = next.object == first.object && next.problem == first.problem;
        if is_same {
            first.snapshots.append(&mut next.snapshots);
        }
        is_same
    });
    for problem in problems {
        problem.snapshots.sort();
        problem.snapshots.dedup();
    }
}

type Needed = (Expected, Vec<String>);

fn is_plain_metadata(object: &str) -> bool {
    !object.starts_with(layout::ARCHIVES) && !layout::is_encrypted(object)
}

/// Compares the sums of those chosen among the objects.
fn checksum(
    catalogue: &Catalogue<'_>,
    request: &VerifyRequest<'_>,
    chosen: &[&Needed],
    objects: &[Needed],
    outcome: &mut VerifyOutcome,
) -> Result<(), RepositoryError> {
    let findings = Findings::new(catalogue, objects);
    in_parallel(
        request,
        io_threads(request.threads, catalogue.store()),
        chosen.len(),
        || (),
        |(), at| {
            let (expected, snapshots) = chosen[at];
            let (Some(size), Some(sha256)) = (expected.size, &expected.sha256) else { return Ok(()) };
            let store = catalogue.store_of(&expected.name);
            let found = sha256_of(store, &expected.name, size, |count| {
                request.progress.bytes.fetch_add(count, Ordering::Relaxed);
                go_on(&request.cancel)
            });
            let error = match found {
                Ok(found) => {
                    findings.add(|findings| {
                        findings.objects_read += 1;
                        findings.bytes += size;
                    });
                    if found == *sha256 {
                        return Ok(());
                    }
                    let error = FormatError::corrupt("the object", "its bytes are not those that were written");
                    RepositoryError::object(catalogue.store(), &expected.name, error)
                }
                Err(error) => error,
            };
            findings.failed(&expected.name, snapshots, error)
        },
    )?;
    findings.merge(outcome);
    Ok(())
}
