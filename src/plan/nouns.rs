use super::{Key, Notify, Schedule, Source, Tier};
use crate::diagnostics::{Span, Spanned};
use std::path::PathBuf;
use std::time::Duration;

/// A whole plan file with its includes.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: Spanned<String>,
    pub description: Option<String>,
    pub timezone: Spanned<chrono_tz::Tz>,
    /// Where local state lives; `None`: the user's state folder.
    pub state: Option<PathBuf>,
    pub nice: Option<Nice>,
    pub objective: Objective,
    pub keys: Vec<Key>,
    pub sources: Vec<Source>,
    pub tiers: Vec<Tier>,
    pub notify: Vec<Notify>,
    pub reports: Vec<Report>,
    pub drills: Vec<Drill>,
    pub span: Span,
}

impl Plan {
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.name.value == name)
    }
    pub fn tier(&self, name: &str) -> Option<&Tier> {
        self.tiers.iter().find(|t| t.name.value == name)
    }
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|k| k.name.value == name)
    }
}

/// How far a run stands back for other work of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nice {
    /// As in nice(1), 0 to 19.
    pub level: u32,
    /// Use the disk only while nobody else wants it.
    pub io_idle: bool,
}

impl std::fmt::Display for Nice {
    /// As in a plan: `10 io=idle`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.level, if self.io_idle { " io=idle" } else { "" })
    }
}

/// What the backups promise.
#[derive(Clone, Debug, Default)]
pub struct Objective {
    /// Recovery point objective: how much work may be lost.
    pub rpo: Option<Spanned<Duration>>,
    /// Recovery time objective: how long a restore may take.
    pub rto: Option<Spanned<Duration>>,
}

/// A periodic summary sent to notify channels.
#[derive(Clone, Debug)]
pub struct Report {
    pub name: Spanned<String>,
    pub schedule: Schedule,
    pub to: Vec<Spanned<String>>,
    pub span: Span,
}

/// A periodic restore into a scratch folder, compared and timed.
#[derive(Clone, Debug)]
pub struct Drill {
    pub source: Spanned<String>,
    pub tier: Spanned<String>,
    pub schedule: Option<Schedule>,
    pub max_time: Option<Spanned<Duration>>,
    pub span: Span,
}
