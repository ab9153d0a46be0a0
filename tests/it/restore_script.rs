//! `restore.py` against stores that no honest program wrote, and broken ones.

use crate::support::{Backup, Comparison, TreePrint, files_below, have, trees};
use plan::archive::{ArchiveTable, Content, Entry, Extent, LayerWriter, Link, Row};
use plan::base::ContentHash;
use plan::files::{FileKind, FileTime, tree_order};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const RUN: &str = "20261124T090000Z-00000001";
const ARCHIVE: &str = "archives/data/20261124T090000Z-00000001-0001.tar";
/// Where the content of the one file in the crafted archive lies.
const OFFSET: u64 = 512;

/// A store of one unencrypted snapshot with any rows at all.
struct Crafted {
    folder: tempfile::TempDir,
}

impl Crafted {
    fn new(mut rows: Vec<Entry>) -> Self {
        rows.sort_by(|a, b| tree_order(&a.path, &b.path));
        let crafted = Self { folder: tempfile::tempdir().unwrap() };
        let mut writer = LayerWriter::stored(Vec::new()).unwrap();
        let table = ArchiveTable::from_names([ARCHIVE.to_owned()]);
        for row in rows {
            writer.push(&Row::Entry(row), &table).unwrap();
        }
        let (layer, toc) = writer.finish().unwrap();
        let (index, tree) = (format!("index/data/{RUN}.json.zst"), format!("trees/data/{RUN}.manifest.zst"));
        crafted.put("repository.json", br#"{"format":"plan-archive","format_version":1}"#);
        crafted.put(&tree, &layer);
        let json = serde_json::json!({ "format_version": 1, "layer": toc }).to_string();
        crafted.put(&index, &zstd::encode_all(json.as_bytes(), 3).unwrap());
        let layers = [serde_json::json!({ "object": tree, "index": index, "rows": toc.rows })];
        let snapshot = serde_json::json!({ "format_version": 1, "source": "data", "base": "/data", "layers": layers });
        crafted.put(&format!("snapshots/data/{RUN}.json"), snapshot.to_string().as_bytes());
        let mut archive = vec![0; 4096];
        archive[OFFSET as usize..][..5].copy_from_slice(b"hello");
        crafted.put(ARCHIVE, &archive);
        crafted
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    /// What must stay as it is.
    fn outside(&self) -> PathBuf {
        let outside = self.folder.path().join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::set_permissions(&outside, Permissions::from_mode(0o750)).unwrap();
        outside
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.store().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn restore(&self, arguments: &[&str]) -> Outcome {
        restore(&self.store(), &self.target(), arguments)
    }
}

#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    stderr: String,
}

fn restore(store: &Path, target: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/restore.py")).arg("--store").arg(store);
    let output = command.arg("--to").arg(target).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("Traceback"), "{stderr}");
    Outcome { code: output.status.code(), stderr }
}

fn entry(path: &[u8], kind: FileKind) -> Entry {
    let mtime = FileTime { seconds: 1_700_000_000, nanoseconds: 5 };
    Entry {
        path: path.to_vec(),
        kind,
        mode: 0o777,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        mtime,
        size: 0,
        rdev: 0,
        link_target: None,
        link: None,
        xattrs: Vec::new(),
        content: None,
        stamp: None,
    }
}

fn file(path: &[u8]) -> Entry {
    let extents = vec![Extent::Stored { archive: 0, offset: OFFSET, length: 5 }];
    let content = Some(Content { hash: ContentHash::of(b"hello"), extents });
    Entry { size: 5, content, ..entry(path, FileKind::File) }
}

fn link_to(path: &[u8], target: &Path) -> Entry {
    let target = target.to_str().unwrap().as_bytes().to_vec();
    Entry { link_target: Some(target), ..entry(path, FileKind::Symlink) }
}

fn mode_of(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_crafted_store_restores_where_it_is_honest() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let crafted = Crafted::new(vec![entry(b"", FileKind::Directory), file(b"a"), file(b"folder/b")]);
    let outcome = crafted.restore(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(fs::read(crafted.target().join("folder/b")).unwrap(), b"hello");
}

#[test]
fn a_folder_that_is_another_name_of_a_symlink_changes_nothing_outside() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    fs::set_permissions(outside.path(), Permissions::from_mode(0o750)).unwrap();
    let link = Some(Link { dev: 1, ino: 1 });
    for kind in [FileKind::Directory, FileKind::File, FileKind::Fifo] {
        let one = Entry { link, ..link_to(b"a", outside.path()) };
        let crafted = Crafted::new(vec![one, Entry { link, ..entry(b"b", kind) }]);
        crafted.restore(&[]);
        assert_eq!(mode_of(outside.path()), 0o750, "{kind:?}");
        assert!(
            fs::symlink_metadata(crafted.target().join("b")).is_ok_and(|b| b.is_dir()) == (kind == FileKind::Directory)
        );
    }
}

#[test]
fn nothing_is_written_through_a_link_or_above_the_target() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let paths: [&[u8]; 8] = [b"link/x", b"../x", b"/x", b"a//x", b"a/./x", b"a/../../x", b"nul\0x", b"."];
    for path in paths {
        let crafted = Crafted::new(vec![link_to(b"link", outside.path()), file(path), file(b"good")]);
        crafted.outside();
        let outcome = crafted.restore(&[]);
        assert_eq!(outcome.code, Some(3), "{path:?} {outcome:?}");
        assert_eq!(fs::read(crafted.target().join("good")).unwrap(), b"hello");
        assert_eq!(files_below(outside.path()), Vec::<PathBuf>::new());
        assert!(!crafted.folder.path().join("x").exists() && !Path::new("/x").exists());
    }
}

#[test]
fn a_link_that_lies_in_the_target_already_is_not_followed() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let crafted = Crafted::new(vec![entry(b"folder", FileKind::Directory), file(b"folder/x"), file(b"y")]);
    let outside = crafted.outside();
    fs::write(outside.join("y"), "kept").unwrap();
    fs::create_dir(crafted.target()).unwrap();
    symlink(&outside, crafted.target().join("folder")).unwrap();
    symlink(outside.join("y"), crafted.target().join("y")).unwrap();
    assert_eq!(crafted.restore(&[]).code, Some(3));
    assert_eq!((mode_of(&outside), fs::read(outside.join("y")).unwrap()), (0o750, b"kept".to_vec()));
    assert!(!outside.join("x").exists());
    assert_eq!(fs::read(crafted.target().join("y")).unwrap(), b"hello");
}

#[test]
fn what_no_file_system_holds_fails_alone() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let hole = Content { hash: ContentHash::of(b""), extents: vec![Extent::Hole { length: u64::MAX }] };
    let beyond = vec![Extent::Stored { archive: 0, offset: 1 << 40, length: 5 }];
    let bad = [
        Entry { size: u64::MAX, content: Some(hole), ..entry(b"bad", FileKind::File) },
        Entry { content: Some(Content { hash: ContentHash::of(b""), extents: beyond }), ..file(b"bad") },
        Entry { link_target: Some(Vec::new()), ..entry(b"bad", FileKind::Symlink) },
        file(&[b'n'; 300]),
    ];
    for bad in bad {
        let path = bad.path.clone();
        let crafted = Crafted::new(vec![bad, file(b"good")]);
        let outcome = crafted.restore(&[]);
        assert_eq!(outcome.code, Some(3), "{outcome:?}");
        assert_eq!(fs::read(crafted.target().join("good")).unwrap(), b"hello");
        assert!(!crafted.target().join(String::from_utf8(path).unwrap()).is_symlink());
    }
}

#[test]
fn equal_and_overlapping_parts_come_from_one_reading() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let part = |offset, length| Extent::Stored { archive: 0, offset, length };
    let of = |path: &[u8], extents: Vec<Extent>| {
        let size = extents.iter().map(|extent| extent.length()).sum();
        Entry { size, content: Some(Content { hash: ContentHash::of(b""), extents }), ..entry(path, FileKind::File) }
    };
    let rows = vec![
        of(b"a", vec![part(512, 5)]),
        of(b"b", vec![part(512, 5), Extent::Hole { length: 2 }, part(513, 3)]),
        of(b"c", vec![part(514, 3), part(512, 2)]),
    ];
    let crafted = Crafted::new(rows);
    let outcome = crafted.restore(&[]);
    if outcome.stderr.contains("`blake3` is not installed") {
        let read = |name: &str| fs::read(crafted.target().join(name)).unwrap();
        assert_eq!([read("a"), read("b"), read("c")], [b"hello".to_vec(), b"hello\0\0ell".to_vec(), b"llohe".to_vec()]);
    }
}

#[test]
fn a_manifest_cut_or_changed_anywhere_is_an_error_and_never_a_crash() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let tree = format!("trees/data/{RUN}.manifest.zst");
    let crafted = Crafted::new((0..40u8).map(|at| file(&[b'a', at + 1])).collect());
    let whole = fs::read(crafted.store().join(&tree)).unwrap();
    for at in (0..whole.len()).step_by(7) {
        crafted.put(&tree, &whole[..at]);
        assert_ne!(crafted.restore(&[]).code, Some(0), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        crafted.put(&tree, &changed);
        // Without a run record nothing can tell a changed attribute: only a crash would be wrong.
        crafted.restore(&[]);
    }
}

#[test]
fn a_changed_byte_of_an_unencrypted_archive_is_told_of() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    for codec in ["compress none", "compress gzip", ""] {
        let backup = Backup::plain(codec);
        trees::put(&backup.source(), "a/file", "some content that is long enough to be found");
        trees::put(&backup.source(), "b", vec![7; 3_000_000]);
        backup.snapshot();
        let print = TreePrint::of(&backup.source());
        let target = backup.environment.path("whole");
        assert_eq!(restore(&backup.store(), &target, &[]).code, Some(0));
        print.assert_is(&target, Comparison::ALL);
        let archive = backup.archives().remove(0);
        let mut bytes = fs::read(&archive).unwrap();
        let at = if codec == "compress none" {
            bytes.windows(4).position(|w| w == b"long").unwrap()
        } else {
            bytes.len() / 2
        };
        bytes[at] ^= 1;
        fs::set_permissions(&archive, Permissions::from_mode(0o600)).unwrap();
        fs::write(&archive, bytes).unwrap();
        let outcome = restore(&backup.store(), &backup.environment.path("damaged"), &[]);
        assert_eq!(outcome.code, Some(3), "{codec}: {outcome:?}");
        assert!(outcome.stderr.contains("is not as it was written: its SHA-256 differs"), "{outcome:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    if !["zstd", "python3"].into_iter().all(have) {
        return;
    }
    let crafted = Crafted::new(vec![file(b"a"), entry(b"empty", FileKind::File)]);
    fs::remove_file(crafted.store().join(ARCHIVE)).unwrap();
    let outcome = crafted.restore(&[]);
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.stderr.contains(&format!("`a`: `{ARCHIVE}` is missing in the store")), "{outcome:?}");
    assert!(!crafted.target().join("a").exists() && crafted.target().join("empty").exists());
    assert_eq!(crafted.restore(&["--snapshot", "2019"]).code, Some(1));
    assert_eq!(crafted.restore(&["/elsewhere"]).code, Some(1));
    assert_eq!(crafted.restore(&["/data/empty"]).code, Some(0));
    crafted.put("repository.json", br#"{"format":"plan-archive","format_version":2}"#);
    assert!(crafted.restore(&[]).stderr.contains("this script reads version 1"));
}
