use super::{Bucket, Rules};
use crate::base::format_duration;
use std::fmt;
use std::time::Duration;

/// What becomes of one snapshot.
///
/// Prints as a person would want to read it in a list: `daily 3 of 30 (2026-11-20)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// At least one reason: those of the rules in the order last, hourly to
    /// yearly, within; then those that hold whatever the rules say.
    Keep(Vec<Reason>),
    Forget(Forget),
}

impl Decision {
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep(_))
    }
}

/// Why a snapshot stays. Places count from 1, the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NoRules,
    Last { place: u32, of: u32 },
    Bucket { bucket: Bucket, place: u32, of: u32 },
    Within(Duration),
    Newest,
    NewestComplete,
    NewestVerified,
    Future,
}

impl Reason {
    /// Whether it holds without any rule.
    pub fn is_safeguard(&self) -> bool {
        matches!(self, Self::Newest | Self::NewestComplete | Self::NewestVerified | Self::Future)
    }
}

/// Why a snapshot goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// Another one stands for the finest bucket of it that is kept.
    Represented {
        bucket: Bucket,
        /// Which of the candidates.
        by: usize,
        /// Whether that one is newer; else it is complete and this one partial.
        is_newer: bool,
    },
    /// All its buckets are older than those that are kept.
    Beyond(Rules),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(reasons) => {
                let is_by_rule = reasons.iter().any(|reason| !reason.is_safeguard());
                let shown = reasons.iter().filter(|reason| !(is_by_rule && reason.is_safeguard()));
                f.pad(&shown.map(Reason::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::Forget(forget) => forget.fmt(f),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRules => f.write_str("no `keep` rule"),
            Self::Last { place, of } => write!(f, "last {place} of {of}"),
            Self::Bucket { bucket, place, of } => write!(f, "{} {place} of {of} ({bucket})", bucket.period),
            Self::Within(duration) => write!(f, "within {}", format_duration(*duration)),
            Self::Newest => f.write_str("newest snapshot"),
            Self::NewestComplete => f.write_str("newest complete snapshot"),
            Self::NewestVerified => f.write_str("newest verified snapshot"),
            Self::Future => f.write_str("dated in the future"),
        }
    }
}

impl fmt::Display for Forget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Represented { bucket, is_newer, .. } => {
                let what = if *is_newer { "newer" } else { "complete" };
                f.pad(&format!("{bucket} keeps a {what} one"))
            }
            Self::Beyond(rules) => f.pad(&format!("beyond {rules}")),
        }
    }
}
