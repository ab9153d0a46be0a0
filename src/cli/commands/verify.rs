use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::reach::{self, Reached};
use super::super::{interrupt, progress::Ticker};
use crate::base::{ByteSize, Cell, Column, Context, Exit, Paint, Percent, Style, Table};
use crate::execute::Site;
use crate::report::counted;
use crate::repository::{Catalogue, VerifyLevel, VerifyOutcome, VerifyProgress, VerifyRequest, verify};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Tell whether the backups are good
///
/// `presence` looks whether all objects are there with their sizes; `checksum`
/// reads them and compares their stored bytes with what was written; neither
/// needs a key. `contents` decrypts, decompresses and hashes all that is in
/// them. Ends with 1 where something is damaged.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan verify                            as closely as the keys here allow
  plan verify --level presence --tier archive
  plan verify --level contents --sample 5%")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// How closely to look; without it, `contents` where there is a key, else `checksum`.
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Read only this share, such as `5%`, chosen anew each time.
    #[arg(long, value_name = "SHARE")]
    sample: Option<Percent>,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// A file with the identity to read with; may be repeated.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Presence,
    Checksum,
    Contents,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = reach::load(arguments.plan.clone(), &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context);
    reach::check_sources(&file.plan, &arguments.source)?;
    let cancel = interrupt::cancellation();
    let mut results: Vec<(String, VerifyLevel, usize, VerifyOutcome)> = Vec::new();
    let tiers = reach::tiers(&file.plan, &arguments.tier)?;
    let mut any = false;
    for tier in &tiers {
        for Reached { repository, .. } in reach::repositories(&site, tier)? {
            any = true;
            let identities = match arguments.level {
                Some(Level::Presence | Level::Checksum) => None,
                Some(Level::Contents) => reach::identities(&site, tier, &arguments.identity)?,
                None => reach::identities(&site, tier, &arguments.identity).ok().flatten(),
            };
            let is_plain = site.key(tier).is_ok_and(|key| key.is_none());
            let level = match arguments.level {
                Some(Level::Presence) => VerifyLevel::Presence,
                Some(Level::Checksum) => VerifyLevel::Checksum,
                Some(Level::Contents) => VerifyLevel::Contents,
                None if identities.is_some() || is_plain => VerifyLevel::Contents,
                None => VerifyLevel::Checksum,
            };
            let catalogue = Catalogue::new(&repository, identities.as_ref());
            let failed = |error| reach::reading_failure(&error, &site, tier);
            let mut snapshots = catalogue.snapshots(None).map_err(failed)?;
            snapshots.retain(|info| arguments.source.is_empty() || arguments.source.contains(&info.source));
            let progress = VerifyProgress::default();
            let request = VerifyRequest {
                snapshots: &snapshots,
                only_run: None,
                level,
                sample: arguments.sample.unwrap_or(Percent::ALL),
                seed: context.random_u64(),
                threads: 0,
                cancel: cancel.clone(),
                progress: &progress,
            };
            let tell = || format!("{}  {} read", tier.name.value, ByteSize(progress.bytes.load(Ordering::Relaxed)));
            let outcome = Ticker::new(output).during(tell, || verify(&catalogue, &request)).map_err(failed)?;
            results.push((tier.name.value.clone(), level, snapshots.len(), outcome));
        }
    }
    if !any {
        return Err(Failure::new(Exit::NoRepository, "there is no repository in any of these tiers")
            .help("nothing was backed up yet: `plan run` makes it"));
    }
    print(&results, arguments.sample, output)?;
    let good = results.iter().all(|(_, _, _, outcome)| outcome.is_good());
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn level_name(level: VerifyLevel) -> &'static str {
    match level {
        VerifyLevel::Presence => "presence",
        VerifyLevel::Checksum => "checksum",
        VerifyLevel::Contents => "contents",
    }
}

fn print(
    results: &[(String, VerifyLevel, usize, VerifyOutcome)],
    sample: Option<Percent>,
    output: &mut Output,
) -> Result<(), Failure> {
    if output.json {
        let tiers: Vec<_> = results
            .iter()
            .map(|(tier, level, snapshots, outcome)| {
                json!({
                    "tier": tier, "level": level_name(*level), "sample": sample.map(|sample| sample.to_string()),
                    "snapshots": snapshots, "objects": outcome.objects, "objects_read": outcome.objects_read,
                    "bytes": outcome.bytes, "chunks": outcome.chunks, "archived": outcome.archived,
                    "good": outcome.is_good(), "unrecorded": outcome.unrecorded,
                    "problems": outcome.problems.iter().map(|problem| json!({
                        "object": problem.object, "problem": problem.problem, "snapshots": problem.snapshots,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        return output.document(&json!({ "format_version": 1, "tiers": tiers }));
    }
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("level"),
        Column::right("snapshots"),
        Column::right("objects"),
        Column::right("read"),
        Column::left("result"),
    ]);
    for (tier, level, snapshots, outcome) in results {
        let result = match outcome.problems.len() {
            0 => Cell::painted(Paint::Good, "good"),
            count => Cell::painted(Paint::Bad, counted(count as u64, "problem")),
        };
        let level = match sample {
            Some(sample) => format!("{} {sample}", level_name(*level)),
            None => level_name(*level).to_owned(),
        };
        let bytes = ByteSize(outcome.bytes).to_string();
        table.row([
            tier.into(),
            level.into(),
            snapshots.to_string().into(),
            outcome.objects.to_string().into(),
            bytes.into(),
            result,
        ]);
    }
    let (width, style) = (output.width(), Style { color: output.stdout_color });
    output.text(&table.render(width, style))?;
    for (tier, _, _, outcome) in results {
        for problem in &outcome.problems {
            output.line(&format!("{tier}: `{}`: {}", problem.object, problem.problem))?;
            output.line(&format!("  needed by {}", problem.snapshots.join(", ")))?;
        }
        if outcome.archived > 0 {
            output.note(&format!("{tier}: {} objects lie in an archive class and were not read", outcome.archived));
        }
        for run in &outcome.unrecorded {
            output.warning(&format!(
                "{tier}: the run record of snapshot {run} is missing, so what it needs was not looked at"
            ));
        }
    }
    Ok(())
}
