//! One backup of one source to one repository.
//!
//! ```text
//! walk ─► scan ──batches──► pack (each core) ──pieces──► write ─► store
//!         merges with        reads, hashes,               orders, encrypts,
//!         the parent         frames, compresses           places, lists
//! ```
//! The scan runs on the caller's thread; threads end before [`backup`] returns.
//! Every queue is bounded ([`limits`]), so memory does not grow with the data.

mod buffers;
mod commit;
mod delta;
mod known;
mod limits;
mod pack;
mod parent;
mod piece;
mod pipeline;
mod readers;
mod resume;
mod scan;
mod stream;
mod write;

use super::state::{LocalState, block_key};
use super::{Catalogue, Repository, RepositoryError, layout};
use crate::archive::{Codec, Identities, Outcome, Recipients, RunRecord, Unreadable};
use crate::base::{Cancellation, Context, RunId, Timestamp};
use crate::files::WalkOptions;
use crate::stores::Store;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// What to back up, where to, and how.
pub struct BackupRequest<'a> {
    pub store: &'a Store,
    pub plan: &'a str,
    pub tier: &'a str,
    pub source: &'a str,
    pub from: BackupSource<'a>,
    /// Every file anew, as an ordinary tar entry; nothing refers to earlier runs.
    pub full: bool,
    pub codec: Codec,
    /// `None`: not encrypted.
    pub recipients: Option<&'a Recipients>,
    /// Where they are at hand, lost local state is rebuilt from the store.
    pub identities: Option<&'a Identities>,
    /// The tier's folder of local state.
    pub state: PathBuf,
    pub run: RunId,
    /// When the command began that this run is a part of.
    pub invoked: Timestamp,
    /// An archive is closed at the first file boundary past this size.
    pub volume_bytes: u64,
    /// Threads that pack; 0: one for each core.
    pub threads: usize,
    pub cancel: Cancellation,
    pub progress: &'a Progress,
}

/// Where the bytes come from.
pub enum BackupSource<'a> {
    Files(&'a WalkOptions),
    /// Standard output of a program, as the one file `name`.
    Command {
        program: &'a str,
        arguments: &'a [String],
        name: &'a str,
    },
}

/// How far a backup is; read from any thread while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Entries that the walk showed.
    pub entries: AtomicU64,
    /// Bytes of all files shown, changed or not.
    pub seen_bytes: AtomicU64,
    /// Files opened and read.
    pub read_files: AtomicU64,
    pub read_bytes: AtomicU64,
    pub stored_bytes: AtomicU64,
}

impl Progress {
    fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// What a backup did.
#[derive(Clone, Debug)]
pub struct BackupOutcome {
    pub record: RunRecord,
    /// Paths that could not be read, at most [`crate::archive::Snapshot::MAX_UNREADABLE`].
    pub unreadable: Vec<Unreadable>,
    /// Things a person should know that are no failures.
    pub notes: Vec<String>,
    /// Files opened and read.
    pub read_files: u64,
}

impl BackupOutcome {
    pub fn is_partial(&self) -> bool {
        self.record.outcome == Outcome::Partial
    }
}

/// Backs up; makes the repository where there is none.
///
/// On success the snapshot is committed and every object is in the store. On
/// failure, and after a kill at any moment, earlier snapshots are untouched and
/// only unreferenced objects may be left behind. The next run goes on from the
/// archives among them, unless it is full.
///
/// # Errors
/// Only where there is no new snapshot. Files that can't be read are no error:
/// the outcome is partial.
pub fn backup(request: &BackupRequest<'_>, context: &Context) -> Result<BackupOutcome, RepositoryError> {
    let state = LocalState::open(&request.state)?;
    let repository = open_or_create(request, &state, context)?;
    let catalogue = Catalogue::new(&repository, request.identities);
    let settled = readers::settle(request, &catalogue, &state)?;
    let key = block_key(&state, context).map_err(|error| state.failed(error))?;
    let parent = parent::find(request, &repository, &catalogue, &state, settled, &key)?;
    let packed = pipeline::run(request, &repository, &state, parent, key)?;
    commit::commit(request, &repository, &state, packed, context)
}

fn open_or_create(
    request: &BackupRequest<'_>,
    state: &LocalState,
    context: &Context,
) -> Result<Repository, RepositoryError> {
    let known = state.repository_id();
    let repository = match Repository::find(request.store)? {
        Some(repository) => repository,
        None if known.is_some() => {
            let state = state.folder().to_owned();
            return Err(RepositoryError::Vanished { store: request.store.describe(), state });
        }
        None => Repository::create(request.store, context)?,
    };
    state.set_repository_id(&repository.config.id)?;
    Ok(repository)
}

/// The base that paths of this request are relative to, as a snapshot names it.
fn base_of(request: &BackupRequest<'_>) -> String {
    match &request.from {
        BackupSource::Files(options) => options.base.display().to_string(),
        BackupSource::Command { program, .. } => format!("command {program}"),
    }
}

fn archive_name(request: &BackupRequest<'_>, number: u32) -> String {
    layout::archive(request.source, &request.run, number, request.codec, request.recipients.is_some())
}
