//! What was found in one script or crontab line: archives, uploads, what is
//! deleted, checked and told.

use crate::import::draft::{
    ChannelDraft, CommandLine, KeepRule, Notes, Origin, SourceDraft, Sourced, StoreDraft, TierDraft,
};

/// Something that is backed up, and the files that it becomes.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// Named after the file it becomes; not yet unique.
    pub source: SourceDraft,
    /// The files, as patterns: what is not known is `*`.
    pub outputs: Vec<Output>,
    /// Stores that it is sent to straight from a pipe.
    pub sent: Vec<TierDraft>,
    /// What its encryption is carried over as, if it is encrypted.
    pub encryption: Option<Encrypted>,
    /// A copy of a tree rather than an archive of it.
    pub is_mirror: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Output {
    pub pattern: String,
    /// Its folder, without dates; none if it is not known.
    pub folder: Option<String>,
    pub origin: Origin,
}

/// How the script encrypts.
#[derive(Clone, Debug)]
pub(super) struct Encrypted {
    pub origin: Origin,
    /// Public keys that age can encrypt to.
    pub recipients: Vec<Sourced<String>>,
    pub notes: Notes,
}

/// Files that are sent to a store.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub from: String,
    /// The folder or file as a place, for what is not an archive made here; none if it is not known.
    pub place: Option<String>,
    pub tier: TierDraft,
    pub origin: Origin,
    pub exclude: Vec<Sourced<String>>,
}

/// Something that is deleted when it is old.
#[derive(Clone, Debug)]
pub(super) struct Expiry {
    pub target: Target,
    pub rule: KeepRule,
    pub origin: Origin,
}

/// Something that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub target: Target,
    pub level: &'static str,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Files of this machine, as a pattern.
    Files(String),
    Store(StoreDraft),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub items: Vec<Item>,
    pub uploads: Vec<Upload>,
    pub expiries: Vec<Expiry>,
    pub checks: Vec<Check>,
    /// Patterns of files that are deleted at once.
    pub removed: Vec<String>,
    pub channels: Vec<ChannelDraft>,
    /// Whole backups by another backup program: a source and the tier that it goes to.
    pub engines: Vec<Engine>,
    /// Commands to run before the next item.
    pub before: Vec<Sourced<CommandLine>>,
    /// How many items were there when what was stopped was started again.
    pub notes: Notes,
}

/// A call of restic or Borg.
#[derive(Clone, Debug, Default)]
pub(super) struct Engine {
    pub source: Option<SourceDraft>,
    pub tier: TierDraft,
    pub key_notes: Notes,
}
