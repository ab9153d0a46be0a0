use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::path_json;
use super::super::{interrupt, lock_file::LockFile, own_state, plan_file, progress::Ticker, reach};
use crate::archive::{ArchiveTable, MergedRows};
use crate::base::{ByteSize, Cell, Column, Context, Exit, Paint, RunId, Style, Table, counted, rfc3339};
use crate::compile::{Job, JobName, UnknownName, jobs};
use crate::execute::{Site, State, StateFile, candidate};
use crate::files::{FileKind, Walk, WalkOptions, display_path};
use crate::plan::{Origin, Tier};
use crate::report::Moments;
use crate::repository::{self, Catalogue, Change, Repository, SnapshotInfo, What};
use crate::retention::{Candidate, Decision, Rules, select};
use serde_json::json;
use std::path::PathBuf;

/// Show what a run would upload, and which snapshots would expire
///
/// Each source is compared with the snapshot that the next run builds on, as
/// local state remembers it, else as the store has it. Nothing is written.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan diff
  plan diff --tier cloud --source data
  plan diff --lock                       changes of the plan, not of the data
  plan diff --detailed-exitcode --quiet && echo nothing has changed")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Read with the identity in this file, and not with those of the plan; may be repeated.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Compare the plan with its lock instead: what has changed in it since `plan lock`.
    #[arg(long, conflicts_with_all = ["tier", "source", "identity"])]
    lock: bool,
    /// End with 2 if anything would be uploaded or would expire, or if the plan has changed.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What the next run of one job would do.
struct JobDiff {
    job: JobName,
    against: Against,
    changes: Vec<Change>,
    /// Each with what is wrong there.
    unreadable: Vec<(Vec<u8>, String)>,
    expires: Vec<(RunId, Decision)>,
}

enum Against {
    Snapshot(RunId),
    /// All of the source is new.
    Nothing,
    /// What a command prints is known when it has run.
    Command(String),
    /// The source is not read.
    Copy(String),
}

impl JobDiff {
    fn is_change(&self) -> bool {
        let unknown = matches!(self.against, Against::Command(_));
        unknown || !self.changes.is_empty() || !self.expires.is_empty()
    }
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    if arguments.lock {
        return plan_changes(&arguments, context, output);
    }
    let file = reach::load(arguments.plan.clone(), &mut Vec::new(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.identity);
    reach::check_sources(&file.plan, &arguments.source)?;
    let tiers = reach::tiers(&file.plan, &arguments.tier)?;
    let (state, _) = StateFile::new(site.state_folder()).load().map_err(reach::state_failure)?;
    own_state::check(&site, &file.path, &state, context)?;
    let mut diffs = Vec::new();
    for job in jobs(&file.plan) {
        let wanted = arguments.source.is_empty() || arguments.source.contains(&job.name.source);
        let Some(tier) = tiers.iter().find(|tier| wanted && tier.name.value == job.name.tier) else { continue };
        diffs.push(diff(&job, tier, &site, &state, output)?);
    }
    print(&diffs, &site, output)?;
    let changed = diffs.iter().any(JobDiff::is_change);
    Ok(if changed && arguments.detailed_exitcode { Exit::Changes } else { Exit::Done })
}

/// What the plan compiles to, compared with its lock.
fn plan_changes(arguments: &Arguments, context: &Context, output: &mut Output) -> Outcome {
    let path = plan_file::find(arguments.plan.as_deref(), context)?;
    let checked = plan_file::sound(&path, context, output)?;
    let plan = checked.plan().expect("a sound plan is one");
    let lock = LockFile::of(&path, plan, &checked.diagnostics, context)?;
    if lock.committed.is_none() {
        return Err(Failure::failed(format!("there is no lock `{}`", lock.path.display()))
            .help(format!("write it with `plan lock {}`", path.display())));
    }
    let changes = lock.changes();
    if output.json {
        output.document(&json!({ "format_version": 1, "plan": plan.name.value, "changes": changes }))?;
    } else if changes.is_empty() {
        output.note(&format!("nothing has changed since `{}` was written", lock.path.display()));
    }
    let is_told = !output.json && !output.quiet;
    for change in changes.iter().filter(|_| is_told) {
        output.line(change)?;
    }
    Ok(if !changes.is_empty() && arguments.detailed_exitcode { Exit::Changes } else { Exit::Done })
}

fn diff(job: &Job, tier: &Tier, site: &Site<'_>, state: &State, output: &Output) -> Result<JobDiff, Failure> {
    let name = &job.name;
    let store = site.store(tier, Some(&name.source), site.context.now()).map_err(|e| reach::site_failure(&e))?;
    let repository = Repository::find(&store).map_err(|error| reach::repository_failure(&error))?;
    let snapshots = match &repository {
        Some(repository) => Catalogue::new(repository, None)
            .snapshots(Some(&name.source))
            .map_err(|error| reach::repository_failure(&error))?,
        None => Vec::new(),
    };
    let mut found = JobDiff {
        job: name.clone(),
        against: Against::Nothing,
        changes: Vec::new(),
        unreadable: Vec::new(),
        expires: expiring(&snapshots, tier, name, site, state),
    };
    if let Some(from) = &job.from {
        found.against = Against::Copy(from.clone());
        return Ok(found);
    }
    let source = site.plan.source(&name.source).ok_or_else(|| {
        let known = site.plan.sources.iter().map(|source| source.name.value.clone()).collect();
        Failure::usage(UnknownName { noun: "source", name: name.source.clone(), known }.to_string())
    })?;
    let paths = match &source.origin {
        Origin::Paths(paths) => paths,
        Origin::Command { command, .. } => {
            found.against = Against::Command(command.program.value.clone());
            return Ok(found);
        }
    };
    let before = match &repository {
        Some(repository) => manifest(repository, &snapshots, tier, name, site)?,
        None => None,
    };
    let rows = match before {
        Some((run, rows)) => {
            found.against = Against::Snapshot(run);
            rows
        }
        None => MergedRows::new(Vec::new()),
    };
    let cancel = interrupt::cancellation();
    let options = WalkOptions { cancel: cancel.clone(), ..site.walk(paths) };
    let walk = Walk::new(&options).map_err(|error| Failure::failed(format!("source `{}`: {error}", name.source)))?;
    let (changes, unreadable) = (&mut found.changes, &mut found.unreadable);
    Ticker::new(output)
        .during(
            || format!("{name}  comparing"),
            || {
                let act = |change| changes.push(change);
                repository::changes(rows, walk, &cancel, act, |problem| {
                    unreadable.push((problem.path.clone(), problem.to_string()))
                })
            },
        )
        .map_err(|error| reach::reading_failure(&error, site, tier))?;
    Ok(found)
}

/// What the next backup builds on: from local state, else from the store.
fn manifest(
    repository: &Repository,
    snapshots: &[SnapshotInfo],
    tier: &Tier,
    job: &JobName,
    site: &Site<'_>,
) -> Result<Option<(RunId, MergedRows)>, Failure> {
    let Some(newest) = snapshots.last() else { return Ok(None) };
    if let Some((run, rows)) = repository::local_manifest(&site.tier_state(tier, &job.source), &job.source, repository)
        && snapshots.iter().any(|info| info.run == run)
    {
        return Ok(Some((run, rows)));
    }
    let identities = reach::identities(site, tier)?;
    let catalogue = Catalogue::new(repository, identities.as_ref());
    let failed = |error| reach::reading_failure(&error, site, tier);
    let snapshot = catalogue.load(newest).map_err(failed)?;
    let rows = catalogue.entries(&snapshot, &mut ArchiveTable::default()).map_err(failed)?;
    Ok(Some((newest.run.clone(), rows)))
}

/// What the rules would let go if a complete snapshot were made now.
fn expiring(
    snapshots: &[SnapshotInfo],
    tier: &Tier,
    job: &JobName,
    site: &Site<'_>,
    state: &State,
) -> Vec<(RunId, Decision)> {
    let now = site.context.now();
    let verified = state.job(job).last_verify;
    // As in a prune, another plan's snapshots are not for this plan's rules.
    let own: Vec<&SnapshotInfo> = snapshots.iter().filter(|info| info.is_of_plan(&site.plan.name.value)).collect();
    let mut candidates: Vec<Candidate> = own.iter().map(|info| candidate(info, verified)).collect();
    let id = RunId { started: now, random: u32::MAX };
    candidates.push(Candidate { id, time: now, is_complete: true, is_verified: !tier.verify.is_empty() });
    let decisions = select(&candidates, &Rules::of(tier.keep.as_ref()), site.plan.timezone.value, now);
    let going = own.iter().zip(decisions).filter(|(_, decision)| !decision.is_keep());
    going.map(|(info, decision)| (info.run.clone(), decision)).collect()
}

fn print(diffs: &[JobDiff], site: &Site<'_>, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        let jobs: Vec<_> = diffs.iter().map(document).collect();
        return output.document(&json!({ "format_version": 1, "plan": site.plan.name.value, "jobs": jobs }));
    }
    let moments = Moments { now: site.context.now(), zone: site.plan.timezone.value };
    for (number, diff) in diffs.iter().enumerate() {
        if number > 0 && !output.quiet {
            output.line("")?;
        }
        if !output.quiet {
            print_job(diff, &moments, output)?;
        }
    }
    Ok(())
}

fn print_job(diff: &JobDiff, moments: &Moments, output: &mut Output) -> Result<(), Failure> {
    let style = Style { color: output.stdout_color };
    let against = match &diff.against {
        Against::Snapshot(run) => format!("against the snapshot of {}", moments.absolute(run.started)),
        Against::Nothing => "there is no snapshot yet: everything is new".to_owned(),
        Against::Command(program) => format!("what `{program}` prints is known when it has run"),
        Against::Copy(from) => format!("a copy of tier `{from}`, which is compared by itself"),
    };
    output.line(&format!("{}  {against}", style.paint(Paint::Bold, &diff.job.to_string())))?;
    let mut table = Table::new([Column::left(""), Column::right(""), Column::left("")]).indent(2);
    // Of a source that was never saved the list would be all of it.
    let is_listed = output.verbose > 0 || !matches!(diff.against, Against::Nothing);
    for change in diff.changes.iter().filter(|_| is_listed) {
        let (sign, paint) = match change.what {
            What::New => ("+", Paint::Good),
            What::Changed => ("~", Paint::Warn),
            What::Attributes => ("m", Paint::Warn),
            What::Deleted => ("-", Paint::Bad),
        };
        let size = match change.kind {
            FileKind::File => ByteSize(change.size).to_string(),
            _ => String::new(),
        };
        table.row([Cell::painted(paint, sign), size.into(), shown(change).into()]);
    }
    let width = output.width();
    output.text(&table.render(width, style))?;
    for (_, problem) in &diff.unreadable {
        output.warning(&format!("{}: {problem}", diff.job));
    }
    for (run, decision) in &diff.expires {
        let word = style.paint(Paint::Bad, "expires");
        output.line(&format!("  {word} snapshot of {}: {decision}", moments.absolute(run.started)))?;
    }
    if !matches!(diff.against, Against::Command(_) | Against::Copy(_)) {
        output.line(&format!("  {}", totals(diff)))?;
    }
    Ok(())
}

fn shown(change: &Change) -> String {
    let path = if change.path.is_empty() { ".".to_owned() } else { display_path(&change.path) };
    if change.kind == FileKind::Directory { format!("{path}/") } else { path }
}

/// `12 new, 3 changed, 1 deleted; 4.0 MiB to read`
fn totals(diff: &JobDiff) -> String {
    let count = |what| diff.changes.iter().filter(|change| change.what == what).count();
    let words = [
        (What::New, "new"),
        (What::Changed, "changed"),
        (What::Attributes, "with other attributes"),
        (What::Deleted, "deleted"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter(|(what, _)| count(*what) > 0)
        .map(|(what, word)| format!("{} {word}", count(*what)))
        .collect();
    if parts.is_empty() {
        return "nothing has changed".to_owned();
    }
    let read = |change: &&Change| matches!(change.what, What::New | What::Changed);
    let bytes: u64 = diff.changes.iter().filter(read).map(|change| change.size).sum();
    let expires = match diff.expires.len() as u64 {
        0 => String::new(),
        count => format!("; {} would expire", counted(count, "snapshot")),
    };
    format!("{}; {} to read{expires}", parts.join(", "), ByteSize(bytes))
}

fn document(diff: &JobDiff) -> serde_json::Value {
    let (against, snapshot) = match &diff.against {
        Against::Snapshot(run) => ("snapshot", Some(run.to_string())),
        Against::Nothing => ("nothing", None),
        Against::Command(_) => ("command", None),
        Against::Copy(_) => ("copy", None),
    };
    json!({
        "tier": diff.job.tier,
        "source": diff.job.source,
        "against": against,
        "snapshot": snapshot,
        "changes": diff.changes.iter().map(|change| path_json::with(json!({
            "kind": change.kind.noun(),
            "change": match change.what {
                What::New => "new",
                What::Changed => "changed",
                What::Attributes => "attributes",
                What::Deleted => "deleted",
            },
            "size": change.size,
        }), &change.path)).collect::<Vec<_>>(),
        "unreadable": diff.unreadable.iter().map(|(path, problem)| {
            path_json::with(json!({ "problem": problem }), path)
        }).collect::<Vec<_>>(),
        "expires": diff.expires.iter().map(|(run, decision)| json!({
            "id": run.to_string(), "time": rfc3339(run.started), "reason": decision.to_string(),
        })).collect::<Vec<_>>(),
    })
}
