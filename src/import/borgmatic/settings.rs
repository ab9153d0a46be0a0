//! The settings of one configuration: sections flattened, constants put in,
//! and which of them have been read.

use crate::import::draft::{Notes, Origin, Sourced};
use crate::import::tree::{Entry, Node, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The sections of versions before 1.8.
const SECTIONS: [&str; 6] = ["location", "storage", "retention", "consistency", "output", "hooks"];

/// Settings of Borg or borgmatic that mean nothing in a plan: their absence changes nothing.
const MEANINGLESS: [&str; 41] = [
    "verbosity",
    "syslog_verbosity",
    "log_file",
    "log_file_verbosity",
    "log_json",
    "list",
    "statistics",
    "progress",
    "color",
    "json",
    "local_path",
    "remote_path",
    "borg_base_directory",
    "borg_config_directory",
    "borg_cache_directory",
    "borg_security_directory",
    "borg_keys_directory",
    "borg_files_cache_ttl",
    "temporary_directory",
    "lock_wait",
    "retries",
    "retry_wait",
    "umask",
    "files_cache",
    "archive_name_format",
    "match_archives",
    "prefix",
    "checkpoint_interval",
    "checkpoint_volume",
    "chunker_params",
    "user_runtime_directory",
    "user_state_directory",
    "source_directories_must_exist",
    "relocated_repo_access_is_ok",
    "unknown_unencrypted_repo_access_is_ok",
    "check_last",
    "compact_threshold",
    "borg_exit_codes",
    "extra_borg_options",
    "default_actions",
    "skip_actions",
];

/// Why what is not carried over is not, behind its name.
pub(super) fn reason(name: &str) -> &'static str {
    match name {
        "read_special" => ": a program's output is a source with `command`",
        "btrfs" | "zfs" | "lvm" => ": a snapshot of the file system; a source's `before` and `after` can make one",
        "on_error" | "commands" => "",
        "cronitor" | "cronhub" | "pagerduty" | "pushover" | "telegram" | "apprise" | "uptime_kuma" | "loki"
        | "zabbix" | "sentry" => ": `notify` has no such service; `webhook` or `command` reach it",
        "keep_minutely" | "keep_secondly" | "keep_3monthly" | "keep_13weekly" => ": `keep` has no such rule",
        "exclude_nodump" => ": the flag is not looked at",
        "extra_borg_options" => ": options of Borg's",
        _ if name.starts_with("before_") || name.starts_with("after_") => {
            ": only what runs before and after a backup has a place here"
        }
        _ => ": there is no such setting here",
    }
}

pub(super) struct Settings {
    file: Arc<str>,
    entries: Vec<Entry>,
    constants: Vec<(String, String)>,
    read: RefCell<BTreeSet<String>>,
    /// Of what cannot be read at all.
    pub notes: Notes,
}

impl Settings {
    pub fn of(tree: &Node, file: &Arc<str>) -> Self {
        let mut entries = Vec::new();
        for entry in tree.entries() {
            if SECTIONS.contains(&entry.name.as_str()) && entry.node.is_map() {
                entries.extend(entry.node.entries().iter().cloned());
            } else {
                entries.push(entry.clone());
            }
        }
        let constants = entries.iter().filter(|entry| entry.name == "constants").flat_map(|entry| entry.node.entries());
        let constants =
            constants.filter_map(|entry| Some((entry.name.clone(), entry.node.text()?.to_owned()))).collect();
        let mut settings =
            Self { file: file.clone(), entries, constants, read: RefCell::default(), notes: Notes::default() };
        settings.mark("constants");
        let foreign: Vec<(String, usize)> = settings
            .entries
            .iter()
            .filter_map(|entry| match &entry.node.value {
                Value::Foreign(_) => Some((entry.name.clone(), entry.line)),
                _ => None,
            })
            .collect();
        for (name, line) in foreign {
            settings.mark(&name);
            let origin = Origin { file: settings.file.clone(), line };
            settings.notes.not_carried(
                Some(&origin),
                format!(
                    "`{name}`, which stands in another file: put that file's settings in its place and import again"
                ),
            );
        }
        settings
    }

    fn mark(&self, name: &str) {
        self.read.borrow_mut().insert(name.to_owned());
    }

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.mark(name);
        self.entries.iter().rev().find(|entry| entry.name == name).map(|entry| &entry.node)
    }

    pub fn origin(&self, node: &Node) -> Origin {
        Origin { file: self.file.clone(), line: node.line }
    }

    /// A setting's text with constants put in.
    pub fn text(&self, name: &str) -> Option<(String, Origin)> {
        let node = self.node(name)?;
        Some((self.with_constants(node.text()?), self.origin(node)))
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> Vec<(String, Origin)> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let items = node.items().into_iter();
        items.filter_map(|item| Some((self.with_constants(item.text()?), self.origin(item)))).collect()
    }

    pub fn flag(&self, name: &str) -> Option<Sourced<()>> {
        let node = self.node(name)?;
        node.is_true().then(|| Sourced::new((), &self.origin(node)))
    }

    pub fn with_constants(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.constants {
            // Once: a constant that holds another, or itself, stays as it is.
            if text.len() + value.len() < 16 << 10 {
                text = text.replace(&format!("{{{name}}}"), value);
            }
        }
        text
    }

    /// What nothing has asked for and is not without meaning here.
    pub fn unread(&self) -> impl Iterator<Item = (&str, &Node)> {
        let read = self.read.borrow().clone();
        self.entries
            .iter()
            .filter(move |entry| !read.contains(&entry.name) && !MEANINGLESS.contains(&entry.name.as_str()))
            .filter(|entry| entry.node.value != Value::Null && entry.node.text() != Some("false"))
            .map(|entry| (entry.name.as_str(), &entry.node))
    }
}
