//! One text to a spanned document, by the `kdl` crate.

use super::lexer::{self, Token};
use super::{Document, Node, Property, Value, ValueKind, allow};
use crate::diagnostics::{Diagnostic, FileId, Rule, Severity, Span, Spanned};
use kdl::{KdlDocument, KdlEntry, KdlIdentifier, KdlNode, KdlValue};

pub(super) static SYNTAX: Rule = Rule {
    code: "plan::syntax::invalid",
    severity: Severity::Error,
    title: "the text is not KDL",
    why: "A plan is written in KDL 2.0: one node a line, `name argument key=value { children }`.",
    bad: "tier local {\n    mode [full]\n}",
    good: "tier local {\n    mode full\n}",
};

/// Reads one text. Spans are byte offsets into it, on character boundaries.
///
/// With errors the document holds what could be read around them.
pub fn parse(text: &str, file: FileId) -> (Document, Vec<Diagnostic>) {
    let tokens = lexer::lex(text);
    match KdlDocument::parse_v2(text) {
        Ok(kdl) => {
            let mut document = Reader { text, file, tokens: &tokens }.document(&kdl);
            allow::attach(&mut document, text, &tokens, file);
            (document, Vec::new())
        }
        Err(error) => {
            let first = error.diagnostics.first();
            let message = first.and_then(|d| d.message.clone()).unwrap_or_else(|| "this is not KDL".to_owned());
            let range = first.map_or(0..0, |d| d.span.offset()..d.span.offset() + d.span.len());
            (
                Document { incomplete: true, ..Document::default() },
                vec![Diagnostic::new(&SYNTAX, Span::new(file, range), message.to_lowercase())],
            )
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    tokens: &'a [Token],
}

impl Reader<'_> {
    fn document(&self, kdl: &KdlDocument) -> Document {
        Document { nodes: kdl.nodes().iter().map(|node| self.node(node)).collect(), incomplete: false }
    }

    fn node(&self, kdl: &KdlNode) -> Node {
        let name = self.identifier(kdl.name());
        let annotation = kdl.ty().map(|ty| self.identifier(ty));
        let mut node = Node {
            span: Span::new(self.file, kdl.span().offset()..name.span.end),
            annotation,
            name,
            arguments: Vec::new(),
            properties: Vec::new(),
            children: Vec::new(),
            allowed: Vec::new(),
        };
        for entry in kdl.entries() {
            let value = self.value(entry);
            node.span.end = node.span.end.max(value.span.end);
            match entry.name() {
                Some(name) => node.properties.push(Property { name: self.identifier(name), value }),
                None => node.arguments.push(value),
            }
        }
        if let Some(children) = kdl.children() {
            node.children = self.document(children).nodes;
            node.span.end = self.closing_brace(&node);
        }
        node
    }

    /// The end of the brace that closes a node's children. The crate's own span of a node runs on over comments.
    fn closing_brace(&self, node: &Node) -> usize {
        let from = node.children.last().map_or(node.span.end, |child| child.span.end);
        let first = self.tokens.partition_point(|token| token.start < from);
        let mut depth = usize::from(!node.children.is_empty());
        for token in &self.tokens[first..] {
            match token.kind {
                lexer::TokenKind::BraceOpen => depth += 1,
                lexer::TokenKind::BraceClose if depth <= 1 => return token.end,
                lexer::TokenKind::BraceClose => depth -= 1,
                _ => {}
            }
        }
        node.span.end
    }

    fn identifier(&self, kdl: &KdlIdentifier) -> Spanned<String> {
        let start = kdl.span().offset();
        Spanned::new(kdl.value().to_owned(), Span::new(self.file, start..start + kdl.span().len()))
    }

    fn value(&self, entry: &KdlEntry) -> Value {
        let kind = match entry.value() {
            KdlValue::String(text) => ValueKind::String(text.clone()),
            KdlValue::Integer(number) => ValueKind::Integer(*number),
            KdlValue::Float(number) => ValueKind::Float(*number),
            KdlValue::Bool(value) => ValueKind::Bool(*value),
            KdlValue::Null => ValueKind::Null,
        };
        // An entry's span covers `key=value`; the value is its last part.
        let end = entry.span().offset() + entry.span().len();
        let length = entry.format().map_or(entry.span().len(), |format| format.value_repr.len());
        let annotation = entry.ty().map(|ty| self.identifier(ty));
        let start = match &annotation {
            Some(ty) => self.text[..ty.span.start].rfind('(').unwrap_or(ty.span.start),
            None => end.saturating_sub(length),
        };
        Value { kind, annotation, span: Span::new(self.file, start..end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document {
        let (document, diagnostics) = parse(text, FileId(0));
        assert_eq!(diagnostics, [], "{text}");
        document
    }

    /// Every span of a document with the text it covers.
    fn spans<'a>(nodes: &[Node], text: &'a str, out: &mut Vec<&'a str>) {
        for node in nodes {
            out.push(&text[node.span.range()]);
            out.push(&text[node.name.span.range()]);
            out.extend(node.annotation.iter().map(|a| &text[a.span.range()]));
            out.extend(node.arguments.iter().map(|a| &text[a.span.range()]));
            for property in &node.properties {
                out.push(&text[property.name.span.range()]);
                out.push(&text[property.value.span.range()]);
            }
            spans(&node.children, text, out);
        }
    }

    #[test]
    fn every_piece_has_its_span_in_multibyte_text() {
        let text = "// ñ “x” 𝄞\nquelle (typ)\"Straße\" größe = (env)ÜBER 5 k=#\"ä\"b\"# { kind \"é\" /* } ü */ } // ende }\nb\n";
        let text = text.replace("#\"ä\"b\"#", "##\"ä\"#b\"##");
        let mut found = Vec::new();
        spans(&read(&text).nodes, &text, &mut found);
        let first =
            text.lines().nth(1).expect("there is a second line").split(" // ende").next().expect("it has a node");
        assert_eq!(
            found,
            [
                first,
                "quelle",
                "(typ)\"Straße\"",
                "5",
                "größe",
                "(env)ÜBER",
                "k",
                "##\"ä\"#b\"##",
                "kind \"é\"",
                "kind",
                "\"é\"",
                "b",
                "b"
            ]
        );
    }

    #[test]
    fn empty_children_end_at_their_brace() {
        let text = "a 1 { /* } */ }\nb { c {}; d /- { x } }";
        let mut found = Vec::new();
        spans(&read(text).nodes, text, &mut found);
        assert_eq!(found, ["a 1 { /* } */ }", "a", "1", "b { c {}; d /- { x } }", "b", "c {}", "c", "d", "d"]);
    }

    #[test]
    fn allow_comments_and_children_belong_to_their_node() {
        let text = "\
// plan: allow(a, b::c)
one { // plan: allow(d)
    two // plan: allow(e)
    // plan: allow(f)

    // something else
    three {
        allow \"g\" h
    } // plan: allow(i)
    // plan: allow(nothing-follows)
}
";
        let document = read(text);
        let allowed = |node: &Node| node.allowed.iter().map(|code| code.value.clone()).collect::<Vec<_>>();
        let one = &document.nodes[0];
        assert_eq!(allowed(one), ["a", "b::c", "d"]);
        assert_eq!(allowed(&one.children[0]), ["e"]);
        assert_eq!(allowed(&one.children[1]), ["g", "h", "f", "i"]);
        assert!(one.children[1].children.is_empty());
        assert!(one.allowed.iter().all(|code| text[code.span.range()] == code.value));
    }
}
