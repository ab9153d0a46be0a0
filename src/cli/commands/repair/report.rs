//! What a repair found and did, for people and as JSON.

use super::super::super::failure::Failure;
use super::super::super::output::Output;
use super::super::super::path_json;
use super::super::verify::level_name;
use super::{Arguments, Found, Repaired};
use crate::base::{ByteSize, Cell, Column, Paint, RunId, Style, Table, counted};
use crate::files::display_path;
use crate::plan::Tier;
use crate::repository::{LostFile, Mend, Origin, SNAPSHOTS, SnapshotState, Standing, Still};
use serde_json::{Value, json};

/// Lost files of a tier that are listed unless `-v` asks for all.
const MAX_LISTED: usize = 100;

/// Snapshots that are named one by one.
const MAX_NAMED: usize = 4;

pub(super) fn print(found: &[Found<'_>], arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        let tiers: Vec<Value> = found.iter().map(document).collect();
        output.document(&json!({ "format_version": 1, "dry_run": arguments.dry_run, "tiers": tiers }))?;
    } else {
        let (width, style) = (output.width(), Style { color: output.stdout_color });
        output.text(&table(found).render(width, style))?;
    }
    for Found { tier, result } in found {
        let name = &tier.name.value;
        match result {
            Ok(repaired) => {
                if !output.json {
                    tell(tier, repaired, output)?;
                }
                // What was answered stands before what is said of it.
                output.flush()?;
                advise(tier, repaired, output);
            }
            Err(failure) => {
                let message = format!("tier `{name}` could not be repaired: {}", failure.message);
                output.failure(&Failure { message, ..failure.clone() });
            }
        }
    }
    if found.iter().filter_map(|found| found.result.as_ref().ok()).any(|repaired| !repaired.plan.left.is_empty()) {
        output.flush()?;
        output.help("`plan restore` brings back all but what is lost; `plan run` stores anew what is still on disk");
    }
    Ok(())
}

fn table(found: &[Found<'_>]) -> Table {
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("level"),
        Column::right("snapshots"),
        Column::right("read"),
        Column::right("damaged"),
        Column::left("result"),
    ]);
    for Found { tier, result } in found {
        let name = &tier.name.value;
        let Ok(repaired) = result else {
            let nothing = || Cell::from("");
            table.row([name.into(), nothing(), nothing(), nothing(), nothing(), Cell::painted(Paint::Bad, "failed")]);
            continue;
        };
        let plan = &repaired.plan;
        table.row([
            name.into(),
            level_name(repaired.level).into(),
            plan.snapshots.len().to_string().into(),
            ByteSize(plan.verified.bytes).to_string().into(),
            (plan.mends.len() + plan.left.len()).to_string().into(),
            result_of(repaired),
        ]);
    }
    table
}

/// The result in a word or two.
fn result_of(repaired: &Repaired) -> Cell {
    let plan = &repaired.plan;
    let unreadable = plan.snapshots.iter().filter(|state| matches!(state.standing, Standing::Unreadable(_))).count();
    let (paint, text) = if repaired.failure.is_some() {
        (Paint::Bad, "failed".to_owned())
    } else if plan.is_empty() {
        (Paint::Good, "good".to_owned())
    } else if repaired.is_whole() {
        (Paint::Good, if repaired.outcome.is_some() { "mended" } else { "can be mended" }.to_owned())
    } else if unreadable > 0 {
        (Paint::Bad, format!("{} lost", counted(unreadable as u64, "snapshot")))
    } else if !plan.lost.is_empty() {
        (Paint::Bad, format!("{} lost", counted(plan.lost.len() as u64, "file")))
    } else {
        let left = plan.left.len() + repaired.outcome.as_ref().map_or(0, |outcome| outcome.failed.len());
        (Paint::Bad, format!("{} left", counted(left as u64, "problem")))
    };
    Cell::painted(paint, text)
}

/// What a row of the table has no room for.
fn tell(tier: &Tier, repaired: &Repaired, output: &mut Output) -> Result<(), Failure> {
    let name = &tier.name.value;
    let plan = &repaired.plan;
    let style = Style { color: output.stdout_color };
    for mend in &plan.mends {
        output.line(&format!("{name}: `{}`: {}", mend.object, mend.problem))?;
        let (paint, text) = fate(repaired, mend);
        output.line(&format!("  {}", style.paint(paint, &text)))?;
    }
    for problem in &plan.left {
        output.line(&format!("{name}: `{}`: {}", problem.object, problem.problem))?;
        let why = plan.refused.get(&problem.object).map_or("no other tier has it whole", String::as_str);
        output.line(&format!("  {}: {why}", style.paint(Paint::Bad, "can't be mended")))?;
        // What is said of a snapshot itself names it.
        if !problem.snapshots.is_empty() && !problem.object.starts_with(SNAPSHOTS) {
            output.line(&format!("  needed by {}", named(&problem.snapshots)))?;
        }
    }
    let concerned: Vec<&SnapshotState> =
        plan.snapshots.iter().filter(|state| state.standing != Standing::Whole).collect();
    if !concerned.is_empty() {
        output.line("")?;
        output.text(&snapshots(&concerned).render(output.width(), style))?;
    }
    lost(&plan.lost, output)
}

/// What becomes of an object that can be mended.
fn fate(repaired: &Repaired, mend: &Mend) -> (Paint, String) {
    let failed = repaired.outcome.as_ref().and_then(|outcome| outcome.failed.get(&mend.object));
    let is_done = repaired.outcome.as_ref().map(|outcome| outcome.mended.contains(&mend.object));
    match (failed, is_done, &mend.origin) {
        (Some(why), _, _) => (Paint::Bad, format!("not mended: {why}")),
        (None, Some(true), Origin::Tier(tier)) => (Paint::Good, format!("mended from tier `{tier}`")),
        (None, Some(true), Origin::Derived) => (Paint::Good, format!("made anew {}", made_of(mend))),
        (None, Some(false), _) => (Paint::Bad, "not mended".to_owned()),
        (None, None, Origin::Tier(tier)) => (Paint::Good, format!("can be mended from tier `{tier}`")),
        (None, None, Origin::Derived) => (Paint::Good, format!("can be made anew {}", made_of(mend))),
    }
}

fn made_of(mend: &Mend) -> &'static str {
    match mend.object.split('/').next().unwrap_or_default() {
        "index" => "from its run's archives and manifest",
        "runs" => "from its snapshot",
        "snapshots" => "from its run's record and the snapshot before or after it",
        _ => "from what else is there",
    }
}

/// The snapshots that are not whole.
fn snapshots(concerned: &[&SnapshotState]) -> Table {
    let mut table = Table::new([
        Column::left("snapshot").cut(),
        Column::left("source"),
        Column::left("state").wrap(),
        Column::left("nearest whole one").cut(),
    ]);
    for state in concerned {
        let (paint, text) = match &state.standing {
            Standing::Whole => (Paint::Good, "whole".to_owned()),
            Standing::Lacking { files, bytes } => {
                (Paint::Warn, format!("lacks {}, {}", counted(*files, "file"), ByteSize(*bytes)))
            }
            Standing::Unreadable(_) => (Paint::Bad, "can't be read".to_owned()),
            Standing::Unlisted => (Paint::Warn, "unknown".to_owned()),
        };
        table.row([
            state.run.to_string().into(),
            (&state.source).into(),
            Cell::painted(paint, text),
            state.instead.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string).into(),
        ]);
    }
    table
}

/// The lost files, those of the same snapshots together.
fn lost(files: &[LostFile], output: &mut Output) -> Result<(), Failure> {
    let mut groups: Vec<(&str, &[RunId], Vec<&LostFile>)> = Vec::new();
    for file in files {
        let group = groups.iter_mut().find(|(source, of, _)| *source == file.source && *of == file.snapshots);
        match group {
            Some((_, _, members)) => members.push(file),
            None => groups.push((&file.source, &file.snapshots, vec![file])),
        }
    }
    let mut left = if output.verbose > 0 { usize::MAX } else { MAX_LISTED };
    let (width, style) = (output.width(), Style { color: output.stdout_color });
    for (source, of, members) in groups {
        let bytes = ByteSize(members.iter().map(|file| file.size).sum());
        let count = counted(members.len() as u64, "file");
        output.line(&format!("\nlost from {}: {count} of `{source}`, {bytes}", named(of)))?;
        let mut table = Table::new([Column::left("").cut(), Column::right(""), Column::left("").wrap()]).indent(2);
        for file in members.iter().take(left) {
            let still = match &file.still_in {
                Some(Still { tier, run, path }) => {
                    let path = if *path == file.path { String::new() } else { format!(" as `{}`", display_path(path)) };
                    Cell::painted(Paint::Good, format!("still in tier `{tier}`, {run}{path}"))
                }
                None => Cell::from(""),
            };
            table.row([display_path(&file.path).into(), ByteSize(file.size).to_string().into(), still]);
        }
        output.text(&table.render(width, style))?;
        if members.len() > left {
            output.line(&format!("  and {} more: `-v` lists all", members.len() - left))?;
        }
        left = left.saturating_sub(members.len());
    }
    Ok(())
}

fn named(runs: &[impl ToString]) -> String {
    match runs {
        [one] => format!("snapshot {}", one.to_string()),
        [first, .., last] if runs.len() > MAX_NAMED => {
            format!("{} snapshots, the first {}, the last {}", runs.len(), first.to_string(), last.to_string())
        }
        few => format!("snapshots {}", few.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// What to know and to do, on standard error.
fn advise(tier: &Tier, repaired: &Repaired, output: &mut Output) {
    let name = &tier.name.value;
    let plan = &repaired.plan;
    if let Some(why) = &repaired.without_key {
        output.warning(&format!("{name}: only checksums were compared, what is inside was not read: {why}"));
    }
    if plan.is_unlisted {
        output.warning(&format!("{name}: without a key nobody can tell which files are lost"));
    }
    if repaired.without_key.is_some() || plan.is_unlisted {
        output.help("`--identity FILE` names an identity");
    }
    if plan.verified.archived > 0 {
        output.note(&format!("{name}: {} in an archive class not read", counted(plan.verified.archived, "object")));
    }
    if let Some(failure) = &repaired.failure {
        let message = format!("tier `{name}` was not repaired to the end: {}", failure.message);
        output.failure(&Failure { message, ..failure.clone() });
    }
}

fn document(found: &Found<'_>) -> Value {
    let tier = &found.tier.name.value;
    let repaired = match &found.result {
        Ok(repaired) => repaired,
        Err(failure) => return json!({ "tier": tier, "good": false, "failure": failure.part() }),
    };
    let plan = &repaired.plan;
    let mended = |mend: &Mend| {
        let outcome = repaired.outcome.as_ref();
        let (from, origin) = match &mend.origin {
            Origin::Tier(tier) => (Some(tier), "tier"),
            Origin::Derived => (None, "derived"),
        };
        json!({
            "object": mend.object, "problem": mend.problem, "snapshots": mend.snapshots, "size": mend.size,
            "origin": origin, "from": from,
            "mended": outcome.is_some_and(|outcome| outcome.mended.contains(&mend.object)),
            "failure": outcome.and_then(|outcome| outcome.failed.get(&mend.object)),
        })
    };
    let snapshot = |state: &SnapshotState| {
        let (word, files, bytes, why) = match &state.standing {
            Standing::Whole => ("whole", Some(0), Some(0), None),
            Standing::Lacking { files, bytes } => ("lacking", Some(*files), Some(*bytes), None),
            Standing::Unreadable(why) => ("unreadable", None, None, Some(why)),
            Standing::Unlisted => ("unknown", None, None, None),
        };
        json!({
            "id": state.run.to_string(), "source": state.source, "state": word, "lost_files": files,
            "lost_bytes": bytes, "problem": why, "instead": state.instead.as_ref().map(ToString::to_string),
        })
    };
    let file = |file: &LostFile| {
        let still = file
            .still_in
            .as_ref()
            .map(|still| path_json::with(json!({ "tier": still.tier, "id": still.run.to_string() }), &still.path));
        let snapshots: Vec<String> = file.snapshots.iter().map(ToString::to_string).collect();
        let object = json!({ "source": file.source, "size": file.size, "snapshots": snapshots, "still_in": still });
        path_json::with(object, &file.path)
    };
    json!({
        "tier": tier, "level": level_name(repaired.level), "without_key": repaired.without_key,
        "good": repaired.failure.is_none() && repaired.is_whole(),
        "objects": plan.verified.objects, "bytes": plan.verified.bytes, "archived": plan.verified.archived,
        "mends": plan.mends.iter().map(mended).collect::<Vec<_>>(),
        "problems": plan.left.iter().map(|problem| json!({
            "object": problem.object, "problem": problem.problem, "snapshots": problem.snapshots,
            "why": plan.refused.get(&problem.object),
        })).collect::<Vec<_>>(),
        "snapshots": plan.snapshots.iter().map(snapshot).collect::<Vec<_>>(),
        "lost": plan.lost.iter().map(file).collect::<Vec<_>>(),
        "is_listed": !plan.is_unlisted,
        "failure": repaired.failure.as_ref().map(Failure::part),
    })
}
