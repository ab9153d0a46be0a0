use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::plan_file::STORE_CHECKS;
use crate::base::Exit;
use crate::diagnostics::{Catalogue, Rule, Severity};
use crate::language::schema::schema;
use crate::rules::catalogue;
use serde_json::{Value, json};

/// Print the page of a diagnostic or of a setting
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan explain plan::names::unknown_source
  plan explain keep
  plan explain tier.verify
  plan explain                           all codes and settings
  plan explain keep --json")]
pub(in crate::cli) struct Arguments {
    /// A code such as `plan::names::unknown_source`, or a node such as `keep` or `tier.keep`.
    topic: Option<String>,
}

pub(in crate::cli) fn run(arguments: Arguments, output: &mut Output) -> Outcome {
    let rules = catalogue(STORE_CHECKS);
    let Some(topic) = arguments.topic else { return list(&rules, output) };
    if let Some(rule) = rules.find(&topic) {
        return page(code_document(rule), &rule.page(), output);
    }
    if let Some(text) = schema().explain(&topic) {
        return page(json!({ "setting": topic, "page": text }), &text, output);
    }
    let failure = Failure::usage(format!("there is neither a code nor a setting `{topic}`"));
    let nearest = rules.nearest(&topic).or_else(|| schema().nearest_topic(&topic));
    Err(match nearest {
        Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
        None => failure.help("`plan explain` lists all of them"),
    })
}

fn page(document: Value, text: &str, output: &mut Output) -> Outcome {
    if output.json {
        output.document(&with_version(document))?;
    } else {
        output.line(text.trim_end())?;
    }
    Ok(Exit::Done)
}

/// All codes and settings.
fn list(rules: &Catalogue, output: &mut Output) -> Outcome {
    if output.json {
        let settings = schema().walk().into_iter();
        let settings =
            settings.map(|(path, node)| json!({ "setting": path.join("."), "description": node.description }));
        let codes = rules
            .iter()
            .map(|rule| json!({ "code": rule.code, "severity": rule.severity.name(), "title": rule.title }));
        output.document(&with_version(json!({
            "settings": settings.collect::<Vec<_>>(),
            "codes": codes.collect::<Vec<_>>(),
        })))?;
        return Ok(Exit::Done);
    }
    output.line("settings:")?;
    for (path, node) in schema().walk() {
        output.line(&format!("  {:<30} {}", path.join("."), node.description))?;
    }
    output.line("\ncodes:")?;
    for rule in rules.iter() {
        output.line(&format!("  {:<44} {}", rule.code, rule.title))?;
    }
    Ok(Exit::Done)
}

fn code_document(rule: &Rule) -> Value {
    let example = |text: &str| Some(text.trim_matches('\n').to_owned()).filter(|text| !text.is_empty());
    json!({
        "code": rule.code,
        "severity": rule.severity.name(),
        "title": rule.title,
        "why": rule.why.trim(),
        "instead_of": example(rule.bad),
        "write": example(rule.good),
        "can_be_silenced": rule.severity != Severity::Error,
        "page": rule.page(),
    })
}

fn with_version(document: Value) -> Value {
    let mut whole = json!({ "format_version": 1 });
    if let (Some(whole), Value::Object(document)) = (whole.as_object_mut(), document) {
        whole.extend(document);
    }
    whole
}
