//! The lock: written beside a plan, compared by `check`, the difference told in words.

use crate::support::TestEnvironment;
use std::fs;

const PLAN: &str = r#"plan notes {
    key mine { recipient age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7 }
    source notes { base "notes"; expect size="1GB" change="10MB" }
    tier cloud {
        store s3 { bucket notes; region us-east-1; secret_access_key "hunter2-and-more" }
        encrypt mine
        take notes schedule="0 2 * * *"
        keep daily=30
        verify checksum
    }
}
"#;

fn with_lock() -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.write("plans/notes.kdl", PLAN);
    insta::assert_snapshot!("lock_is_written", environment.ok(&["lock", "plans/notes.kdl"]).to_string());
    environment
}

#[test]
fn a_lock_says_what_the_plan_compiles_to_and_no_secret() {
    let environment = with_lock();
    let lock = fs::read_to_string(environment.work("plans/notes.lock")).unwrap();
    assert!(!lock.contains("hunter2"), "{lock}");
    insta::assert_snapshot!("lock", lock);
    // Neither the clock nor the place is in it.
    environment.set_time("2029-02-03T04:05:06Z");
    environment.write("elsewhere/notes.kdl", PLAN);
    environment.ok(&["lock", "elsewhere/notes.kdl"]);
    assert_eq!(fs::read_to_string(environment.work("elsewhere/notes.lock")).unwrap(), lock);
    let again = environment.ok(&["lock"]);
    assert_eq!(again.stdout, "`plans/notes.lock` is up to date\n");
}

#[test]
fn check_passes_beside_its_lock_and_fails_when_the_plan_has_changed() {
    let environment = with_lock();
    environment.ok(&["check", "plans/notes.kdl"]);
    environment.ok(&["lock", "--check"]);
    // What a command line allows changes nothing of what the lock says.
    environment.ok(&["check", "plans/notes.kdl", "--allow", "plan::secret", "--allow", "plan::security"]);
    environment.write("plans/notes.kdl", PLAN.replace("daily=30", "daily=7"));
    insta::assert_snapshot!(
        "check_tells_the_difference",
        environment.run(&["check", "--allow", "plan::security"]).expect_code(65).to_string()
    );
    insta::assert_snapshot!(
        "lock_check_tells_the_difference",
        environment.run(&["lock", "--check"]).expect_code(1).to_string()
    );
    insta::assert_snapshot!(
        "diff_lock",
        environment.run(&["diff", "--lock", "--detailed-exitcode"]).expect_code(2).to_string()
    );
    let document = environment.run(&["lock", "--check", "--json"]).expect_code(1).json();
    let change = &document["locks"][0];
    assert_eq!((&change["found"], &change["file"]), (&"changed".into(), &"plans/notes.lock".into()));
    assert!(change["changes"][0].as_str().unwrap().contains("23 snapshots expire"), "{document}");
    // Errors in place of other words: `--check` writes nothing, and without it all is well again.
    insta::assert_snapshot!("lock_is_written_anew", environment.ok(&["lock"]).to_string());
    environment.ok(&["check"]);
    environment.ok(&["diff", "--lock", "--detailed-exitcode"]);
}

#[test]
fn a_missing_lock_fails_only_where_it_is_asked_for() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", PLAN);
    environment.ok(&["check"]);
    insta::assert_snapshot!("lock_is_missing", environment.run(&["lock", "--check"]).expect_code(1).to_string());
    insta::assert_snapshot!("diff_without_lock", environment.run(&["diff", "--lock"]).expect_code(1).to_string());
    assert!(!environment.work("plan.lock").exists());
    environment.write("plan.kdl", PLAN.replace("keep", "kep"));
    environment.run(&["lock"]).expect_code(65);
    assert!(!environment.work("plan.lock").exists());
}

#[test]
fn a_lock_that_cannot_be_read_is_told_of() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", PLAN);
    fs::create_dir(environment.work("plan.lock")).unwrap();
    let checked = environment.run(&["check"]).expect_code(65);
    assert!(checked.stdout.contains("cannot read the lock `plan.lock`"), "{checked}");
}

#[test]
fn a_run_warns_where_the_plan_is_not_what_its_lock_says() {
    let backup = crate::support::Backup::plain("");
    crate::support::trees::put(&backup.source(), "file", "text");
    backup.environment.ok(&["lock"]);
    assert!(!backup.run().expect_code(0).stderr.contains("lock"));
    backup.edit_plan("encrypt none", "encrypt none; keep last=3");
    let told = backup.run().expect_code(0);
    insta::assert_snapshot!(
        told.stderr.lines().next().unwrap(),
        @"warning: the plan compiles to something else than `plan.lock` says; `plan check plan.kdl` tells how"
    );
    assert_eq!(told.stderr.matches("warning").count(), 1, "{told}");
    let events = backup.environment.ok(&["run", "--now", "--json"]).json_lines();
    assert_eq!((&events[0]["type"], &events[0]["severity"]), (&"problem".into(), &"warning".into()), "{}", events[0]);
    // Where nothing is done there is nothing to warn of: a crontab asks every ten minutes.
    assert_eq!(backup.environment.ok(&["run"]).stderr, "");
}
