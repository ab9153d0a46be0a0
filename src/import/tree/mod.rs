//! YAML, JSON and TOML as one tree, in which everything knows its line.
//!
//! Invariant: a tree has at most [`MAX_NODES`] nodes and is at most
//! [`MAX_DEPTH`] deep, whatever aliases the text has.

mod toml;
mod yaml;

pub(super) use toml::toml;
pub(super) use yaml::yaml;

/// Nodes of one tree, copies for aliases counted; a real file has some hundred.
const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 40;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// From 1.
    pub line: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// Text, a number or a boolean, as written.
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the text; a name may stand twice, the last one counts.
    Map(Vec<Entry>),
    /// Something that only the program itself reads, such as `!include`.
    Foreign(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub line: usize,
    pub node: Node,
}

/// A mistake in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub line: usize,
    pub column: usize,
    pub reason: String,
}

impl Node {
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().rev().find(|entry| entry.name == name).map(|entry| &entry.node)
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; the node itself if it is none, for settings that may be one or several.
    pub fn items(&self) -> Vec<&Node> {
        match &self.value {
            Value::List(items) => items.iter().collect(),
            Value::Null => Vec::new(),
            _ => vec![self],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::text)
    }

    pub fn is_true(&self) -> bool {
        self.text().is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
    }

    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }
}
