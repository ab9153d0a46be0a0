use crate::compile::describe;
use crate::compile::{Compiled, Needs, Step};
use serde_json::{Map, Value, json};

/// Of the graph's JSON. Rises when something is removed or changes its meaning; additions keep it.
pub const FORMAT_VERSION: u32 = 1;

/// The graph as one JSON document.
///
/// `steps` are in an order in which they could run; `edges[].needs` is
/// `success` or `completion`; steps with an equal `stream` are executed as one.
pub fn json(compiled: &Compiled) -> Value {
    let steps: Vec<Value> = compiled.order().iter().map(|id| step(compiled.steps.node(*id))).collect();
    let edges: Vec<Value> = compiled
        .steps
        .edges()
        .map(|edge| {
            let needs = match edge.needs {
                Needs::Success => "success",
                Needs::Completion => "completion",
            };
            let id = |id| compiled.steps.node(id).id.as_str();
            json!({ "from": id(edge.from), "to": id(edge.to), "needs": needs })
        })
        .collect();
    let jobs: Vec<Value> = compiled
        .jobs
        .iter()
        .map(|job| {
            json!({
                "tier": job.name.tier,
                "source": job.name.source,
                "schedule": job.schedule.as_ref().map(|schedule| schedule.cron.value.as_str()),
                "jitter_seconds": job.schedule.as_ref().and_then(|s| s.jitter.as_ref()).map(|jitter| jitter.as_secs()),
                "from": job.from,
            })
        })
        .collect();
    json!({
        "format_version": FORMAT_VERSION,
        "plan": compiled.plan,
        "timezone": compiled.timezone.name(),
        "jobs": jobs,
        "steps": steps,
        "edges": edges,
    })
}

fn step(step: &Step) -> Value {
    let settings: Map<String, Value> =
        describe::settings(step).into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let stream = step.job.as_ref().filter(|_| step.action.is_streaming()).map(ToString::to_string);
    json!({
        "id": step.id,
        "action": step.action.verb(),
        "label": step.label(),
        "tier": step.job.as_ref().map(|job| job.tier.as_str()),
        "source": step.source(),
        "stream": stream,
        "settings": settings,
    })
}
