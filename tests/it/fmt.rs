//! `plan fmt`: what is written, printed and returned.

use crate::support::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

const CROOKED: &str = "plan  a{\n  // why\n  mode  full ;\n}\n";
const STRAIGHT: &str = "plan a {\n    // why\n    mode full\n}\n";
const BROKEN: &str = "plan a {\n  one-file-system true\n}\n";

fn folder() -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.write("plans/crooked.kdl", CROOKED);
    environment.write("plans/straight.kdl", STRAIGHT);
    environment
}

#[test]
fn files_are_rewritten_in_place_with_their_mode_and_through_links() {
    let environment = folder();
    let crooked = environment.work("plans/crooked.kdl");
    fs::set_permissions(&crooked, Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(environment.work("elsewhere")).unwrap();
    fs::rename(&crooked, environment.work("elsewhere/real.kdl")).unwrap();
    symlink("../elsewhere/real.kdl", &crooked).unwrap();
    insta::assert_snapshot!(environment.ok(&["fmt"]), @r#"
    exit 0
    --- stderr ---
    formatted `plans/crooked.kdl`
    "#);
    assert!(crooked.is_symlink());
    assert_eq!(fs::read_to_string(&crooked).unwrap(), STRAIGHT);
    assert_eq!(fs::metadata(&crooked).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir(environment.work("elsewhere")).unwrap().count(), 1, "no other file is left");
    insta::assert_snapshot!(environment.ok(&["fmt", "plans"]), @r#"
    exit 0
    --- stderr ---
    nothing to change in 2 files
    "#);
}

#[test]
fn check_and_diff_tell_and_change_nothing() {
    let environment = folder();
    insta::assert_snapshot!(environment.run(&["fmt", "--check", "plans"]), @r#"
    exit 1
    --- stdout ---
    plans/crooked.kdl
    --- stderr ---
    1 file would change: `plan fmt` formats it
    "#);
    insta::assert_snapshot!(environment.run(&["fmt", "--diff", "plans"]), @r#"
    exit 0
    --- stdout ---
    --- plans/crooked.kdl
    +++ plans/crooked.kdl
    @@ -1,4 +1,4 @@
    -plan  a{
    -  // why
    -  mode  full ;
    +plan a {
    +    // why
    +    mode full
     }
    --- stderr ---
    1 file would change: `plan fmt` formats it
    "#);
    environment.run(&["fmt", "--diff", "--check", "plans"]).expect_code(1);
    environment.run(&["fmt", "--check", "plans/straight.kdl"]).expect_code(0);
    let json = environment.run(&["fmt", "--check", "--json"]).expect_code(1).json();
    assert_eq!(
        json["files"],
        serde_json::json!([
            { "file": "plans/crooked.kdl", "result": "would-change" },
            { "file": "plans/straight.kdl", "result": "unchanged" },
        ])
    );
    assert_eq!(fs::read_to_string(environment.work("plans/crooked.kdl")).unwrap(), CROOKED);
}

#[test]
fn a_file_with_an_error_is_left_alone_and_the_others_are_formatted() {
    let environment = folder();
    environment.write("plans/broken.kdl", BROKEN);
    insta::assert_snapshot!(environment.run(&["fmt", "plans", "missing.kdl"]), @r#"
    exit 65
    --- stderr ---
    error[plan::syntax::kdl1]

      × `true` is written `#true` in KDL 2
       ╭─[plans/broken.kdl:2:19]
     1 │ plan a {
     2 │   one-file-system true
       ·                   ──┬─
       ·                     ╰── KDL 1
     3 │ }
       ╰────
      help: write `#true`, or `"true"` if it is a text

    `plans/broken.kdl` is left as it is: it has errors
      help: `plan check --fix plans/broken.kdl` makes the fixes that are mechanical
    formatted `plans/crooked.kdl`
    error: cannot read the plan `missing.kdl`
      because: No such file or directory (os error 2)
    "#);
    assert_eq!(fs::read_to_string(environment.work("plans/broken.kdl")).unwrap(), BROKEN);
    assert_eq!(fs::read_to_string(environment.work("plans/crooked.kdl")).unwrap(), STRAIGHT);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let environment = TestEnvironment::new();
    let run = |arguments: &[&str], input: &str| {
        let output = environment.command(arguments).write_stdin(input).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&["fmt", "-"], CROOKED), (Some(0), STRAIGHT.to_owned(), String::new()));
    assert_eq!(run(&["fmt", "-"], STRAIGHT), (Some(0), STRAIGHT.to_owned(), String::new()));
    let (code, stdout, _) = run(&["fmt", "-", "--check", "--stdin-filename", "a/b.kdl"], CROOKED);
    assert_eq!((code, &*stdout), (Some(1), "a/b.kdl\n"));
    let (code, stdout, stderr) = run(&["fmt", "-", "--stdin-filename", "a/b.kdl"], BROKEN);
    assert_eq!((code, &*stdout), (Some(65), ""));
    assert!(stderr.contains("a/b.kdl:2:19"), "{stderr}");
}
