use super::super::{Subject, words};
use super::{Kind, Name};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, list, nearest};

pub(super) static UNKNOWN_KEY: Rule = Rule {
    code: "plan::names::unknown_key",
    severity: Severity::Error,
    title: "there is no key of that name",
    why: "`encrypt NAME` refers to a `key NAME` of the same plan, or is `encrypt none`.",
    bad: r#"
tier cloud {
    store fs { root "/backups" }
    encrypt opps
    take data
}"#,
    good: r#"
tier cloud {
    store fs { root "/backups" }
    encrypt ops
    take data
}"#,
};
pub(super) static UNKNOWN_SOURCE: Rule = Rule {
    code: "plan::names::unknown_source",
    severity: Severity::Error,
    title: "there is no source of that name",
    why: "`take NAME` and `drill NAME` refer to a `source NAME` of the same plan.",
    bad: r#"
source database { command pg_dump shop }
tier local {
    store fs { root "/backups" }
    take databse data
}"#,
    good: r#"
source database { command pg_dump shop }
tier local {
    store fs { root "/backups" }
    take database data
}"#,
};
pub(super) static UNKNOWN_TIER: Rule = Rule {
    code: "plan::names::unknown_tier",
    severity: Severity::Error,
    title: "there is no tier of that name",
    why: "`from NAME` and `drill … tier=NAME` refer to a `tier NAME` of the same plan.",
    bad: "drill data tier=locl schedule=\"@monthly\"",
    good: "drill data tier=local schedule=\"@monthly\"",
};
pub(super) static UNKNOWN_NOTIFY: Rule = Rule {
    code: "plan::names::unknown_notify",
    severity: Severity::Error,
    title: "there is no `notify` of that name",
    why: "`report … to=NAME` refers to a `notify NAME` of the same plan.",
    bad: "report weekly schedule=\"0 8 * * 1\" to=fone",
    good: "report weekly schedule=\"0 8 * * 1\" to=phone",
};

/// References to names that nothing has.
pub(super) fn dangling_references(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // The rest of the plan, with the definition, may be what could not be read.
    if subject.document.incomplete {
        return;
    }
    let defined = subject.defined();
    for reference in dangling(subject, &defined) {
        out.push(describe(reference, &defined));
    }
}

/// References that nothing answers, but for those that a misspelt node explains.
pub(super) fn dangling<'a>(subject: &'a Subject<'_>, defined: &[Name<'_>]) -> Vec<Name<'a>> {
    let is_defined = |name: &Name<'_>| defined.iter().any(|other| other.kind == name.kind && other.text == name.text);
    subject.references().into_iter().filter(|name| !is_defined(name) && !is_misspelt_node(subject, name.text)).collect()
}

/// `sorce data { … }` defines `data` as far as its author is concerned.
fn is_misspelt_node(subject: &Subject<'_>, name: &str) -> bool {
    const KNOWN: [&str; 6] = ["key", "source", "tier", "notify", "report", "drill"];
    let plan = subject.document.nodes.iter().find(|node| node.name.value == "plan");
    plan.into_iter().flat_map(|plan| &plan.children).any(|node| {
        !KNOWN.contains(&node.name.value.as_str())
            && !subject.is_sound(node.span)
            && node.arguments.first().is_some_and(|value| value.as_str() == Some(name))
    })
}

/// The definition that a dangling reference most likely means.
pub(super) fn meant<'a>(reference: &Name<'_>, defined: &[Name<'a>]) -> Option<Name<'a>> {
    let same_kind = || defined.iter().filter(|other| other.kind == reference.kind);
    let near = nearest(reference.text, same_kind().map(|other| other.text))?;
    same_kind().find(|other| other.text == near).copied()
}

fn describe(reference: Name<'_>, defined: &[Name<'_>]) -> Diagnostic {
    let Name { kind, text, span } = reference;
    let rule = match kind {
        Kind::Key => &UNKNOWN_KEY,
        Kind::Source => &UNKNOWN_SOURCE,
        Kind::Tier => &UNKNOWN_TIER,
        Kind::Notify => &UNKNOWN_NOTIFY,
    };
    let diagnostic = Diagnostic::new(rule, span, format!("there is no {kind} `{text}`"));
    if let Some(near) = meant(&reference, defined) {
        return diagnostic
            .label(format!("no {kind} has this name"))
            .also(near.span, "this one is near")
            .help(format!("did you mean `{}`?", near.text))
            .fix(Fix::replace(span, words::kdl(near.text)));
    }
    if let Some(other) = defined.iter().find(|other| other.text == text) {
        return diagnostic
            .label(format!("a {kind} is wanted here"))
            .also(other.span, format!("this is a {}", other.kind))
            .help(format!("name a {kind}, or define `{kind} {text} {{ … }}`"));
    }
    let mut known: Vec<&str> = defined.iter().filter(|other| other.kind == kind).map(|other| other.text).collect();
    known.dedup();
    match known[..] {
        [] => diagnostic.help(format!("the plan has no {kind} at all: add `{kind} {text} {{ … }}`")),
        [only] => diagnostic.help(format!("the only {kind} is `{only}`")),
        _ => diagnostic.help(format!("there are {}", list(known, "and"))),
    }
}
