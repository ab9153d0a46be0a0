//! Where a diagnostic is silenced: `// plan: allow(code, code)` before a node or
//! behind it on its line, which the parser finds, and `allow code` children.

use super::Node;
use super::syntax::lexer::Token;
use crate::diagnostics::{FileId, Span, Spanned};

const MARK: &str = "plan:";
/// The child node that silences.
pub(super) const ALLOW: &str = "allow";

/// Puts every code that an `allow` child names into the `allowed` of its node.
pub(super) fn take_children(nodes: &mut [Node]) {
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
pub(super) fn codes_in(text: &str, token: &Token, file: FileId) -> Vec<Spanned<String>> {
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
