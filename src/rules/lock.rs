//! Object lock: whether it can be had, and how it meets retention.

use super::{Check, Subject};
use crate::base::format_duration;
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::plan::{Lock, LockMode, Tier};
use std::time::Duration;

static UNSUPPORTED: Rule = Rule {
    code: "plan::lock::unsupported",
    severity: Severity::Error,
    title: "a store has no object lock",
    why: "Object lock is a promise of the store that nobody deletes an object before its time. A folder, SFTP and \
          WebDAV have no such thing, and Cloudflare R2 does not offer it by the S3 protocol.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    take data
    lock governance for="30d"
}"#,
    good: r#"
tier disk {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    lock governance for="30d"
}"#,
};
static LONGER: Rule = Rule {
    code: "plan::lock::longer_than_keep",
    severity: Severity::Warning,
    title: "objects are locked for longer than they are kept",
    why: "Retention forgets a snapshot, and cannot delete its objects while they are locked: they are billed until the \
          lock ends. The lock should be no longer than what `keep` comes to.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=14
    lock governance for="90d"
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=14
    lock governance for="14d"
}"#,
};
static SHORT: Rule = Rule {
    code: "plan::lock::shorter_than_a_week",
    severity: Severity::Advice,
    title: "a lock ends before an intruder is noticed",
    why: "Whoever has the credentials waits for the locks to end, or deletes what is no longer locked. A lock of days \
          protects only if someone looks within those days; intruders are found after weeks.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    lock governance for="2d"
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    lock governance for="30d"
}"#,
};
static COMPLIANCE: Rule = Rule {
    code: "plan::lock::compliance_for_years",
    severity: Severity::Warning,
    title: "nobody can undo a lock of years",
    why: "In `compliance` mode nobody deletes the objects before the lock ends, the owner of the account and the \
          provider included; they are billed all that time. Where a law asks for it, `allow` this; else `governance` \
          keeps everyone out who lacks a special right.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    lock compliance for="3650d"
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    lock governance for="3650d"
}"#,
};

static BUCKET_RULE: Rule = Rule {
    code: "plan::lock::versions_stay",
    severity: Severity::Advice,
    title: "what is deleted from a locked bucket stays as a version",
    why: "Object lock needs a versioned bucket, and in one, deleting only hides: the bytes stay, and are billed, until a \
          lifecycle rule of the bucket removes old versions (`NoncurrentVersionExpiration`, `ExpiredObjectDeleteMarker`). \
          A plan cannot see the bucket's rules. Add them once, then `allow` this.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    keep daily=30
    lock governance for="30d"
}"#,
    good: r#"
tier cloud {
    allow "plan::lock::versions_stay"
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
    keep daily=30
    lock governance for="30d"
}"#,
};

pub(super) static RULES: [&Rule; 5] = [&UNSUPPORTED, &LONGER, &SHORT, &COMPLIANCE, &BUCKET_RULE];

pub(super) static CHECKS: [Check; 3] = [locks_that_cannot_be_had, locks_that_are_too_long_or_short, versions_that_stay];

const DAY: Duration = Duration::from_secs(86_400);

fn locked<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (&'a Tier, &'a Lock)> {
    subject.plan.tiers.iter().filter_map(|tier| Some((tier, tier.lock.as_ref()?)))
}

/// Whether the store could lock an object, as far as is known.
fn has_lock(tier: &Tier) -> bool {
    let is_r2 = tier.store.host().is_some_and(|host| host.ends_with(".r2.cloudflarestorage.com"));
    !matches!(tier.store.service.value.as_str(), "fs" | "memory" | "sftp" | "webdav") && !is_r2
}

fn locks_that_cannot_be_had(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, lock) in locked(subject).filter(|(tier, _)| !has_lock(tier)) {
        let service = &tier.store.service;
        out.push(
            Diagnostic::new(
                &UNSUPPORTED,
                lock.mode.span,
                format!("the store of tier `{}` has no object lock", tier.name.value),
            )
            .also(service.span, "cannot keep anyone from deleting")
            .help("remove the `lock`, or use a store that has it, such as Amazon S3 or Backblaze B2"),
        );
    }
}

fn locks_that_are_too_long_or_short(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, lock) in locked(subject).filter(|(tier, _)| has_lock(tier)) {
        let Some(length) = &lock.duration else { continue };
        let shown = format_duration(length.value);
        if length.value < DAY * 7 {
            out.push(
                Diagnostic::new(&SHORT, length.span, format!("an intruder who waits {shown} can delete everything"))
                    .help("lock for weeks, such as `for=\"30d\"`"),
            );
        }
        if lock.mode.value == LockMode::Compliance && length.value > DAY * 366 {
            out.push(
                Diagnostic::new(
                    &COMPLIANCE,
                    lock.mode.span,
                    format!("nobody at all can delete these objects for {shown}"),
                )
                .also(length.span, "counted from each upload")
                .help("use `governance`, or `allow` this if the law asks for it"),
            );
        }
        // The longest-kept source decides; one that grows is kept for ever.
        let of_tier = subject.jobs.iter().filter(|job| std::ptr::eq(job.tier, tier));
        let states: Option<Vec<_>> = of_tier.map(|job| job.steady_state()).collect();
        let (Some(states), Some(keep)) = (states.filter(|states| !states.is_empty()), &tier.keep) else { continue };
        if states.iter().any(|state| state.is_growing) {
            continue;
        }
        let kept = states.iter().map(|state| state.kept_for()).max().unwrap_or_default();
        // A day more or less is rounding.
        if length.value > kept + DAY {
            let kept = format_duration(kept);
            out.push(
                Diagnostic::new(&LONGER, length.span, format!("objects are locked for {shown} and kept for {kept}"))
                    .label("billed until then")
                    .also(keep.span, format!("keeps at most {kept}"))
                    .help(format!("lock for no more than {kept}, or keep more")),
            );
        }
    }
}

fn versions_that_stay(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, lock) in locked(subject).filter(|(tier, _)| has_lock(tier) && tier.keep.is_some()) {
        let message =
            format!("what tier `{}` deletes stays in the bucket as a version, and is billed", tier.name.value);
        out.push(
            Diagnostic::new(&BUCKET_RULE, lock.mode.span, message)
                .label("needs a versioned bucket")
                .help("give the bucket a lifecycle rule that removes old versions, then `allow` this"),
        );
    }
}
