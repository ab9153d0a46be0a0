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
pub fn jobs(plan: &Plan) -> Vec<Job> {
    let of_tier = |tier: &Tier| tier.takes.iter().map(|take| job(tier, take)).collect::<Vec<_>>();
    plan.tiers.iter().flat_map(of_tier).collect()
}

fn job(tier: &Tier, take: &Take) -> Job {
    Job {
        name: JobName::new(&tier.name.value, &take.source.value),
        schedule: take.schedule.clone(),
        from: tier.from.as_ref().map(|from| from.value.clone()),
    }
}
