use super::super::Subject;
use super::{Kind, named, own_name};
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use std::collections::HashMap;

pub(super) static DUPLICATE: Rule = Rule {
    code: "plan::names::duplicate",
    severity: Severity::Error,
    title: "two things of a kind have the same name",
    why: "A name stands for one key, source, tier, notify or report. With two of them, what refers to it could mean \
          either, and two sources would write into one folder of the store.",
    bad: r#"
source www { include "/srv/www" }
source www { include "/var/www" }
tier local {
    store fs { root "/backups" }
    take data www
}"#,
    good: r#"
source www { include "/srv/www" "/var/www" }
tier local {
    store fs { root "/backups" }
    take data www
}"#,
};
pub(super) static CASE: Rule = Rule {
    code: "plan::names::case",
    severity: Severity::Warning,
    title: "two names differ only in case",
    why: "Names of sources become folders of a store. Where the store's file system does not tell upper from lower \
          case (a disk of a Mac or of Windows, many network shares), the two are one folder.",
    bad: r#"
source Web { include "/srv/a" }
source web { include "/srv/b" }
tier local {
    store fs { root "/backups" }
    take data Web web
}"#,
    good: r#"
source web-a { include "/srv/a" }
source web-b { include "/srv/b" }
tier local {
    store fs { root "/backups" }
    take data web-a web-b
}"#,
};
pub(super) static RESERVED: Rule = Rule {
    code: "plan::names::reserved",
    severity: Severity::Error,
    title: "a key is called `none`",
    why: "`encrypt none` means that a tier is not encrypted. A key of that name could never be used, and a tier that \
          seems to use it would lie in the clear.",
    bad: r#"
key none { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier local {
    store fs { root "/backups" }
    encrypt none
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
pub(super) static TAKEN_TWICE: Rule = Rule {
    code: "plan::names::taken_twice",
    severity: Severity::Error,
    title: "a tier takes a source twice",
    why: "A tier and a source make one job with one schedule. To back a source up at several times, write them into \
          one expression: `0 2,14 * * *`.",
    bad: r#"
tier local {
    store fs { root "/backups" }
    take data schedule="0 2 * * *"
    take data schedule="0 14 * * *"
}"#,
    good: r#"
tier local {
    store fs { root "/backups" }
    take data schedule="0 2,14 * * *"
}"#,
};

/// Two keys, sources, tiers, notifies or reports of one name.
pub(super) fn same_name_twice(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut named: Vec<(String, &str, Span)> =
        subject.defined().iter().map(|name| (name.kind.to_string(), name.text, name.span)).collect();
    let reports: Vec<(&str, Span)> = subject.nodes("report").filter_map(own_name).collect();
    named.extend(reports.iter().map(|(text, span)| ("report".to_owned(), *text, *span)));
    let mut first: HashMap<(&str, &str), Span> = HashMap::new();
    for (kind, text, span) in &named {
        match first.get(&(kind.as_str(), *text)) {
            None => {
                first.insert((kind, text), *span);
            }
            Some(at) => out.push(
                Diagnostic::new(&DUPLICATE, *span, format!("there are two {kind} nodes called `{text}`"))
                    .label("the second")
                    .also(*at, "the first")
                    .help("give one of them another name"),
            ),
        }
    }
}

/// Sources or tiers whose folders are one where case does not count.
pub(super) fn names_that_differ_in_case(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut first = HashMap::new();
    for name in subject.defined() {
        if !matches!(name.kind, Kind::Source | Kind::Tier) {
            continue;
        }
        let folded = (name.kind, name.text.to_lowercase());
        let earlier = *first.entry(folded).or_insert(name);
        if earlier.text != name.text {
            let message = format!("`{}` and `{}` differ only in case", earlier.text, name.text);
            out.push(
                Diagnostic::new(&CASE, name.span, message)
                    .also(earlier.span, "the other")
                    .help("give one of them a name that is different in more than case"),
            );
        }
    }
}

/// A key called `none`.
pub(super) fn reserved_names(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for name in subject.defined().iter().filter(|name| name.kind == Kind::Key && name.text == "none") {
        out.push(
            Diagnostic::new(&RESERVED, name.span, "a key cannot be called `none`")
                .label("`encrypt none` means no encryption")
                .help("give the key another name"),
        );
    }
}

/// One source twice among the takes of a tier.
pub(super) fn sources_taken_twice(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.nodes("tier") {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for name in super::values(tier, "take").filter_map(|value| named(Kind::Source, value)) {
            match first.get(name.text) {
                None => {
                    first.insert(name.text, name.span);
                }
                Some(at) => out.push(
                    Diagnostic::new(&TAKEN_TWICE, name.span, format!("`{}` is taken twice", name.text))
                        .label("again here")
                        .also(*at, "first here")
                        .help("take it once, with all its times in one schedule such as `0 2,14 * * *`"),
                ),
            }
        }
    }
}
