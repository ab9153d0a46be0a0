//! What is no input says what to do.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn files_that_are_no_input_are_refused_with_what_to_do() {
    let environment = TestEnvironment::new();
    environment.write("empty.sh", "\n \n");
    environment.write("binary", b"\x7fELF\x02\x01\x00\xff");
    environment.write("letter.txt", "Dear Sir,\nplease back up.\n");
    environment.write("nothing.sh", "#!/bin/sh\necho hello\n");
    environment.write("large.sh", "#".repeat((4 << 20) + 1));
    environment.write("folder/x", "");
    let mut shown = String::new();
    for file in ["empty.sh", "binary", "letter.txt", "nothing.sh", "large.sh", "folder", "absent"] {
        let outcome = environment.run(&["import", file]).expect_code(64);
        shown += &format!("{}\n", outcome.stderr);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_plan_that_exists_is_overwritten_only_when_that_is_said() {
    let environment = TestEnvironment::new();
    environment.write("backup.sh", "#!/bin/sh\ntar czf /backup/etc.tgz /etc\n");
    environment.ok(&["import", "backup.sh", "-o", "plans/server.kdl"]);
    let first = fs::read_to_string(environment.work("plans/server.kdl")).unwrap();
    assert!(first.contains("plan server {"), "the plan is called after its file");
    environment.write("plans/server.kdl", "mine");
    let refused = environment.run(&["import", "backup.sh", "-o", "plans/server.kdl"]).expect_code(1);
    insta::assert_snapshot!(refused.stderr, @r"
    error: `plans/server.kdl` exists already
      help: choose another name, or overwrite it with `--force`
    ");
    assert_eq!(fs::read_to_string(environment.work("plans/server.kdl")).unwrap(), "mine");
    environment.ok(&["import", "backup.sh", "-o", "plans/server.kdl", "--force"]);
    assert_eq!(fs::read_to_string(environment.work("plans/server.kdl")).unwrap(), first);
    let left: Vec<_> = fs::read_dir(environment.work("plans")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing temporary is left");
}

#[test]
fn a_plan_that_is_overwritten_keeps_its_mode_and_its_place_behind_a_link() {
    let environment = TestEnvironment::new();
    environment.write("backup.sh", "#!/bin/sh\ntar czf /backup/etc.tgz /etc\n");
    let plan = environment.write("shared/server.kdl", "mine");
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("shared/server.kdl", environment.work("linked.kdl")).unwrap();
    environment.ok(&["import", "backup.sh", "-o", "linked.kdl", "--force"]);
    assert!(environment.work("linked.kdl").is_symlink());
    assert!(fs::read_to_string(&plan).unwrap().contains("plan linked {"));
    assert_eq!(fs::metadata(&plan).unwrap().permissions().mode() & 0o777, 0o640);
    // A link that leads nowhere is in the way like any other file.
    symlink("nowhere", environment.work("dangling.kdl")).unwrap();
    environment.run(&["import", "backup.sh", "-o", "dangling.kdl"]).expect_code(1);
    environment.ok(&["import", "backup.sh", "-o", "dangling.kdl", "--force"]);
}
