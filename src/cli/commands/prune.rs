use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::reach::{self, Reached};
use super::super::{interrupt, own_state};
use crate::base::{
    ByteSize, Cancellation, Cell, Column, Context, Exit, Paint, RunId, Style, Table, counted, parse_duration, rfc3339,
};
use crate::compile::JobName;
use crate::execute::{PlanLock, Site, State, StateFile, decide};
use crate::plan::Tier;
use crate::report::Moments;
use crate::repository::{
    Catalogue, DEFAULT_GRACE, LeaseHolder, PrunePlan, RepositoryError, SnapshotInfo, execute_prune, plan_prune,
};
use crate::retention::{Decision, Rules};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Delete what the plan's `keep` rules let go, and say why the rest stays
///
/// The newest complete snapshot of a source is never deleted. Objects that no
/// snapshot needs any more are deleted by a later prune, after a grace period,
/// so that a backup that is running elsewhere loses nothing.
///
/// One process at a time deletes or repairs in a store, and another one ends with
/// 75. Where it was killed, the next one on the same machine takes over at once;
/// other machines, and this one after a restart, wait up to 30 minutes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan prune --dry-run                   what would go, what stays, and why
  plan prune --tier local
  plan prune --grace 0s                  free the space at once: only if no backup runs anywhere")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// Print what would go, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// How long an object must have been unneeded before it is deleted.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// Wait this long for another run of the plan to end, such as `5m`.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_wait: Option<Duration>,
}

/// What is decided about the snapshots of one tier.
struct OfTier<'p> {
    tier: &'p Tier,
    decisions: Vec<(SnapshotInfo, Decision)>,
    plan: PrunePlan,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = reach::load(arguments.plan.clone(), &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context);
    reach::check_sources(&file.plan, &arguments.source)?;
    let tiers = reach::tiers(&file.plan, &arguments.tier)?;
    let cancel = interrupt::cancellation();
    let wait = arguments.lock_wait.unwrap_or_default();
    let _lock = match arguments.dry_run {
        true => None,
        false => {
            Some(PlanLock::take(&site.state_folder(), "prune", wait, context, &cancel).map_err(reach::lock_failure)?)
        }
    };
    let (state, _) = StateFile::new(site.state_folder()).load().map_err(reach::state_failure)?;
    own_state::check(&site, &file.path, &state, context)?;
    let mut results = Vec::new();
    let mut first_failure = None;
    for tier in tiers.iter().copied() {
        if cancel.is_cancelled() {
            first_failure.get_or_insert_with(|| reach::repository_failure(&RepositoryError::Cancelled));
            break;
        }
        // One tier that fails keeps nobody from learning what was deleted in the others.
        if let Err(failure) = prune_tier(&site, tier, &state, &arguments, &cancel, output, &mut results) {
            output.warning(&format!("tier `{}` was not pruned: {}", tier.name.value, failure.message));
            first_failure.get_or_insert(failure);
        }
    }
    if let Some(failure) = first_failure {
        if !results.is_empty() {
            print(&results, &arguments, &site, output)?;
        }
        return Err(failure);
    }
    if results.is_empty() {
        return Err(reach::no_repository(&tiers));
    }
    print(&results, &arguments, &site, output)?;
    Ok(Exit::Done)
}

/// Decides about one tier and, unless it is a dry run, carries it out.
fn prune_tier<'p>(
    site: &Site<'p>,
    tier: &'p Tier,
    state: &State,
    arguments: &Arguments,
    cancel: &Cancellation,
    output: &mut Output,
    results: &mut Vec<OfTier<'p>>,
) -> Result<(), Failure> {
    for Reached { repository, .. } in reach::repositories(site, tier)? {
        let catalogue = Catalogue::new(&repository, None);
        let failed = |error| reach::repository_failure(&error);
        let (decisions, left_alone) = decide_all(site, tier, &catalogue, state, &arguments.source)?;
        if left_alone > 0 {
            output.note(&format!(
                "{}: {} of other plans or sources in this store left alone",
                tier.name.value,
                counted(left_alone, "snapshot")
            ));
        }
        let forget: Vec<SnapshotInfo> =
            decisions.iter().filter(|(_, decision)| !decision.is_keep()).map(|(info, _)| info.clone()).collect();
        let now = site.context.now();
        let grace = arguments.grace.unwrap_or(DEFAULT_GRACE);
        let plan = plan_prune(&catalogue, &forget, now, grace).map_err(failed)?;
        if !arguments.dry_run {
            let run = RunId::new(now, site.context.random_u64() as u32);
            let marks = site.lease_marks();
            let holder = LeaseHolder { host: &site.context.host, run: &run, marks: &marks };
            execute_prune(&catalogue, &plan, holder, &*site.context.clock, cancel).map_err(failed)?;
        }
        results.push(OfTier { tier, decisions, plan });
    }
    Ok(())
}

/// Applies the tier's rules to each source that it takes. A store may hold
/// other plans' snapshots, which other rules keep: how many were left alone.
fn decide_all(
    site: &Site<'_>,
    tier: &Tier,
    catalogue: &Catalogue<'_>,
    state: &State,
    sources: &[String],
) -> Result<(Vec<(SnapshotInfo, Decision)>, u64), Failure> {
    let mut snapshots = catalogue.snapshots(None).map_err(|error| reach::repository_failure(&error))?;
    let all = snapshots.len();
    let plan = &site.plan.name.value;
    snapshots.retain(|info| tier.takes.iter().any(|take| take.source.value == info.source) && info.is_of_plan(plan));
    let left_alone = (all - snapshots.len()) as u64;
    snapshots.retain(|info| sources.is_empty() || sources.contains(&info.source));
    snapshots.sort_by(|a, b| (&a.source, &a.run).cmp(&(&b.source, &b.run)));
    let rules = Rules::of(tier.keep.as_ref());
    let mut decisions = Vec::new();
    for of_source in snapshots.chunk_by(|a, b| a.source == b.source) {
        let verified = state.job(&JobName::new(&tier.name.value, &of_source[0].source)).last_verify;
        let zone = site.plan.timezone.value;
        decisions.extend(decide(of_source.to_vec(), &rules, zone, site.context.now(), verified));
    }
    Ok((decisions, left_alone))
}

fn print(results: &[OfTier<'_>], arguments: &Arguments, site: &Site<'_>, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        let tiers: Vec<_> = results
            .iter()
            .map(|of| {
                json!({
                    "tier": of.tier.name.value,
                    "snapshots": of.decisions.iter().map(|(info, decision)| json!({
                        "id": info.run.to_string(), "source": info.source, "time": rfc3339(info.run.started),
                        "keep": decision.is_keep(), "reason": decision.to_string(),
                    })).collect::<Vec<_>>(),
                    "bytes_freed": of.plan.freed_bytes(), "bytes_freed_later": of.plan.doomed_bytes(),
                    "objects_deleted": of.plan.delete.len(), "blocked_by": of.plan.blocked_by,
                })
            })
            .collect();
        return output.document(&json!({ "format_version": 1, "dry_run": arguments.dry_run, "tiers": tiers }));
    }
    let moments = Moments { now: site.context.now(), zone: site.plan.timezone.value };
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("source"),
        Column::left("time"),
        Column::left("id").cut().optional(1),
        Column::left(""),
        Column::left("why").wrap(),
    ]);
    for of in results {
        for (info, decision) in &of.decisions {
            let word = match decision.is_keep() {
                true => Cell::painted(Paint::Good, "stays"),
                false => Cell::painted(Paint::Warn, "goes"),
            };
            table.row([
                (&of.tier.name.value).into(),
                (&info.source).into(),
                moments.date(info.run.started).into(),
                info.run.to_string().into(),
                word,
                decision.to_string().into(),
            ]);
        }
    }
    let (width, style) = (output.width(), Style { color: output.stdout_color });
    output.text(&table.render(width, style))?;
    for of in results {
        let gone = of.decisions.iter().filter(|(_, decision)| !decision.is_keep()).count();
        let (verb, later) =
            if arguments.dry_run { ("would delete", "would be free") } else { ("deleted", "will be free") };
        let mut line = format!(
            "{}: {verb} {gone} of {}, {}",
            of.tier.name.value,
            counted(of.decisions.len() as u64, "snapshot"),
            ByteSize(of.plan.freed_bytes())
        );
        if of.plan.doomed_bytes() > 0 {
            line.push_str(&format!("; {} more {later} after the grace period", ByteSize(of.plan.doomed_bytes())));
        }
        output.line(&line)?;
        if !of.plan.blocked_by.is_empty() {
            output.warning(&format!(
                "{}: no objects were deleted, because it is not known what snapshot {} needs: its run record is missing",
                of.tier.name.value,
                of.plan.blocked_by.join(", ")
            ));
        }
    }
    Ok(())
}
