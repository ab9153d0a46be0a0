use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::plan_file;
use crate::base::{Context, Exit, Style};
use crate::compile::{Selection, compile, print};
use clap::ValueEnum;
use std::path::PathBuf;

/// Show the steps that a plan compiles to
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan graph
  plan graph plans/rpa.kdl --tier cloud
  plan graph --format mermaid > plan.mmd
  plan graph --format dot | dot -Tsvg > plan.svg")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", hide_default_value = true)]
    format: Format,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
    Mermaid,
    Json,
    Svg,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = plan_file::load(arguments.plan.as_deref(), context, output)?;
    let selection = Selection::everything(&file.plan)
        .narrow(&file.plan, &arguments.tier, &arguments.source)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let compiled = compile(&file.plan, &selection).map_err(|error| Failure::failed(error.to_string()))?;
    let text = match if output.json { Format::Json } else { arguments.format } {
        Format::Text => print::text(&compiled, output.width(), Style { color: output.stdout_color }),
        Format::Dot => print::dot(&compiled),
        Format::Mermaid => print::mermaid(&compiled),
        Format::Svg => print::svg(&compiled),
        Format::Json => {
            output.document(&print::json(&compiled))?;
            return Ok(Exit::Done);
        }
    };
    output.text(&text)?;
    Ok(Exit::Done)
}
