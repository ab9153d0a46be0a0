//! The tests' own tools: what compares trees must see every difference, and
//! what builds trees must build the same one each time.

use crate::support::trees::{self, Privilege, RpaTree};
use crate::support::{
    Comparison, TestEnvironment, TreePrint, age_identity, assert_same_tree, have, unpack_with_stock_tools,
};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[test]
fn the_odd_tree_is_the_same_each_time() {
    let environment = TestEnvironment::new();
    let (first, second) = (environment.path("first"), environment.path("second"));
    trees::build_odd_tree(&first);
    trees::build_odd_tree(&second);
    assert_same_tree(&first, &second, Comparison { times: false, ..Comparison::ALL });
    // Some of it is dated, and dated alike.
    assert_same_tree(&first.join("times"), &second.join("times"), Comparison::ALL);
}

#[test]
fn the_rpa_tree_and_its_changes_are_the_same_each_time() {
    let environment = TestEnvironment::new();
    let (first, second) = (RpaTree::build(&environment.path("a")), RpaTree::build(&environment.path("b")));
    for step in 0..12 {
        first.mutate(step);
        second.mutate(step);
    }
    assert_same_tree(first.root(), second.root(), Comparison { times: false, ..Comparison::ALL });
}

#[test]
fn small_files_and_their_changes_are_the_same_each_time() {
    let environment = TestEnvironment::new();
    let (first, second) = (environment.path("a"), environment.path("b"));
    for root in [&first, &second] {
        trees::build_small_files(root, 2_000, 3);
        trees::mutate_small_files(root, 2_000, 1);
    }
    assert_same_tree(&first, &second, Comparison { times: false, ..Comparison::ALL });
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let environment = TestEnvironment::new();
    let original = environment.path("original");
    build_sample(&original);
    let print = TreePrint::of(&original);
    let differences = |other: &Path| print.differences(&TreePrint::of(other), Comparison::ALL);
    let changes: [(&str, Change); 10] = [
        ("file: is missing", |root| fs::remove_file(root.join("file")).unwrap()),
        ("extra: should not be there", |root| fs::write(root.join("extra"), "").unwrap()),
        ("file: kind should be File { size: 3, hash", |root| fs::write(root.join("file"), "abX").unwrap()),
        ("file: kind should be", |root| fs::write(root.join("file"), "abcd").unwrap()),
        ("file: mode should be", |root| {
            fs::set_permissions(root.join("file"), Permissions::from_mode(0o4600)).unwrap()
        }),
        ("file: mtime should be", |root| trees::set_mtime(&root.join("file"), 1_000_000, 2)),
        ("file: xattrs should be", |root| xattr::remove(root.join("file"), "user.k").unwrap()),
        ("twin: the first name of its inode should be", |root| {
            fs::remove_file(root.join("twin")).unwrap();
            fs::write(root.join("twin"), "abc").unwrap();
        }),
        ("sparse: having holes should be", |root| fs::write(root.join("sparse"), vec![0; 1 << 20]).unwrap()),
        ("link: kind should be", |root| {
            fs::remove_file(root.join("link")).unwrap();
            std::os::unix::fs::symlink("elsewhere", root.join("link")).unwrap();
        }),
    ];
    for (number, (expected, change)) in changes.into_iter().enumerate() {
        let changed = environment.path(format!("changed-{number}"));
        build_sample(&changed);
        assert!(differences(&changed).is_empty(), "before the change they are equal");
        change(&changed);
        let seen: Vec<String> = differences(&changed).iter().map(|d| d.to_string().replace('"', "")).collect();
        assert!(seen.iter().any(|line| line.trim().starts_with(expected)), "{expected}: not in {seen:#?}");
    }
}

/// Something done to the sample.
type Change = fn(&Path);

fn build_sample(root: &Path) {
    trees::put(root, "file", "abc");
    xattr::set(root.join("file"), "user.k", b"v").unwrap();
    fs::hard_link(root.join("file"), root.join("zz")).unwrap();
    fs::remove_file(root.join("zz")).unwrap();
    trees::put(root, "here/one", "abc");
    fs::hard_link(root.join("here/one"), root.join("twin")).unwrap();
    fs::File::create(root.join("sparse")).unwrap().set_len(1 << 20).unwrap();
    std::os::unix::fs::symlink("file", root.join("link")).unwrap();
    for path in ["file", "here/one", "sparse", "link", "here"] {
        trees::set_mtime(&root.join(path), 1_000_000, 1);
    }
}

#[test]
fn the_stock_pipeline_brings_a_tar_archive_of_the_odd_tree_back() {
    if !["age", "age-keygen", "zstd", "tar"].into_iter().all(have) {
        return;
    }
    let environment = TestEnvironment::new();
    let source = environment.path("source");
    trees::build_odd_tree(&source);
    let (identity, recipient) = age_identity(&environment.path("home"), "identity.txt");
    let archive = environment.path("archive.tar.zst.age");
    let script = format!(
        "set -o pipefail; tar --create --format=posix --xattrs --sparse --directory '{}' . | zstd | age -r {recipient} > '{}'",
        source.display(),
        archive.display()
    );
    assert!(Command::new("bash").args(["-c", &script]).status().expect("bash runs").success());
    let restored = environment.path("restored");
    unpack_with_stock_tools(&[archive], Some(&identity), &restored);
    let owners = trees::privilege() == Privilege::Root;
    assert_same_tree(&source, &restored, Comparison { owners, ..Comparison::ALL });
}
