//! One value against what it may be.

use super::Validator;
use crate::diagnostics::{Diagnostic, Fix, list, nearest};
use crate::language::schema::correct::Correction;
use crate::language::schema::model::{Kind, Primitive};
use crate::language::schema::rules::{ANNOTATION, CHOICE, RANGE, TYPE};
use crate::language::{Value, ValueKind};

/// What people say for `#true` and `#false`.
const YES: [&str; 5] = ["true", "yes", "on", "1", "y"];
const NO: [&str; 5] = ["false", "no", "off", "0", "n"];

impl Validator<'_> {
    /// Reports what is wrong with a value; `of` is how people call its place: `keep daily=`.
    pub(super) fn value(&mut self, value: &Value, kind: &Kind, of: &str) {
        if let Some(annotation) = value.annotation.as_ref().filter(|_| !kind.is_secret()) {
            let name = &annotation.value;
            self.nameless |= kind.is_name();
            let message = format!("`{of}` takes no `({name})` reference");
            self.report(
                Diagnostic::new(&ANNOTATION, value.span, message)
                    .label("must be written out")
                    .help("only secrets may be references: write the value itself"),
            );
            return;
        }
        match (&value.kind, kind.primitive) {
            (ValueKind::Null, _) => self.wrong_type(value, kind, of),
            (ValueKind::String(text), Primitive::Text | Primitive::Any) => self.choice(value, text, kind, of),
            (ValueKind::Integer(number), Primitive::Integer) => self.range(value, *number, kind, of),
            (ValueKind::Bool(_), Primitive::Boolean) => {}
            (_, Primitive::Any) => {}
            _ => self.wrong_type(value, kind, of),
        }
    }

    fn wrong_type(&mut self, value: &Value, kind: &Kind, of: &str) {
        let shown = self.text(value.span).to_owned();
        let found = match &value.kind {
            ValueKind::String(_) => "a text",
            ValueKind::Float(_) if kind.primitive == Primitive::Integer => "a fraction",
            ValueKind::Integer(_) | ValueKind::Float(_) => "a number",
            ValueKind::Bool(_) => "a boolean",
            ValueKind::Null => "nothing",
        };
        let message = format!("`{of}` takes {}, not {found}", kind.expected());
        let diagnostic = Diagnostic::new(&TYPE, value.span, message).label(found);
        let text = value.as_str().map(str::trim).unwrap_or_default().to_lowercase();
        let number = || text.parse::<i128>().ok().map(ValueKind::Integer);
        let meant = match kind.primitive {
            Primitive::Boolean if YES.contains(&text.as_str()) || value.kind == ValueKind::Integer(1) => {
                Some(ValueKind::Bool(true))
            }
            Primitive::Boolean if NO.contains(&text.as_str()) || value.kind == ValueKind::Integer(0) => {
                Some(ValueKind::Bool(false))
            }
            Primitive::Integer => number(),
            // A number may be a name, but never a duration: that lacks its unit.
            Primitive::Text if may_be_digits(kind) && value.written.is_some() => Some(ValueKind::String(shown.clone())),
            _ => None,
        };
        match &meant {
            Some(meant) => self.correct(value.span, Correction::Value(meant.clone())),
            None => self.nameless |= kind.is_name(),
        }
        let meant = meant.map(|meant| match meant {
            ValueKind::Integer(number) => number.to_string(),
            ValueKind::Bool(on) => format!("#{on}"),
            _ => format!("\"{shown}\""),
        });
        self.report(match (meant, &value.kind) {
            (Some(meant), _) => diagnostic.help(format!("write `{meant}`")).fix(Fix::replace(value.span, meant)),
            (None, ValueKind::Null) => diagnostic.help("leave the setting out to have its default"),
            (None, ValueKind::Integer(_) | ValueKind::Float(_)) if has_unit(kind) => diagnostic
                .help(format!("write the number with its unit, in quotation marks: `\"{shown}{}\"`", unit(kind))),
            _ => diagnostic.help(format!("write {}", kind.expected())),
        });
    }

    fn choice(&mut self, value: &Value, text: &str, kind: &Kind, of: &str) {
        if kind.choices.is_empty() || kind.open || kind.choice_names().any(|name| name == text) {
            return;
        }
        let message = format!("`{of}` cannot be `{text}`");
        let diagnostic = Diagnostic::new(&CHOICE, value.span, message);
        let same_but_case = kind.choice_names().find(|name| name.eq_ignore_ascii_case(text));
        let meant = same_but_case.or_else(|| nearest(text, kind.choice_names()));
        let names = list(kind.choice_names(), "or");
        if let Some(meant) = meant {
            self.correct(value.span, Correction::Value(ValueKind::String(meant.to_owned())));
        }
        self.report(match meant {
            Some(meant) => {
                let note = format!("it takes {names}");
                diagnostic.help(format!("did you mean `{meant}`?")).note(note).fix(Fix::replace(value.span, meant))
            }
            None => diagnostic.help(format!("write {names}")),
        });
    }

    fn range(&mut self, value: &Value, number: i128, kind: &Kind, of: &str) {
        let too_small = kind.at_least.filter(|least| number < *least);
        let too_large = kind.at_most.filter(|most| number > *most);
        let (word, limit) = match (too_small, too_large) {
            (Some(least), _) => ("at least", least),
            (_, Some(most)) => ("at most", most),
            _ => return,
        };
        let diagnostic = Diagnostic::new(&RANGE, value.span, format!("`{of}` is {word} {limit}, not {number}"));
        self.report(match too_small {
            Some(1) if number == 0 => diagnostic.help("leave it out to have none"),
            _ => diagnostic.help(format!("write {word} {limit}")),
        });
    }
}

/// Whether digits alone could be such a text.
fn may_be_digits(kind: &Kind) -> bool {
    use crate::language::schema::model::Format;
    kind.choices.is_empty()
        && matches!(kind.format, None | Some(Format::Name | Format::Path | Format::Pattern | Format::Program))
}

fn has_unit(kind: &Kind) -> bool {
    !unit(kind).is_empty()
}

/// A unit that a number without one might have.
fn unit(kind: &Kind) -> &'static str {
    use crate::language::schema::model::Format;
    match kind.format {
        Some(Format::Duration) => "h",
        Some(Format::Size) => "MiB",
        Some(Format::Rate) => "MiB/s",
        Some(Format::Percentage) => "%",
        _ => "",
    }
}
