use super::super::Subject;
use super::{Kind, named, own_name, values};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::language::Node;

pub(super) static FROM_CYCLE: Rule = Rule {
    code: "plan::names::from_cycle",
    severity: Severity::Error,
    title: "tiers copy from one another in a circle",
    why: "`from TIER` copies the snapshots of another tier instead of reading the sources. Somewhere the sources must \
          be read.",
    bad: r#"
tier near {
    store fs { root "/mnt/near" }
    from far
    take data
}
tier far {
    store fs { root "/mnt/far" }
    from near
    take data
}"#,
    good: r#"
tier near {
    store fs { root "/mnt/near" }
    take data
}
tier far {
    store fs { root "/mnt/far" }
    from near
    take data
}"#,
};
pub(super) static FROM_LACKS_SOURCE: Rule = Rule {
    code: "plan::names::from_lacks_source",
    severity: Severity::Error,
    title: "a tier copies a source from a tier that does not have it",
    why: "With `from TIER` the snapshots come from that tier, so it must take every source that this one takes.",
    bad: r#"
source www { include "/srv/www" }
tier local {
    store fs { root "/backups" }
    take data
}
tier second {
    store fs { root "/mnt/second" }
    from local
    take data www
}"#,
    good: r#"
source www { include "/srv/www" }
tier local {
    store fs { root "/backups" }
    take data www
}
tier second {
    store fs { root "/mnt/second" }
    from local
    take data www
}"#,
};
pub(super) static DRILL_LACKS_SOURCE: Rule = Rule {
    code: "plan::names::drill_lacks_source",
    severity: Severity::Error,
    title: "a drill restores a source from a tier that does not have it",
    why: "A drill restores the newest snapshot of a source from a tier, so the tier must take that source.",
    bad: r#"
source www { include "/srv/www" }
tier web {
    store fs { root "/mnt/web" }
    take www
}
drill www tier=local schedule="@monthly""#,
    good: r#"
source www { include "/srv/www" }
tier web {
    store fs { root "/mnt/web" }
    take www
}
drill www tier=web schedule="@monthly""#,
};

fn tier_called<'a>(subject: &'a Subject<'_>, name: &str) -> Option<&'a Node> {
    subject.nodes("tier").find(|tier| own_name(tier).is_some_and(|(own, _)| own == name))
}

/// The tier that a tier copies from.
fn copies_from<'a>(subject: &'a Subject<'_>, tier: &Node) -> Option<&'a Node> {
    tier_called(subject, values(tier, "from").next()?.as_str()?)
}

/// Whether a tier takes a source, by name or with all that it copies.
fn takes(subject: &Subject<'_>, tier: &Node, source: &str) -> bool {
    let mut next = Some(tier);
    // A circle of tiers has as many.
    for _ in 0..subject.nodes("tier").count() {
        match next {
            Some(tier) if tier.child("take").is_none() => next = copies_from(subject, tier),
            named => return named.is_some_and(|tier| values(tier, "take").any(|value| value.as_str() == Some(source))),
        }
    }
    false
}

/// Circles of `from`, each reported once, at its first tier in the text.
pub(super) fn copies_in_a_circle(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let count = subject.nodes("tier").count();
    for tier in subject.nodes("tier") {
        let mut circle: Vec<&Node> = Vec::new();
        let mut next = copies_from(subject, tier);
        // A walk that does not come back to where it began within all tiers never will.
        while let Some(node) = next.filter(|_| circle.len() < count) {
            circle.push(node);
            if std::ptr::eq(node, tier) {
                break;
            }
            next = copies_from(subject, node);
        }
        let comes_back = circle.last().is_some_and(|last| std::ptr::eq(*last, tier));
        let is_first =
            circle.iter().all(|other| (tier.span.file, tier.span.start) <= (other.span.file, other.span.start));
        let (Some(from), Some((name, _))) = (values(tier, "from").next(), own_name(tier)) else { continue };
        if !comes_back || !is_first {
            continue;
        }
        let message = match circle[..] {
            [_] => format!("tier `{name}` copies from itself"),
            _ => format!("tier `{name}` copies from itself, through others"),
        };
        let mut diagnostic = Diagnostic::new(&FROM_CYCLE, from.span, message);
        for other in circle.iter().filter(|other| !std::ptr::eq(**other, tier)) {
            if let Some(from) = values(other, "from").next() {
                diagnostic = diagnostic.also(from.span, "and this one from");
            }
        }
        out.push(diagnostic.help("remove one `from`, so that one of the tiers reads the sources"));
    }
}

/// What a tier copies or a drill restores must be where they look for it.
pub(super) fn copies_and_drills_without_their_source(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let defined: Vec<&str> =
        subject.defined().iter().filter(|name| name.kind == Kind::Source).map(|name| name.text).collect::<Vec<_>>();
    // A name that nothing has, and which is reported, may be the one that is not found.
    let takes_unknown = |tier: &Node| {
        values(tier, "take").filter_map(|value| named(Kind::Source, value)).any(|name| !defined.contains(&name.text))
    };
    for tier in subject.nodes("tier") {
        let (Some(from), Some(at)) = (copies_from(subject, tier), values(tier, "from").next()) else { continue };
        // One that copies from a tier that is broken, or takes nothing yet, is not to blame.
        if !subject.is_sound(from.span) || from.child("take").is_none() || takes_unknown(from) {
            continue;
        }
        let Some((from_name, _)) = own_name(from) else { continue };
        for source in values(tier, "take").filter_map(|value| named(Kind::Source, value)) {
            if defined.contains(&source.text) && !takes(subject, from, source.text) {
                let message = format!("tier `{from_name}` does not take `{}`", source.text);
                out.push(
                    Diagnostic::new(&FROM_LACKS_SOURCE, source.span, message)
                        .label("cannot be copied")
                        .also(at.span, "copies from there")
                        .help(format!("add `{}` to what `{from_name}` takes", source.text)),
                );
            }
        }
    }
    for drill in subject.nodes("drill") {
        let source = drill.arguments.first().and_then(|value| named(Kind::Source, value));
        let tier = drill.property("tier").and_then(|value| named(Kind::Tier, value));
        let (Some(source), Some(name)) = (source, tier) else { continue };
        let Some(tier) = tier_called(subject, name.text).filter(|tier| subject.is_sound(tier.span)) else { continue };
        if takes_unknown(tier) {
            continue;
        }
        if defined.contains(&source.text) && !takes(subject, tier, source.text) {
            let message = format!("tier `{}` does not take `{}`", name.text, source.text);
            out.push(
                Diagnostic::new(&DRILL_LACKS_SOURCE, source.span, message)
                    .label("has no snapshot there")
                    .also(name.span, "the drill looks there")
                    .help(format!("name a tier that takes `{}`", source.text)),
            );
        }
    }
}
