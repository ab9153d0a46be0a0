//! A document held against the schema: every problem, each once.
//!
//! What a mistake makes likely to look wrong too is not reported: a misspelt
//! node is checked as the one that was meant, and a block in which something
//! is unknown is not said to lack anything.

mod arguments;
mod children;
mod properties;
mod swapped;
mod value;

use super::correct::{self, Correction, Corrections};
use super::model::{NodeShape, Schema};
use super::rules::{ANNOTATION, NO_PLAN, REPEATED_NODE, UNKNOWN_NODE, WRONG_PLACE};
use super::schema;
use crate::diagnostics::{Diagnostic, FileId, Fix, SourceFiles, Span, extend_without_echoes, list, nearest};
use crate::language::{Document, Node};

/// Adds everything about the shape of a document: unknown, missing and repeated
/// nodes, arguments and properties, wrong types and choices. In no order.
/// Where it is known what was meant, the document becomes that.
///
/// `files` are what the document was read from. A diagnostic of a whole text
/// replaces those of its words that are there already.
pub(in crate::language) fn validate(document: &mut Document, files: &SourceFiles, diagnostics: &mut Vec<Diagnostic>) {
    let mut validator = Validator {
        schema: schema(),
        files,
        earlier: diagnostics,
        found: Vec::new(),
        corrections: Corrections::new(),
        nameless: false,
    };
    validator.document(document);
    let Validator { found, corrections, nameless, .. } = validator;
    extend_without_echoes(diagnostics, found);
    correct::apply(document, &corrections);
    document.incomplete |= nameless;
}

struct Validator<'a> {
    schema: &'static Schema,
    files: &'a SourceFiles,
    earlier: &'a mut Vec<Diagnostic>,
    found: Vec<Diagnostic>,
    corrections: Corrections,
    /// A name, or what refers to one, could not be read.
    nameless: bool,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    shape: &'static NodeShape,
    /// The file of the plan node itself.
    main: FileId,
    is_root: bool,
}

impl Validator<'_> {
    fn text(&self, span: Span) -> &str {
        self.files.text(span)
    }

    fn correct(&mut self, span: Span, correction: Correction) {
        self.corrections.insert(span, correction);
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    fn document(&mut self, document: &Document) {
        let root = &self.schema.plan;
        let plans: Vec<&Node> = document.nodes.iter().filter(|node| node.name.value == root.name).collect();
        if let [first, others @ ..] = &plans[..] {
            for other in others {
                self.report(
                    Diagnostic::new(&NO_PLAN, other.name.span, "a second plan in one file")
                        .label("the second")
                        .also(first.name.span, "the first")
                        .help("move it to a file of its own"),
                );
            }
        }
        let mut any = !plans.is_empty() || document.incomplete;
        for node in &document.nodes {
            let name = &node.name.value;
            if *name == root.name {
                self.root(node, root);
            } else if nearest(name, [root.name.as_str()]).is_some() && plans.is_empty() {
                any = true;
                self.unknown_root(node);
                self.root(node, root);
            } else if !plans.is_empty() {
                any = true;
                self.outside_plan(node);
            }
        }
        if !any {
            self.no_plan(document);
        }
    }

    fn root(&mut self, node: &Node, shape: &'static NodeShape) {
        let place = Place { shape, main: node.span.file, is_root: true };
        self.node(node, shape, place);
    }

    fn unknown_root(&mut self, node: &Node) {
        let span = node.name.span;
        self.correct(span, Correction::Rename(self.schema.plan.name.clone()));
        self.report(
            Diagnostic::new(&UNKNOWN_NODE, span, format!("there is no node `{}`", node.name.value))
                .help("did you mean `plan`?")
                .fix(Fix::replace(span, "plan")),
        );
    }

    fn outside_plan(&mut self, node: &Node) {
        let name = &node.name.value;
        let diagnostic = Diagnostic::new(&WRONG_PLACE, node.name.span, format!("`{name}` stands outside the plan"));
        let known = self.schema.plan.child(name).is_some();
        let parents = self.schema.parents_of(name);
        self.report(match (known, &parents[..]) {
            (true, _) => diagnostic.help("move it between the braces of `plan`"),
            (false, [first, ..]) => diagnostic.help(format!("it belongs in a `{first}`")),
            _ => diagnostic.help("everything stands between the braces of `plan`; remove it, or correct its name"),
        });
    }

    fn no_plan(&mut self, document: &Document) {
        let first = document.nodes.first();
        let span = first.map_or(Span::default(), |node| node.name.span);
        let includable = |node: &Node| self.schema.plan.child(&node.name.value).is_some_and(|shape| shape.includable);
        let diagnostic = Diagnostic::new(&NO_PLAN, span, "the file has no `plan`");
        self.report(match first {
            None => diagnostic.label("the file is empty").help("write `plan NAME { … }`, or let `plan init` write one"),
            Some(_) if document.nodes.iter().all(includable) => diagnostic
                .label("stands in no plan")
                .help("check the file that includes this one, or write `plan NAME { … }` around everything"),
            Some(_) => diagnostic.label("stands in no plan").help("write `plan NAME { … }` around everything"),
        });
    }

    fn node(&mut self, node: &Node, shape: &'static NodeShape, place: Place) {
        if let Some(annotation) = &node.annotation {
            let span = annotation.span;
            let whole = Span { start: node.span.start, end: node.name.span.start, ..span };
            self.report(
                Diagnostic::new(&ANNOTATION, span, format!("a node takes no type: `({})`", annotation.value))
                    .label("types stand before values that are secrets")
                    .help("remove it")
                    .fix(Fix::delete(whole, "the type")),
            );
        }
        let inside = Place { shape, ..place };
        if !node.damaged && !self.swapped(node, shape) {
            self.arguments(node, inside, place);
            self.properties(node, inside);
        }
        self.children(node, inside);
    }

    /// A node that may stand once and stands again.
    fn repeated(&mut self, first: &Node, again: &Node, block: &Node, shape: &NodeShape) {
        let name = &again.name.value;
        let message = format!("`{name}` stands twice in this `{}`", block.name.value);
        let mut diagnostic = Diagnostic::new(&REPEATED_NODE, again.name.span, message)
            .label("the second")
            .also(first.name.span, "the first");
        let several = shape.max_arguments().is_none();
        diagnostic = match several {
            true => diagnostic.help(format!("write everything behind one `{name}`")),
            false => diagnostic.help("remove one of the two"),
        };
        self.report(diagnostic);
    }
}

/// ``​`a`, `b` and `c` may stand here``, or nothing if there are none.
fn allowed<'a>(names: impl IntoIterator<Item = &'a str>, what: &str) -> Option<String> {
    let list = list(names.into_iter().filter(|name| *name != "*"), "and");
    (!list.is_empty()).then(|| format!("{what}: {list}"))
}
