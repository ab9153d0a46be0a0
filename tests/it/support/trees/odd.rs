use super::{put, set_mtime};
use crate::support::Random;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// What this process may create.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    Root,
    User,
}

pub fn privilege() -> Privilege {
    if rustix::process::geteuid().is_root() { Privilege::Root } else { Privilege::User }
}

/// Everything that a file system can hold and a backup tool can get wrong, a
/// few kilobytes in all: names, kinds, links, holes, modes, times, attributes.
pub fn build_odd_tree(root: &Path) {
    fs::create_dir_all(root).expect("the root can be made");
    names(root);
    contents(root);
    links(root);
    kinds(root);
    attributes(root);
    // Last, for writing into a folder changes its time.
    times(root);
}

fn names(root: &Path) {
    let names: [&[u8]; 19] = [
        b"plain.txt",
        b"with space",
        b" leading and trailing ",
        b"-rf",
        b"--help",
        b"new\nline",
        b"tab\tand\rreturn",
        b"bell\x07\x1b[31mred",
        b"invalid-\xff\xfe-utf8",
        b"\xc3\x28",
        b"latin1-caf\xe9",
        "caf\u{e9}-composed".as_bytes(),
        "cafe\u{301}-decomposed".as_bytes(),
        "\u{65e5}\u{672c}\u{8a9e}".as_bytes(),
        "\u{1f4be}\u{200d}\u{202e}txt.exe".as_bytes(),
        b"quote\"back\\slash'star*question?[bracket]{brace}$dollar`tick`",
        b"...",
        b"a.b",
        b".plan",
    ];
    for name in names {
        put(root, Path::new("names").join(OsStr::from_bytes(name)), name);
    }
    put(root, Path::new("names").join("x".repeat(255)), "a name of 255 bytes");
    put(root, Path::new("names").join(OsStr::from_bytes(&[0xf0; 255])), "255 bytes that are no text");
    // What sorts differently by bytes and by components.
    for path in ["order/a/b", "order/a.b", "order/a-b/c", "order/a!"] {
        put(root, path, path);
    }
    // A folder that looks like what archives keep for themselves.
    put(root, ".plan/chunks/0000", "a user's own file");
    fs::create_dir_all(root.join("empty folder/inside an empty folder")).expect("the folder can be made");
}

fn contents(root: &Path) {
    let mut random = Random::new(7);
    put(root, "contents/empty", "");
    put(root, "contents/one byte", "x");
    put(root, "contents/zeros", vec![0; 300_000]);
    put(root, "contents/noise", random.bytes(3_000_000));
    put(root, "contents/prose", random.prose(2_000_000));
    // Around the border between one chunk and several.
    for (name, length) in [("below", (1 << 20) - 1), ("at", 1 << 20), ("above", (1 << 20) + 1)] {
        put(root, format!("contents/{name} one mebibyte"), random.bytes(length));
    }
    let twin = random.bytes(100_000);
    put(root, "contents/twin a", &twin);
    put(root, "contents/twin b", &twin);

    sparse(&root.join("contents/sparse in the middle"), &[(0, 4096), (8 << 20, 5000), (20 << 20, 10)], 20 << 20 | 10);
    sparse(&root.join("contents/sparse at the end"), &[(0, 10)], 16 << 20);
    sparse(&root.join("contents/sparse at the start"), &[(16 << 20, 10)], (16 << 20) + 10);
    sparse(&root.join("contents/only a hole"), &[], 4 << 20);
}

/// Data at (offset, length) pairs and holes between them.
fn sparse(path: &Path, data: &[(u64, usize)], size: u64) {
    let mut random = Random::new(size);
    let mut file = File::create(path).expect("the file can be made");
    for (offset, length) in data {
        file.seek(SeekFrom::Start(*offset)).expect("a file can be sought");
        file.write_all(&random.bytes(*length)).expect("there is room");
    }
    file.set_len(size).expect("the size can be set");
}

fn links(root: &Path) {
    put(root, "links/here/first", "one inode with three names");
    fs::create_dir_all(root.join("links/there")).expect("the folder can be made");
    for name in ["links/there/second", "links/a third, earlier in the order"] {
        fs::hard_link(root.join("links/here/first"), root.join(name)).expect("hard links work");
    }
    put(root, "links/empty with two names", "");
    fs::hard_link(root.join("links/empty with two names"), root.join("links/there/empty too"))
        .expect("hard links work");
    let long = "t/".repeat(400);
    let targets: [(&str, &[u8]); 8] = [
        ("to a file", b"here/first"),
        ("to a folder", b"here"),
        ("dangling", b"no/such/thing"),
        ("absolute", b"/etc/hostname"),
        ("upward", b"../../../../../../etc/passwd"),
        ("to itself", b"to itself"),
        ("invalid utf-8", b"\xff\xfe\n"),
        ("long", long.as_bytes()),
    ];
    for (name, target) in targets {
        symlink(OsStr::from_bytes(target), root.join("links").join(name)).expect("symlinks work");
    }
    symlink("first", root.join("links/here/symlink with two names")).expect("symlinks work");
    fs::hard_link(root.join("links/here/symlink with two names"), root.join("links/there/the same symlink"))
        .expect("a symlink can have two names");
}

fn kinds(root: &Path) {
    let kinds = root.join("kinds");
    fs::create_dir_all(&kinds).expect("the folder can be made");
    make_node(&kinds.join("fifo"), rustix::fs::FileType::Fifo, 0);
    // The listener goes, its name stays. A socket is not backed up, only told of.
    if privilege() == Privilege::Root {
        make_node(&kinds.join("character device"), rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3));
        make_node(&kinds.join("block device"), rustix::fs::FileType::BlockDevice, rustix::fs::makedev(7, 200));
    }
}

/// Adds a socket, the one kind that cannot be brought back.
pub fn add_socket(root: &Path) {
    drop(UnixListener::bind(root.join("socket")).expect("a socket can be bound"));
}

fn make_node(path: &Path, kind: rustix::fs::FileType, device: u64) {
    let name = CString::new(path.as_os_str().as_bytes()).expect("no NUL in the path");
    rustix::fs::mknodat(rustix::fs::CWD, &name, kind, rustix::fs::Mode::from_raw_mode(0o640), device)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn attributes(root: &Path) {
    for mode in [0o000, 0o400, 0o644, 0o755, 0o1777, 0o2755, 0o4755, 0o6711] {
        // Owned by someone who cannot read it, such a file is for root only.
        if mode & 0o400 == 0 && privilege() == Privilege::User {
            continue;
        }
        let path = format!("modes/{mode:04o}");
        put(root, &path, "");
        fs::set_permissions(root.join(path), Permissions::from_mode(mode)).expect("the mode can be set");
    }
    for mode in [0o700, 0o1777, 0o2770, 0o555] {
        let path = root.join(format!("modes/folder {mode:04o}"));
        fs::create_dir(&path).expect("the folder can be made");
        fs::write(path.join("inside"), "").expect("the file can be made");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the mode can be set");
    }
    put(root, "attributes/with", "attributes");
    for (name, value) in
        [("user.comment", &b"seen"[..]), ("user.binary", b"\x00\xff\n=\x00"), ("user.empty", b""), ("user.a=b", b"=")]
    {
        xattr::set(root.join("attributes/with"), name, value).expect("the file system has extended attributes");
    }
    xattr::set(root.join("attributes/with"), "user.long", &[b'v'; 2000]).expect("there is room for it");
    xattr::set(root.join("attributes"), "user.on-a-folder", b"yes").expect("the file system has extended attributes");
    if privilege() == Privilege::Root {
        for (name, owner, group) in [("nobody", 65534, 65534), ("unknown", 4_000_000, 3_999_999)] {
            let path = root.join(format!("attributes/owned by {name}"));
            fs::write(&path, name).expect("the file can be made");
            std::os::unix::fs::lchown(&path, Some(owner), Some(group)).expect("root can give files away");
        }
        std::os::unix::fs::lchown(root.join("links/dangling"), Some(1), Some(1)).expect("root can give files away");
    }
}

fn times(root: &Path) {
    for (name, seconds, nanoseconds) in [
        ("epoch", 0, 0),
        ("before the epoch", -86_400 * 365, 999_999_999),
        ("one nanosecond", 1_700_000_000, 1),
        ("after 2038", 4_000_000_000, 123_456_789),
    ] {
        put(root, format!("times/{name}"), name);
        set_mtime(&root.join("times").join(name), seconds, nanoseconds);
    }
    set_mtime(&root.join("links/dangling"), 1_600_000_000, 5);
    set_mtime(&root.join("kinds/fifo"), 1_600_000_000, 6);
    for folder in ["times", "links", "kinds", "names", "empty folder/inside an empty folder", "empty folder"] {
        set_mtime(&root.join(folder), 1_500_000_000, 987_654_321);
    }
}

/// Folders within folders until the path of the file at the end is `length`
/// bytes long, counted from `root`.
pub fn build_deep_path(root: &Path, length: usize) {
    let mut relative = String::new();
    while length - relative.len() > 300 {
        relative.push_str(&"d".repeat(200));
        relative.push('/');
    }
    // What remains is split so that no name is longer than 255 bytes.
    let remaining = length - relative.len();
    let half = remaining / 2;
    relative.push_str(&"e".repeat(half));
    relative.push('/');
    relative.push_str(&"f".repeat(remaining - half - 1));
    assert_eq!(relative.len(), length);
    put(root, relative, "at the end of a long way");
}

/// What happens to such a tree between one run and the next: every kind of
/// change, among them those that only an attribute tells of.
pub fn mutate_odd_tree(root: &Path, step: u64) {
    let mut random = Random::new(0x0dd ^ step);
    put(root, "changing/appended", random.prose(2_000 * step as usize));
    put(root, "changing/replaced", random.bytes(1_500_000));
    put(root, format!("changing/new in step {step}"), random.prose(100));
    drop(fs::remove_file(root.join(format!("changing/new in step {}", step.saturating_sub(2)))));
    let file = root.join("names/plain.txt");
    let chosen = root.join("changing/kind");
    match step {
        // The same content, another attribute.
        1 => fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("the mode can be set"),
        2 => xattr::set(&file, "user.step", b"two").expect("the file system has extended attributes"),
        3 => set_mtime(&file, 1_234_567_890, 1),
        // One name, one kind after another.
        4 => put(root, "changing/kind", "a file"),
        5 => {
            fs::remove_file(&chosen).expect("it was a file");
            put(root, "changing/kind/now/a", "folder");
        }
        6 => {
            fs::remove_dir_all(&chosen).expect("it was a folder");
            symlink("appended", &chosen).expect("symlinks work");
        }
        // A hard link is broken, another is made, a symlink is turned.
        7 => {
            fs::remove_file(root.join("links/there/second")).expect("it is there");
            put(root, "links/there/second", "an inode of its own");
            fs::hard_link(root.join("contents/twin a"), root.join("links/twin")).expect("hard links work");
            fs::remove_file(root.join("links/to a file")).expect("it is there");
            symlink("there/second", root.join("links/to a file")).expect("symlinks work");
        }
        // A folder moves; a file shrinks; a hole is filled in part.
        8 => {
            fs::rename(root.join("order"), root.join("moved order")).expect("a folder can be renamed");
            let file = File::options().write(true).open(root.join("contents/prose")).expect("it is there");
            file.set_len(1_000_001).expect("the size can be set");
            let mut file = File::options().write(true).open(root.join("contents/only a hole")).expect("it is there");
            file.seek(SeekFrom::Start(1 << 20)).expect("a file can be sought");
            file.write_all(b"something at last").expect("there is room");
        }
        // The same size and time, other content: only ctime tells.
        9 => {
            set_mtime(&root.join("contents/twin b"), 1_111_111_111, 0);
            fs::write(root.join("contents/twin b"), random.bytes(100_000)).expect("there is room");
            set_mtime(&root.join("contents/twin b"), 1_111_111_111, 0);
        }
        _ => {}
    }
}
