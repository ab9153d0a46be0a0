use super::*;
use crate::files::Differs;
use proptest::prelude::*;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_tree_of_everything_comes_back_as_it_was() {
    let source = odd_tree();
    let target = tempfile::tempdir().unwrap();
    let restorer = Restorer::new(target.path(), Overwrite::Changed).unwrap();
    let report = copy(source.path(), &restorer);
    assert_eq!(report.failures.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(report.notes, []);
    assert_eq!(differences(source.path(), target.path()), Vec::<String>::new());
    let sparse = fs::metadata(target.path().join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 1 << 20, "the holes were filled");
}

/// Something random in a tree; paths meet and nest.
#[derive(Clone, Debug)]
enum Piece {
    File { size: usize, mode: u32, mtime: (i64, u32) },
    Sparse(u64),
    Folder { mode: u32 },
    Symlink(String),
    HardLink(usize),
}

fn a_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        (0..9000usize, 0..0o10000u32, (-9_000_000_000..9_000_000_000i64, 0..1_000_000_000u32))
            .prop_map(|(size, mode, mtime)| Piece::File { size, mode, mtime }),
        (0..200_000u64).prop_map(Piece::Sparse),
        (0..0o10000u32).prop_map(|mode| Piece::Folder { mode }),
        "[a-c./]{1,9}".prop_map(Piece::Symlink),
        (0..20usize).prop_map(Piece::HardLink),
    ]
}

fn build(base: &Path, pieces: &[(Vec<String>, Piece)]) {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = Vec::new();
    for (path, piece) in pieces {
        let at = base.join(path.join("/"));
        // A path through a file, or one that is taken: then the piece falls away.
        if fs::create_dir_all(at.parent().unwrap()).is_err() || at.symlink_metadata().is_ok() {
            continue;
        }
        match piece {
            Piece::File { size, mode, mtime } => {
                fs::write(&at, vec![1; *size]).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(*mode)).unwrap();
                set_mtime(&at, mtime.0, mtime.1.into());
                files.push(at);
            }
            Piece::Sparse(offset) => {
                fs::File::create(&at).unwrap().write_all_at(b"x", *offset).unwrap();
                files.push(at);
            }
            Piece::Folder { mode } => {
                fs::create_dir(&at).unwrap();
                folders.push((at, *mode));
            }
            Piece::Symlink(target) => symlink(target, &at).unwrap(),
            Piece::HardLink(number) => {
                if let Some(first) = files.get(*number) {
                    fs::hard_link(first, &at).unwrap();
                }
            }
        }
    }
    for (at, mode) in folders {
        // We may not be root, and must get in again.
        fs::set_permissions(&at, fs::Permissions::from_mode(mode | 0o700)).unwrap();
        set_mtime(&at, i64::from(mode), 123_456_789);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_back_as_it_was_over_nothing_and_over_any_other(
        pieces in prop::collection::vec((prop::collection::vec("[ab]", 1..5), a_piece()), 0..30),
        before in prop::collection::vec((prop::collection::vec("[ab]", 1..3), a_piece()), 0..4),
    ) {
        prop_assume!(is_root());
        let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        build(source.path(), &pieces);
        build(target.path(), &before);
        let report = copy(source.path(), &Restorer::new(target.path(), Overwrite::Always).unwrap());
        let in_the_way = |failure: &RestoreFailure| matches!(failure.reason, FailureReason::FolderInTheWay);
        prop_assert!(report.failures.iter().all(in_the_way), "{:?}", report.failures);
        if report.failures.is_empty() {
            let comparison = compare(source.path(), target.path(), &Cancellation::default()).unwrap();
            let wrong = comparison.differences.iter().filter(|difference| difference.differs != Differs::Unexpected);
            // What was in a folder before and is in no archive stays.
            prop_assert_eq!(wrong.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        }
    }
}
