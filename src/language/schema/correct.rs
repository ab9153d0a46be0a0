//! The document as it was meant, where that is known: so that what follows
//! from a mistake is not reported, and what is wrong besides it is.

use crate::diagnostics::Span;
use crate::language::{Document, Node, Value, ValueKind};
use std::collections::HashMap;

/// A change to the document, by the span of what it changes.
#[derive(Debug)]
pub(super) enum Correction {
    /// A node or property is called this.
    Rename(String),
    /// A value is this.
    Value(ValueKind),
    /// Two values change places: this one takes the place of the key's.
    Exchange(Value),
    /// The arguments of the node whose name is the key, from this one on, are one text.
    Join { from: usize, text: String },
}

pub(super) type Corrections = HashMap<Span, Correction>;

pub(super) fn apply(document: &mut Document, corrections: &Corrections) {
    if !corrections.is_empty() {
        nodes(&mut document.nodes, corrections);
    }
}

fn nodes(list: &mut [Node], corrections: &Corrections) {
    for node in list {
        match corrections.get(&node.name.span) {
            Some(Correction::Rename(name)) => node.name.value.clone_from(name),
            Some(Correction::Join { from, text }) if *from < node.arguments.len() => {
                let end = node.arguments[node.arguments.len() - 1].span.end;
                node.arguments.truncate(from + 1);
                let joined = &mut node.arguments[*from];
                joined.kind = ValueKind::String(text.clone());
                joined.written = None;
                joined.span.end = end;
            }
            _ => {}
        }
        for value in &mut node.arguments {
            correct(value, corrections);
        }
        for property in &mut node.properties {
            if let Some(Correction::Rename(name)) = corrections.get(&property.name.span) {
                property.name.value.clone_from(name);
            }
            correct(&mut property.value, corrections);
        }
        nodes(&mut node.children, corrections);
    }
}

fn correct(value: &mut Value, corrections: &Corrections) {
    match corrections.get(&value.span) {
        Some(Correction::Value(kind)) => {
            value.kind = kind.clone();
            value.written = None;
        }
        Some(Correction::Exchange(other)) => *value = other.clone(),
        _ => {}
    }
}
