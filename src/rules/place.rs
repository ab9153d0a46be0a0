//! Places: where a tier's objects lie, and what else lies there.

use super::paths::{is_within, normal};
use super::{Check, Subject};
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use crate::plan::Tier;
use std::path::{Path, PathBuf};

static SHARED: Rule = Rule {
    code: "plan::store::shared_root",
    severity: Severity::Error,
    title: "two tiers write to the same place",
    why: "A tier's store is one repository. With two tiers in it, each would prune what the other keeps, and read the \
          other's snapshots as its own. Give each a `root`.",
    bad: r#"
tier daily {
    store s3 { bucket backups; region eu-west-1; root "/plan" }
    encrypt ops
    take data
}
tier weekly {
    store s3 { bucket backups; region eu-west-1; root "/plan/" }
    encrypt ops
    take data
}"#,
    good: r#"
tier daily {
    store s3 { bucket backups; region eu-west-1; root "/daily" }
    encrypt ops
    take data
}
tier weekly {
    store s3 { bucket backups; region eu-west-1; root "/weekly" }
    encrypt ops
    take data
}"#,
};
static NESTED: Rule = Rule {
    code: "plan::store::nested_root",
    severity: Severity::Warning,
    title: "one tier lies inside another",
    why: "The outer tier lists the inner one's objects as strangers in its own repository, and whoever removes the \
          outer folder removes both.",
    bad: r#"
tier outer {
    store fs { root "/backups" }
    encrypt ops
    take data
}
tier inner {
    store fs { root "/backups/weekly" }
    encrypt ops
    take data
}"#,
    good: r#"
tier outer {
    store fs { root "/backups/daily" }
    encrypt ops
    take data
}
tier inner {
    store fs { root "/backups/weekly" }
    encrypt ops
    take data
}"#,
};
static TEMPORARY: Rule = Rule {
    code: "plan::store::temporary",
    severity: Severity::Warning,
    title: "backups lie in a folder that is emptied",
    why: "`/tmp`, `/var/tmp`, `/run` and `/dev/shm` are emptied when the machine starts, or when their files are old.",
    bad: r#"
tier disk {
    store fs { root "/tmp/backups" }
    encrypt ops
    take data
}"#,
    good: r#"
tier disk {
    store fs { root "/var/backups" }
    encrypt ops
    take data
}"#,
};
static MEMORY: Rule = Rule {
    code: "plan::store::memory",
    severity: Severity::Warning,
    title: "backups are gone when the program ends",
    why: "The service `memory` is for tests: what it holds lives as long as the program.",
    bad: r#"
tier disk {
    store memory
    encrypt ops
    take data
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    take data
}"#,
};
static B2_NATIVE: Rule = Rule {
    code: "plan::store::b2_native",
    severity: Severity::Advice,
    title: "Backblaze's own protocol hides instead of deleting",
    why: "What is deleted by name through B2's own protocol is only hidden, and billed until a lifecycle rule of the \
          bucket removes it (`daysFromHidingToDeleting`). Its S3 endpoint can also do object lock.",
    bad: r#"
tier cloud {
    store b2 { bucket backups; bucket_id "4a48"; application_key_id (env)B2_ID; application_key (env)B2_KEY }
    encrypt ops
    take data
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-central-003; endpoint "https://s3.eu-central-003.backblazeb2.com" }
    encrypt ops
    take data
}"#,
};

pub(super) static RULES: [&Rule; 5] = [&SHARED, &NESTED, &TEMPORARY, &MEMORY, &B2_NATIVE];

pub(super) static CHECKS: [Check; 2] = [places_that_tiers_share, places_that_do_not_last];

/// What tells one store from another, and the folder in it.
struct Place<'a> {
    tier: &'a Tier,
    store: (&'a str, &'a str, &'a str),
    root: PathBuf,
    /// The root's value, or the service's name.
    span: Span,
}

impl<'a> Place<'a> {
    /// `None` where it cannot be told: what names it is a secret.
    fn of(tier: &'a Tier) -> Option<Self> {
        const NAMES: [&str; 4] = ["bucket", "container", "endpoint", "root"];
        let store = &tier.store;
        let named = store.settings.iter().filter(|setting| NAMES.contains(&setting.key.value.as_str()));
        if named.clone().any(|setting| setting.value.value.text().is_none()) {
            return None;
        }
        let root = named.clone().find(|setting| setting.key.value == "root");
        let text = root.and_then(|setting| setting.value.value.text()).unwrap_or("/");
        // The tier's own name stands for itself; host and plan are the same for all tiers.
        let text = text.replace("{tier}", &tier.name.value);
        let is_local = store.service.value == "fs";
        // In a bucket every root starts at the top.
        let text = if is_local { text } else { format!("/{}", text.trim_matches('/')) };
        Some(Place {
            tier,
            store: (
                &store.service.value,
                store.host().unwrap_or_default(),
                store.text(&["bucket", "container"]).unwrap_or_default(),
            ),
            root: normal(Path::new(&text)),
            span: root.map_or(store.service.span, |setting| setting.value.span),
        })
    }
}

/// Tiers in one place, or one in another.
fn places_that_tiers_share(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let places: Vec<Place<'_>> = subject.plan.tiers.iter().filter_map(Place::of).collect();
    for (i, place) in places.iter().enumerate() {
        for other in places[..i].iter().filter(|other| other.store == place.store) {
            let (name, others) = (&place.tier.name.value, &other.tier.name.value);
            // Two of one name: that is the mistake, and it is reported.
            if name == others {
                continue;
            }
            if place.root == other.root {
                out.push(
                    Diagnostic::new(
                        &SHARED,
                        place.span,
                        format!("tiers `{others}` and `{name}` write to the same place"),
                    )
                    .label("the second")
                    .also(other.span, "the first")
                    .help("give each its own `root`"),
                );
            } else if is_within(&place.root, &other.root) || is_within(&other.root, &place.root) {
                let inner_first = is_within(&other.root, &place.root);
                let (inner, outer) = if inner_first { (other, place) } else { (place, other) };
                let message = format!("tier `{}` lies inside tier `{}`", inner.tier.name.value, outer.tier.name.value);
                out.push(
                    Diagnostic::new(&NESTED, inner.span, message)
                        .also(outer.span, "the outer one")
                        .help("put them side by side"),
                );
            }
        }
    }
}

/// Stores that lose or hide what they hold.
fn places_that_do_not_last(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    const EMPTIED: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev/shm"];
    for tier in &subject.plan.tiers {
        let store = &tier.store;
        match store.service.value.as_str() {
            "memory" => out.push(
                Diagnostic::new(&MEMORY, store.service.span, "what `memory` holds is gone when the program ends")
                    .help("use `fs` or another service"),
            ),
            "b2" => out.push(
                Diagnostic::new(&B2_NATIVE, store.service.span, "what is deleted here is hidden, and still billed")
                    .help("use `s3` with the bucket's S3 endpoint, or add a lifecycle rule to the bucket"),
            ),
            "fs" => {
                let Some(place) = Place::of(tier) else { continue };
                let removable = Path::new("/run/media");
                let emptied =
                    |folder: &&&str| is_within(&place.root, Path::new(folder)) && !is_within(&place.root, removable);
                if let Some(folder) = EMPTIED.iter().find(emptied) {
                    out.push(
                        Diagnostic::new(&TEMPORARY, place.span, format!("`{folder}` is emptied, the backups with it"))
                            .help("choose a folder that stays, such as `/var/backups`"),
                    );
                }
            }
            _ => {}
        }
    }
}
