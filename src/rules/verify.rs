//! Verifying and drills: whether anyone would notice that a backup is bad.

use super::{Check, Subject};
use crate::base::Percent;
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use crate::plan::{Encryption, Level, Tier, Verify};

static NONE: Rule = Rule {
    code: "plan::verify::none",
    severity: Severity::Warning,
    title: "a tier is never verified",
    why: "Stores lose and change objects, seldom and silently. `verify checksum` reads what was stored and compares \
          it with what was written; it needs no key.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
};
static NEVER_READ: Rule = Rule {
    code: "plan::verify::never_read",
    severity: Severity::Advice,
    title: "no backup of a source is ever read to its end",
    why: "`presence` and `checksum` show that the objects are as they were written. That they can be decrypted and \
          hold what was read, only `verify contents` or a `drill` shows. Both need the identity, so this can also be \
          done from another machine (`plan verify --level contents`, `plan drill`).",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify checksum
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify checksum
}
drill data tier=disk schedule="0 5 1 * *""#,
};
static NO_IDENTITY: Rule = Rule {
    code: "plan::verify::without_identity",
    severity: Severity::Warning,
    title: "what is to be read cannot be decrypted here",
    why: "`verify contents` and `drill` decrypt, so they need the key's `identity`. Without one in the plan they fail \
          each time. `verify checksum` needs none.",
    bad: r#"
key team { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier disk {
    store fs { root "/backups" }
    encrypt team
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier disk {
    store fs { root "/backups" }
    encrypt team
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
};
static REDUNDANT: Rule = Rule {
    code: "plan::verify::redundant",
    severity: Severity::Advice,
    title: "a deeper `verify` at the same time covers another",
    why: "`contents` reads all that `checksum` reads, and `checksum` all that `presence` looks at. The shallower one \
          asks the store the same questions again.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify presence
    verify checksum
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify checksum
}"#,
};
static SAMPLE_ZERO: Rule = Rule {
    code: "plan::verify::sample_zero",
    severity: Severity::Warning,
    title: "a `verify` looks at nothing",
    why: "A sample of 0% checks no object, and reports success each time.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify checksum sample="0%"
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify checksum sample="5%"
}"#,
};

pub(super) static RULES: [&Rule; 5] = [&NONE, &NEVER_READ, &NO_IDENTITY, &REDUNDANT, &SAMPLE_ZERO];

pub(super) static CHECKS: [Check; 5] = [
    tiers_that_are_never_verified,
    sources_that_are_never_read,
    reading_without_an_identity,
    levels_that_a_deeper_one_covers,
    samples_of_nothing,
];

fn tiers_that_are_never_verified(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let plan = subject.plan;
    for tier in plan.tiers.iter().filter(|tier| tier.verify.is_empty() && subject.is_sound(tier.span)) {
        let is_drilled = plan.drills.iter().any(|drill| drill.tier.value == tier.name.value);
        if !tier.takes.is_empty() && !is_drilled {
            let message = format!("tier `{}` is never verified", tier.name.value);
            out.push(Diagnostic::new(&NONE, tier.name.span, message).help("add `verify checksum`"));
        }
    }
}

/// Sources of which nobody ever reads a backup.
fn sources_that_are_never_read(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let plan = subject.plan;
    if !subject.is_whole() {
        return;
    }
    // Said once for the plan: the sources of a tier share its verify.
    let is_read = |tier: &Tier| tier.verify.iter().any(|verify| verify.level.value == Level::Contents);
    let unread = plan.sources.iter().filter(|source| {
        let taken_by: Vec<&Tier> = subject.jobs.of_source(&source.name.value).map(|(_, job)| job.tier).collect();
        let is_drilled = plan.drills.iter().any(|drill| drill.source.value == source.name.value);
        let is_verified = taken_by.iter().any(|tier| !tier.verify.is_empty());
        is_verified && !is_drilled && !taken_by.into_iter().any(is_read)
    });
    let unread: Vec<_> = unread.collect();
    let Some(first) = unread.first() else { return };
    let names = crate::diagnostics::list_some(unread.iter().map(|source| source.name.value.as_str()), "and");
    let mut diagnostic =
        Diagnostic::new(&NEVER_READ, first.name.span, format!("no backup of {names} is ever read to its end"));
    for source in &unread[1..] {
        diagnostic = diagnostic.also(source.name.span, "");
    }
    out.push(diagnostic.help("add `verify contents` to a tier, with a `sample` if it is large, or a `drill`"));
}

fn reading_without_an_identity(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let plan = subject.plan;
    let locked = |tier: &Tier| match &tier.encryption {
        Encryption::Key(name) => plan.key(name).filter(|key| key.identities.is_empty() && subject.is_sound(key.span)),
        Encryption::None { .. } => None,
    };
    let mut report = |span: Span, what: &str, tier: &Tier| {
        if let Some(key) = locked(tier) {
            let message =
                format!("{what} of tier `{}` needs the identity of key `{}`", tier.name.value, key.name.value);
            out.push(
                Diagnostic::new(&NO_IDENTITY, span, message)
                    .label("fails each time")
                    .also(key.name.span, "has no `identity` here")
                    .help("use `verify checksum`, which needs none, or do it where the identity is"),
            );
        }
    };
    for tier in &plan.tiers {
        for verify in tier.verify.iter().filter(|verify| verify.level.value == Level::Contents) {
            report(verify.level.span, "`verify contents`", tier);
        }
    }
    for drill in plan.drills.iter().filter(|drill| drill.schedule.is_some()) {
        if let Some(tier) = plan.tier(&drill.tier) {
            report(drill.source.span, "a drill", tier);
        }
    }
}

fn levels_that_a_deeper_one_covers(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let is_whole = |verify: &Verify| verify.sample.as_ref().is_none_or(|sample| sample.value == Percent::ALL);
    let when = |verify: &Verify| verify.schedule.as_ref().map(|schedule| schedule.cron.value.clone());
    for tier in &subject.plan.tiers {
        for (i, verify) in tier.verify.iter().enumerate() {
            let cover = tier.verify.iter().enumerate().find(|(j, other)| {
                let deeper =
                    other.level.value > verify.level.value || (other.level.value == verify.level.value && *j < i);
                *j != i && deeper && is_whole(other) && when(other) == when(verify)
            });
            if let Some((_, other)) = cover {
                let message = format!("`verify {}` adds nothing to `verify {}`", verify.level.value, other.level.value);
                out.push(
                    Diagnostic::new(&REDUNDANT, verify.level.span, message)
                        .also(other.level.span, "at the same time")
                        .help("remove it"),
                );
            }
        }
    }
}

fn samples_of_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for sample in subject.plan.tiers.iter().flat_map(|tier| &tier.verify).filter_map(|verify| verify.sample.as_ref()) {
        if sample.fraction() == 0.0 {
            out.push(
                Diagnostic::new(&SAMPLE_ZERO, sample.span, "a sample of 0% looks at nothing")
                    .help("choose a share such as `5%`; over time each object has its turn"),
            );
        }
    }
}
