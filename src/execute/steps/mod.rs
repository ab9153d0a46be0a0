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

/// Said at each run: nobody should believe in a lock that is not there.
fn lock_note(tier: &Tier) -> Option<String> {
    let service = tier.store.service.value.as_str();
    (tier.lock.is_some() && service != "s3").then(|| {
        format!(
            "`lock` is not set on the objects of `{service}` yet: give the bucket or container a retention of its own"
        )
    })
}
