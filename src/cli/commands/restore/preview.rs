//! What a restore would do, path by path, without doing it.

use super::super::super::failure::{Failure, Outcome};
use super::super::super::output::Output;
use super::super::super::path_json;
use super::Job;
use crate::archive::ArchiveTable;
use crate::base::{ByteSize, Cell, Column, Exit, Paint, Style, Table, counted};
use crate::execute::Site;
use crate::files::restore::{Outcome as Fate, Overwrite, Preview};
use crate::files::{FileKind, display_path};
use crate::repository::{RepositoryError, for_each_entry, plan_restore, target_entry};
use serde_json::json;

/// Calls `act` with each path that is selected and what would become of it.
fn preview(
    job: &Job<'_>,
    overwrite: Overwrite,
    site: &Site<'_>,
    mut act: impl FnMut(&[u8], FileKind, Result<Fate, String>),
) -> Result<(), Failure> {
    let preview =
        Preview::open(&job.target, overwrite).map_err(|error| Failure::failed("cannot restore").because(&error))?;
    for_each_entry(
        &job.opened.catalogue(),
        &job.opened.snapshot,
        &job.selection,
        &mut ArchiveTable::default(),
        |entry, _| {
            let entry = target_entry(entry);
            let fate = preview.outcome(&entry).map_err(|reason| reason.to_string());
            act(&entry.path, entry.metadata.kind, fate);
            Ok::<(), RepositoryError>(())
        },
    )
    .map_err(|error| job.opened.failure(&error, site))
}

/// The answer to `--dry-run`.
pub(super) fn dry_run(jobs: &[Job<'_>], overwrite: Overwrite, site: &Site<'_>, output: &mut Output) -> Outcome {
    let mut documents = Vec::new();
    for job in jobs {
        let (opened, found) = (&job.opened, &job.opened.found);
        let plan = plan_restore(&opened.catalogue(), &opened.snapshot, &job.selection)
            .map_err(|error| opened.failure(&error, site))?;
        let mut paths = Vec::new();
        preview(job, overwrite, site, |path, kind, fate| {
            // A folder that is there already is no news.
            if !(kind == FileKind::Directory && fate == Ok(Fate::Skipped)) {
                paths.push((path.to_owned(), kind, fate));
            }
        })?;
        if output.json {
            documents.push(json!({
                "source": found.info.source, "tier": found.tier.name.value, "id": found.info.run.to_string(),
                "target": job.target, "files": plan.files, "folders": plan.folders, "others": plan.others,
                "bytes": plan.bytes, "archives": plan.archives,
                "paths": paths.iter().map(|(path, kind, fate)| {
                    let what = json!({ "kind": kind.noun(), "action": word(fate).0, "problem": fate.as_ref().err() });
                    path_json::with(what, path)
                }).collect::<Vec<_>>(),
            }));
            continue;
        }
        let mut table = Table::new([Column::left(""), Column::left("")]);
        for (path, kind, fate) in &paths {
            let (word, paint) = word(fate);
            let slash = if *kind == FileKind::Directory { "/" } else { "" };
            let problem = fate.as_ref().err().map(|problem| format!(": {problem}")).unwrap_or_default();
            table.row([Cell::painted(paint, word), format!("{}{slash}{problem}", display_path(path)).into()]);
        }
        let (width, style) = (output.width(), Style { color: output.stdout_color });
        output.text(&table.render(width, style))?;
        output.line(&format!(
            "would restore {}, {}, {} of `{}` to `{}`; reads {}",
            counted(plan.files, "file"),
            counted(plan.folders, "folder"),
            ByteSize(plan.bytes),
            found.info.source,
            job.target.display(),
            counted(plan.archives.len() as u64, "archive")
        ))?;
    }
    if output.json {
        output.document(&json!({ "format_version": 1, "dry_run": true, "restores": documents }))?;
    }
    Ok(Exit::Done)
}

fn word(fate: &Result<Fate, String>) -> (&'static str, Paint) {
    match fate {
        Ok(Fate::Written) => ("new", Paint::Good),
        Ok(Fate::Replaced) => ("replace", Paint::Warn),
        Ok(Fate::Skipped) => ("keep", Paint::Plain),
        Ok(Fate::Failed) | Err(_) => ("fail", Paint::Bad),
    }
}
