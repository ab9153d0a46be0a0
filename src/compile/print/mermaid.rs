use crate::compile::{Compiled, Needs, NodeId, Step};
use std::fmt::Write;

/// The graph as a Mermaid flowchart: a box for each tier, thick arrows where
/// bytes stream, dotted ones where only the order matters.
pub fn mermaid(compiled: &Compiled) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut line = |depth: usize, line: &str| {
        writeln!(out, "{}{line}", "    ".repeat(depth)).expect("a string takes all that is written to it");
    };
    for (number, tier) in super::tiers(compiled).into_iter().enumerate() {
        line(1, &format!("subgraph tier{number} [{}]", quoted(tier)));
        for job in compiled.jobs.iter().filter(|job| job.name.tier == tier) {
            for (id, step) in compiled.job_steps(&job.name) {
                line(2, &node(compiled, id, step));
            }
        }
        line(1, "end");
    }
    for (id, step) in super::steps_outside_tiers(compiled) {
        line(1, &node(compiled, id, step));
    }
    for edge in compiled.steps.edges() {
        let arrow = match edge.needs {
            Needs::Completion => "-.->",
            Needs::Success if super::is_stream(compiled, edge) => "==>",
            Needs::Success => "-->",
        };
        line(1, &format!("{} {arrow} {}", name(edge.from), name(edge.to)));
    }
    out
}

/// Mermaid's ids allow few characters, so nodes are numbered.
fn name(id: NodeId) -> String {
    format!("s{}", id.index())
}

fn node(compiled: &Compiled, id: NodeId, step: &Step) -> String {
    format!("{}[{}]", name(id), quoted(&super::title(compiled, step)))
}

/// Mermaid has no backslash escapes; characters that end a string or start
/// markup are written as entity codes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | '\n' => quoted.push_str(&format!("#{};", character as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_mermaid_in_names_are_entities() {
        assert_eq!(quoted(r#"a"b<c>"#), r##""a#34;b#60;c#62;""##);
    }
}
