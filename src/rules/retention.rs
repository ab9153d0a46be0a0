//! Retention: what the rules of `keep` really come to, given the schedules.

use super::job::Job;
use super::{Check, Subject};
use crate::base::format_duration;
use crate::diagnostics::{Diagnostic, Rule, Severity, Span, Spanned};
use crate::plan::{Keep, Tier};
use crate::retention::{Period, Rules, SteadyState};
use std::collections::HashSet;
use std::time::Duration;

static EMPTY: Rule = Rule {
    code: "plan::retention::empty",
    severity: Severity::Warning,
    title: "a `keep` has no rule",
    why: "A `keep` without rules keeps everything, as if it were not there.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
}"#,
};
static NEVER_DELETES: Rule = Rule {
    code: "plan::retention::never_deletes",
    severity: Severity::Advice,
    title: "nothing in a tier is ever deleted",
    why: "Without `keep` every snapshot stays, and the tier grows until its disk is full or its bill is noticed. If \
          that is meant, say so with an `allow`; else say how much history is worth keeping.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=14 weekly=8 monthly=12
}"#,
};
static ZERO: Rule = Rule {
    code: "plan::retention::zero",
    severity: Severity::Warning,
    title: "a rule of `keep` keeps nothing",
    why: "A snapshot stays if any rule keeps it, so a rule of zero does nothing: `daily=0` does not forbid daily \
          snapshots. The newest snapshot of a source stays whatever the rules say.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30 weekly=0
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
}"#,
};
static KEEPS_ONE: Rule = Rule {
    code: "plan::retention::keeps_one",
    severity: Severity::Warning,
    title: "only the newest snapshot stays",
    why: "With one snapshot there is no history: a file that is deleted or encrypted by an attacker is gone from the \
          backup with the next run.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep last=1
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
}"#,
};
static UNFILLABLE: Rule = Rule {
    code: "plan::retention::unfillable",
    severity: Severity::Warning,
    title: "a `keep` counts periods that its schedule cannot fill",
    why: "`hourly=24` keeps the newest snapshot of each of the last 24 hours *that have one*. On a daily schedule \
          those are the last 24 days, not a day's history hour by hour.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep hourly=24 monthly=12
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 * * * *"
    take data
    keep hourly=24 monthly=12
}"#,
};
static WITHIN: Rule = Rule {
    code: "plan::retention::within_too_short",
    severity: Severity::Warning,
    title: "`within` is shorter than the time between two runs",
    why: "`within` keeps what is at most so much older than the newest snapshot. Where the one before is older than \
          that, the rule keeps the newest alone.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * 0"
    take data
    keep within="3d" monthly=12
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * 0"
    take data
    keep within="30d" monthly=12
}"#,
};
static ADDS_NOTHING: Rule = Rule {
    code: "plan::retention::adds_nothing",
    severity: Severity::Advice,
    title: "a rule of `keep` adds nothing to the others",
    why: "A snapshot stays if any rule keeps it. Where others keep all that this one would, it reads like more \
          history than there is: `daily=30 weekly=4` is 30 days, for the last four weeks lie within them.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30 weekly=4
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30 weekly=12
}"#,
};
static SHORT_HISTORY: Rule = Rule {
    code: "plan::retention::short_history",
    severity: Severity::Warning,
    title: "every tier forgets a source within days",
    why: "Damage is often noticed late: a file deleted on Friday is missed on Monday, an intruder's encryption after \
          a holiday. When every tier has forgotten the last good state by then, there is no backup of it.",
    bad: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 * * * *"
    take data
    keep last=24
}"#,
    good: r#"
tier local {
    store fs { root "/var/backups" }
    schedule "0 * * * *"
    take data
    keep last=24 daily=14
}"#,
};

pub(super) static RULES: [&Rule; 8] =
    [&EMPTY, &NEVER_DELETES, &ZERO, &KEEPS_ONE, &UNFILLABLE, &WITHIN, &ADDS_NOTHING, &SHORT_HISTORY];

pub(super) static CHECKS: [Check; 6] = [
    tiers_that_keep_everything,
    rules_that_keep_nothing,
    periods_that_cannot_be_filled,
    within_shorter_than_the_interval,
    rules_that_add_nothing,
    sources_without_history,
];

/// Less than `daily=7` gives.
const SHORT: Duration = Duration::from_secs(6 * 86_400);

/// The rules of a `keep` that count, as they are called in a plan.
fn counts(keep: &Keep) -> Vec<(&'static str, &Spanned<u32>)> {
    [
        ("last", &keep.last),
        ("hourly", &keep.hourly),
        ("daily", &keep.daily),
        ("weekly", &keep.weekly),
        ("monthly", &keep.monthly),
        ("yearly", &keep.yearly),
    ]
    .into_iter()
    .filter_map(|(name, count)| Some((name, count.as_ref()?)))
    .collect()
}

fn periods(keep: &Keep) -> Vec<(Period, &Spanned<u32>)> {
    let counts = [&keep.hourly, &keep.daily, &keep.weekly, &keep.monthly, &keep.yearly];
    Period::ALL.into_iter().zip(counts).filter_map(|(period, count)| Some((period, count.as_ref()?))).collect()
}

/// Tiers without `keep`, and those whose `keep` is empty.
fn tiers_that_keep_everything(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| subject.is_sound(tier.span)) {
        let name = &tier.name.value;
        match &tier.keep {
            None => out.push(
                Diagnostic::new(&NEVER_DELETES, tier.name.span, format!("tier `{name}` never deletes anything"))
                    .help("say what stays, such as `keep daily=14 weekly=8 monthly=12`"),
            ),
            Some(keep) if counts(keep).is_empty() && keep.within.is_none() => out.push(
                Diagnostic::new(&EMPTY, keep.span, format!("this `keep` has no rule, so tier `{name}` keeps all"))
                    .help("add a rule such as `daily=30`"),
            ),
            Some(_) => {}
        }
    }
}

/// Rules of zero, and those that leave one snapshot.
fn rules_that_keep_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(keep) = &tier.keep else { continue };
        let counts = counts(keep);
        if !counts.is_empty() && keep.within.is_none() && subject.is_sound(keep.span) {
            let all_zero = counts.iter().all(|(_, count)| count.value == 0);
            let one = matches!(counts[..], [(_, count)] if count.value == 1);
            if all_zero || one {
                let name = &tier.name.value;
                out.push(
                    Diagnostic::new(&KEEPS_ONE, keep.span, format!("tier `{name}` keeps one snapshot of each source"))
                        .label("no history")
                        .help("keep more, such as `daily=30`"),
                );
                continue;
            }
        }
        for (name, count) in counts.iter().filter(|(_, count)| count.value == 0) {
            out.push(
                Diagnostic::new(&ZERO, count.span, format!("`{name}=0` keeps nothing and forbids nothing"))
                    .help("remove it"),
            );
        }
    }
}

/// The jobs of a tier that have times, those with the same schedule once.
fn distinct<'a>(jobs: &'a [Job<'a>], tier: &'a Tier) -> Vec<&'a Job<'a>> {
    let mut seen: HashSet<Span> = HashSet::new();
    let of_tier = jobs.iter().filter(|job| std::ptr::eq(job.tier, tier));
    of_tier
        .filter(|job| {
            let Some((schedule, _)) = &job.timetable else { return false };
            seen.insert(schedule.cron.span)
        })
        .collect()
}

/// The shortest that a period can be.
fn length(period: Period) -> Duration {
    const HOUR: u64 = 3600;
    Duration::from_secs(match period {
        Period::Hour => HOUR,
        // A day on which the clock is set forward.
        Period::Day => 23 * HOUR,
        Period::Week => (7 * 24 - 1) * HOUR,
        Period::Month => (28 * 24 - 1) * HOUR,
        Period::Year => 365 * 24 * HOUR,
    })
}

/// Rules that count periods shorter than the time between two runs.
fn periods_that_cannot_be_filled(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(keep) = &tier.keep else { continue };
        for (period, count) in periods(keep).into_iter().filter(|(_, count)| count.value > 1) {
            let fills = |job: &&Job<'_>| job.shortest_gap().is_none_or(|gap| gap <= length(period).mul_f64(1.1));
            let jobs = distinct(&subject.jobs, tier);
            // One source that fills it is what the rule is for.
            if jobs.is_empty() || jobs.iter().any(fills) {
                continue;
            }
            let Some((schedule, table)) = &jobs[0].timetable else { continue };
            let n = count.value;
            let message = format!("no schedule of tier `{}` runs often enough for `{period}={n}`", tier.name.value);
            out.push(
                Diagnostic::new(&UNFILLABLE, count.span, message)
                    .label(format!("keeps {n} runs, whatever time they span"))
                    .also(schedule.cron.span, table.expression.describe())
                    .help(format!("write `last={n}` if that is meant, or run more often")),
            );
        }
    }
}

/// `within` that reaches no second snapshot.
fn within_shorter_than_the_interval(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(within) = tier.keep.as_ref().and_then(|keep| keep.within.as_ref()) else { continue };
        let short = |job: &&&Job<'_>| job.shortest_gap().is_some_and(|gap| gap > within.value);
        let jobs = distinct(&subject.jobs, tier);
        let Some(job) = jobs.iter().find(short) else { continue };
        let Some((schedule, _)) = &job.timetable else { continue };
        let gap = format_duration(job.shortest_gap().unwrap_or_default());
        let message = format!("`within` reaches back {}, and runs are {gap} apart", format_duration(within.value));
        out.push(
            Diagnostic::new(&WITHIN, within.span, message)
                .label(format!("keeps one snapshot of `{}`", job.take.source.value))
                .also(schedule.cron.span, format!("every {gap}"))
                .help(format!("use more than {gap}, or `last=`")),
        );
    }
}

/// Rules without which the same snapshots would stay.
fn rules_that_add_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(keep) = tier.keep.as_ref().filter(|keep| subject.is_sound(keep.span)) else { continue };
        let jobs = distinct(&subject.jobs, tier);
        let rules = Rules::from(keep);
        // `last` is for the time when backups stop, which a steady state does not show.
        for (period, count) in periods(keep).into_iter().filter(|(_, count)| count.value > 0) {
            let without = without(&rules, period);
            if jobs.is_empty() || without.is_empty() || !jobs.iter().all(|job| keeps_the_same(job, &without)) {
                continue;
            }
            let message = format!("`{period}={}` adds nothing to `{without}`", count.value);
            out.push(
                Diagnostic::new(&ADDS_NOTHING, count.span, message)
                    .label("keeps what the other rules keep already")
                    .help("raise it, or remove it"),
            );
        }
    }
}

fn without(rules: &Rules, period: Period) -> Rules {
    let mut rules = rules.clone();
    match period {
        Period::Hour => rules.hourly = None,
        Period::Day => rules.daily = None,
        Period::Week => rules.weekly = None,
        Period::Month => rules.monthly = None,
        Period::Year => rules.yearly = None,
    }
    rules
}

/// Whether other rules keep the same snapshots of a job.
fn keeps_the_same(job: &Job<'_>, rules: &Rules) -> bool {
    let (Some((_, table)), Some(steady)) = (&job.timetable, job.steady_state()) else { return false };
    SteadyState::of(table, rules).is_some_and(|other| other.kept == steady.kept)
}

/// Sources that every tier forgets within days.
fn sources_without_history(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    if !subject.is_whole() {
        return;
    }
    for source in &subject.plan.sources {
        let of_source: Vec<&Job<'_>> = subject.jobs.of_source(&source.name.value).map(|(_, job)| job).collect();
        // Without a schedule nothing can be said of how far it reaches.
        let states: Option<Vec<&SteadyState>> = of_source.iter().map(|job| job.steady_state()).collect();
        let Some(states) = states.filter(|states| !states.is_empty()) else { continue };
        let longest = states.iter().map(|state| state.kept_for()).max().unwrap_or_default();
        // That one snapshot is no history, another rule says.
        let has_history = states.iter().any(|state| state.count() > 1);
        if states.iter().any(|state| state.is_growing) || longest >= SHORT || !has_history {
            continue;
        }
        let name = &source.name.value;
        let reach = format_duration(longest);
        let mut diagnostic =
            Diagnostic::new(&SHORT_HISTORY, source.name.span, format!("`{name}` is forgotten after {reach}"));
        for (job, state) in of_source.iter().zip(&states) {
            if let Some(keep) = &job.tier.keep {
                diagnostic = diagnostic.also(keep.span, format!("keeps {}", format_duration(state.kept_for())));
            }
        }
        out.push(diagnostic.help("let one tier keep more, such as `daily=30`"));
    }
}
