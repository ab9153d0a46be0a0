//! Names: where they are defined, where they are referred to, and how to change them.
//!
//! Which node defines a name and which value refers to one is the schema's to say.

use super::analysis::Project;
use super::place::offset;
use crate::diagnostics::{Edit, FileId, Span};
use crate::language::schema::{Kind, NodeShape, schema};
use crate::language::{Node, Value, written};
use crate::plan::name_problem;
use lsp_types::{Location, Position, Range};
use std::path::Path;

/// A name in a plan's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Name<'a> {
    /// The node that defines such names: `key`, `source`, `tier`, `notify`, …
    pub(super) kind: &'a str,
    pub(super) text: &'a str,
    pub(super) span: Span,
    /// The node that it is defined by; `None`: it is referred to.
    pub(super) defined: Option<Span>,
}

impl Name<'_> {
    fn is_of(&self, other: &Name<'_>) -> bool {
        self.kind == other.kind && self.text == other.text
    }
}

/// Every name of a plan, in the order of the text.
pub(super) fn names(project: &Project) -> Vec<Name<'_>> {
    let mut found = Vec::new();
    let root = &schema().plan;
    for node in &project.document.nodes {
        // A file that no plan includes is read as if one did.
        if node.name.value == root.name {
            collect(node, root, &mut found);
        } else if let Some(shape) = root.child(&node.name.value) {
            collect(node, shape, &mut found);
        }
    }
    found
}

fn collect<'a>(node: &'a Node, shape: &'a NodeShape, found: &mut Vec<Name<'a>>) {
    let mut take = |value: &'a Value, kind: &'a Kind, defines: bool| {
        let Some(text) = value.as_str() else { return };
        if defines && kind.format == Some(crate::language::schema::Format::Name) {
            found.push(Name { kind: &shape.name, text, span: value.span, defined: Some(node.span) });
        } else if let Some(whose) = &kind.reference
            && !kind.choice_names().any(|choice| choice == text)
        {
            found.push(Name { kind: whose, text, span: value.span, defined: None });
        }
    };
    for (index, value) in node.arguments.iter().enumerate() {
        if let Some(shape) = shape.argument(index) {
            take(value, &shape.kind, true);
        }
    }
    for property in &node.properties {
        if let Some(shape) = shape.property(&property.name.value) {
            take(&property.value, &shape.kind, false);
        }
    }
    for child in &node.children {
        if let Some(shape) = shape.child(&child.name.value) {
            collect(child, shape, found);
        }
    }
}

/// The name at a byte offset of a file.
pub(super) fn name_at(project: &Project, file: FileId, offset: usize) -> Option<Name<'_>> {
    let at = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
    names(project).into_iter().find(|name| at(name.span))
}

/// Where the name at a place is defined or, of an `include`, the start of its file.
pub(super) fn definitions(project: &Project, path: &Path, position: Position) -> Vec<Location> {
    let places = project.places();
    let Some(file) = places.file(path) else { return Vec::new() };
    let offset = offset(places.index(file), position);
    if let Some(name) = name_at(project, file, offset) {
        let defined = names(project).into_iter().filter(|other| other.is_of(&name) && other.defined.is_some());
        return defined.filter_map(|other| places.location(other.span)).collect();
    }
    let included = included_at(places.text(file), offset).map(|name| {
        let folder = path.parent().unwrap_or(Path::new(""));
        super::place::normal(&folder.join(name))
    });
    let uri = included.filter(|path| project.holds(path)).and_then(|path| super::place::uri_of(&path));
    uri.into_iter().map(|uri| Location::new(uri, Range::default())).collect()
}

/// The file name in an `include` at an offset.
fn included_at(text: &str, offset: usize) -> Option<String> {
    let (document, _) = crate::language::parse(text, FileId::default());
    let inner =
        document.nodes.iter().filter(|node| node.name.value == schema().plan.name).flat_map(|plan| &plan.children);
    let mut nodes = document.nodes.iter().chain(inner).filter(|node| node.name.value == "include");
    nodes.find_map(|node| {
        let value = node.arguments.first()?;
        let is_here = value.span.start <= offset && offset <= value.span.end;
        value.as_str().filter(|_| is_here).map(str::to_owned)
    })
}

/// Every place of the name at a place.
pub(super) fn references(project: &Project, path: &Path, position: Position, with_definition: bool) -> Vec<Location> {
    let places = project.places();
    let Some(file) = places.file(path) else { return Vec::new() };
    let Some(name) = name_at(project, file, offset(places.index(file), position)) else { return Vec::new() };
    let all = names(project).into_iter().filter(|other| other.is_of(&name));
    let wanted = all.filter(|other| with_definition || other.defined.is_none());
    wanted.filter_map(|other| places.location(other.span)).collect()
}

/// The range and the text of the name at a place, if it can be changed.
pub(super) fn renamable(project: &Project, path: &Path, position: Position) -> Option<(Range, String)> {
    let places = project.places();
    let file = places.file(path)?;
    let name = name_at(project, file, offset(places.index(file), position))?;
    Some((places.range(name.span), name.text.to_owned()))
}

/// A name's every place, with its new text.
#[derive(Debug, PartialEq)]
pub(super) struct Renaming {
    pub(super) edits: Vec<Edit>,
    /// What a person must know of it, beyond the text.
    pub(super) caution: Option<String>,
}

/// The edits that give the name at a place another text. `Ok(None)`: there is no name.
///
/// # Errors
///
/// Why it cannot have that text.
pub(super) fn rename(project: &Project, path: &Path, position: Position, to: &str) -> Result<Option<Renaming>, String> {
    let places = project.places();
    let Some(file) = places.file(path) else { return Ok(None) };
    let Some(name) = name_at(project, file, offset(places.index(file), position)) else { return Ok(None) };
    let kind = name.kind;
    if let Some(problem) = name_problem(to) {
        return Err(format!("`{to}` cannot be the name of a {kind}: {problem}"));
    }
    if is_reserved(kind, to) {
        return Err(format!("`{to}` cannot be the name of a {kind}: where a {kind} is named it means something else"));
    }
    let all = names(project);
    if to != name.text && all.iter().any(|other| other.kind == kind && other.text == to && other.defined.is_some()) {
        return Err(format!("there is already a {kind} `{to}`"));
    }
    let places = all.iter().filter(|other| other.is_of(&name));
    let edits = places.map(|other| Edit { span: other.span, text: written(to) }).collect();
    let caution = match kind {
        "source" => Some(format!(
            "stores keep snapshots under the source's name: those of `{}` stay there, and `{to}` starts anew",
            name.text
        )),
        "plan" | "tier" => Some(format!(
            "what ran when is remembered under the {kind}'s name: what `{}` has done is forgotten, so all of `{to}` is due once",
            name.text
        )),
        _ => None,
    };
    Ok(Some(Renaming { edits, caution }))
}

/// Whether a value that refers to such a name means something else by this text, as `encrypt none` does.
fn is_reserved(kind: &str, text: &str) -> bool {
    schema().walk().into_iter().any(|(_, node)| {
        let arguments = node.arguments.iter().map(|argument| &argument.kind);
        let kinds = arguments.chain(node.properties.iter().map(|property| &property.kind));
        kinds
            .filter(|value| value.reference.as_deref() == Some(kind))
            .any(|value| value.choice_names().any(|c| c == text))
    })
}

#[cfg(test)]
mod tests {
    use super::super::place::path_of;
    use super::super::testing::{cursor, edited, world};
    use super::*;
    use lsp_types::TextEdit;

    const KEYS: &str = "key ops { recipient age1x }\nkey spare { recipient age1y }\n";
    const PLAN: &str = "\
plan x {
    include keys.kdl
    source \"ops\" { base \"/ops\" }
    tier ops { store fs; encrypt o│ps; take \"ops\" ops; schedule \"@daily\" }
    tier copy { from \"ops\"; encrypt none; take ops }
    drill ops tier=ops
    notify ops { on failure }
    report weekly to=ops to=\"ops\" schedule=\"@weekly\"
}
";

    fn with<T>(plan: &str, ask: impl Fn(&Project, &Path, Position) -> T) -> T {
        let (text, position) = cursor(plan);
        let world = world(&[("/p/plan.kdl", &text), ("/p/keys.kdl", KEYS)]);
        let path = Path::new("/p/plan.kdl");
        ask(&world.load(path).expect("it is open"), path, position)
    }

    /// The plan with the cursor at the first occurrence of `at` instead.
    fn at(at: &str) -> String {
        let plain = PLAN.replacen('│', "", 1);
        let offset = plain.find(at).expect("it is in the plan");
        format!("{}│{}", &plain[..offset], &plain[offset..])
    }

    fn shown(found: Vec<Location>) -> Vec<String> {
        let shown = |found: Location| {
            let path = path_of(&found.uri);
            let (start, end) = (found.range.start, found.range.end);
            format!("{}:{}:{}-{}", path.display(), start.line, start.character, end.character)
        };
        found.into_iter().map(shown).collect()
    }

    /// The plan and the keys after renaming, or why not.
    fn renamed(plan: &str, to: &str) -> Result<String, String> {
        with(plan, |project, path, position| {
            let renaming = rename(project, path, position, to)?.expect("there is a name");
            let places = project.places();
            let mut out = renaming.caution.map(|caution| format!("{caution}\n")).unwrap_or_default();
            for (file, source) in project.files.iter() {
                let edits: Vec<TextEdit> = renaming
                    .edits
                    .iter()
                    .filter(|edit| edit.span.file == file)
                    .map(|edit| TextEdit::new(places.range(edit.span), edit.text.clone()))
                    .collect();
                if !edits.is_empty() {
                    out += &edited(&source.text, &edits);
                }
            }
            Ok(out)
        })
    }

    #[test]
    fn a_definition_is_found_in_an_included_file() {
        assert_eq!(shown(with(PLAN, definitions)), ["/p/keys.kdl:0:4-7"]);
        assert_eq!(shown(with(&at("eys.kdl"), definitions)), ["/p/keys.kdl:0:0-0"]);
        assert_eq!(shown(with(&at("/ops"), definitions)), [""; 0]);
    }

    #[test]
    fn references_are_those_of_one_kind_of_name() {
        let all = |plan: &str| shown(with(plan, |project, path, position| references(project, path, position, true)));
        assert_eq!(all(PLAN), ["/p/keys.kdl:0:4-7", "/p/plan.kdl:3:33-36"]);
        assert_eq!(
            all(&at("ops tier=")),
            [
                "/p/plan.kdl:2:11-16",
                "/p/plan.kdl:3:43-48",
                "/p/plan.kdl:3:49-52",
                "/p/plan.kdl:4:47-50",
                "/p/plan.kdl:5:10-13"
            ]
        );
        assert_eq!(all(&at("none")), [""; 0]);
        let uses = |plan: &str| shown(with(plan, |project, path, position| references(project, path, position, false)));
        assert_eq!(uses(&at("ops {")), ["/p/plan.kdl:4:21-26", "/p/plan.kdl:5:19-22"]);
    }

    #[test]
    fn renaming_changes_every_reference_in_every_file() {
        insta::assert_snapshot!(renamed(PLAN, "ops-2").expect("it is a name"), @r#"
        plan x {
            include keys.kdl
            source "ops" { base "/ops" }
            tier ops { store fs; encrypt ops-2; take "ops" ops; schedule "@daily" }
            tier copy { from "ops"; encrypt none; take ops }
            drill ops tier=ops
            notify ops { on failure }
            report weekly to=ops to="ops" schedule="@weekly"
        }
        key ops-2 { recipient age1x }
        key spare { recipient age1y }
        "#);
    }

    #[test]
    fn renaming_a_source_says_what_becomes_of_its_snapshots() {
        insta::assert_snapshot!(renamed(&at("ops tier="), "2026").expect("it is a name"), @r#"
        stores keep snapshots under the source's name: those of `ops` stay there, and `2026` starts anew
        plan x {
            include keys.kdl
            source "2026" { base "/ops" }
            tier ops { store fs; encrypt ops; take "2026" "2026"; schedule "@daily" }
            tier copy { from "ops"; encrypt none; take "2026" }
            drill "2026" tier=ops
            notify ops { on failure }
            report weekly to=ops to="ops" schedule="@weekly"
        }
        "#);
    }

    #[test]
    fn a_name_that_cannot_be_is_refused() {
        let refusals = [renamed(PLAN, "a b"), renamed(PLAN, "none"), renamed(PLAN, "spare"), renamed(PLAN, "")];
        insta::assert_snapshot!(refusals.map(|refusal| refusal.expect_err("it is refused")).join("\n"), @r"
        `a b` cannot be the name of a key: may hold only letters, digits, `-`, `_` and `.`
        `none` cannot be the name of a key: where a key is named it means something else
        there is already a key `spare`
        `` cannot be the name of a key: empty
        ");
        // The same name in another kind, and the name as it is, are no collisions.
        assert!(renamed(PLAN, "weekly").is_ok() && renamed(PLAN, "ops").is_ok());
    }
}
