use super::{Draft, DraftJob};
use crate::compile::jobs;

/// Each `take` of each tier becomes a job, if the selection has something for it to do.
pub(super) fn expand_takes(draft: &mut Draft) {
    for job in jobs(draft.plan) {
        let backup = draft.selection.jobs.contains(&job.name);
        let verify = draft.selection.verifications.iter().any(|(name, _)| *name == job.name);
        if backup || verify {
            draft.jobs.push(DraftJob { job, backup, chain: Vec::new() });
        }
    }
}
