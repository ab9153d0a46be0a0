//! The plans in `plans/` are right: checked without a word of complaint, in
//! canonical form, and compiled to graphs that are pinned here.

use crate::support::TestEnvironment;
use std::fs;
use std::path::{Path, PathBuf};

/// Every plan of the project, by its file's stem.
fn plans() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let mut plans: Vec<(String, PathBuf)> = fs::read_dir(folder)
        .expect("plans/ is readable")
        .map(|entry| entry.expect("plans/ is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .map(|path| (path.file_stem().expect("a file has a name").to_string_lossy().into_owned(), path))
        .collect();
    plans.sort();
    assert!(plans.len() >= 4);
    plans
}

#[test]
fn every_plan_passes_its_check() {
    for (_, path) in plans() {
        TestEnvironment::new().ok(&["check", "--deny", "warnings", &path.to_string_lossy()]);
    }
}

#[test]
fn every_plan_compiles_to_the_graph_that_was_reviewed() {
    for (name, path) in plans() {
        let environment = TestEnvironment::new();
        let graph = environment.ok(&["graph", &path.to_string_lossy()]);
        insta::assert_snapshot!(format!("graph_of_{name}"), graph.stdout);
        for (format, beginning) in [("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")] {
            let drawn = environment.ok(&["graph", "--format", format, &path.to_string_lossy()]);
            assert!(drawn.stdout.starts_with(beginning), "{format}:\n{drawn}");
        }
        let graph = environment.json(&["graph", "--format", "json", &path.to_string_lossy()]);
        assert!(graph.is_object(), "{graph}");
    }
}

#[test]
fn every_plan_compiles_to_what_its_lock_says() {
    for (_, path) in plans() {
        assert!(path.with_extension("lock").exists(), "`plan lock {}` writes it", path.display());
        TestEnvironment::new().ok(&["lock", "--check", &path.to_string_lossy()]);
    }
}

#[test]
fn checking_needs_no_secret_and_touches_nothing() {
    for (_, path) in plans() {
        let environment = TestEnvironment::new();
        environment.ok(&["check", &path.to_string_lossy()]);
        for folder in ["home", "state", "work"] {
            let left = fs::read_dir(environment.path(folder)).unwrap().count();
            assert_eq!(left, 0, "`plan check {}` wrote into `{folder}`", path.display());
        }
    }
}
