use super::super::failure::{Failure, Outcome};
use super::super::near::{self, Searched};
use super::super::output::Output;
use super::super::path_json;
use super::super::reach::{self, Found};
use crate::archive::{ArchiveTable, Entry, Identities, Snapshot};
use crate::base::{ByteSize, Cell, Column, Context, Exit, Style, Table, Timestamp, rfc3339};
use crate::execute::Site;
use crate::files::{FileKind, FileTime, display_path};
use crate::report::Moments;
use crate::repository::{Catalogue, Selection, for_each_entry};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Find files in all snapshots, with every version that there is
///
/// A PATTERN without a `/` is looked for in every folder; `*` does not cross a
/// `/`, `**` does. A pattern without `*`, `?`, `[` or `{` is a name or a path. A first word that
/// is a `.kdl` file is the plan.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan find parametros.json
  plan find '*.conf' --source config
  plan find 'src/**/main.rs' --tier local")]
pub(in crate::cli) struct Arguments {
    /// What to look for.
    #[arg(value_name = "PATTERN", required = true)]
    words: Vec<OsString>,
    #[command(flatten)]
    place: super::Place,
}

/// One content of one path: what tells it from the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    source: String,
    path: Vec<u8>,
    mtime: FileTime,
    size: u64,
    kind: &'static str,
}

/// Where a version is found.
struct Seen {
    tier: String,
    id: String,
    time: Timestamp,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words;
    let file = reach::load(arguments.place.plan.clone(), &mut words, context, output)?;
    if words.is_empty() {
        return Err(Failure::usage("nothing to look for is named").help("as in `plan find '*.conf'`"));
    }
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.place.identity);
    let tiers = reach::tiers(&file.plan, &arguments.place.tier)?;
    reach::check_sources(&file.plan, &arguments.place.source)?;
    let found = reach::snapshots(&site, &tiers, &arguments.place.source, output)?;
    let mut versions: BTreeMap<Version, Vec<Seen>> = BTreeMap::new();
    // For a hint: a key for each tier, and of each source its newest snapshot with the key's place.
    let mut keys: Vec<Option<Identities>> = Vec::new();
    let mut newest: BTreeMap<&str, (&Found<'_>, Snapshot, usize)> = BTreeMap::new();
    for tier in &tiers {
        let of_tier: Vec<&Found<'_>> = found.iter().filter(|one| one.tier.name.value == tier.name.value).collect();
        if of_tier.is_empty() {
            continue;
        }
        // One key opens all snapshots of a tier: it is asked for once.
        let identities = reach::identities(&site, tier)?;
        for one in of_tier {
            let catalogue = Catalogue::new(&one.repository, identities.as_ref());
            let failed = |error| reach::reading_failure(&error, &site, tier);
            let snapshot = catalogue.load(&one.info).map_err(failed)?;
            let selection =
                Selection::anywhere(&words, &snapshot.base).map_err(|error| Failure::usage(error.to_string()))?;
            for_each_entry(&catalogue, &snapshot, &selection, &mut ArchiveTable::default(), |entry, _| {
                let seen =
                    Seen { tier: tier.name.value.clone(), id: one.info.run.to_string(), time: one.info.run.started };
                versions.entry(version(&one.info.source, entry)).or_default().push(seen);
                Ok(())
            })
            .map_err(failed)?;
            let source = one.info.source.as_str();
            if newest.get(source).is_none_or(|(other, ..)| other.info.run < one.info.run) {
                newest.insert(source, (one, snapshot, keys.len()));
            }
        }
        keys.push(identities);
    }
    if output.json {
        let found: Vec<_> = versions.iter().map(|(version, seen)| document(version, seen)).collect();
        output.document(&json!({ "format_version": 1, "plan": file.plan.name.value, "found": found }))?;
    } else {
        let moments = Moments { now: context.now(), zone: file.plan.timezone.value };
        let table = table(&versions, &moments).render(output.width(), Style { color: output.stdout_color });
        output.text(&table)?;
    }
    if versions.is_empty() {
        let searched = newest.values().map(|(found, snapshot, key)| Searched {
            repository: &found.repository,
            identities: keys[*key].as_ref(),
            snapshot,
        });
        let hint = near::did_you_mean(searched, &words);
        return Err(Failure::failed(format!("no snapshot has {}", super::quoted(&words)))
            .help(hint.unwrap_or_else(|| "a name that is only known in part is a pattern: `*name*`".to_owned())));
    }
    Ok(Exit::Done)
}

fn version(source: &str, entry: Entry) -> Version {
    Version {
        source: source.to_owned(),
        path: entry.path,
        mtime: entry.mtime,
        size: entry.size,
        kind: entry.kind.noun(),
    }
}

fn modified(version: &Version) -> Option<Timestamp> {
    Timestamp::from_timestamp(version.mtime.seconds, version.mtime.nanoseconds)
}

fn table(versions: &BTreeMap<Version, Vec<Seen>>, moments: &Moments) -> Table {
    let mut table = Table::new([
        Column::left("path"),
        Column::left("source"),
        Column::right("size"),
        Column::left("modified").optional(1),
        Column::left("snapshots"),
        Column::left("tiers"),
    ]);
    for (version, seen) in versions {
        let shown = display_path(&version.path);
        let is_folder = version.kind == FileKind::Directory.noun();
        let mut tiers: Vec<&str> = seen.iter().map(|seen| seen.tier.as_str()).collect();
        tiers.sort_unstable();
        tiers.dedup();
        let size = if is_folder { String::new() } else { ByteSize(version.size).to_string() };
        let times = || seen.iter().map(|seen| seen.time);
        table.row([
            Cell::from(if is_folder { format!("{shown}/") } else { shown }),
            (&version.source).into(),
            size.into(),
            modified(version).map(|time| moments.date(time)).unwrap_or_default().into(),
            range(times().min(), times().max(), seen.len(), moments).into(),
            tiers.join(", ").into(),
        ]);
    }
    table
}

/// `2026-11-24 02:00 to 2026-11-24 14:00 (4)`
fn range(first: Option<Timestamp>, last: Option<Timestamp>, count: usize, moments: &Moments) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first != last => {
            format!("{} to {} ({count})", moments.date(first), moments.date(last))
        }
        (Some(first), _) => moments.date(first),
        _ => String::new(),
    }
}

fn document(version: &Version, seen: &[Seen]) -> serde_json::Value {
    let document = json!({
        "source": version.source,
        "kind": version.kind,
        "size": version.size,
        "modified": modified(version).map(|time| time.to_rfc3339()),
        "snapshots": seen.iter().map(|seen| json!({
            "id": seen.id, "tier": seen.tier, "time": rfc3339(seen.time),
        })).collect::<Vec<_>>(),
    });
    path_json::with(document, &version.path)
}
