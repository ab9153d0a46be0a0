//! What a host remembers of a repository between runs, so that it can back up
//! incrementally without any key: the newest manifest with its stamps, and
//! where every known chunk lies.
//!
//! One folder a tier, mode 0700, files 0600. Every file is written under a
//! temporary name, synced and renamed; [`LocalState::commit`] is one rename.
//! What is damaged or does not fit the repository is treated as lost.

mod adopted_sums;
mod chunks;
mod journal;
mod layer_file;
mod sums;

pub(crate) use adopted_sums::SumMark;
pub(crate) use chunks::{ChunkPlace, KnownChunks, PreparedChunks};
pub(crate) use journal::{Interrupted, Journal, JournalHead, LayerMark, StoredArchive};
pub(crate) use layer_file::LayerFile;
pub(crate) use sums::{FileSums, NewSums, PutRun, Sums, block_key, short_id};

use super::{RepositoryError, layout};
use crate::archive::{LayerRef, SnapshotTotals};
use crate::base::RunId;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Of the local files; a newer program's are treated as lost.
const STATE_VERSION: u32 = 1;

/// Names of damaged objects, one a line.
const DAMAGED_FILE: &str = "damaged";

/// Who can read what the tier's state knows of.
const READERS_FILE: &str = "readers.json";

/// Public keys, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Readers {
    /// Each of these alone can read all that a new run may build on.
    pub(crate) of_all: Vec<String>,
    /// What the last run encrypted to.
    pub(crate) recipients: Vec<String>,
}

/// The folder of one tier's state.
pub(crate) struct LocalState {
    folder: PathBuf,
}

/// The file `<source>.json`: the last snapshot of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Current {
    version: u32,
    pub(crate) repository: String,
    pub(crate) run: RunId,
    /// The base that the paths are relative to: another base makes all stamps worthless.
    pub(crate) base: String,
    pub(crate) encrypted: bool,
    pub(crate) layers: Vec<CurrentLayer>,
    /// Files with the block sums of what the layers list, oldest first.
    #[serde(default)]
    pub(crate) sums: Vec<String>,
    pub(crate) totals: SnapshotTotals,
}

/// A stored layer and its local copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CurrentLayer {
    pub(crate) stored: LayerRef,
    /// A file name in the state's folder.
    pub(crate) file: String,
}

impl Current {
    pub(crate) fn new(repository: &str, run: &RunId, base: &str, encrypted: bool) -> Self {
        Self {
            version: STATE_VERSION,
            repository: repository.to_owned(),
            run: run.clone(),
            base: base.to_owned(),
            encrypted,
            layers: Vec::new(),
            sums: Vec::new(),
            totals: SnapshotTotals::default(),
        }
    }
}

/// Whether a tier's folder of local state remembers anything of a source. If
/// not, a backup reads the store (with an identity) or begins anew.
pub fn has_state(folder: &Path, source: &str) -> bool {
    folder.join(LocalState::current_name(source)).is_file()
}

/// Whether a tier's folder of local state is of this repository.
pub fn remembers(folder: &Path, repository: &super::Repository) -> bool {
    remembered_id(folder).is_some_and(|id| id == repository.config.id)
}

/// The id of the repository that a tier's folder of local state is of.
pub(crate) fn remembered_id(folder: &Path) -> Option<String> {
    LocalState { folder: folder.to_owned() }.repository_id()
}

impl LocalState {
    pub(crate) fn open(folder: &Path) -> Result<Self, RepositoryError> {
        let failed = |source| RepositoryError::State { path: folder.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn failed(&self, source: io::Error) -> RepositoryError {
        RepositoryError::State { path: self.folder.clone(), source }
    }

    /// The repository that this tier was last written to.
    pub(crate) fn repository_id(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("repository")).ok()?;
        Some(text.trim().to_owned()).filter(|id| !id.is_empty())
    }

    pub(crate) fn set_repository_id(&self, id: &str) -> Result<(), RepositoryError> {
        if self.repository_id().as_deref() == Some(id) {
            return Ok(());
        }
        self.replace("repository", format!("{id}\n").as_bytes()).map_err(|error| self.failed(error))
    }

    /// What is known of the last snapshot of `source` in the repository `id`.
    pub(crate) fn current(&self, source: &str, id: &str) -> Option<Current> {
        let bytes = std::fs::read(self.folder.join(Self::current_name(source))).ok()?;
        let current: Current = serde_json::from_slice(&bytes).ok()?;
        (current.version == STATE_VERSION && current.repository == id).then_some(current)
    }

    /// Objects of the store that a verification found damaged: nothing new may rest on them.
    pub(crate) fn damaged(&self) -> HashSet<String> {
        let text = std::fs::read_to_string(self.folder.join(DAMAGED_FILE)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn set_damaged(&self, names: &HashSet<String>) -> Result<(), RepositoryError> {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        let text: String = names.iter().flat_map(|name| [name, "\n"]).collect();
        self.replace(DAMAGED_FILE, text.as_bytes()).map_err(|error| self.failed(error))
    }

    /// `None`: unknown.
    pub(crate) fn readers(&self) -> Option<Readers> {
        serde_json::from_slice(&std::fs::read(self.folder.join(READERS_FILE)).ok()?).ok()
    }

    pub(crate) fn set_readers(&self, readers: &Readers) -> Result<(), RepositoryError> {
        if self.readers().as_ref() == Some(readers) {
            return Ok(());
        }
        let json = serde_json::to_vec(readers).expect("plain data becomes JSON");
        self.replace(READERS_FILE, &json).map_err(|error| self.failed(error))
    }

    /// Forgets all that a run could build on, of every source.
    pub(crate) fn forget_all(&self) -> Result<(), RepositoryError> {
        let failed = |error| self.failed(error);
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let stays = ["repository", DAMAGED_FILE, READERS_FILE].iter().any(|name| entry.file_name() == *name);
            if !stays && entry.file_type().map_err(failed)?.is_file() {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn current_name(source: &str) -> String {
        format!("{}.json", layout::component(source))
    }

    /// The name of the block sums that `run` writes.
    pub(crate) fn sums_name(source: &str, run: &RunId) -> String {
        format!("{}.sums", Self::run_prefix(source, run))
    }

    /// What the name of each file that `run` writes begins with.
    fn run_prefix(source: &str, run: &RunId) -> String {
        format!("{}-{run}", layout::component(source))
    }

    /// The name of the local copy of the layer that `run` writes.
    pub(crate) fn layer_name(source: &str, run: &RunId) -> String {
        format!("{}.layer", Self::run_prefix(source, run))
    }

    /// Makes `current` what the next run starts from; layers no longer named are deleted.
    pub(crate) fn commit(&self, source: &str, current: &Current) -> Result<(), RepositoryError> {
        let json = serde_json::to_vec(current).expect("plain data becomes JSON");
        self.replace(&Self::current_name(source), &json).map_err(|error| self.failed(error))?;
        self.sweep(source, Some(current));
        Ok(())
    }

    /// Deletes layers, block sums and temporary files of `source` that neither `current` nor a
    /// journal names.
    pub(crate) fn sweep(&self, source: &str, current: Option<&Current>) {
        let journals = self.journals(source);
        for (run, name) in self.files_of(source) {
            let named = current.is_some_and(|current| {
                current.layers.iter().any(|layer| layer.file == name) || current.sums.contains(&name)
            });
            if !named && !journals.contains(&run) {
                // A leftover costs space, nothing else; the next sweep tries again.
                let _ = std::fs::remove_file(self.folder.join(name));
            }
        }
    }

    /// The files that runs of `source` wrote, in no order.
    fn files_of(&self, source: &str) -> Vec<(RunId, String)> {
        let prefix = format!("{}-", layout::component(source));
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                // `a` must not take the files of `a-b` for its own: what follows the prefix is a run.
                let run = name.strip_prefix(&prefix)?.get(..25)?.parse().ok()?;
                Some((run, name))
            })
            .collect()
    }

    /// A new file of mode 0600.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(self.folder.join(name), flags, Mode::RUSR | Mode::WUSR)?);
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }

    /// Writes a whole file so that either the old or the new one is there, whatever happens.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.new");
        let mut file = self.create(&temporary)?;
        file.write_all(bytes)?;
        self.publish(&file, &temporary, name)
    }

    /// Syncs a file written under a temporary name and gives it its own.
    pub(crate) fn publish(&self, file: &File, temporary: &str, name: &str) -> io::Result<()> {
        file.sync_all()?;
        std::fs::rename(self.folder.join(temporary), self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }

    /// A time by the kernel's clock, for comparing with change times of files:
    /// that of a file written right now.
    pub(crate) fn kernel_now(&self) -> Result<crate::files::FileTime, RepositoryError> {
        let file = self.create("clock").map_err(|error| self.failed(error))?;
        let metadata = crate::files::file_metadata(&file).map_err(|error| self.failed(error))?;
        Ok(metadata.ctime)
    }
}
