use crate::plan::{Plan, Schedule, Take, Tier};
use std::fmt;

/// A (tier, source) pair; prints as `cloud/data`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct JobName {
    pub tier: String,
    pub source: String,
}

impl JobName {
    pub fn new(tier: impl Into<String>, source: impl Into<String>) -> Self {
        Self { tier: tier.into(), source: source.into() }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.tier, self.source))
    }
}

/// What a plan keeps doing with one source in one tier.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: JobName,
    /// When it is due. `None`: only when asked for.
    pub schedule: Option<Schedule>,
    /// The tier that it copies from instead of reading the source.
    pub from: Option<String>,
}

/// Every job of a plan: tiers in plan order, sources in the order taken.
///
/// A tier that copies from another one and takes nothing by name takes all
/// that the other one has. A job without a schedule of its own or its tier's
/// follows the schedule of the job that it copies.
pub fn jobs(plan: &Plan) -> Vec<Job> {
    plan.tiers.iter().flat_map(|tier| tier_jobs(plan, tier, plan.tiers.len())).collect()
}

/// `depth` bounds how far `from` is followed, should a plan have it in a circle.
fn tier_jobs(plan: &Plan, tier: &Tier, depth: usize) -> Vec<Job> {
    let upstream = match (&tier.from, depth.checked_sub(1)) {
        (Some(from), Some(depth)) => plan.tier(from).map(|from| tier_jobs(plan, from, depth)).unwrap_or_default(),
        _ => Vec::new(),
    };
    let copied = |source: &str| upstream.iter().find(|job| job.name.source == source);
    let job = |source: &str, own: Option<&Schedule>| Job {
        name: JobName::new(&tier.name.value, source),
        schedule: own
            .or(tier.schedule.as_ref())
            .cloned()
            .or_else(|| copied(source).and_then(|job| job.schedule.clone())),
        from: tier.from.as_ref().map(|from| from.value.clone()),
    };
    if tier.takes.is_empty() {
        return upstream.iter().map(|copied| job(&copied.name.source, None)).collect();
    }
    tier.takes.iter().map(|Take { source, schedule, .. }| job(source, schedule.as_ref())).collect()
}
