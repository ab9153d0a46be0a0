//! From a document to the nouns: every value read, every default filled in.
//!
//! The document's *shape* (which nodes, how many arguments, of which primitive
//! type) is validated against the schema beforehand; what that reports is
//! passed over here in silence. A piece that is wrong is left out and the rest
//! goes on, so one pass finds every problem. What a noun refers to is checked
//! by the rules, not here.

mod key;
mod notify;
mod source;
mod text;
mod tier;
mod values;

use super::{Drill, Nice, Objective, Plan, Report, Schedule};
use crate::diagnostics::{Diagnostic, Rule, Severity, SourceFiles, Spanned};
use crate::language::{Document, Node, Value};
use std::path::{Path, PathBuf};

static NAME: Rule = Rule {
    code: "plan::names::invalid",
    severity: Severity::Error,
    title: "a name cannot be part of a file's name",
    why: "The names of plans, sources and tiers become folders: of the local state and in the stores. They are made \
          of letters, digits, `-`, `_` and `.`, begin with a letter or digit, and have at most 64 bytes.",
    bad: "source \"web/data\" { include \"/srv/www\" }",
    good: "source web-data { include \"/srv/www\" }",
};

pub(super) fn rules() -> Vec<&'static Rule> {
    [&[&NAME][..], &values::RULES, &source::RULES, &key::RULES, &notify::RULES].concat()
}

/// The nouns of a document, and what is wrong with their values. `None` where
/// there is no plan node with a name; otherwise a plan without its broken pieces.
///
/// Diagnostics are in the order of the document's nodes.
pub fn resolve(document: &Document, files: &SourceFiles) -> (Option<Plan>, Vec<Diagnostic>) {
    let mut resolver = Resolver { files, diagnostics: Vec::new() };
    let plan = document.nodes.iter().find(|node| node.name.value == "plan");
    let plan = plan.and_then(|node| resolver.plan(node));
    (plan, resolver.diagnostics)
}

struct Resolver<'a> {
    files: &'a SourceFiles,
    diagnostics: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn plan(&mut self, node: &Node) -> Option<Plan> {
        let name = self.name(node, "plan");
        let mut plan = Plan {
            name: name?,
            description: text(node, "description").map(|text| text.value),
            timezone: Spanned::new(chrono_tz::Tz::UTC, node.name.span),
            state: None,
            nice: None,
            objective: Objective::default(),
            keys: Vec::new(),
            sources: Vec::new(),
            tiers: Vec::new(),
            notify: Vec::new(),
            reports: Vec::new(),
            drills: Vec::new(),
            span: node.span,
        };
        for child in &node.children {
            match child.name.value.as_str() {
                "timezone" => {
                    if let Some(zone) = child.arguments.first().and_then(|value| self.timezone(value)) {
                        plan.timezone = zone;
                    }
                }
                "state" => plan.state = self.path_argument(child).map(|path| path.value),
                "nice" => plan.nice = self.nice(child),
                "objective" => {
                    plan.objective = Objective {
                        rpo: self.property(child, "rpo", Self::duration),
                        rto: self.property(child, "rto", Self::duration),
                    };
                }
                "key" => plan.keys.extend(self.key(child)),
                "source" => plan.sources.extend(self.source(child)),
                "tier" => plan.tiers.extend(self.tier(child)),
                "notify" => plan.notify.extend(self.notify(child)),
                "report" => plan.reports.extend(self.report(child)),
                "drill" => plan.drills.extend(self.drill(child)),
                _ => {}
            }
        }
        tier::inherit(&mut plan.tiers);
        Some(plan)
    }

    fn nice(&mut self, node: &Node) -> Option<Nice> {
        let level = node.arguments.first().and_then(|value| self.count(value))?;
        let io = node.property("io").and_then(spanned_text);
        Some(Nice { level: level.value, io_idle: io.is_some_and(|io| io.value == "idle") })
    }

    fn report(&mut self, node: &Node) -> Option<Report> {
        let to = node.properties.iter().filter(|property| property.name.value == "to");
        let to = to.filter_map(|property| spanned_text(&property.value)).collect();
        let schedule = self.schedule_property(node);
        Some(Report { name: self.name(node, "report")?, schedule: schedule?, to, span: node.span })
    }

    fn drill(&mut self, node: &Node) -> Option<Drill> {
        let schedule = self.schedule_property(node);
        let max_time = self.property(node, "max-time", Self::duration);
        Some(Drill {
            source: argument(node)?,
            tier: node.property("tier").and_then(spanned_text)?,
            schedule,
            max_time,
            span: node.span,
        })
    }

    /// `schedule=` and, beside it, `jitter=`.
    fn schedule_property(&mut self, node: &Node) -> Option<Schedule> {
        let jitter = self.property(node, "jitter", Self::duration);
        Some(Schedule { cron: node.property("schedule").and_then(spanned_text)?, jitter })
    }

    fn property<T>(
        &mut self,
        node: &Node,
        name: &str,
        read: fn(&mut Self, &Value) -> Option<Spanned<T>>,
    ) -> Option<Spanned<T>> {
        node.property(name).and_then(|value| read(self, value))
    }

    /// The first argument, as the name of a thing that becomes part of file names.
    fn name(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let name = argument(node)?;
        let Some(because) = name_problem(&name.value) else { return Some(name) };
        let message = format!("`{}` cannot be the name of a {what}", name.value);
        let diagnostic = Diagnostic::new(&NAME, name.span, message).label(because);
        let plain = plain_name(&name.value);
        self.diagnostics.push(match plain {
            Some(plain) => diagnostic.help(format!("write `{plain}`, here and where it is used")),
            None => diagnostic.help("use letters, digits, `-`, `_` and `.`"),
        });
        // The name still identifies the thing, so what refers to it is not dangling.
        Some(name)
    }

    fn path_argument(&self, node: &Node) -> Option<Spanned<PathBuf>> {
        node.arguments.first().and_then(|value| self.path(value))
    }

    /// A path as written; in an included file, relative to the folder of the plan file.
    fn path(&self, value: &Value) -> Option<Spanned<PathBuf>> {
        let text = spanned_text(value)?;
        Some(Spanned::new(self.seen_from_the_plan_file(Path::new(&text.value), value), text.span))
    }

    fn seen_from_the_plan_file(&self, path: &Path, value: &Value) -> PathBuf {
        let main = self.files.iter().next().map(|(id, _)| id);
        if main == Some(value.span.file) || path.is_absolute() || path.starts_with("~") {
            return path.to_owned();
        }
        let folder = |id| Path::new(&self.files.get(id).name).parent().unwrap_or(Path::new("")).to_owned();
        let here = folder(value.span.file);
        match main {
            Some(main) => text::relative(&folder(main), &here).join(path),
            None => path.to_owned(),
        }
    }
}

/// The first argument, where it is text.
fn argument(node: &Node) -> Option<Spanned<String>> {
    node.arguments.first().and_then(spanned_text)
}

/// Every argument that is text.
fn arguments(node: &Node) -> impl Iterator<Item = Spanned<String>> {
    node.arguments.iter().filter_map(spanned_text)
}

/// The first argument of the first child of that name.
fn text(node: &Node, child: &str) -> Option<Spanned<String>> {
    node.child(child).and_then(argument)
}

/// A setting that may stand as a property or as a child: `from=x` or `from x`.
fn setting<'a>(node: &'a Node, name: &str) -> Option<&'a Value> {
    node.property(name).or_else(|| node.child(name).and_then(|child| child.arguments.first()))
}

/// A child that switches something on: `exclude-caches`, or `exclude-caches #false`.
fn is_on(node: &Node, child: &str) -> bool {
    node.child(child).is_some_and(|child| {
        !matches!(child.arguments.first().map(|v| &v.kind), Some(crate::language::ValueKind::Bool(false)))
    })
}

fn spanned_text(value: &Value) -> Option<Spanned<String>> {
    value.as_str().map(|text| Spanned::new(text.to_owned(), value.span))
}

/// Longest name of a plan, source or tier: with a run's id and suffixes it stays under the 255 bytes of a file name.
const MAX_NAME_BYTES: usize = 64;

/// Why a text cannot be the name of a thing; `None`: it can.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        Some("empty")
    } else if name.len() > MAX_NAME_BYTES {
        Some("longer than 64 bytes")
    } else if !name.chars().all(allowed) {
        Some("may hold only letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(char::is_alphanumeric) {
        Some("must begin with a letter or a digit")
    } else {
        None
    }
}

/// The name with all that is not allowed turned to `-`, if that leaves something.
fn plain_name(name: &str) -> Option<String> {
    let allowed = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
    let mapped: String = name.chars().map(allowed).collect();
    let words: Vec<&str> = mapped.split('-').filter(|word| !word.is_empty()).collect();
    let plain = words.join("-").trim_start_matches(['.', '_', '-']).to_owned();
    (name_problem(&plain).is_none()).then_some(plain)
}

#[cfg(test)]
mod tests;
