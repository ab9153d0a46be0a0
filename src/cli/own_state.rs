//! Whose the local state is: that of a plan, which is known by its name alone.

use super::failure::Failure;
use super::plan_file;
use crate::base::Context;
use crate::diagnostics::Severities;
use crate::execute::{Site, State};
use std::path::{Path, PathBuf};

/// The plan file as the state remembers it.
pub(super) fn whole_path(plan_file: &Path, context: &Context) -> PathBuf {
    let whole = context.working_directory.join(plan_file);
    whole.canonicalize().unwrap_or(whole)
}

/// # Errors
/// Where the state is that of another plan with the same name, in a file that is still there. A
/// plan that was moved or copied with its stores is the same one.
pub(super) fn check(site: &Site<'_>, plan_file: &Path, state: &State, context: &Context) -> Result<(), Failure> {
    let here = whole_path(plan_file, context);
    let Some(there) = state.plan_file.as_ref().filter(|there| **there != here) else { return Ok(()) };
    let Ok(checked) = plan_file::check(there, Severities::default(), context) else { return Ok(()) };
    let Some(other) = checked.plan().filter(|other| other.name.value == site.plan.name.value) else { return Ok(()) };
    let other = Site::new(other, there, context);
    if other.state_folder() != site.state_folder() || !site.is_apart_from(&other) {
        return Ok(());
    }
    let message = format!(
        "the plan `{}` in `{}` has the local state `{}` already, and this is another plan of the same name",
        site.plan.name.value,
        there.display(),
        site.state_folder().display()
    );
    Err(Failure::failed(message)
        .help("give it another name, or its own `state \"DIR\"`; if it replaces that one, delete the other file"))
}
