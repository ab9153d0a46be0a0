//! Channels: whether anyone hears when a backup fails.

use super::{Check, Subject};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span};
use crate::plan::{Channel, Event, Notify};

static NOBODY: Rule = Rule {
    code: "plan::notify::nobody",
    severity: Severity::Warning,
    title: "nobody hears when a backup fails",
    why: "A backup that fails unheard is found out on the day it is needed. One channel that wants `failure` and \
          `missed` is enough.",
    bad: r#"
notify boss {
    slack (env)SLACK_WEBHOOK
    on success report
}
report weekly schedule="0 8 * * 1" to=boss"#,
    good: r#"
notify boss {
    slack (env)SLACK_WEBHOOK
    on failure missed report
}
report weekly schedule="0 8 * * 1" to=boss"#,
};
static WATCHDOG: Rule = Rule {
    code: "plan::notify::watchdog_without_success",
    severity: Severity::Warning,
    title: "a watchdog never hears that all is well",
    why: "Healthchecks calls when it has heard nothing for too long: it is the one channel that also notices a machine \
          that is off. It must hear of success, or it calls every day.",
    bad: r#"
notify watchdog {
    healthchecks (env)PING_URL
    on failure
}"#,
    good: r#"
notify watchdog {
    healthchecks (env)PING_URL
    on start success failure
}"#,
};
static REPEATED_EVENT: Rule = Rule {
    code: "plan::notify::repeated_event",
    severity: Severity::Warning,
    title: "an event stands twice",
    why: "A channel wants an event or not. Where one stands twice, another was most likely meant.",
    bad: r#"
notify boss {
    slack (env)SLACK_WEBHOOK
    on failure missed failure
}"#,
    good: r#"
notify boss {
    slack (env)SLACK_WEBHOOK
    on failure missed recovered
}"#,
};

pub(super) static RULES: [&Rule; 3] = [&NOBODY, &WATCHDOG, &REPEATED_EVENT];

pub(super) static CHECKS: [Check; 3] = [failures_that_nobody_hears, watchdogs_without_success, events_that_stand_twice];

fn failures_that_nobody_hears(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let plan = subject.plan;
    let hears = |notify: &Notify| notify.on.contains(&Event::Failure) || is_watchdog(notify);
    if !subject.is_whole() || plan.tiers.is_empty() || plan.notify.iter().any(hears) {
        return;
    }
    out.push(match &plan.notify[..] {
        [] => Diagnostic::new(&NOBODY, plan.name.span, "nobody hears when a backup of this plan fails")
            .help("add a channel: `notify NAME { ntfy (env)NTFY_URL }`"),
        [first, ..] => Diagnostic::new(&NOBODY, first.name.span, "no channel wants to hear of failures")
            .help("add `failure` and `missed` to its `on`"),
    });
}

/// A watchdog that no longer hears of success raises the alarm itself.
fn is_watchdog(notify: &Notify) -> bool {
    matches!(notify.channel, Channel::Healthchecks { .. }) && notify.on.contains(&Event::Success)
}

fn watchdogs_without_success(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for notify in subject.plan.notify.iter().filter(|notify| subject.is_sound(notify.span)) {
        if matches!(notify.channel, Channel::Healthchecks { .. }) && !notify.on.contains(&Event::Success) {
            out.push(
                Diagnostic::new(&WATCHDOG, notify.name.span, format!("`{}` never hears of success", notify.name.value))
                    .label("will call though all is well")
                    .help("write `on start success failure`, or leave `on` out"),
            );
        }
    }
}

fn events_that_stand_twice(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for notify in subject.nodes("notify") {
        let mut first: Vec<(&str, Span)> = Vec::new();
        for value in notify.children_named("on").flat_map(|on| &on.arguments) {
            let Some(event) = value.as_str() else { continue };
            match first.iter().find(|(known, _)| *known == event) {
                None => first.push((event, value.span)),
                Some((_, at)) => out.push(
                    Diagnostic::new(&REPEATED_EVENT, value.span, format!("`{event}` stands twice"))
                        .also(*at, "first here")
                        .help("remove it, or name the event that was meant")
                        .fix(Fix::delete(value.span, "the second")),
                ),
            }
        }
    }
}
