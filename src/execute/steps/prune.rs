use super::{Done, store, tier};
use crate::compile::JobName;
use crate::execute::failure;
use crate::execute::forget::decide;
use crate::execute::run::Run;
use crate::plan::Keep;
use crate::report::PruneReport;
use crate::repository::{self, Catalogue, DEFAULT_GRACE, LeaseHolder, Repository, RepositoryError};
use crate::retention::Rules;

/// Forgets what the rules let go, now that what was just written is good.
pub(in crate::execute) fn prune(run: &Run<'_>, job: &JobName, keep: &Keep) -> Done {
    let of_repository = |error| failure::of_repository(&error);
    let store = store(run, tier(run, &job.tier)?, &job.source)?;
    let repository = Repository::open(&store).map_err(of_repository)?;
    let catalogue = Catalogue::new(&repository, None);
    let now = run.site.context.now();
    let mut snapshots = catalogue.snapshots(Some(&job.source)).map_err(of_repository)?;
    // What another plan stored under the same name is kept by that plan's rules.
    snapshots.retain(|info| info.is_of_plan(&run.plan().name.value));
    let verified = run.state.borrow().job(job).last_verify;
    let total = snapshots.len();
    let decided = decide(snapshots, &Rules::from(keep), run.plan().timezone.value, now, verified);
    let forget: Vec<_> =
        decided.into_iter().filter(|(_, decision)| !decision.is_keep()).map(|(info, _)| info).collect();
    let plan = repository::plan_prune(&catalogue, &forget, now, DEFAULT_GRACE).map_err(of_repository)?;
    let context = run.site.context;
    let (id, marks) = (run.new_run_id(), run.site.lease_marks());
    let holder = LeaseHolder { host: &context.host, run: &id, marks: &marks };
    match repository::execute_prune(&catalogue, &plan, holder, &*context.clock, &run.options.cancel) {
        // Nothing is amiss: whoever has the lease deletes, or it runs out by itself.
        Err(error @ (RepositoryError::Leased { .. } | RepositoryError::LeaseLost { .. })) => {
            run.with_job(job, |report| report.notes.push(format!("what may go is left to the next run: {error}")));
            return Ok(());
        }
        done => done.map_err(of_repository)?,
    }
    run.with_job(job, |report| {
        report.prune = Some(PruneReport {
            kept: (total - forget.len()) as u64,
            forgotten: forget.len() as u64,
            objects_deleted: plan.delete.len() as u64,
            bytes_freed: plan.freed_bytes(),
        });
        if !plan.blocked_by.is_empty() {
            report.notes.push(format!(
                "no object was deleted: what snapshot {} needs is not known, its run record is missing",
                plan.blocked_by.join(", ")
            ));
        }
    });
    Ok(())
}
