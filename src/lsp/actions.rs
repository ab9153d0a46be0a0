//! What an editor offers to do about a diagnostic: its fix, and silencing it in place.

use super::analysis::Analysis;
use super::diagnostics::{Abilities, shown};
use super::documents::Documents;
use super::edits::{Versioned, workspace_edit};
use super::place::{Places, offset};
use crate::diagnostics::{Diagnostic, Edit, Span, compatible_fixes};
use crate::language::Node;
use lsp_types::{CodeAction, CodeActionKind, CodeActionOrCommand, Range};
use std::path::Path;

/// Which text, which part of it, and for what kinds the editor asks (empty: any but those for a whole file).
pub(super) struct Asked<'a> {
    pub(super) path: &'a Path,
    pub(super) range: Range,
    pub(super) only: &'a [CodeActionKind],
    pub(super) abilities: Abilities,
    pub(super) versioned: Versioned,
}

/// The actions for what is wrong in a part of a text.
pub(super) fn actions(analysis: &Analysis, documents: &Documents, asked: &Asked<'_>) -> Vec<CodeActionOrCommand> {
    let places = analysis.project.places();
    let Some(file) = places.file(asked.path) else { return Vec::new() };
    let index = places.index(file);
    let (start, end) = (offset(index, asked.range.start), offset(index, asked.range.end));
    let touched = |span: Span| span.file == file && span.start <= end && start <= span.end;
    let mut actions = Vec::new();
    if wants(asked.only, &CodeActionKind::QUICKFIX, true) {
        for diagnostic in analysis.diagnostics.iter().filter(|found| touched(found.primary.span)) {
            let fix = diagnostic.fix.as_ref().map(|fix| (fix.title.clone(), fix.edits.clone(), true));
            let silence = silencing(diagnostic, &analysis.project.document.nodes, &places);
            let silence = silence.map(|edit| (format!("silence `{}` here", diagnostic.code()), vec![edit], false));
            for (title, edits, is_preferred) in fix.into_iter().chain(silence) {
                actions.push(CodeAction {
                    title,
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![shown(diagnostic, &places, asked.abilities)]),
                    edit: workspace_edit(&edits, &places, documents, asked.versioned),
                    is_preferred: Some(is_preferred),
                    ..CodeAction::default()
                });
            }
        }
    }
    if wants(asked.only, &CodeActionKind::SOURCE_FIX_ALL, false) {
        let within = |edit: &Edit| edit.span.file == file;
        let fixes = compatible_fixes(&analysis.diagnostics);
        let fixes: Vec<_> = fixes.into_iter().filter(|fix| fix.edits.iter().all(within)).collect();
        if !fixes.is_empty() {
            let edits = fixes.iter().flat_map(|fix| &fix.edits);
            actions.push(CodeAction {
                title: "make all fixes that are mechanical".to_owned(),
                kind: Some(CodeActionKind::SOURCE_FIX_ALL),
                edit: workspace_edit(edits, &places, documents, asked.versioned),
                ..CodeAction::default()
            });
        }
    }
    actions.into_iter().filter(|action| action.edit.is_some()).map(CodeActionOrCommand::from).collect()
}

/// Whether an action of that kind was asked for; `source` means `source.fixAll` too.
fn wants(only: &[CodeActionKind], kind: &CodeActionKind, unasked: bool) -> bool {
    let covers = |asked: &CodeActionKind| {
        kind.as_str().strip_prefix(asked.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || asked.as_str().strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    if only.is_empty() { unasked } else { only.iter().any(covers) }
}

/// A comment on the line before the node, for what is no error.
fn silencing(diagnostic: &Diagnostic, nodes: &[Node], places: &Places<'_>) -> Option<Edit> {
    if diagnostic.is_error() {
        return None;
    }
    let span = diagnostic.primary.span;
    let text = places.text(span.file);
    let node = first_on_line(nodes, span, text)?;
    let line = line_start(text, node.span.start);
    let indent = &text[line..node.span.start];
    let comment = format!("{indent}// plan: allow({})\n", diagnostic.code());
    Some(Edit { span: Span::new(span.file, line..line), text: comment })
}

/// The innermost node around a place that its line starts with: a comment on the line before belongs to that.
fn first_on_line<'a>(nodes: &'a [Node], span: Span, text: &str) -> Option<&'a Node> {
    let mut found = None;
    for node in nodes {
        let around = node.span.file == span.file && node.span.start <= span.start && span.end <= node.span.end;
        let leads = || text[line_start(text, node.span.start)..node.span.start].trim().is_empty();
        if around && leads() {
            found = Some(node);
        }
        // A node of another file may hold it where an `include` stood in its block.
        found = first_on_line(&node.children, span, text).or(found);
    }
    found
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{after, cursor, world};
    use super::*;

    /// The actions at the cursor of the first text, each with the texts after it.
    fn offered(marked: &str, others: &[(&str, &str)], only: &[CodeActionKind]) -> String {
        let (text, position) = cursor(marked);
        let mut texts = vec![("/p/plan.kdl", text.as_str())];
        texts.extend(others);
        let world = world(&texts);
        let path = Path::new("/p/plan.kdl");
        let analysis = world.check(path).expect("the text is open");
        let range = Range::new(position, position);
        let asked = Asked { path, range, only, abilities: Abilities::default(), versioned: Versioned::default() };
        let mut out = String::new();
        for action in actions(&analysis, &world.documents, &asked) {
            let CodeActionOrCommand::CodeAction(action) = action else { panic!("only actions are offered") };
            let preferred = if action.is_preferred == Some(true) { " (preferred)" } else { "" };
            out += &format!("{}{preferred}\n", action.title);
            for text in after(&action.edit.expect("every action has an edit"), &world).values() {
                out += &format!("    {}\n", text.trim_end().replace('\n', "\n    "));
            }
        }
        out
    }

    #[test]
    fn a_fix_is_offered_where_the_mistake_is() {
        let plan = "plan x {\n    descripti│on \"ñ\"\n    timezon UTC\n}";
        assert_eq!(offered(plan, &[], &[]), "");
        let plan = "plan x {\n    description \"ñ𝄞\"; timezon│ UTC\n}";
        insta::assert_snapshot!(offered(plan, &[], &[]), @r#"
        replace with `timezone` (preferred)
            plan x {
                description "ñ𝄞"; timezone UTC
            }
        "#);
    }

    #[test]
    fn a_warning_can_be_silenced_before_the_node_that_its_line_starts_with() {
        let plan = "plan x {\n    source data { base \"/data\" }\n    tier t { store fs { root \"/b\" }; take data }\n    key u│nused { recipient \"age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7\" }\n}";
        insta::assert_snapshot!(offered(plan, &[], &[CodeActionKind::QUICKFIX]), @r#"
        silence `plan::names::unused_key` here
            plan x {
                source data { base "/data" }
                tier t { store fs { root "/b" }; take data }
                // plan: allow(plan::names::unused_key)
                key unused { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
            }
        "#);
    }

    #[test]
    fn all_fixes_of_a_text_are_one_action_when_asked_for() {
        let plan = "plan x {│\n    timezon UTC\n    include keys.kdl\n    sorce data { bas \"/data\" }\n}";
        let others = [("/p/keys.kdl", "ky a { recipint \"age1\" }")];
        insta::assert_snapshot!(offered(plan, &others, &[CodeActionKind::new("source.fixAll.plan")]), @r#"
        make all fixes that are mechanical
            plan x {
                timezone UTC
                include keys.kdl
                source data { base "/data" }
            }
        "#);
    }
}
