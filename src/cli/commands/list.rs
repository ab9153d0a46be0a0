use super::super::failure::Outcome;
use super::super::output::Output;
use super::super::reach::{self, Found};
use crate::base::{ByteSize, Cell, Column, Context, Exit, Paint, Style, Table, grouped, rfc3339};
use crate::execute::Site;
use crate::report::Moments;
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
    let rows: Vec<Row> = found.iter().map(|one| Row::of(one, &moments)).collect();
    if rows.is_empty() {
        output.note("there are no snapshots yet");
    } else {
        output.text(&render(&rows, output.width(), Style { color: output.stdout_color }))?;
    }
    Ok(Exit::Done)
}

/// What is shown of a snapshot.
struct Row {
    id: String,
    time: String,
    tier: String,
    source: String,
    record: Option<Recorded>,
}

struct Recorded {
    files: u64,
    size: ByteSize,
    added: ByteSize,
    is_complete: bool,
    host: String,
}

impl Row {
    fn of(one: &Found<'_>, moments: &Moments) -> Self {
        Self {
            id: one.info.run.to_string(),
            time: moments.date(one.info.run.started),
            tier: one.tier.name.value.clone(),
            source: one.info.source.clone(),
            record: one.info.record.as_ref().map(|record| Recorded {
                files: record.totals.files,
                size: ByteSize(record.totals.bytes),
                added: ByteSize(record.totals.stored_bytes),
                is_complete: one.info.is_complete(),
                host: record.host.clone(),
            }),
        }
    }

    fn state(&self) -> (Paint, &'static str) {
        match &self.record {
            None => (Paint::Warn, "no record"),
            Some(record) if record.is_complete => (Paint::Good, "complete"),
            Some(_) => (Paint::Warn, "partial"),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells: Vec<Cell> = [&self.id, &self.time, &self.tier, &self.source].map(Cell::from).into();
        cells.extend(match &self.record {
            Some(record) => [grouped(record.files), record.size.to_string(), record.added.to_string()].map(Cell::from),
            None => ["?"; 3].map(Cell::from),
        });
        let (paint, state) = self.state();
        cells.push(Cell::painted(paint, state));
        cells.push(self.record.as_ref().map_or_else(Cell::default, |record| Cell::from(&record.host)));
        cells
    }
}

fn render(rows: &[Row], width: usize, style: Style) -> String {
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
    rows.iter().for_each(|row| table.row(row.cells()));
    table.render(width, style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |id: &str, files: u64, source: &str| Row {
            id: id.to_owned(),
            time: "24 Nov 02:00".to_owned(),
            tier: "cloud".to_owned(),
            source: source.to_owned(),
            record: Some(Recorded {
                files,
                size: ByteSize(3 << 30),
                added: ByteSize(5 << 20),
                is_complete: files > 1,
                host: "web-1.example.org".to_owned(),
            }),
        };
        vec![
            row("20261124T020000Z-1f2e3d4c", 104_233, "data"),
            row("20261124T020500Z-0a0b0c0d", 1, "a-source-with-a-rather-long-name"),
            Row { record: None, ..row("20261124T021000Z-2f2e3d4c", 0, "db") },
        ]
    }

    #[test]
    fn a_wide_terminal_shows_a_table() {
        insta::assert_snapshot!(render(&rows(), 140, Style::PLAIN));
    }

    #[test]
    fn a_narrow_terminal_shows_each_snapshot_in_lines_that_fit() {
        for width in [40, 60, 79] {
            let text = render(&rows(), width, Style::PLAIN);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        }
        insta::assert_snapshot!(render(&rows(), 40, Style::PLAIN));
    }
}
