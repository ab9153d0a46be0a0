//! `plan repair`: what is damaged, what of it another tier has, and what is lost.

mod report;

use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::reach;
use super::super::{interrupt, own_state, progress::Ticker};
use super::verify::{Key, Level, emptied, exit};
use crate::archive::Identities;
use crate::base::{ByteSize, Cancellation, Context, Exit, RunId};
use crate::execute::{Site, State, StateFile};
use crate::plan::Tier;
use crate::repository::{
    Catalogue, Donor, Opened, RepairOutcome, RepairPlan, RepairRequest, VerifyLevel, VerifyProgress, execute_repair,
    open_for_repair, plan_repair, remember_repair,
};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Mend damage, or work around it, and list what is lost
///
/// Looks for damage as `verify` does. What another tier of the plan has, byte for byte, is brought
/// back from there; an index, a snapshot or a run record that no tier has is made anew from what
/// else is there, where the key allows that. Nothing that is good is written, and nothing is deleted. Of what can't be
/// mended it lists which files of which snapshots are lost, and where their content still is; the
/// next run stores anew what of it is on disk. Ends with 0 where all is mended, and with 3
/// where something stays lost.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan repair --dry-run                  what can be mended, and which files are lost
  plan repair --tier local
  plan repair --level presence           look only for what is missing: one listing")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// Tell the same, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How closely to look; without it, `contents` where there is a key, else `checksum`.
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Repair only this tier, from all others; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Read with the identity in this file, and not with those of the plan; may be repeated.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

/// A tier of the plan, reached or not.
struct Place<'p> {
    tier: &'p Tier,
    key: Key,
    reached: Result<Vec<Reached<'p>>, Failure>,
}

/// A repository of a tier, or what is left of one.
struct Reached<'p> {
    tier: &'p Tier,
    opened: Opened,
    /// The first source that lies in it.
    source: &'p str,
}

/// The repositories of a tier: one, unless its store's root depends on the source.
fn reach<'p>(site: &Site<'p>, tier: &'p Tier) -> Result<Vec<Reached<'p>>, Failure> {
    let mut places = Vec::new();
    let mut reached = Vec::new();
    for take in &tier.takes {
        let source = &take.source.value;
        let store = site.store(tier, Some(source), site.context.now()).map_err(|error| reach::site_failure(&error))?;
        if places.contains(&store.describe()) {
            continue;
        }
        places.push(store.describe());
        let opened = open_for_repair(&store, &site.tier_state(tier, source), site.context);
        if let Some(opened) = opened.map_err(|error| reach::repository_failure(&error))? {
            reached.push(Reached { tier, opened, source });
        }
    }
    Ok(reached)
}

/// What repairing a repository of a tier came to; an error: it could not be looked at.
struct Found<'p> {
    tier: &'p Tier,
    result: Result<Repaired, Failure>,
}

struct Repaired {
    level: VerifyLevel,
    /// Why only checksums were compared, although the level was left to the program.
    without_key: Option<String>,
    plan: RepairPlan,
    /// `None`: a dry run.
    outcome: Option<RepairOutcome>,
    /// Why it ended before all was done that the plan says.
    failure: Option<Failure>,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = reach::load(arguments.plan.clone(), &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.identity);
    reach::check_sources(&file.plan, &arguments.source)?;
    let chosen = reach::tiers(&file.plan, &arguments.tier)?;
    let cancel = interrupt::cancellation();
    let (state, _) = StateFile::new(site.state_folder()).load().map_err(reach::state_failure)?;
    own_state::check(&site, &file.path, &state, context)?;
    let is_chosen = |tier: &Tier| chosen.iter().any(|one| one.name.value == tier.name.value);
    let places: Vec<Place<'_>> = reach::tiers(&file.plan, &[])?
        .into_iter()
        .map(|tier| Place { tier, key: reach::identities(&site, tier), reached: reach(&site, tier) })
        .collect();
    for Place { tier, key, reached } in &places {
        match (key, reached) {
            // Who names an identity wants it used.
            (Err(failure), _) if !arguments.identity.is_empty() && is_chosen(tier) => return Err(failure.clone()),
            (_, Err(failure)) if !is_chosen(tier) => {
                let name = &tier.name.value;
                output.warning(&format!(
                    "nothing is taken from tier `{name}`, which can't be reached: {}",
                    failure.message
                ));
            }
            _ => {}
        }
    }
    let mut found: Vec<Found<'_>> = Vec::new();
    for Place { tier, key, reached } in places.iter().filter(|place| is_chosen(place.tier)) {
        match reached {
            Err(failure) => found.push(Found { tier, result: Err(failure.clone()) }),
            Ok(reached) => {
                if reached.is_empty()
                    && let Some(failure) = emptied(&site, tier, &state)
                {
                    found.push(Found { tier, result: Err(failure) });
                }
                for reached in reached {
                    let work =
                        Work { site: &site, state: &state, arguments: &arguments, cancel: &cancel, places: &places };
                    let result = work.repair(reached, key, output);
                    if cancel.is_cancelled() && result.is_err() {
                        return result.map(|_| Exit::Cancelled);
                    }
                    found.push(Found { tier, result });
                }
            }
        }
    }
    if found.is_empty() {
        return Err(reach::no_repository(&chosen));
    }
    // Of one tier alone there is nothing to tell but why it failed.
    if let ([_], [Found { result: Err(failure), .. }]) = (&chosen[..], &found[..]) {
        return Err(failure.clone());
    }
    report::print(&found, &arguments, output)?;
    Ok(exit(&found.iter().map(Found::exit).collect::<Vec<_>>()))
}

impl Found<'_> {
    fn exit(&self) -> Result<Exit, Exit> {
        match &self.result {
            Err(failure) => Err(failure.exit),
            Ok(Repaired { failure: Some(failure), .. }) => Err(failure.exit),
            Ok(repaired) if repaired.is_whole() => Ok(Exit::Done),
            Ok(_) => Ok(Exit::Partial),
        }
    }
}

impl Repaired {
    /// Whether nothing is damaged any more, or will be after a repair.
    fn is_whole(&self) -> bool {
        self.plan.left.is_empty() && self.outcome.as_ref().is_none_or(|outcome| outcome.failed.is_empty())
    }
}

/// What repairing one repository takes.
struct Work<'a> {
    site: &'a Site<'a>,
    state: &'a State,
    arguments: &'a Arguments,
    cancel: &'a Cancellation,
    places: &'a [Place<'a>],
}

impl Work<'_> {
    fn repair(&self, reached: &Reached<'_>, key: &Key, output: &mut Output) -> Result<Repaired, Failure> {
        let Reached { tier, opened, source } = reached;
        let Self { site, arguments, .. } = self;
        let (level, without_key) = Level::choose(arguments.level, key)?;
        let identities = key.as_ref().ok().and_then(Option::as_ref);
        let recipients = site.recipients(tier, self.state).ok().flatten();
        let donors = self.donors(tier);
        let mut known = site.known_runs(tier, &opened.repository, source, self.state);
        known.retain(|known| arguments.source.is_empty() || arguments.source.contains(&known.source));
        let progress = VerifyProgress::default();
        let now = site.context.now();
        let lease_marks = site.lease_marks();
        let request = RepairRequest {
            opened,
            identities,
            recipients: recipients.as_ref(),
            donors: &donors,
            plan: &site.plan.name.value,
            tier: &tier.name.value,
            host: &site.context.host,
            lease_marks: &lease_marks,
            sources: &arguments.source,
            known: &known,
            level,
            run: RunId::new(now, site.context.random_u64() as u32),
            now,
            cancel: self.cancel.clone(),
            progress: &progress,
        };
        let tell = || format!("{}  {} read", tier.name.value, ByteSize(progress.bytes.load(Ordering::Relaxed)));
        let plan = Ticker::new(output).during(tell, || plan_repair(&request));
        let plan = plan.map_err(|error| reach::reading_failure(&error, site, tier))?;
        if arguments.dry_run {
            return Ok(Repaired { level, without_key, plan, outcome: None, failure: None });
        }
        let tell = || format!("{}  mending", tier.name.value);
        let mut outcome = RepairOutcome::default();
        let done =
            Ticker::new(output).during(tell, || execute_repair(&request, &plan, &*site.context.clock, &mut outcome));
        let failure = done.err().map(|error| reach::repository_failure(&error));
        let is_whole = level >= VerifyLevel::Checksum && arguments.source.is_empty();
        // A host that may not write the plan's state can still mend.
        let _ = remember_repair(&site.tier_state(tier, source), &plan, &outcome, is_whole);
        Ok(Repaired { level, without_key, plan, outcome: Some(outcome), failure })
    }

    /// All repositories of the other tiers, in the order in which tiers are read from.
    fn donors(&self, tier: &Tier) -> Vec<Donor<'_>> {
        let others = self.places.iter().filter(|place| place.tier.name.value != tier.name.value);
        let reached = others.flat_map(|place| {
            let identities: Option<&Identities> = place.key.as_ref().ok().and_then(Option::as_ref);
            place.reached.iter().flatten().map(move |reached| (reached, identities))
        });
        reached
            .map(|(reached, identities)| Donor {
                tier: &reached.tier.name.value,
                catalogue: Catalogue::new(&reached.opened.repository, identities),
            })
            .collect()
    }
}
