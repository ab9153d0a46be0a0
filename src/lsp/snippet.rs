//! Texts with places to fill in, as editors take them: `tier ${1:NAME} {…}`.

use crate::language::schema::{Format, Kind, NodeShape, Primitive};

/// A node with what it must have, and its block if it is nothing without one.
pub(super) fn node_snippet(shape: &NodeShape) -> String {
    let mut out = escaped(&shape.name);
    let mut next = 1;
    for argument in shape.arguments.iter().filter(|argument| argument.min > 0) {
        let place = named_snippet(&argument.kind, &argument.placeholder, next);
        // The example knows whether such a text is usually one that needs quotation marks.
        let is_quoted =
            next == 1 && shape.example.starts_with(&format!("{} \"", shape.name)) && place.starts_with("${1:");
        out += &if is_quoted { format!(" \"{place}\"") } else { format!(" {place}") };
        next += 1;
    }
    for property in shape.properties.iter().filter(|property| property.required) {
        out += &format!(" {}={}", escaped(&property.name), value_snippet(&property.kind, next));
        next += 1;
    }
    let is_bare = next == 1 && !shape.properties.is_empty();
    if has_block(shape) {
        out += " {\n\t$0\n}";
    } else if is_bare {
        out += " $0";
    }
    out
}

/// Whether the block says what the node is for: its arguments do no more than name or choose.
fn has_block(shape: &NodeShape) -> bool {
    let only_names = |kind: &Kind| kind.format == Some(Format::Name) || !kind.choices.is_empty();
    !shape.children.is_empty() && shape.arguments.iter().all(|argument| only_names(&argument.kind))
}

/// A place for a value of that kind.
pub(super) fn value_snippet(kind: &Kind, number: usize) -> String {
    named_snippet(kind, "", number)
}

fn named_snippet(kind: &Kind, placeholder: &str, number: usize) -> String {
    let choices: Vec<String> = kind.choice_names().map(escaped_choice).collect();
    if !choices.is_empty() && kind.reference.is_none() {
        return format!("${{{number}|{}|}}", choices.join(","));
    }
    let place = format!("${{{number}:{}}}", escaped(placeholder));
    match (kind.primitive, kind.format) {
        (Primitive::Boolean, _) => format!("${{{number}|#true,#false|}}"),
        (Primitive::Any, _) | (_, None | Some(Format::Name | Format::Program)) => place,
        (_, Some(Format::Secret)) => format!("(env)${{{number}:NAME}}"),
        // The rest holds what a bare word cannot, or begins with a digit.
        _ => format!("\"{place}\""),
    }
}

/// A text without a place in it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
}

fn escaped_choice(text: &str) -> String {
    escaped(text).replace(',', "\\,").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::FileId;
    use crate::language::parse;
    use crate::language::schema::schema;

    #[test]
    fn every_snippet_reads_as_a_node_and_is_what_it_says() {
        let mut out = String::new();
        for (path, shape) in schema().walk().into_iter().filter(|(_, shape)| !shape.is_wildcard()) {
            let snippet = node_snippet(shape);
            let (document, diagnostics) = parse(&filled(&snippet), FileId(0));
            assert!(diagnostics.is_empty(), "{snippet}: {diagnostics:?}");
            assert_eq!(document.nodes[0].name.value, shape.name);
            out += &format!("{}: {}\n", path.join("."), snippet.replace('\n', "⏎"));
        }
        insta::assert_snapshot!(out);
    }

    /// The snippet with something in every place.
    fn filled(snippet: &str) -> String {
        let mut out = String::new();
        let mut rest = snippet;
        while let Some(at) = rest.find('$') {
            out += &rest[..at];
            rest = &rest[at..];
            if let Some(more) = rest.strip_prefix("$0") {
                rest = more;
                continue;
            }
            let end = rest.find('}').expect("every place ends");
            let inner = &rest[3..end];
            out += match inner.strip_prefix('|') {
                Some(choices) => choices.split([',', '|']).next().expect("there is a first choice"),
                None if inner == ":" => "x",
                None => inner.trim_start_matches(':'),
            };
            rest = &rest[end + 1..];
        }
        out + rest
    }
}
