//! Finds where a diagnostic is silenced: `// plan: allow(code, code)` before a
//! node or behind it on its line, and `allow code` children.

use super::syntax::lexer::{Token, TokenKind};
use super::{Document, Node};
use crate::diagnostics::{FileId, Span, Spanned};

const MARK: &str = "plan:";
/// The child node that silences.
pub(super) const ALLOW: &str = "allow";

/// Puts every code that the text allows into the `allowed` of its node.
pub(super) fn attach(document: &mut Document, text: &str, tokens: &[Token], file: FileId) {
    take_children(&mut document.nodes);
    if !text.contains(MARK) {
        return;
    }
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::LineComment) {
        let codes = codes_in(text, token, file);
        if codes.is_empty() {
            continue;
        }
        let before = tokens[..index].iter().rev().find(|t| !matches!(t.kind, TokenKind::Space));
        let behind_a_node = before.is_some_and(|t| t.kind != TokenKind::Newline);
        let node = if behind_a_node {
            on_line(&mut document.nodes, text, token.start)
        } else {
            next_after(&mut document.nodes, token.end)
        };
        if let Some(node) = node {
            node.allowed.extend(codes);
        }
    }
}

fn take_children(nodes: &mut [Node]) {
    for node in nodes {
        let (allows, children): (Vec<_>, Vec<_>) =
            std::mem::take(&mut node.children).into_iter().partition(|child| child.name.value == ALLOW);
        node.children = children;
        // One without a code stays, so that shape validation can say what it lacks.
        for allow in allows {
            let codes: Vec<_> =
                allow.arguments.iter().filter_map(|v| Some(Spanned::new(v.as_str()?.to_owned(), v.span))).collect();
            if codes.is_empty() || codes.len() != allow.arguments.len() || !allow.properties.is_empty() {
                node.children.push(allow);
            } else {
                node.allowed.extend(codes);
            }
        }
        take_children(&mut node.children);
    }
}

/// The codes of `// plan: allow(a, b)`; empty where the comment is any other.
fn codes_in(text: &str, token: &Token, file: FileId) -> Vec<Spanned<String>> {
    let comment = &text[token.range()];
    let inner = || {
        let rest = comment.trim_start_matches('/').trim_start().strip_prefix(MARK)?.trim_start();
        let rest = rest.strip_prefix(ALLOW)?.trim_start().strip_prefix('(')?;
        let start = comment.len() - rest.len();
        Some((start, &rest[..rest.find(')')?]))
    };
    let Some((mut at, list)) = inner() else { return Vec::new() };
    let mut codes = Vec::new();
    for part in list.split(',') {
        let code = part.trim();
        if !code.is_empty() {
            let start = token.start + at + (part.len() - part.trim_start().len());
            codes.push(Spanned::new(code.to_owned(), Span::new(file, start..start + code.len())));
        }
        at += part.len() + 1;
    }
    codes
}

/// The first node that starts at or after `offset`, the outermost if several do.
fn next_after(nodes: &mut [Node], offset: usize) -> Option<&mut Node> {
    for node in nodes {
        if node.span.start >= offset {
            return Some(node);
        }
        if node.span.end > offset {
            return next_after(&mut node.children, offset);
        }
    }
    None
}

/// The node that the line of a comment at `offset` starts with or, where the line only closes one, that one.
fn on_line<'a>(nodes: &'a mut [Node], text: &str, offset: usize) -> Option<&'a mut Node> {
    let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    for node in nodes {
        let (start, end) = (node.span.start, node.span.end);
        if start < offset && start >= line_start {
            return Some(node);
        }
        if end > line_start && start < offset {
            // Two steps, since the borrow of a found child would outlive the search.
            let inside = node.children.iter().any(|child| child.span.end > line_start && child.span.start < offset);
            return if inside { on_line(&mut node.children, text, offset) } else { Some(node) };
        }
    }
    None
}
