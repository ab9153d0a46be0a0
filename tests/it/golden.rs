//! Repositories of format version 1 as they were written once: whatever the
//! program becomes, it and `restore.py` must bring them back.
//!
//! `tests/golden/v1/` is frozen: `plain/` and `encrypted/` each hold two
//! incremental snapshots of [`golden_tree`], `identity.txt` is a throw-away key.

use crate::support::trees::{put, set_mtime};
use crate::support::{Backup, Comparison, TreePrint, files_below, have};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Owners are those of whoever made the repositories.
const COMPARISON: Comparison = Comparison { owners: false, ..Comparison::ALL };

/// What the first (0) and the second snapshot (1) hold.
fn golden_tree(root: &Path, step: u8) {
    build(root);
    if step == 1 {
        change(root);
    }
}

/// Large enough for several chunks, and small once compressed.
fn lines() -> String {
    (0..60_000u32).map(|line| format!("line {:06}\n", line / 50)).collect::<String>().repeat(8)
}

fn build(root: &Path) {
    for file in 0..60u8 {
        put(root, format!("many/{file}"), [b'a' + file % 26]);
    }
    put(root, "a.b", "sorts after what is in `a`");
    put(root, "a/hello.txt", "hello\n");
    put(root, "empty", "");
    put(root, "large", lines());
    put(root, OsStr::from_bytes(b"odd \xff\n name"), "odd");
    fs::hard_link(root.join("a/hello.txt"), root.join("a/twin")).expect("hard links work");
    symlink("a/hello.txt", root.join("link")).expect("symlinks work");
    let sparse = File::create(root.join("sparse")).expect("the file can be made");
    sparse.set_len(3 << 20).expect("the size can be set");
    sparse.write_all_at(b"in the middle", 1 << 20).expect("there is room");
    xattr::set(root.join("empty"), "user.note", b"a=b\0").expect("the file system has extended attributes");
    let mut paths = files_below(root);
    paths.extend(["a", "many", ""].map(PathBuf::from));
    for path in paths {
        settle(&root.join(path), 1_700_000_000);
    }
}

fn change(root: &Path) {
    fs::remove_file(root.join("a.b")).expect("it is there");
    put(root, "large", lines() + "a line more\n");
    put(root, "a/hello.txt", "good bye\n");
    put(root, "new/file", "new");
    for path in ["large", "a/hello.txt", "new/file", "new", ""] {
        settle(&root.join(path), 1_700_003_600);
    }
}

/// Gives a path the attributes that the frozen repositories have, whatever the umask.
fn settle(path: &Path, seconds: i64) {
    if !path.is_symlink() {
        let mode = if path.is_dir() { 0o750 } else { 0o640 };
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
    }
    set_mtime(path, seconds, 123_456_789);
}

/// A backup whose store is a copy of a golden repository.
fn with_store(name: &str) -> Backup {
    let backup = if name == "plain" { Backup::plain("") } else { Backup::new() };
    if let Some(identity) = backup.identity() {
        let text = fs::read_to_string(golden().join("identity.txt")).expect("the key was kept");
        backup.edit_plan(&recipient(&fs::read_to_string(identity).expect("it was made")), &recipient(&text));
        fs::write(identity, text).expect("the key can be written");
    }
    let copied = Command::new("cp").arg("-r").arg(golden().join(name)).arg(backup.store()).status();
    assert!(copied.expect("cp runs").success());
    backup
}

fn recipient(identity: &str) -> String {
    let line = identity.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.expect("age-keygen writes the public key as a comment").to_owned()
}

fn assert_is_step(found: &Path, step: u8) {
    let expected = tempfile::tempdir().expect("a temporary folder");
    golden_tree(expected.path(), step);
    TreePrint::of(expected.path()).assert_is(found, COMPARISON);
}

#[test]
fn the_program_restores_and_verifies_the_frozen_repositories() {
    for name in ["plain", "encrypted"] {
        let backup = with_store(name);
        let snapshots = backup.snapshots();
        assert_eq!(snapshots.len(), 2, "{name}");
        for (step, snapshot) in (0..).zip(&snapshots) {
            assert_is_step(&backup.restore(snapshot), step);
        }
        backup.environment.ok(&["verify", "--level", "contents"]);
    }
}

#[test]
fn the_script_restores_the_frozen_repositories() {
    if !["age", "zstd", "python3"].into_iter().all(have) {
        return;
    }
    for name in ["plain", "encrypted"] {
        let backup = with_store(name);
        for (step, snapshot) in (0..).zip(["20300101T09", "20300101T10"]) {
            let target = backup.environment.path(format!("by script {step}"));
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/restore.py");
            let mut command = Command::new("python3");
            command.arg(script).arg("--store").arg(backup.store()).args(["--snapshot", snapshot]);
            command.args(backup.identity().iter().flat_map(|path| [OsStr::new("--identity"), path.as_os_str()]));
            let output = command.arg("--to").arg(&target).output().expect("python3 runs");
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            assert_is_step(&target, step);
        }
    }
}

/// The one manifest block of the second layer, decompressed.
fn last_layer() -> Vec<u8> {
    let folder = golden().join("plain/trees/files");
    let layer = files_below(&folder).pop().expect("each run wrote a layer");
    zstd::stream::decode_all(File::open(folder.join(layer)).expect("it is there")).expect("it is zstd")
}

/// As the specification prints bytes: sixteen a line.
fn hex(bytes: &[u8]) -> String {
    let line = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(|part| line(part) + "\n").collect()
}

#[test]
fn the_example_in_the_specification_is_the_frozen_manifest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/archive-v1.md");
    let text = fs::read_to_string(path).expect("the specification is there");
    let expected = hex(&last_layer());
    assert!(text.contains(&format!("```text\n{expected}```\n")), "the specification lacks this example:\n{expected}");
}

/// Made once; a change of the format is a new version beside it.
#[test]
#[ignore = "writes tests/golden/v1, which is frozen"]
fn make_the_golden_repositories() {
    for (name, backup) in [("plain", Backup::plain("")), ("encrypted", Backup::new())] {
        assert!(!golden().join(name).exists(), "the golden repositories are frozen");
        backup.environment.set_variable("PLAN_HOST", "golden");
        // Later than all changes are, or every file would be read again.
        backup.environment.set_time("2030-01-01T09:00:00Z");
        build(&backup.source());
        backup.snapshot();
        change(&backup.source());
        backup.snapshot();
        let copied = Command::new("cp").arg("-r").arg(backup.store()).arg(golden().join(name)).status();
        assert!(copied.expect("cp runs").success());
        for text in ["README.txt", "restore.py"] {
            fs::remove_file(golden().join(name).join(text)).expect("it was copied");
        }
        if let Some(identity) = backup.identity() {
            fs::copy(identity, golden().join("identity.txt")).expect("the key can be kept");
        }
    }
}
