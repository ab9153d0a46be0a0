use super::super::Subject;
use super::duration::{is_told, place, with_basis};
use crate::base::Money;
use crate::cost::{Item, StorageClass, ThawSpeed, TierCost};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::plan::Tier;

pub(in super::super) static DEARER_THAN_DEFAULT: Rule = Rule {
    code: "plan::class::dearer_than_default",
    severity: Severity::Warning,
    title: "the standard class would cost less",
    why: "A cold class is cheaper by the GB and dearer by the request, by the read and for what is deleted soon. With \
          these sizes, schedules and retention, the sum is more than the standard class would cost.",
    bad: r#"
source app {
    base "/srv/app"
    expect size="1GB" change="1GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=40
    volume-size "192KiB"
    verify presence
}"#,
    good: r#"
source app {
    base "/srv/app"
    expect size="1GB" change="1GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=40
    volume-size "192KiB"
    verify presence
}"#,
};
pub(in super::super) static CHEAPER_CLASS: Rule = Rule {
    code: "plan::class::cheaper_class",
    severity: Severity::Advice,
    title: "another class would cost half as much",
    why: "There is a class that is read at once, is kept in several data centres, and costs less than half for these \
          sizes, schedules and retention.",
    bad: r#"
source photos {
    base "/srv/photos"
    expect size="2TB" change="1GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=30 monthly=24
    verify presence
}"#,
    good: r#"
source photos {
    base "/srv/photos"
    expect size="2TB" change="1GB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class GLACIER_IR
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=120 monthly=24
    verify presence
}"#,
};
pub(in super::super) static VERIFY_PRICE: Rule = Rule {
    code: "plan::class::verify_price",
    severity: Severity::Warning,
    title: "verifying costs more than storing",
    why: "Verifying reads what is stored. Cold classes bill every GB that is read, and what leaves a provider is billed \
          too. A `sample` reads a share each time; over the months each object has its turn. `verify presence` reads \
          nothing.",
    bad: r#"
source app {
    base "/srv/app"
    expect size="100GB" change="100MB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=40
    verify checksum schedule="0 4 * * *"
}"#,
    good: r#"
source app {
    base "/srv/app"
    expect size="100GB" change="100MB"
}
tier cloud {
    store s3 { bucket backups; region us-east-1 }
    storage-class STANDARD_IA
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=40
    verify checksum sample="1%" schedule="0 4 * * 0"
}"#,
};
pub(in super::super) static MINIMUM_CHARGE: Rule = Rule {
    code: "plan::class::minimum_charge",
    severity: Severity::Advice,
    title: "a provider bills more than is stored",
    why: "Wasabi bills at least 1 TB, and Hetzner a base of 1 TB, however little is stored. For a small backup another \
          provider costs a tenth.",
    bad: r#"
source app {
    base "/srv/app"
    expect size="20GB" change="100MB"
}
tier cloud {
    store s3 { bucket backups; region eu-central-1; endpoint "https://s3.eu-central-1.wasabisys.com" }
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=100
    verify presence
}"#,
    good: r#"
source app {
    base "/srv/app"
    expect size="20GB" change="100MB"
}
tier cloud {
    store s3 { bucket backups; region eu-central-003; endpoint "https://s3.eu-central-003.backblazeb2.com" }
    encrypt ops
    schedule "0 2 * * *"
    take app
    keep daily=100
    verify presence
}"#,
};
pub(in super::super) static RESTORE_PRICE: Rule = Rule {
    code: "plan::class::restore_price",
    severity: Severity::Advice,
    title: "restoring everything costs more than years of storing it",
    why: "Reading from a cold class and carrying the data out of the provider's network is billed by the GB. The bill \
          comes on the worst day. It is no reason against the class; it is one to know the figure, and to have a \
          second copy nearer.",
    bad: r#"
source photos {
    base "/srv/photos"
    expect size="4TB" change="100MB"
}
tier archive {
    store s3 { bucket backups; region us-east-1 }
    storage-class GLACIER_IR
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=120
    verify presence
}"#,
    good: r#"
source photos {
    base "/srv/photos"
    expect size="4TB" change="100MB"
}
tier archive {
    store s3 { bucket backups; region eu-central-003; endpoint "https://s3.eu-central-003.backblazeb2.com" }
    encrypt ops
    schedule "0 2 * * *"
    take photos
    keep daily=120
    verify presence
}"#,
};

/// A difference of less than this a month is not worth changing anything for.
const WORTH_A_CHANGE: Money = Money::from_micros(1_000_000);
/// What a small plan pays is cents; still, half of it for nothing is worth a word.
const WORTH_A_WORD: Money = Money::from_micros(10_000);
/// A restore for less is nobody's worry.
const WORTH_A_WARNING: Money = Money::from_micros(50_000_000);
const MONTHS_OF_STORING: i64 = 24;

/// Classes in which an object may lie without anyone having to think of it.
fn is_plain(class: &StorageClass) -> bool {
    const SPECIAL: [&str; 4] = ["REDUCED_REDUNDANCY", "OUTPOSTS", "EXPRESS_ONEZONE", "INTELLIGENT_TIERING"];
    !class.needs_thaw() && !class.is_single_zone && !SPECIAL.contains(&class.name)
}

/// The default class, or another plain one, for less.
pub(in super::super) fn classes_that_cost_more_than_they_save(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let costs: Vec<(&Tier, &TierCost)> = subject.figures.costs().collect();
    for ((tier, cost), (_, others)) in costs.into_iter().zip(subject.figures.alternatives()) {
        let (Some(class), Some(total)) = (cost.class, cost.total()) else { continue };
        if total.is_zero() {
            continue;
        }
        let priced = || others.iter().filter_map(|other| Some((other.class?, other.total()?)));
        let default = priced().next().filter(|(default, _)| default.name != class.name);
        if let Some((default, other)) =
            default.filter(|(_, other)| *other < total && total.saturating_less(*other) > WORTH_A_WORD)
        {
            if is_told(cost) {
                continue;
            }
            let message = format!("{} costs {total} a month, {} would cost {other}", class.name, default.name);
            let diagnostic = Diagnostic::new(&DEARER_THAN_DEFAULT, place(tier), message)
                .label(most_of(cost))
                .help(format!("use {}", default.name));
            out.push(with_basis(subject, diagnostic, cost, true));
            continue;
        }
        let cheapest =
            priced().filter(|(other, _)| is_plain(other) && other.name != class.name).min_by_key(|(_, t)| *t);
        let Some((other, price)) = cheapest.filter(|_| is_plain(class)) else { continue };
        if price.micros() * 2 <= total.micros() && total.saturating_less(price) >= WORTH_A_CHANGE {
            let message = format!("{} costs {total} a month, {} would cost {price}", class.name, other.name);
            let diagnostic = Diagnostic::new(&CHEAPER_CLASS, place(tier), message)
                .help(format!("write `storage-class {}`; it too is read at once", other.name));
            out.push(with_basis(subject, diagnostic, cost, true));
        }
    }
}

/// The largest item of a bill, beside what is stored.
fn most_of(cost: &TierCost) -> String {
    let largest = cost.items.iter().filter(|(item, _)| *item != Item::Storage).max_by_key(|(_, amount)| *amount);
    match largest {
        Some((item, amount)) => format!("{amount} of it for {}", told(*item)),
        None => "for storage".to_owned(),
    }
}

fn told(item: Item) -> &'static str {
    match item {
        Item::Storage => "storage",
        Item::MinimumSize => "objects below the minimum size",
        Item::MinimumDuration => "objects deleted too soon",
        Item::Overhead => "the index beside each object",
        Item::Monitoring => "monitoring",
        Item::MinimumCharge => "the provider's minimum",
        Item::Uploads => "uploads",
        Item::Lists => "listings",
        Item::Verification => "verifying",
        Item::Egress => "what verifying carries out",
    }
}

/// Bills on which the data itself is the lesser part.
pub(in super::super) fn verification_and_minimum_charges(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for ((tier, cost), (_, others)) in subject.figures.costs().zip(subject.figures.alternatives()) {
        let Some(total) = cost.total() else { continue };
        let storage = cost.item(Item::Storage);
        let verifying = cost.item(Item::Verification) + cost.item(Item::Egress);
        if verifying > storage && verifying > WORTH_A_WORD {
            let deepest = tier.verify.iter().max_by_key(|verify| verify.level.value);
            let span = deepest.map_or(tier.name.span, |verify| verify.span);
            let message = format!("verifying costs {verifying} a month, storing {storage}");
            let mut diagnostic = Diagnostic::new(&VERIFY_PRICE, span, message)
                .help("add a `sample`, verify less often, or use `verify presence`, which reads nothing");
            // The default class bills nothing for what is read, if something for what leaves the provider.
            let default = others.first().and_then(|other| Some((other.class?, other.total()?)));
            if let Some((class, price)) = default.filter(|(_, price)| *price < total) {
                diagnostic =
                    diagnostic.note(format!("{} would cost {price} a month in all, instead of {total}", class.name));
            }
            out.push(with_basis(subject, diagnostic, cost, true));
        }
        let minimum = cost.item(Item::MinimumCharge);
        if minimum > storage
            && minimum > WORTH_A_CHANGE
            && let Some(provider) = cost.place.provider()
        {
            let message = format!("{provider} bills at least {total} a month; what is stored would cost {storage}");
            let diagnostic = Diagnostic::new(&MINIMUM_CHARGE, place(tier), message)
                .label(format!("{} stored", cost.stored()))
                .help("use a provider without a minimum, or store more there");
            out.push(with_basis(subject, diagnostic, cost, true));
        }
    }
}

/// Restores that cost more than years of storing.
pub(in super::super) fn restores_that_cost_years(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (tier, cost) in subject.figures.costs() {
        let (Some(total), Some(_)) = (cost.total(), cost.class) else { continue };
        let Some(restore) = subject.figures.restore(tier, None, ThawSpeed::Standard) else { continue };
        let price = restore.cost.total();
        if price < WORTH_A_WARNING || total.is_zero() || price.micros() / total.micros().max(1) < MONTHS_OF_STORING {
            continue;
        }
        let months = price.micros() / total.micros().max(1);
        let parts = format!(
            "{} to read, {} to carry out, {} for requests and thawed copies",
            restore.cost.retrieval,
            restore.cost.egress,
            restore.cost.requests + restore.cost.thawed_copies
        );
        let message = format!("restoring {} costs {price}, as much as storing it for {months} months", restore.bytes);
        let diagnostic = Diagnostic::new(&RESTORE_PRICE, place(tier), message).label(parts).help(
            "know the figure; a second copy nearer, or a provider without egress fees, is cheaper to restore from",
        );
        out.push(with_basis(subject, diagnostic, cost, true));
    }
}
