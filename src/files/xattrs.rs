//! Extended attributes: which are kept, how they are read and given back.
//!
//! Kept is what `listxattr` shows, so user attributes, file capabilities,
//! security labels and POSIX ACLs (as the kernel's `system.posix_acl_*` bytes,
//! which hold numeric ids and are the same on every Linux). Left out are the
//! other `system.` attributes: views on a network file system's own state,
//! which cannot be written elsewhere.

use rustix::fs::{
    AtFlags, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, getxattr, lgetxattr, listxattr, llistxattr,
    removexattr, setxattr, statat,
};
use rustix::io::Errno;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// The kernel's own limits (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX` in
/// `linux/limits.h`); a longer answer cannot come.
const LIST_MAX_BYTES: usize = 64 << 10;
const VALUE_MAX_BYTES: usize = 64 << 10;

/// What one call is tried with first; enough for nearly every file.
const FIRST_TRY_BYTES: usize = 512;

/// Prefix of the ACLs, the only `system.` attributes that are kept.
const ACL_PREFIX: &[u8] = b"system.posix_acl_";

/// Name and value of one extended attribute.
pub type Xattr = (Vec<u8>, Vec<u8>);

/// The attributes of an open file or folder, sorted by name.
///
/// Empty where the file system has none at all.
pub fn of_file(file: impl AsFd) -> io::Result<Vec<Xattr>> {
    let file = file.as_fd();
    collect(|buffer| flistxattr(file, buffer), |name, buffer| fgetxattr(file, name, buffer))
}

/// The attributes of what `name` is in `folder`: a link's own, not its target's.
pub(super) fn of_name(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<Vec<Xattr>> {
    let path = path_through_handle(folder, name)?;
    let xattrs = collect(
        |buffer| llistxattr(path.as_c_str(), buffer),
        |attribute, buffer| lgetxattr(path.as_c_str(), attribute, buffer),
    );
    without_proc(xattrs, || statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
}

/// The attributes of what an `O_PATH` handle is on, a link itself too.
pub(super) fn of_handle(handle: BorrowedFd<'_>) -> io::Result<Vec<Xattr>> {
    let path = path_of_handle(handle)?;
    let xattrs =
        collect(|buffer| listxattr(path.as_c_str(), buffer), |name, buffer| getxattr(path.as_c_str(), name, buffer));
    without_proc(xattrs, || true)
}

/// Where `/proc` is not mounted, links and devices are taken to have no
/// attributes: better than not to take them at all.
fn without_proc(xattrs: io::Result<Vec<Xattr>>, exists: impl FnOnce() -> bool) -> io::Result<Vec<Xattr>> {
    match xattrs {
        Err(error) if error.kind() == io::ErrorKind::NotFound && exists() => Ok(Vec::new()),
        other => other,
    }
}

pub(super) fn set_on_file(file: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(file, name, value, XattrFlags::empty())?)
}

pub(super) fn remove_from_file(file: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    Ok(fremovexattr(file, name)?)
}

pub(super) fn set_on_handle(handle: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(setxattr(path_of_handle(handle)?.as_c_str(), name, value, XattrFlags::empty())?)
}

pub(super) fn remove_from_handle(handle: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    Ok(removexattr(path_of_handle(handle)?.as_c_str(), name)?)
}

/// Whether the attribute is an ACL, which must be set after the mode.
pub(super) fn is_acl(name: &[u8]) -> bool {
    name.starts_with(ACL_PREFIX)
}

/// A path that the kernel takes for what the handle is on, and not for the
/// target of a link that it is on.
fn path_of_handle(handle: BorrowedFd<'_>) -> io::Result<CString> {
    CString::new(format!("/proc/self/fd/{}", handle.as_raw_fd())).map_err(|_| Errno::INVAL.into())
}

/// There is no `lgetxattr` relative to a handle (before Linux 6.13), but
/// `/proc/self/fd/N/name` is one: the kernel jumps to the handle's folder.
fn path_through_handle(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<CString> {
    let mut path = format!("/proc/self/fd/{}/", folder.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    CString::new(path).map_err(|_| Errno::INVAL.into())
}

fn collect(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
) -> io::Result<Vec<Xattr>> {
    let names = match grow(LIST_MAX_BYTES, &list) {
        Ok(names) => names,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut xattrs = Vec::new();
    for name in names.split(|&byte| byte == 0).filter(|name| is_kept(name)) {
        match grow(VALUE_MAX_BYTES, |buffer| get(name, buffer)) {
            Ok(value) => xattrs.push((name.to_vec(), value)),
            // Removed since the list was made, or listed without being readable by us.
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    xattrs.sort_unstable();
    Ok(xattrs)
}

fn is_kept(name: &[u8]) -> bool {
    !name.is_empty() && (!name.starts_with(b"system.") || is_acl(name))
}

fn grow(limit: usize, read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut first = [0; FIRST_TRY_BYTES];
    match read(&mut first) {
        Ok(length) => Ok(first[..length].to_vec()),
        Err(Errno::RANGE) => {
            let mut buffer = vec![0; limit];
            let length = read(&mut buffer)?;
            buffer.truncate(length);
            buffer.shrink_to_fit();
            Ok(buffer)
        }
        Err(error) => Err(error),
    }
}
