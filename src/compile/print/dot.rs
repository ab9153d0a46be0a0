use crate::compile::{Compiled, Needs, NodeId, Step};
use std::fmt::Write;

/// The graph in the DOT language of Graphviz: a box for each tier, bold edges
/// where bytes stream, dashed ones where only the order matters.
pub fn dot(compiled: &Compiled) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&compiled.plan));
    out.push_str("    rankdir=LR;\n    node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n");
    for tier in super::tiers(compiled) {
        write_line(&mut out, 1, &format!("subgraph {} {{", quoted(&format!("cluster_{tier}"))));
        write_line(&mut out, 2, &format!("label={};", quoted(tier)));
        for job in compiled.jobs.iter().filter(|job| job.name.tier == tier) {
            for (_, step) in compiled.job_steps(&job.name) {
                write_line(&mut out, 2, &node(compiled, step));
            }
        }
        write_line(&mut out, 1, "}");
    }
    for (_, step) in super::steps_outside_tiers(compiled) {
        write_line(&mut out, 1, &node(compiled, step));
    }
    for edge in compiled.steps.edges() {
        let id = |id: NodeId| quoted(&compiled.steps.node(id).id);
        let attributes = match edge.needs {
            Needs::Completion => " [style=dashed]",
            Needs::Success if super::is_stream(compiled, edge) => " [style=bold]",
            Needs::Success => "",
        };
        write_line(&mut out, 1, &format!("{} -> {}{attributes};", id(edge.from), id(edge.to)));
    }
    out.push_str("}\n");
    out
}

fn node(compiled: &Compiled, step: &Step) -> String {
    format!("{} [label={}];", quoted(&step.id), quoted(&super::title(compiled, step)))
}

fn write_line(out: &mut String, depth: usize, line: &str) {
    writeln!(out, "{}{line}", "    ".repeat(depth)).expect("a string takes all that is written to it");
}

/// A quoted string of DOT: `"` is escaped, and `\` so that it starts no escape of DOT's own.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
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
    fn quotes_and_backslashes_in_names_stay_inside_the_string() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
