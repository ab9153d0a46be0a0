use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::reach::{self, Wanted};
use crate::archive::ArchiveTable;
use crate::base::{Context, Exit};
use crate::execute::Site;
use crate::files::FileKind;
use crate::repository::{Catalogue, RepositoryError, Selection, for_each_entry, read_file};
use std::io::{self, Write};

/// Print a file of a snapshot
///
/// SNAPSHOT is the start of an id, `latest`, or a time; PATH is relative to the
/// source, or as it was on the host. A first word that is a `.kdl` file is the plan.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan cat latest etc/nginx/nginx.conf
  plan cat latest rpa.dump --source db | pg_restore --list")]
pub(in crate::cli) struct Arguments {
    /// SNAPSHOT and PATH.
    #[arg(value_names = ["SNAPSHOT", "PATH"], required = true, num_args = 2..=3)]
    words: Vec<String>,
    #[command(flatten)]
    place: super::Place,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let mut words = arguments.words;
    let file = reach::load(arguments.place.plan.clone(), &mut words, context, output)?;
    let site = Site::new(&file.plan, &file.path, context);
    let [snapshot, path] = &words[..] else {
        return Err(Failure::usage("a snapshot and one path are needed").help("as in `plan cat latest etc/hosts`"));
    };
    let wanted = Wanted::parse(snapshot, file.plan.timezone.value)?;
    let tiers = reach::tiers(&file.plan, &arguments.place.tier)?;
    reach::check_sources(&file.plan, &arguments.place.source)?;
    let found = reach::snapshots(&site, &tiers, &arguments.place.source, output)?;
    for one in reach::choose(found, &wanted, &tiers)? {
        let identities = reach::identities(&site, one.tier, &arguments.place.identity)?;
        let catalogue = Catalogue::new(&one.repository, identities.as_ref());
        let failed = |error: &RepositoryError| reach::reading_failure(error, &site, one.tier);
        let snapshot = catalogue.load(&one.info).map_err(|error| failed(&error))?;
        let selection =
            Selection::new(std::slice::from_ref(path), &snapshot.base).map_err(|e| Failure::usage(e.to_string()))?;
        let mut table = ArchiveTable::default();
        let mut first = None;
        let mut others = 0;
        for_each_entry(&catalogue, &snapshot, &selection, &mut table, |entry, _| {
            match first {
                None => first = Some(entry),
                Some(_) => others += 1,
            }
            Ok(())
        })
        .map_err(|error| failed(&error))?;
        let Some(entry) = first else { continue };
        if entry.kind != FileKind::File || others > 0 {
            return Err(Failure::usage(format!("`{path}` is a {}, not one file", entry.kind.noun())).help(format!(
                "`plan ls {} {path}` lists it, `plan restore {path} --to DIR` brings it back",
                one.info.run
            )));
        }
        let mut watched = Watched { inner: output.bytes(), error: None };
        return match (read_file(&catalogue, &entry, &table, &mut watched), watched.error) {
            (Ok(()), _) => Ok(Exit::Done),
            (Err(RepositoryError::Target(_)), Some(error)) => Err(Failure::output(error)),
            (Err(error), _) => Err(failed(&error)),
        };
    }
    Err(Failure::failed(format!("there is no `{path}` in the snapshot")).help("`plan ls` lists what there is"))
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
