use super::super::{Subject, words};
use crate::base::format_duration;
use crate::cost::{Place, Provider, StorageClass, ThawSpeed};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span, list, list_some, nearest};
use crate::plan::{Level, Mode, Tier};

pub(in super::super) static NOT_OFFERED: Rule = Rule {
    code: "plan::class::not_offered",
    severity: Severity::Error,
    title: "a provider does not have a storage class",
    why: "Many providers speak Amazon's protocol, and few have its classes. An upload that asks for another is refused, \
          or stored in the standard class without a word.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; endpoint "https://0123456789abcdef.r2.cloudflarestorage.com" }
    storage-class GLACIER
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; endpoint "https://0123456789abcdef.r2.cloudflarestorage.com" }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
};
pub(in super::super) static VERIFY_UNREADABLE: Rule = Rule {
    code: "plan::class::verify_unreadable",
    severity: Severity::Error,
    title: "what is to be verified cannot be read from its class",
    why: "Objects in GLACIER, DEEP_ARCHIVE and their like must be thawed before they are read, for hours and money. \
          `verify checksum` and `contents` read them, and would fail each time. `verify presence` asks only whether \
          they are there, with their size.",
    bad: r#"
tier archive {
    mode full
    store s3 { bucket backups; region eu-west-1 }
    storage-class GLACIER
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify checksum
}"#,
    good: r#"
tier archive {
    mode full
    store s3 { bucket backups; region eu-west-1 }
    storage-class GLACIER
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify presence
}"#,
};
pub(in super::super) static INCREMENTAL_IN_ARCHIVE: Rule = Rule {
    code: "plan::class::incremental_in_archive",
    severity: Severity::Warning,
    title: "incremental backups lie in a class that must be thawed",
    why: "An incremental snapshot is spread over the archives of many runs. To restore one file they must all be \
          thawed first, and what an old archive still holds keeps all of it from being deleted. In a class that must be \
          thawed, `mode full` keeps each snapshot in one place.",
    bad: r#"
tier archive {
    store s3 { bucket backups; region eu-west-1 }
    storage-class DEEP_ARCHIVE
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify presence
}"#,
    good: r#"
tier archive {
    mode full
    store s3 { bucket backups; region eu-west-1 }
    storage-class DEEP_ARCHIVE
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify presence
}"#,
};
pub(in super::super) static DRILL_TOO_SHORT: Rule = Rule {
    code: "plan::class::drill_too_short",
    severity: Severity::Warning,
    title: "a drill must end before its objects can be read",
    why: "The class takes longer to thaw an object than the drill may take, so the drill can only fail.",
    bad: r#"
tier archive {
    mode full
    store s3 { bucket backups; region eu-west-1 }
    storage-class GLACIER
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify presence
}
drill data tier=archive schedule="0 5 1 * *" max-time="30m""#,
    good: r#"
tier archive {
    mode full
    store s3 { bucket backups; region eu-west-1 }
    storage-class GLACIER
    encrypt ops
    schedule "0 2 * * 0"
    take data
    keep weekly=52
    verify presence
}
drill data tier=archive schedule="0 5 1 * *" max-time="8h""#,
};
pub(in super::super) static ONE_ZONE_ONLY: Rule = Rule {
    code: "plan::class::one_zone_only",
    severity: Severity::Warning,
    title: "the only copy elsewhere lies in one building",
    why: "ONEZONE_IA and EXPRESS_ONEZONE keep an object in one data centre. That is cheaper, and right for a second \
          copy; the only one outside the house should survive a fire there, too.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class ONEZONE_IA
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
};
pub(in super::super) static REDUCED_REDUNDANCY: Rule = Rule {
    code: "plan::class::reduced_redundancy",
    severity: Severity::Warning,
    title: "a class that costs more and loses more",
    why: "REDUCED_REDUNDANCY is built to lose one object in ten thousand a year, and costs more than STANDARD since \
          2013. Amazon itself advises against it.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class REDUCED_REDUNDANCY
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class STANDARD
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
};
pub(in super::super) static SPECIAL_CLASS: Rule = Rule {
    code: "plan::class::special_bucket",
    severity: Severity::Warning,
    title: "a class that only buckets of another kind have",
    why: "EXPRESS_ONEZONE exists in directory buckets only, and OUTPOSTS on machines that Amazon has put into your \
          house. In an ordinary bucket the upload is refused. Neither is made for backups.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class OUTPOSTS
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=60
    verify presence
}"#,
};

/// The class of a tier's objects, with where it is written; the default class has no place.
fn class_of(tier: &Tier) -> Option<(&'static StorageClass, Option<Span>)> {
    let provider = Place::of(&tier.store).provider()?;
    match &tier.storage_class {
        None => Some((provider.default_class(), None)),
        Some(class) => Some((provider.class(&class.value)?, Some(class.span))),
    }
}

/// The class, if it must be thawed.
fn frozen(tier: &Tier) -> Option<(&'static StorageClass, Span)> {
    let (class, span) = class_of(tier)?;
    Some((class, span?)).filter(|(class, _)| class.needs_thaw())
}

/// Amazon's classes at others who speak its protocol. What the protocol itself does not have, its store reports.
pub(in super::super) fn classes_that_the_provider_lacks(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(class) = &tier.storage_class else { continue };
        let Some(provider) = Place::of(&tier.store).provider().filter(|provider| provider.classes_are_complete())
        else {
            continue;
        };
        let is_amazons = Provider::Aws.class(&class.value).is_some();
        if tier.store.service.value != "s3" || provider == Provider::Aws || !is_amazons {
            continue;
        }
        if provider.class(&class.value).is_some() {
            continue;
        }
        let names: Vec<&str> = provider.classes().iter().map(|class| class.name).collect();
        let diagnostic =
            Diagnostic::new(&NOT_OFFERED, class.span, format!("{provider} has no class `{}`", class.value))
                .also(tier.store.service.span, format!("by its endpoint, this is {provider}"));
        out.push(match (nearest(&class.value, names.iter().copied()), &names[..]) {
            (Some(near), [_, _, ..]) => {
                diagnostic.help(format!("did you mean `{near}`?")).fix(Fix::replace(class.span, words::kdl(near)))
            }
            (_, [only]) => diagnostic.help(format!("leave `storage-class` out: `{only}` is all that it has")),
            _ => diagnostic.help(format!("it has {}", list(names.iter().copied(), "and"))),
        });
    }
}

pub(in super::super) fn levels_that_the_class_cannot_serve(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some((class, at)) = frozen(tier) else { continue };
        for verify in tier.verify.iter().filter(|verify| verify.level.value > Level::Presence) {
            let message = format!("`verify {}` cannot read what lies in {}", verify.level.value, class.name);
            out.push(
                Diagnostic::new(&VERIFY_UNREADABLE, verify.level.span, message)
                    .label("fails each time")
                    .also(at, format!("must be thawed first, for {}", wait(class)))
                    .help("use `verify presence`; a drill reads what was thawed")
                    .fix(Fix::replace(verify.level.span, "presence")),
            );
        }
    }
}

/// `3h to 5h`, `up to 12h`: the thaw that is asked for by default.
fn wait(class: &StorageClass) -> String {
    match class.thaw(ThawSpeed::Standard) {
        None => "hours".to_owned(),
        Some(thaw) => match thaw.shortest {
            Some(shortest) => format!("{} to {}", format_duration(shortest), format_duration(thaw.longest)),
            None => format!("up to {}", format_duration(thaw.longest)),
        },
    }
}

pub(in super::super) fn chains_that_must_be_thawed(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| tier.mode.value == Mode::Incremental) {
        let Some((class, at)) = frozen(tier) else { continue };
        let name = &tier.name.value;
        let message = format!("a restore from `{name}` must thaw the archives of many runs");
        out.push(
            Diagnostic::new(&INCREMENTAL_IN_ARCHIVE, at, message)
                .label(format!("each takes {}", wait(class)))
                .help("use `mode full` here, or a class that is read at once, such as `GLACIER_IR`"),
        );
    }
}

pub(in super::super) fn drills_shorter_than_the_thaw(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for drill in &subject.plan.drills {
        let Some(tier) = subject.plan.tier(&drill.tier) else { continue };
        let (Some(max), Some((class, at))) = (&drill.max_time, frozen(tier)) else { continue };
        let longest = class.longest_wait(ThawSpeed::Standard).unwrap_or_default();
        if max.value < longest {
            let message = format!("{} takes up to {} to thaw", class.name, format_duration(longest));
            out.push(
                Diagnostic::new(&DRILL_TOO_SHORT, max.span, message)
                    .label("over before anything can be read")
                    .also(at, format!("thaws in {}", wait(class)))
                    .help(format!("allow more than {}, or drill from another tier", format_duration(longest))),
            );
        }
    }
}

pub(in super::super) fn only_copies_in_one_zone(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let is_safe = |tier: &Tier| {
        let zone = class_of(tier).is_some_and(|(class, _)| class.is_single_zone);
        !zone && !tier.store.is_this_machine()
    };
    for tier in &subject.plan.tiers {
        let Some((class, Some(at))) = class_of(tier).filter(|(class, _)| class.is_single_zone) else { continue };
        let alone: Vec<&str> = tier
            .takes
            .iter()
            .filter(|take| !subject.jobs.of_source(&take.source.value).any(|(_, job)| is_safe(job.tier)))
            .map(|take| take.source.value.as_str())
            .collect();
        if !alone.is_empty() {
            let message =
                format!("the only copy of {} outside this machine lies in one building", list_some(alone, "and"));
            out.push(
                Diagnostic::new(&ONE_ZONE_ONLY, at, message)
                    .label(format!("{} is lost with its data centre", class.name))
                    .help("use a class that is kept in several, or add a second tier elsewhere"),
            );
        }
    }
}

pub(in super::super) fn classes_that_nobody_should_use(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| tier.store.is_amazon()) {
        let Some(class) = &tier.storage_class else { continue };
        match class.value.as_str() {
            "REDUCED_REDUNDANCY" => out.push(
                Diagnostic::new(&REDUCED_REDUNDANCY, class.span, "this class costs more than STANDARD and loses more")
                    .help("use `STANDARD`, or `STANDARD_IA` for what is kept 30 days")
                    .fix(Fix::replace(class.span, "STANDARD")),
            ),
            "EXPRESS_ONEZONE" | "OUTPOSTS" => out.push(
                Diagnostic::new(
                    &SPECIAL_CLASS,
                    class.span,
                    format!("ordinary buckets have no class `{}`", class.value),
                )
                .help("use `STANDARD`, `STANDARD_IA` or `GLACIER_IR`"),
            ),
            _ => {}
        }
    }
}
