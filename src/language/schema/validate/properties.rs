//! The properties of a node: unknown, repeated, missing, and each of them.

use super::{Place, Validator, allowed};
use crate::diagnostics::{Diagnostic, Edit, Fix, Span, list, nearest};
use crate::language::schema::correct::Correction;
use crate::language::schema::model::NodeShape;
use crate::language::schema::rules::{
    BLOCK, MISSING_PROPERTY, NOTHING_SET, REPEATED_PROPERTY, TYPE, UNKNOWN_PROPERTY, WRONG_PLACE,
};
use crate::language::{Node, Property};
use std::collections::HashMap;

impl Validator<'_> {
    pub(super) fn properties(&mut self, node: &Node, inside: Place) {
        let shape = inside.shape;
        let mut first: HashMap<&str, &Property> = HashMap::new();
        let mut meant = Vec::new();
        let mut unknown = false;
        for property in &node.properties {
            let name = property.name.value.as_str();
            let Some(known) = shape.property(name) else {
                let suggestion = self.unknown_property(node, property, shape);
                unknown |= suggestion.is_none();
                if let Some(known) = suggestion.and_then(|name| shape.property(name)) {
                    meant.push(known.name.as_str());
                    self.value(&property.value, &known.kind, &format!("{}=", known.name));
                }
                continue;
            };
            match first.get(name) {
                Some(earlier) if !known.repeatable => self.repeated_property(node, earlier, property, shape),
                _ => {
                    first.insert(name, property);
                }
            }
            self.value(&property.value, &known.kind, &format!("{name}="));
        }
        let as_child = |name: &str| node.children.iter().any(|child| child.name.value == name);
        let given = |name: &str| first.contains_key(name) || meant.contains(&name) || as_child(name);
        let missing: Vec<&str> =
            shape.properties.iter().filter(|p| p.required && !given(&p.name)).map(|p| p.name.as_str()).collect();
        if !missing.is_empty() && !unknown {
            self.missing_properties(node, &missing, shape);
        }
        let nothing = node.properties.len() < shape.min_properties && node.arguments.is_empty();
        if nothing && node.children.is_empty() {
            self.nothing_set(node, shape);
        }
    }

    /// Reports a property that the node does not have; the one that was probably meant.
    fn unknown_property<'s>(&mut self, node: &Node, property: &Property, shape: &'s NodeShape) -> Option<&'s str> {
        let (name, block) = (&property.name.value, &node.name.value);
        let span = property.name.span;
        let value = self.text(property.value.span).to_owned();
        let message = format!("`{block}` has no property `{name}`");
        let names: Vec<&str> = shape.properties.iter().map(|p| p.name.as_str()).filter(|name| *name != "*").collect();
        if let Some(meant) = nearest(name, names.iter().copied())
            .filter(|meant| !node.properties.iter().any(|p| p.name.value == **meant))
        {
            let diagnostic = Diagnostic::new(&UNKNOWN_PROPERTY, span, message);
            let note = allowed(names.iter().copied(), "its properties");
            let mut diagnostic = diagnostic.help(format!("did you mean `{meant}`?")).fix(Fix::replace(span, meant));
            diagnostic.notes.extend(note);
            self.correct(span, Correction::Rename(meant.to_owned()));
            self.report(diagnostic);
            return shape.properties.iter().map(|p| p.name.as_str()).find(|name| *name == meant);
        }
        // A child written as a property: `tier x mode=full`.
        if let Some(child) = shape.children.iter().find(|child| child.name == *name) {
            self.report(
                Diagnostic::new(
                    &WRONG_PLACE,
                    span,
                    format!("`{name}` is a node in the block of `{block}`, not a property"),
                )
                .help(format!("write `{} {value}` between its braces", child.name)),
            );
            return None;
        }
        if self.argument_as_property(node, shape) {
            let whole = Span { end: property.value.span.end, ..span };
            self.report(
                Diagnostic::new(&UNKNOWN_PROPERTY, span, message)
                    .label("the value needs no name")
                    .help(format!("write `{block} {value}`"))
                    .fix(Fix::replace(whole, value)),
            );
            return None;
        }
        let takers: Vec<&str> = self.schema.takers_of(name).into_iter().filter(|taker| taker != block).collect();
        let mut diagnostic = Diagnostic::new(&UNKNOWN_PROPERTY, span, message);
        diagnostic = match (&takers[..], &names[..]) {
            ([], []) => diagnostic.help("it takes no properties: remove it"),
            ([], _) => diagnostic.help(format!("write one of {}", list(names.iter().copied(), "or"))),
            (takers, _) => diagnostic.help(format!("it is a property of {}", list(takers.iter().copied(), "and"))),
        };
        if !takers.is_empty() {
            diagnostic.notes.extend(allowed(names.iter().copied(), &format!("`{block}` takes")));
        }
        self.report(diagnostic);
        None
    }

    fn repeated_property(&mut self, node: &Node, first: &Property, again: &Property, shape: &NodeShape) {
        let name = &again.name.value;
        let message = format!("`{}` sets `{name}` twice", node.name.value);
        let others =
            shape.properties.iter().map(|p| p.name.as_str()).filter(|p| *p != "*" && node.property(p).is_none());
        let mut diagnostic = Diagnostic::new(&REPEATED_PROPERTY, again.name.span, message)
            .label("the second")
            .also(first.name.span, "the first")
            .help("remove one of the two");
        diagnostic.notes.extend(allowed(others, "its other properties"));
        self.report(diagnostic);
    }

    fn missing_properties(&mut self, node: &Node, missing: &[&str], shape: &NodeShape) {
        let name = node.arguments.first().and_then(|value| value.as_str());
        let of = name.map_or(format!("`{}`", node.name.value), |name| format!("{} `{name}`", node.name.value));
        // A value without a name may well be that of the missing property.
        let message = format!("{of} has no {}", list(missing.iter().copied(), "and no"));
        let kind = |name: &str| shape.property(name).map(|p| p.kind.expected()).unwrap_or_default();
        let wanted: Vec<String> = missing.iter().map(|name| format!("`{name}=`, {}", kind(name))).collect();
        self.report(
            Diagnostic::new(&MISSING_PROPERTY, node.name.span, message)
                .help(format!("add {}", wanted.join("; and ")))
                .note(format!("for example `{}`", super::arguments::example_line(shape))),
        );
    }

    fn nothing_set(&mut self, node: &Node, shape: &NodeShape) {
        let name = &node.name.value;
        let names = shape.properties.iter().map(|p| p.name.as_str());
        let mut diagnostic = Diagnostic::new(&NOTHING_SET, node.name.span, format!("`{name}` sets nothing"))
            .help(format!("write for example `{}`", super::arguments::example_line(shape)));
        diagnostic.notes.extend(allowed(names, "its properties"));
        self.report(diagnostic);
    }

    /// `keep { daily 7 }`: properties written as children. Reported with the line as it should be.
    pub(super) fn children_for_properties(&mut self, node: &Node, shape: &NodeShape) -> bool {
        let simple = |child: &Node| {
            child.arguments.len() == 1
                && child.properties.is_empty()
                && child.children.is_empty()
                && shape.properties.iter().any(|p| p.name == child.name.value)
        };
        if node.children.is_empty() || !node.children.iter().all(simple) {
            return false;
        }
        let pairs: Vec<String> = node
            .children
            .iter()
            .map(|child| format!("{}={}", child.name.value, self.text(child.arguments[0].span)))
            .collect();
        let block = self.block(node);
        let name = &node.name.value;
        let fix = Fix {
            title: "write properties".to_owned(),
            edits: vec![Edit { span: block, text: format!(" {}", pairs.join(" ")) }],
        };
        self.report(
            Diagnostic::new(&BLOCK, node.children[0].name.span, format!("`{name}` takes properties, not a block"))
                .help(format!("write `{name} {}`", pairs.join(" ")))
                .fix(fix),
        );
        for child in &node.children {
            if let Some(property) = shape.property(&child.name.value) {
                self.value(&child.arguments[0], &property.kind, &format!("{}=", child.name.value));
            }
        }
        true
    }

    /// A property that may stand as a child: one value, nothing else.
    pub(super) fn property_as_child(&mut self, child: &Node, shape: &NodeShape) {
        let Some(property) = shape.property(&child.name.value) else { return };
        match &child.arguments[..] {
            [value] => self.value(value, &property.kind, &child.name.value),
            _ => self.report(
                Diagnostic::new(&TYPE, child.name.span, format!("`{}` takes one value", child.name.value))
                    .help(format!("write {}", property.kind.expected())),
            ),
        }
    }
}
