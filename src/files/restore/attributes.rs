use super::super::xattrs::{self, Xattr};
use super::super::{FileKind, FileTime, Metadata};
use super::FailureReason;
use super::folders::failed;
use super::report::{Loss, Tally};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, chmodat, chownat, fchmod, fchown, fstat, futimens,
    openat, utimensat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, getegid, geteuid};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;

/// Gives back owners, modes, extended attributes and times.
///
/// The order matters: changing the owner clears set-uid bits and capabilities,
/// so it comes first; user attributes can be set only while the mode allows
/// writing; an ACL changes the mode; and everything may touch the time.
pub(super) struct Attributes {
    /// Whom new files belong to.
    creator: (u32, u32),
    /// Seen once: we are not allowed to give files away.
    owner_denied: AtomicBool,
}

/// What is to be given back.
pub(super) struct Wanted<'a> {
    pub path: &'a [u8],
    pub metadata: &'a Metadata,
    pub xattrs: &'a [Xattr],
}

/// Something in the target whose attributes are set.
pub(super) enum Subject<'a> {
    /// A file or folder open for reading or writing.
    Open(BorrowedFd<'a>),
    /// Anything else, by its name and an `O_PATH` handle on it, so that nothing
    /// put in its place meanwhile is changed.
    Named { folder: BorrowedFd<'a>, name: &'a [u8], handle: OwnedFd },
}

impl<'a> Subject<'a> {
    /// What `name` is in `folder`, which must be of `kind`.
    pub fn named(folder: BorrowedFd<'a>, name: &'a [u8], kind: FileKind) -> Result<Self, FailureReason> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(folder, name, flags, Mode::empty()).map_err(|errno| failed("open", errno))?;
        let found = Metadata::from(&fstat(&handle).map_err(|errno| failed("inspect", errno))?);
        if found.kind != kind {
            return Err(FailureReason::InTheWay { path: name.to_vec(), kind: found.kind });
        }
        Ok(Self::Named { folder, name, handle })
    }

    fn metadata(&self) -> Result<Metadata, Errno> {
        match self {
            Self::Open(file) => Ok(Metadata::from(&fstat(file)?)),
            Self::Named { handle, .. } => Ok(Metadata::from(&fstat(handle)?)),
        }
    }

    fn set_owner(&self, uid: Option<Uid>, gid: Option<Gid>) -> Result<(), Errno> {
        match self {
            Self::Open(file) => fchown(file, uid, gid),
            Self::Named { handle, .. } => chownat(handle, c"", uid, gid, AtFlags::EMPTY_PATH),
        }
    }

    fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        match self {
            Self::Open(file) => fchmod(file, Mode::from_raw_mode(mode)),
            Self::Named { handle, .. } => set_mode_of_handle(handle.as_fd(), mode),
        }
    }

    fn xattrs(&self) -> io::Result<Vec<Xattr>> {
        match self {
            Self::Open(file) => xattrs::of_file(*file),
            Self::Named { handle, .. } => xattrs::of_handle(handle.as_fd()),
        }
    }

    fn set_xattr(&self, name: &[u8], value: &[u8]) -> io::Result<()> {
        match self {
            Self::Open(file) => xattrs::set_on_file(*file, name, value),
            Self::Named { handle, .. } => xattrs::set_on_handle(handle.as_fd(), name, value),
        }
    }

    fn remove_xattr(&self, name: &[u8]) -> io::Result<()> {
        match self {
            Self::Open(file) => xattrs::remove_from_file(*file, name),
            Self::Named { handle, .. } => xattrs::remove_from_handle(handle.as_fd(), name),
        }
    }

    fn set_mtime(&self, mtime: FileTime) -> Result<(), Errno> {
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() },
        };
        match self {
            Self::Open(file) => futimens(file, &times),
            Self::Named { folder, name, handle } => match utimensat(handle, c"", &times, AtFlags::EMPTY_PATH) {
                // Before Linux 5.8.
                Err(Errno::INVAL) => utimensat(folder, *name, &times, AtFlags::SYMLINK_NOFOLLOW),
                other => other,
            },
        }
    }
}

impl Attributes {
    pub fn new() -> Self {
        Self { creator: (geteuid().as_raw(), getegid().as_raw()), owner_denied: AtomicBool::new(false) }
    }

    /// The mode to create a file with: the right one at once where nobody can
    /// see more by it than in the end, so that it need not be set. The system
    /// may take bits away.
    pub fn creation_mode(&self, wanted: &Wanted<'_>) -> Mode {
        let Metadata { mode, uid, gid, .. } = *wanted.metadata;
        let is_ours = self.creator == (uid, gid);
        let mode = if is_ours && wanted.xattrs.is_empty() { mode & 0o777 } else { 0o600 };
        Mode::from_raw_mode(mode)
    }

    /// Makes the subject's attributes what is wanted, changing only what differs.
    pub fn apply(&self, subject: &Subject<'_>, wanted: &Wanted<'_>, tally: &Tally) -> Result<(), FailureReason> {
        if wanted.metadata.mtime.nanoseconds >= NANOSECONDS_PER_SECOND {
            return Err(FailureReason::Entry("its time has more nanoseconds than a second"));
        }
        let found = subject.metadata().map_err(|errno| failed("inspect", errno))?;
        let dropped_bits = self.apply_owner(subject, &found, wanted, tally)?;
        let xattrs = subject.xattrs().map_err(|error| failed("read the attributes of", error))?;
        let apply_xattrs = |is_due: fn(&[u8]) -> bool| apply_xattrs(subject, &xattrs, wanted, tally, is_due);
        apply_xattrs(|name| !xattrs::is_acl(name))?;
        if found.kind != FileKind::Symlink {
            let mode = wanted.metadata.mode & 0o7777 & !dropped_bits;
            // Changing the owner may have cleared bits that were right before.
            let owner_changed = (found.uid, found.gid) != (wanted.metadata.uid, wanted.metadata.gid);
            if found.mode != mode || owner_changed {
                subject.set_mode(mode).map_err(|errno| failed("set the mode of", errno))?;
            }
        }
        apply_xattrs(xattrs::is_acl)?;
        subject.set_mtime(wanted.metadata.mtime).map_err(|errno| failed("set the time of", errno))
    }

    /// Sets the owner where it differs; returns the mode bits that the entry
    /// must not have because it now belongs to somebody else.
    fn apply_owner(
        &self,
        subject: &Subject<'_>,
        found: &Metadata,
        wanted: &Wanted<'_>,
        tally: &Tally,
    ) -> Result<u32, FailureReason> {
        let Metadata { uid, gid, .. } = *wanted.metadata;
        if (found.uid, found.gid) == (uid, gid) {
            return Ok(0);
        }
        // `u32::MAX` means "as it is" to the system, and is no id.
        if uid == u32::MAX || gid == u32::MAX {
            return Err(FailureReason::Entry("its owner is no valid id"));
        }
        let denied = |errno| matches!(errno, Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP);
        if !self.owner_denied.load(Ordering::Relaxed) {
            match subject.set_owner(Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))) {
                Ok(()) => return Ok(0),
                Err(errno) if denied(errno) => {}
                Err(errno) => return Err(failed("set the owner of", errno)),
            }
            if found.uid != uid {
                self.owner_denied.store(true, Ordering::Relaxed);
            }
        }
        // Everybody may give their files to a group that they belong to.
        let has_group = found.gid == gid || subject.set_owner(None, Some(Gid::from_raw(gid))).is_ok();
        let has_user = found.uid == uid;
        if !has_user || !has_group {
            tally.note(wanted.path, Loss::Owner);
        }
        let foreign = if has_user { 0 } else { 0o4000 } | if has_group { 0 } else { 0o2000 };
        if wanted.metadata.mode & foreign != 0 && found.kind == FileKind::File {
            tally.note(wanted.path, Loss::SetId);
        }
        Ok(foreign)
    }
}

/// Sets the attributes that differ and removes those that are too many: a new
/// file inherits its folder's default ACL, an old one keeps what it had.
fn apply_xattrs(
    subject: &Subject<'_>,
    found: &[Xattr],
    wanted: &Wanted<'_>,
    tally: &Tally,
    is_due: fn(&[u8]) -> bool,
) -> Result<(), FailureReason> {
    for xattr in wanted.xattrs.iter().filter(|xattr| is_due(&xattr.0) && !found.contains(xattr)) {
        if let Err(error) = subject.set_xattr(&xattr.0, &xattr.1) {
            if !is_refusal(&error) {
                return Err(failed("set an attribute of", error));
            }
            tally.note(wanted.path, Loss::Xattr(xattr.0.clone()));
        }
    }
    // The system itself gives security labels; those stay.
    let is_removable = |name: &[u8]| is_due(name) && !name.starts_with(b"security.");
    for (name, _) in found.iter().filter(|(name, _)| is_removable(name)) {
        if wanted.xattrs.iter().any(|xattr| xattr.0 == *name) {
            continue;
        }
        match subject.remove_xattr(name) {
            Err(error) if !is_refusal(&error) => return Err(failed("remove an attribute of", error)),
            _ => {}
        }
    }
    Ok(())
}

/// The file system has no such attribute, or we may not set it.
fn is_refusal(error: &io::Error) -> bool {
    let refusals = [Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::NODATA];
    refusals.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// A borrowed handle as a subject.
pub(super) fn open_subject(file: &impl AsFd) -> Subject<'_> {
    Subject::Open(file.as_fd())
}

/// The mode of what an `O_PATH` handle is on; `fchmod` refuses such handles.
pub(super) fn set_mode_of_handle(handle: BorrowedFd<'_>, mode: u32) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    chmodat(CWD, path, Mode::from_raw_mode(mode), AtFlags::empty())
}
