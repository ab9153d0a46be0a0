use super::{JobName, NodeId};
use crate::base::Percent;
use crate::plan::{Command, Keep, Level};

/// What the executor starts and waits for: one step, or the steps of one stream.
#[derive(Clone, Debug)]
pub struct Task {
    pub work: Work,
    /// In the graph of steps; at least one, in order.
    pub steps: Vec<NodeId>,
}

#[derive(Clone, Debug)]
pub enum Work {
    /// Before the source is read, once a run.
    Before {
        source: String,
        command: Command,
    },
    /// After all that read the source have ended.
    After {
        source: String,
        command: Command,
    },
    /// Archive, encrypt, upload: one stream that ends in a snapshot.
    Backup(JobName),
    Copy {
        job: JobName,
        from: String,
    },
    Verify {
        job: JobName,
        level: Level,
        sample: Option<Percent>,
        /// The place in the tier's `verify` list.
        index: usize,
        /// On its own schedule, not because of an upload.
        scheduled: bool,
    },
    Prune {
        job: JobName,
        keep: Box<Keep>,
    },
    Drill {
        job: JobName,
        index: usize,
    },
    Record,
    Report {
        index: usize,
    },
    Notify {
        channel: String,
    },
}
