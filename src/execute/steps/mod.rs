//! What the steps of a run do, one file a kind of task. Each enters its
//! results into the job's report and returns why it failed.

mod backup;
mod copy;
mod drill;
mod hook;
mod prune;
mod verify;

pub(super) use backup::backup;
pub(super) use copy::copy;
pub(super) use drill::drill;
pub(super) use hook::hook;
pub(super) use prune::prune;
pub(super) use verify::{Verification, verify};

use super::failure;
use super::run::Run;
use crate::plan::Tier;
use crate::report::Failure;
use crate::stores::Store;

type Done = Result<(), Failure>;

/// The plan's noun behind a name that the graph was compiled from.
fn tier<'r>(run: &'r Run<'_>, name: &str) -> Result<&'r Tier, Failure> {
    run.plan().tier(name).ok_or_else(|| failure::other(format!("the plan has no tier `{name}`")))
}

fn store(run: &Run<'_>, tier: &Tier, source: &str) -> Result<Store, Failure> {
    run.site.store(tier, Some(source), run.started).map_err(|error| failure::of_site(&error))
}
