//! Two plans of one name on one host.

use crate::support::{Backup, trees};
use std::fs;

fn with_snapshot() -> (Backup, String) {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "file", "text");
    backup.snapshot();
    let plan = fs::read_to_string(backup.environment.work("plan.kdl")).unwrap();
    (backup, plan)
}

#[test]
fn another_plan_of_the_same_name_is_refused_and_told_what_to_do() {
    let (backup, plan) = with_snapshot();
    let store = backup.store();
    let other = plan.replace(&format!("{store:?}"), "\"elsewhere\"");
    backup.environment.write("other.kdl", &other);
    let told = backup.environment.run(&["run", "other.kdl", "--now"]).expect_code(1);
    insta::assert_snapshot!(told, @r#"
    exit 1
    --- stderr ---
    error: the plan `test` in `$ROOT/work/plan.kdl` has the local state `$ROOT/state/plan/test` already, and this is another plan of the same name
      help: give it another name, or its own `state "DIR"`; if it replaces that one, delete the other file
    "#);
    for verb in ["next", "prune", "diff"] {
        assert_eq!(backup.environment.run(&[verb, "other.kdl"]).expect_code(1).stderr, told.stderr, "{verb}");
    }
    assert!(!backup.environment.work("elsewhere").exists());
    // What that tells to do helps.
    let own = other.replace("plan test {", "plan test {\n    state \"its state\"");
    backup.environment.write("other.kdl", own);
    backup.environment.ok(&["run", "other.kdl", "--now"]);
    backup.snapshot();
    backup.environment.write("other.kdl", other);
    fs::remove_file(backup.environment.work("plan.kdl")).unwrap();
    backup.environment.ok(&["next", "other.kdl"]);
}

#[test]
fn a_plan_that_moves_or_is_copied_goes_on_with_its_state() {
    let (backup, plan) = with_snapshot();
    let run = |file: &str| {
        let outcome = backup.environment.ok(&["run", file, "--now", "--json"]).json_lines();
        outcome.last().unwrap()["jobs"][0]["backup"]["new"].clone()
    };
    backup.environment.write("copied/plan.kdl", plan.replace("take files", "take files\n        keep last=5"));
    assert_eq!(run("copied/plan.kdl"), 0);
    assert_eq!(run("plan.kdl"), 0);
    fs::rename(backup.environment.work("plan.kdl"), backup.environment.work("moved.kdl")).unwrap();
    assert_eq!(run("moved.kdl"), 0);
}
