//! Names: what refers to something that is not there, what stands twice, and
//! what nothing refers to.
//!
//! This family looks at the document, not at the plan: a tier whose store is
//! misspelt is no tier of the plan, but it has its name, and takes its sources.

mod copies;
mod duplicate;
mod reference;
mod unused;

use super::{Check, Subject};
use crate::diagnostics::{Rule, Span};
use crate::language::{Node, Value};
use std::fmt;

pub(super) static RULES: [&Rule; 16] = [
    &reference::UNKNOWN_KEY,
    &reference::UNKNOWN_SOURCE,
    &reference::UNKNOWN_TIER,
    &reference::UNKNOWN_NOTIFY,
    &unused::UNUSED_KEY,
    &unused::UNUSED_SOURCE,
    &unused::UNUSED_NOTIFY,
    &unused::TAKES_NOTHING,
    &unused::BACKS_UP_NOTHING,
    &duplicate::DUPLICATE,
    &duplicate::CASE,
    &duplicate::RESERVED,
    &duplicate::TAKEN_TWICE,
    &copies::FROM_CYCLE,
    &copies::FROM_LACKS_SOURCE,
    &copies::DRILL_LACKS_SOURCE,
];

pub(super) static CHECKS: [Check; 11] = [
    reference::dangling_references,
    unused::unused_keys_and_sources,
    unused::channels_without_events,
    unused::tiers_that_take_nothing,
    unused::plans_that_back_up_nothing,
    duplicate::same_name_twice,
    duplicate::names_that_differ_in_case,
    duplicate::reserved_names,
    duplicate::sources_taken_twice,
    copies::copies_in_a_circle,
    copies::copies_and_drills_without_their_source,
];

/// What has a name that something refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Key,
    Source,
    Tier,
    Notify,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Key, Kind::Source, Kind::Tier, Kind::Notify];
}

/// The node's name.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Key => "key",
            Self::Source => "source",
            Self::Tier => "tier",
            Self::Notify => "notify",
        })
    }
}

/// A name in the text: where something is defined, or referred to.
#[derive(Clone, Copy, Debug)]
struct Name<'a> {
    kind: Kind,
    text: &'a str,
    span: Span,
}

impl Subject<'_> {
    /// The nodes of the plan of that name.
    pub(super) fn nodes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        let plan = self.document.nodes.iter().find(|node| node.name.value == "plan");
        plan.into_iter().flat_map(move |plan| plan.children_named(name))
    }

    /// In the order of the text; duplicates stand here too.
    fn defined(&self) -> Vec<Name<'_>> {
        let plan = self.document.nodes.iter().find(|node| node.name.value == "plan");
        let children = plan.map(|plan| &plan.children[..]).unwrap_or_default();
        children
            .iter()
            .filter_map(|node| {
                let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == node.name.value)?;
                named(kind, node.arguments.first()?)
            })
            .collect()
    }

    /// Every place that refers to something by its name, in no particular order.
    fn references(&self) -> Vec<Name<'_>> {
        let mut found = Vec::new();
        for tier in self.nodes("tier") {
            found.extend(values(tier, "encrypt").filter_map(|v| named(Kind::Key, v)).filter(|n| n.text != "none"));
            found.extend(values(tier, "take").filter_map(|v| named(Kind::Source, v)));
            found.extend(values(tier, "from").filter_map(|v| named(Kind::Tier, v)));
        }
        for drill in self.nodes("drill") {
            found.extend(drill.arguments.first().and_then(|v| named(Kind::Source, v)));
            found.extend(drill.property("tier").and_then(|v| named(Kind::Tier, v)));
        }
        for report in self.nodes("report") {
            let to = report.properties.iter().filter(|property| property.name.value == "to");
            found.extend(to.filter_map(|property| named(Kind::Notify, &property.value)));
        }
        found
    }
}

/// All arguments of all children of that name.
fn values<'a>(node: &'a Node, child: &'a str) -> impl Iterator<Item = &'a Value> {
    node.children_named(child).flat_map(|child| &child.arguments)
}

fn named(kind: Kind, value: &Value) -> Option<Name<'_>> {
    Some(Name { kind, text: value.as_str()?, span: value.span })
}

/// The first argument, where it is text.
fn own_name(node: &Node) -> Option<(&str, Span)> {
    let value = node.arguments.first()?;
    Some((value.as_str()?, value.span))
}
