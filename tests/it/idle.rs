//! Plans and tiers to which nothing is ever backed up: verbs say so instead of succeeding, or of missing a repository.

use crate::support::{Backup, TestEnvironment, trees};

const ACTING: [&[&str]; 12] = [
    &["run"],
    &["run", "--now"],
    &["run", "--dry-run"],
    &["diff"],
    &["list"],
    &["ls", "latest"],
    &["find", "x"],
    &["cat", "latest", "x"],
    &["restore", "--to", "x"],
    &["verify"],
    &["prune"],
    &["repair"],
];

#[test]
fn a_plan_that_backs_up_nothing_is_refused_by_each_verb_that_acts_on_backups() {
    for (plan, message) in [
        ("source data { include \"/srv\" }", "the plan `x` has no tier, so it backs up nothing"),
        ("tier t { store fs { root \"/b\" } }", "the plan `x` has no source, so it backs up nothing"),
        (
            "source data { include \"/srv\" }\ntier t { store fs { root \"/b\" } }",
            "tier `t` takes no source, so nothing is backed up to it",
        ),
    ] {
        let environment = TestEnvironment::new();
        environment.write("plan.kdl", format!("plan x {{\n{plan}\n}}\n"));
        for arguments in ACTING.iter().chain(&[&["lock"][..], &["lock", "--check"]]) {
            let told = environment.run(arguments).expect_code(65);
            assert!(told.stderr.starts_with(&format!("error: {message}\n  help: add ")), "{arguments:?}\n{told}");
        }
        assert!(!environment.work("plan.lock").exists() && !environment.path("state/plan").exists());
        environment.ok(&["check"]);
        environment.ok(&["show"]);
    }
}

#[test]
fn of_a_tier_that_takes_nothing_only_the_others_are_used() {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "file", "text");
    backup.edit_plan("    tier disk {", "    tier spare { store fs { root \"/nowhere\" } }\n    tier disk {");
    backup.snapshot();
    backup.environment.ok(&["verify"]);
    for arguments in [&["run", "--now", "--tier", "spare"][..], &["list", "--tier", "spare"]] {
        let told = backup.environment.run(arguments).expect_code(65);
        insta::allow_duplicates! {
            insta::assert_snapshot!(told.stderr, @"
            error: tier `spare` takes no source, so nothing is backed up to it
              help: add `take SOURCE…` to it
            ");
        }
    }
}

#[test]
fn a_source_that_no_chosen_tier_takes_is_no_success() {
    let backup = Backup::plain("");
    backup.edit_plan("    tier disk {", "    source other { include \"/srv\" }\n    tier disk {");
    let told = backup.environment.run(&["run", "--now", "--source", "other"]).expect_code(64);
    insta::assert_snapshot!(told.stderr, @"
    error: no tier that is meant takes `other`
      help: `plan show` lists which tier takes what
    ");
}

#[test]
fn a_tier_that_copies_all_of_another_one_is_listed_verified_restored_and_pruned() {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "file", "text");
    let second = backup.environment.path("second");
    backup.edit_plan(
        "    tier disk {",
        &format!(
            "    tier copy {{\n        store fs {{ root {second:?} }}\n        from disk\n    }}\n    tier disk {{"
        ),
    );
    let said = backup.environment.run(&["check"]).stdout;
    assert!(!said.contains("takes no source") && !said.contains("`files` has no schedule in tier `copy`"), "{said}");
    backup.environment.ok(&["run", "--now"]);
    let listed = backup.environment.json(&["list", "--tier", "copy", "--json"]);
    assert_eq!(listed["snapshots"].as_array().map(Vec::len), Some(1), "{listed}");
    for arguments in [&["verify"][..], &["prune"], &["restore", "--to", "restored"]] {
        backup.environment.ok(&[arguments, &["--tier", "copy"]].concat());
    }
}
