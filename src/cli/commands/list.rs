use super::super::failure::Outcome;
use super::super::output::Output;
use super::super::reach;
use crate::base::{ByteSize, Cell, Column, Context, Exit, Paint, Style, Table, rfc3339};
use crate::execute::Site;
use crate::report::{Moments, grouped};
use serde_json::json;
use std::path::PathBuf;

/// List the snapshots
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan list
  plan list --tier cloud --source data
  plan list --json | jq -r '.snapshots[-1].id'")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = reach::load(arguments.plan, &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context);
    reach::check_sources(&file.plan, &arguments.source)?;
    let tiers = reach::tiers(&file.plan, &arguments.tier)?;
    let found = reach::snapshots(&site, &tiers, &arguments.source, output)?;
    if output.json {
        let snapshots: Vec<_> = found
            .iter()
            .map(|one| {
                json!({
                    "id": one.info.run.to_string(),
                    "tier": one.tier.name.value,
                    "source": one.info.source,
                    "time": rfc3339(one.info.run.started),
                    "host": one.info.record.as_ref().map(|record| &record.host),
                    "mode": one.info.record.as_ref().map(|record| &record.mode),
                    "outcome": one.info.record.as_ref().map(|record| record.outcome),
                    "totals": one.info.record.as_ref().map(|record| record.totals),
                })
            })
            .collect();
        output.document(&json!({ "format_version": 1, "plan": file.plan.name.value, "snapshots": snapshots }))?;
        return Ok(Exit::Done);
    }
    let moments = Moments { now: context.now(), zone: file.plan.timezone.value };
    let mut table = Table::new([
        Column::left("id"),
        Column::left("time"),
        Column::left("tier"),
        Column::left("source"),
        Column::right("files"),
        Column::right("size"),
        Column::right("added").optional(1),
        Column::left("state"),
        Column::left("host").optional(2),
    ]);
    for one in &found {
        let mut cells: Vec<Cell> = vec![
            one.info.run.to_string().into(),
            moments.date(one.info.run.started).into(),
            (&one.tier.name.value).into(),
            (&one.info.source).into(),
        ];
        match &one.info.record {
            Some(record) => cells.extend([
                grouped(record.totals.files).into(),
                ByteSize(record.totals.bytes).to_string().into(),
                ByteSize(record.totals.stored_bytes).to_string().into(),
                match one.info.is_complete() {
                    true => Cell::painted(Paint::Good, "complete"),
                    false => Cell::painted(Paint::Warn, "partial"),
                },
                (&record.host).into(),
            ]),
            None => {
                cells.extend(["?".into(), "?".into(), "?".into(), Cell::painted(Paint::Warn, "no record"), "".into()])
            }
        }
        table.row(cells);
    }
    let style = Style { color: output.stdout_color };
    let width = output.width();
    output.text(&table.render(width, style))?;
    if found.is_empty() {
        output.note("there are no snapshots yet");
    }
    Ok(Exit::Done)
}
