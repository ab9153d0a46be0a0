//! Names that are no text: a snapshot holds them byte for byte, and so must what
//! asks for them and what tells of them.

use crate::support::{Backup, trees};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// `café` in Latin-1, and what a lossy reading makes of it.
const NAME: &[u8] = b"caf\xe9.txt";
const BASE64: &str = "Y2Fm6S50eHQ=";

fn backup() -> Backup {
    let backup = Backup::plain("");
    fs::write(backup.source().join(OsStr::from_bytes(NAME)), "latin").unwrap();
    trees::put(&backup.source(), "caf\u{fffd}.txt", "what a lossy reading would find");
    backup.snapshot();
    backup
}

fn words(words: &[&str], name: &[u8]) -> Vec<OsString> {
    words.iter().map(OsString::from).chain([OsStr::from_bytes(name).to_owned()]).collect()
}

#[test]
fn a_name_that_is_not_utf_8_is_found_by_its_bytes() {
    let backup = backup();
    let environment = &backup.environment;
    assert_eq!(environment.ok(&words(&["cat", "latest"], NAME)).stdout, "latin");
    let whole = [backup.source().as_os_str().as_bytes(), b"/", NAME].concat();
    assert_eq!(environment.ok(&words(&["cat", "latest"], &whole)).stdout, "latin");
    assert_eq!(environment.ok(&words(&["ls", "latest"], NAME)).stdout.lines().count(), 1);
    assert_eq!(environment.ok(&words(&["find"], NAME)).stdout.lines().count(), 2, "a heading and the file");
    fs::create_dir_all(backup.source().join("deep/er")).unwrap();
    fs::write(backup.source().join("deep/er").join(OsStr::from_bytes(NAME)), "below").unwrap();
    backup.snapshot();
    assert_eq!(
        environment.ok(&words(&["find"], NAME)).stdout.lines().count(),
        3,
        "a bare name is found in every folder"
    );
    environment.ok(&words(&["restore", "--to", "back"], NAME));
    let back = environment.work("back");
    assert_eq!(fs::read(back.join(OsStr::from_bytes(NAME))).unwrap(), b"latin");
    assert_eq!(fs::read_dir(&back).unwrap().count(), 1, "nothing but what was named");
    let unknown = environment.run(&words(&["cat", "latest"], b"th\xe9.txt")).expect_code(1);
    assert!(unknown.stderr.contains("there is no `th\u{fffd}.txt` in the snapshot"), "{unknown}");
}

#[test]
fn json_gives_the_bytes_of_a_name_that_is_not_utf_8() {
    let backup = backup();
    let environment = &backup.environment;
    let listed = environment.json(&words(&["ls", "--json", "latest"], NAME));
    let entry = &listed["snapshots"][0]["entries"][0];
    assert_eq!((entry["path"].as_str(), entry["path_base64"].as_str()), (Some("caf\u{fffd}.txt"), Some(BASE64)));
    let found = environment.json(&words(&["find", "--json"], NAME));
    assert_eq!(found["found"][0]["path_base64"], BASE64);
    let preview = environment.json(&words(&["restore", "--json", "--dry-run", "--to", "back"], NAME));
    assert_eq!(preview["restores"][0]["paths"][0]["path_base64"], BASE64);
    // A name that is text has no need of it.
    let text = environment.json(&["ls", "--json", "latest", "caf\u{fffd}.txt"]);
    assert_eq!(text["snapshots"][0]["entries"][0].get("path_base64"), None);
}
