//! The schema for people: a node's page for `plan explain`, and the reference.

use super::model::{Kind, NodeShape, Schema};
use crate::diagnostics::{list, nearest};
use std::fmt::Write;

impl Schema {
    /// The pages of every node of that name, in Markdown. `topic` is a name
    /// (`keep`) or a path (`tier.keep`, `plan/tier/keep`).
    pub fn explain(&self, topic: &str) -> Option<String> {
        let wanted: Vec<&str> = topic.split(['.', '/', ' ']).filter(|part| !part.is_empty()).collect();
        let nodes = self.walk();
        let found = nodes.iter().filter(|(path, _)| !wanted.is_empty() && path.ends_with(&wanted));
        let pages: Vec<String> = found.map(|(path, node)| self.page(path, node, 1)).collect();
        (!pages.is_empty()).then(|| pages.join("\n"))
    }

    /// The name of the node that was probably meant.
    pub fn nearest_topic(&self, topic: &str) -> Option<&str> {
        nearest(topic, self.walk().into_iter().map(|(_, node)| node.name.as_str()))
    }

    /// The whole reference, in Markdown: what `schema/reference.md` holds.
    pub fn reference(&self) -> String {
        let mut out = format!("# {}\n\n{}\n\n", self.title, self.description);
        out.push_str(
            "Written in [KDL 2.0](https://kdl.dev). This file is made from `plan.kdl` beside it; `plan explain NODE`\n\
             prints one of its chapters. `plan fmt` lays a plan out in the normal form (`plan fmt --help`).\n\n",
        );
        for (path, node) in self.walk() {
            let depth = path.len() - 1;
            let _ =
                writeln!(out, "{}- [{}](#{}): {}", "  ".repeat(depth), title(node), anchor(&path), node.description);
        }
        for (path, node) in self.walk() {
            out.push('\n');
            out.push_str(&self.page(&path, node, 2));
        }
        out
    }

    fn page(&self, path: &[&str], node: &NodeShape, level: usize) -> String {
        let mut out = format!("{} {}\n\n{}\n", "#".repeat(level), heading(path), node.description);
        if !node.details.is_empty() {
            let _ = write!(out, "\n{}\n", node.details);
        }
        let _ = write!(out, "\n```\n{}\n```\n\n", node.usage());
        let often = match (node.min, node.max) {
            (0, Some(1)) => "at most once",
            (1, Some(1)) => "exactly once",
            (0, _) => "any number of times",
            _ => "once or more",
        };
        let parent = match path {
            [.., parent, _] => format!("in `{parent}`"),
            _ if self.everywhere.iter().any(|known| std::ptr::eq(known, node)) => "in every block".to_owned(),
            _ => "in a file".to_owned(),
        };
        let included = if node.includable { ", also in an included file" } else { "" };
        let _ = writeln!(out, "Stands {parent}{included}: {often}.");
        out.push_str(&table(node));
        for (name, kind) in kinds(node).filter(|(_, kind)| !kind.choices.is_empty()) {
            let open = if kind.open { " among others" } else { "" };
            let _ = write!(out, "\n{name} is{open}:\n\n");
            for choice in &kind.choices {
                let _ = writeln!(out, "- `{}`: {}", choice.name, choice.description);
            }
        }
        let children: Vec<&NodeShape> = node.children.iter().filter(|child| !child.is_wildcard()).collect();
        if !children.is_empty() {
            out.push_str("\nIn its block:\n\n");
            for child in children {
                let _ = writeln!(out, "- `{}`: {}", child.name, child.description);
            }
        }
        let _ = write!(out, "\nExample:\n\n```kdl\n{}\n```\n", node.example);
        out
    }
}

fn title(node: &NodeShape) -> String {
    if node.is_wildcard() { "any setting".to_owned() } else { format!("`{}`", node.name) }
}

fn heading(path: &[&str]) -> String {
    path.iter().map(|name| if *name == "*" { "SETTING" } else { name }).collect::<Vec<_>>().join(" › ")
}

/// The anchor that Markdown viewers make of a heading.
fn anchor(path: &[&str]) -> String {
    heading(path).to_lowercase().replace(" › ", "--").replace(' ', "-")
}

/// Arguments and properties by their names.
fn kinds(node: &NodeShape) -> impl Iterator<Item = (String, &Kind)> {
    let arguments = node.arguments.iter().map(|value| (format!("`{}`", value.placeholder), &value.kind));
    let properties = node.properties.iter().map(|property| {
        let name = if property.name == "*" { "NAME" } else { &property.name };
        (format!("`{name}=`"), &property.kind)
    });
    arguments.chain(properties)
}

fn table(node: &NodeShape) -> String {
    let rows: Vec<(String, &Kind)> = kinds(node).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out = "\n| value | type | meaning |\n| --- | --- | --- |\n".to_owned();
    for (name, kind) in rows {
        let mut meaning = kind.description.clone();
        let property = node.properties.iter().find(|property| format!("`{}=`", property.name) == name);
        if property.is_some_and(|property| property.required) {
            meaning.push_str(" Required.");
        }
        if property.is_some_and(|property| property.as_child) {
            meaning.push_str(" May stand in the block.");
        }
        match (kind.at_least, kind.at_most) {
            (Some(least), Some(most)) => meaning += &format!(" From {least} to {most}."),
            (Some(least), None) => meaning += &format!(" At least {least}."),
            _ => {}
        }
        if let Some(default) = &kind.default {
            meaning += &format!(" Default `{default}`.");
        }
        let _ = writeln!(out, "| {name} | {} | {} |", kind.short(), meaning.trim().replace('|', "\\|"));
    }
    out
}

impl Kind {
    /// One paragraph on a value, for an editor: its meaning, type, choices and default.
    pub fn hover(&self) -> String {
        let mut out = format!("{} *{}*", self.description, self.short());
        if !self.choices.is_empty() {
            let others = if self.open { " among others" } else { "" };
            out += &format!(": {}{others}", list(self.choice_names(), "or"));
        }
        if let Some(default) = &self.default {
            out += &format!(" (default `{default}`)");
        }
        out
    }
}
