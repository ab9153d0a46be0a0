use super::{Site, State};
use crate::base::Timestamp;
use crate::compile::{Job, JobName, Selection, UnknownName, jobs};
use crate::plan::{Plan, Schedule};
use crate::report::Upcoming;
use crate::schedule::{Due, Timetable, due};
use std::collections::BTreeMap;

/// What a run is to do and why.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub selection: Selection,
    /// Per job that is due: the scheduled time that its run is for.
    pub scheduled: BTreeMap<JobName, Timestamp>,
    /// Jobs some of whose times passed without a run, and how many.
    pub missed: BTreeMap<JobName, u32>,
}

fn timetable(plan: &Plan, schedule: &Schedule) -> Option<Timetable> {
    // A plan that was checked has schedules that parse.
    Timetable::of(schedule, plan.timezone.value).ok()
}

/// What jitter is drawn from: the same job on the same host is always as late.
fn salt(site: &Site<'_>, job: &str) -> String {
    format!("{}/{}/{job}", site.context.host, site.plan.name.value)
}

fn due_of(site: &Site<'_>, schedule: &Schedule, name: &str, last: Option<Timestamp>) -> Option<Due> {
    let table = timetable(site.plan, schedule)?;
    Some(due(&table, &salt(site, name), last, site.context.now()))
}

/// What is due now, of the tiers and sources named (all, where none are).
pub fn due_work(site: &Site<'_>, state: &State, tiers: &[String], sources: &[String]) -> Result<Work, UnknownName> {
    let mut work = Work::default();
    for job in jobs(site.plan) {
        let name = job.name.to_string();
        let last = state.job(&job.name).last_success;
        let answer = job.schedule.as_ref().and_then(|schedule| due_of(site, schedule, &name, last));
        if let Some(Due::Due { scheduled, missed, .. }) = answer {
            work.scheduled.insert(job.name.clone(), scheduled);
            if missed > 0 {
                work.missed.insert(job.name.clone(), missed);
            }
            work.selection.jobs.insert(job.name.clone());
        }
        let tier = site.plan.tier(&job.name.tier);
        for (index, verify) in tier.map(|tier| &tier.verify[..]).unwrap_or_default().iter().enumerate() {
            let Some(schedule) = &verify.schedule else { continue };
            // There is nothing to verify before the first snapshot.
            let Some(first) = last else { continue };
            let since = state.verified(&job.name, index).or(Some(first));
            if due_of(site, schedule, &format!("{name}/verify/{index}"), since).is_some_and(|due| due.is_due()) {
                work.selection.verifications.insert((job.name.clone(), index));
            }
        }
    }
    for (index, drill) in site.plan.drills.iter().enumerate() {
        let name = format!("{}/{}", drill.tier.value, drill.source.value);
        let job = JobName::new(&drill.tier.value, &drill.source.value);
        let Some(first) = state.job(&job).last_success else { continue };
        let since = state.drills.get(&name).copied().or(Some(first));
        let answer =
            drill.schedule.as_ref().and_then(|schedule| due_of(site, schedule, &format!("drill/{name}"), since));
        if answer.is_some_and(|due| due.is_due()) {
            work.selection.drills.insert(index);
        }
    }
    for (index, report) in site.plan.reports.iter().enumerate() {
        let name = &report.name.value;
        // The first report comes at the first scheduled time after the first run.
        let first = jobs(site.plan).iter().filter_map(|job| state.job(&job.name).last_success).min();
        let since = state.reports.get(name).copied().or(first);
        if since.is_some()
            && due_of(site, &report.schedule, &format!("report/{name}"), since).is_some_and(|due| due.is_due())
        {
            work.selection.reports.insert(index);
        }
    }
    narrow(work, site.plan, tiers, sources)
}

/// All jobs, whatever the clock says.
pub fn all_work(site: &Site<'_>, tiers: &[String], sources: &[String]) -> Result<Work, UnknownName> {
    let jobs = jobs(site.plan).into_iter().map(|job| job.name).collect();
    let work = Work { selection: Selection { jobs, ..Selection::default() }, ..Work::default() };
    narrow(work, site.plan, tiers, sources)
}

fn narrow(mut work: Work, plan: &Plan, tiers: &[String], sources: &[String]) -> Result<Work, UnknownName> {
    work.selection = work.selection.narrow(plan, tiers, sources)?;
    work.scheduled.retain(|job, _| work.selection.jobs.contains(job));
    work.missed.retain(|job, _| work.selection.jobs.contains(job));
    Ok(work)
}

/// When a job runs next, seen after a run that started at `last`.
pub(super) fn next_of(site: &Site<'_>, job: &Job, last: Option<Timestamp>) -> Option<Timestamp> {
    let schedule = job.schedule.as_ref()?;
    match due_of(site, schedule, &job.name.to_string(), last)? {
        Due::Due { fires, .. } => Some(fires),
        Due::NotDue { next } => next,
    }
}

/// Every job with its last success and next time, in plan order.
pub fn upcoming(site: &Site<'_>, state: &State) -> Vec<Upcoming> {
    jobs(site.plan)
        .into_iter()
        .map(|job| {
            let last_success = state.job(&job.name).last_success;
            let next = next_of(site, &job, last_success);
            Upcoming { job: job.name, last_success, next }
        })
        .collect()
}
