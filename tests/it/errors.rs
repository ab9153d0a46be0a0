//! What a program reads when something goes wrong: with `--json` an error is one
//! line of JSON on standard output, whichever verb it is of.

use crate::support::{Backup, Outcome, TestEnvironment, trees};

/// The one line on standard output, where nothing else is printed.
#[track_caller]
fn error(outcome: &Outcome) -> serde_json::Value {
    assert_eq!(outcome.stderr, "", "{outcome}");
    let lines = outcome.json_lines();
    let [error] = &lines[..] else { panic!("it is one line:\n{outcome}") };
    assert_eq!(error["format_version"], 1, "{outcome}");
    assert_eq!(error["type"], "error", "{outcome}");
    assert_eq!(error["exit_code"].as_i64(), outcome.code.map(i64::from), "{outcome}");
    error.clone()
}

#[test]
fn a_command_line_that_is_wrong_is_told_in_json() {
    let environment = TestEnvironment::new();
    let told = |arguments: &[&str]| environment.run(arguments).expect_code(64);
    let lines: Vec<String> = [
        &["lst", "--json"][..],
        &["restore", "--json", "--too", "x"],
        &["list", "--json"],
        &["list", "gone.kdl", "--json"],
    ]
    .map(|arguments| told(arguments).stdout)
    .to_vec();
    insta::assert_snapshot!(lines.concat());
    for arguments in [&["--json"][..], &["--json", "prune", "--tier"], &["verify", "--level", "deep", "--json"]] {
        error(&told(arguments));
    }
    environment.set_variable("PLAN_NOW", "noon");
    error(&told(&["list", "--json"]));
    let text = told(&["cat", "--", "--json"]);
    assert!(text.stdout.is_empty(), "behind `--` it is a path:\n{text}");
}

#[test]
fn an_invalid_plan_is_told_in_json_with_its_diagnostics() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", "plan x {\n    sorce data { include \"/srv\" }\n}\n");
    for verb in ["run", "list", "verify", "prune", "cost", "graph", "show", "next", "lock"] {
        let error = error(&environment.run(&[verb, "--json"]).expect_code(65));
        assert_eq!(error["kind"], "invalid_plan", "{verb}");
        assert_eq!(error["diagnostics"][0]["code"], "plan::shape::unknown_node", "{verb}");
        assert_eq!(error["diagnostics"][0]["at"]["start"]["line"], 2, "{verb}");
    }
}

#[test]
fn a_store_without_a_repository_is_told_in_json() {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "file", "text");
    for arguments in [&["list"][..], &["ls", "latest"], &["cat", "latest", "file"], &["restore", "--to", "x"]] {
        let error = error(&backup.environment.run(&[arguments, &["--json"]].concat()).expect_code(10));
        assert_eq!(error["kind"], "no_repository", "{arguments:?}");
        assert!(error["help"].is_string(), "{arguments:?}");
    }
}

#[test]
fn the_wrong_key_is_told_in_json() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "secret");
    backup.snapshot();
    backup.name_the_wrong_key();
    for arguments in [&["ls", "latest"][..], &["cat", "latest", "file"], &["restore", "--to", "x"]] {
        let error = error(&backup.environment.run(&[arguments, &["--json"]].concat()).expect_code(12));
        assert_eq!(error["kind"], "wrong_key", "{arguments:?}");
    }
}
