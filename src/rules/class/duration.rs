use super::super::Subject;
use crate::base::{ByteSize, Money, format_duration, grouped};
use crate::cost::{Item, Provider, StorageClass, TierCost};
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use crate::plan::Tier;
use std::time::Duration;

pub(in super::super) static MINIMUM_DURATION: Rule = Rule {
    code: "plan::class::minimum_duration",
    severity: Severity::Warning,
    title: "objects are deleted before the class lets go of their price",
    why: "Cold classes bill an object for a minimum of days, whether it is there or not: 30 for STANDARD_IA and \
          NEARLINE, 90 for GLACIER, GLACIER_IR and COLDLINE, 180 for DEEP_ARCHIVE, 365 for ARCHIVE; and 90 for all that \
          Wasabi stores. Deleted sooner, the rest is billed all the same. That is not always a loss: the class can \
          still be the cheaper one, so both figures are given.",
    bad: r#"
source photos {
    base "/srv/photos"
    expect size="50GB" change="5GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=7
    verify presence
}"#,
    good: r#"
source photos {
    base "/srv/photos"
    expect size="50GB" change="5GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=31
    verify presence
}"#,
};
pub(in super::super) static MINIMUM_SIZE: Rule = Rule {
    code: "plan::class::minimum_size",
    severity: Severity::Warning,
    title: "objects are smaller than what they are billed for",
    why: "STANDARD_IA, ONEZONE_IA and GLACIER_IR bill every object as at least 128 KiB. Runs that change little make \
          small archives, and pay for more than they store. Fewer runs, or the standard class, cost less.",
    bad: r#"
source notes {
    base "/srv/notes"
    expect size="20MB" change="1MB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "*/10 * * * *"
    take notes
    keep within="60d"
    verify presence
}"#,
    good: r#"
source notes {
    base "/srv/notes"
    expect size="20MB" change="1MB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    encrypt ops
    schedule "*/10 * * * *"
    take notes
    keep within="60d"
    verify presence
}"#,
};
pub(in super::super) static OVERHEAD: Rule = Rule {
    code: "plan::class::overhead",
    severity: Severity::Warning,
    title: "an archive class bills more for its index than for the objects",
    why: "GLACIER and DEEP_ARCHIVE bill 40 KiB beside each object, 8 KiB of it at the standard price. For objects of \
          some KiB that is more than the objects themselves.",
    bad: r#"
source notes {
    base "/srv/notes"
    expect size="20MB"
}
tier archive {
    mode full
    store s3 { bucket backups; region us-east-1 }
    storage-class DEEP_ARCHIVE
    encrypt ops
    schedule "0 2 * * 0"
    take notes
    keep weekly=52
    volume-size "16KiB"
    verify presence
}"#,
    good: r#"
source notes {
    base "/srv/notes"
    expect size="20MB"
}
tier archive {
    mode full
    store s3 { bucket backups; region us-east-1 }
    storage-class DEEP_ARCHIVE
    encrypt ops
    schedule "0 2 * * 0"
    take notes
    keep weekly=52
    volume-size "4MiB"
    verify presence
}"#,
};

const DAY: Duration = Duration::from_secs(86_400);
/// A share of the bill below this is not worth a word.
const WORTH_SAYING: f64 = 0.1;

/// The place to point at: the class as written, or the service that has no other.
pub(super) fn place(tier: &Tier) -> Span {
    tier.storage_class.as_ref().map_or(tier.store.service.span, |class| class.span)
}

/// What the same tier would cost in the provider's default class, where that is another.
fn in_default<'a>(subject: &'a Subject<'_>, tier: &Tier, class: &StorageClass) -> Option<(&'static str, &'a TierCost)> {
    let (_, others) = subject.figures.alternatives().find(|(other, _)| std::ptr::eq(*other, tier))?;
    let default = others.first()?;
    let name = default.class?.name;
    (name != class.name).then_some((name, default))
}

/// Tiers that keep objects for less than the class's minimum.
pub(in super::super) fn objects_deleted_before_their_time(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, cost) in subject.figures.costs() {
        let (Some(class), Some(keep)) = (cost.class, &tier.keep) else { continue };
        let total = cost.total().unwrap_or_default();
        let extra = cost.item(Item::MinimumDuration);
        let kept = cost.holdings.iter().filter(|h| !h.steady.is_growing).map(|h| h.steady.kept_for()).min();
        // Less than a day is the hour at which retention runs.
        let too_short = kept.filter(|kept| *kept + DAY <= DAY * class.minimum_days);
        if too_short.is_none() && !is_worth(extra, total) {
            continue;
        }
        let days = class.minimum_days;
        let what = if cost.place.provider() == Some(Provider::Wasabi) { "Wasabi" } else { class.name };
        let how_long = match too_short {
            Some(kept) => format!("for {} kept", format_duration(kept)),
            None => "also for what is deleted sooner".to_owned(),
        };
        let money =
            (!extra.is_zero()).then(|| format!(": {total} instead of {} a month", total.saturating_less(extra)));
        let message = format!("{what} bills {days} days {how_long}{}", money.unwrap_or_default());
        let diagnostic = Diagnostic::new(&MINIMUM_DURATION, place(tier), message)
            .label(format!("at least {days} days"))
            .also(keep.span, "some objects are deleted before that");
        let default = in_default(subject, tier, class).filter(|_| !extra.is_zero());
        let help = match default.and_then(|(name, other)| Some((name, other.total()?))) {
            Some((name, other)) if other < total => {
                format!("{name} would cost {other} a month; or keep for {days} days")
            }
            Some((name, other)) => {
                format!("keep for {days} days at about this price; {name} would cost {other} a month")
            }
            None => format!("keep for {days} days, or use another class"),
        };
        out.push(with_basis(subject, diagnostic.help(help), cost, !extra.is_zero()));
    }
}

/// Whether what a bill is for is told by a rule of its own.
pub(super) fn is_told(cost: &TierCost) -> bool {
    let item = |item| cost.item(item);
    let verifying = item(Item::Verification) + item(Item::Egress);
    let more_than_storage = [item(Item::MinimumSize), item(Item::Overhead), verifying];
    is_worth(item(Item::MinimumDuration), cost.total().unwrap_or_default())
        || more_than_storage.iter().any(|amount| *amount > item(Item::Storage))
}

pub(super) fn with_basis(
    subject: &Subject<'_>,
    diagnostic: Diagnostic,
    cost: &TierCost,
    has_money: bool,
) -> Diagnostic {
    match subject.figures.basis(cost).filter(|_| has_money) {
        Some(basis) => diagnostic.note(format!("figures: {basis}; `plan cost` shows them all")),
        None => diagnostic,
    }
}

/// Whether an item is a good part of the bill.
fn is_worth(item: Money, total: Money) -> bool {
    !item.is_zero() && item.micros() as f64 >= WORTH_SAYING * total.micros() as f64
}

/// Tiers whose small objects are billed as larger ones.
pub(in super::super) fn objects_below_the_minimum(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, cost) in subject.figures.costs() {
        let (Some(class), Some(total)) = (cost.class, cost.total()) else { continue };
        let extra = cost.item(Item::MinimumSize);
        if extra <= cost.item(Item::Storage) {
            continue;
        }
        let small = cost.holdings.iter().flat_map(|h| &h.groups).filter(|g| g.bytes_each() < class.minimum_bytes);
        let Some(each) = small.filter(|g| g.count > 0).map(|g| g.bytes_each()).min() else { continue };
        let (minimum, each) = (ByteSize(class.minimum_bytes), ByteSize(each));
        let message = format!("{} bills objects of {each} as {minimum}: {extra} of {total} a month", class.name);
        let diagnostic = Diagnostic::new(&MINIMUM_SIZE, place(tier), message).label(format!("at least {minimum} each"));
        let default = in_default(subject, tier, class).and_then(|(name, other)| Some((name, other.total()?)));
        let diagnostic = match default.filter(|(_, other)| *other < total) {
            Some((name, other)) => diagnostic.help(format!("{name} would cost {other} a month; or run less often")),
            None => diagnostic.help("run less often, so that archives are larger"),
        };
        out.push(with_basis(subject, diagnostic, cost, true));
    }
}

/// Archive classes whose index outweighs the objects.
pub(in super::super) fn objects_of_overhead(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, cost) in subject.figures.costs() {
        let (Some(class), Some(total)) = (cost.class, cost.total()) else { continue };
        let (overhead, storage) = (cost.item(Item::Overhead), cost.item(Item::Storage));
        if overhead <= storage || overhead.is_zero() {
            continue;
        }
        let message = format!(
            "{} bills {overhead} a month for its index and {storage} for what is stored, {total} in all",
            class.name
        );
        let beside = ByteSize(class.overhead_bytes + class.overhead_default_bytes);
        let diagnostic = Diagnostic::new(&OVERHEAD, place(tier), message)
            .label(match cost.objects() {
                1 => format!("{beside} beside the object"),
                objects => format!("{beside} beside each of {} objects", grouped(objects)),
            })
            .help("make larger archives (`volume-size`, fewer runs), or use a class without overhead");
        out.push(with_basis(subject, diagnostic, cost, true));
    }
}
