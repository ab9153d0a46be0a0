use super::super::Subject;
use super::super::job::{self, HORIZON_DAYS};
use crate::base::{Timestamp, format_duration};
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use crate::plan::Schedule;
use crate::schedule::Timetable;
use std::collections::HashSet;
use std::time::Duration;

/// A run walks all files, and every run is a snapshot to list and to prune.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// As often as that is not a backup any more.
const LONGEST_INTERVAL_DAYS: usize = 100;
pub(in super::super) static UNEVEN_STEP: Rule = Rule {
    code: "plan::schedule::uneven_step",
    severity: Severity::Warning,
    title: "a step does not divide its hour or day",
    why: "A step counts within its field and begins anew with each hour or day. `*/5` in the hour field is 0, 5, 10, \
          15, 20 and then 0 again, four hours later; `*/40` in the minute field is 0 and 40, not every 40 minutes.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 */5 * * *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 */6 * * *"
    take data
}"#,
};
pub(in super::super) static TOO_OFTEN: Rule = Rule {
    code: "plan::schedule::too_often",
    severity: Severity::Warning,
    title: "a schedule comes every few minutes",
    why: "Each run looks at every file, and makes a snapshot that is listed, verified and pruned. Less than five \
          minutes apart, one run is hardly done when the next is due. A `*` in the minute field is most often meant \
          to be `0`.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "* 2 * * *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
}"#,
};
pub(in super::super) static RARE: Rule = Rule {
    code: "plan::schedule::rare",
    severity: Severity::Warning,
    title: "months pass between two runs",
    why: "What happens in the months between is in no backup. Often a field has slipped: day of the month and month \
          stand third and fourth.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 1 1 *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 1 * *"
    take data
}"#,
};
pub(in super::super) static JITTER: Rule = Rule {
    code: "plan::schedule::jitter",
    severity: Severity::Warning,
    title: "the jitter is as long as the interval",
    why: "A run may start as much later as its `jitter` says. Where that is as long as the time to the next run, the \
          two can fall together and one of them is lost.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 * * * *" jitter="2h"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 * * * *" jitter="10m"
    take data
}"#,
};

/// `*/n` whose last interval is shorter than the others.
pub(in super::super) fn steps_that_do_not_divide(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    const FIELDS: [(usize, u32, &str); 2] = [(0, 60, "minutes"), (1, 24, "hours")];
    for (schedule, _) in subject.timetables() {
        for (place, whole, unit) in FIELDS {
            let field = schedule.cron.value.split_whitespace().nth(place);
            let step = field.and_then(|field| field.strip_prefix("*/")).and_then(|step| step.parse::<u32>().ok());
            let Some(step) = step.filter(|step| *step > 0 && *step < whole && whole % step != 0) else { continue };
            let last = whole % step;
            let divisors: Vec<String> = (step.saturating_sub(step / 2).max(1)..=step * 2)
                .filter(|n| whole % n == 0 && *n < whole)
                .map(|n| format!("`*/{n}`"))
                .collect();
            let message = format!("`*/{step}` is not every {step} {unit}: the last interval is {last} {unit}");
            let diagnostic = Diagnostic::new(&UNEVEN_STEP, schedule.cron.span, message)
                .label(format!("begins anew every {whole} {unit}"));
            out.push(if divisors.is_empty() {
                diagnostic.help("write the times out, such as `0,40`")
            } else {
                diagnostic.help(format!("{} divide evenly", divisors.join(", ")))
            });
        }
    }
}

/// Intervals that are hardly meant. Tiers only: a report may well be yearly.
pub(in super::super) fn schedules_too_often_or_too_rare(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let from = job::from(subject.plan);
    for (schedule, table) in of_backups(subject) {
        let text = &schedule.cron.value;
        if let Some(shortest) = job::shortest_interval(table).filter(|shortest| *shortest < SHORTEST_INTERVAL) {
            let every = match shortest.as_secs() / 60 {
                1 => "minute".to_owned(),
                minutes => format!("{minutes} minutes"),
            };
            let message = format!("`{text}` runs every {every}");
            out.push(
                Diagnostic::new(&TOO_OFTEN, schedule.cron.span, message)
                    .label(table.expression.describe())
                    .help("leave at least five minutes between runs"),
            );
        }
        let days = longest_pause_days(table, from);
        if days > LONGEST_INTERVAL_DAYS && table.ever_fires(from) {
            out.push(
                Diagnostic::new(
                    &RARE,
                    schedule.cron.span,
                    format!("`{text}` leaves {days} days in a row without a backup"),
                )
                .label(table.expression.describe())
                .help("the fields are minute, hour, day of the month, month, day of the week"),
            );
        }
    }
}

/// Jitter that reaches the next run.
pub(in super::super) fn jitter_longer_than_the_interval(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (schedule, table) in subject.timetables() {
        let (Some(jitter), Some(shortest)) = (&schedule.jitter, job::shortest_interval(table)) else { continue };
        if jitter.value >= shortest {
            let message = format!(
                "a jitter of {} is not shorter than the {} between two runs",
                format_duration(jitter.value),
                format_duration(shortest)
            );
            out.push(
                Diagnostic::new(&JITTER, jitter.span, message)
                    .also(schedule.cron.span, table.expression.describe())
                    .help("choose a jitter well below the interval"),
            );
        }
    }
}

/// The schedules of takes.
fn of_backups<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s Schedule, &'s Timetable)> {
    let takes = subject.plan.tiers.iter().flat_map(|tier| &tier.takes);
    let spans: HashSet<Span> = takes.filter_map(|take| Some(take.schedule.as_ref()?.cron.span)).collect();
    subject.timetables().filter(move |(schedule, _)| spans.contains(&schedule.cron.span))
}

/// The most days in a row, of a year, on which nothing is due.
fn longest_pause_days(table: &Timetable, from: Timestamp) -> usize {
    let mut longest = 0;
    let mut pause = 0;
    for day in from.with_timezone(&table.zone).date_naive().iter_days().take(HORIZON_DAYS as usize) {
        pause = if table.expression.matches_day(day) { 0 } else { pause + 1 };
        longest = longest.max(pause);
    }
    longest
}
