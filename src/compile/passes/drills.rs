use super::Draft;
use crate::compile::step::Action;
use crate::compile::{JobName, Needs};

/// A drill restores what its tier holds, once the tier's job of this run (if
/// any) has ended, so that no prune deletes under it.
pub(super) fn add_drills(draft: &mut Draft) {
    let plan = draft.plan;
    for (index, drill) in plan.drills.iter().enumerate().filter(|(at, _)| draft.selection.drills.contains(at)) {
        let job = JobName::new(&drill.tier.value, &drill.source.value);
        let waits_for = draft.job(&job).map(|job| job.chain.clone()).unwrap_or_default();
        let action = Action::Drill { index, max_time: drill.max_time.as_ref().map(|time| time.value) };
        let id = draft.add(format!("{job}/drill"), Some(job), action, drill.schedule.clone());
        draft.add_edges(&waits_for[waits_for.len().saturating_sub(1)..], id, Needs::Completion);
    }
}
