//! What a folder is that a walk need not go into.

use rustix::fs::{Mode, OFlags};
use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{BorrowedFd, OwnedFd};

/// `f_type` of the file systems that show the kernel itself (`linux/magic.h`,
/// and for the last two `fs/nfsd` and `net/sunrpc`).
const KERNEL_VIEWS: [u32; 18] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x6265_6570, // configfs
    0x1980_0202, // mqueue
    0x0000_1cd1, // devpts
    0x4249_4e4d, // binfmt_misc
    0x6573_5543, // fusectl
    0x6e66_7364, // nfsd
    0x6759_6969, // rpc_pipefs
];

/// The name of the file that tags a cache.
pub(super) const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
/// <https://bford.info/cachedir/>: what a valid tag begins with.
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Whether a mount point shows what the kernel makes up, not what is stored.
pub(super) fn is_kernel_view(folder: &OwnedFd, name: &CStr) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mount_point = rustix::fs::openat(folder, name, flags, Mode::empty());
    // What cannot be asked is gone into, which tells why.
    let kind = mount_point.and_then(rustix::fs::fstatfs);
    kind.is_ok_and(|kind| KERNEL_VIEWS.contains(&(kind.f_type as u32)))
}

/// Whether the folder's `CACHEDIR.TAG` is a real one.
pub(super) fn has_cache_signature(folder: BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(tag) = rustix::fs::openat(folder, CACHE_TAG, flags, Mode::empty()) else { return false };
    let mut start = [0; CACHE_SIGNATURE.len()];
    File::from(tag).read_exact(&mut start).is_ok() && start == CACHE_SIGNATURE
}
