//! Names: where they are defined, where they are referred to, and how to change them.
//!
//! Which node defines a name and which value refers to one is the schema's to say.

use super::analysis::Project;
use super::place::offset;
use crate::diagnostics::{Edit, FileId, Span};
use crate::language::schema::{Kind, NodeShape, schema};
use crate::language::{Node, Value, normal, written};
use crate::plan::name_problem;
use lsp_types::{Location, Position, Range};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

/// A name by itself, wherever it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    kind: String,
    text: String,
}

impl Named {
    /// Every place of it in a plan.
    fn places<'a>(&self, project: &'a Project) -> impl Iterator<Item = Name<'a>> {
        names(project).into_iter().filter(|name| name.kind == self.kind && name.text == self.text)
    }

    /// The files of a plan that it stands in.
    pub(super) fn files(&self, project: &Project) -> BTreeSet<PathBuf> {
        let places = project.places();
        self.places(project).map(|name| places.path(name.span.file).to_owned()).collect()
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

fn name_at<'a>(project: &'a Project, path: &Path, position: Position) -> Option<Name<'a>> {
    let places = project.places();
    let file = places.file(path)?;
    let offset = offset(places.index(file), position);
    let at = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
    names(project).into_iter().find(|name| at(name.span))
}

/// The name at a place.
pub(super) fn named_at(project: &Project, path: &Path, position: Position) -> Option<Named> {
    name_at(project, path, position).map(|name| Named { kind: name.kind.to_owned(), text: name.text.to_owned() })
}

/// Where the name at a place is defined or, of an `include`, the start of its file.
pub(super) fn definitions(project: &Project, path: &Path, position: Position) -> Vec<Location> {
    let places = project.places();
    if let Some(named) = named_at(project, path, position) {
        let defined = named.places(project).filter(|name| name.defined.is_some());
        return defined.filter_map(|name| places.location(name.span)).collect();
    }
    let Some(file) = places.file(path) else { return Vec::new() };
    let included = included_at(places.text(file), offset(places.index(file), position)).map(|name| {
        let folder = path.parent().unwrap_or(Path::new(""));
        normal(&folder.join(name))
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

/// Every place of a name in a plan.
pub(super) fn references(project: &Project, named: &Named, with_definition: bool) -> Vec<Location> {
    let places = project.places();
    let wanted = named.places(project).filter(|name| with_definition || name.defined.is_none());
    wanted.filter_map(|name| places.location(name.span)).collect()
}

/// The range and the text of the name at a place, if it can be changed.
pub(super) fn renamable(project: &Project, path: &Path, position: Position) -> Option<(Range, String)> {
    let name = name_at(project, path, position)?;
    Some((project.places().range(name.span), name.text.to_owned()))
}

/// A name's every place, with its new text.
#[derive(Debug, PartialEq)]
pub(super) struct Renaming {
    pub(super) edits: Vec<Edit>,
    /// What a person must know of it, beyond the text.
    pub(super) caution: Option<String>,
}

/// The edits that give a name another text in one plan.
///
/// # Errors
///
/// Why it cannot have that text.
pub(super) fn rename(project: &Project, named: &Named, to: &str) -> Result<Renaming, String> {
    let Named { kind, text } = named;
    if let Some(problem) = name_problem(to) {
        return Err(format!("`{to}` cannot be the name of a {kind}: {problem}"));
    }
    if is_reserved(kind, to) {
        return Err(format!("`{to}` cannot be the name of a {kind}: where a {kind} is named it means something else"));
    }
    let is_taken = |name: &Name<'_>| name.kind == kind && name.text == to && name.defined.is_some();
    if to != text && names(project).iter().any(is_taken) {
        return Err(format!("there is already a {kind} `{to}`"));
    }
    let edits = named.places(project).map(|name| Edit { span: name.span, text: written(to) }).collect();
    let caution = match kind.as_str() {
        "source" => Some(format!(
            "stores keep snapshots under the source's name: those of `{text}` stay there, and `{to}` starts anew"
        )),
        "plan" | "tier" => Some(format!(
            "what ran when is remembered under the {kind}'s name: what `{text}` has done is forgotten, so all of `{to}` is due once"
        )),
        _ => None,
    };
    Ok(Renaming { edits, caution })
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
            let named = named_at(project, path, position).expect("there is a name");
            let renaming = rename(project, &named, to)?;
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
        let found = |plan: &str, with_definition| {
            shown(with(plan, |project, path, position| {
                let named = named_at(project, path, position);
                named.map(|named| references(project, &named, with_definition)).unwrap_or_default()
            }))
        };
        let all = |plan: &str| found(plan, true);
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
        let uses = |plan: &str| found(plan, false);
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
