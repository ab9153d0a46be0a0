//! YAML, and JSON, which is YAML too, as a tree.

use super::{Entry, MAX_DEPTH, MAX_NODES, Mistake, Node, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use std::collections::HashMap;

pub(in crate::import) fn yaml(text: &str) -> Result<Node, Mistake> {
    let mut builder = Builder::default();
    let mut last_line = 1;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| mistake(&error))?;
        let line = span.start.line().max(1);
        last_line = line;
        let too_much = |reason: &str| Mistake { line, column: span.start.col() + 1, reason: reason.to_owned() };
        builder.event(event, line).map_err(too_much)?;
        if builder.is_done {
            // A second document is none of this file's settings.
            break;
        }
    }
    Ok(builder.root.unwrap_or(Node { line: last_line, value: Value::Null }))
}

fn mistake(error: &ScanError) -> Mistake {
    let marker = error.marker();
    Mistake { line: marker.line().max(1), column: marker.col() + 1, reason: error.info().to_owned() }
}

/// What is being read: a list, or a map with the name that waits for its value.
enum Open {
    List { line: usize, anchor: usize, items: Vec<Node> },
    Map { line: usize, anchor: usize, entries: Vec<Entry>, name: Option<(String, usize)> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// What anchors stand for, with the number of nodes in it.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
    is_done: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let value = match &tag {
                    // `!include file`, `!retain`, `!omit`: programs' own.
                    Some(tag) if !tag.is_yaml_core_schema() && !tag.suffix.is_empty() => {
                        Value::Foreign(tag.suffix.clone())
                    }
                    _ if is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
                    _ => Value::Scalar(text.into_owned()),
                };
                self.complete(Node { line, value }, anchor)
            }
            Event::Alias(anchor) => {
                let (node, count) = self.anchors.get(&anchor).cloned().ok_or("an alias without an anchor")?;
                self.count(count)?;
                self.complete(Node { line, ..node }, 0)
            }
            Event::SequenceStart(anchor, _) => self.start(Open::List { line, anchor, items: Vec::new() }),
            Event::MappingStart(anchor, _) => self.start(Open::Map { line, anchor, entries: Vec::new(), name: None }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { line, anchor, items }) => {
                    self.complete(Node { line, value: Value::List(items) }, anchor)
                }
                Some(Open::Map { line, anchor, entries, .. }) => {
                    self.complete(Node { line, value: Value::Map(merged(entries)) }, anchor)
                }
                None => Ok(()),
            },
            Event::DocumentEnd => {
                self.is_done = true;
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn start(&mut self, open: Open) -> Result<(), &'static str> {
        if self.open.len() == MAX_DEPTH {
            return Err("it is nested too deeply");
        }
        self.open.push(open);
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), &'static str> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err("its aliases stand for too much") } else { Ok(()) }
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), &'static str> {
        self.count(1)?;
        if anchor > 0 {
            let count = size(&node);
            self.count(count)?;
            self.anchors.insert(anchor, (node.clone(), count));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, name, .. }) => match name.take() {
                None => *name = Some((node.text().unwrap_or_default().to_owned(), node.line)),
                Some((name, line)) => entries.push(Entry { name, line, node }),
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
        _ => 1,
    }
}

/// With what `<<` brings in, which counts less than what stands there.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.iter().any(|entry| entry.name == "<<" && !matches!(entry.node.value, Value::Foreign(_))) {
        return entries;
    }
    let (merges, own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.name == "<<");
    let mut all: Vec<Entry> = Vec::new();
    for merge in &merges {
        for node in merge.node.items() {
            for entry in node.entries() {
                if !own.iter().chain(&all).any(|known| known.name == entry.name) {
                    all.push(entry.clone());
                }
            }
        }
    }
    all.extend(own);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_lists_anchors_and_merges_have_their_lines() {
        let text = "base: &base\n  keep: 7\n  x: [a, 'b']\none:\n  <<: *base\n  keep: 3\nnothing:\nincluded: !include other.yaml\n";
        let tree = yaml(text).unwrap();
        let one = tree.get("one").unwrap();
        assert_eq!(one.text_of("keep"), Some("3"));
        assert_eq!(one.get("x").unwrap().items()[1].text(), Some("b"));
        assert_eq!(one.get("keep").unwrap().line, 6);
        assert_eq!(tree.get("nothing").unwrap().value, Value::Null);
        assert_eq!(tree.get("included").unwrap().value, Value::Foreign("include".to_owned()));
        assert_eq!(yaml("{\"a\": {\"b\": [1, true]}}").unwrap().get("a").unwrap().get("b").unwrap().items().len(), 2);
    }

    #[test]
    fn a_mistake_has_its_place() {
        let mistake = yaml("a: 1\nb: [1, 2\nc: d\n").unwrap_err();
        assert!(mistake.line >= 2, "{mistake:?}");
        assert!(yaml("a: \"x\n").is_err());
    }

    #[test]
    fn no_bomb_goes_off() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let inner = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", [inner.as_str(); 10].join(", "));
        }
        assert_eq!(yaml(&bomb).unwrap_err().reason, "its aliases stand for too much");
        assert!(yaml(&"[".repeat(100_000)).is_err());
        assert!(yaml(&"- ".repeat(100_000)).is_err());
        let _ = yaml(&"a: &a *a\n".repeat(10));
    }
}
