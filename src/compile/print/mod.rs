//! The compiled graph for people and for programs. Each form is a function of
//! [`Compiled`] alone and always gives the same text.

mod dot;
mod json;
mod mermaid;
mod svg;
mod text;

pub use dot::dot;
pub use json::{FORMAT_VERSION, json};
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

use super::{Compiled, Edge, NodeId, Step};

/// The tiers that have a job, in plan order.
fn tiers(compiled: &Compiled) -> Vec<&str> {
    let mut tiers: Vec<&str> = Vec::new();
    for job in &compiled.jobs {
        if !tiers.contains(&job.name.tier.as_str()) {
            tiers.push(&job.name.tier);
        }
    }
    tiers
}

/// Hooks, what ends a run, and drills of jobs that have nothing else to do.
fn steps_outside_tiers(compiled: &Compiled) -> impl Iterator<Item = (NodeId, &Step)> {
    let steps = compiled.order().iter().map(|id| (*id, compiled.steps.node(*id)));
    steps.filter(|(_, step)| !is_in_a_tier(compiled, step))
}

fn is_in_a_tier(compiled: &Compiled, step: &Step) -> bool {
    step.job.as_ref().is_some_and(|name| compiled.jobs.iter().any(|job| job.name == *name))
}

fn is_stream(compiled: &Compiled, edge: Edge) -> bool {
    let (from, to) = (compiled.steps.node(edge.from), compiled.steps.node(edge.to));
    from.action.is_streaming() && to.action.is_streaming() && from.job == to.job
}

/// What stands in a node: whose step it is, and what it does.
fn title(compiled: &Compiled, step: &Step) -> String {
    match (&step.job, step.source()) {
        (Some(job), _) if !is_in_a_tier(compiled, step) => format!("{job}: {}", step.label()),
        (_, Some(source)) => format!("{source}: {}", step.label()),
        (_, None) => step.label(),
    }
}

#[cfg(test)]
mod tests;
