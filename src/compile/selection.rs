use super::job::{JobName, jobs};
use crate::plan::Plan;
use std::collections::BTreeSet;

/// What of a plan a run is to do. A run is compiled from it, so its graph
/// holds these steps and what they entail, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Jobs to back up (or copy), each with its hooks, its verification after upload and its prune.
    pub jobs: BTreeSet<JobName>,
    /// Verifications with a schedule of their own, by their place in the tier's `verify` list.
    pub verifications: BTreeSet<(JobName, usize)>,
    /// By their place in the plan's list.
    pub drills: BTreeSet<usize>,
    /// By their place in the plan's list.
    pub reports: BTreeSet<usize>,
}

/// A name on the command line that the plan does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan has no {noun} `{name}`; it has {}", list(.known))]
pub struct UnknownName {
    pub noun: &'static str,
    pub name: String,
    pub known: Vec<String>,
}

impl Selection {
    /// All that the plan ever does.
    pub fn everything(plan: &Plan) -> Self {
        let jobs: BTreeSet<JobName> = jobs(plan).into_iter().map(|job| job.name).collect();
        let mut verifications = BTreeSet::new();
        for job in &jobs {
            let verify = plan.tier(&job.tier).map(|tier| tier.verify.as_slice()).unwrap_or_default();
            let scheduled = verify.iter().enumerate().filter(|(_, verify)| verify.schedule.is_some());
            verifications.extend(scheduled.map(|(at, _)| (job.clone(), at)));
        }
        Self {
            jobs,
            verifications,
            drills: (0..plan.drills.len()).collect(),
            reports: (0..plan.reports.len()).collect(),
        }
    }

    /// Only what belongs to these tiers and these sources; an empty list means all.
    ///
    /// Periodic reports belong to no tier, so they stay only if both lists are empty.
    pub fn narrow(mut self, plan: &Plan, tiers: &[String], sources: &[String]) -> Result<Self, UnknownName> {
        check("tier", tiers, plan.tiers.iter().map(|tier| &tier.name.value))?;
        check("source", sources, plan.sources.iter().map(|source| &source.name.value))?;
        let wanted = |tier: &String, source: &String| {
            (tiers.is_empty() || tiers.contains(tier)) && (sources.is_empty() || sources.contains(source))
        };
        self.jobs.retain(|job| wanted(&job.tier, &job.source));
        self.verifications.retain(|(job, _)| wanted(&job.tier, &job.source));
        self.drills.retain(|at| plan.drills.get(*at).is_some_and(|drill| wanted(&drill.tier, &drill.source)));
        if !tiers.is_empty() || !sources.is_empty() {
            self.reports.clear();
        }
        Ok(self)
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.verifications.is_empty() && self.drills.is_empty() && self.reports.is_empty()
    }
}

fn check<'a>(
    noun: &'static str,
    names: &[String],
    known: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), UnknownName> {
    match names.iter().find(|name| !known.clone().any(|known| known == *name)) {
        None => Ok(()),
        Some(name) => Err(UnknownName { noun, name: name.clone(), known: known.cloned().collect() }),
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::sample;

    #[test]
    fn narrowing_keeps_what_belongs_to_the_named_tiers_and_sources() {
        let plan = sample::rpa();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = Selection::everything(&plan);
        assert_eq!((all.jobs.len(), all.verifications.len(), all.drills.len(), all.reports.len()), (9, 4, 1, 1));
        let narrow = all.clone().narrow(&plan, &names(&["cloud"]), &names(&["data", "code"])).expect("names exist");
        let jobs: Vec<String> = narrow.jobs.iter().map(ToString::to_string).collect();
        assert_eq!(jobs, ["cloud/code", "cloud/data"]);
        assert_eq!((narrow.verifications.len(), narrow.drills.len(), narrow.reports.len()), (2, 1, 0));
        let error = all.narrow(&plan, &names(&["clout"]), &[]).expect_err("there is no such tier");
        insta::assert_snapshot!(error, @"the plan has no tier `clout`; it has `local`, `cloud`, `archive`");
    }
}
