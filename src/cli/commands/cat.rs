use super::super::failure::{Failure, Outcome};
use super::super::near;
use super::super::opened::Opened;
use super::super::output::Output;
use super::super::reach::{self, Wanted};
use crate::archive::{ArchiveTable, Entry};
use crate::base::{Context, Exit};
use crate::diagnostics::list;
use crate::execute::Site;
use crate::files::{FileKind, display_path};
use crate::repository::{RepositoryError, for_each_entry, read_file};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

/// Print a file of a snapshot
///
/// SNAPSHOT is the start of an id, `latest`, or a time; PATH is relative to the
/// source, or as it was on the host; where several sources have it, `--source` says
/// which is meant. A first word that is a `.kdl` file is the plan.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan cat latest etc/nginx/nginx.conf
  plan cat latest rpa.dump --source db | pg_restore --list")]
pub(in crate::cli) struct Arguments {
    /// SNAPSHOT and PATH.
    #[arg(value_names = ["SNAPSHOT", "PATH"], required = true, num_args = 2..=3)]
    words: Vec<OsString>,
    #[command(flatten)]
    place: super::Place,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words;
    let file = reach::load(arguments.place.plan.clone(), &mut words, context, output)?;
    let site = Site::new(&file.plan, &file.path, context).reading_with(&arguments.place.identity);
    let [snapshot, path] = &words[..] else {
        return Err(Failure::usage("a snapshot and one path are needed").help("as in `plan cat latest etc/hosts`"));
    };
    let wanted = Wanted::of(snapshot, file.plan.timezone.value)?;
    let tiers = reach::tiers(&file.plan, &arguments.place.tier)?;
    reach::check_sources(&file.plan, &arguments.place.source)?;
    let found = reach::snapshots(&site, &tiers, &arguments.place.source, output)?;
    let mut matches = Vec::new();
    let mut unmatched = Vec::new();
    for found in reach::choose(found, &wanted, &tiers)? {
        let opened = Opened::open(found, &site)?;
        let selection = opened.select(std::slice::from_ref(path))?;
        let mut table = ArchiveTable::default();
        let mut first = None;
        let mut others = 0;
        for_each_entry(&opened.catalogue(), &opened.snapshot, &selection, &mut table, |entry, _| {
            match first {
                None => first = Some(entry),
                Some(_) => others += 1,
            }
            Ok(())
        })
        .map_err(|error| opened.failure(&error, &site))?;
        match first {
            Some(entry) => {
                let is_file = entry.kind == FileKind::File && others == 0;
                matches.push(Match { opened, entry, table, is_file });
            }
            None => unmatched.push(opened),
        }
    }
    let [first, ..] = &matches[..] else {
        let hint = near::did_you_mean(unmatched.iter().map(Opened::searched), std::slice::from_ref(path));
        return Err(Failure::failed(format!("there is no `{}` in the snapshot", display_path(path.as_bytes())))
            .help(hint.unwrap_or_else(|| "`plan ls` lists what there is".to_owned())));
    };
    let one = the_file(first, &matches, path)?;
    reach::tell_missing(&one.opened.found, &one.opened.snapshot, output);
    let mut watched = Watched { inner: output.bytes(), error: None };
    match (read_file(&one.opened.catalogue(), &one.entry, &one.table, &mut watched), watched.error) {
        (Ok(()), _) => Ok(Exit::Done),
        (Err(RepositoryError::Target(_)), Some(error)) => Err(Failure::output(error)),
        (Err(error), _) => Err(one.opened.failure(&error, &site)),
    }
}

/// What the path is in a source.
struct Match<'p> {
    opened: Opened<'p>,
    entry: Entry,
    table: ArchiveTable,
    /// One file, and nothing else.
    is_file: bool,
}

/// The one file that can be meant. `matches` begin with `first`.
fn the_file<'m, 'p>(first: &Match<'p>, matches: &'m [Match<'p>], path: &OsStr) -> Result<&'m Match<'p>, Failure> {
    let path = display_path(path.as_bytes());
    let files: Vec<&Match<'p>> = matches.iter().filter(|one| one.is_file).collect();
    match &files[..] {
        [only] => Ok(only),
        [one, ..] => {
            let sources = files.iter().map(|one| one.opened.found.info.source.as_str());
            Err(Failure::usage(format!("`{path}` is a file in each of the sources {}", list(sources, "and")))
                .help(format!("choose one, as with `--source {}`", one.opened.found.info.source)))
        }
        [] => {
            let what = match first.entry.kind {
                FileKind::File => "several files".to_owned(),
                kind => format!("a {}, not one file", kind.noun()),
            };
            Err(Failure::usage(format!("`{path}` is {what}")).help(format!(
                "`plan ls {} {path}` lists it, `plan restore {path} --to DIR` brings it back",
                first.opened.found.info.run
            )))
        }
    }
}

/// Keeps the error of a writer, which tells whether anybody still reads.
struct Watched<W> {
    inner: W,
    error: Option<io::Error>,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.write(buffer).map_err(|error| {
            let kind = error.kind();
            self.error = Some(error);
            kind.into()
        })
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
