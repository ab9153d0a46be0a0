use super::SecretRef;
use crate::base::{ByteSize, Percent, Rate};
use crate::diagnostics::{Span, Spanned};
use std::fmt;
use std::time::Duration;

/// A destination: a store, and how and when sources go there.
#[derive(Clone, Debug)]
pub struct Tier {
    pub name: Spanned<String>,
    pub store: StoreSpec,
    pub storage_class: Option<Spanned<String>>,
    pub server_side_encryption: Option<Spanned<ServerSideEncryption>>,
    /// Stored with every object, `k=v`; placeholders as written.
    pub metadata: Vec<(Spanned<String>, String)>,
    pub encryption: Encryption,
    pub compression: Spanned<Compression>,
    pub mode: Spanned<Mode>,
    /// Default for takes that have none of their own.
    pub schedule: Option<Schedule>,
    pub takes: Vec<Take>,
    pub keep: Option<Keep>,
    pub verify: Vec<Verify>,
    pub limits: Limits,
    /// Copy that tier's snapshots instead of reading the sources again.
    pub from: Option<Spanned<String>>,
    pub lock: Option<Lock>,
    /// Closed archives reach about this size as stored.
    pub volume_size: Option<Spanned<ByteSize>>,
    pub span: Span,
}

/// `store SERVICE { key value … }`, before secrets are resolved.
#[derive(Clone, Debug)]
pub struct StoreSpec {
    pub service: Spanned<String>,
    pub settings: Vec<Setting>,
    pub span: Span,
}

impl StoreSpec {
    /// The text of a setting; of several names for it, the first that is set.
    /// `None` where it is not set, or a secret.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| {
            let setting = self.settings.iter().find(|setting| setting.key.value == *key)?;
            setting.value.value.text()
        })
    }

    /// Whether the bytes stay on the machine that is backed up, be it on another disk.
    pub fn is_this_machine(&self) -> bool {
        matches!(self.service.value.as_str(), "fs" | "memory")
    }

    /// Whether it is Amazon's own S3 and not another that speaks its protocol.
    pub fn is_amazon(&self) -> bool {
        let host = self.host().unwrap_or("amazonaws.com");
        let has_secret_endpoint = self.settings.iter().any(|setting| {
            setting.key.value.contains("endpoint") && matches!(setting.value.value, SettingValue::Secret(_))
        });
        self.service.value == "s3"
            && !has_secret_endpoint
            && ["amazonaws.com", "amazonaws.com.cn"]
                .iter()
                .any(|end| host == *end || host.ends_with(&format!(".{end}")))
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

#[derive(Clone, Debug)]
pub struct Setting {
    pub key: Spanned<String>,
    pub value: Spanned<SettingValue>,
}

#[derive(Clone, Debug)]
pub enum SettingValue {
    Text(String),
    Secret(SecretRef),
}

impl SettingValue {
    /// `None`: a secret.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Secret(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
pub enum ServerSideEncryption {
    S3,
    Kms {
        key: Option<String>,
    },
    /// Where the customer's key is found: the base64 of 32 bytes.
    Customer {
        key: Option<SecretRef>,
    },
}

#[derive(Clone, Debug)]
pub enum Encryption {
    None {
        span: Option<Span>,
    },
    /// The name of a key.
    Key(Spanned<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Zstd { level: i32 },
    Gzip { level: u32 },
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd { level: 3 }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd { level } => write!(f, "zstd level {level}"),
            Self::Gzip { level } => write!(f, "gzip level {level}"),
            Self::None => f.write_str("none"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Incremental,
    Full,
}

/// A cron expression as written, checked, with its jitter. `crate::schedule`
/// turns it into times.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub cron: Spanned<String>,
    pub jitter: Option<Spanned<Duration>>,
}

/// `take SOURCE… [schedule=]`: one for each source name.
#[derive(Clone, Debug)]
pub struct Take {
    pub source: Spanned<String>,
    /// The take's own schedule, or the tier's, or that of the take that it copies.
    pub schedule: Option<Schedule>,
    pub span: Span,
}

/// Which snapshots stay: any rule keeps. All `None`: everything stays.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    pub last: Option<Spanned<u32>>,
    pub hourly: Option<Spanned<u32>>,
    pub daily: Option<Spanned<u32>>,
    pub weekly: Option<Spanned<u32>>,
    pub monthly: Option<Spanned<u32>>,
    pub yearly: Option<Spanned<u32>>,
    pub within: Option<Spanned<Duration>>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The objects are there, with their sizes.
    Presence,
    /// Their stored bytes hash to what was written; needs no key.
    Checksum,
    /// Decrypt, decompress, hash all content.
    Contents,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Presence => "presence",
            Self::Checksum => "checksum",
            Self::Contents => "contents",
        })
    }
}

#[derive(Clone, Debug)]
pub struct Verify {
    pub level: Spanned<Level>,
    pub sample: Option<Spanned<Percent>>,
    /// `None`: after every upload.
    pub schedule: Option<Schedule>,
    pub span: Span,
}

#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub upload: Option<Spanned<Rate>>,
    pub download: Option<Spanned<Rate>>,
    pub concurrency: Option<Spanned<u32>>,
}

/// Who may delete a locked object before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Those with a special right.
    Governance,
    /// Nobody, the owner of the account included.
    Compliance,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        })
    }
}

/// Object lock: `lock governance/compliance for=`.
#[derive(Clone, Debug)]
pub struct Lock {
    pub mode: Spanned<LockMode>,
    pub duration: Option<Spanned<Duration>>,
    pub span: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_out_of_endpoints() {
        let at = |text: &str| Spanned::new(text.to_owned(), Span::default());
        for (endpoint, host) in [
            ("ssh://me@vault.internal:22/x", "vault.internal"),
            ("a.b:9", "a.b"),
            ("http://[::1]:9000", "[::1]"),
            ("https://s3.example.org/path@x", "s3.example.org"),
        ] {
            let value = Spanned::new(SettingValue::Text(endpoint.to_owned()), Span::default());
            let settings = vec![Setting { key: at("endpoint"), value }];
            let store = StoreSpec { service: at("s3"), settings, span: Span::default() };
            assert_eq!(store.host(), Some(host));
        }
    }
}
