use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest piece of a path that is handed to the kernel at once; `PATH_MAX`
/// is 4096 with the final NUL. Longer paths are opened piece by piece.
const PIECE_BYTES: usize = 4000;

/// How often a lookup that raced with a rename is tried again.
const RACE_RETRIES: u32 = 16;

const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A folder handle below which paths are opened and never left.
///
/// No component of a path is followed when it is a symbolic link, whoever put
/// it there and whenever. One `openat2` does that (Linux 5.6); without it the
/// path is walked one `O_NOFOLLOW` handle at a time.
pub(super) struct Beneath {
    folder: OwnedFd,
    has_openat2: AtomicBool,
}

impl Beneath {
    /// Opens `folder`, itself followed through symbolic links as any path.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, folder, flags, Mode::empty()).or_else(|error| match error {
            // Searchable but not listable: still good to open things below it.
            Errno::ACCESS => openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()),
            other => Err(other),
        })?;
        Ok(Self { folder, has_openat2: AtomicBool::new(true) })
    }

    /// Opens `path` (bytes, relative, no `.` or `..`; empty: the folder itself).
    ///
    /// The last component is not followed either: pass `PATH` to get a handle
    /// on a link itself. `ELOOP` or `ENOTDIR` where a link stands in the way.
    pub fn at(&self, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if path.is_empty() {
            return Ok(openat(&self.folder, c".", flags, mode)?);
        }
        let mut handle: Option<OwnedFd> = None;
        let mut rest = path;
        while rest.len() > PIECE_BYTES {
            let cut = rest[..PIECE_BYTES].iter().rposition(|&byte| byte == b'/').ok_or(Errno::NAMETOOLONG)?;
            let from = handle.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
            let next = self.piece(from, &rest[..cut], STEP, Mode::empty())?;
            handle = Some(next);
            rest = &rest[cut + 1..];
        }
        self.piece(handle.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd), rest, flags, mode)
    }

    fn piece(&self, from: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        const RESOLVE: ResolveFlags =
            ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
        if !path.contains(&b'/') && path != b".." {
            return Ok(openat(from, path, flags, mode)?);
        }
        if self.has_openat2.load(Ordering::Relaxed) {
            let mut outcome = openat2(from, path, flags, mode, RESOLVE);
            for _ in 0..RACE_RETRIES {
                if outcome.as_ref().err() != Some(&Errno::AGAIN) {
                    break;
                }
                outcome = openat2(from, path, flags, mode, RESOLVE);
            }
            match outcome {
                Err(Errno::NOSYS) => self.has_openat2.store(false, Ordering::Relaxed),
                // Old container filters answer EPERM to calls that they do not know.
                Err(Errno::PERM) => {}
                other => return Ok(other?),
            }
        }
        step_by_step(from, path, flags, mode)
    }
}

impl AsFd for Beneath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// What `openat2` does with [`Beneath`]'s flags, by one handle a component.
fn step_by_step(from: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let (parents, name) = split(path);
    let mut handle: Option<OwnedFd> = None;
    for component in parents.split(|&byte| byte == b'/').filter(|component| !component.is_empty()) {
        if component == b".." {
            return Err(Errno::XDEV.into());
        }
        let next = openat(handle.as_ref().map_or(from, AsFd::as_fd), component, STEP, Mode::empty())?;
        handle = Some(next);
    }
    if name == b".." {
        return Err(Errno::XDEV.into());
    }
    Ok(openat(handle.as_ref().map_or(from, AsFd::as_fd), name, flags, mode)?)
}

/// A path's folder (empty at the top) and its last component.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn with_and_without_openat2(folder: &Path) -> [Beneath; 2] {
        let modern = Beneath::open(folder).unwrap();
        let old = Beneath::open(folder).unwrap();
        old.has_openat2.store(false, Ordering::Relaxed);
        [modern, old]
    }

    #[test]
    fn no_path_leads_through_a_symbolic_link_or_upwards() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("secret"), "s").unwrap();
        let base = outer.path().join("base");
        fs::create_dir_all(base.join("real/inner")).unwrap();
        fs::write(base.join("real/inner/file"), "f").unwrap();
        symlink(outer.path(), base.join("out")).unwrap();
        symlink("real", base.join("alias")).unwrap();
        symlink("file", base.join("real/inner/link")).unwrap();
        for beneath in with_and_without_openat2(&base) {
            let open = |path: &[u8]| beneath.at(path, OFlags::RDONLY, Mode::empty()).is_ok();
            assert!(open(b""));
            assert!(open(b"real/inner/file"));
            for path in [&b"out/secret"[..], b"alias/inner/file", b"real/inner/link", b"alias", b"..", b"../secret"] {
                assert!(!open(path), "{}", String::from_utf8_lossy(path));
            }
        }
    }

    #[test]
    fn a_path_longer_than_the_kernel_takes_is_opened_piece_by_piece() {
        let base = tempfile::tempdir().unwrap();
        let name = "n".repeat(200);
        let mut deepest = Beneath::open(base.path()).unwrap().folder;
        for _ in 0..60 {
            rustix::fs::mkdirat(&deepest, name.as_str(), Mode::RWXU).unwrap();
            deepest = openat(&deepest, name.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let path = vec![name; 60].join("/").into_bytes();
        for beneath in with_and_without_openat2(base.path()) {
            assert!(beneath.at(&path, OFlags::RDONLY, Mode::empty()).is_ok());
        }
    }
}
