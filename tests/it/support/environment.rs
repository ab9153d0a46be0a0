use super::stock::hostname;
use assert_cmd::Command;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own in which the real program runs: its home, its state, its
/// clock and its randomness are the test's, and nothing of the caller's
/// environment reaches it but `PATH`.
///
/// ```text
/// <root>/home    HOME
/// <root>/state   XDG_STATE_HOME
/// <root>/work    the working directory; relative paths start here
/// ```
pub struct TestEnvironment {
    root: tempfile::TempDir,
    now: Cell<DateTime<Utc>>,
    /// Counts invocations, so that two at one moment have different run ids.
    seed: Cell<u64>,
    variables: RefCell<BTreeMap<String, String>>,
}

/// When every test starts: a Tuesday, so that Sundays and months are near.
const START: &str = "2026-11-24T09:00:00Z";

impl TestEnvironment {
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// One whose folder lies in `parent`: for tests that need room or a certain file system.
    pub fn within(parent: &Path) -> Self {
        // Short, because some tests need nearly all of the 4,096 bytes of a path.
        let root = tempfile::Builder::new().prefix("p").rand_bytes(5).tempdir_in(parent).expect("a temporary folder");
        for folder in ["home", "state", "work"] {
            fs::create_dir(root.path().join(folder)).expect("the folder is new");
        }
        let now = START.parse().expect("the start is a time");
        Self { root, now: Cell::new(now), seed: Cell::new(1), variables: RefCell::default() }
    }

    /// A path below the root.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(relative)
    }

    /// A path below the working directory.
    pub fn work(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path("work").join(relative)
    }

    /// Writes a file below the working directory, with its folders.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work(relative);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(&path, content).expect("the file can be written");
        path
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now.get()
    }

    /// Sets the program's clock, RFC 3339.
    pub fn set_time(&self, time: &str) {
        self.now.set(time.parse().expect("an RFC 3339 time"));
    }

    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get() + by);
    }

    /// Gives every later invocation this environment variable.
    pub fn set_variable(&self, name: &str, value: &str) {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub fn remove_variable(&self, name: &str) {
        self.variables.borrow_mut().remove(name);
    }

    /// The program, ready to run with these arguments.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        Command::from_std(self.std_command(arguments))
    }

    /// The same for tests that must hold the process: to kill it, or to pipe.
    pub fn std_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("plan"));
        self.seed.set(self.seed.get() + 1);
        command
            .args(arguments)
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("PLAN_NOW", self.now.get().to_rfc3339_opts(SecondsFormat::Secs, true))
            .env("PLAN_SEED", self.seed.get().to_string())
            .env("NO_COLOR", "1")
            .envs(self.variables.borrow().iter());
        command
    }

    /// Runs to the end, whatever that is.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        let output = self.command(arguments).output().expect("the program starts");
        Outcome {
            code: output.status.code(),
            stdout: self.redact(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.redact(&String::from_utf8_lossy(&output.stderr)),
            raw_stdout: output.stdout,
            invocation: arguments
                .iter()
                .map(|a| a.as_ref().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// Runs and requires exit code 0.
    #[track_caller]
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.run(arguments).expect_code(0)
    }

    /// Standard output of a successful `--json` invocation.
    #[track_caller]
    pub fn json<S: AsRef<OsStr>>(&self, arguments: &[S]) -> serde_json::Value {
        self.ok(arguments).json()
    }

    /// Temporary paths and the host's name, nothing else.
    fn redact(&self, text: &str) -> String {
        let root = self.root.path();
        let canonical = root.canonicalize().expect("the root exists");
        let text = text.replace(&*canonical.to_string_lossy(), "$ROOT").replace(&*root.to_string_lossy(), "$ROOT");
        let host = hostname();
        // A host called `a` or `plan` would eat half of every message.
        if host.len() >= 5 { text.replace(&host, "$HOST") } else { text }
    }
}

/// How an invocation ended. Its `Display` is what snapshots pin: the status,
/// standard output and standard error together.
pub struct Outcome {
    /// None: killed by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// As printed, byte for byte.
    pub raw_stdout: Vec<u8>,
    invocation: String,
}

impl Outcome {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "`plan {}` ended otherwise:\n{self}", self.invocation);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.raw_stdout)
            .unwrap_or_else(|error| panic!("`plan {}` prints no JSON document: {error}\n{self}", self.invocation))
    }

    /// Each line of standard output as a JSON value.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is no JSON: {error}")))
            .collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "killed")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "--- {name} ---\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}
