//! `plan import`: what people have becomes a plan that passes its check, says
//! where everything comes from and what it could not carry over, and holds no
//! secret of theirs.
//!
//! `rpa/` holds the scripts of the user's document as they stand there.

mod borgmatic;
mod resticprofile;
mod scripts;
mod wrong_input;

use crate::support::*;
use std::fs;
use std::path::Path;

/// Text of the inputs that must never come out again.
const SECRET: &str = "hunter2";

/// Copies a folder of fixtures into the working directory.
fn fixtures(environment: &TestEnvironment, folder: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import").join(folder);
    for entry in fs::read_dir(from).expect("the fixtures are readable") {
        let entry = entry.expect("the fixtures are readable");
        environment.write(entry.file_name(), fs::read(entry.path()).expect("a fixture is readable"));
    }
}

/// Imports files of a folder of fixtures: what is printed is pinned by the caller, what holds for every import is
/// asserted here.
#[track_caller]
fn imported(folder: &str, files: &[&str]) -> Outcome {
    let environment = TestEnvironment::new();
    fixtures(&environment, folder);
    holds(&environment, files)
}

/// The same of texts.
#[track_caller]
fn imported_texts(files: &[(&str, &str)]) -> Outcome {
    let environment = TestEnvironment::new();
    for (name, text) in files {
        environment.write(name, text);
    }
    holds(&environment, &files.iter().map(|(name, _)| *name).collect::<Vec<_>>())
}

#[track_caller]
fn holds(environment: &TestEnvironment, files: &[&str]) -> Outcome {
    let arguments = [&["import"], files].concat();
    let outcome = environment.ok(&arguments);
    let document = environment.json(&[&arguments[..], &["--json"]].concat());
    assert_eq!(document["format_version"], 1);
    assert_eq!(document["plan"], outcome.stdout.as_str(), "both outputs have the same plan");
    assert_eq!(document["check"]["errors"], 0, "{outcome}");
    for text in [&outcome.stdout, &outcome.stderr, &document.to_string()] {
        assert!(!text.contains(SECRET), "a secret is copied:\n{text}");
    }
    environment.write("plan.kdl", &outcome.raw_stdout);
    environment.ok(&["check", "plan.kdl"]);
    let file = plan::diagnostics::SourceFiles::default().add("plan.kdl", &*outcome.stdout);
    assert_eq!(plan::language::format(&outcome.stdout, file).unwrap(), outcome.stdout, "it is in its normal form");
    environment.ok(&["graph", "plan.kdl"]);
    outcome
}
