use super::{Draft, chain::last_before_prune};
use crate::compile::step::Action;
use crate::compile::{JobName, Needs};

/// A copy waits until the job that it copies has written and verified, and
/// needs its success; that job's prune waits for the copy, so that nothing
/// is deleted under it.
pub(super) fn order_copies(draft: &mut Draft) {
    let mut edges = Vec::new();
    for job in draft.jobs.iter().filter(|job| job.backup) {
        let (Some(from), Some(copy)) = (&job.job.from, job.chain.first()) else { continue };
        let Some(upstream) = draft.job(&JobName::new(from, &job.job.name.source)) else { continue };
        if let Some(last) = last_before_prune(&upstream.chain, |id| draft.graph.node(id)) {
            edges.push((last, *copy, Needs::Success));
        }
        let prune = upstream.chain.iter().find(|id| matches!(draft.action(**id), Action::Prune(_)));
        let upload = job.chain.iter().find(|id| matches!(draft.action(**id), Action::Upload(_)));
        if let (Some(upload), Some(prune)) = (upload, prune) {
            edges.push((*upload, *prune, Needs::Completion));
        }
    }
    for (from, to, needs) in edges {
        draft.graph.add_edge(from, to, needs);
    }
}
