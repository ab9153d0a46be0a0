//! Backup and restore against stores in memory, through the real pipeline.

mod copies;
mod damage;
mod deltas;
mod history;
mod readers;
mod repair;
mod resume;
mod roundtrip;
mod work;

use super::*;
use crate::archive::{Codec, Identities, Recipients, Snapshot, generate_identity};
use crate::base::{Cancellation, Clock, Context, Percent, RunId, Timestamp};
use crate::files::WalkOptions;
use crate::files::compare;
use crate::files::restore::{Overwrite, RestoreReport};
use crate::stores::Store;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that goes on by a minute at each look.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let minutes = self.0.fetch_add(1, Ordering::Relaxed);
        chrono::DateTime::from_timestamp(1_764_000_000 + 60 * minutes as i64, 123_456_789).unwrap()
    }
}

/// One host, one source folder, one store.
pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) context: Context,
    pub(super) recipients: Option<Recipients>,
    pub(super) identities: Option<Identities>,
    pub(super) codec: Codec,
    pub(super) full: bool,
    pub(super) volume_bytes: u64,
    /// Back up with the identity at hand.
    pub(super) can_read: bool,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("source")).unwrap();
        let (secret, recipient) = generate_identity();
        Self {
            context: Context {
                clock: Arc::new(Ticking(AtomicU64::new(0))),
                environment: Default::default(),
                home: folder.path().to_owned(),
                state: folder.path().join("state"),
                working_directory: folder.path().to_owned(),
                host: "host".to_owned(),
                seed: Some(Arc::new(Mutex::new(1))),
            },
            folder,
            store: Store::memory(),
            recipients: Some(Recipients::parse(&[recipient]).unwrap()),
            identities: Some(Identities::parse(secret.expose().as_bytes(), None).unwrap()),
            codec: Codec::Zstd { level: 3 },
            full: false,
            volume_bytes: 1 << 30,
            can_read: false,
        }
    }

    pub(super) fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state/tier")
    }

    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.source().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(super) fn run_id(&self) -> RunId {
        RunId::new(self.context.now(), self.context.random_u64() as u32)
    }

    pub(super) fn backup_of(&self, options: &WalkOptions) -> Result<BackupOutcome, RepositoryError> {
        self.backup_from(BackupSource::Files(options), &self.store)
    }

    pub(super) fn backup_from(&self, from: BackupSource<'_>, store: &Store) -> Result<BackupOutcome, RepositoryError> {
        let progress = Progress::default();
        let request = BackupRequest {
            store,
            plan: "plan",
            tier: "tier",
            source: "data",
            from,
            full: self.full,
            codec: self.codec,
            recipients: self.recipients.as_ref(),
            identities: self.identities.as_ref().filter(|_| self.can_read),
            state: self.state(),
            run: self.run_id(),
            invoked: self.context.now(),
            volume_bytes: self.volume_bytes,
            threads: 2,
            cancel: Cancellation::default(),
            progress: &progress,
        };
        backup(&request, &self.context)
    }

    pub(super) fn backup(&self) -> BackupOutcome {
        self.backup_of(&WalkOptions::new(self.source())).unwrap()
    }

    pub(super) fn snapshots(&self) -> Vec<SnapshotInfo> {
        let repository = Repository::open(&self.store).unwrap();
        Catalogue::new(&repository, None).snapshots(None).unwrap()
    }

    pub(super) fn load(&self, info: &SnapshotInfo) -> Snapshot {
        let repository = Repository::open(&self.store).unwrap();
        Catalogue::new(&repository, self.identities.as_ref()).load(info).unwrap()
    }

    pub(super) fn restore(&self, info: &SnapshotInfo, patterns: &[&str]) -> (tempfile::TempDir, RestoreReport) {
        let target = tempfile::tempdir().unwrap();
        let report = self.restore_into(target.path(), info, patterns);
        (target, report)
    }

    pub(super) fn restore_into(&self, target: &Path, info: &SnapshotInfo, patterns: &[&str]) -> RestoreReport {
        let repository = Repository::open(&self.store).unwrap();
        let catalogue = Catalogue::new(&repository, self.identities.as_ref());
        let snapshot = catalogue.load(info).unwrap();
        let selection = Selection::new(patterns, &snapshot.base).unwrap();
        restore(
            &catalogue,
            &RestoreRequest {
                snapshot: &snapshot,
                selection: &selection,
                target,
                overwrite: Overwrite::Always,
                threads: 2,
                cancel: Cancellation::default(),
                progress: &RestoreProgress::default(),
            },
        )
        .unwrap()
    }

    pub(super) fn verify(&self, level: VerifyLevel, sample: &str) -> VerifyOutcome {
        self.verify_in(&Repository::open(&self.store).unwrap(), level, sample)
    }

    pub(super) fn verify_in(&self, repository: &Repository, level: VerifyLevel, sample: &str) -> VerifyOutcome {
        let identities = self.identities.as_ref().filter(|_| level == VerifyLevel::Contents);
        let catalogue = Catalogue::new(repository, identities);
        let snapshots = catalogue.snapshots(None).unwrap();
        let request = VerifyRequest {
            snapshots: &snapshots,
            only_run: None,
            sources: &[],
            known: &[],
            now: self.context.now(),
            level,
            sample: sample.parse::<Percent>().unwrap(),
            seed: 7,
            threads: 2,
            cancel: Cancellation::default(),
            progress: &VerifyProgress::default(),
        };
        verify(&catalogue, &request).unwrap()
    }

    pub(super) fn prune(&self, forget: &[SnapshotInfo], grace: Duration) -> PrunePlan {
        let repository = Repository::open(&self.store).unwrap();
        let catalogue = Catalogue::new(&repository, None);
        let plan = plan_prune(&catalogue, forget, self.context.now(), grace).unwrap();
        self.carry_out(&catalogue, &plan).unwrap();
        plan
    }

    pub(super) fn carry_out(&self, catalogue: &Catalogue<'_>, plan: &PrunePlan) -> Result<(), RepositoryError> {
        self.carry_out_by(catalogue, plan, &*self.context.clock)
    }

    pub(super) fn carry_out_by(
        &self,
        catalogue: &Catalogue<'_>,
        plan: &PrunePlan,
        clock: &dyn Clock,
    ) -> Result<(), RepositoryError> {
        let (run, marks) = (self.run_id(), self.lease_marks());
        let holder = LeaseHolder { host: "host", run: &run, marks: &marks };
        execute_prune(catalogue, plan, holder, clock, &Cancellation::default())
    }

    pub(super) fn lease_marks(&self) -> PathBuf {
        self.context.state.join(".leases")
    }

    /// The newest snapshot restores to exactly what `expected` holds.
    pub(super) fn assert_restores(&self, info: &SnapshotInfo, expected: &Path) {
        let (target, report) = self.restore(info, &[]);
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let comparison = compare(expected, target.path(), &Cancellation::default()).unwrap();
        assert!(comparison.is_equal(), "{:?}", comparison.differences);
    }

    pub(super) fn assert_newest_restores(&self) {
        self.assert_restores(self.snapshots().last().unwrap(), &self.source());
    }
}

/// Bytes that nothing compresses, a different stream for each seed.
pub(super) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut output = vec![0; bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut output);
    output
}
