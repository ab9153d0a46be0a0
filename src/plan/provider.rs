//! Who runs a store, told from its settings, and what their storage classes do.
//!
//! Prices are not here (`cost`), only the facts that decide whether a plan can
//! work: minimum durations, minimum sizes, what must be thawed and how long
//! that takes. Sources: the providers' documentation as of 2026, see
//! `schema/` for the dated price table.

use super::{SettingValue, StoreSpec};
use std::fmt;
use std::time::Duration;

/// A provider of storage, or a kind of storage that one runs oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    LocalFolder,
    Memory,
    Sftp,
    WebDav,
    Aws,
    GoogleCloud,
    Azure,
    BackblazeB2,
    Wasabi,
    CloudflareR2,
    Scaleway,
    Hetzner,
    Ovh,
    /// Speaks S3's protocol; whose it is cannot be told (MinIO, Ceph, …).
    OtherS3,
    /// A service that this program does not know.
    Unknown,
}

/// What is to be known of a storage class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StorageClass {
    /// As it is written in a plan.
    pub name: &'static str,
    /// Deleted sooner, the rest of these days is billed all the same.
    pub minimum_days: u32,
    /// Smaller objects are billed as this large.
    pub minimum_bytes: u64,
    /// Billed beside each object, at the class's price and at the standard price.
    pub overhead_bytes: u64,
    /// `None`: objects are readable at once. Else they must be thawed first.
    pub thaw: Option<Thaw>,
    /// Lost with one data centre.
    pub is_one_zone: bool,
}

/// How long an object takes to become readable, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thaw {
    /// The quickest that can be asked for; `None`: there is no quicker way.
    pub expedited: Option<Duration>,
    pub standard: Duration,
    pub bulk: Option<Duration>,
}

impl Thaw {
    pub fn quickest(&self) -> Duration {
        self.expedited.unwrap_or(self.standard)
    }
}

const KIB: u64 = 1 << 10;

const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

const fn class(name: &'static str, minimum_days: u32, minimum_bytes: u64) -> StorageClass {
    StorageClass { name, minimum_days, minimum_bytes, overhead_bytes: 0, thaw: None, is_one_zone: false }
}

const AWS_GLACIER: Thaw =
    Thaw { expedited: Some(Duration::from_secs(5 * 60)), standard: hours(5), bulk: Some(hours(12)) };
const AWS_DEEP_ARCHIVE: Thaw = Thaw { expedited: None, standard: hours(12), bulk: Some(hours(48)) };
const AZURE_ARCHIVE: Thaw = Thaw { expedited: Some(hours(1)), standard: hours(15), bulk: None };
const SCALEWAY_GLACIER: Thaw = Thaw { expedited: None, standard: hours(24), bulk: None };

const AWS: [StorageClass; 9] = [
    class("STANDARD", 0, 0),
    class("STANDARD_IA", 30, 128 * KIB),
    StorageClass { is_one_zone: true, ..class("ONEZONE_IA", 30, 128 * KIB) },
    class("INTELLIGENT_TIERING", 0, 0),
    class("GLACIER_IR", 90, 128 * KIB),
    StorageClass { overhead_bytes: 40 * KIB, thaw: Some(AWS_GLACIER), ..class("GLACIER", 90, 0) },
    StorageClass { overhead_bytes: 40 * KIB, thaw: Some(AWS_DEEP_ARCHIVE), ..class("DEEP_ARCHIVE", 180, 0) },
    StorageClass { is_one_zone: true, ..class("EXPRESS_ONEZONE", 0, 0) },
    class("REDUCED_REDUNDANCY", 0, 0),
];
const GOOGLE: [StorageClass; 4] =
    [class("STANDARD", 0, 0), class("NEARLINE", 30, 0), class("COLDLINE", 90, 0), class("ARCHIVE", 365, 0)];
const AZURE: [StorageClass; 4] = [
    class("Hot", 0, 0),
    class("Cool", 30, 0),
    class("Cold", 90, 0),
    StorageClass { thaw: Some(AZURE_ARCHIVE), ..class("Archive", 180, 0) },
];
const R2: [StorageClass; 2] = [class("STANDARD", 0, 0), class("STANDARD_IA", 30, 0)];
const SCALEWAY: [StorageClass; 3] = [
    class("STANDARD", 0, 0),
    StorageClass { is_one_zone: true, ..class("ONEZONE_IA", 0, 0) },
    StorageClass { thaw: Some(SCALEWAY_GLACIER), ..class("GLACIER", 0, 0) },
];
const WASABI: [StorageClass; 1] = [class("STANDARD", 90, 4 * KIB)];
const HETZNER: [StorageClass; 1] = [class("STANDARD", 0, 64 * KIB)];
const STANDARD_ONLY: [StorageClass; 1] = [class("STANDARD", 0, 0)];

/// Endings of host names, and whose they are.
const HOSTS: [(&str, Provider); 9] = [
    ("amazonaws.com", Provider::Aws),
    ("amazonaws.com.cn", Provider::Aws),
    ("backblazeb2.com", Provider::BackblazeB2),
    ("wasabisys.com", Provider::Wasabi),
    ("r2.cloudflarestorage.com", Provider::CloudflareR2),
    ("scw.cloud", Provider::Scaleway),
    ("your-objectstorage.com", Provider::Hetzner),
    ("cloud.ovh.net", Provider::Ovh),
    ("storage.googleapis.com", Provider::GoogleCloud),
];

impl Provider {
    pub fn of(store: &StoreSpec) -> Self {
        match store.service.value.as_str() {
            "fs" => Self::LocalFolder,
            "memory" => Self::Memory,
            "sftp" => Self::Sftp,
            "webdav" => Self::WebDav,
            "gcs" => Self::GoogleCloud,
            "azblob" => Self::Azure,
            "b2" => Self::BackblazeB2,
            "s3" => match store.host() {
                None => Self::Aws,
                Some(host) => HOSTS
                    .iter()
                    .find(|(end, _)| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
                    .map_or(Self::OtherS3, |(_, provider)| *provider),
            },
            _ => Self::Unknown,
        }
    }

    /// The storage classes that can be asked for, the standard one first.
    /// `None`: cannot be told. Empty: there are none.
    pub fn classes(self) -> Option<&'static [StorageClass]> {
        match self {
            Self::Aws => Some(&AWS),
            Self::GoogleCloud => Some(&GOOGLE),
            Self::Azure => Some(&AZURE),
            Self::CloudflareR2 => Some(&R2),
            Self::Scaleway => Some(&SCALEWAY),
            Self::Wasabi => Some(&WASABI),
            Self::Hetzner => Some(&HETZNER),
            Self::BackblazeB2 => Some(&STANDARD_ONLY),
            Self::LocalFolder | Self::Memory | Self::Sftp | Self::WebDav => Some(&[]),
            Self::Ovh | Self::OtherS3 | Self::Unknown => None,
        }
    }

    /// The class of that name; without one, the class that an object gets by default.
    pub fn class(self, name: Option<&str>) -> Option<&'static StorageClass> {
        let classes = self.classes()?;
        match name {
            None => classes.first(),
            // Azure's own tools write `Cool` and `cool`.
            Some(name) if self == Self::Azure => classes.iter().find(|class| class.name.eq_ignore_ascii_case(name)),
            Some(name) => classes.iter().find(|class| class.name == name),
        }
    }

    /// Whether the bytes lie on the machine that is backed up.
    pub fn is_this_machine(self) -> bool {
        matches!(self, Self::LocalFolder | Self::Memory)
    }

    /// Whether it is billed by what is stored.
    pub fn is_billed(self) -> bool {
        !matches!(self, Self::LocalFolder | Self::Memory | Self::Sftp | Self::WebDav | Self::OtherS3 | Self::Unknown)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::LocalFolder => "a local folder",
            Self::Memory => "memory",
            Self::Sftp => "SFTP",
            Self::WebDav => "WebDAV",
            Self::Aws => "Amazon S3",
            Self::GoogleCloud => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
            Self::BackblazeB2 => "Backblaze B2",
            Self::Wasabi => "Wasabi",
            Self::CloudflareR2 => "Cloudflare R2",
            Self::Scaleway => "Scaleway",
            Self::Hetzner => "Hetzner",
            Self::Ovh => "OVHcloud",
            Self::OtherS3 => "an S3-compatible store",
            Self::Unknown => "an unknown service",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl StoreSpec {
    /// The text of a setting; of several names for it, the first that is set.
    /// `None` where it is not set, or a secret.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| {
            let setting = self.settings.iter().find(|setting| setting.key.value == *key)?;
            match &setting.value.value {
                SettingValue::Text(text) => Some(text.as_str()),
                SettingValue::Secret(_) => None,
            }
        })
    }

    /// `https://host:port/…` of an endpoint, as written.
    pub fn endpoint(&self) -> Option<&str> {
        self.text(&["endpoint", "endpoint_url", "aws_endpoint", "aws_endpoint_url", "azure_endpoint"])
    }

    /// The endpoint's host name, without port and user.
    pub fn host(&self) -> Option<&str> {
        let endpoint = self.endpoint()?;
        let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = authority.rsplit('@').next().unwrap_or(authority);
        if let Some(end) = host.find(']') {
            return Some(&host[..=end]);
        }
        Some(host.split(':').next().unwrap_or(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Span, Spanned};
    use crate::plan::Setting;

    fn store(service: &str, endpoint: Option<&str>) -> StoreSpec {
        let at = |text: &str| Spanned::new(text.to_owned(), Span::default());
        let settings = endpoint
            .iter()
            .map(|endpoint| Setting {
                key: at("endpoint"),
                value: Spanned::new(SettingValue::Text((*endpoint).to_owned()), Span::default()),
            })
            .collect();
        StoreSpec { service: at(service), settings, span: Span::default() }
    }

    #[test]
    fn the_endpoint_tells_whose_store_it_is() {
        for (endpoint, provider) in [
            (None, Provider::Aws),
            (Some("https://s3.eu-west-1.amazonaws.com"), Provider::Aws),
            (Some("s3.eu-central-003.backblazeb2.com"), Provider::BackblazeB2),
            (Some("https://abc.r2.cloudflarestorage.com/"), Provider::CloudflareR2),
            (Some("https://s3.fr-par.scw.cloud:443"), Provider::Scaleway),
            (Some("http://127.0.0.1:9000"), Provider::OtherS3),
            (Some("http://[::1]:9000"), Provider::OtherS3),
            (Some("https://notamazonaws.com"), Provider::OtherS3),
            (Some("https://s3.wasabisys.com.example.org"), Provider::OtherS3),
        ] {
            assert_eq!(Provider::of(&store("s3", endpoint)), provider, "{endpoint:?}");
        }
        assert_eq!(Provider::of(&store("fs", None)), Provider::LocalFolder);
        assert_eq!(Provider::of(&store("dropbox", None)), Provider::Unknown);
    }

    #[test]
    fn hosts_are_read_out_of_endpoints() {
        for (endpoint, host) in
            [("ssh://me@vault.internal:22/x", "vault.internal"), ("a.b:9", "a.b"), ("http://[::1]:9000", "[::1]")]
        {
            assert_eq!(store("sftp", Some(endpoint)).host(), Some(host));
        }
    }

    #[test]
    fn the_first_class_is_the_one_an_object_gets_by_default() {
        assert_eq!(Provider::Aws.class(None).map(|class| class.name), Some("STANDARD"));
        assert_eq!(Provider::Azure.class(Some("archive")).map(|class| class.name), Some("Archive"));
        assert_eq!(Provider::Aws.class(Some("glacier")), None);
        assert_eq!(Provider::LocalFolder.class(None), None);
    }
}
