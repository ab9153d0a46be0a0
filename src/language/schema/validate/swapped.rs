//! Two values in each other's place.

use super::Validator;
use crate::base::{ByteSize, Percent, Rate, parse_duration};
use crate::diagnostics::{Diagnostic, Edit, Fix};
use crate::language::schema::correct::Correction;
use crate::language::schema::model::{Format, Kind, NodeShape, Primitive};
use crate::language::schema::rules::SWAPPED;
use crate::language::{Node, Value, ValueKind};

impl Validator<'_> {
    /// Reports two values of a node that each fit the other's place and not their own.
    pub(super) fn swapped(&mut self, node: &Node, shape: &NodeShape) -> bool {
        let Some((first, second)) = swapped_pair(node, shape) else { return false };
        let (first, second) = if first.span.start < second.span.start { (first, second) } else { (second, first) };
        self.correct(first.span, Correction::Exchange(second.clone()));
        self.correct(second.span, Correction::Exchange(first.clone()));
        let (one, other) = (self.text(first.span).to_owned(), self.text(second.span).to_owned());
        let fix = Fix {
            title: "exchange the two".to_owned(),
            edits: vec![Edit { span: first.span, text: other.clone() }, Edit { span: second.span, text: one.clone() }],
        };
        self.report(
            Diagnostic::new(
                &SWAPPED,
                first.span,
                format!("{one} and {other} stand in each other's place", one = ticks(&one), other = ticks(&other)),
            )
            .label("this belongs there")
            .also(second.span, "and this here")
            .help("exchange the two")
            .fix(fix),
        );
        true
    }
}

fn ticks(text: &str) -> String {
    format!("`{}`", text.trim_matches('"'))
}

/// The first such pair of a node.
fn swapped_pair<'a>(node: &'a Node, shape: &NodeShape) -> Option<(&'a Value, &'a Value)> {
    let arguments =
        node.arguments.iter().enumerate().filter_map(|(at, value)| Some((value, &shape.argument(at)?.kind)));
    let properties = node.properties.iter();
    let properties =
        properties.filter_map(|property| Some((&property.value, &shape.property(&property.name.value)?.kind)));
    let placed: Vec<(&Value, &Kind)> = arguments.chain(properties).collect();
    let misplaced: Vec<_> = placed.iter().filter(|(value, kind)| fits(value, kind) == Some(false)).collect();
    misplaced.iter().enumerate().find_map(|(at, (value, kind))| {
        let other = misplaced[at + 1..].iter().find(|(other_value, other_kind)| {
            fits(value, other_kind) == Some(true) && fits(other_value, kind) == Some(true)
        })?;
        Some((*value, other.0))
    })
}

/// Whether a value is what a place takes; `None` where nearly anything would do.
fn fits(value: &Value, kind: &Kind) -> Option<bool> {
    if value.annotation.is_some() {
        return None;
    }
    let text = value.as_str();
    if !kind.choices.is_empty() && !kind.open {
        return Some(text.is_some_and(|text| kind.choice_names().any(|name| name == text)));
    }
    match (kind.primitive, kind.format) {
        (Primitive::Integer, _) => Some(matches!(value.kind, ValueKind::Integer(_))),
        (Primitive::Boolean, _) => Some(matches!(value.kind, ValueKind::Bool(_))),
        (Primitive::Text, Some(format)) => {
            let test: fn(&str) -> bool = match format {
                Format::Duration => |text| parse_duration(text).is_ok(),
                Format::Size => |text| text.parse::<ByteSize>().is_ok(),
                Format::Rate => |text| text.parse::<Rate>().is_ok(),
                Format::Percentage => |text| text.parse::<Percent>().is_ok(),
                // By its looks only: what the fields mean is checked where they are read.
                Format::Cron => |text| text.split_whitespace().count() >= 5 || text.starts_with('@'),
                _ => return None,
            };
            Some(text.is_some_and(test))
        }
        _ => None,
    }
}
