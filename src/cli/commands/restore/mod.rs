//! `plan restore`: which snapshots, from where, to where; what it did.

mod preview;

use super::super::failure::{Failure, Outcome};
use super::super::near;
use super::super::opened::Opened;
use super::super::output::Output;
use super::super::path_json;
use super::super::reach::{self, Found, Wanted};
use super::super::{interrupt, progress::Ticker};
use crate::archive::ArchiveTable;
use crate::base::{ByteSize, Context, Exit, counted, format_duration, grouped, rfc3339};
use crate::execute::Site;
use crate::files::display_path;
use crate::files::restore::{Overwrite, RestoreReport};
use crate::repository::{RepositoryError, RestoreProgress, RestoreRequest, Selection, for_each_entry, restore};
use clap::ValueEnum;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Bring back files
///
/// PATHs are relative to the source, or as they were on the host; they may be
/// patterns; none means everything. Of several tiers the one with the newest
/// snapshot is read; of those that one run backed up to, the nearest. Nothing
/// outside the target is ever written, and no file has its real name before it is
/// whole.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("target").args(["to", "in_place"]).required(true))]
#[command(after_help = "\
Examples:
  plan restore --to /tmp/back                     the newest of every source
  plan restore etc/nginx --to /tmp/back
  plan restore '*.json' --source data --at '2026-11-23 18:00' --to /tmp/back
  plan restore logs --in-place --overwrite changed
  plan restore --dry-run --to /tmp/back")]
pub(in crate::cli) struct Arguments {
    /// What to bring back. A first word that is a `.kdl` file is the plan.
    #[arg(value_name = "PATH")]
    words: Vec<OsString>,
    /// The folder to restore into; made if it is missing. With several sources each gets a folder of its name.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Restore to where the files were.
    #[arg(long)]
    in_place: bool,
    /// The snapshot: the start of an id, `latest`, or a time.
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "at")]
    snapshot: Option<String>,
    /// The newest snapshot at or before this time.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// What to do where a file is already: leave it, replace it if it differs in size or time, or always replace it.
    #[arg(long, value_enum, default_value_t = OverwriteChoice::Never, value_name = "WHEN")]
    overwrite: OverwriteChoice,
    /// List what would be restored, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: super::Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OverwriteChoice {
    Never,
    Changed,
    Always,
}

/// A snapshot to restore from, opened.
struct Job<'p> {
    opened: Opened<'p>,
    selection: Selection,
    target: PathBuf,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words.clone();
    let file = reach::load(arguments.place.plan.clone(), &mut words, context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.place.identity);
    let zone = file.plan.timezone.value;
    let wanted = match (&arguments.snapshot, &arguments.at) {
        (Some(snapshot), _) => Wanted::parse(snapshot, zone)?,
        (None, Some(time)) => Wanted::At(reach::parse_time(time, zone).ok_or_else(|| {
            Failure::usage(format!("`{time}` is no time")).help("write it as `2026-11-24 14:00` or in RFC 3339")
        })?),
        (None, None) => Wanted::Latest,
    };
    let tiers = reach::tiers(&file.plan, &arguments.place.tier)?;
    reach::check_sources(&file.plan, &arguments.place.source)?;
    let found = reach::snapshots(&site, &tiers, &arguments.place.source, output)?;
    let chosen = reach::choose(found, &wanted, &tiers)?;
    let jobs = open(chosen, &words, &arguments, &site, output)?;
    let overwrite = match arguments.overwrite {
        OverwriteChoice::Never => Overwrite::Never,
        OverwriteChoice::Changed => Overwrite::Changed,
        OverwriteChoice::Always => Overwrite::Always,
    };
    if arguments.dry_run {
        return preview::dry_run(&jobs, overwrite, &site, output);
    }
    let cancel = interrupt::cancellation();
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    for job in &jobs {
        let begun = Instant::now();
        let progress = RestoreProgress::default();
        let request = RestoreRequest {
            snapshot: &job.opened.snapshot,
            selection: &job.selection,
            target: &job.target,
            overwrite,
            threads: 0,
            cancel: cancel.clone(),
            progress: &progress,
        };
        let catalogue = job.opened.catalogue();
        let tell = || {
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            let (done, total) = (ByteSize(read(&progress.done_bytes)), ByteSize(read(&progress.total_bytes)));
            format!(
                "{}  {} of {}, {done} of {total}",
                job.opened.found.info.source,
                grouped(read(&progress.done_files)),
                counted(read(&progress.total_files), "file")
            )
        };
        let report = Ticker::new(output).during(tell, || restore(&catalogue, &request));
        let report = report.map_err(|error| job.opened.failure(&error, &site))?;
        if report.counts.failed > 0 {
            worst = Exit::Partial;
        }
        tell_different(&report, output);
        tell_report(job, &report, begun, output, &mut documents)?;
    }
    if output.json {
        output.document(&json!({ "format_version": 1, "restores": documents }))?;
    }
    Ok(worst)
}

/// Opens the snapshots and leaves out those in which nothing is selected.
fn open<'p>(
    chosen: Vec<Found<'p>>,
    words: &[OsString],
    arguments: &Arguments,
    site: &Site<'p>,
    output: &mut Output,
) -> Result<Vec<Job<'p>>, Failure> {
    let mut jobs = Vec::new();
    let mut unmatched = Vec::new();
    let several_tiers = site.plan.tiers.len() > 1 && arguments.place.tier.is_empty();
    for found in chosen {
        let opened = Opened::open(found, site)?;
        let selection = opened.select(words)?;
        if !words.is_empty() && !has_any(&opened, &selection).map_err(|error| opened.failure(&error, site))? {
            unmatched.push(opened);
            continue;
        }
        let found = &opened.found;
        if several_tiers {
            let time = rfc3339(found.info.run.started);
            output.note(&format!("`{}` from tier `{}`, snapshot of {time}", found.info.source, found.tier.name.value));
        }
        reach::tell_missing(found, &opened.snapshot, output);
        jobs.push(Job { opened, selection, target: PathBuf::new() });
    }
    if jobs.is_empty() {
        let what = super::quoted(words);
        let hint = near::did_you_mean(unmatched.iter().map(Opened::searched), words);
        return Err(Failure::failed(format!("nothing in the snapshots matches {what}"))
            .help(hint.unwrap_or_else(|| "`plan ls latest` lists what there is".to_owned())));
    }
    let several = jobs.len() > 1;
    for job in &mut jobs {
        job.target = match &arguments.to {
            Some(to) if several => {
                reach::whole(to, site.context).join(crate::repository::component(&job.opened.found.info.source))
            }
            Some(to) => reach::whole(to, site.context),
            None if job.opened.snapshot.base.starts_with('/') => PathBuf::from(&job.opened.snapshot.base),
            None => {
                let source = &job.opened.found.info.source;
                return Err(Failure::usage(format!(
                    "source `{source}` is what a command printed and has no place of its own"
                ))
                .help("restore it with `--to DIR`"));
            }
        };
    }
    Ok(jobs)
}

fn has_any(opened: &Opened<'_>, selection: &Selection) -> Result<bool, RepositoryError> {
    let mut any = false;
    for_each_entry(&opened.catalogue(), &opened.snapshot, selection, &mut ArchiveTable::default(), |_, _| {
        any = true;
        Ok(())
    })?;
    Ok(any)
}

/// How many files that differ and stay are named.
const MAX_DIFFERENT_NAMED: usize = 20;

/// Names what was left alone though it is not what the snapshot has.
fn tell_different(report: &RestoreReport, output: &mut Output) {
    if report.different.is_empty() {
        return;
    }
    let named = report.different.iter().take(MAX_DIFFERENT_NAMED);
    let list: Vec<String> = named.map(|path| format!("`{}`", display_path(path))).collect();
    let more = match report.counts.different - list.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (they, differ) = match report.counts.different {
        1 => ("it is", "it differs"),
        _ => ("they are", "they differ"),
    };
    output.warning(&format!("left as {they}, though {differ} from the snapshot: {}{more}", list.join(", ")));
    output.help("`--overwrite changed` replaces what differs, `--overwrite always` everything");
}

fn tell_report(
    job: &Job<'_>,
    report: &RestoreReport,
    begun: Instant,
    output: &mut Output,
    documents: &mut Vec<serde_json::Value>,
) -> Result<(), Failure> {
    let counts = &report.counts;
    let found = &job.opened.found;
    for failure in &report.failures {
        output.warning(&failure.to_string());
    }
    for note in &report.notes {
        output.note(&format!("note: {note}"));
    }
    if output.json {
        documents.push(json!({
            "source": found.info.source, "tier": found.tier.name.value, "id": found.info.run.to_string(),
            "target": job.target, "written": counts.written, "replaced": counts.replaced, "skipped": counts.skipped,
            "different": counts.different, "failed": counts.failed, "bytes": counts.bytes,
            "failures": report.failures.iter().map(|failure| {
                path_json::with(json!({ "problem": failure.to_string() }), &failure.path)
            }).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    if output.quiet {
        return Ok(());
    }
    let restored = counts.written + counts.replaced;
    let mut parts = vec![format!(
        "restored {} {} of `{}`, {}",
        grouped(restored),
        if restored == 1 { "entry" } else { "entries" },
        found.info.source,
        ByteSize(counts.bytes)
    )];
    if counts.replaced > 0 {
        parts.push(format!("{} replaced", grouped(counts.replaced)));
    }
    if counts.skipped > 0 {
        let them = if counts.skipped == 1 { "it is" } else { "they are" };
        parts.push(format!("{} left as {them}", grouped(counts.skipped)));
    }
    if counts.failed > 0 {
        parts.push(format!("{} failed", grouped(counts.failed)));
    }
    let took = format_duration(begun.elapsed());
    output.line(&format!("{}, to `{}` in {took}", parts.join(", "), shown(&job.target)))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
