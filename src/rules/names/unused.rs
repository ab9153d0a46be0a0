use super::super::{Subject, words};
use super::{Kind, own_name, reference};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::language::Node;
use crate::plan::Event;
use std::collections::HashSet;

pub(super) static UNUSED_KEY: Rule = Rule {
    code: "plan::names::unused_key",
    severity: Severity::Warning,
    title: "no tier uses a key",
    why: "A key that no tier encrypts to protects nothing. Most often a tier was meant to use it.",
    bad: r#"
key ops { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier local {
    store fs { root "/backups" }
    take data
}"#,
    good: r#"
key ops { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier local {
    store fs { root "/backups" }
    encrypt ops
    take data
}"#,
};
pub(super) static UNUSED_SOURCE: Rule = Rule {
    code: "plan::names::unused_source",
    severity: Severity::Warning,
    title: "no tier takes a source",
    why: "A source that no tier takes is never backed up, though the plan reads as if it were.",
    bad: r#"
source www { include "/srv/www" }
tier local {
    store fs { root "/backups" }
    take data
}"#,
    good: r#"
source www { include "/srv/www" }
tier local {
    store fs { root "/backups" }
    take data www
}"#,
};
pub(super) static UNUSED_NOTIFY: Rule = Rule {
    code: "plan::names::unused_notify",
    severity: Severity::Warning,
    title: "a channel never hears of anything",
    why: "The events that this `notify` wants come from a `report` or a `drill`, and the plan has none.",
    bad: r#"
notify boss {
    email "boss@example.org" from="plan@example.org" server=(env)SMTP_URL
    on report
}"#,
    good: r#"
notify boss {
    email "boss@example.org" from="plan@example.org" server=(env)SMTP_URL
    on report
}
report monthly schedule="0 8 1 * *" to=boss"#,
};
pub(super) static TAKES_NOTHING: Rule = Rule {
    code: "plan::names::takes_nothing",
    severity: Severity::Warning,
    title: "a tier takes no source",
    why: "A tier does something for each source that it takes. One without `take` does nothing, ever.",
    bad: r#"
tier spare {
    store fs { root "/mnt/spare" }
}"#,
    good: r#"
tier spare {
    store fs { root "/mnt/spare" }
    take data
}"#,
};

pub(super) static BACKS_UP_NOTHING: Rule = Rule {
    code: "plan::names::backs_up_nothing",
    severity: Severity::Warning,
    title: "a plan has no source or no tier",
    why: "A source says what is backed up and a tier says where to. Without one of each a run has nothing to do, and \
          succeeds each time.",
    bad: r#"
plan laptop {
    source home { include "/home/anna" }
}"#,
    good: r#"
plan laptop {
    key anna {
        recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
        recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    }
    source home { include "/home/anna" }
    tier cloud {
        store s3 { bucket backups; region eu-west-1 }
        encrypt anna
        schedule "0 2 * * *"
        take home
        keep daily=30
        lock governance for="30d"
        verify checksum
    }
    drill home tier=cloud
    notify phone { ntfy (env)NTFY_URL }
}"#,
};

/// Keys and sources that no tier uses.
pub(super) fn unused_keys_and_sources(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // Of a plan without tiers that is said once.
    let has_tiers = subject.nodes("tier").next().is_some();
    if subject.document.incomplete || (subject.is_whole() && !has_tiers) {
        return;
    }
    let defined = subject.defined();
    let mut used: HashSet<(Kind, &str)> = subject.references().iter().map(|name| (name.kind, name.text)).collect();
    // What a misspelt reference meant is used; and so is what stands in a node that is itself misspelt.
    let dangling = reference::dangling(subject, &defined);
    used.extend(dangling.iter().filter_map(|name| reference::meant(name, &defined)).map(|name| (name.kind, name.text)));
    let mut mentioned = HashSet::new();
    for tier in subject.nodes("tier") {
        mentioned_in_errors(subject, &tier.children, &mut mentioned);
    }
    let used_by = |name: &super::Name<'_>| used.contains(&(name.kind, name.text)) || mentioned.contains(name.text);
    // A key called `none` has a diagnostic of its own.
    for name in defined.iter().filter(|name| !used_by(name) && name.text != "none") {
        let text = name.text;
        out.push(match name.kind {
            Kind::Key => Diagnostic::new(&UNUSED_KEY, name.span, format!("no tier uses the key `{text}`"))
                .help(format!("put `encrypt {}` into a tier, or remove the key", words::kdl(text))),
            Kind::Source => Diagnostic::new(&UNUSED_SOURCE, name.span, format!("no tier takes the source `{text}`"))
                .label("never backed up")
                .help(format!("put `take {}` into a tier, or remove the source", words::kdl(text))),
            Kind::Tier | Kind::Notify => continue,
        });
    }
}

fn mentioned_in_errors<'a>(subject: &Subject<'_>, nodes: &'a [Node], found: &mut HashSet<&'a str>) {
    for node in nodes.iter().filter(|node| !subject.is_sound(node.span)) {
        found.extend(node.arguments.iter().filter_map(|value| value.as_str()));
        found.extend(node.properties.iter().filter_map(|property| property.value.as_str()));
        mentioned_in_errors(subject, &node.children, found);
    }
}

/// `notify` nodes that only want what no `report` or `drill` sends.
pub(super) fn channels_without_events(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let has_reports = subject.nodes("report").next().is_some();
    let has_drills = subject.nodes("drill").next().is_some();
    for notify in subject.plan.notify.iter().filter(|notify| subject.is_sound(notify.span)) {
        let ever_sent = |event: &Event| match event {
            Event::Report => has_reports,
            Event::Drill => has_drills,
            _ => true,
        };
        if notify.on.iter().any(ever_sent) || subject.document.incomplete {
            continue;
        }
        let missing = if notify.on.contains(&Event::Report) { "report" } else { "drill" };
        let name = &notify.name.value;
        out.push(
            Diagnostic::new(&UNUSED_NOTIFY, notify.name.span, format!("`{name}` never hears of anything"))
                .label(format!("waits for a `{missing}`, of which the plan has none"))
                .help(format!("add a `{missing}`, or events such as `on failure` to the channel")),
        );
    }
}

/// Tiers without `take`, which do not copy what another one takes either.
pub(super) fn tiers_that_take_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.nodes("tier").filter(|tier| subject.is_sound(tier.span)) {
        if let Some((name, span)) = own_name(tier).filter(|_| tier.child("take").or(tier.child("from")).is_none()) {
            out.push(
                Diagnostic::new(&TAKES_NOTHING, span, format!("tier `{name}` takes no source"))
                    .label("does nothing")
                    .help("add `take SOURCE…`"),
            );
        }
    }
}

/// Plans without a source, a tier, or both.
pub(super) fn plans_that_back_up_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // Where something is wrong, that may be the missing one.
    if !subject.is_whole() {
        return;
    }
    let has = |kind: &str| subject.nodes(kind).next().is_some();
    let (missing, help) = match (has("source"), has("tier")) {
        (true, true) => return,
        (false, true) => ("source", "add what to back up: `source NAME { include \"/…\" }`, and `take` it in a tier"),
        (true, false) => ("tier", "add where to: `tier NAME { store fs { root \"/…\" }; take SOURCE; … }`"),
        (false, false) => {
            ("source and no tier", "add a `source` and a `tier` that takes it; `plan init` writes a whole plan")
        }
    };
    let name = &subject.plan.name;
    out.push(
        Diagnostic::new(&BACKS_UP_NOTHING, name.span, format!("plan `{}` has no {missing}", name.value))
            .label("backs up nothing")
            .help(help),
    );
}
