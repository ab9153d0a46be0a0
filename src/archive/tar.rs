//! Tar entries as bytes: ustar headers, with a pax header before them for what
//! ustar cannot hold. GNU tar, bsdtar and Python's tarfile read the result.

use crate::files::{FileKind, FileTime};
use std::io::Write as _;

const BLOCK: usize = 512;
/// The largest numbers that octal ustar fields hold.
const MAX_ID: u32 = 0o7_777_777;
const MAX_SIZE: u64 = 0o77_777_777_777;

/// What a tar entry is written from.
#[derive(Clone, Debug)]
pub struct TarEntry<'a> {
    /// As in a manifest; empty for the root of the tree.
    pub path: &'a [u8],
    pub kind: FileKind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: FileTime,
    pub rdev: u64,
    /// A symbolic link's target, or the path that a hard link is another name of.
    pub link: Option<&'a [u8]>,
    pub is_hard_link: bool,
    pub xattrs: &'a [(Vec<u8>, Vec<u8>)],
    /// Bytes of content that follow the header.
    pub size: u64,
    /// Write nanoseconds, so that tar alone restores them. Costs a pax header for
    /// nearly every file; an incremental archive's manifest has them anyway.
    pub exact_times: bool,
}

/// Zeros that follow `size` bytes of content, to the next tar block.
pub fn padding(size: u64) -> usize {
    ((BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64) as usize
}

impl TarEntry<'_> {
    /// Appends the header (and before it a pax header where one is needed).
    pub fn write_header(&self, out: &mut Vec<u8>) {
        self.write(out, self.size, Vec::new(), None);
    }

    /// Appends the header of a sparse file in GNU's pax format 1.0 and the map
    /// of its data segments; the segments' bytes follow, without gaps, then
    /// padding. `segments` are (offset, length), ascending.
    pub fn write_sparse_header(&self, segments: &[(u64, u64)], out: &mut Vec<u8>) {
        // A file that ends in a hole has an empty segment at its end.
        let end = segments.last().map_or(0, |(offset, length)| offset + length);
        let tail = (end < self.size).then_some((self.size, 0));
        let listed: Vec<_> = segments.iter().copied().chain(tail).collect();
        let mut map = format!("{}\n", listed.len()).into_bytes();
        for (offset, length) in &listed {
            map.extend_from_slice(format!("{offset}\n{length}\n").as_bytes());
        }
        map.resize(map.len().next_multiple_of(BLOCK), 0);
        let data: u64 = segments.iter().map(|(_, length)| length).sum();
        let mut records = Vec::new();
        pax(&mut records, b"GNU.sparse.major", b"1");
        pax(&mut records, b"GNU.sparse.minor", b"0");
        pax(&mut records, b"GNU.sparse.name", self.path);
        pax(&mut records, b"GNU.sparse.realsize", self.size.to_string().as_bytes());
        let name = [b"GNUSparseFile.0/", short_name(self.path)].concat();
        self.write(out, data + map.len() as u64, records, Some(&name));
        out.extend_from_slice(&map);
    }

    fn write(&self, out: &mut Vec<u8>, size: u64, mut records: Vec<u8>, name: Option<&[u8]>) {
        let mut path = match name {
            Some(name) => name.to_vec(),
            None if self.path.is_empty() => b".".to_vec(),
            None => self.path.to_vec(),
        };
        if self.kind == FileKind::Directory {
            path.push(b'/');
        }
        let mut header = tar::Header::new_ustar();
        if !set_path(&mut header, &path) {
            pax(&mut records, b"path", &path);
            set_path(&mut header, short_name(&path));
        }
        if let Some(link) = self.link {
            if link.len() > 100 {
                pax(&mut records, b"linkpath", link);
            }
            let short = &link[..link.len().min(100)];
            header.as_mut_bytes()[157..157 + short.len()].copy_from_slice(short);
        }
        self.set_numbers(&mut header, size, &mut records);
        for (name, value) in self.xattrs {
            match acl_text(name, value) {
                Some((key, text)) => pax(&mut records, key, text.as_bytes()),
                None => pax(&mut records, &[b"SCHILY.xattr.", &keyword(name)[..]].concat(), value),
            }
        }
        if !records.is_empty() {
            write_pax_header(&path, &records, out);
        }
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
    }

    fn set_numbers(&self, header: &mut tar::Header, size: u64, records: &mut Vec<u8>) {
        header.set_entry_type(match self.kind {
            _ if self.is_hard_link => tar::EntryType::Link,
            FileKind::File | FileKind::Socket => tar::EntryType::Regular,
            FileKind::Directory => tar::EntryType::Directory,
            FileKind::Symlink => tar::EntryType::Symlink,
            FileKind::BlockDevice => tar::EntryType::Block,
            FileKind::CharDevice => tar::EntryType::Char,
            FileKind::Fifo => tar::EntryType::Fifo,
        });
        header.set_mode(self.mode & 0o7777);
        for (key, id) in [("uid", self.uid), ("gid", self.gid)] {
            if id > MAX_ID {
                pax(records, key.as_bytes(), id.to_string().as_bytes());
            }
            let fits = u64::from(id.min(MAX_ID));
            if key == "uid" { header.set_uid(fits) } else { header.set_gid(fits) }
        }
        if size > MAX_SIZE {
            pax(records, b"size", size.to_string().as_bytes());
        }
        header.set_size(size.min(MAX_SIZE));
        let seconds = u64::try_from(self.mtime.seconds).ok().filter(|seconds| *seconds <= MAX_SIZE);
        header.set_mtime(seconds.unwrap_or(0));
        if seconds.is_none() || (self.exact_times && self.mtime.nanoseconds > 0) {
            pax(records, b"mtime", decimal_time(self.mtime).as_bytes());
        }
        if matches!(self.kind, FileKind::BlockDevice | FileKind::CharDevice) {
            let (major, minor) = (rustix::fs::major(self.rdev), rustix::fs::minor(self.rdev));
            if header.set_device_major(major).and_then(|()| header.set_device_minor(minor)).is_err() {
                unreachable!("a ustar header has device fields");
            }
        }
    }
}

/// An attribute's name as GNU tar writes it in a pax keyword, which ends at the first `=`.
fn keyword(name: &[u8]) -> Vec<u8> {
    let mut keyword = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'%' => keyword.extend_from_slice(b"%25"),
            b'=' => keyword.extend_from_slice(b"%3D"),
            _ => keyword.push(*byte),
        }
    }
    keyword
}

/// `-1.25` is a quarter second before one second before 1970.
fn decimal_time(time: FileTime) -> String {
    if time.seconds >= 0 || time.nanoseconds == 0 {
        return format!("{}.{:09}", time.seconds, time.nanoseconds);
    }
    format!("-{}.{:09}", -(time.seconds + 1), 1_000_000_000 - time.nanoseconds)
}

/// The last component, cut to what fits beside a prefix in a ustar name.
fn short_name(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    &name[..name.len().min(80)]
}

/// Fills in name and prefix; false where the path does not fit.
fn set_path(header: &mut tar::Header, path: &[u8]) -> bool {
    let bytes = header.as_mut_bytes();
    bytes[..100].fill(0);
    bytes[345..500].fill(0);
    if path.len() <= 100 {
        bytes[..path.len()].copy_from_slice(path);
        return true;
    }
    // The prefix ends at a slash that leaves at most 100 bytes, and something, after it.
    let from = path.len() - 101;
    let slash = (from..path.len().saturating_sub(2).min(156)).find(|at| path[*at] == b'/');
    let Some(slash) = slash.filter(|at| *at > 0 && *at <= 155) else {
        return false;
    };
    bytes[345..345 + slash].copy_from_slice(&path[..slash]);
    let name = &path[slash + 1..];
    bytes[..name.len()].copy_from_slice(name);
    true
}

/// One pax record: `LENGTH key=value\n`, where LENGTH counts itself.
fn pax(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let body = key.len() + value.len() + 3;
    let mut length = body + 1;
    while body + length.to_string().len() != length {
        length = body + length.to_string().len();
    }
    // Writing to a Vec cannot fail.
    let _ = write!(records, "{length} ");
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn write_pax_header(path: &[u8], records: &[u8], out: &mut Vec<u8>) {
    let mut header = tar::Header::new_ustar();
    set_path(&mut header, &[b"PaxHeaders/", short_name(path)].concat());
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(records.len() as u64);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(records);
    out.resize(out.len() + padding(records.len() as u64), 0);
}

/// A POSIX ACL as tar writes it. Its binary form (`acl_ea.h` of the Linux
/// kernel): u32 version 2, then per entry u16 tag, u16 permissions, u32 id, all
/// little-endian.
fn acl_text(name: &[u8], value: &[u8]) -> Option<(&'static [u8], String)> {
    let key: &'static [u8] = match name {
        b"system.posix_acl_access" => b"SCHILY.acl.access",
        b"system.posix_acl_default" => b"SCHILY.acl.default",
        _ => return None,
    };
    let entries = value.strip_prefix(&[2, 0, 0, 0])?;
    if entries.len() % 8 != 0 {
        return None;
    }
    let mut lines = Vec::new();
    for entry in entries.chunks_exact(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        let bits = u16::from_le_bytes([entry[2], entry[3]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        let who = match tag {
            0x01 => "user:".to_owned(),
            0x02 => format!("user:{id}"),
            0x04 => "group:".to_owned(),
            0x08 => format!("group:{id}"),
            0x10 => "mask:".to_owned(),
            0x20 => "other:".to_owned(),
            _ => return None,
        };
        let letters: String =
            [(4, 'r'), (2, 'w'), (1, 'x')].iter().map(|(bit, c)| if bits & bit != 0 { *c } else { '-' }).collect();
        lines.push(format!("{who}:{letters}"));
    }
    Some((key, lines.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn entry(path: &[u8]) -> TarEntry<'_> {
        TarEntry {
            path,
            kind: FileKind::File,
            mode: 0o4755,
            uid: 1000,
            gid: 1000,
            mtime: FileTime { seconds: 1_763_964_000, nanoseconds: 123_456_789 },
            rdev: 0,
            link: None,
            is_hard_link: false,
            xattrs: &[],
            size: 5,
            exact_times: true,
        }
    }

    #[test]
    fn paths_of_every_length_read_back() {
        for length in [1, 99, 100, 101, 155, 156, 157, 200, 255, 256, 257, 300, 4000] {
            for slash_every in [7, 60, 254] {
                let path: Vec<u8> = (0..length)
                    .map(|i| if i % slash_every == slash_every - 1 && i + 1 < length { b'/' } else { b'n' })
                    .collect();
                let mut bytes = Vec::new();
                entry(&path).write_header(&mut bytes);
                bytes.extend_from_slice(b"hello");
                bytes.resize(bytes.len() + padding(5) + 1024, 0);
                let mut archive = tar::Archive::new(&bytes[..]);
                let mut read = archive.entries().unwrap().next().unwrap().unwrap();
                assert_eq!(read.path_bytes().as_ref(), &path[..], "{length} {slash_every}");
                let mut content = String::new();
                read.read_to_string(&mut content).unwrap();
                assert_eq!(content, "hello");
            }
        }
    }

    #[test]
    fn pax_records_hold_what_ustar_cannot() {
        let xattrs = [(b"user.note".to_vec(), b"a\0b\n".to_vec())];
        let acl = [2u8, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 7, 0, 232, 3, 0, 0];
        let all = [xattrs[0].clone(), (b"system.posix_acl_access".to_vec(), acl.to_vec())];
        let mut bytes = Vec::new();
        let big = TarEntry { uid: 3_000_000, size: 9 << 30, xattrs: &all, ..entry(b"f") };
        big.write_header(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        for record in [
            "15 uid=3000000\n",
            "19 size=9663676416\n",
            "30 mtime=1763964000.123456789\n",
            "SCHILY.xattr.user.note=a\0b\n\n",
        ] {
            assert!(text.contains(record), "{record:?} in {text:?}");
        }
        assert!(text.contains("SCHILY.acl.access=user::rw-,user:1000:rwx\n"));
    }

    #[test]
    fn times_before_1970_are_written_as_decimals_below_zero() {
        let time = |seconds, nanoseconds| decimal_time(FileTime { seconds, nanoseconds });
        assert_eq!(time(-2, 750_000_000), "-1.250000000");
        assert_eq!(time(-1, 0), "-1.000000000");
        assert_eq!(time(-1, 500_000_000), "-0.500000000");
    }
}
