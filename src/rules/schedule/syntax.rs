use super::super::{Subject, job};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span, Spanned};
use crate::plan::Tier;
use crate::schedule::Timetable;
use std::ops::Range;

pub(in super::super) static INVALID: Rule = Rule {
    code: "plan::schedule::invalid",
    severity: Severity::Error,
    title: "a schedule is no crontab expression",
    why: "A schedule has the five fields of crontab(5): minute, hour, day of the month, month, day of the week; or is \
          one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. There is no field for seconds or years, and no \
          `?`, `L` or `#` as in Quartz.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 0 2 * * *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
}"#,
};
pub(in super::super) static NEVER_FIRES: Rule = Rule {
    code: "plan::schedule::never_fires",
    severity: Severity::Error,
    title: "a schedule never comes",
    why: "The expression can be read, but no day answers it: there is no 30 February. A backup that is never due \
          looks like one that is.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 30 2 *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 28 * *"
    take data
}"#,
};
pub(in super::super) static MISSING: Rule = Rule {
    code: "plan::schedule::missing",
    severity: Severity::Warning,
    title: "a source is taken without a schedule",
    why: "Without a schedule of its own or of its tier, a source is never due: it is backed up only when someone runs \
          `plan run --now`.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
}"#,
};
pub(in super::super) static UNUSED: Rule = Rule {
    code: "plan::schedule::unused",
    severity: Severity::Warning,
    title: "a tier's schedule is that of none of its sources",
    why: "A tier's `schedule` is for the takes that have none of their own. Where each has its own, it says a time at \
          which nothing happens.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data schedule="0 4 * * *"
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    take data schedule="0 4 * * *"
}"#,
};

/// Expressions with a mistake, at the field that has it.
pub(in super::super) fn expressions_that_cannot_be_read(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for schedule in subject.schedules() {
        let Err(error) = Timetable::of(schedule, subject.plan.timezone.value) else { continue };
        let part = part(subject, &schedule.cron, error.range.clone());
        let span = part.unwrap_or(schedule.cron.span);
        let diagnostic = Diagnostic::new(&INVALID, span, error.to_string()).help(error.help.clone());
        out.push(match (&error.replacement, part) {
            (Some(text), Some(span)) => diagnostic.fix(Fix::replace(span, text.clone())),
            _ => diagnostic,
        });
    }
}

/// The place of a part of a text in the file; `None` where the file has it in other words (escapes).
fn part(subject: &Subject<'_>, text: &Spanned<String>, range: Range<usize>) -> Option<Span> {
    let start = text.span.start + subject.files.text(text.span).find(text.value.as_str())?;
    Some(Span::new(text.span.file, start + range.start..start + range.end))
}

/// Expressions that no day answers.
pub(in super::super) fn schedules_that_never_fire(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let from = job::from(subject.plan);
    for (schedule, table) in subject.timetables() {
        if !table.ever_fires(from) {
            out.push(
                Diagnostic::new(&NEVER_FIRES, schedule.cron.span, format!("`{}` never comes", schedule.cron.value))
                    .label("no month has such a day")
                    .help("the fields are minute, hour, day of the month, month, day of the week"),
            );
        }
    }
}

/// Takes that are never due.
pub(in super::super) fn takes_without_a_schedule(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // One that copies another tier has its schedules too, or lacks them as that does.
    let reads = |tier: &&Tier| tier.from.is_none() && subject.is_sound(tier.span);
    for tier in subject.plan.tiers.iter().filter(reads) {
        for take in tier.takes.iter().filter(|take| take.schedule.is_none()) {
            let message = format!("`{}` has no schedule in tier `{}`", take.source.value, tier.name.value);
            out.push(
                Diagnostic::new(&MISSING, take.source.span, message)
                    .label("backed up only by `plan run --now`")
                    .help("add a `schedule` to the tier, or `schedule=` to the take"),
            );
        }
    }
}

/// Schedules of tiers whose takes all have their own.
pub(in super::super) fn schedules_that_nothing_uses(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| subject.is_sound(tier.span)) {
        let Some(schedule) = &tier.schedule else { continue };
        let is_used =
            tier.takes.iter().any(|take| take.schedule.as_ref().is_some_and(|own| own.cron.span == schedule.cron.span));
        if !is_used && !tier.takes.is_empty() {
            let message = format!("every source of tier `{}` has a schedule of its own", tier.name.value);
            out.push(
                Diagnostic::new(&UNUSED, schedule.cron.span, message)
                    .label("nothing happens at this time")
                    .help("remove it, or remove the `schedule=` of the takes that should follow it"),
            );
        }
    }
}
