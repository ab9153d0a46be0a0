use super::super::{Content, Extent, Link, MemoryObject, Stamp, unseal};
use super::*;
use crate::base::ContentHash;
use crate::files::{FileKind, FileTime};
use proptest::prelude::*;

fn entry(path: &str) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind: FileKind::File,
        mode: 0o644,
        uid: 0,
        gid: 1000,
        mtime: FileTime { seconds: 1_700_000_000, nanoseconds: 5 },
        size: 0,
        rdev: 0,
        link_target: None,
        link: None,
        xattrs: Vec::new(),
        content: None,
        stamp: None,
    }
}

fn write(rows: &[Row], stored: bool, table: &ArchiveTable) -> (Vec<u8>, LayerToc) {
    let mut writer = if stored { LayerWriter::stored(Vec::new()).unwrap() } else { LayerWriter::local(Vec::new()) };
    for row in rows {
        writer.push(row, table).unwrap();
    }
    writer.finish().unwrap()
}

fn reader(bytes: Vec<u8>, toc: LayerToc, stored: bool, table: &mut ArchiveTable) -> LayerReader {
    let object = unseal(MemoryObject(bytes), false, None).unwrap();
    if stored { LayerReader::stored(object, toc, table).unwrap() } else { LayerReader::local(object, toc, table) }
}

fn read(bytes: Vec<u8>, toc: LayerToc, stored: bool, table: &mut ArchiveTable) -> Result<Vec<Row>, FormatError> {
    let mut reader = reader(bytes, toc, stored, table);
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push(row);
    }
    Ok(rows)
}

fn any_kind() -> impl Strategy<Value = FileKind> {
    prop::sample::select(vec![
        FileKind::File,
        FileKind::Directory,
        FileKind::Symlink,
        FileKind::BlockDevice,
        FileKind::CharDevice,
        FileKind::Fifo,
        FileKind::Socket,
    ])
}

fn any_extent() -> impl Strategy<Value = Extent> {
    prop_oneof![
        (1u64..1 << 40).prop_map(|length| Extent::Hole { length }),
        (0u32..4, 0u64..1 << 40, 1u64..1 << 40).prop_map(|(archive, offset, length)| Extent::Stored {
            archive,
            offset,
            length
        }),
    ]
}

prop_compose! {
    fn any_entry()(
        path in prop::collection::vec(any::<u8>(), 0..40),
        kind in any_kind(),
        (mode, uid, gid) in (0u32..0o10000, any::<u32>(), any::<u32>()),
        (seconds, nanoseconds) in (any::<i64>(), 0u32..1_000_000_000),
        extents in prop::collection::vec(any_extent(), 0..4),
        (rdev, target) in (any::<u64>(), prop::collection::vec(any::<u8>(), 0..20)),
        link in prop::option::of((any::<u64>(), any::<u64>())),
        xattrs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..5), prop::collection::vec(any::<u8>(), 0..9)), 0..3),
        stamp in prop::option::of((any::<i64>(), 0u32..1_000_000_000, any::<u64>())),
        hash in any::<[u8; 32]>(),
    ) -> Entry {
        let is_file = kind == FileKind::File;
        let size = if is_file { extents.iter().map(|e| e.length()).sum() } else { 0 };
        Entry {
            path,
            kind,
            mode,
            uid,
            gid,
            mtime: FileTime { seconds, nanoseconds },
            size,
            rdev: if matches!(kind, FileKind::BlockDevice | FileKind::CharDevice) { rdev } else { 0 },
            link_target: (kind == FileKind::Symlink).then_some(target),
            link: link.map(|(dev, ino)| Link { dev, ino }),
            xattrs,
            content: (size > 0).then_some(Content { hash: ContentHash(hash), extents }),
            stamp: stamp.map(|(seconds, nanoseconds, ino)| Stamp { ctime: FileTime { seconds, nanoseconds }, ino }),
        }
    }
}

fn sorted(mut entries: Vec<Entry>, deleted: &[bool]) -> Vec<Row> {
    entries.sort_by(|a, b| tree_order(&a.path, &b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    let rows = entries.into_iter().enumerate();
    rows.map(|(i, e)| if deleted.get(i) == Some(&true) { Row::Deleted(e.path) } else { Row::Entry(e) }).collect()
}

fn archives() -> ArchiveTable {
    ArchiveTable::from_names(["a", "b", "c", "d"].map(String::from))
}

proptest! {
    #[test]
    fn any_rows_come_back(entries in prop::collection::vec(any_entry(), 0..30), deleted in prop::collection::vec(any::<bool>(), 30)) {
        let rows = sorted(entries, &deleted);
        let table = archives();
        let (bytes, toc) = write(&rows, false, &table);
        prop_assert_eq!(&read(bytes, toc, false, &mut table.clone()).unwrap(), &rows);
        let (bytes, toc) = write(&rows, true, &table);
        let toc: LayerToc = serde_json::from_str(&serde_json::to_string(&toc).unwrap()).unwrap();
        let without_stamps: Vec<Row> = rows.into_iter().map(|row| match row {
            Row::Entry(entry) => Row::Entry(Entry { stamp: None, ..entry }),
            deleted => deleted,
        }).collect();
        prop_assert_eq!(read(bytes, toc, true, &mut table.clone()).unwrap(), without_stamps);
    }

    #[test]
    fn hostile_blocks_are_errors_and_never_panics(entries in prop::collection::vec(any_entry(), 1..8), flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4), cut in any::<prop::sample::Index>()) {
        let table = archives();
        let (bytes, toc) = write(&sorted(entries, &[]), false, &table);
        let mut bad = bytes.clone();
        for (at, mask) in flips {
            let at = at.index(bad.len());
            bad[at] ^= mask;
        }
        // Either an error or other rows: plain local blocks carry no checksum.
        let _ = read(bad, toc.clone(), false, &mut table.clone());
        prop_assert!(read(bytes[..cut.index(bytes.len())].to_vec(), toc, false, &mut table.clone()).is_err());
    }
}

#[test]
fn newer_layers_override_and_delete() {
    let table = ArchiveTable::default();
    let with_mode = |path: &str, mode| Row::Entry(Entry { mode, ..entry(path) });
    let base = [with_mode("a", 1), with_mode("b", 1), with_mode("c", 1)];
    let middle = [Row::Deleted(b"b".to_vec()), with_mode("c", 2)];
    let newest = [with_mode("b", 3), Row::Deleted(b"c".to_vec()), with_mode("d", 3)];
    let layers = [&base[..], &middle, &newest].map(|rows| {
        let (bytes, toc) = write(rows, true, &table);
        reader(bytes, toc, true, &mut table.clone())
    });
    let mut merged = MergedRows::new(layers.into());
    let mut seen = Vec::new();
    while let Some(entry) = merged.next_entry().unwrap() {
        seen.push((String::from_utf8(entry.path).unwrap(), entry.mode));
    }
    assert_eq!(seen, [("a".into(), 1), ("b".into(), 3), ("d".into(), 3)]);
}

#[test]
fn seeking_lands_in_the_block_that_holds_the_path() {
    let table = ArchiveTable::default();
    let rows: Vec<Row> = (0..5000).map(|i| Row::Entry(entry(&format!("f{i:05}")))).collect();
    let (bytes, toc) = write(&rows, true, &table);
    assert!(toc.blocks.len() > 4);
    let mut reader = reader(bytes, toc, true, &mut table.clone());
    for wanted in ["f00000", "f01023", "f01024", "f04999"] {
        reader.seek(wanted.as_bytes());
        let mut steps = 0;
        while reader.next_row().unwrap().unwrap().path() != wanted.as_bytes() {
            steps += 1;
        }
        assert!(steps <= BLOCK_ROWS, "{wanted}");
    }
}

#[test]
fn rows_that_are_left_out_or_too_many_are_damage() {
    let table = ArchiveTable::default();
    let rows: Vec<Row> = (0..3000).map(|i| Row::Entry(entry(&format!("f{i:05}")))).collect();
    let (bytes, toc) = write(&rows, true, &table);
    let read = |toc: &LayerToc| read(bytes.clone(), toc.clone(), true, &mut table.clone());
    assert_eq!(read(&toc).unwrap().len(), 3000);
    for left_out in 0..toc.blocks.len() {
        let mut lacking = toc.clone();
        lacking.blocks.remove(left_out);
        assert!(read(&lacking).is_err_and(|error| error.is_damage()), "{left_out}");
    }
    for rows in [0, 2999, 3001, u64::MAX] {
        assert!(read(&LayerToc { rows, ..toc.clone() }).is_err_and(|error| error.is_damage()), "{rows}");
    }
}

#[test]
fn a_block_of_more_rows_than_a_writer_puts_into_one_is_damage() {
    for (rows, is_good) in [(BLOCK_ROWS, true), (BLOCK_ROWS + 1, false)] {
        let mut block = BlockWriter::default();
        (0..rows).for_each(|row| block.push(&Row::Deleted(format!("{row:05}").into_bytes()), true, |place| place));
        let EncodedBlock { head, .. } = block.finish();
        let mut decoded = Vec::new();
        assert_eq!(block::decode(&head, Some, &mut decoded).is_ok(), is_good, "{rows}");
        assert_eq!(decoded.len(), if is_good { rows } else { 0 });
    }
}

#[test]
fn rows_out_of_order_are_damage() {
    let table = ArchiveTable::default();
    let (bytes, toc) = write(&[Row::Entry(entry("b")), Row::Entry(entry("a"))], true, &table);
    assert!(read(bytes, toc, true, &mut table.clone()).is_err_and(|error| error.is_damage()));
}
