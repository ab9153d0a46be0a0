//! What a prune may delete, and what it must not.

use crate::support::{Backup, TestEnvironment, files_below, trees};
use chrono::Duration;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

/// Keeps what is written after the lease waiting for it.
const SLOWLY: &str = "\n        limit upload=\"200B/s\"";
const TRY_LATER: i32 = 75;

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

/// Starts a prune, and stops it while it has the lease.
fn stopped_in_the_middle(environment: &TestEnvironment, plan: &str) -> Child {
    let mut command = environment.std_command(&["prune", plan, "--grace", "0s"]);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut prune = command.spawn().expect("the program starts");
    let lease = environment.path("store/lease/prune.json");
    while !lease.exists() {
        assert!(prune.try_wait().expect("it can be waited for").is_none(), "it ended before it had the lease");
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&prune), Signal::STOP).expect("it can be stopped");
    assert!(lease.exists(), "it ended before it was stopped");
    prune
}

/// Two plans that have snapshots to forget in one store, each of its own.
fn two_forgetful_plans(environment: &TestEnvironment) -> [String; 2] {
    let both = |keep: &str| ["one", "two"].map(|name| plan(environment, name, name, keep));
    for _ in 0..3 {
        both("last=50").iter().for_each(|plan| drop(environment.ok(&["run", plan, "--now"])));
        environment.advance(Duration::hours(1));
    }
    both(&format!("last=1{SLOWLY}"))
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

#[test]
fn what_a_killed_prune_left_its_own_host_goes_on_with_at_once_and_another_one_later() {
    let environment = TestEnvironment::new();
    let [one, two] = two_forgetful_plans(&environment);
    let mut prune = stopped_in_the_middle(&environment, &one);
    // While it lives nobody does: another plan of the host neither.
    let told = environment.run(&["prune", &two]).expect_code(TRY_LATER);
    let lease = fs::read(environment.path("store/lease/prune.json")).unwrap();
    let lease: serde_json::Value = serde_json::from_slice(&lease).unwrap();
    insta::assert_snapshot!(told.stderr.replace(lease["host"].as_str().unwrap(), "$HOST"), @r"
    disk: 3 snapshots of other plans or sources in this store left alone
    warning: tier `disk` was not pruned: `$HOST` is pruning or repairing this store, or died doing so: nobody else may until 2026-11-24T12:30:00Z; try again later
    error: `$HOST` is pruning or repairing this store, or died doing so: nobody else may until 2026-11-24T12:30:00Z; try again later
    ");
    prune.kill().unwrap();
    prune.wait().unwrap();

    let left: Vec<_> = files_below(&environment.path("state/plan/.leases"));
    assert_eq!(left.len(), 1, "{left:?}");
    copy_folder(&environment.path("state"), &environment.path("clone"));
    for elsewhere in ["another", "clone"] {
        environment.set_variable("XDG_STATE_HOME", environment.path(elsewhere).to_str().unwrap());
        environment.run(&["prune", &two]).expect_code(TRY_LATER);
        environment.remove_variable("XDG_STATE_HOME");
    }
    assert_eq!(count(&environment, &two, "two"), 3);

    environment.ok(&["prune", &two]);
    assert_eq!(count(&environment, &two, "two"), 1);
    environment.ok(&["prune", &one]);
    assert_eq!(count(&environment, &one, "one"), 1);
    assert_eq!(files_below(&environment.path("state/plan/.leases")).len(), 0);
    for plan in [&one, &two] {
        environment.ok(&["verify", plan]);
    }
}

#[test]
fn a_prune_that_goes_on_after_another_one_was_refused_ends_well() {
    let environment = TestEnvironment::new();
    let [one, two] = two_forgetful_plans(&environment);
    let mut prune = stopped_in_the_middle(&environment, &one);
    environment.run(&["prune", &two]).expect_code(TRY_LATER);
    kill_process(Pid::from_child(&prune), Signal::CONT).unwrap();
    assert!(prune.wait().unwrap().success());
    assert_eq!((count(&environment, &one, "one"), count(&environment, &two, "two")), (1, 3));
    environment.ok(&["prune", &two]);
}

#[test]
fn a_run_forgets_what_a_killed_prune_was_to_forget() {
    let environment = TestEnvironment::new();
    let [one, _] = two_forgetful_plans(&environment);
    let mut prune = stopped_in_the_middle(&environment, &one);
    prune.kill().unwrap();
    prune.wait().unwrap();
    let one = plan(&environment, "one", "one", "last=1");
    let told = environment.ok(&["run", &one, "--now"]);
    assert!(!told.stdout.contains("left to the next run"), "{told}");
    assert_eq!(count(&environment, &one, "one"), 1);
}
