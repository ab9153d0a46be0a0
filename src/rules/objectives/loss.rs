use crate::plan::Tier;
use std::fmt;

/// What can happen, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// A file is deleted or overwritten, and it is noticed.
    File,
    /// The machine or its disk fails.
    Disk,
    /// Fire, flood or theft takes everything in the house.
    Site,
    /// Someone has all rights that this machine has, and deletes what they can.
    Credentials,
}

impl Loss {
    pub const ALL: [Loss; 4] = [Loss::File, Loss::Disk, Loss::Site, Loss::Credentials];

    /// Whether what a tier holds is still there afterwards, as far as its settings tell.
    pub fn spares(self, tier: &Tier) -> bool {
        match self {
            Self::File => true,
            Self::Disk => is_another_disk(tier),
            Self::Site => !tier.store.is_this_machine() && !is_nearby(tier),
            // Whoever can write can delete, unless the store itself forbids it.
            Self::Credentials => tier.lock.is_some(),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::File => "a deleted file",
            Self::Disk => "the disk",
            Self::Site => "the site",
            Self::Credentials => "stolen credentials",
        })
    }
}

/// A local folder lies on the disk that is backed up, unless other disks are mounted there.
fn is_another_disk(tier: &Tier) -> bool {
    const MOUNTS: [&str; 5] = ["/media/", "/mnt/", "/run/media/", "/Volumes/", "/net/"];
    match tier.store.service.value.as_str() {
        "memory" => false,
        "fs" => {
            let root = tier.store.text(&["root"]).unwrap_or_default();
            MOUNTS.iter().any(|mount| root.starts_with(mount))
        }
        _ => !is_loopback(tier.store.host().unwrap_or_default()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

/// Whether a store's host is one of the house: a private address, or a name that no public server has.
fn is_nearby(tier: &Tier) -> bool {
    const ENDINGS: [&str; 6] = [".local", ".lan", ".internal", ".home", ".home.arpa", ".localdomain"];
    let Some(host) = tier.store.host() else { return false };
    let host = host.to_lowercase();
    let is_private = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_private() || ip.is_link_local());
    is_loopback(&host) || is_private || ENDINGS.iter().any(|end| host.ends_with(end)) || !host.contains(['.', ':'])
}
