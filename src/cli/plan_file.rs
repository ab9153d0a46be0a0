//! The plan that a command is about: which file, read and checked.

use super::failure::Failure;
use super::output::Output;
use crate::base::{Context, Exit};
use crate::diagnostics::{Diagnostic, Human, HumanStyle, Severities, Severity, json_list};
use crate::plan::Plan;
use crate::rules::{CheckOptions, Checked, StoreChecks, check_text, without_secrets};
use crate::stores;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A plan that can run.
pub(super) struct PlanFile {
    pub path: PathBuf,
    pub plan: Plan,
}

pub(super) const STORE_CHECKS: StoreChecks = StoreChecks { rules: &stores::RULES, diagnose: stores::diagnose };

/// The file that is meant: the one named, else `plan.kdl` or the only `plans/*.kdl`.
pub(super) fn find(named: Option<&Path>, context: &Context) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    match &found(context)?[..] {
        [only] => Ok(only.clone()),
        several => {
            let list: Vec<String> = several.iter().map(|path| format!("`{}`", path.display())).collect();
            Err(Failure::usage(format!("no plan is named, and there are several: {}", list.join(", ")))
                .help("name one of them on the command line"))
        }
    }
}

/// The plans of this folder: `plan.kdl` and those in `plans/`; at least one.
pub(super) fn found(context: &Context) -> Result<Vec<PathBuf>, Failure> {
    let here = &context.working_directory;
    let mut found: Vec<PathBuf> = Vec::new();
    if here.join("plan.kdl").is_file() {
        found.push(PathBuf::from("plan.kdl"));
    }
    if let Ok(entries) = std::fs::read_dir(here.join("plans")) {
        let names = entries.flatten().map(|entry| Path::new("plans").join(entry.file_name()));
        found.extend(names.filter(|path| path.extension().is_some_and(|extension| extension == "kdl")));
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage("no plan is named, and there is neither `plan.kdl` nor a `.kdl` file in `plans/`")
            .help("name a file on the command line, or write one with `plan init`"));
    }
    Ok(found)
}

/// The files named, with folders replaced by the plans in them.
pub(super) fn named(named: &[PathBuf], context: &Context) -> Result<Vec<PathBuf>, Failure> {
    if named.is_empty() {
        return found(context);
    }
    let mut paths = Vec::new();
    for path in named {
        let whole = context.working_directory.join(path);
        if !whole.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(&whole)
            .map_err(|error| Failure::usage(format!("cannot list the folder `{}`", path.display())).because(&error))?;
        let names = entries.flatten().map(|entry| path.join(entry.file_name()));
        let mut found: Vec<PathBuf> = names.filter(|path| path.extension().is_some_and(|ext| ext == "kdl")).collect();
        if found.is_empty() {
            return Err(Failure::usage(format!("there is no `.kdl` file in the folder `{}`", path.display())));
        }
        found.sort();
        paths.extend(found);
    }
    Ok(paths)
}

/// Reads and checks a file; what is wrong with it is in the result.
pub(super) fn check(path: &Path, severities: Severities, context: &Context) -> Result<Checked, Failure> {
    let text = text(path, context)?;
    Ok(check_content(path, &text, severities, context))
}

/// Checks a text under the name `path`.
pub(super) fn check_content(path: &Path, text: &str, severities: Severities, context: &Context) -> Checked {
    let options = CheckOptions { stores: STORE_CHECKS, severities, prices: None };
    let mut read_include = |include: &Path| read(&context.working_directory.join(include));
    check_text(&path.display().to_string(), text, &mut read_include, &options)
}

/// The largest plan file that is read; real ones have some kilobytes.
const MAX_PLAN_BYTES: u64 = 16 << 20;

/// The text of a file, or of the standard input where `path` is `-`.
pub(super) fn text(path: &Path, context: &Context) -> Result<String, Failure> {
    if path == Path::new("-") {
        return read_from(std::io::stdin())
            .map_err(|error| Failure::usage("cannot read the plan from the standard input").because(&error));
    }
    read(&context.working_directory.join(path))
        .map_err(|error| Failure::usage(format!("cannot read the plan `{}`", path.display())).because(&error))
}

/// A text file of a bounded size.
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory));
    }
    read_from(file)
}

/// A text of a bounded size.
pub(super) fn read_from(reader: impl std::io::Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(reader, MAX_PLAN_BYTES + 1), &mut bytes)?;
    if bytes.len() as u64 > MAX_PLAN_BYTES {
        return Err(std::io::Error::other("it is larger than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"))
}

/// Writes a file whole: either the old or the new text is there, whatever
/// happens. The mode and, as far as one may, the owner stay, and a link still
/// leads to the file.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let (path, old) = match path.canonicalize() {
        Ok(path) => (path.clone(), Some(std::fs::metadata(&path)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    whole(&path, text, old.as_ref())?.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a new file whole, and the folders that it needs.
///
/// # Errors
/// `AlreadyExists` where there is one.
pub(super) fn create(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder_of(path))?;
    whole(path, text, None)?.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// The text in a file beside `path` that has no name yet, synced, with owner and mode of the `old` one.
fn whole(path: &Path, text: &str, old: Option<&std::fs::Metadata>) -> std::io::Result<tempfile::NamedTempFile> {
    const NEW_FILE_MODE: u32 = 0o644;
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    let new = file.as_file().metadata()?;
    if let Some(old) = old.filter(|old| (old.uid(), old.gid()) != (new.uid(), new.gid())) {
        // Only root may give a file away; anybody else's new file is their own.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
    }
    let permissions = old.map_or_else(|| Permissions::from_mode(NEW_FILE_MODE), |old| old.permissions());
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The plan to act on: errors are printed and end the command, warnings are
/// left to `plan check` (with `-v` they are printed too).
pub(super) fn load(named: Option<&Path>, context: &Context, output: &mut Output) -> Result<PlanFile, Failure> {
    let path = find(named, context)?;
    let checked = sound(&path, context, output)?;
    let plan = checked.into_plan().expect("a sound plan is one");
    Ok(PlanFile { path, plan })
}

/// The same with all that was found out about it: a plan without errors.
pub(super) fn sound(path: &Path, context: &Context, output: &mut Output) -> Result<Checked, Failure> {
    let checked = check(path, Severities::default(), context)?;
    let shown: Vec<Diagnostic> = checked
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error || output.verbose > 0)
        .cloned()
        .collect();
    let (files, shown) = without_secrets(&checked.document, &checked.files, &shown);
    let is_sound = checked.plan().is_some();
    if is_sound || !output.json {
        output.say_block(&human(output).render(&shown, &files));
    }
    if is_sound {
        return Ok(checked);
    }
    let message = format!("the plan `{}` has errors, so nothing was done", path.display());
    let failure = Failure::new(Exit::InvalidPlan, message);
    if output.json {
        let diagnostics = Some(json_list(&shown, &files));
        return Err(Failure { diagnostics, ..failure.help("`plan explain CODE` tells more of a code") });
    }
    Err(failure.help("put right what is said above; `plan explain CODE` tells more of a code in brackets"))
}

/// How diagnostics are shown to a person on standard error.
pub(super) fn human(output: &Output) -> Human {
    Human { width: output.width(), colour: output.stderr_color, style: HumanStyle::Unicode }
}
