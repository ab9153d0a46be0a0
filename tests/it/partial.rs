//! What cannot be read does not stop the rest: the run is partial, says which
//! paths are missing, and saves everything else.

use crate::support::{Backup, Comparison, assert_same_tree, trees};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;
use std::process::Command;

const PARTIAL: i32 = 3;

/// A user who may not read everything.
const NOBODY: u32 = 65534;

#[test]
fn unreadable_files_make_the_run_partial_and_are_listed() {
    let backup = Backup::new();
    trees::put(&backup.source(), "readable/a", "kept");
    trees::put(&backup.source(), "secret/b", "not for nobody");
    trees::put(&backup.source(), "a secret file", "not for nobody either");
    let output = run_as_nobody(&backup, &["secret", "a secret file"]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(PARTIAL), "{text}");
    for path in ["secret", "a secret file"] {
        assert!(text.contains(path), "it lists `{path}`:\n{text}");
    }
    let ids = backup.snapshots();
    assert_eq!(ids.len(), 1, "there is a snapshot all the same");
    let restored = backup.restore(&ids[0]);
    let no_owners = Comparison { owners: false, ..Comparison::ALL };
    assert_same_tree(&backup.source().join("readable"), &restored.join("readable"), no_owners);
    assert!(!restored.join("a secret file").exists());
}

#[test]
fn json_gives_the_bytes_of_an_unreadable_path_that_is_not_utf_8() {
    const BASE64: &str = "Y2Fm6Q==";
    let backup = Backup::plain("");
    trees::put(&backup.source(), "readable", "kept");
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(backup.source().join(name)).unwrap();
    let printed = |arguments: &[&str]| {
        let output = as_nobody(&backup, arguments, &[Path::new(name)]);
        let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>();
        let documents: Vec<Value> = documents.expect("it prints JSON");
        documents
    };
    let found = printed(&["diff", "--json"]);
    let unreadable = &found[0]["jobs"][0]["unreadable"][0];
    assert_eq!((&unreadable["path"], &unreadable["path_base64"]), (&json!("caf\u{fffd}"), &json!(BASE64)), "{found:?}");
    let events = printed(&["run", "--now", "--json"]);
    let of_type = |name: &str| events.iter().find(|event| event["type"] == name).expect("there is one");
    assert_eq!(of_type("problem")["path_base64"], BASE64);
    assert_eq!(of_type("job_finished")["unreadable"]["paths"][0]["path_base64"], BASE64);
}

fn run_as_nobody(backup: &Backup, hidden: &[&str]) -> std::process::Output {
    let hidden: Vec<&Path> = hidden.iter().map(Path::new).collect();
    as_nobody(backup, &["run", "--now"], &hidden)
}

/// Runs the program as a user who may read all of the source but `hidden`.
fn as_nobody(backup: &Backup, arguments: &[&str], hidden: &[&Path]) -> std::process::Output {
    let root = backup.environment.path("");
    for path in hidden {
        fs::set_permissions(backup.source().join(path), fs::Permissions::from_mode(0o000))
            .expect("the mode can be set");
    }
    if !rustix::process::geteuid().is_root() {
        let output = backup.environment.std_command(arguments).output();
        return output.expect("the program starts");
    }
    give_to_nobody(&root);
    for path in hidden {
        lchown(backup.source().join(path), Some(0), Some(0)).expect("root can give files away");
    }
    // The build folder may lie where nobody may look.
    let program = root.join("plan");
    fs::copy(assert_cmd::cargo::cargo_bin!("plan"), &program).expect("the program can be copied");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    let prepared = backup.environment.std_command(arguments);
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.arg(program).args(prepared.get_args()).env_clear().current_dir(root.join("work"));
    command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().expect("setpriv runs")
}

fn give_to_nobody(root: &Path) {
    lchown(root, Some(NOBODY), Some(NOBODY)).expect("root can give files away");
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("root can read it").flatten() {
            lchown(entry.path(), Some(NOBODY), Some(NOBODY)).expect("root can give files away");
            if entry.file_type().expect("it has a kind").is_dir() {
                folders.push(entry.path());
            }
        }
    }
}

#[test]
fn a_source_that_does_not_exist_is_a_failure_not_an_empty_snapshot() {
    let backup = Backup::new();
    fs::remove_dir(backup.source()).unwrap();
    let failed = backup.run().expect_code(1);
    assert!(failed.stderr.contains("$ROOT/source") || failed.stdout.contains("$ROOT/source"), "it is named:\n{failed}");
    assert!(backup.snapshots().is_empty());
}

#[test]
fn an_include_that_does_not_exist_is_listed_and_the_rest_is_saved() {
    let backup = Backup::new();
    trees::put(&backup.source(), "there", "kept");
    let base = format!("base {:?}", backup.source());
    backup.edit_plan(&base, &format!("{base}; include there missing"));
    let partial = backup.run().expect_code(PARTIAL);
    assert!(format!("{partial}").contains("missing"), "it lists the path:\n{partial}");
    assert!(backup.restore(&backup.snapshots()[0]).join("there").exists());
}

#[test]
fn sockets_are_left_out_without_making_the_run_partial() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "kept");
    trees::add_socket(&backup.source());
    let id = backup.snapshot();
    let restored = backup.restore(&id);
    assert!(restored.join("file").exists());
    assert!(!restored.join("socket").exists());
}

#[test]
fn a_failing_before_hook_fails_the_source_and_says_so() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "kept");
    let base = format!("base {:?}", backup.source());
    backup.edit_plan(&base, &format!("{base}; before sh \"-c\" \"echo the database is away >&2; exit 9\""));
    let failed = backup.run().expect_code(1);
    assert!(format!("{failed}").contains("the database is away"), "what the hook said is shown:\n{failed}");
    // There is not even a repository.
    backup.environment.run(&["list"]).expect_code(10);
}

#[test]
fn a_command_source_that_fails_makes_no_snapshot() {
    let backup = Backup::new();
    let base = format!("base {:?}", backup.source());
    backup.edit_plan(&base, "command sh \"-c\" \"echo half a dump; exit 3\" { stdout \"dump.sql\" }");
    backup.run().expect_code(1);
    assert!(backup.snapshots().is_empty());
    backup.edit_plan("echo half a dump; exit 3", "echo a whole dump");
    let id = backup.snapshot();
    assert_eq!(fs::read(backup.restore(&id).join("dump.sql")).unwrap(), b"a whole dump\n");
}
