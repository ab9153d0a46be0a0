//! Bringing back exactly what was asked for, and never more than that.

use crate::support::{Backup, Comparison, TreePrint, trees};
use chrono::SecondsFormat;
use std::fs;
use std::path::Path;

fn sample() -> Backup {
    let backup = Backup::new();
    for (path, text) in [
        ("docs/a.txt", "a"),
        ("docs/b.md", "b"),
        ("docs/deep/c.txt", "c"),
        ("src/main.rs", "fn main() {}"),
        ("src/lib.rs", "pub mod x;"),
        ("top.txt", "top"),
    ] {
        trees::put(&backup.source(), path, text);
    }
    backup
}

/// Files below a folder as text, for short assertions.
fn names(root: &Path) -> Vec<String> {
    crate::support::files_below(root).iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_path_brings_back_that_path_only() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    backup.environment.ok(&["restore", "docs/deep", "top.txt", "--to", to.to_str().unwrap()]);
    assert_eq!(names(&to), ["docs/deep/c.txt", "top.txt"]);
}

#[test]
fn a_pattern_brings_back_what_it_matches() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    backup.environment.ok(&["restore", "docs/**/*.txt", "src/*.rs", "--to", to.to_str().unwrap()]);
    assert_eq!(names(&to), ["docs/a.txt", "docs/deep/c.txt", "src/lib.rs", "src/main.rs"]);
}

#[test]
fn a_path_that_no_snapshot_has_is_an_error_that_names_it() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    let failed = backup.environment.run(&["restore", "docs/nothing", "--to", to.to_str().unwrap()]).expect_code(1);
    assert!(failed.stderr.contains("docs/nothing"), "{failed}");
    assert!(names(&to).is_empty());
}

#[test]
fn without_a_target_both_ways_to_name_one_are_told() {
    let told = sample().environment.run(&["restore"]).expect_code(64);
    insta::assert_snapshot!(told, @r"
    exit 64
    --- stderr ---
    error: the following required arguments were not provided:
      <--to <DIR>|--in-place>

    Usage: plan restore <--to <DIR>|--in-place> [PATH]...

    For more information, try '--help'.
    ");
}

#[test]
fn a_time_brings_back_the_last_snapshot_before_it() {
    let backup = sample();
    let mut times = Vec::new();
    for version in 1..=4 {
        fs::write(backup.source().join("top.txt"), format!("version {version}")).unwrap();
        times.push(backup.environment.now());
        backup.snapshot();
    }
    for (index, time) in times.iter().enumerate() {
        let at = (*time + chrono::Duration::minutes(20)).to_rfc3339_opts(SecondsFormat::Secs, true);
        let to = backup.environment.path(format!("out-{index}"));
        backup.environment.ok(&["restore", "top.txt", "--at", &at, "--to", to.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(to.join("top.txt")).unwrap(), format!("version {}", index + 1));
    }
    let before = (times[0] - chrono::Duration::minutes(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let to = backup.environment.path("too early");
    backup.environment.run(&["restore", "--at", &before, "--to", to.to_str().unwrap()]).expect_code(1);
}

#[test]
fn in_place_puts_things_back_where_they_were() {
    let backup = sample();
    let print = TreePrint::of(&backup.source());
    backup.snapshot();
    fs::remove_dir_all(backup.source().join("docs")).unwrap();
    fs::write(backup.source().join("top.txt"), "damaged").unwrap();
    fs::write(backup.source().join("made later"), "stays").unwrap();
    backup.environment.ok(&["restore", "--in-place", "--overwrite", "always"]);
    fs::remove_file(backup.source().join("made later")).expect("restoring deletes nothing");
    print.assert_is(&backup.source(), Comparison { times: true, ..Comparison::ALL });
}

#[test]
fn overwriting_never_is_the_default_and_changed_spares_what_is_equal() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    trees::put(&to, "top.txt", "mine");
    let arguments = ["restore", "--to", to.to_str().unwrap()];
    let kept = backup.environment.run(&arguments);
    assert_eq!(fs::read_to_string(to.join("top.txt")).unwrap(), "mine", "{kept}");
    let told = "left as it is, though it differs from the snapshot: `top.txt`";
    assert!(kept.stderr.contains(told), "it says what it left alone:\n{kept}");
    let again = backup.environment.ok(&arguments);
    assert!(again.stderr.contains(told) && !again.stderr.contains("docs"), "what is the same is not named:\n{again}");
    backup.environment.ok(&[&arguments[..], &["--overwrite", "changed"]].concat());
    assert_eq!(fs::read_to_string(to.join("top.txt")).unwrap(), "top");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    let told = backup.environment.ok(&["restore", "docs", "--dry-run", "--to", to.to_str().unwrap()]);
    for path in ["docs/a.txt", "docs/b.md", "docs/deep/c.txt"] {
        assert!(told.stdout.contains(path), "it lists `{path}`:\n{told}");
    }
    assert!(!told.stdout.contains("top.txt"));
    assert!(!to.exists());
}

#[test]
fn a_file_can_be_printed_and_folders_listed() {
    let backup = sample();
    let id = backup.snapshot();
    assert_eq!(backup.environment.ok(&["cat", "latest", "src/main.rs"]).raw_stdout, b"fn main() {}");
    // A prefix names a snapshot where it is the only one.
    assert_eq!(backup.environment.ok(&["cat", &id[..12], "top.txt"]).raw_stdout, b"top");
    let listed = backup.environment.ok(&["ls", "latest", "docs"]).stdout;
    for name in ["a.txt", "b.md", "deep"] {
        assert!(listed.contains(name), "`{name}` is listed:\n{listed}");
    }
    assert!(!listed.contains("main.rs"));
}

#[test]
fn a_symlink_in_the_target_is_never_followed() {
    let backup = sample();
    backup.snapshot();
    let to = backup.environment.path("out");
    let outside = backup.environment.path("outside");
    fs::create_dir_all(&to).unwrap();
    fs::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, to.join("docs")).unwrap();
    backup.environment.run(&["restore", "--overwrite", "always", "--to", to.to_str().unwrap()]);
    assert!(names(&outside).is_empty(), "nothing is written through the link: {:?}", names(&outside));
}

#[test]
fn one_entry_is_told_in_the_singular() {
    let backup = Backup::plain("");
    trees::put(&backup.source(), "file", "text");
    backup.snapshot();
    let target = backup.environment.path("back");
    let restore = || backup.environment.ok(&["restore", "file", "--to", &target.to_string_lossy()]).stdout;
    let first = restore();
    assert!(first.starts_with("restored 1 entry of `files`, 4 B, to "), "{first}");
    let again = restore();
    assert!(again.starts_with("restored 0 entries of `files`, 0 B, 1 left as it is, to "), "{again}");
}
