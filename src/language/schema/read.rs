//! `schema/plan.kdl` to a [`Schema`].
//!
//! The file is part of the program: what is wrong in it is a bug, found by the
//! tests of this module, and not an error that a user could meet.

use super::model::{Choice, Format, Kind, NodeShape, Primitive, PropertyShape, Schema, ValueShape};
use crate::diagnostics::FileId;
use crate::language::{Node, Value, ValueKind, parse};

/// Reads the schema's text.
pub(super) fn read(text: &str) -> Schema {
    let (document, diagnostics) = parse(text, FileId(0));
    assert!(diagnostics.is_empty(), "the schema is valid KDL: {diagnostics:#?}");
    let document = document.nodes.iter().find(|node| node.name.value == "document").expect("the schema has a document");
    let info = document.child("info").expect("the schema has an info");
    let plan = document.child("node").expect("the schema has a root node");
    let everywhere = document.child("everywhere").map(|node| nodes(node, &[])).unwrap_or_default();
    Schema {
        title: words(info, "title"),
        description: words(info, "description"),
        plan: self::node(plan, &[]),
        everywhere,
    }
}

fn nodes(parent: &Node, path: &[&str]) -> Vec<NodeShape> {
    parent.children_named("node").map(|child| node(child, path)).collect()
}

fn node(from: &Node, path: &[&str]) -> NodeShape {
    let name = argument(from).to_owned();
    let path = [path, &[&name]].concat();
    known(
        from,
        &path,
        &[
            "aka",
            "description",
            "details",
            "min",
            "max",
            "min-props",
            "includable",
            "value",
            "prop",
            "children",
            "example",
        ],
    );
    NodeShape {
        aka: texts(from, "aka"),
        description: words(from, "description"),
        details: words(from, "details"),
        min: count(from, "min").unwrap_or(0),
        max: count(from, "max"),
        includable: from.child("includable").is_some(),
        arguments: from.children_named("value").map(|value| argument_shape(value, &path)).collect(),
        properties: from.children_named("prop").map(|prop| property_shape(prop, &path)).collect(),
        min_properties: count(from, "min-props").unwrap_or(0),
        children: from.child("children").map(|children| nodes(children, &path)).unwrap_or_default(),
        example: words(from, "example"),
        name,
    }
}

const KIND: [&str; 9] =
    ["type", "format", "reference", "choice", "open", "at-least", "at-most", "default", "description"];

fn argument_shape(from: &Node, path: &[&str]) -> ValueShape {
    known(from, path, &[&KIND[..], &["min", "max"]].concat());
    let min = count(from, "min");
    let max = count(from, "max");
    // Neither given: exactly one.
    let max = if from.child("max").is_some() { max } else { Some(1) };
    ValueShape { placeholder: argument(from).to_owned(), min: min.unwrap_or(1), max, kind: kind(from, path) }
}

fn property_shape(from: &Node, path: &[&str]) -> PropertyShape {
    known(from, path, &[&KIND[..], &["aka", "required", "repeatable", "as-child"]].concat());
    PropertyShape {
        name: argument(from).to_owned(),
        aka: texts(from, "aka"),
        required: from.child("required").is_some(),
        repeatable: from.child("repeatable").is_some(),
        as_child: from.child("as-child").is_some(),
        kind: kind(from, path),
    }
}

fn kind(from: &Node, path: &[&str]) -> Kind {
    let primitive = match from.child("type").map(argument) {
        None | Some("string") => Primitive::Text,
        Some("integer") => Primitive::Integer,
        Some("boolean") => Primitive::Boolean,
        Some("any") => Primitive::Any,
        Some(other) => panic!("the schema's types are known: `{other}` in {path:?}"),
    };
    let format = from.child("format").map(argument).map(|name| {
        let known = Format::ALL.iter().find(|(_, known, _)| *known == name);
        known.unwrap_or_else(|| panic!("the schema's formats are known: `{name}` in {path:?}")).0
    });
    let choices = from.children_named("choice").map(|choice| Choice {
        name: argument(choice).to_owned(),
        description: choice.arguments.get(1).and_then(Value::as_str).unwrap_or_default().to_owned(),
    });
    Kind {
        primitive,
        format,
        reference: from.child("reference").map(|whose| argument(whose).to_owned()),
        choices: choices.collect(),
        open: from.child("open").is_some(),
        at_least: integer(from, "at-least"),
        at_most: integer(from, "at-most"),
        default: from.child("default").and_then(|node| node.arguments.first()).map(shown),
        description: words(from, "description"),
    }
}

fn known(from: &Node, path: &[&str], names: &[&str]) {
    for child in &from.children {
        let name = child.name.value.as_str();
        assert!(names.contains(&name), "the schema has no stray words: `{name}` in {path:?}");
    }
}

fn argument(node: &Node) -> &str {
    let text = node.arguments.first().and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("the schema's `{}` has a text", node.name.value))
}

fn words(node: &Node, child: &str) -> String {
    node.child(child).map(argument).unwrap_or_default().to_owned()
}

fn texts(node: &Node, child: &str) -> Vec<String> {
    let values = node.children_named(child).flat_map(|child| &child.arguments);
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn integer(node: &Node, child: &str) -> Option<i128> {
    match node.child(child)?.arguments.first()?.kind {
        ValueKind::Integer(number) => Some(number),
        _ => None,
    }
}

/// A count; `None` where there is none, or it is infinite.
fn count(node: &Node, child: &str) -> Option<usize> {
    integer(node, child).and_then(|number| usize::try_from(number).ok())
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) if crate::language::syntax::word::is_plain(text) => text.clone(),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Bool(on) => format!("#{on}"),
        ValueKind::Null => "#null".to_owned(),
    }
}
