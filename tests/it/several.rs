//! Several tiers, several sources: which of them is read, what happens when one is
//! away, and what is said of it.

use crate::support::{Outcome, TestEnvironment, age_identity, trees};
use std::fs;
use std::path::{Path, PathBuf};

const PARTIAL: i32 = 3;
const WRONG_KEY: i32 = 12;

/// Two sources, `docs` and `code`, in two tiers on disk, `near` and `far`.
struct Several {
    environment: TestEnvironment,
}

impl Several {
    fn new() -> Self {
        let environment = TestEnvironment::new();
        let (identity, recipient) = age_identity(&environment.path("home"), "identity.txt");
        let mut plan = format!("plan test {{\n    key k {{ recipient {recipient}; identity (file){identity:?} }}\n");
        for source in ["docs", "code"] {
            let folder = environment.path(source);
            fs::create_dir(&folder).expect("the folder is new");
            plan += &format!("    source {source} {{ base {folder:?} }}\n");
        }
        for tier in ["near", "far"] {
            let store = environment.path(tier);
            plan += &format!(
                "    tier {tier} {{\n        store fs {{ root {store:?} }}\n        schedule \"@hourly\"\n        \
                 take docs code\n        encrypt k\n    }}\n"
            );
        }
        environment.write("plan.kdl", plan + "}\n");
        Self { environment }
    }

    fn folder(&self, source: &str) -> PathBuf {
        self.environment.path(source)
    }

    fn put(&self, source: &str, path: &str, text: &str) {
        trees::put(&self.folder(source), path, text);
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.environment.run(arguments)
    }

    /// Runs all, or one tier, and lets a while pass.
    fn back_up(&self, arguments: &[&str]) {
        self.environment.ok(&[&["run", "--now"], arguments].concat());
        self.environment.advance(chrono::Duration::minutes(1));
    }

    /// Makes a tier one that cannot be reached: nobody says where it is.
    fn take_away(&self, tier: &str) {
        let plan = fs::read_to_string(self.environment.work("plan.kdl")).expect("the plan was written");
        let root = format!("root {:?}", self.environment.path(tier));
        assert!(plan.contains(&root), "{plan}");
        self.environment.write("plan.kdl", plan.replace(&root, "root (env)NOT_SET"));
    }
}

/// Words of the lines of a table, below its head.
fn columns(table: &str, which: &[usize]) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = table.lines().skip(1).map(words);
    lines.map(|words| which.iter().map(|at| words[*at].as_str()).collect::<Vec<_>>().join(" ")).collect()
}

fn damage_an_archive(below: &Path) {
    let archive = crate::support::files_below(&below.join("archives")).pop().expect("something was stored");
    let path = below.join("archives").join(archive);
    let mut bytes = fs::read(&path).expect("it can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("it can be written");
}

#[test]
fn verify_goes_on_when_a_tier_cannot_be_reached() {
    let several = Several::new();
    several.put("docs", "a.txt", "a");
    several.back_up(&[]);
    several.take_away("near");
    let told = several.run(&["verify"]).expect_code(PARTIAL);
    assert!(told.stdout.lines().any(|line| line.starts_with("near") && line.ends_with("failed")), "{told}");
    assert!(told.stdout.lines().any(|line| line.starts_with("far") && line.ends_with("good")), "{told}");
    insta::assert_snapshot!(told.stderr, @r"
    error: tier `near` could not be verified: the store of tier `near` cannot be used: `root` can't be resolved: the environment variable `NOT_SET` is not set
      help: set it where the plan runs
    ");
    let json = several.run(&["verify", "--json"]).expect_code(PARTIAL).json();
    let tiers = json["tiers"].as_array().expect("a list");
    assert_eq!(tiers.len(), 2, "{json}");
    assert_eq!((&tiers[0]["tier"], &tiers[0]["good"]), (&"near".into(), &false.into()), "{json}");
    assert!(tiers[0]["failure"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
    assert_eq!((&tiers[1]["tier"], &tiers[1]["good"]), (&"far".into(), &true.into()), "{json}");

    damage_an_archive(&several.environment.path("far"));
    several.run(&["verify"]).expect_code(1);
    several.run(&["verify", "--tier", "near"]).expect_code(1);
}

#[test]
fn verify_with_an_identity_file_that_is_not_there_fails() {
    let several = Several::new();
    several.put("docs", "a.txt", "a");
    several.back_up(&[]);
    let told = several.run(&["verify", "--identity", "missing.key"]).expect_code(WRONG_KEY);
    insta::assert_snapshot!(told, @r"
    exit 12
    --- stderr ---
    error: the identity file `$ROOT/work/missing.key` cannot be used: no such file or directory
      help: name an age identity file, as of `plan key new` or `age-keygen`, or an SSH key
    ");
    several.environment.write("empty.key", "");
    several.run(&["verify", "--identity", "empty.key"]).expect_code(WRONG_KEY);
}

#[test]
fn verify_without_a_key_says_that_it_compared_checksums_only() {
    let several = Several::new();
    several.put("docs", "a.txt", "a");
    several.back_up(&[]);
    let plan = fs::read_to_string(several.environment.work("plan.kdl")).expect("the plan was written");
    let identity = format!("; identity (file){:?}", several.environment.path("home").join("identity.txt"));
    assert!(plan.contains(&identity));
    several.environment.write("plan.kdl", plan.replace(&identity, ""));
    let told = several.run(&["verify", "--tier", "near"]).expect_code(0);
    assert_eq!(columns(&told.stdout, &[0, 1]), ["near checksum"], "{told}");
    insta::assert_snapshot!(told.stderr, @r"
    warning: near: only checksums were compared, what is inside was not read: reading needs an identity of key `k`, and the plan names none on this host
      help: `--identity FILE` names an identity; `--level checksum` asks for just this
    ");
    let json = several.run(&["verify", "--json"]).expect_code(0).json();
    assert_eq!(json["tiers"][0]["level"], "checksum");
    assert!(json["tiers"][0]["without_key"].as_str().is_some_and(|why| why.contains("identity")), "{json}");
}

#[test]
fn a_path_that_nothing_matches_names_its_neighbours() {
    let several = Several::new();
    for path in ["etc/nginx/nginx.conf", "etc/hosts", "notes/today.txt"] {
        several.put("docs", path, "text");
    }
    several.put("code", "src/main.rs", "fn main() {}");
    several.back_up(&[]);
    let to = several.environment.path("out");
    let told = |arguments: &[&str]| several.run(arguments).expect_code(1).stderr;
    insta::assert_snapshot!(told(&["restore", "nginx.conf", "--to", to.to_str().unwrap()]), @r"
    error: nothing in the snapshots matches `nginx.conf`
      help: did you mean `etc/nginx/nginx.conf`?
    ");
    insta::assert_snapshot!(told(&["ls", "latest", "etc/host"]), @r"
    error: nothing in the snapshot matches `etc/host`
      help: did you mean `etc/hosts`?
    ");
    insta::assert_snapshot!(told(&["find", "mian.rs"]), @r"
    error: no snapshot has `mian.rs`
      help: did you mean `src/main.rs`?
    ");
    insta::assert_snapshot!(told(&["find", "*.nothing"]), @r"
    error: no snapshot has `*.nothing`
      help: a name that is only known in part is a pattern: `*name*`
    ");
    assert!(!to.exists());
}

#[test]
fn cat_prints_a_file_only_where_one_source_can_be_meant() {
    let several = Several::new();
    several.put("docs", "readme", "of docs");
    several.put("code", "readme", "of code");
    several.put("docs", "only", "a file in docs");
    several.put("code", "only/deep", "a folder in code");
    several.back_up(&[]);
    let told = several.run(&["cat", "latest", "readme"]).expect_code(64);
    insta::assert_snapshot!(told, @r"
    exit 64
    --- stderr ---
    error: `readme` is a file in each of the sources `code` and `docs`
      help: choose one, as with `--source code`
    ");
    assert_eq!(several.run(&["cat", "latest", "readme", "--source", "docs"]).expect_code(0).raw_stdout, b"of docs");
    assert_eq!(several.run(&["cat", "latest", "only"]).expect_code(0).raw_stdout, b"a file in docs");
    insta::assert_snapshot!(several.run(&["cat", "latest", "raedme"]).expect_code(1).stderr, @r"
    error: there is no `raedme` in the snapshot
      help: did you mean `readme`?
    ");
}

#[test]
fn latest_is_the_newest_whichever_tier_has_it() {
    let several = Several::new();
    several.put("docs", "a.txt", "first");
    several.back_up(&[]);
    let cat = || several.run(&["cat", "latest", "a.txt"]).expect_code(0).stdout;
    assert_eq!(cat(), "first");
    // Of what one command made, the nearest is read.
    let json = several.run(&["ls", "latest", "--source", "docs", "--json"]).expect_code(0).json();
    assert_eq!(json["snapshots"][0]["tier"], "near");

    several.put("docs", "a.txt", "second");
    several.back_up(&["--tier", "far"]);
    assert_eq!(cat(), "second", "a minute later, in the other tier");
    let at = (several.environment.now() - chrono::Duration::seconds(90)).to_rfc3339();
    assert_eq!(several.run(&["cat", &at, "a.txt"]).expect_code(0).stdout, "first");
}

#[test]
fn a_partial_snapshot_that_is_the_latest_says_what_it_lacks() {
    let several = Several::new();
    several.put("docs", "a.txt", "a");
    several.put("code", "main.rs", "fn main() {}");
    let plan = fs::read_to_string(several.environment.work("plan.kdl")).expect("the plan was written");
    let base = format!("base {:?}", several.folder("docs"));
    several.environment.write("plan.kdl", plan.replace(&base, &format!("{base}; include \"a.txt\" \"b.txt\"")));
    several.run(&["run", "--now", "--tier", "near"]).expect_code(PARTIAL);
    let to = several.environment.path("out");
    let told = several.run(&["restore", "a.txt", "--to", to.to_str().unwrap()]).expect_code(0);
    insta::assert_snapshot!(told.stderr, @r"
    `docs` from tier `near`, snapshot of 2026-11-24T09:00:00Z
    warning: the snapshot 20261124T090000Z-1c9756ce of `docs` is partial: its run could not read `b.txt` (the include `b.txt` does not exist)
      help: `plan list` shows which snapshots are complete; the start of an id chooses one
    ");
    for arguments in [["ls", "latest", "a.txt"], ["cat", "latest", "a.txt"]] {
        let told = several.run(&arguments).expect_code(0);
        assert!(told.stderr.contains("is partial: its run could not read `b.txt`"), "{told}");
    }
    let told = several.run(&["cat", "latest", "main.rs"]).expect_code(0);
    assert!(!told.stderr.contains("partial"), "the other source lacks nothing:\n{told}");
}

#[test]
fn sources_with_a_store_each_are_all_backed_up_and_verified() {
    let backup = crate::support::Backup::plain("");
    let (store, more) = (backup.store(), backup.environment.path("more"));
    backup.edit_plan(&format!("{store:?}"), &format!("{:?}", store.join("{source}")));
    backup.edit_plan("    tier disk {", &format!("    source more {{ base {more:?} }}\n    tier disk {{"));
    backup.edit_plan("take files", "take files more");
    trees::put(&backup.source(), "file", "text");
    trees::put(&more, "file", "more text");
    backup.run().expect_code(0);
    // Of each its own state: nothing new is stored.
    let again = backup.environment.ok(&["run", "--now", "--json"]).json_lines().pop().unwrap();
    for job in again["jobs"].as_array().unwrap() {
        assert_eq!(job["backup"]["new"], 0, "{job}");
    }
    let verified = backup.environment.json(&["verify", "--json"]);
    assert_eq!(verified["tiers"].as_array().map(Vec::len), Some(2), "{verified}");
}
