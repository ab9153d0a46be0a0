//! Trees that are the same on every machine: what is in them follows from a seed.

mod large;
mod odd;
mod rpa;
mod small;

pub use large::write_large_file;
pub use odd::{Privilege, add_socket, build_deep_path, build_odd_tree, mutate_odd_tree, privilege};
pub use rpa::RpaTree;
pub use small::{build_small_files, mutate_small_files};

use std::fs;
use std::path::Path;

/// Writes a file and the folders above it.
pub fn put(root: &Path, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = root.join(relative);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
    fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Sets the modification time of anything, a symlink itself included.
pub fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
