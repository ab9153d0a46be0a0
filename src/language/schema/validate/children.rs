//! The block of a node: unknown, misplaced, repeated and missing nodes.

use super::{Place, Validator, allowed};
use crate::diagnostics::{Diagnostic, Fix, Span, list, nearest};
use crate::language::Node;
use crate::language::schema::correct::Correction;
use crate::language::schema::model::NodeShape;
use crate::language::schema::rules::{BLOCK, IN_INCLUDE, MISSING_NODE, UNKNOWN_NODE, WRONG_PLACE};
use std::collections::HashMap;

impl Validator<'_> {
    pub(super) fn children(&mut self, node: &Node, inside: Place) {
        let shape = inside.shape;
        let global = |child: &Node| self.schema.everywhere.iter().any(|known| known.name == child.name.value);
        if !shape.takes_children() && node.children.iter().any(|child| !global(child)) {
            if !node.damaged && !self.children_for_properties(node, shape) {
                self.no_block(node, shape);
            }
            return;
        }
        let mut first: HashMap<&str, &Node> = HashMap::new();
        let mut doubtful = node.damaged;
        for child in &node.children {
            doubtful |= child.damaged;
            let Some(known) = self.shape_of(child, node, inside) else {
                doubtful = true;
                continue;
            };
            if known.is_wildcard() {
                self.node(child, known, inside);
                continue;
            }
            match first.get(known.name.as_str()) {
                Some(earlier) if !known.is_repeatable() => self.repeated(earlier, child, node, known),
                _ => {
                    first.insert(&known.name, child);
                }
            }
            self.node(child, known, Place { is_root: false, ..inside });
        }
        let missing = shape.children.iter().filter(|child| child.min > 0 && !first.contains_key(child.name.as_str()));
        for missing in missing.filter(|_| !doubtful) {
            self.missing_child(node, missing);
        }
    }

    /// The shape that a child is to be checked by: its own, or the one that was
    /// probably meant. `None` where nobody can tell. Reports what is unknown.
    fn shape_of(&mut self, child: &Node, block: &Node, inside: Place) -> Option<&'static NodeShape> {
        let name = child.name.value.as_str();
        let shape = inside.shape;
        if let Some(known) = shape.child(name) {
            if inside.is_root && child.span.file != inside.main && !known.includable {
                self.in_include(child);
            }
            return Some(known);
        }
        if let Some(known) = self.schema.everywhere.iter().find(|known| known.name == name) {
            return Some(known);
        }
        if shape.property(name).is_some_and(|property| property.as_child) {
            self.property_as_child(child, shape);
            return None;
        }
        if inside.is_root && name == self.schema.plan.name {
            self.in_include(child);
            return None;
        }
        let meant = self.unknown_child(child, block, inside);
        meant.and_then(|meant| shape.child(meant))
    }

    /// Reports a node that does not belong here; the one that was probably meant.
    fn unknown_child(&mut self, child: &Node, block: &Node, inside: Place) -> Option<&'static str> {
        let shape = inside.shape;
        let (name, span) = (&child.name.value, child.name.span);
        let included = inside.is_root && child.span.file != inside.main;
        let known = shape.children.iter().filter(|known| !included || known.includable);
        let names: Vec<&str> = known.map(|known| known.name.as_str()).collect();
        let of = if included { "an included file".to_owned() } else { format!("`{}`", block.name.value) };
        let note = allowed(names.iter().copied(), &format!("{of} takes"));
        let parents = self.schema.parents_of(name);
        let also_called = shape.children.iter().find(|known| known.aka.iter().any(|aka| aka == name));
        let near = also_called.map(|known| known.name.as_str()).or_else(|| nearest(name, names.iter().copied()));
        // A name that is right elsewhere is misplaced rather than misspelt.
        if !parents.is_empty() && also_called.is_none() {
            let mut diagnostic = Diagnostic::new(&WRONG_PLACE, span, format!("`{name}` does not belong in {of}"))
                .help(format!("it belongs in {}", list(parents.iter().copied(), "or")));
            diagnostic.notes.extend(note);
            self.report(diagnostic);
            return None;
        }
        let mut diagnostic = Diagnostic::new(&UNKNOWN_NODE, span, format!("{of} has no `{name}`"));
        if let Some(meant) = near {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?")).fix(Fix::replace(span, meant));
            diagnostic.notes.extend(note);
            self.correct(span, Correction::Rename(meant.to_owned()));
            self.report(diagnostic);
            return shape.children.iter().map(|known| known.name.as_str()).find(|known| *known == meant);
        }
        diagnostic = if name == "-" {
            diagnostic.help("KDL has no list items: write the values behind the node's name")
        } else if shape.properties.iter().any(|property| property.name == *name) {
            diagnostic.help(format!("it is a property: write `{} {name}=…`", block.name.value))
        } else {
            let far = self.schema.walk().into_iter().map(|(_, known)| known.name.as_str());
            match nearest(name, far.filter(|known| *known != "*" && !names.contains(known))) {
                Some(far) => diagnostic.help(format!(
                    "did you mean `{far}`? It belongs in {}",
                    list(self.schema.parents_of(far).iter().copied(), "or")
                )),
                None => diagnostic.help(format!("remove it, or see `plan explain {}`", shape.name)),
            }
        };
        diagnostic.notes.extend(note);
        self.report(diagnostic);
        None
    }

    fn missing_child(&mut self, node: &Node, missing: &NodeShape) {
        let name = node.arguments.first().and_then(|value| value.as_str());
        let of = name.map_or(format!("`{}`", node.name.value), |name| format!("{} `{name}`", node.name.value));
        let at = node.arguments.first().map_or(node.name.span, |value| value.span);
        self.report(
            Diagnostic::new(&MISSING_NODE, at, format!("{of} has no `{}`", missing.name))
                .label(format!("needs a `{}`", missing.name))
                .help(format!("add for example `{}`", super::arguments::example_line(missing)))
                .note(format!("`{}`: {}", missing.name, lower(&missing.description))),
        );
    }

    fn in_include(&mut self, child: &Node) {
        let name = &child.name.value;
        let allowed =
            self.schema.plan.children.iter().filter(|known| known.includable).map(|known| known.name.as_str());
        let allowed = format!("an included file takes {}", list(allowed, "and"));
        self.report(
            Diagnostic::new(&IN_INCLUDE, child.name.span, format!("`{name}` cannot stand in an included file"))
                .help(if *name == self.schema.plan.name {
                    "write its nodes without a `plan` around them".to_owned()
                } else {
                    "move it to the plan's own file".to_owned()
                })
                .note(allowed),
        );
    }

    fn no_block(&mut self, node: &Node, shape: &NodeShape) {
        let name = &node.name.value;
        let Some(child) = node.children.first() else { return };
        let diagnostic = Diagnostic::new(&BLOCK, child.name.span, format!("`{name}` takes no block"));
        let own = shape.properties.iter().any(|property| property.name == child.name.value);
        let parents = self.schema.parents_of(&child.name.value);
        self.report(match (own, &parents[..]) {
            (true, _) => diagnostic.help(format!("write `{name} {}=…`", child.name.value)),
            (false, []) if shape.is_wildcard() => diagnostic.help("a setting is its name and one value"),
            (false, []) => diagnostic.help(format!("write `{}`", shape.usage())),
            (false, parents) => diagnostic.help(format!(
                "`{}` belongs in {}; is a `}}` missing before it?",
                child.name.value,
                list(parents.iter().copied(), "or")
            )),
        });
    }

    /// From the end of a node's entries to its closing brace.
    pub(super) fn block(&self, node: &Node) -> Span {
        let values = node.arguments.iter().map(|value| value.span.end);
        let properties = node.properties.iter().map(|property| property.value.span.end);
        let start = values.chain(properties).max().unwrap_or(node.name.span.end);
        Span { start, ..node.span }
    }
}

fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut chars = sentence.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
