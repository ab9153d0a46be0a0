use super::super::FileKind;
use super::attributes::Subject;
use super::folders::{Handle, failed};
use super::report::Loss;
use super::{
    Entry, FailureReason, Inner, Outcome, Overwrite, Standing, inspect, is_same, look, make_temporary, temporary_name,
    wanted,
};
use rustix::fs::{AtFlags, FileType, linkat, mknodat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) fn symlink(inner: &Inner, entry: &Entry) -> Result<Outcome, FailureReason> {
    let target = entry.link_target.as_deref().ok_or(FailureReason::Entry("it is a link without a target"))?;
    if target.is_empty() || target.contains(&0) {
        return Err(FailureReason::Entry("its target is no path"));
    }
    if entry.metadata.kind != FileKind::Symlink {
        return Err(FailureReason::Entry("it is no symbolic link"));
    }
    make(inner, entry, |folder, name| symlinkat(target, folder, name))
}

pub(super) fn node(inner: &Inner, entry: &Entry) -> Result<Outcome, FailureReason> {
    let kind = match entry.metadata.kind {
        FileKind::Fifo => FileType::Fifo,
        FileKind::BlockDevice => FileType::BlockDevice,
        FileKind::CharDevice => FileType::CharacterDevice,
        FileKind::Socket => {
            inner.tally.note(&entry.path, Loss::Socket);
            return Ok(Outcome::Skipped);
        }
        _ => return Err(FailureReason::Entry("it is no device and no named pipe")),
    };
    let (rdev, mode) = (entry.metadata.rdev, inner.attributes.creation_mode(&wanted(entry)));
    make(inner, entry, |folder, name| mknodat(folder, name, kind, mode, rdev))
}

/// Makes something that the system makes in one step; under a temporary name,
/// so that it has its real one only with all its attributes.
fn make(
    inner: &Inner,
    entry: &Entry,
    create: impl Fn(&Handle, &[u8]) -> Result<(), Errno>,
) -> Result<Outcome, FailureReason> {
    let (folder, name) = inner.place(&entry.path)?;
    let standing = inner.make_room(entry, &folder, name)?;
    if matches!(standing, Standing::Kept) {
        return Ok(Outcome::Skipped);
    }
    let temporary = temporary_name(name);
    let temporary = temporary.as_bytes();
    let made = make_temporary(&folder, temporary, || create(&folder, temporary));
    made.map_err(|errno| failed("create", errno))?;
    let finished = Subject::named(folder.as_fd(), temporary, entry.metadata.kind)
        .and_then(|subject| inner.attributes.apply(&subject, &wanted(entry), &inner.tally))
        .and_then(|()| renameat(&folder, temporary, &folder, name).map_err(|errno| failed("rename", errno)));
    if let Err(reason) = finished {
        let _ = unlinkat(&folder, temporary, AtFlags::empty());
        return Err(reason);
    }
    Ok(if matches!(standing, Standing::Nothing) { Outcome::Written } else { Outcome::Replaced })
}

/// None: `first` does not stand where it belongs, or cannot be linked to.
pub(super) fn hard_link(inner: &Inner, first: &Entry, new: &[u8]) -> Result<Option<Outcome>, FailureReason> {
    let Ok((from, from_name)) = inner.place(&first.path) else { return Ok(None) };
    let (to, to_name) = inner.place(new)?;
    let Some(existing) = look(from.as_fd(), from_name)? else { return Ok(None) };
    if !is_same(first, &existing, from.as_fd(), from_name) {
        return Ok(None);
    }
    let link = |name: &[u8]| linkat(&from, from_name, &to, name, AtFlags::empty());
    match link(to_name) {
        Ok(()) => return Ok(Some(Outcome::Written)),
        Err(Errno::EXIST) => {}
        // It has as many names as it can have, or the file system knows only one a file.
        Err(Errno::MLINK | Errno::PERM | Errno::OPNOTSUPP) => return Ok(None),
        Err(errno) => return Err(failed("link", errno)),
    }
    let found = inspect(&to, to_name)?;
    if found.identity() == existing.identity() {
        return Ok(Some(Outcome::Skipped));
    }
    if inner.overwrite == Overwrite::Never {
        if !is_same(first, &found, to.as_fd(), to_name) {
            inner.tally.differs(new);
        }
        return Ok(Some(Outcome::Skipped));
    }
    if found.kind == FileKind::Directory {
        return match unlinkat(&to, to_name, AtFlags::REMOVEDIR) {
            Ok(()) => {
                inner.folders.forget(new);
                link(to_name).map_err(|errno| failed("link", errno))?;
                Ok(Some(Outcome::Replaced))
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => Err(FailureReason::FolderInTheWay),
            Err(errno) => Err(failed("replace", errno)),
        };
    }
    let temporary = temporary_name(to_name);
    let temporary = temporary.as_bytes();
    let linked = make_temporary(&to, temporary, || link(temporary));
    linked.map_err(|errno| failed("link", errno))?;
    renameat(&to, temporary, &to, to_name).map_err(|errno| failed("rename", errno))?;
    Ok(Some(Outcome::Replaced))
}
