//! One text to a spanned document.

use super::{Document, allow, syntax};
use crate::diagnostics::{Diagnostic, FileId};

/// Reads one text. Spans are byte offsets into it, on character boundaries.
///
/// With errors the document holds what could be read around them; see
/// [`Document::incomplete`] and [`Node::damaged`](super::Node::damaged).
pub fn parse(text: &str, file: FileId) -> (Document, Vec<Diagnostic>) {
    let (mut document, mut diagnostics, _) = syntax::read(text, file);
    Diagnostic::sort(&mut diagnostics);
    allow::take_children(&mut document.nodes);
    (document, diagnostics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Node, Value};

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
    fn numbers_as_texts_are_as_written() {
        let document = read("find -mtime +30 007 1e3 0x10 2.50 #true \"a\" #null");
        let texts: Vec<_> = document.nodes[0].arguments.iter().map(Value::to_text).collect();
        let wanted = ["-mtime", "+30", "007", "1e3", "0x10", "2.50", "true", "a"].map(|text| Some(text.to_owned()));
        assert_eq!(texts[..8], wanted);
        assert_eq!(texts[8], None);
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
        assert_eq!(allowed(&one.children[1]), ["f", "i", "g", "h"]);
        assert!(one.children[1].children.is_empty());
        assert!(one.allowed.iter().all(|code| text[code.span.range()] == code.value));
    }

    #[test]
    fn a_comment_behind_several_things_belongs_to_the_last() {
        let text = "\
a; b // plan: allow(of-b)
c { d; e // plan: allow(of-e)
    f { g; h } // plan: allow(of-f)
}; i { /* x */ // plan: allow(of-i)
    j
}
k /-l // plan: allow(of-k)
m; /-n // plan: allow(of-nobody)
// plan: allow(of-nobody)
/-o
p
";
        let mut found = Vec::new();
        fn collect(nodes: &[Node], out: &mut Vec<String>) {
            for node in nodes {
                out.extend(node.allowed.iter().map(|code| format!("{} {}", node.name.value, code.value)));
                collect(&node.children, out);
            }
        }
        collect(&read(text).nodes, &mut found);
        assert_eq!(found, ["b of-b", "e of-e", "f of-f", "i of-i", "k of-k"]);
    }
}
