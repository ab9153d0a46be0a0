use super::super::failure::{Failure, Outcome};
use super::super::near;
use super::super::opened::Opened;
use super::super::output::Output;
use super::super::path_json;
use super::super::reach::{self, Wanted};
use crate::archive::{ArchiveTable, Entry};
use crate::base::{ByteSize, Context, Exit, printable};
use crate::execute::Site;
use crate::files::{FileKind, display_path};
use crate::repository::for_each_entry;
use serde_json::json;
use std::ffi::OsString;

/// List the files of a snapshot
///
/// SNAPSHOT is the start of an id, `latest`, or a time. PATH is relative to the
/// source, or as it was on the host; it may be a pattern. A first word that is a
/// `.kdl` file is the plan. In JSON `path_base64` stands beside a path that is not UTF-8, with
/// its bytes; PATH takes those as they are.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan ls latest
  plan ls latest etc/nginx --long
  plan ls '2026-11-24 14:00' '*.json' --source data")]
pub(in crate::cli) struct Arguments {
    /// SNAPSHOT and, where not all of it is wanted, PATHs.
    #[arg(value_name = "SNAPSHOT [PATH]", required = true)]
    words: Vec<OsString>,
    /// Modes, owners, sizes and times too.
    #[arg(short, long)]
    long: bool,
    #[command(flatten)]
    place: super::Place,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words;
    let file = reach::load(arguments.place.plan.clone(), &mut words, context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.place.identity);
    if words.is_empty() {
        return Err(Failure::usage("no snapshot is named").help("give the start of an id, `latest`, or a time"));
    }
    let wanted = Wanted::of(&words.remove(0), file.plan.timezone.value)?;
    let tiers = reach::tiers(&file.plan, &arguments.place.tier)?;
    reach::check_sources(&file.plan, &arguments.place.source)?;
    let found = reach::snapshots(&site, &tiers, &arguments.place.source, output)?;
    let chosen = reach::choose(found, &wanted, &tiers)?;
    let several = chosen.len() > 1;
    let mut shown = 0u64;
    let mut documents = Vec::new();
    let mut opened = Vec::new();
    for found in chosen {
        let one = Opened::open(found, &site)?;
        let (info, tier) = (&one.found.info, &one.found.tier.name.value);
        reach::tell_missing(&one.found, &one.snapshot, output);
        let selection = one.select(&words)?;
        let mut lines = Vec::new();
        let mut entries = Vec::new();
        for_each_entry(&one.catalogue(), &one.snapshot, &selection, &mut ArchiveTable::default(), |entry, _| {
            shown += 1;
            if output.json {
                entries.push(document(&entry));
            } else {
                lines.push(if arguments.long { long_line(&entry) } else { shown_path(&entry) });
            }
            Ok(())
        })
        .map_err(|error| one.failure(&error, &site))?;
        if output.json {
            documents.push(json!({
                "id": info.run.to_string(),
                "tier": tier,
                "source": info.source,
                "base": one.snapshot.base,
                "entries": entries,
            }));
        } else if !lines.is_empty() {
            if several {
                output.line(&format!("{} ({tier}, {}):", info.source, info.run))?;
            }
            for line in lines {
                output.line(&line)?;
            }
        }
        opened.push(one);
    }
    if output.json {
        output.document(&json!({ "format_version": 1, "snapshots": documents }))?;
    }
    if shown == 0 && !words.is_empty() {
        let failure = Failure::failed(format!("nothing in the snapshot matches {}", super::quoted(&words)));
        return Err(match near::did_you_mean(opened.iter().map(Opened::searched), &words) {
            Some(hint) => failure.help(hint),
            None => failure,
        });
    }
    Ok(Exit::Done)
}

fn shown_path(entry: &Entry) -> String {
    let path = display_path(&entry.path);
    let path = if entry.path.is_empty() { ".".to_owned() } else { path };
    if entry.kind == FileKind::Directory { format!("{path}/") } else { path }
}

fn long_line(entry: &Entry) -> String {
    let time = chrono::DateTime::from_timestamp(entry.mtime.seconds, 0);
    let time = time.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    let target = entry.link_target.as_ref().map(|target| format!(" -> {}", printable(&display_path(target))));
    format!(
        "{}{} {:>6} {:>6} {:>10} {time} {}{}",
        letter(entry.kind),
        permissions(entry.mode),
        entry.uid,
        entry.gid,
        ByteSize(entry.size).to_string(),
        shown_path(entry),
        target.unwrap_or_default()
    )
}

fn letter(kind: FileKind) -> char {
    match kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::BlockDevice => 'b',
        FileKind::CharDevice => 'c',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
    }
}

/// `rwxr-xr-x`, with `s` and `t` where they belong.
fn permissions(mode: u32) -> String {
    let mut text: Vec<char> = "rwxrwxrwx".chars().collect();
    for (at, letter) in text.iter_mut().enumerate() {
        if mode & (0o400 >> at) == 0 {
            *letter = '-';
        }
    }
    for (bit, at, set) in [(0o4000, 2, 's'), (0o2000, 5, 's'), (0o1000, 8, 't')] {
        if mode & bit != 0 {
            text[at] = if text[at] == 'x' { set } else { set.to_ascii_uppercase() };
        }
    }
    text.into_iter().collect()
}

fn document(entry: &Entry) -> serde_json::Value {
    let mut document = json!({
        "kind": entry.kind.noun(),
        "mode": format!("{:04o}", entry.mode),
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "modified": chrono::DateTime::from_timestamp(entry.mtime.seconds, entry.mtime.nanoseconds).map(|time| time.to_rfc3339()),
        "target": null,
    });
    if let Some(target) = &entry.link_target {
        path_json::put(&mut document, "target", target);
    }
    path_json::with(document, &entry.path)
}
