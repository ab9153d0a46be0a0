use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::reach::{self, Reached};
use super::super::{interrupt, own_state, progress::Ticker};
use crate::archive::Identities;
use crate::base::{
    ByteSize, Cancellation, Cell, Column, Context, Exit, Paint, Percent, Style, Table, counted, rfc3339,
};
use crate::compile::JobName;
use crate::execute::{Site, State, StateFile};
use crate::plan::{Take, Tier};
use crate::repository::{
    Catalogue, Leftovers, SNAPSHOTS, VerifyLevel, VerifyOutcome, VerifyProgress, VerifyRequest, remember_damage, verify,
};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Tell whether the backups are good
///
/// `presence` looks whether all objects are there with their sizes; `checksum`
/// reads them and compares their stored bytes with what was written; neither
/// needs a key. `contents` decrypts, decompresses and hashes all that is in
/// them. At every level it tells of snapshots that are gone although no prune took them, by
/// the run records and by what this host remembers to have stored. Ends with 1 where something is damaged, and with 3 where a tier could
/// not be verified and all else is good.
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
    /// Read with the identity in this file, and not with those of the plan; may be repeated.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Level {
    Presence,
    Checksum,
    Contents,
}

impl Level {
    /// The level that is meant, with why it is less than `contents` where it was left to the program.
    ///
    /// # Errors
    /// Where `contents` is asked for and there is no key.
    pub(super) fn choose(asked: Option<Self>, key: &Key) -> Result<(VerifyLevel, Option<String>), Failure> {
        Ok(match (asked, key) {
            (Some(Self::Presence), _) => (VerifyLevel::Presence, None),
            (Some(Self::Checksum), _) => (VerifyLevel::Checksum, None),
            (Some(Self::Contents), Err(failure)) => return Err(failure.clone()),
            (None, Err(failure)) => (VerifyLevel::Checksum, Some(failure.message.clone())),
            (Some(Self::Contents) | None, Ok(_)) => (VerifyLevel::Contents, None),
        })
    }
}

/// What verifying a repository of a tier came to; an error: it could not be looked at.
struct Found<'p> {
    tier: &'p Tier,
    result: Result<Verified, Failure>,
}

struct Verified {
    level: VerifyLevel,
    snapshots: usize,
    outcome: VerifyOutcome,
    /// Why only checksums were compared, although the level was left to the program.
    without_key: Option<String>,
}

/// The identities for a tier (none needed: `None`), or why there are none.
pub(super) type Key = Result<Option<Identities>, Failure>;

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = reach::load(arguments.plan.clone(), &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.identity);
    reach::check_sources(&file.plan, &arguments.source)?;
    let cancel = interrupt::cancellation();
    let tiers = reach::tiers(&file.plan, &arguments.tier)?;
    let keys = keys(&site, &tiers, &arguments)?;
    // What this host remembers only adds to what is told: a state that cannot be read is no reason not to verify.
    let state = StateFile::new(site.state_folder()).load().map(|(state, _)| state).unwrap_or_default();
    let is_own = own_state::check(&site, &file.path, &state, context).is_ok();
    let state = if is_own { state } else { State::default() };
    let mut found: Vec<Found<'_>> = Vec::new();
    for (tier, key) in tiers.iter().copied().zip(&keys) {
        match reach::repositories(&site, tier) {
            Err(failure) => found.push(Found { tier, result: Err(failure) }),
            Ok(reached) => {
                if reached.is_empty()
                    && let Some(failure) = emptied(&site, tier, &state)
                {
                    found.push(Found { tier, result: Err(failure) });
                }
                for reached in reached {
                    let result = verify_one(&site, &reached, (key, &state), &arguments, &cancel, output);
                    if cancel.is_cancelled() {
                        return result.map(|_| Exit::Cancelled);
                    }
                    found.push(Found { tier, result });
                }
            }
        }
    }
    if found.is_empty() {
        return Err(reach::no_repository(&tiers));
    }
    // Of one tier alone there is nothing to tell but why it failed.
    if let ([_], [Found { result: Err(failure), .. }]) = (&tiers[..], &found[..]) {
        return Err(failure.clone());
    }
    print(&found, arguments.sample, output)?;
    if found.iter().any(|found| found.exit() == Ok(Exit::Failed)) {
        output.flush()?;
        output.help("`plan repair --dry-run` tells what can be mended, and which files are lost");
    }
    Ok(exit(&found.iter().map(Found::exit).collect::<Vec<_>>()))
}

/// The keys for the tiers, before any is read. That a file named with
/// `--identity` cannot be used is an error: who names one wants it used.
fn keys(site: &Site<'_>, tiers: &[&Tier], arguments: &Arguments) -> Result<Vec<Key>, Failure> {
    let keys = tiers.iter().map(|tier| match arguments.level {
        Some(Level::Presence | Level::Checksum) => Ok(Ok(None)),
        Some(Level::Contents) | None => match reach::identities(site, tier) {
            Err(failure) if !arguments.identity.is_empty() => Err(failure),
            key => Ok(key),
        },
    });
    keys.collect()
}

/// A tier without a repository that this host has backed up to.
pub(super) fn emptied(site: &Site<'_>, tier: &Tier, state: &State) -> Option<Failure> {
    let of_take = |take: &Take| state.job(&JobName::new(&tier.name.value, &take.source.value)).last_success;
    let last = tier.takes.iter().filter_map(of_take).max()?;
    let take = tier.takes.first()?;
    let store = site.store(tier, Some(&take.source.value), site.context.now()).ok()?;
    let message =
        format!("`{}` holds no repository, and this host made a backup there on {}", store.describe(), rfc3339(last));
    let help = "is the disk mounted, is the bucket the right one? `plan run` says how to start anew";
    Some(Failure::new(Exit::NoRepository, message).help(help))
}

fn verify_one(
    site: &Site<'_>,
    reached: &Reached<'_>,
    (key, state): (&Key, &State),
    arguments: &Arguments,
    cancel: &Cancellation,
    output: &mut Output,
) -> Result<Verified, Failure> {
    let Reached { tier, repository, source } = reached;
    let (level, without_key) = Level::choose(arguments.level, key)?;
    let identities = key.as_ref().ok().and_then(Option::as_ref);
    let catalogue = Catalogue::new(repository, identities);
    let failed = |error| reach::reading_failure(&error, site, tier);
    let mut snapshots = catalogue.snapshots(None).map_err(failed)?;
    snapshots.retain(|info| arguments.source.is_empty() || arguments.source.contains(&info.source));
    let mut known = site.known_runs(tier, repository, source, state);
    known.retain(|known| arguments.source.is_empty() || arguments.source.contains(&known.source));
    let progress = VerifyProgress::default();
    let request = VerifyRequest {
        snapshots: &snapshots,
        only_run: None,
        sources: &arguments.source,
        known: &known,
        now: site.context.now(),
        level,
        sample: arguments.sample.unwrap_or(Percent::ALL),
        seed: site.context.random_u64(),
        threads: 0,
        cancel: cancel.clone(),
        progress: &progress,
    };
    let tell = || format!("{}  {} read", tier.name.value, ByteSize(progress.bytes.load(Ordering::Relaxed)));
    let outcome = Ticker::new(output).during(tell, || verify(&catalogue, &request)).map_err(failed)?;
    let is_whole = level >= VerifyLevel::Checksum && request.sample == Percent::ALL && arguments.source.is_empty();
    // A host that may not write the plan's state can still tell what it found.
    let _ = remember_damage(&site.tier_state(tier, source), &outcome, is_whole);
    Ok(Verified { level, snapshots: snapshots.len(), outcome, without_key })
}

impl Found<'_> {
    fn exit(&self) -> Result<Exit, Exit> {
        match &self.result {
            Ok(verified) if verified.outcome.is_good() => Ok(Exit::Done),
            Ok(_) => Ok(Exit::Failed),
            Err(failure) => Err(failure.exit),
        }
    }
}

/// How the whole ends; of each repository: how its verification ended, or (`Err`) why there was none.
///
/// Damage counts most. Of what could not be looked at nobody knows: if all
/// else is good, the whole is partial.
pub(super) fn exit(each: &[Result<Exit, Exit>]) -> Exit {
    let mut failed = each.iter().filter_map(|one| one.as_ref().err());
    match failed.next() {
        _ if each.contains(&Ok(Exit::Failed)) => Exit::Failed,
        None if each.contains(&Ok(Exit::Partial)) => Exit::Partial,
        None => Exit::Done,
        Some(_) if each.iter().any(Result::is_ok) => Exit::Partial,
        Some(first) if failed.all(|other| other == first) => *first,
        Some(_) => Exit::Failed,
    }
}

pub(super) fn level_name(level: VerifyLevel) -> &'static str {
    match level {
        VerifyLevel::Presence => "presence",
        VerifyLevel::Checksum => "checksum",
        VerifyLevel::Contents => "contents",
    }
}

fn document(found: &Found<'_>, sample: Option<Percent>) -> serde_json::Value {
    let tier = &found.tier.name.value;
    match &found.result {
        Ok(Verified { level, snapshots, outcome, without_key }) => json!({
            "tier": tier, "level": level_name(*level), "sample": sample.map(|sample| sample.to_string()),
            "without_key": without_key,
            "snapshots": snapshots, "objects": outcome.objects, "objects_read": outcome.objects_read,
            "bytes": outcome.bytes, "chunks": outcome.chunks, "archived": outcome.archived,
            "good": outcome.is_good(), "unrecorded": outcome.unrecorded, "uncommitted": outcome.uncommitted,
            "leftovers": { "objects": outcome.leftovers.objects, "bytes": outcome.leftovers.bytes },
            "problems": outcome.problems.iter().map(|problem| json!({
                "object": problem.object, "problem": problem.problem, "snapshots": problem.snapshots,
            })).collect::<Vec<_>>(),
        }),
        Err(failure) => json!({ "tier": tier, "good": false, "failure": failure.part() }),
    }
}

fn print(found: &[Found<'_>], sample: Option<Percent>, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        let tiers: Vec<_> = found.iter().map(|found| document(found, sample)).collect();
        output.document(&json!({ "format_version": 1, "tiers": tiers }))?;
    } else {
        let (width, style) = (output.width(), Style { color: output.stdout_color });
        output.text(&table(found, sample).render(width, style))?;
    }
    for Found { tier, result } in found {
        let name = &tier.name.value;
        match result {
            Ok(verified) => tell(tier, verified, output)?,
            Err(failure) => {
                let message = format!("tier `{name}` could not be verified: {}", failure.message);
                output.failure(&Failure { message, ..failure.clone() });
            }
        }
    }
    Ok(())
}

fn table(found: &[Found<'_>], sample: Option<Percent>) -> Table {
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("level"),
        Column::right("snapshots"),
        Column::right("objects"),
        Column::right("read"),
        Column::left("result"),
    ]);
    for Found { tier, result } in found {
        let name = &tier.name.value;
        let Ok(Verified { level, snapshots, outcome, .. }) = result else {
            let nothing = || Cell::from("");
            let result = Cell::painted(Paint::Bad, "failed");
            table.row([name.into(), nothing(), nothing(), nothing(), nothing(), result]);
            continue;
        };
        let result = match outcome.problems.len() {
            0 => Cell::painted(Paint::Good, "good"),
            count => Cell::painted(Paint::Bad, counted(count as u64, "problem")),
        };
        let level = match sample {
            Some(sample) => format!("{} {sample}", level_name(*level)),
            None => level_name(*level).to_owned(),
        };
        table.row([
            name.into(),
            level.into(),
            snapshots.to_string().into(),
            outcome.objects.to_string().into(),
            ByteSize(outcome.bytes).to_string().into(),
            result,
        ]);
    }
    table
}

/// What a row of the table has no room for.
fn tell(tier: &Tier, verified: &Verified, output: &mut Output) -> Result<(), Failure> {
    let Verified { outcome, without_key, .. } = verified;
    let tier = &tier.name.value;
    // The document has them.
    let problems = if output.json { &[] } else { &outcome.problems[..] };
    for problem in problems {
        output.line(&format!("{tier}: `{}`: {}", problem.object, problem.problem))?;
        // What is said of a snapshot itself names it.
        if !problem.snapshots.is_empty() && !problem.object.starts_with(SNAPSHOTS) {
            output.line(&format!("  needed by {}", problem.snapshots.join(", ")))?;
        }
    }
    if let Some(why) = without_key {
        output.warning(&format!("{tier}: only checksums were compared, what is inside was not read: {why}"));
        output.help("`--identity FILE` names an identity; `--level checksum` asks for just this");
    }
    if outcome.archived > 0 {
        output.note(&match outcome.archived {
            1 => format!("{tier}: 1 object lies in an archive class and was not read"),
            count => format!("{tier}: {} lie in an archive class and were not read", counted(count, "object")),
        });
    }
    for run in &outcome.uncommitted {
        output.warning(&format!(
            "{tier}: the record of run {run} tells of a success, and there is no snapshot: either the run was cut off \
             at its very last step, or somebody deleted it"
        ));
    }
    let Leftovers { objects, bytes } = outcome.leftovers;
    if objects > 0 {
        output.note(&format!(
            "{tier}: {} ({}) of runs that were cut off {} to no snapshot: `plan prune` deletes what is not taken over",
            counted(objects, "object"),
            ByteSize(bytes),
            if objects == 1 { "belongs" } else { "belong" },
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_counts_more_than_what_could_not_be_looked_at() {
        let (good, bad, away, no_key) = (Ok(Exit::Done), Ok(Exit::Failed), Err(Exit::Failed), Err(Exit::WrongKey));
        for (each, whole) in [
            (vec![good, good], Exit::Done),
            (vec![good, bad], Exit::Failed),
            (vec![away, good], Exit::Partial),
            (vec![good, no_key], Exit::Partial),
            (vec![away, bad, good], Exit::Failed),
            (vec![good, Ok(Exit::Partial)], Exit::Partial),
            (vec![away, Ok(Exit::Partial)], Exit::Partial),
            (vec![no_key, no_key], Exit::WrongKey),
            (vec![no_key, away], Exit::Failed),
        ] {
            assert_eq!(exit(&each), whole, "{each:?}");
        }
    }
}
