//! What may be written at a place: asked of the schema, the plan's names and the storage services.

use super::analysis::{Project, World};
use super::names::names;
use super::place::{offset, range};
use super::shapes::{Block, value};
use super::snippet::{escaped, node_snippet, value_snippet};
use super::values;
use crate::diagnostics::{Catalogue, LineIndex, Severity};
use crate::language::cursor::{Cursor, Place, Written, cursor};
use crate::language::schema::{Format, Kind, NodeShape, Primitive, schema};
use crate::language::{Node, written};
use crate::stores::Service;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, InsertTextFormat, MarkupContent, MarkupKind,
    Position, TextEdit,
};
use std::path::Path;

/// One thing that may be written.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) label: String,
    pub(super) kind: CompletionItemKind,
    /// Beside the label.
    pub(super) detail: String,
    /// Markdown.
    pub(super) documentation: String,
    /// As it is written.
    pub(super) text: String,
    /// The same with places to fill in.
    pub(super) snippet: Option<String>,
}

impl Item {
    pub(super) fn new(label: &str, kind: CompletionItemKind) -> Self {
        let text = label.to_owned();
        Self { label: text.clone(), kind, detail: String::new(), documentation: String::new(), text, snippet: None }
    }

    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(super) fn documentation(self, documentation: impl Into<String>) -> Self {
        Self { documentation: documentation.into(), ..self }
    }

    pub(super) fn text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    pub(super) fn snippet(self, snippet: impl Into<String>) -> Self {
        Self { snippet: Some(snippet.into()), ..self }
    }
}

/// What may be written at a place of a file, the likeliest first.
pub(super) fn completion(
    world: &World,
    project: &Project,
    rules: &Catalogue,
    path: &Path,
    position: Position,
    snippets: bool,
) -> Vec<CompletionItem> {
    let places = project.places();
    let Some(file) = places.file(path) else { return Vec::new() };
    let (text, index) = (places.text(file), places.index(file));
    let at = offset(index, position);
    let cursor = cursor(text, at);
    // An edit of several lines is not allowed, and nobody completes in such a string.
    if text[cursor.word.clone()].contains('\n') {
        return Vec::new();
    }
    let is_main = path == project.root;
    let found = Site { world, project, path, text, at, cursor: &cursor, is_main }.items(rules);
    found.into_iter().enumerate().map(|(order, item)| shown(item, order, text, &cursor, index, snippets)).collect()
}

fn shown(
    item: Item,
    order: usize,
    text: &str,
    cursor: &Cursor,
    index: &LineIndex<'_>,
    snippets: bool,
) -> CompletionItem {
    let is_quoted = text[cursor.word.clone()].starts_with('"');
    let as_snippet = item.snippet.filter(|_| snippets);
    let new_text = as_snippet.clone().unwrap_or(item.text);
    let documentation =
        Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: item.documentation.clone() });
    CompletionItem {
        // What the editor compares with the text that it replaces.
        filter_text: is_quoted.then(|| format!("\"{}\"", item.label.trim_matches('"'))),
        label: item.label,
        kind: Some(item.kind),
        detail: Some(item.detail).filter(|detail| !detail.is_empty()),
        documentation: (!item.documentation.is_empty()).then_some(documentation),
        sort_text: Some(format!("{order:04}")),
        insert_text_format: Some(if as_snippet.is_some() {
            InsertTextFormat::SNIPPET
        } else {
            InsertTextFormat::PLAIN_TEXT
        }),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range(index, cursor.word.clone()), new_text))),
        ..CompletionItem::default()
    }
}

/// The place that is completed.
struct Site<'a> {
    world: &'a World,
    project: &'a Project,
    path: &'a Path,
    text: &'a str,
    at: usize,
    cursor: &'a Cursor,
    /// The plan's own file, not one that it includes.
    is_main: bool,
}

impl Site<'_> {
    fn items(&self, rules: &Catalogue) -> Vec<Item> {
        let Some(block) = Block::around(&self.cursor.blocks) else { return Vec::new() };
        match &self.cursor.place {
            Place::Nowhere => Vec::new(),
            Place::AllowedCode => codes(rules).map(|item| Item { text: item.label.clone(), ..item }).collect(),
            Place::Name => self.nodes(&block),
            Place::Annotation(inner) => match value(&block, inner) {
                Some((_, kind)) if kind.is_secret() => values::annotations(),
                _ => Vec::new(),
            },
            place @ Place::Value(node) => {
                value(&block, place).map(|(_, kind)| self.values(kind, node, rules)).unwrap_or_default()
            }
            place @ Place::Entry(node) => {
                let argument = value(&block, place).map(|(_, kind)| self.values(kind, node, rules));
                let mut items = argument.unwrap_or_default();
                items.extend(block.child(&node.name).into_iter().flat_map(|of| properties(of.shape, node)));
                items
            }
        }
    }

    /// Nodes that the block can still take.
    fn nodes(&self, block: &Block) -> Vec<Item> {
        let (document, _) = crate::language::parse(self.text, Default::default());
        let present = self.siblings(&document.nodes);
        let is_full = |shape: &NodeShape| !shape.is_repeatable() && present.iter().any(|name| *name == shape.name);
        let plan = &schema().plan;
        if block.is_top && self.is_main && (present.is_empty() || present.iter().all(|name| *name == plan.name)) {
            return if is_full(plan) { Vec::new() } else { vec![node_item(plan)] };
        }
        let shapes = block.shape.children.iter();
        let shapes = shapes.filter(|shape| !shape.is_wildcard() && (!block.is_top || shape.includable));
        let mut items: Vec<Item> = shapes.filter(|shape| !is_full(shape)).map(node_item).collect();
        let settings = block.shape.properties.iter().filter(|property| property.as_child);
        items.extend(settings.filter(|property| !present.contains(&property.name.as_str())).map(|property| {
            Item::new(&property.name, CompletionItemKind::PROPERTY)
                .detail(property.kind.short())
                .documentation(property.kind.hover())
                .snippet(format!("{} {}", property.name, value_snippet(&property.kind, 1)))
        }));
        items.extend(self.service_settings(block, &present));
        if !block.is_top {
            items.extend(schema().everywhere.iter().map(node_item));
        }
        items
    }

    /// The settings of the service of the `store` in whose block the cursor is.
    fn service_settings(&self, block: &Block, present: &[&str]) -> Vec<Item> {
        let Some(wildcard) = block.shape.children.iter().find(|child| child.is_wildcard()) else { return Vec::new() };
        let service = self.cursor.blocks.last().and_then(|store| Service::find(store.arguments.first()?));
        let Some(service) = service else { return Vec::new() };
        let mut keys = service.keys().to_vec();
        keys.sort_unstable();
        let usual = service.usual_keys.iter().copied();
        let others = keys.iter().copied().filter(|key| !service.usual_keys.contains(key));
        let free = usual.chain(others).filter(|key| !present.contains(key));
        free.map(|key| {
            let usage = wildcard.usage().replacen("SETTING", key, 1);
            Item::new(key, CompletionItemKind::PROPERTY)
                .detail(usage)
                .documentation(format!("A setting of `{}`. {}", service.name, wildcard.description))
                .snippet(format!("{} ${{1:VALUE}}", escaped(key)))
        })
        .collect()
    }

    /// The names of the nodes of the innermost block, but for the one at the cursor.
    fn siblings<'n>(&self, nodes: &'n [Node]) -> Vec<&'n str> {
        let mut nodes = nodes;
        for _ in &self.cursor.blocks {
            let Some(around) = nodes.iter().find(|node| node.span.start < self.at && self.at <= node.span.end) else {
                return Vec::new();
            };
            nodes = &around.children;
        }
        let others = nodes.iter().filter(|node| node.name.span.range() != self.cursor.word);
        others.map(|node| node.name.value.as_str()).collect()
    }

    fn values(&self, kind: &Kind, node: &Written, rules: &Catalogue) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        if let Some(whose) = &kind.reference {
            let mut defined: Vec<&str> = Vec::new();
            for name in names(self.project).iter().filter(|name| name.kind == whose && name.defined.is_some()) {
                if !defined.contains(&name.text) && !node.arguments.iter().any(|taken| taken == name.text) {
                    defined.push(name.text);
                }
            }
            let references = defined.into_iter().map(|name| {
                Item::new(name, CompletionItemKind::REFERENCE)
                    .detail(format!("{whose} {}", written(name)))
                    .text(written(name))
            });
            items.extend(references);
        }
        let taken = |name: &str| node.arguments.iter().any(|taken| taken == name);
        items.extend(kind.choices.iter().filter(|choice| !taken(&choice.name)).map(|choice| {
            Item::new(&choice.name, CompletionItemKind::ENUM_MEMBER)
                .detail(choice.description.clone())
                .text(written(&choice.name))
        }));
        if kind.primitive == Primitive::Boolean {
            items.extend(["#true", "#false"].map(|value| Item::new(value, CompletionItemKind::KEYWORD)));
        }
        let word = self.text[self.cursor.word.clone()].trim_matches('"');
        items.extend(match kind.format {
            Some(Format::Code) => codes(rules).collect(),
            // A source's `include` is another node.
            Some(Format::Path) if node.name == "include" && self.cursor.blocks.len() < 2 => self.includable(),
            Some(format) => values::of_format(format, word),
            None if node.name == "storage-class" => self.storage_classes(),
            None => Vec::new(),
        });
        items
    }

    /// Files beside this one that the plan does not include yet.
    fn includable(&self) -> Vec<Item> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let names = self.world.includable(self.path).into_iter();
        let free = names.filter(|name| !self.project.holds(&folder.join(name)));
        free.map(|name| Item::new(&name, CompletionItemKind::FILE).text(written(&name))).collect()
    }

    /// The classes that the service of the tier around the cursor has.
    fn storage_classes(&self) -> Vec<Item> {
        let (document, _) = crate::language::parse(self.text, Default::default());
        let mut nodes = &document.nodes;
        let mut service = None;
        while let Some(node) = nodes.iter().find(|node| node.span.start < self.at && self.at <= node.span.end) {
            let store = node.child("store").and_then(|store| store.arguments.first()?.as_str());
            service = store.and_then(Service::find).or(service);
            nodes = &node.children;
        }
        let classes = service.map(|service: &Service| service.storage_classes).unwrap_or_default();
        classes.iter().map(|class| Item::new(class, CompletionItemKind::ENUM_MEMBER).text(written(class))).collect()
    }
}

fn node_item(shape: &NodeShape) -> Item {
    Item::new(&shape.name, CompletionItemKind::CLASS)
        .detail(shape.usage())
        .documentation(format!("{}\n\n```kdl\n{}\n```", shape.description, shape.example))
        .snippet(node_snippet(shape))
}

/// Properties that the node does not have yet.
fn properties(shape: &NodeShape, node: &Written) -> Vec<Item> {
    let named = shape.properties.iter().filter(|property| property.name != "*");
    let free = named.filter(|property| property.repeatable || !node.properties.contains(&property.name));
    free.map(|property| {
        Item::new(&format!("{}=", property.name), CompletionItemKind::PROPERTY)
            .detail(property.kind.short())
            .documentation(property.kind.hover())
            .snippet(format!("{}={}", property.name, value_snippet(&property.kind, 1)))
    })
    .collect()
}

/// Codes that can be silenced.
fn codes(rules: &Catalogue) -> impl Iterator<Item = Item> {
    rules.iter().filter(|rule| rule.severity != Severity::Error).map(|rule| {
        Item::new(rule.code, CompletionItemKind::CONSTANT)
            .detail(rule.title)
            .documentation(rule.why)
            .text(written(rule.code))
    })
}

#[cfg(test)]
mod tests {
    use super::super::analysis::catalogue;
    use super::super::testing::{self, world};
    use super::*;

    const KEYS: &str = "key ops { recipient age1x }\nkey \"2026\" { recipient age1y }\n";

    fn items(marked: &str, snippets: bool) -> Vec<CompletionItem> {
        let (text, position) = testing::cursor(marked);
        let path = Path::new("/p/plan.kdl");
        let texts =
            [("/p/plan.kdl", text.as_str()), ("/p/keys.kdl", KEYS), ("/p/a%20b.kdl", ""), ("/p/other.kdl", "plan y")];
        let world = world(&texts);
        let project = world.load(path).expect("it is open");
        completion(&world, &project, &catalogue(), path, position, snippets)
    }

    fn labels(marked: &str) -> String {
        items(marked, false).into_iter().map(|item| item.label).collect::<Vec<_>>().join(" ")
    }

    /// In a tier of a plan with names.
    fn in_tier(lines: &str) -> String {
        labels(&format!(
            "plan x {{\n    include keys.kdl\n    source data {{ base \"/d\" }}\n    source db {{ command x }}\n    tier local {{}}\n    tier cloud {{\n        {lines}\n    }}\n    notify phone {{}}\n    report r to=x\n}}\n"
        ))
    }

    #[test]
    fn a_block_offers_the_nodes_that_it_can_still_take() {
        assert_eq!(labels("│"), "plan");
        assert_eq!(labels("plan x {}\n│"), "");
        assert_eq!(labels("key a {}\n│"), "include key source tier notify report drill");
        assert_eq!(
            in_tier("store fs\n        sch│"),
            "storage-class server-side-encryption metadata encrypt compress mode volume-size schedule take keep verify limit from lock allow"
        );
        assert_eq!(labels("plan x {\n    key a { │ }\n}"), "recipient identity passphrase allow");
        assert_eq!(labels("plan x {\n    notify a { webhook \"u\" { met│ } }\n}"), "header method body hmac allow");
    }

    #[test]
    fn the_node_at_the_cursor_itself_is_offered() {
        assert!(in_tier("sto│re fs").starts_with("store storage-class"));
    }

    #[test]
    fn a_reference_offers_the_names_there_are() {
        assert_eq!(in_tier("encrypt │"), "ops 2026 none");
        assert_eq!(in_tier("take data │"), "db schedule= jitter=");
        assert_eq!(in_tier("from │"), "local cloud");
        assert_eq!(labels("plan x {\n    notify phone {}\n    report a to=│ \n}"), "phone");
    }

    #[test]
    fn an_include_offers_the_files_beside_that_are_no_plans() {
        assert_eq!(labels("plan x {\n    include │\n}"), "a b.kdl keys.kdl");
        assert_eq!(labels("plan x {\n    include keys.kdl\n    include \"│\"\n}"), "a b.kdl");
        assert_eq!(labels("plan x {\n    source s { include │ }\n}"), "");
    }

    #[test]
    fn values_are_offered_by_their_kind() {
        assert_eq!(in_tier("verify │"), "presence checksum contents sample= schedule= jitter=");
        assert_eq!(in_tier("verify contents sample=\"│\""), "5%");
        assert_eq!(in_tier("schedule \"@daily\" jitter=\"15│\""), "15s 15m 15h 15d 15w");
        assert_eq!(in_tier("keep da│"), "last= hourly= daily= weekly= monthly= yearly= within=");
        assert_eq!(in_tier("keep last=3 │"), "hourly= daily= weekly= monthly= yearly= within=");
        assert_eq!(in_tier("store azblob\n        storage-class │"), "");
        assert_eq!(in_tier("store gcs\n        storage-class │"), "STANDARD NEARLINE COLDLINE ARCHIVE");
        assert_eq!(labels("plan x {\n    key a { identity (│)x }\n}"), "env file command");
        assert_eq!(labels("plan x {\n    key a { identity │ }\n}"), "(env) (file) (command) create=");
        assert_eq!(labels("plan x {\n    key a { identity x create=│ }\n}"), "#true #false");
        assert!(labels("plan x {\n    timezone Eu│\n}").contains("Europe/Lisbon"));
    }

    #[test]
    fn a_store_offers_the_settings_of_its_service() {
        let found = in_tier("store s3 { bucket b; │ }");
        assert!(found.starts_with("region endpoint root profile access_key_id secret_access_key "), "{found}");
        assert!(!found.split(' ').any(|key| key == "bucket"), "{found}");
        assert_eq!(in_tier("store nonsense { │ }"), "allow");
    }

    #[test]
    fn comments_offer_codes_that_can_be_silenced_and_nothing_else() {
        let found = labels("// plan: allow(│)\nplan x {}");
        assert!(found.contains("plan::names::unused_key") && !found.contains("plan::names::unknown_key"), "{found}");
        assert_eq!(labels("// │"), "");
    }

    #[test]
    fn broken_text_is_completed_too() {
        let broken =
            "plan x {\n    source data { base \"/d\n    tier a {\n        take │\n    )(\n    tier b { store fs\n";
        assert_eq!(labels(broken), "data schedule= jitter=");
    }

    #[test]
    fn a_word_is_replaced_with_its_quotation_marks() {
        let replaced = |marked: &str, label: &str, snippets: bool| {
            let (text, _) = testing::cursor(marked);
            let item = items(marked, snippets).into_iter().find(|item| item.label == label).expect("it is offered");
            let Some(CompletionTextEdit::Edit(edit)) = item.text_edit else { panic!("every item has an edit") };
            testing::edited(&text, &[edit])
        };
        let plan = "plan x {\n    include keys.kdl\n    tier é { encrypt \"o│\" }\n}";
        assert_eq!(replaced(plan, "ops", false), "plan x {\n    include keys.kdl\n    tier é { encrypt ops }\n}");
        assert_eq!(replaced(plan, "2026", false), "plan x {\n    include keys.kdl\n    tier é { encrypt \"2026\" }\n}");
        assert_eq!(items(plan, false)[0].filter_text.as_deref(), Some("\"ops\""));
        assert_eq!(replaced("plan x {\n    tie│\n}", "tier", true), "plan x {\n    tier ${1:NAME} {\n\t$0\n}\n}");
        assert_eq!(replaced("plan x {\n    tie│\n}", "tier", false), "plan x {\n    tier\n}");
    }

    #[test]
    fn every_place_of_a_plan_can_be_asked_about() {
        let text = "plan x { // plan: allow(a)\n  source \"ñ\" { base \"/𝄞\" }\n  tier a {\n    store s3 { bucket (env)B }\n    take \"ñ\" jitter=\"5m\" schedule=\"@daily\n  )\n}\n";
        let (path, rules) = (Path::new("/p/plan.kdl"), catalogue());
        let world = world(&[("/p/plan.kdl", text)]);
        let analysis = world.check(path).expect("it is open");
        let index = LineIndex::new(text);
        for (at, _) in text.char_indices() {
            let position = super::super::place::position(&index, at);
            completion(&world, &analysis.project, &rules, path, position, true);
            let now = Default::default();
            super::super::hover::hover(&analysis.project, &analysis.diagnostics, &rules, path, position, now);
        }
    }
}
