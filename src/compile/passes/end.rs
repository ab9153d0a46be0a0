use super::Draft;
use crate::compile::step::Action;
use crate::compile::{Needs, NodeId};

/// Attached last, after all else and whatever happened: the run is recorded,
/// the periodic reports that are due are sent, the channels are told.
pub(super) fn end_run(draft: &mut Draft) {
    let plan = draft.plan;
    let ends: Vec<NodeId> = draft.graph.last_nodes().collect();
    let record = draft.add("record".to_owned(), None, Action::Record, None);
    draft.add_edges(&ends, record, Needs::Completion);
    let mut ends = vec![record];
    for (index, report) in plan.reports.iter().enumerate().filter(|(at, _)| draft.selection.reports.contains(at)) {
        let name = report.name.value.clone();
        let to = report.to.iter().map(|channel| channel.value.clone()).collect();
        let id = format!("report/{name}");
        let id = draft.add(id, None, Action::Report { index, name, to }, Some(report.schedule.clone()));
        draft.graph.add_edge(record, id, Needs::Completion);
        ends.push(id);
    }
    for notify in &plan.notify {
        let channel = notify.name.value.clone();
        let id = format!("notify/{channel}");
        let id = draft.add(id, None, Action::Notify { channel, on: notify.on.clone() }, None);
        let waits_for = if ends.len() > 1 { &ends[1..] } else { &ends[..] };
        draft.add_edges(waits_for, id, Needs::Completion);
    }
}
