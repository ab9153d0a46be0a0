//! Schedules of a section: systemd's calendar events.

use crate::import::calendar::cron;
use crate::import::draft::{Notes, Origin, Sourced};
use crate::import::tree::Node;
use std::sync::Arc;

/// The section's schedule as a crontab expression. Of several that do not become one, the first is taken.
pub(super) fn of(section: &Node, file: &Arc<str>, notes: &mut Notes) -> Option<Sourced<String>> {
    let node = section.get("schedule")?;
    // Version 2 may say it as a section of its own.
    let events = if node.is_map() { node.get("at")? } else { node };
    let mut found: Option<Sourced<String>> = None;
    for event in events.items() {
        let origin = Origin { file: file.clone(), line: event.line };
        let text = event.text().unwrap_or_default();
        match (cron(text), &mut found) {
            (None, _) => notes.not_carried(Some(&origin), format!("the schedule `{text}`: a crontab cannot say it")),
            (Some(cron), None) => found = Some(Sourced::new(cron, &origin)),
            (Some(cron), Some(first)) => match crate::import::script::merged(&first.value, &cron) {
                Some(both) => first.value = both,
                None => {
                    notes.not_carried(Some(&origin), format!("the schedule `{text}`: a source goes to a tier by one"))
                }
            },
        }
    }
    found
}
