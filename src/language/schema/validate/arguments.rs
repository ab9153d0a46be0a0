//! The values behind a node's name: too few, too many, and each of them.

use super::{Place, Validator};
use crate::diagnostics::{Diagnostic, Edit, Fix, Span, list, nearest};
use crate::language::schema::correct::Correction;
use crate::language::schema::model::{Format, NodeShape, Primitive, PropertyShape};
use crate::language::schema::rules::{EXTRA_ARGUMENT, MISSING_ARGUMENT};
use crate::language::syntax::word::is_plain;
use crate::language::{Node, Property, Value, ValueKind};

impl Validator<'_> {
    pub(super) fn arguments(&mut self, node: &Node, inside: Place, outside: Place) {
        let shape = inside.shape;
        for (index, value) in node.arguments.iter().enumerate() {
            let Some(wanted) = shape.argument(index) else {
                self.extra(node, index, shape, outside);
                break;
            };
            // Words that should have been one text: said once, of the whole.
            if self.is_unquoted_text(node, index, shape) {
                break;
            }
            self.value(value, &wanted.kind, &node.name.value);
        }
        if node.arguments.len() < shape.min_arguments() && !self.argument_as_property(node, shape) {
            self.missing(node, shape);
        }
    }

    /// `encrypt key=ops`: the value has a name that it does not need. Reported with the properties.
    pub(super) fn argument_as_property(&self, node: &Node, shape: &NodeShape) -> bool {
        let unknown = |property: &&Property| {
            let name = &property.name.value;
            let known = shape.properties.iter().map(|p| p.name.as_str());
            shape.property(name).is_none() && nearest(name, known).is_none()
        };
        node.arguments.len() + 1 == shape.min_arguments() && node.properties.iter().filter(unknown).count() == 1
    }

    fn missing(&mut self, node: &Node, shape: &NodeShape) {
        let name = &node.name.value;
        let Some(wanted) = shape.argument(node.arguments.len()) else { return };
        let at = node.arguments.last().map_or(node.name.span, |last| last.span);
        self.nameless |= wanted.kind.is_name();
        let named = matches!(wanted.kind.format, Some(Format::Name));
        let what = if named { "name" } else { "value" };
        let must = match wanted.kind.choices.len() {
            0 => wanted.kind.expected(),
            _ => list(wanted.kind.choice_names(), "or"),
        };
        let diagnostic = Diagnostic::new(&MISSING_ARGUMENT, at, format!("`{name}` has no {what}"));
        let diagnostic =
            diagnostic.label(if named { "a name must follow".to_owned() } else { format!("{must} must follow") });
        self.report(if shape.takes_children() && !node.children.is_empty() {
            diagnostic.help(format!("write `{name} {} {{`", wanted.placeholder))
        } else if shape.is_wildcard() {
            diagnostic.help(format!("write `{name} {}`", wanted.placeholder))
        } else {
            diagnostic.help(format!("write for example `{}`", example_line(shape)))
        });
    }

    /// Reports the first value too many, by what was probably meant.
    fn extra(&mut self, node: &Node, index: usize, shape: &NodeShape, outside: Place) {
        let name = &node.name.value;
        let extra = &node.arguments[index];
        let shown = self.text(extra.span).to_owned();
        let next = node.arguments.get(index + 1);
        let takes = match shape.max_arguments() {
            Some(0) => "no value".to_owned(),
            Some(1) => "one value".to_owned(),
            Some(max) => format!("{max} values"),
            None => return,
        };
        let of = if shape.is_wildcard() { format!("the setting `{name}`") } else { format!("`{name}`") };
        let diagnostic =
            Diagnostic::new(&EXTRA_ARGUMENT, extra.span, format!("{of} takes {takes}")).label("one too many");
        if let Some(property) = extra.as_str().filter(|text| shape.properties.iter().any(|p| p.name == *text)) {
            let diagnostic = diagnostic.label("this is a property");
            self.report(match next {
                Some(next) => {
                    let value = self.text(next.span);
                    let gap = Span { start: extra.span.end, end: next.span.start, ..extra.span };
                    let fix =
                        Fix { title: "write `=`".to_owned(), edits: vec![Edit { span: gap, text: "=".to_owned() }] };
                    diagnostic.help(format!("write `{property}={value}`")).fix(fix)
                }
                None => diagnostic.help(format!("write `{property}=VALUE`")),
            });
            return;
        }
        if let Some(child) = extra.as_str().filter(|text| shape.children.iter().any(|child| child.name == *text)) {
            let values: Vec<&str> = node.arguments[index..].iter().map(|value| self.text(value.span)).collect();
            let help = format!("write `{name} … {{ {} }}`", values.join(" "));
            self.report(diagnostic.label(format!("`{child}` belongs in the block of `{name}`")).help(help));
            return;
        }
        // Two settings on one line: `bucket a region b`.
        let sibling = |text: &str| {
            let known = outside.shape.children.iter().any(|child| child.name == text);
            let plain = outside.shape.children.iter().any(NodeShape::is_wildcard) && next.is_some() && is_plain(text);
            known || plain
        };
        if let Some(sibling) = extra.as_str().filter(|text| sibling(text)) {
            let before = node.arguments[..index].last().map_or(node.name.span.end, |value| value.span.end);
            let at = Span { start: before, end: before, ..extra.span };
            self.report(
                diagnostic
                    .label("another setting?")
                    .help(format!("write a `;` before `{sibling}`, or start a new line"))
                    .fix(Fix::insert(at, ";")),
            );
            return;
        }
        if index == 0 && !shape.properties.is_empty() {
            let fits = |property: &&PropertyShape| match extra.kind {
                ValueKind::Integer(_) => property.kind.primitive == Primitive::Integer,
                _ => property.kind.primitive == Primitive::Text,
            };
            let fitting = shape.properties.iter().filter(fits).map(|property| format!("{}={shown}", property.name));
            let fitting: Vec<String> = fitting.collect();
            if !fitting.is_empty() {
                let help = format!("say which it is: {}", list(fitting.iter().map(String::as_str), "or"));
                self.report(diagnostic.label("a value without a name").help(help));
                return;
            }
        }
        let written = if index == 0 { "remove it" } else { "remove it, or quote the text if it is one" };
        let title = format!("`{shown}`");
        self.report(diagnostic.help(written).fix(Fix::delete(with_space(node, index), &title)));
    }

    /// `description my web server`: every word is a value, and together they are one. Reported here.
    fn is_unquoted_text(&mut self, node: &Node, index: usize, shape: &NodeShape) -> bool {
        let (Some(max), Some(wanted)) = (shape.max_arguments(), shape.argument(index)) else { return false };
        let free = matches!(
            wanted.kind.format,
            None | Some(Format::Cron | Format::Path | Format::Pattern | Format::Duration | Format::Size | Format::Rate)
        ) && wanted.kind.choices.is_empty()
            && wanted.kind.reference.is_none()
            && wanted.kind.primitive == Primitive::Text;
        let rest = &node.arguments[index..];
        let bare = |value: &Value| {
            value.annotation.is_none() && !self.text(value.span).contains('"') && value.kind != ValueKind::Null
        };
        let is_property = |value: &Value| {
            value.as_str().is_some_and(|text| shape.properties.iter().any(|property| property.name == text))
        };
        if !free || index + 1 != max || rest.len() < 2 || !rest.iter().all(bare) || rest.iter().any(is_property) {
            return false;
        }
        let whole = Span { end: rest[rest.len() - 1].span.end, ..rest[0].span };
        // Nothing but the values may stand between the first and the last.
        let inside = |span: Span| span.start > whole.start && span.end < whole.end;
        if node.properties.iter().any(|property| inside(property.name.span)) {
            return false;
        }
        let text = self.text(whole).to_owned();
        let name = &node.name.value;
        let of_a_word = |d: &Diagnostic| {
            let span = d.primary.span;
            d.rule.code == "plan::syntax::unquoted"
                && span.file == whole.file
                && whole.start <= span.start
                && span.end <= whole.end
        };
        self.earlier.retain(|diagnostic| !of_a_word(diagnostic));
        self.corrections.insert(node.name.span, Correction::Join { from: index, text: text.clone() });
        self.report(
            Diagnostic::new(&EXTRA_ARGUMENT, whole, format!("`{name}` takes one value, not {}", rest.len()))
                .label("a text with spaces must be quoted")
                .help(format!("write `\"{text}\"`"))
                .fix(Fix::replace(whole, format!("\"{text}\""))),
        );
        true
    }
}

/// The first line of a shape's example.
pub(super) fn example_line(shape: &NodeShape) -> &str {
    shape.example.lines().next().unwrap_or(&shape.name)
}

/// The value with the space before it, for removal.
fn with_space(node: &Node, index: usize) -> Span {
    let span = node.arguments[index].span;
    let before = match index.checked_sub(1) {
        Some(before) => node.arguments[before].span.end,
        None => node.name.span.end,
    };
    let between = node
        .properties
        .iter()
        .any(|property| property.name.span.start >= before && property.name.span.start < span.start);
    Span { start: if between { span.start } else { before }, ..span }
}
