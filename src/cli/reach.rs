//! Reaching what a plan has backed up: which tiers, which snapshots, with which keys.

use super::failure::Failure;
use super::output::Output;
use super::plan_file::{self, PlanFile};
use super::prompt;
use crate::archive::{Identities, Snapshot};
use crate::base::{Context, Exit, Timestamp, printable, rfc3339};
use crate::execute::{self, Site, SiteError};
use crate::files::display_path;
use crate::plan::{Plan, Tier};
use crate::repository::{Catalogue, Repository, RepositoryError, SnapshotInfo};
use chrono::{NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The plan file among a verb's words: `--plan FILE`, or a first word that is a `.kdl` file.
pub(super) fn split_plan(named: Option<PathBuf>, words: &mut Vec<OsString>, context: &Context) -> Option<PathBuf> {
    if named.is_some() {
        return named;
    }
    let first = words.first()?;
    let is_plan = first.as_bytes().ends_with(b".kdl") && context.working_directory.join(first).is_file();
    is_plan.then(|| PathBuf::from(words.remove(0)))
}

/// Loads the plan that a verb's words name.
pub(super) fn load(
    named: Option<PathBuf>,
    words: &mut Vec<OsString>,
    context: &Context,
    output: &mut Output,
) -> Result<PlanFile, Failure> {
    let named = split_plan(named, words, context);
    plan_file::load(named.as_deref(), context, output)
}

/// A tier's store that holds a repository.
pub(super) struct Reached<'p> {
    pub tier: &'p Tier,
    pub repository: Repository,
    /// The first source that lies in it; the only one, where each has its own store.
    pub source: &'p str,
}

/// A snapshot, and where it is.
pub(super) struct Found<'p> {
    pub tier: &'p Tier,
    pub repository: Repository,
    pub info: SnapshotInfo,
}

/// The tiers named (all, where none are), best to read from first: this
/// machine's before others, those that need no thawing before those that may.
///
/// # Errors
/// A name is not one of a tier, or nothing is ever backed up to any of them.
pub(super) fn tiers<'p>(plan: &'p Plan, named: &[String]) -> Result<Vec<&'p Tier>, Failure> {
    check_names("tier", named, plan.tiers.iter().map(|tier| tier.name.value.as_str()))?;
    let mut tiers: Vec<&Tier> =
        plan.tiers.iter().filter(|tier| named.is_empty() || named.contains(&tier.name.value)).collect();
    check_takes(plan, &tiers)?;
    tiers.sort_by_key(|tier| (tier.store.service.value != "fs", tier.storage_class.is_some()));
    Ok(tiers)
}

pub(super) fn check_sources(plan: &Plan, named: &[String]) -> Result<(), Failure> {
    check_names("source", named, plan.sources.iter().map(|source| source.name.value.as_str()))
}

fn check_names<'a>(noun: &str, named: &[String], known: impl Iterator<Item = &'a str> + Clone) -> Result<(), Failure> {
    for name in named {
        if !known.clone().any(|known| known == name) {
            let failure = Failure::usage(format!("the plan has no {noun} `{name}`"));
            let list: Vec<&str> = known.clone().collect();
            return Err(match crate::diagnostics::nearest(name, known.clone()) {
                Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
                None => failure.help(format!("it has {}", list.join(", "))),
            });
        }
    }
    Ok(())
}

/// Refuses tiers to which nothing is ever backed up; `plan check` only warns, for a plan may be half written.
pub(super) fn check_takes(plan: &Plan, tiers: &[&Tier]) -> Result<(), Failure> {
    if tiers.iter().any(|tier| !tier.takes.is_empty()) {
        return Ok(());
    }
    let plan_lacks = |what| format!("the plan `{}` has no {what}, so it backs up nothing", plan.name.value);
    let (message, help) = if plan.tiers.is_empty() {
        (plan_lacks("tier"), "add where to: `tier NAME { store fs { root \"/…\" }; take SOURCE }`")
    } else if plan.sources.is_empty() {
        (plan_lacks("source"), "add what to back up: `source NAME { include \"/…\" }`, and `take` it in a tier")
    } else if let [tier] = tiers {
        (
            format!("tier `{}` takes no source, so nothing is backed up to it", tier.name.value),
            "add `take SOURCE…` to it",
        )
    } else {
        (format!("no tier of the plan `{}` takes a source", plan.name.value), "add `take SOURCE…` to one of them")
    };
    Err(Failure::new(Exit::InvalidPlan, message).help(help))
}

/// The repositories of a tier: one, unless its store's root depends on the source.
///
/// # Errors
/// Where a store cannot be reached. A store without a repository is left out.
pub(super) fn repositories<'p>(site: &Site<'p>, tier: &'p Tier) -> Result<Vec<Reached<'p>>, Failure> {
    let mut places = Vec::new();
    let mut reached = Vec::new();
    for take in &tier.takes {
        let store = site.store(tier, Some(&take.source.value), site.context.now()).map_err(|e| site_failure(&e))?;
        if places.contains(&store.describe()) {
            continue;
        }
        places.push(store.describe());
        if let Some(repository) = Repository::find(&store).map_err(|error| repository_failure(&error))? {
            reached.push(Reached { tier, repository, source: &take.source.value });
        }
    }
    Ok(reached)
}

/// All snapshots of these tiers and sources, by time. A tier that cannot be
/// reached is told and passed over, unless it is the only one.
pub(super) fn snapshots<'p>(
    site: &Site<'p>,
    tiers: &[&'p Tier],
    sources: &[String],
    output: &mut Output,
) -> Result<Vec<Found<'p>>, Failure> {
    let mut found = Vec::new();
    let mut any_repository = false;
    let mut first_failure = None;
    for tier in tiers {
        match snapshots_of(site, tier, sources) {
            Ok(of_tier) => {
                any_repository |= of_tier.is_some();
                found.extend(of_tier.unwrap_or_default());
            }
            Err(failure) if tiers.len() == 1 => return Err(failure),
            Err(failure) => {
                output.warning(&format!("tier `{}` cannot be reached: {}", tier.name.value, failure.message));
                first_failure.get_or_insert(failure);
            }
        }
    }
    if !any_repository {
        return Err(first_failure.unwrap_or_else(|| no_repository(tiers)));
    }
    let order = |found: &Found<'_>| (found.info.moment(), found.info.run.clone(), found.info.source.clone());
    found.sort_by_cached_key(order);
    Ok(found)
}

/// None of the tiers has a repository.
pub(super) fn no_repository(tiers: &[&Tier]) -> Failure {
    let names: Vec<String> = tiers.iter().map(|tier| format!("`{}`", tier.name.value)).collect();
    Failure::new(Exit::NoRepository, format!("there is no repository in {}", names.join(", ")))
        .help("nothing was backed up there yet: `plan run` makes it")
}

/// `None`: the tier has no repository yet.
fn snapshots_of<'p>(site: &Site<'p>, tier: &'p Tier, sources: &[String]) -> Result<Option<Vec<Found<'p>>>, Failure> {
    let reached = repositories(site, tier)?;
    let mut found = Vec::new();
    for Reached { tier, repository, .. } in &reached {
        let listed = Catalogue::new(repository, None).snapshots(None).map_err(|error| repository_failure(&error))?;
        let wanted = listed.into_iter().filter(|info| sources.is_empty() || sources.contains(&info.source));
        found.extend(wanted.map(|info| Found { tier, repository: repository.clone(), info }));
    }
    Ok((!reached.is_empty()).then_some(found))
}

/// Paths that a snapshot lacks, as many as are named.
const MAX_MISSING_NAMED: usize = 5;

/// Which snapshot is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Latest,
    /// The newest that began at or before this.
    At(Timestamp),
    /// The start of a run's id.
    Id(String),
}

impl Wanted {
    /// Reads a word of the command line: `latest`, a time, or the start of an id.
    pub fn of(word: &OsStr, zone: Tz) -> Result<Self, Failure> {
        // What is not text is none of these, and is told as it can be shown.
        Self::parse(&word.to_string_lossy(), zone)
    }

    /// Reads `latest`, a time, or the start of an id.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, Failure> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Some(time) = parse_time(text, zone) {
            return Ok(Self::At(time));
        }
        let is_id = text.len() >= 4 && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, 'T' | 'Z' | '-'));
        match is_id {
            true => Ok(Self::Id(text.to_owned())),
            false => Err(Failure::usage(format!("`{text}` is no snapshot"))
                .help("give the start of an id from `plan list`, `latest`, or a time such as `2026-11-24 14:00`")),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Latest => "at all".to_owned(),
            Self::At(time) => format!("at or before {}", rfc3339(*time)),
            Self::Id(id) => format!("whose id begins with `{id}`"),
        }
    }
}

/// RFC 3339, or a date with or without a time in `zone`; a date alone means its end.
pub(super) fn parse_time(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let local = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(23, 59, 59))?;
    zone.from_local_datetime(&local).latest().map(|time| time.to_utc())
}

/// What one command backed up to several tiers within this time is as good from
/// either: a complete snapshot is taken before a partial one, then the one in the
/// better tier.
const SAME_MOMENT: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// Whether `older` may be read in place of `newest`: it is a copy of it or as new, or one
/// command made both. Of two commands the later one's snapshot holds what changed
/// in between, however little time that was.
fn is_same_moment(older: &SnapshotInfo, newest: &SnapshotInfo) -> bool {
    if older.run.started == newest.run.started {
        return true;
    }
    let (Some(one), Some(other)) = (&older.record, &newest.record) else { return false };
    one.invoked.is_some()
        && (one.invoked, &one.host, &one.plan) == (other.invoked, &other.host, &other.plan)
        && newest.run.started - older.run.started <= SAME_MOMENT
}

/// Says that a snapshot lacks what its run could not read.
pub(super) fn tell_missing(found: &Found<'_>, snapshot: &Snapshot, output: &mut Output) {
    let missing = snapshot.totals.unreadable;
    if missing == 0 {
        return;
    }
    let named: Vec<String> = snapshot
        .unreadable
        .iter()
        .take(MAX_MISSING_NAMED)
        .map(|path| format!("`{}` ({})", display_path(&path.path.0), printable(&path.error)))
        .collect();
    let more = match missing.saturating_sub(named.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (source, run) = (&found.info.source, &found.info.run);
    output.warning(&format!(
        "the snapshot {run} of `{source}` is partial: its run could not read {}{more}",
        named.join(", ")
    ));
    output.help("`plan list` shows which snapshots are complete; the start of an id chooses one");
}

/// The snapshot that is meant, one a source: the newest, and where one command
/// made several in different tiers, the best of these to read from.
pub(super) fn choose<'p>(
    found: Vec<Found<'p>>,
    wanted: &Wanted,
    tiers: &[&'p Tier],
) -> Result<Vec<Found<'p>>, Failure> {
    let rank = |found: &Found<'_>| tiers.iter().position(|tier| tier.name.value == found.tier.name.value);
    let mut by_source: std::collections::BTreeMap<String, Vec<Found<'p>>> = Default::default();
    let mut ids = std::collections::BTreeSet::new();
    for one in found {
        let matches = match wanted {
            Wanted::Latest => true,
            Wanted::At(time) => one.info.run.started <= *time,
            Wanted::Id(prefix) => {
                let id = one.info.run.to_string();
                id.starts_with(prefix) || id.rsplit('-').next().is_some_and(|random| random.starts_with(prefix))
            }
        };
        if matches {
            ids.insert(one.info.run.clone());
            by_source.entry(one.info.source.clone()).or_default().push(one);
        }
    }
    if let (Wanted::Id(prefix), true) = (wanted, ids.len() > 1) {
        let list: Vec<String> = ids.iter().take(5).map(ToString::to_string).collect();
        return Err(Failure::usage(format!("`{prefix}` begins {} snapshots: {}", ids.len(), list.join(", ")))
            .help("give more of the id"));
    }
    if by_source.is_empty() {
        return Err(Failure::failed(format!("there is no snapshot {}", wanted.shown())).help("`plan list` shows all"));
    }
    let best = |mut of_source: Vec<Found<'p>>| {
        let newest =
            of_source.iter().map(|one| &one.info).max_by_key(|info| (info.moment(), info.run.clone()))?.clone();
        of_source.retain(|one| is_same_moment(&one.info, &newest));
        of_source.sort_by_key(|one| (!one.info.is_complete(), rank(one), std::cmp::Reverse(one.info.moment())));
        of_source.into_iter().next()
    };
    Ok(by_source.into_values().filter_map(best).collect())
}

/// What reads a tier.
///
/// # Errors
/// Exit 12, naming the key that is needed and how to give it.
pub(super) fn identities(site: &Site<'_>, tier: &Tier) -> Result<Option<Identities>, Failure> {
    site.identities(tier, &|of_what| prompt::passphrase(of_what).ok()).map_err(|error| site_failure(&error))
}

/// Another run holds the plan's lock, or the lock cannot be used.
pub(super) fn lock_failure(error: crate::execute::LockError) -> Failure {
    use crate::execute::LockError;
    match &error {
        LockError::Held { .. } => Failure::new(Exit::Locked, error.to_string())
            .help("wait for it with `--lock-wait 10m`; a run that died holds no lock"),
        LockError::Cancelled => Failure::new(Exit::Cancelled, error.to_string()),
        LockError::File { source, .. } => Failure::failed(error.to_string()).because(source),
    }
}

/// The local state cannot be used.
pub(super) fn state_failure(error: execute::StateError) -> Failure {
    execute::of_state(&error).into()
}

/// A tier that cannot be reached or read, with the exit code that tells why.
pub(super) fn site_failure(error: &SiteError) -> Failure {
    execute::of_site(error).into()
}

/// What went wrong with a repository, with the exit code that tells it.
pub(super) fn repository_failure(error: &RepositoryError) -> Failure {
    execute::of_repository(error).into()
}

/// [`repository_failure`], naming the key where it is the key.
pub(super) fn reading_failure(error: &RepositoryError, site: &Site<'_>, tier: &Tier) -> Failure {
    execute::of_reading(error, site, tier).into()
}

/// A path as the user gave it, whole.
pub(super) fn whole(path: &Path, context: &Context) -> PathBuf {
    context.working_directory.join(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Outcome, RunRecord};
    use crate::base::RunId;

    /// A snapshot of the command that began at `invoked`; both times of day.
    fn snapshot(started: &str, random: u32, invoked: Option<&str>) -> SnapshotInfo {
        let time = |text: &str| parse_time(&format!("2026-11-24T{text}Z"), Tz::UTC).expect("a time");
        let run = RunId::new(time(started), random);
        let record = RunRecord {
            format_version: 1,
            run: run.clone(),
            plan: "plan".to_owned(),
            tier: "tier".to_owned(),
            source: "docs".to_owned(),
            host: "host".to_owned(),
            mode: "incremental".to_owned(),
            started: run.started,
            finished: run.started,
            invoked: invoked.map(time),
            outcome: Outcome::Success,
            parent: None,
            recipients: Vec::new(),
            totals: Default::default(),
            objects: Vec::new(),
            requires: Vec::new(),
            live: Vec::new(),
        };
        SnapshotInfo { source: "docs".to_owned(), run, name: String::new(), size: 0, record: Some(record) }
    }

    #[test]
    fn only_what_one_command_made_may_stand_for_the_newest() {
        let newest = snapshot("09:05:00", 9, Some("09:00:00"));
        assert!(is_same_moment(&newest, &newest), "a copy");
        assert!(is_same_moment(&snapshot("09:05:00", 1, None), &newest), "equally new");
        assert!(is_same_moment(&snapshot("09:00:00", 1, Some("09:00:00")), &newest), "made by the same command");
        assert!(
            !is_same_moment(&snapshot("09:04:59", 1, Some("09:04:58")), &newest),
            "one second, but another command"
        );
        assert!(!is_same_moment(&snapshot("09:04:59", 1, None), &snapshot("09:05:00", 9, None)), "nobody knows");
        let late = snapshot("09:10:01", 9, Some("09:00:00"));
        assert!(!is_same_moment(&snapshot("09:00:00", 1, Some("09:00:00")), &late), "too long before");
        let elsewhere = SnapshotInfo { record: None, ..snapshot("09:04:59", 1, None) };
        assert!(!is_same_moment(&elsewhere, &newest));
    }
}
