//! The passes that turn a plan into a graph, each a small function that adds
//! one kind of step or one kind of order. [`PASSES`] is the whole compiler.

mod chain;
mod copies;
mod drills;
mod end;
mod expand;
mod fuse;
mod hooks;

pub(super) use fuse::fuse;

use super::{Graph, Job, JobName, Needs, NodeId, Selection, Step, step::Action};
use crate::plan::{Plan, Schedule};
use std::collections::{BTreeMap, BTreeSet};

/// What the passes read and what they build.
pub(super) struct Draft<'a> {
    pub plan: &'a Plan,
    pub selection: &'a Selection,
    /// Those that have a step in this run, in plan order.
    pub jobs: Vec<DraftJob>,
    /// The steps that must succeed before a source is read.
    pub before: BTreeMap<String, Vec<NodeId>>,
    pub graph: Graph<Step>,
    ids: BTreeSet<String>,
}

pub(super) struct DraftJob {
    pub job: Job,
    /// Whether it is backed up in this run, not only verified.
    pub backup: bool,
    /// Its steps in order, filled by the chain pass.
    pub chain: Vec<NodeId>,
}

type Pass = fn(&mut Draft);

/// In this order. Steps are added in the order in which a person would tell
/// them, which the stable topological order then keeps.
pub(super) const PASSES: [Pass; 7] = [
    expand::expand_takes,
    hooks::add_before_hooks,
    chain::chain_jobs,
    copies::order_copies,
    hooks::add_after_hooks,
    drills::add_drills,
    end::end_run,
];

impl<'a> Draft<'a> {
    pub fn new(plan: &'a Plan, selection: &'a Selection) -> Self {
        Self {
            plan,
            selection,
            jobs: Vec::new(),
            before: BTreeMap::new(),
            graph: Graph::default(),
            ids: BTreeSet::new(),
        }
    }

    /// Adds a step; where `id` is taken, a number is put behind it.
    pub fn add(&mut self, id: String, job: Option<JobName>, action: Action, schedule: Option<Schedule>) -> NodeId {
        let taken = |candidate: &String| !self.ids.contains(candidate);
        let candidates = std::iter::once(id.clone()).chain((2u32..).map(|n| format!("{id}-{n}")));
        let id = candidates.into_iter().find(taken).expect("there are more numbers than steps");
        self.ids.insert(id.clone());
        self.graph.add_node(Step { id, job, action, schedule })
    }

    pub fn job(&self, name: &JobName) -> Option<&DraftJob> {
        self.jobs.iter().find(|job| job.job.name == *name)
    }

    pub fn action(&self, id: NodeId) -> &Action {
        &self.graph.node(id).action
    }

    /// The step waits for whatever stands last now, however that ends.
    pub fn add_edges(&mut self, from: &[NodeId], to: NodeId, needs: Needs) {
        for from in from {
            self.graph.add_edge(*from, to, needs);
        }
    }
}
