use super::super::{FileKind, Metadata, display_path, tree_order};
use super::*;
use ignore::gitignore::GitignoreBuilder;
use proptest::prelude::*;
use rustix::fs::{CWD, Mode, mkdirat, openat};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// A tree made of paths; those that end in `/` are folders.
fn tree(paths: &[&str]) -> TempDir {
    let base = tempfile::tempdir().unwrap();
    for path in paths {
        let full = base.path().join(path.trim_end_matches('/'));
        if path.ends_with('/') {
            fs::create_dir_all(full).unwrap();
        } else {
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, path).unwrap();
        }
    }
    base
}

fn options(base: &TempDir) -> WalkOptions {
    WalkOptions { threads: 2, ..WalkOptions::new(base.path()) }
}

/// The paths shown, and problems as `! message`.
fn walked(options: &WalkOptions) -> Vec<String> {
    let shown = |item: Result<WalkEntry, WalkProblem>| match item {
        Ok(entry) => display_path(&entry.path),
        Err(problem) => format!("! {problem}"),
    };
    Walk::new(options).unwrap().map(shown).collect()
}

/// Every entry below `folder`, by the plainest means.
fn naive(base: &Path) -> Vec<Vec<u8>> {
    fn visit(folder: &Path, path: &[u8], found: &mut Vec<Vec<u8>>) {
        found.push(path.to_vec());
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let mut below = path.to_vec();
            if !below.is_empty() {
                below.push(b'/');
            }
            below.extend_from_slice(entry.file_name().as_bytes());
            if entry.file_type().unwrap().is_dir() {
                visit(&entry.path(), &below, found);
            } else {
                found.push(below);
            }
        }
    }
    let mut found = Vec::new();
    visit(base, b"", &mut found);
    found.sort_by(|a, b| tree_order(a, b));
    found
}

#[test]
fn the_base_and_all_below_it_come_in_tree_order() {
    let base = tree(&["b", "a/x", "a.b", "a/y/z", "a-", "empty/"]);
    assert_eq!(walked(&options(&base)), [".", "a", "a/x", "a/y", "a/y/z", "a-", "a.b", "b", "empty"]);
}

#[test]
fn excluded_entries_and_what_is_below_them_are_left_out_unless_taken_in_again() {
    let base = tree(&["logs/a.log", "logs/keep.log", "logs/old/b.txt", "x.tmp", "cache/data", "sub/x.tmp", "sub/y"]);
    let options = WalkOptions {
        exclude: ["*.log", "!keep.log", "*.tmp", "/cache/", "!cache/data", "old"].map(str::to_owned).to_vec(),
        ..options(&base)
    };
    assert_eq!(walked(&options), [".", "logs", "logs/keep.log", "sub", "sub/y"]);
}

#[test]
fn excludes_that_match_nothing_are_told() {
    let base = tree(&["a/x.log", "a/y", "b.tmp"]);
    let exclude = ["*.log", "!keep.log", "# a comment", "", "*.tmp ", "/y", "/a/", "a/y"];
    let options = WalkOptions { exclude: exclude.map(str::to_owned).to_vec(), ..options(&base) };
    let mut walk = Walk::new(&options).unwrap();
    assert_eq!(walk.by_ref().count(), 1);
    assert_eq!(walk.idle_excludes(), ["!keep.log", "*.log", "/y", "a/y"]);
}

#[test]
fn includes_bring_their_folders_with_them_and_patterns_are_expanded() {
    let base = tree(&["a/b/c", "a/b/d", "a/e", "f/1.conf", "f/2.conf", "f/3.txt", "g/deep/er/4.conf", "h"]);
    let include = |include: &[&str]| {
        let include = include.iter().map(|&include| include.to_owned()).collect();
        walked(&WalkOptions { include, ..options(&base) })
    };
    assert_eq!(include(&["a/b", "f/*.conf"]), ["a", "a/b", "a/b/c", "a/b/d", "f", "f/1.conf", "f/2.conf"]);
    assert_eq!(include(&["**/[34].*"]), ["f", "f/3.txt", "g", "g/deep", "g/deep/er", "g/deep/er/4.conf"]);
    assert_eq!(include(&["./a//e", "a/e"]), ["a", "a/e"]);
    assert_eq!(include(&["."])[0], ".");
    let absolute = base.path().join("h");
    assert_eq!(include(&[absolute.to_str().unwrap()]), ["h"]);
}

#[test]
fn an_include_that_stands_for_nothing_is_a_problem_in_its_place() {
    let base = tree(&["a/b", "file", "z/x.log"]);
    symlink("a", base.path().join("link")).unwrap();
    let include = ["a/b", "a/missing", "no*thing", "../up", "/elsewhere", "file/x", "link/b", "z/x.log"];
    let options = WalkOptions {
        include: include.map(str::to_owned).to_vec(),
        exclude: vec!["*.log".to_owned()],
        ..options(&base)
    };
    insta::assert_snapshot!(walked(&options).join("\n"), @"
    ! the include `no*thing` matches nothing
    ! the include `../up` is not below the base
    ! the include `/elsewhere` is not below the base
    a
    a/b
    ! the include `a/missing` does not exist
    ! an include leads through `file`, which is a file: include what it leads to
    ! an include leads through `link`, which is a symbolic link: include what it leads to
    z
    ! the include `z/x.log` is left out by an exclude of the same source
    ");
}

#[test]
fn a_source_of_which_nothing_exists_is_an_error() {
    let base = tree(&["a"]);
    let options = WalkOptions { include: vec!["b".to_owned(), "c*".to_owned()], ..options(&base) };
    assert!(matches!(Walk::new(&options), Err(WalkError::NothingIncluded { .. })));
    let missing = WalkOptions::new(base.path().join("no"));
    assert!(matches!(Walk::new(&missing), Err(WalkError::Base { .. })));
}

#[test]
fn tagged_folders_large_files_and_forbidden_places_are_left_out() {
    let base = tree(&["cache/x", "fake/x", "private/.nobackup", "private/y", "big", "store/obj", "z/.nobackup/"]);
    fs::write(base.path().join("cache/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n# x").unwrap();
    fs::write(base.path().join("fake/CACHEDIR.TAG"), "Signature: none").unwrap();
    fs::write(base.path().join("big"), vec![0; 1001]).unwrap();
    fs::write(base.path().join("fits"), vec![0; 1000]).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(base.path().join("store"), elsewhere.path().join("alias")).unwrap();
    let options = WalkOptions {
        exclude_if_present: vec![".nobackup".to_owned()],
        exclude_caches: true,
        max_file_size_bytes: Some(1000),
        always_exclude: vec![elsewhere.path().join("alias"), base.path().join("not-yet")],
        ..options(&base)
    };
    assert_eq!(walked(&options), [".", "fake", "fake/CACHEDIR.TAG", "fake/x", "fits"]);
}

#[test]
fn a_marker_in_the_base_does_not_empty_the_source() {
    let base = tree(&[".nobackup", "a"]);
    let options = WalkOptions { exclude_if_present: vec![".nobackup".to_owned()], ..options(&base) };
    assert_eq!(walked(&options), [".", ".nobackup", "a"]);
}

#[test]
fn a_marker_in_a_named_include_does_not_empty_it_but_in_a_matched_one_does() {
    let base = tree(&["named/.nobackup", "named/a", "matched/.nobackup", "matched/a", "matched-too/a"]);
    let include = ["named", "mat*"].map(str::to_owned).to_vec();
    let options = WalkOptions { include, exclude_if_present: vec![".nobackup".to_owned()], ..options(&base) };
    assert_eq!(walked(&options), ["matched-too", "matched-too/a", "named", "named/.nobackup", "named/a"]);
}

#[test]
fn includes_that_are_no_paths_are_refused() {
    let base = tree(&["a"]);
    let include = vec!["a".to_owned(), "x\0y".to_owned(), "n".repeat(70_000), "b*\0".to_owned()];
    let shown = walked(&WalkOptions { include, ..options(&base) });
    assert_eq!(shown[0], "! the include `x\\u{0}y` is no path");
    assert_eq!((shown.len(), shown[3].as_str()), (4, "a"));
}

#[test]
fn a_folder_of_many_parts_is_shown_whole_and_in_order() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir(base.path().join("big")).unwrap();
    for number in 0..5000 {
        fs::write(base.path().join(format!("big/{number}")), "").unwrap();
        if number % 100 == 0 {
            fs::create_dir_all(base.path().join(format!("big/d{number}/sub"))).unwrap();
        }
    }
    fs::write(base.path().join("big.after"), "").unwrap();
    let paths: Vec<Vec<u8>> = Walk::new(&options(&base)).unwrap().map(|entry| entry.unwrap().path).collect();
    assert_eq!(paths, naive(base.path()));
}

#[test]
fn a_tree_deeper_than_a_path_may_be_long_is_walked_to_its_end() {
    let base = tempfile::tempdir().unwrap();
    let name = "d".repeat(255);
    let mut folder = openat(CWD, base.path(), rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..100 {
        mkdirat(&folder, name.as_str(), Mode::RWXU).unwrap();
        folder = openat(&folder, name.as_str(), rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let entries: Vec<WalkEntry> = Walk::new(&options(&base)).unwrap().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 101);
    assert_eq!(entries[100].path, vec![name; 100].join("/").into_bytes());
    let root = Root::open(base.path()).unwrap();
    assert_eq!(root.metadata(&entries[100].path).unwrap(), entries[100].metadata);
}

#[test]
fn links_and_special_files_are_shown_as_themselves() {
    let base = tree(&["target/file"]);
    symlink("target", base.path().join("link")).unwrap();
    symlink("/nowhere", base.path().join("broken")).unwrap();
    rustix::fs::mkfifoat(CWD, base.path().join("fifo"), Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(base.path().join("socket")).unwrap();
    let kinds: BTreeMap<String, FileKind> = Walk::new(&options(&base))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (display_path(&entry.path), entry.metadata.kind))
        .collect();
    assert_eq!(kinds["link"], FileKind::Symlink);
    assert_eq!(kinds["broken"], FileKind::Symlink);
    assert_eq!(kinds["fifo"], FileKind::Fifo);
    assert_eq!(kinds["socket"], FileKind::Socket);
    assert_eq!(kinds.len(), 7);
}

#[test]
fn names_of_any_bytes_are_shown_as_they_are() {
    let base = tempfile::tempdir().unwrap();
    let names: [&[u8]; 5] = [b"\xff\xfe", b"new\nline", b" ", "\u{e9}".as_bytes(), &[b'n'; 255]];
    for name in names {
        fs::write(base.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).chain([Vec::new()]).collect();
    expected.sort();
    let paths: Vec<Vec<u8>> = Walk::new(&options(&base)).unwrap().map(|entry| entry.unwrap().path).collect();
    assert_eq!(paths, expected);
}

#[test]
fn the_threads_wait_when_they_are_far_enough_ahead() {
    let base = tempfile::tempdir().unwrap();
    for number in 0..200 {
        fs::create_dir(base.path().join(format!("{number:03}"))).unwrap();
        fs::write(base.path().join(format!("{number:03}/file")), "").unwrap();
    }
    let mut walk = Walk::with_lookahead(&options(&base), 250).unwrap();
    let mut shown = 0;
    while walk.next_ref().is_some() {
        shown += 1;
        // A thread looks at the limit before each folder, and adds at most two.
        assert!(walk.schedule.ahead() < 250 + 2 * 3, "after {shown}");
    }
    assert_eq!(shown, 401);
}

#[test]
fn the_kernels_own_file_systems_are_shown_but_gone_into_only_when_named() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let include = |include: &str| {
        let include = vec![include.to_owned()];
        let mut walk = Walk::new(&WalkOptions { include, ..WalkOptions::new("/") }).unwrap();
        (walk.next().map(|entry| entry.unwrap().path), walk.next().is_some())
    };
    assert_eq!(include("/pro[c]"), (Some(b"proc".to_vec()), false));
    assert_eq!(include("/proc/self"), (Some(b"proc".to_vec()), true));
    assert_eq!(include("/proc"), (Some(b"proc".to_vec()), true));
}

#[test]
fn a_cancelled_walk_ends_and_says_so() {
    let base = tree(&["a/b", "c"]);
    let options = options(&base);
    let mut walk = Walk::new(&options).unwrap();
    assert!(walk.next().is_some());
    options.cancel.cancel();
    assert!(walk.next().is_none());
    assert!(walk.is_cancelled());
}

#[test]
fn a_dropped_walk_leaves_no_threads_behind() {
    let base = tree(&["a/b", "c/d/e"]);
    let walk = Walk::new(&options(&base)).unwrap();
    let schedule = Arc::downgrade(&walk.schedule);
    drop(walk);
    assert!(schedule.upgrade().is_none());
}

/// Names that collide, nest and sort in tricky ways.
fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{1,2}",
        "[a-c][.-][a-c]",
        Just("x.log".to_owned()),
        Just("keep".to_owned()),
        Just("\u{e4}".to_owned()),
        Just("a\nb".to_owned()),
    ]
}

fn a_tree() -> impl Strategy<Value = Vec<(Vec<String>, bool)>> {
    let path = prop::collection::vec(a_name(), 1..5);
    prop::collection::vec((path, any::<bool>()), 0..40)
}

fn build(paths: &[(Vec<String>, bool)]) -> TempDir {
    let base = tempfile::tempdir().unwrap();
    for (path, is_folder) in paths {
        let full = base.path().join(path.join("/"));
        // A name may be a file already; then there is nothing below it.
        if fs::create_dir_all(full.parent().unwrap()).is_ok() && !full.exists() {
            let _ = if *is_folder { fs::create_dir(&full) } else { fs::write(&full, "") };
        }
    }
    base
}

fn a_pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        a_name().prop_map(|n| n.replace('\n', "?")),
        Just("*".to_owned()),
        Just("**".to_owned()),
        "[ab]\\*"
    ];
    (any::<bool>(), any::<bool>(), prop::collection::vec(part, 1..4), any::<bool>()).prop_map(
        |(negated, anchored, parts, folder)| {
            let mut pattern = String::new();
            pattern.push_str(if negated { "!" } else { "" });
            pattern.push_str(if anchored { "/" } else { "" });
            pattern.push_str(&parts.join("/"));
            pattern.push_str(if folder { "/" } else { "" });
            pattern
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_walk_shows_what_a_sorted_naive_walk_finds(paths in a_tree(), threads in 1..4usize, lookahead in 0..30usize) {
        let base = build(&paths);
        let options = WalkOptions { threads, ..WalkOptions::new(base.path()) };
        let entries: Vec<WalkEntry> = Walk::with_lookahead(&options, lookahead).unwrap().map(Result::unwrap).collect();
        let found: Vec<Vec<u8>> = entries.iter().map(|entry| entry.path.clone()).collect();
        prop_assert_eq!(found, naive(base.path()));
        for entry in entries {
            let full = base.path().join(OsStr::from_bytes(&entry.path));
            prop_assert_eq!(Metadata::from(&rustix::fs::lstat(&full).unwrap()), entry.metadata);
        }
    }

    #[test]
    fn excludes_mean_what_they_mean_to_git(paths in a_tree(), patterns in prop::collection::vec(a_pattern(), 0..5)) {
        let base = build(&paths);
        let mut builder = GitignoreBuilder::new("");
        for pattern in &patterns {
            builder.add_line(None, pattern).unwrap();
        }
        let matcher = builder.build().unwrap();
        let is_taken = |path: &[u8]| {
            let path = Path::new(OsStr::from_bytes(path));
            let mut above: Vec<&Path> = path.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
            above.reverse();
            above.iter().all(|path| !matcher.matched(path, base.path().join(path).is_dir()).is_ignore())
        };
        let expected: Vec<Vec<u8>> = naive(base.path()).into_iter().filter(|path| is_taken(path)).collect();
        let options = WalkOptions { exclude: patterns, threads: 2, ..WalkOptions::new(base.path()) };
        let found: Vec<Vec<u8>> = Walk::new(&options).unwrap().map(|entry| entry.unwrap().path).collect();
        prop_assert_eq!(found, expected);
    }
}
