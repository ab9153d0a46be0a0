use crate::base::{Cell, Column, Paint, Style, Table, printable, wrap};
use crate::compile::describe;
use crate::compile::{Action, Compiled, Job, Step, Upload};
use crate::plan::SettingValue;
use unicode_width::UnicodeWidthStr;

/// The graph as a person would tell it: tier by tier, job by job, the chain of
/// steps of each, then hooks and what comes at the end.
///
/// No line is wider than `width`, unless a name alone is.
pub fn text(compiled: &Compiled, width: usize, style: Style) -> String {
    let mut out = headline(compiled, style);
    let jobs = job_lines(compiled, width, style);
    for tier in super::tiers(compiled) {
        out.push_str(&tier_line(compiled, tier, width, style));
        for (_, lines) in compiled.jobs.iter().zip(&jobs).filter(|(job, _)| job.name.tier == tier) {
            out.push_str(lines);
        }
    }
    out.push_str(&hooks(compiled, width, style));
    out.push_str(&end(compiled, width, style));
    out
}

fn headline(compiled: &Compiled, style: Style) -> String {
    let count = |n: usize, noun: &str| if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") };
    format!(
        "{}  {}, {}, times in {}\n",
        style.paint(Paint::Bold, &printable(&compiled.plan)),
        count(compiled.jobs.len(), "job"),
        count(compiled.steps.len(), "step"),
        compiled.timezone.name()
    )
}

fn tier_line(compiled: &Compiled, tier: &str, width: usize, style: Style) -> String {
    let steps = || compiled.steps.nodes().map(|(_, step)| step);
    let of_tier = |step: &&Step| step.job.as_ref().is_some_and(|job| job.tier == tier);
    let mut facts = Vec::new();
    if let Some(upload) = steps().filter(of_tier).find_map(|step| match &step.action {
        Action::Upload(upload) => Some(upload),
        _ => None,
    }) {
        facts.push(store(upload));
        facts.extend(upload.storage_class.clone());
        facts.extend(upload.server_side_encryption.as_ref().map(describe::server_side_encryption));
    }
    let encrypted = steps().filter(of_tier).any(|step| matches!(step.action, Action::Encrypt { .. }));
    if !facts.is_empty() && !encrypted {
        facts.push("not encrypted".to_owned());
    }
    facts.extend(steps().filter(of_tier).find_map(|step| match &step.action {
        Action::Prune(keep) => Some(format!("keep {}", describe::keep(keep))),
        _ => None,
    }));
    let tier = printable(tier);
    let indent = tier.width() + 2;
    let facts = wrap(&printable(&facts.join(", ")), width.saturating_sub(indent).max(20));
    let facts = facts.join(&format!("\n{}", " ".repeat(indent)));
    format!("\n{}  {facts}", style.paint(Paint::Bold, &tier)).trim_end().to_owned() + "\n"
}

/// `s3 bucket/root`, without what is secret.
fn store(upload: &Upload) -> String {
    let place = ["bucket", "container", "endpoint", "root"];
    let value = |key: &&str| upload.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let mut out = String::new();
    for value in place.iter().filter(|key| **key != "endpoint" || value(&"bucket").is_none()).filter_map(value) {
        let SettingValue::Text(value) = value else { continue };
        if !out.is_empty() && !value.starts_with('/') {
            out.push('/');
        }
        out.push_str(&describe::without_password(value));
    }
    if out.is_empty() { upload.service.clone() } else { format!("{} {out}", upload.service) }
}

/// For each job its lines: one for the chain, one for each step on a schedule of its own.
fn job_lines(compiled: &Compiled, width: usize, style: Style) -> Vec<String> {
    let mut table = Table::new([Column::left(""), Column::left(""), Column::left("").wrap()]).indent(2);
    let mut rows_of = Vec::new();
    for job in &compiled.jobs {
        let rows = job_rows(compiled, job);
        rows_of.push(rows.len());
        for row in rows {
            table.row(row);
        }
    }
    let mut rendered = table.render_rows(width, style).into_iter();
    rows_of.into_iter().map(|rows| rendered.by_ref().take(rows).collect()).collect()
}

fn job_rows(compiled: &Compiled, job: &Job) -> Vec<[Cell; 3]> {
    let steps: Vec<&Step> = compiled.job_steps(&job.name).map(|(_, step)| step).collect();
    let (own, chain): (Vec<&Step>, Vec<&Step>) = steps.into_iter().partition(|step| step.schedule.is_some());
    let mut rows = Vec::new();
    let mut name = Cell::from(&job.name.source);
    if !chain.is_empty() {
        let when = job.schedule.as_ref().map_or_else(|| "on request".to_owned(), describe::schedule);
        // Words that belong together are kept together when the line is broken.
        let chain: Vec<String> = chain.iter().map(|step| step.label().replace(' ', "\u{a0}")).collect();
        rows.push([std::mem::take(&mut name), Cell::painted(Paint::Dim, when), chain.join("\u{a0}→ ").into()]);
    }
    for step in own {
        let when = step.schedule.as_ref().map(describe::schedule).unwrap_or_default();
        rows.push([std::mem::take(&mut name), Cell::painted(Paint::Dim, when), step.label().into()]);
    }
    rows
}

fn hooks(compiled: &Compiled, width: usize, style: Style) -> String {
    let mut table = Table::new([Column::left(""), Column::left(""), Column::left("").wrap()]).indent(2);
    let mut last_source = None;
    for id in compiled.order() {
        let step = compiled.steps.node(*id);
        let (source, command) = match &step.action {
            Action::Before { source, command } | Action::After { source, command } => (source, command),
            _ => continue,
        };
        let shown = if last_source == Some(source) { "" } else { source };
        last_source = Some(source);
        table.row([shown.into(), step.action.verb().into(), describe::command(command).into()]);
    }
    section("hooks, once a run for each source", &table, width, style)
}

fn end(compiled: &Compiled, width: usize, style: Style) -> String {
    let mut table =
        Table::new([Column::left(""), Column::left(""), Column::left(""), Column::left("").wrap()]).indent(2);
    for id in compiled.order() {
        let step = compiled.steps.node(*id);
        let (name, detail) = match &step.action {
            Action::Drill { .. } if !super::is_in_a_tier(compiled, step) => {
                (step.job.as_ref().map(ToString::to_string).unwrap_or_default(), String::new())
            }
            Action::Record => (String::new(), "state, history and metrics".to_owned()),
            Action::Report { name, to, .. } => (name.clone(), format!("to {}", to.join(", "))),
            Action::Notify { channel, on } => {
                let events: Vec<String> = on.iter().map(ToString::to_string).collect();
                (channel.clone(), format!("on {}", events.join(", ")))
            }
            _ => continue,
        };
        let when = Cell::painted(Paint::Dim, step.schedule.as_ref().map(describe::schedule).unwrap_or_default());
        table.row([step.action.verb().into(), name.into(), when, detail.into()]);
    }
    section("at the end, whatever happened", &table, width, style)
}

fn section(title: &str, table: &Table, width: usize, style: Style) -> String {
    if table.is_empty() {
        return String::new();
    }
    format!("\n{}\n{}", style.paint(Paint::Bold, title), table.render(width, style))
}
