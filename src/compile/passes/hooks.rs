use super::Draft;
use crate::compile::step::Action;
use crate::compile::{Needs, NodeId};
use crate::plan::Source;

/// A source's `before` commands run once a run, in order, before any tier
/// reads it: a dump is made once however many tiers take it. If one fails,
/// the source is not read.
pub(super) fn add_before_hooks(draft: &mut Draft) {
    for source in read_sources(draft) {
        let mut last: Option<NodeId> = None;
        for (number, command) in (1..).zip(&source.before) {
            let name = &source.name.value;
            let id = draft.add(
                format!("{name}/before-{number}"),
                None,
                Action::Before { source: name.clone(), command: command.clone() },
                None,
            );
            if let Some(last) = last {
                draft.graph.add_edge(last, id, Needs::Success);
            }
            draft.before.entry(name.clone()).or_default().push(id);
            last = Some(id);
        }
    }
}

/// Its `after` commands run once all tiers have read it, in order, whether
/// that went well or not (and whether the `before` commands did): they clean up.
pub(super) fn add_after_hooks(draft: &mut Draft) {
    for source in read_sources(draft) {
        let name = &source.name.value;
        let mut waits_for: Vec<NodeId> = readers(draft, name);
        for (number, command) in (1..).zip(&source.after) {
            let id = draft.add(
                format!("{name}/after-{number}"),
                None,
                Action::After { source: name.clone(), command: command.clone() },
                None,
            );
            draft.add_edges(&waits_for, id, Needs::Completion);
            waits_for = vec![id];
        }
    }
}

/// The sources that some job of this run reads, in plan order.
fn read_sources<'a>(draft: &Draft<'a>) -> Vec<&'a Source> {
    let reads = |source: &&Source| {
        draft.jobs.iter().any(|job| job.backup && job.job.from.is_none() && job.job.name.source == source.name.value)
    };
    draft.plan.sources.iter().filter(reads).collect()
}

fn readers(draft: &Draft, source: &str) -> Vec<NodeId> {
    let jobs = draft.jobs.iter().filter(|job| job.job.name.source == source);
    let steps = jobs.flat_map(|job| job.chain.iter().copied());
    steps.filter(|id| matches!(draft.action(*id), Action::Archive { .. })).collect()
}
