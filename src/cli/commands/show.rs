use super::super::failure::{Failure, Outcome};
use super::super::output::{Output, STRONG};
use crate::base::{Context, Exit};
use crate::compile::{Section, Selection, compile, resolved};
use serde_json::json;
use std::ffi::OsString;

/// Show what a plan says once everything in it is resolved
///
/// Includes are read, defaults are filled in, every job is listed with its
/// schedule. Secrets are shown as references and never asked for.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan show
  plan show plans/rpa.kdl cloud          only what is called `cloud`")]
pub(in crate::cli) struct Arguments {
    /// The plan file, and names of keys, sources, tiers or channels to show.
    #[arg(value_name = "PLAN [NAME]")]
    words: Vec<OsString>,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words;
    let file = super::super::reach::load(None, &mut words, context, output)?;
    let names: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let compiled =
        compile(&file.plan, &Selection::everything(&file.plan)).map_err(|error| Failure::failed(error.to_string()))?;
    let mut sections = resolved(&file.plan, &compiled);
    for name in &names {
        if !sections.iter().any(|section| is_called(section, name)) {
            return Err(Failure::usage(format!("the plan has nothing that is called `{name}`"))
                .help("`plan show` without a name shows all"));
        }
    }
    sections.retain(|section| names.is_empty() || names.iter().any(|name| is_called(section, name)));
    if output.json {
        let sections: Vec<_> = sections.iter().map(document).collect();
        output.document(&json!({ "format_version": 1, "plan": file.plan.name.value, "sections": sections }))?;
        return Ok(Exit::Done);
    }
    for (number, section) in sections.iter().enumerate() {
        if number > 0 {
            output.line("")?;
        }
        let title = output.paint(STRONG, &section.title);
        output.line(&title)?;
        for line in &section.lines {
            output.line(&format!("    {line}"))?;
        }
    }
    Ok(Exit::Done)
}

/// Titles are a kind and a name: `tier cloud`.
fn is_called(section: &Section, name: &str) -> bool {
    section.title == name || section.title.split_once(' ').is_some_and(|(_, named)| named == name)
}

fn document(section: &Section) -> serde_json::Value {
    let (kind, name) = section.title.split_once(' ').unwrap_or((&section.title, ""));
    let settings: Vec<_> = section
        .lines
        .iter()
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(setting, value)| json!({ "setting": setting, "value": value }))
        .collect();
    json!({ "kind": kind, "name": name, "settings": settings })
}
