use super::passes::{Draft, PASSES, fuse};
use super::{Cycle, Graph, Job, JobName, NodeId, Selection, Step, Task};
use crate::plan::Plan;

/// A plan, compiled: the steps of a run and the order between them.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub plan: String,
    pub timezone: chrono_tz::Tz,
    /// Those with a step in the graph, in plan order.
    pub jobs: Vec<Job>,
    pub steps: Graph<Step>,
    order: Vec<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// At least one step.
    #[error("these steps wait for each other: {}; check the tiers' `from`", .0.join(" → "))]
    Cycle(Vec<String>),
}

/// Compiles what the selection takes from a plan. The same plan and selection give the same graph.
pub fn compile(plan: &Plan, selection: &Selection) -> Result<Compiled, CompileError> {
    let mut draft = Draft::new(plan, selection);
    for pass in PASSES {
        pass(&mut draft);
    }
    let order = draft.graph.order().map_err(|Cycle(nodes)| {
        let around = nodes.iter().chain(nodes.first());
        CompileError::Cycle(around.map(|id| draft.graph.node(*id).id.clone()).collect())
    })?;
    Ok(Compiled {
        plan: plan.name.value.clone(),
        timezone: plan.timezone.value,
        jobs: draft.jobs.into_iter().map(|job| job.job).collect(),
        steps: draft.graph,
        order,
    })
}

impl Compiled {
    /// The graph that is executed: the steps of each stream as one task.
    ///
    /// It has no cycle: only steps that directly follow each other are merged,
    /// and nothing outside a stream waits for a step in its middle and is waited for by it.
    pub fn tasks(&self) -> Graph<Task> {
        fuse(&self.steps)
    }

    /// All steps, in the order in which a single worker would run them.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// A job's own steps, in order.
    pub fn job_steps(&self, job: &JobName) -> impl Iterator<Item = (NodeId, &Step)> {
        let steps = self.order.iter().map(|id| (*id, self.steps.node(*id)));
        steps.filter(move |(_, step)| step.job.as_ref() == Some(job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Work, sample};

    #[test]
    fn streams_are_fused_and_the_tasks_have_an_order() {
        let plan = sample::rpa();
        let compiled = compile(&plan, &Selection::everything(&plan)).expect("the plan compiles");
        let tasks = compiled.tasks();
        assert!(tasks.order().is_ok());
        let backups = tasks.nodes().filter(|(_, task)| matches!(task.work, Work::Backup(_)));
        let steps: Vec<usize> = backups.map(|(_, task)| task.steps.len()).collect();
        assert_eq!(steps, [2, 2, 2, 2, 3, 3, 3, 3, 3]);
        let fused: usize = tasks.nodes().map(|(_, task)| task.steps.len()).sum();
        assert_eq!(fused, compiled.steps.len());
    }

    #[test]
    fn tiers_that_copy_each_other_are_an_error_that_names_the_steps() {
        let plan = sample::plan(
            r#"plan circle {
                source data { include "/srv" }
                tier a { store fs { root "/a" }; from b; take data }
                tier b { store fs { root "/b" }; from a; take data }
            }"#,
        );
        let error = compile(&plan, &Selection::everything(&plan)).expect_err("a circle does not compile");
        insta::assert_snapshot!(error, @"these steps wait for each other: a/data/copy → a/data/upload → b/data/copy → b/data/upload → a/data/copy; check the tiers' `from`");
    }

    #[test]
    fn a_copy_alone_does_not_run_the_hooks_of_the_source_that_it_does_not_read() {
        let plan = sample::plan(
            r#"plan copy {
                source db { include "/srv"; before sync }
                tier disk { store fs { root "/a" }; take db }
                tier away { store fs { root "/b" }; from disk; take db }
            }"#,
        );
        let selection = Selection { jobs: [JobName::new("away", "db")].into(), ..Selection::default() };
        let compiled = compile(&plan, &selection).expect("the plan compiles");
        let ids: Vec<&str> = compiled.order().iter().map(|id| compiled.steps.node(*id).id.as_str()).collect();
        assert_eq!(ids, ["away/db/copy", "away/db/upload", "record"]);
    }
}
