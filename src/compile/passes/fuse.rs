use crate::compile::step::{Action, Step};
use crate::compile::task::{Task, Work};
use crate::compile::{Graph, JobName, NodeId};

/// Which steps become one task.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Stream(JobName),
    Alone(NodeId),
}

/// Bytes flow through archive, encrypt and upload at once, so the three are
/// executed as one task; every other step is a task of its own.
pub(in crate::compile) fn fuse(steps: &Graph<Step>) -> Graph<Task> {
    let class = |id: NodeId, step: &Step| match &step.job {
        Some(job) if step.action.is_streaming() => Class::Stream(job.clone()),
        _ => Class::Alone(id),
    };
    steps.merge(class, |members| {
        let first = steps.node(members[0]);
        Task { work: work(first), steps: members.to_vec() }
    })
}

fn work(first: &Step) -> Work {
    let job = || first.job.as_ref().expect("the steps of a job say which").clone();
    match &first.action {
        Action::Before { source, command } => Work::Before { source: source.clone(), command: command.clone() },
        Action::After { source, command } => Work::After { source: source.clone(), command: command.clone() },
        Action::Archive { .. } | Action::Encrypt { .. } | Action::Upload(_) => Work::Backup(job()),
        Action::Copy { from } => Work::Copy { job: job(), from: from.clone() },
        Action::Verify { level, sample, index } => Work::Verify {
            job: job(),
            level: *level,
            sample: *sample,
            index: *index,
            scheduled: first.schedule.is_some(),
        },
        Action::Prune(keep) => Work::Prune { job: job(), keep: keep.clone() },
        Action::Drill { index, .. } => Work::Drill { job: job(), index: *index },
        Action::Record => Work::Record,
        Action::Report { index, .. } => Work::Report { index: *index },
        Action::Notify { channel, .. } => Work::Notify { channel: channel.clone() },
    }
}
