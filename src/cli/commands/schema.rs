use super::super::failure::Outcome;
use super::super::output::Output;
use crate::base::Exit;
use crate::language::schema::{TEXT, schema};
use clap::ValueEnum;

/// Print the schema of the plan language, for editors and other programs
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Kdl, value_name = "FORMAT", hide_default_value = true)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// In the KDL Schema Language: the one source of truth.
    Kdl,
    /// JSON Schema, as far as it can say the same.
    JsonSchema,
    /// The reference for people.
    Markdown,
}

pub(in crate::cli) fn run(arguments: Arguments, output: &mut Output) -> Outcome {
    match arguments.format {
        _ if output.json => output.document(&schema().json_schema())?,
        Format::Kdl => output.text(TEXT)?,
        Format::JsonSchema => output.document(&schema().json_schema())?,
        Format::Markdown => output.text(&schema().reference())?,
    }
    Ok(Exit::Done)
}
