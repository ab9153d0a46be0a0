//! Profiles with what they inherit.

use crate::import::draft::{Notes, Origin};
use crate::import::input::Input;
use crate::import::tree::{Entry, Node, Value};
use std::sync::Arc;

/// One profile, what it inherits filled in.
pub(super) struct Profile {
    pub name: String,
    pub file: Arc<str>,
    pub node: Node,
}

/// Names at the top of a file that are no profiles.
const NO_PROFILES: [&str; 9] =
    ["version", "global", "groups", "includes", "mixins", "schedules", "profiles", "schema", "$schema"];
/// Profiles that inherit from profiles.
const MAX_ANCESTORS: usize = 16;

/// All profiles of a file, in its order.
pub(super) fn profiles(tree: &Node, input: &Input, notes: &mut Notes) -> Vec<Profile> {
    let inner = tree.get("profiles").filter(|node| node.is_map());
    let all: Vec<&Entry> = match inner {
        Some(inner) => inner.entries().iter().collect(),
        None => tree.entries().iter().filter(|entry| !NO_PROFILES.contains(&entry.name.as_str())).collect(),
    };
    let origin = |node: &Node| Origin { file: input.name.clone(), line: node.line };
    for (name, said) in [
        ("includes", "what other files say: put it in their place and import again"),
        ("groups", "groups: a plan runs all that is due"),
        ("schedules", "schedules of groups: say `schedule` in the tiers"),
    ] {
        if let Some(node) = tree.get(name) {
            notes.not_carried(Some(&origin(node)), said);
        }
    }
    let mut found = Vec::new();
    for entry in all.iter().filter(|entry| entry.node.is_map()) {
        let mut node = entry.node.clone();
        let mut parent = entry.node.text_of("inherit").map(str::to_owned);
        let mut left = MAX_ANCESTORS;
        while let Some(name) = parent {
            let Some(ancestor) = all.iter().find(|other| other.name == name).filter(|_| left > 0) else {
                notes.not_carried(
                    Some(&origin(&entry.node)),
                    format!("what the profile `{}` inherits from `{name}`", entry.name),
                );
                break;
            };
            left -= 1;
            node = with_inherited(node, &ancestor.node);
            parent = ancestor.node.text_of("inherit").map(str::to_owned);
        }
        if node.get("use").is_some() {
            notes.not_carried(Some(&origin(&entry.node)), format!("the mixins of the profile `{}`", entry.name));
        }
        found.push(Profile { name: entry.name.clone(), file: input.name.clone(), node });
    }
    found
}

/// What the heir does not say itself; sections are filled in one by one.
fn with_inherited(heir: Node, ancestor: &Node) -> Node {
    let Node { line, value: Value::Map(mut entries) } = heir else { return heir };
    for inherited in ancestor.entries() {
        match entries.iter_mut().find(|entry| entry.name == inherited.name) {
            Some(entry) if entry.node.is_map() && inherited.node.is_map() => {
                let own = std::mem::replace(&mut entry.node, Node { line, value: Value::Null });
                entry.node = with_inherited(own, &inherited.node);
            }
            Some(_) => {}
            None => entries.push(inherited.clone()),
        }
    }
    Node { line, value: Value::Map(entries) }
}

impl Profile {
    pub fn origin(&self) -> Origin {
        Origin { file: self.file.clone(), line: self.node.line }
    }

    pub fn region(&self) -> Option<&str> {
        let env = self.node.get("env")?;
        ["AWS_DEFAULT_REGION", "AWS_REGION", "aws_default_region", "aws_region"]
            .iter()
            .find_map(|name| env.text_of(name))
    }

    /// A text with the template's words put in; none if there are others, which only resticprofile knows.
    pub fn known(&self, text: &str) -> Option<String> {
        let text = text.strip_prefix("local:").unwrap_or(text);
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let end = rest[at..].find("}}")? + at;
            out.push_str(&rest[..at]);
            match rest[at + 2..end].trim() {
                ".Profile.Name" => out.push_str(&self.name),
                ".Hostname" => out.push_str("{host}"),
                ".Env.HOME" => out.push('~'),
                _ => return None,
            }
            rest = &rest[end + 2..];
        }
        out.push_str(rest);
        let out = out.replace("${HOME}", "~").replace("$HOME", "~");
        (!out.contains('$')).then_some(out)
    }
}
