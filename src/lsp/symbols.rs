//! The outline of a text.

use super::place::range;
use crate::diagnostics::{FileId, LineIndex};
use crate::language::schema::{Format, NodeShape, schema};
use crate::language::{Node, parse};
use lsp_types::{DocumentSymbol, SymbolKind};

/// Every node, nested as in the text.
pub(super) fn symbols(text: &str) -> Vec<DocumentSymbol> {
    let (document, _) = parse(text, FileId::default());
    let index = LineIndex::new(text);
    let plan = &schema().plan;
    let shape = |node: &Node| if node.name.value == plan.name { Some(plan) } else { plan.child(&node.name.value) };
    document.nodes.iter().map(|node| symbol(node, shape(node), text, &index)).collect()
}

#[allow(deprecated, reason = "the type has a field that the protocol has given up")]
fn symbol(node: &Node, shape: Option<&NodeShape>, text: &str, index: &LineIndex<'_>) -> DocumentSymbol {
    let first = node.arguments.first();
    let is_named =
        shape.and_then(|shape| shape.argument(0)).is_some_and(|first| first.kind.format == Some(Format::Name));
    let named = first.and_then(|value| value.as_str()).filter(|name| is_named && !name.is_empty());
    let name = match named {
        Some(name) => format!("{} {name}", node.name.value),
        // An editor does not take an empty name.
        None if node.name.value.is_empty() => "\"\"".to_owned(),
        None => node.name.value.clone(),
    };
    let values = node.arguments.iter().map(|value| &text[value.span.range()]).skip(usize::from(named.is_some()));
    let properties = node.properties.iter().map(|property| &text[property.name.span.start..property.value.span.end]);
    let detail = values.chain(properties).collect::<Vec<_>>().join(" ");
    let children = node.children.iter();
    let children =
        children.map(|child| symbol(child, shape.and_then(|shape| shape.child(&child.name.value)), text, index));
    let at = first.filter(|_| named.is_some()).map_or(node.name.span, |value| value.span);
    DocumentSymbol {
        name,
        detail: (!detail.is_empty()).then_some(detail),
        kind: kind(node, named.is_some()),
        tags: None,
        deprecated: None,
        range: range(index, node.span.range()),
        selection_range: range(index, at.range()),
        children: Some(children.collect()).filter(|children: &Vec<_>| !children.is_empty()),
    }
}

/// The picture that an editor shows beside it.
fn kind(node: &Node, is_named: bool) -> SymbolKind {
    match node.name.value.as_str() {
        "plan" => SymbolKind::MODULE,
        "key" => SymbolKind::KEY,
        "source" => SymbolKind::FILE,
        "tier" => SymbolKind::CLASS,
        "notify" => SymbolKind::EVENT,
        _ if is_named => SymbolKind::OBJECT,
        _ if node.children.is_empty() => SymbolKind::PROPERTY,
        _ => SymbolKind::STRUCT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(symbols: &[DocumentSymbol], indent: &str, out: &mut String) {
        for symbol in symbols {
            let (whole, name) = (symbol.range, symbol.selection_range);
            assert!(whole.start <= name.start && name.end <= whole.end, "the name lies within: {symbol:?}");
            let detail = symbol.detail.as_deref().unwrap_or_default();
            *out += &format!(
                "{indent}{} [{detail}] {:?} lines {}-{}\n",
                symbol.name, symbol.kind, whole.start.line, whole.end.line
            );
            outline(symbol.children.as_deref().unwrap_or_default(), &format!("{indent}  "), out);
        }
    }

    #[test]
    fn the_outline_of_a_broken_text_is_that_of_what_can_be_read() {
        let text = "plan x {\n    tier a {\n        store s3 { bucket \"b c\" }\n        take d e schedule=\"@daily\"\n        keep )\n    tier \"\" {}\n}\nkey \"é\" {}\n";
        let mut out = String::new();
        outline(&symbols(text), "", &mut out);
        insta::assert_snapshot!(out, @r#"
        plan x [] Module lines 0-6
          tier a [] Class lines 1-4
            store [s3] Struct lines 2-2
              bucket ["b c"] Property lines 2-2
            take [d e schedule="@daily"] Property lines 3-3
            keep [] Property lines 4-4
          tier [""] Class lines 5-5
        key é [] Key lines 7-7
        "#);
    }
}
