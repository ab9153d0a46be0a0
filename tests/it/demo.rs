//! The first thing that anybody does: `plan run plans/demo.kdl` on a fresh clone.

use crate::support::{TestEnvironment, files_below};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A clone of this project as a stranger has it: its tracked files and no others.
fn clone(environment: &TestEnvironment) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clone = environment.path("work/plan");
    for folder in ["src", "tests", "plans", "schema"] {
        for file in files_below(&here.join(folder)) {
            copy(&here.join(folder).join(&file), &clone.join(folder).join(&file));
        }
    }
    for file in ["Cargo.toml", "Cargo.lock", "README.md"] {
        copy(&here.join(file), &clone.join(file));
    }
    clone
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file has a folder")).expect("the folder can be made");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

#[test]
fn the_demo_runs_on_a_fresh_clone_with_an_empty_home() {
    let environment = TestEnvironment::new();
    let clone = clone(&environment);
    let plan = clone.join("plans/demo.kdl").to_string_lossy().into_owned();

    let first = environment.ok(&["run", &plan]);
    for word in ["project", "store", "next"] {
        assert!(first.stdout.contains(word), "the summary tells of `{word}`:\n{first}");
    }
    let key = clone.join("target/demo/demo.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let store = clone.join("target/demo/store");
    let stored = files_below(&store);
    for name in ["repository.json", "README.txt", "restore.py"] {
        assert!(stored.contains(&PathBuf::from(name)), "`{name}` is in the store: {stored:?}");
    }
    for folder in ["archives/project", "trees/project", "index/project", "snapshots/project", "runs/project"] {
        assert!(stored.iter().any(|path| path.starts_with(folder)), "`{folder}` is in the store: {stored:?}");
    }

    // At once again: nothing is due, and it says when it will be.
    let second = environment.ok(&["run", &plan]);
    assert!(second.stdout.contains("nothing is due") && second.stdout.contains("10:00"), "{second}");
    assert_eq!(files_below(&store), stored);

    // Now: a snapshot that costs almost nothing.
    environment.advance(chrono::Duration::minutes(5));
    let before = size(&store);
    environment.ok(&["run", "--now", &plan]);
    let added = size(&store) - before;
    assert!(added < 16 << 10, "nothing changed, and {added} bytes were stored");

    // Nothing outside the clone was touched.
    assert!(files_below(&environment.path("home")).is_empty());
    assert!(files_below(&environment.path("state")).is_empty());

    let out = environment.path("out");
    environment.ok(&["restore", &plan, "--to", out.to_str().unwrap()]);
    let status = Command::new("diff").arg("-r").arg(clone.join("src")).arg(out.join("src")).status();
    assert!(status.expect("diff runs").success());
}

fn size(root: &Path) -> u64 {
    files_below(root).iter().map(|path| fs::metadata(root.join(path)).map_or(0, |m| m.len())).sum()
}
