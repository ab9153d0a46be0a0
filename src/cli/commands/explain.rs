use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::plan_file::STORE_CHECKS;
use crate::base::Exit;
use crate::language::schema::schema;
use crate::rules::catalogue;

/// Print the page of a diagnostic or of a setting
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan explain plan::names::unknown_source
  plan explain keep
  plan explain tier.verify
  plan explain                           all codes and settings")]
pub(in crate::cli) struct Arguments {
    /// A code such as `plan::names::unknown_source`, or a node such as `keep` or `tier.keep`.
    topic: Option<String>,
}

pub(in crate::cli) fn run(arguments: Arguments, output: &mut Output) -> Outcome {
    let rules = catalogue(STORE_CHECKS);
    let Some(topic) = arguments.topic else {
        output.line("settings:")?;
        for (path, node) in schema().walk() {
            output.line(&format!("  {:<30} {}", path.join("."), node.description))?;
        }
        output.line("\ncodes:")?;
        for rule in rules.iter() {
            output.line(&format!("  {:<44} {}", rule.code, rule.title))?;
        }
        return Ok(Exit::Done);
    };
    let page = match rules.find(&topic) {
        Some(rule) => Some(rule.page()),
        None => schema().explain(&topic),
    };
    match page {
        Some(page) => {
            output.text(page.trim_end())?;
            output.line("")?;
            Ok(Exit::Done)
        }
        None => {
            let failure = Failure::usage(format!("there is neither a code nor a setting `{topic}`"));
            let nearest = rules.nearest(&topic).or_else(|| schema().nearest_topic(&topic));
            Err(match nearest {
                Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
                None => failure.help("`plan explain` lists all of them"),
            })
        }
    }
}
