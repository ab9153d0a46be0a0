use super::job::JobName;
use crate::base::{ByteSize, Percent};
use crate::plan::{
    Command, Compression, Event, Keep, Level, Limits, Lock, Mode, Schedule, ServerSideEncryption, SettingValue, Tier,
};
use std::time::Duration;

/// One thing that a run does, with the settings that it needs, resolved.
#[derive(Clone, Debug)]
pub struct Step {
    /// Unique in its graph and the same in every compilation: `cloud/data/upload`.
    pub id: String,
    /// The job that it belongs to; `None` for hooks, which serve all jobs of
    /// their source, and for what ends a run.
    pub job: Option<JobName>,
    pub action: Action,
    /// The step's own schedule, where it does not follow its job's.
    pub schedule: Option<Schedule>,
}

#[derive(Clone, Debug)]
pub enum Action {
    /// Once a run for a source, whatever the number of tiers that take it.
    Before {
        source: String,
        command: Command,
    },
    After {
        source: String,
        command: Command,
    },
    /// Read a source and pack what is new.
    Archive {
        mode: Mode,
        compression: Compression,
        volume_size: Option<ByteSize>,
    },
    /// Read another tier's snapshots.
    Copy {
        from: String,
    },
    Encrypt {
        key: String,
        recipients: usize,
    },
    Upload(Box<Upload>),
    Verify {
        level: Level,
        sample: Option<Percent>,
        /// The place in the tier's `verify` list.
        index: usize,
    },
    Prune(Box<Keep>),
    /// Restore, compare, time.
    Drill {
        /// The place in the plan's list of drills.
        index: usize,
        max_time: Option<Duration>,
    },
    /// Write down how the run went: state, history, metrics.
    Record,
    /// Send a periodic summary.
    Report {
        /// The place in the plan's list of reports.
        index: usize,
        name: String,
        to: Vec<String>,
    },
    Notify {
        channel: String,
        on: Vec<Event>,
    },
}

/// How objects are written to a tier's store.
#[derive(Clone, Debug)]
pub struct Upload {
    pub service: String,
    pub settings: Vec<(String, SettingValue)>,
    pub storage_class: Option<String>,
    pub server_side_encryption: Option<ServerSideEncryption>,
    pub metadata: Vec<(String, String)>,
    pub limits: Limits,
    pub lock: Option<Lock>,
}

impl Upload {
    pub fn of(tier: &Tier) -> Self {
        let settings = tier.store.settings.iter();
        Self {
            service: tier.store.service.value.clone(),
            settings: settings.map(|setting| (setting.key.value.clone(), setting.value.value.clone())).collect(),
            storage_class: tier.storage_class.as_ref().map(|class| class.value.clone()),
            server_side_encryption: tier.server_side_encryption.as_ref().map(|sse| sse.value.clone()),
            metadata: tier.metadata.iter().map(|(key, value)| (key.value.clone(), value.clone())).collect(),
            limits: tier.limits.clone(),
            lock: tier.lock.clone(),
        }
    }
}

impl Action {
    /// One word, as in ids and JSON.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Before { .. } => "before",
            Self::After { .. } => "after",
            Self::Archive { .. } => "archive",
            Self::Copy { .. } => "copy",
            Self::Encrypt { .. } => "encrypt",
            Self::Upload(_) => "upload",
            Self::Verify { .. } => "verify",
            Self::Prune(_) => "prune",
            Self::Drill { .. } => "drill",
            Self::Record => "record",
            Self::Report { .. } => "report",
            Self::Notify { .. } => "notify",
        }
    }

    /// Whether bytes flow through it while its neighbours run: these steps of
    /// a job are one stream, executed as one.
    pub fn is_streaming(&self) -> bool {
        matches!(self, Self::Archive { .. } | Self::Copy { .. } | Self::Encrypt { .. } | Self::Upload(_))
    }
}

impl Step {
    /// The source that it deals with, if it is one.
    pub fn source(&self) -> Option<&str> {
        match (&self.job, &self.action) {
            (Some(job), _) => Some(&job.source),
            (None, Action::Before { source, .. } | Action::After { source, .. }) => Some(source),
            (None, _) => None,
        }
    }

    /// A few words for a person: `encrypt ops`, `verify contents 5%`.
    pub fn label(&self) -> String {
        match &self.action {
            Action::Before { .. } | Action::After { .. } | Action::Prune(_) | Action::Record => {
                self.action.verb().to_owned()
            }
            Action::Archive { mode: Mode::Incremental, .. } => "archive".to_owned(),
            Action::Archive { mode: Mode::Full, .. } => "archive in full".to_owned(),
            Action::Copy { from } => format!("copy from {from}"),
            Action::Encrypt { key, .. } => format!("encrypt {key}"),
            Action::Upload(_) => "upload".to_owned(),
            Action::Verify { level, sample: None, .. } => format!("verify {level}"),
            Action::Verify { level, sample: Some(sample), .. } => format!("verify {level} {sample}"),
            Action::Drill { .. } => "drill".to_owned(),
            Action::Report { name, .. } => format!("report {name}"),
            Action::Notify { channel, .. } => format!("notify {channel}"),
        }
    }
}
