//! What a prune may delete, and what it must not.

use crate::support::{Backup, TestEnvironment, trees};
use chrono::Duration;
use std::fs;

/// A plan with one source of its own in the store that both share.
fn plan(environment: &TestEnvironment, name: &str, source: &str, keep: &str) -> String {
    let (base, store) = (environment.path(name), environment.path("store"));
    trees::put(&base, "file", name);
    let file = format!("{name}.kdl");
    environment.write(
        &file,
        format!(
            "plan {name} {{\n    source {source} {{ base {base:?} }}\n    tier disk {{\n        store fs {{ root {store:?} }}\n        \
             encrypt none\n        schedule \"@hourly\"\n        take {source}\n        keep {keep}\n    }}\n}}\n"
        ),
    );
    file
}

fn count(environment: &TestEnvironment, plan: &str, source: &str) -> usize {
    environment.json(&["list", plan, "--source", source, "--json"])["snapshots"].as_array().expect("a list").len()
}

#[test]
fn snapshots_of_another_plan_in_the_same_store_are_left_alone() {
    let environment = TestEnvironment::new();
    let forgetful = plan(&environment, "forgetful", "mine", "last=50");
    let careful = plan(&environment, "careful", "theirs", "last=50");
    for _ in 0..3 {
        environment.ok(&["run", &forgetful, "--now"]);
        environment.ok(&["run", &careful, "--now"]);
        environment.advance(Duration::hours(1));
    }
    let forgetful = plan(&environment, "forgetful", "mine", "last=1");
    let told = environment.ok(&["prune", &forgetful]);
    assert!(told.stderr.contains("3 snapshots of other plans or sources in this store left alone"), "{told}");
    assert_eq!(count(&environment, &forgetful, "mine"), 1);
    assert_eq!(count(&environment, &careful, "theirs"), 3);
}

#[test]
fn a_source_of_the_same_name_in_another_plan_is_left_alone_by_prune_and_run() {
    let environment = TestEnvironment::new();
    let forgetful = plan(&environment, "forgetful", "same", "last=50");
    let careful = plan(&environment, "careful", "same", "last=50");
    for _ in 0..3 {
        environment.ok(&["run", &careful, "--now"]);
        environment.advance(Duration::hours(1));
    }
    environment.ok(&["run", &forgetful, "--now"]);
    environment.advance(Duration::hours(1));
    let forgetful = plan(&environment, "forgetful", "same", "last=1");
    let told = environment.json(&["diff", &forgetful, "--json"]);
    assert_eq!(told["jobs"][0]["expires"].as_array().map(Vec::len), Some(1), "only its own would go: {told}");
    environment.ok(&["prune", &forgetful]);
    assert_eq!(count(&environment, &careful, "same"), 4);
    environment.ok(&["run", &forgetful, "--now"]);
    assert_eq!(count(&environment, &careful, "same"), 4, "one of its own went, the other plan's three stay");
}

#[test]
fn a_backup_beside_another_hosts_prune_succeeds_and_leaves_the_deleting_to_later() {
    let backup = Backup::plain("keep last=1");
    trees::put(&backup.source(), "file", "one");
    backup.snapshot();
    let lease = r#"{"host":"other","run":"20261124T093000Z-00000001","expires":"2026-11-24T10:20:00Z"}"#;
    fs::create_dir_all(backup.store().join("lease")).unwrap();
    fs::write(backup.store().join("lease/prune.json"), lease).unwrap();
    trees::put(&backup.source(), "file", "two");
    let told = backup.run().expect_code(0);
    assert!(
        told.stdout.contains("what may go is left to the next run: `other` is pruning or repairing this store"),
        "it is a note:\n{told}"
    );
    assert_eq!(backup.snapshots().len(), 2);
    // An hour later that lease has run out.
    trees::put(&backup.source(), "file", "three");
    backup.run().expect_code(0);
    assert_eq!(backup.snapshots().len(), 1);
}
