use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::plan_file;
use crate::base::{Context, Exit, Style};
use crate::cost::{Estimator, MeasuredSizes, PriceTable};
use crate::execute::{HISTORY_FILE, Site};
use crate::report::{measured_sizes, read_history};
use serde_json::json;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Show what a plan costs a month, tier by tier
///
/// Storage with minimum sizes and durations, requests, and what verification reads; beside it what
/// it costs to bring the newest snapshots back. Sizes are those of past runs, else those that
/// the plan expects (`expect size="100MB" change="10MB"` on a source). The figures are for a
/// month in which as much is deleted as is added. Prices are list prices, without tax; old
/// ones are said to be old.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan cost
  plan cost plans/rpa.kdl --prices plans/rpa-prices.json    your own prices, beside the built-in ones
  plan cost --json | jq .total")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// A file of prices in place of the built-in ones; `schema/prices.json` is the example of one.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Take the sizes that the plan expects, even where past runs have measured them.
    #[arg(long)]
    expected: bool,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = plan_file::load(arguments.plan.as_deref(), context, output)?;
    let prices = arguments.prices.as_deref().map(|path| read_prices(path, context)).transpose()?;
    let measured = if arguments.expected {
        MeasuredSizes::new()
    } else {
        let folder = Site::new(&file.plan, &file.path, context).state_folder();
        match std::fs::read_to_string(folder.join(HISTORY_FILE)) {
            Ok(text) => measured_sizes(&file.plan, &read_history(&text).0),
            Err(error) if error.kind() == ErrorKind::NotFound => MeasuredSizes::new(),
            Err(error) => return Err(Failure::failed("cannot read the history of past runs").because(&error)),
        }
    };
    let today = PriceTable::built_in();
    let report =
        |prices: &PriceTable| Estimator { plan: &file.plan, prices, measured: &measured }.report(context.now());
    let (report, built_in) = match &prices {
        Some(prices) => (report(prices), Some(report(&today))),
        None => (report(&today), None),
    };
    if output.json {
        let mut document = json!({ "format_version": 1, "plan": file.plan.name.value, "cost": report.to_json() });
        if let Some(built_in) = built_in {
            document["built_in"] = built_in.to_json();
        }
        output.document(&document)?;
    } else {
        let text = report.render(built_in.as_ref(), output.width(), Style { color: output.stdout_color });
        output.text(&text)?;
    }
    Ok(Exit::Done)
}

fn read_prices(path: &Path, context: &Context) -> Result<PriceTable, Failure> {
    let shown = path.display().to_string();
    let text = plan_file::read(&context.working_directory.join(path))
        .map_err(|error| Failure::usage(format!("cannot read the prices `{shown}`")).because(&error))?;
    PriceTable::parse(&shown, &text).map_err(|error| {
        Failure::failed(error.to_string()).help("`schema/prices.json` in the project is the example of such a file")
    })
}
