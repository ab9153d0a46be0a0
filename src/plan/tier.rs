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
    /// The take's own schedule, or the tier's.
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
