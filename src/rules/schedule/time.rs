use super::super::Subject;
use super::super::job::{self, HORIZON_DAYS, Job};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::plan::{Mode, Tier};
use crate::schedule::DstKind;
use std::collections::HashSet;
use std::rc::Rc;

pub(in super::super) static DST_SKIPPED: Rule = Rule {
    code: "plan::schedule::dst_skipped",
    severity: Severity::Advice,
    title: "the clock skips a scheduled time once a year",
    why: "When summer time begins, an hour does not exist. A run that is scheduled in it starts right after, with all \
          others of that hour. That is seldom wrong, but a time outside the hour, or `timezone UTC`, needs no thought.",
    bad: r#"
plan example {
    timezone "Europe/Lisbon"
    source data { include "/srv/data" }
    tier local {
        store fs { root "/var/backups" }
        schedule "45 1 * 1-6 *"
        take data
        keep daily=30
    }
}"#,
    good: r#"
plan example {
    timezone "Europe/Lisbon"
    source data { include "/srv/data" }
    tier local {
        store fs { root "/var/backups" }
        schedule "45 3 * 1-6 *"
        take data
        keep daily=30
    }
}"#,
};
pub(in super::super) static DST_REPEATED: Rule = Rule {
    code: "plan::schedule::dst_repeated",
    severity: Severity::Advice,
    title: "the clock repeats a scheduled time once a year",
    why: "When summer time ends, an hour comes twice. A run that is scheduled in it starts the first time only, so the \
          next is an hour further away than on other days.",
    bad: r#"
plan example {
    timezone "Europe/Lisbon"
    source data { include "/srv/data" }
    tier local {
        store fs { root "/var/backups" }
        schedule "30 1 * 7-12 *"
        take data
        keep daily=30
    }
}"#,
    good: r#"
plan example {
    timezone "Europe/Lisbon"
    source data { include "/srv/data" }
    tier local {
        store fs { root "/var/backups" }
        schedule "30 3 * 7-12 *"
        take data
        keep daily=30
    }
}"#,
};
pub(in super::super) static EITHER_DAY: Rule = Rule {
    code: "plan::schedule::either_day",
    severity: Severity::Warning,
    title: "a schedule runs on the day of the month and on the day of the week",
    why: "Where both day fields of a crontab expression are set, either is enough: `0 2 1 * 1` runs on the 1st *and* \
          on every Monday, not on Mondays that are the 1st.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 1-7 * 0"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * 0"
    take data
}"#,
};
pub(in super::super) static SAME_MINUTE: Rule = Rule {
    code: "plan::schedule::same_minute",
    severity: Severity::Advice,
    title: "two tiers write to one bucket from the same minute on",
    why: "Jobs that are due together run one after the other, so the second begins when the first has ended: its data \
          is that much older than its schedule says. Where the first is a full backup, that can be long.",
    bad: r#"
tier often {
    store s3 { bucket backups; region eu-west-1; root "/often" }
    encrypt ops
    schedule "0 */4 * * *"
    take data
    keep daily=30
}
tier whole {
    mode full
    store s3 { bucket backups; region eu-west-1; root "/whole" }
    encrypt ops
    schedule "0 4 * * 0"
    take data
    keep weekly=52
}"#,
    good: r#"
tier often {
    store s3 { bucket backups; region eu-west-1; root "/often" }
    encrypt ops
    schedule "0 */4 * * *"
    take data
    keep daily=30
}
tier whole {
    mode full
    store s3 { bucket backups; region eu-west-1; root "/whole" }
    encrypt ops
    schedule "30 5 * * 0"
    take data
    keep weekly=52
}"#,
};

/// The first of each kind that a year holds.
pub(in super::super) fn readings_that_the_clock_skips_or_repeats(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let zone = subject.plan.timezone.value;
    for (schedule, table) in subject.timetables() {
        let effects = table.dst_effects(job::from(subject.plan), HORIZON_DAYS);
        for kind in [DstKind::Skipped, DstKind::Repeated] {
            let Some(effect) = effects.iter().find(|effect| effect.kind == kind) else { continue };
            let reading = effect.reading.format("%H:%M");
            let day = effect.reading.format("%Y-%m-%d");
            let runs_at = effect.runs_at.with_timezone(&zone).format("%H:%M");
            let (rule, message, label) = match kind {
                DstKind::Skipped => {
                    let message = format!("there is no {reading} on {day} in {zone}");
                    (&DST_SKIPPED, message, format!("runs at {runs_at} that day"))
                }
                DstKind::Repeated => {
                    let message = format!("{reading} comes twice on {day} in {zone}");
                    (&DST_REPEATED, message, "runs the first time only".to_owned())
                }
            };
            out.push(
                Diagnostic::new(rule, schedule.cron.span, message)
                    .label(label)
                    .also(subject.plan.timezone.span, "the clock of this zone changes")
                    .help("choose an hour that the change does not touch, or `timezone UTC`"),
            );
        }
    }
}

/// Expressions with both day fields set.
pub(in super::super) fn two_day_fields(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (schedule, table) in subject.timetables() {
        let fields: Vec<&str> = schedule.cron.value.split_whitespace().collect();
        let [_, _, day, _, weekday] = fields[..] else { continue };
        if day.starts_with('*') || weekday.starts_with('*') {
            continue;
        }
        out.push(
            Diagnostic::new(&EITHER_DAY, schedule.cron.span, "either of the two day fields is enough")
                .label(table.expression.describe())
                .help("set one of the two to `*`"),
        );
    }
}

/// Whoever meets at all does so within a month.
const MEETING_DAYS: u32 = 40;

/// Tiers of one bucket, one of them with full backups, whose jobs become due together.
pub(in super::super) fn writers_of_one_bucket_at_the_same_minute(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let jobs = &subject.jobs;
    let from = job::from(subject.plan);
    // The jobs of a tier that have one calendar meet the same others.
    let mut seen = HashSet::new();
    let others: Vec<&Job<'_>> = jobs
        .iter()
        .filter(|job| {
            let calendar = job.timetable.as_ref().map(|(_, calendar)| Rc::as_ptr(calendar));
            seen.insert((std::ptr::from_ref(job.tier), calendar))
        })
        .collect();
    let mut told = HashSet::new();
    for whole in jobs.iter().filter(|job| job.tier.mode.value == Mode::Full) {
        let Some((schedule, table)) = &whole.timetable else { continue };
        if !told.insert(schedule.cron.span) {
            continue;
        }
        let meets = others.iter().find_map(|other| {
            let is_another = other.tier.name.value != whole.tier.name.value;
            let (theirs, other_table) = other.timetable.as_ref().filter(|_| is_another)?;
            let shares = bucket(other.tier).is_some_and(|theirs| Some(theirs) == bucket(whole.tier));
            let at = shares.then(|| table.first_meeting(other_table, from, MEETING_DAYS))??;
            Some((other, theirs, at))
        });
        let Some((other, theirs, at)) = meets else { continue };
        let local = at.with_timezone(&subject.plan.timezone.value).format("%A %H:%M");
        let message = format!(
            "`{}` and `{}` write to the same bucket from {local} on",
            whole.tier.name.value, other.tier.name.value
        );
        out.push(
            Diagnostic::new(&SAME_MINUTE, schedule.cron.span, message)
                .label("a full backup")
                .also(theirs.cron.span, "due in the same minute")
                .help("they run one after the other; move one of them if the second must not wait"),
        );
    }
}

/// The service, its address and the name of what holds all objects.
fn bucket(tier: &Tier) -> Option<(&str, Option<&str>, &str)> {
    let name = tier.store.text(&["bucket", "container"])?;
    Some((&tier.store.service, tier.store.host(), name))
}
