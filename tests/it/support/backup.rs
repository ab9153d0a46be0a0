use super::environment::Outcome;
use super::{TestEnvironment, age_identity};
use chrono::Duration;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit code "there is no repository in the store": nothing was ever committed there.
const NO_REPOSITORY: i32 = 10;

/// The least that can be backed up: one source, one tier on disk, one plan.
///
/// ```text
/// <root>/source     what is backed up; restored paths are relative to it
/// <root>/store      the tier's root
/// <root>/work/plan.kdl
/// ```
pub struct Backup {
    pub environment: TestEnvironment,
    identity: Option<PathBuf>,
}

impl Backup {
    /// Encrypted with a key whose identity is at hand, zstd, incremental, as most plans are.
    pub fn new() -> Self {
        Self::with_tier("")
    }

    /// The same with more settings in the tier.
    pub fn with_tier(settings: &str) -> Self {
        let environment = TestEnvironment::new();
        let (identity, recipient) = age_identity(&environment.path("home"), "identity.txt");
        let key = format!("    key k {{ recipient {recipient}; identity (file){identity:?} }}\n");
        Self::assemble(environment, &key, &format!("encrypt k\n        {settings}"), Some(identity))
    }

    /// Not encrypted at all.
    pub fn plain(settings: &str) -> Self {
        Self::assemble(TestEnvironment::new(), "", &format!("encrypt none\n        {settings}"), None)
    }

    fn assemble(environment: TestEnvironment, key: &str, settings: &str, identity: Option<PathBuf>) -> Self {
        let source = environment.path("source");
        fs::create_dir(&source).expect("the folder is new");
        let store = environment.path("store");
        environment.write(
            "plan.kdl",
            format!(
                "plan test {{\n{key}    source files {{ base {source:?} }}\n    tier disk {{\n        \
                 store fs {{ root {store:?} }}\n        schedule \"@hourly\"\n        take files\n        {settings}\n    }}\n}}\n"
            ),
        );
        Self { environment, identity }
    }

    pub fn source(&self) -> PathBuf {
        self.environment.path("source")
    }

    pub fn store(&self) -> PathBuf {
        self.environment.path("store")
    }

    pub fn identity(&self) -> Option<&Path> {
        self.identity.as_deref()
    }

    /// Replaces text of the plan, which must be in it.
    pub fn edit_plan(&self, from: &str, to: &str) {
        let path = self.environment.work("plan.kdl");
        let text = fs::read_to_string(&path).expect("the plan was written");
        assert!(text.contains(from), "`{from}` is not in the plan:\n{text}");
        fs::write(path, text.replace(from, to)).expect("the plan can be written");
    }

    /// Names an identity in the plan that reads nothing of what is stored.
    pub fn name_the_wrong_key(&self) {
        let (other, _) = age_identity(&self.environment.path("home"), "other.txt");
        let right = self.identity().expect("the plan encrypts").to_owned();
        self.edit_plan(&format!("{right:?}"), &format!("{other:?}"));
    }

    /// Runs now, whatever the clock says, then lets an hour pass.
    pub fn run(&self) -> Outcome {
        let outcome = self.environment.run(&["run", "--now"]);
        self.environment.advance(Duration::hours(1));
        outcome
    }

    /// Runs, must succeed, and returns the id of the snapshot that it made.
    #[track_caller]
    pub fn snapshot(&self) -> String {
        self.run().expect_code(0);
        self.snapshots().pop().expect("a successful run makes a snapshot")
    }

    /// Ids of all snapshots, oldest first.
    #[track_caller]
    pub fn snapshots(&self) -> Vec<String> {
        let outcome = self.environment.run(&["list", "--json"]);
        if outcome.code == Some(NO_REPOSITORY) {
            return Vec::new();
        }
        let listed = outcome.expect_code(0).json();
        let mut ids: Vec<String> = listed["snapshots"]
            .as_array()
            .unwrap_or_else(|| panic!("`plan list --json` has `snapshots`: {listed}"))
            .iter()
            .map(|snapshot| snapshot["id"].as_str().expect("a snapshot has an `id`").to_owned())
            .collect();
        ids.sort();
        ids
    }

    /// Restores a whole snapshot into a fresh folder and returns that.
    #[track_caller]
    pub fn restore(&self, snapshot: &str) -> PathBuf {
        let target = self.environment.path(format!("restored-{snapshot}"));
        self.environment.ok(&["restore", "--snapshot", snapshot, "--to", &target.to_string_lossy()]);
        target
    }

    /// The same with nothing but the script that lies in the store.
    #[track_caller]
    pub fn restore_by_script(&self, snapshot: &str) -> PathBuf {
        let target = self.environment.path(format!("by script {snapshot}"));
        let mut command = Command::new("python3");
        command.arg(self.store().join("restore.py")).args(["--snapshot", snapshot]);
        if let Some(identity) = self.identity() {
            command.arg("--identity").arg(identity);
        }
        let output = command.arg("--to").arg(&target).current_dir(self.environment.path("")).output();
        let output = output.expect("python3 runs");
        assert!(output.status.success(), "restore.py: {}", String::from_utf8_lossy(&output.stderr));
        target
    }

    /// Bytes of all objects in the store.
    pub fn stored_bytes(&self) -> u64 {
        self.objects().iter().map(|path| self.store().join(path).metadata().map_or(0, |m| m.size())).sum()
    }

    /// Names of all objects in the store, sorted.
    pub fn objects(&self) -> Vec<PathBuf> {
        files_below(&self.store())
    }

    /// The archives in the order of their names, which is that of their making.
    pub fn archives(&self) -> Vec<PathBuf> {
        let folder = self.store().join("archives");
        files_below(&folder).into_iter().map(|path| folder.join(path)).collect()
    }
}

/// Files below `root`, relative to it, sorted; none where it does not exist.
pub fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        // While a run is at work folders come and go.
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(_) => found.push(path),
                Err(_) => {}
            }
        }
    }
    found.sort();
    found
}
