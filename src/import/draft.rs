//! What a reader found out, before it is written: sources, tiers, schedules,
//! retention, hooks and channels, each with where it came from.

use super::name;
use std::fmt;
use std::sync::Arc;

/// A line of one of the files that were read; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub file: Arc<str>,
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value and the place that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sourced<T> {
    pub value: T,
    /// None: the input does not say it.
    pub origin: Option<Origin>,
}

impl<T> Sourced<T> {
    pub fn new(value: T, origin: &Origin) -> Self {
        Self { value, origin: Some(origin.clone()) }
    }

    pub fn invented(value: T) -> Self {
        Self { value, origin: None }
    }
}

/// How far what the plan says lies from what the input said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// The plan needs something that the input does not say; a stand-in is there.
    FillIn,
    /// The input said it, and the plan does not.
    NotCarriedOver,
    /// The plan says it, and it means something else there.
    Differs,
}

impl NoteKind {
    pub const ALL: [NoteKind; 3] = [Self::FillIn, Self::NotCarriedOver, Self::Differs];

    /// As it stands in front of the note, in the plan and on the terminal.
    pub fn label(self) -> &'static str {
        match self {
            Self::FillIn => "fill in",
            Self::NotCarriedOver => "not carried over",
            Self::Differs => "differs",
        }
    }

    /// As JSON calls it.
    pub fn id(self) -> &'static str {
        match self {
            Self::FillIn => "fill_in",
            Self::NotCarriedOver => "not_carried_over",
            Self::Differs => "differs",
        }
    }
}

/// Something to know about the written plan: one line, lower case, no full stop,
/// never with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub kind: NoteKind,
    /// The node of the plan in which it stands, such as `tier cloud`; none for the plan itself.
    pub node: Option<String>,
    pub origin: Option<Origin>,
    pub text: String,
}

/// The notes of one place in the plan, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub fn fill_in(&mut self, origin: Option<&Origin>, text: impl Into<String>) {
        self.push(NoteKind::FillIn, origin, text.into());
    }

    pub fn not_carried(&mut self, origin: Option<&Origin>, text: impl Into<String>) {
        self.push(NoteKind::NotCarriedOver, origin, text.into());
    }

    pub fn differs(&mut self, origin: Option<&Origin>, text: impl Into<String>) {
        self.push(NoteKind::Differs, origin, text.into());
    }

    fn push(&mut self, kind: NoteKind, origin: Option<&Origin>, text: String) {
        let note = Note { kind, node: None, origin: origin.cloned(), text };
        if self.0.len() < MAX_NOTES && !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    pub fn extend(&mut self, other: Notes) {
        for note in other.0 {
            self.push(note.kind, note.origin.as_ref(), note.text);
        }
    }

    /// Adds those that say something new, wherever they come from.
    pub fn extend_new(&mut self, other: Notes) {
        for note in other.0 {
            if !self.0.iter().any(|known| known.text == note.text) {
                self.0.push(note);
            }
        }
    }

    /// Puts another name in the place of a variable's.
    fn rename(&mut self, from: &str, to: &str) {
        if from != to {
            self.0.iter_mut().for_each(|note| note.text = note.text.replace(from, to));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.0.iter()
    }
}

/// Notes of one place; a file that causes more is not one of backups.
const MAX_NOTES: usize = 500;

/// Where a secret is found; the secret itself is never in a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    Env(String),
    File(String),
    Command(String),
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Text(String),
    Secret(Secret),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub name: String,
    pub timezone: Option<Sourced<String>>,
    pub keys: Vec<KeyDraft>,
    pub sources: Vec<SourceDraft>,
    pub tiers: Vec<TierDraft>,
    pub channels: Vec<ChannelDraft>,
    /// Of the plan as a whole.
    pub notes: Notes,
}

#[derive(Clone, Debug)]
pub(super) struct KeyDraft {
    pub name: String,
    pub origin: Option<Origin>,
    pub recipients: Vec<Sourced<String>>,
    /// Made by the first run where there is no recipient.
    pub identity: Option<Sourced<Secret>>,
    pub notes: Notes,
}

impl Channel {
    /// The variable that holds its address.
    fn variable(&mut self) -> Option<&mut String> {
        match self {
            Self::Slack(Secret::Env(name))
            | Self::Healthchecks(Secret::Env(name))
            | Self::Ntfy { url: Secret::Env(name), .. }
            | Self::Webhook { url: Secret::Env(name), .. } => Some(name),
            _ => None,
        }
    }
}

impl Draft {
    /// Adds a channel, or its events to one that is the same. Two addresses never share a variable.
    pub fn add_channel(&mut self, mut channel: ChannelDraft) {
        let is_same = |known: &ChannelDraft, channel: &ChannelDraft| {
            known.channel.value == channel.channel.value && known.address == channel.address
        };
        if let Some(known) = self.channels.iter_mut().find(|known| is_same(known, &channel)) {
            known.notes.extend_new(channel.notes);
            for event in channel.events {
                if !known.events.contains(&event) {
                    known.events.push(event);
                }
            }
            return;
        }
        if let Some(variable) = channel.channel.value.variable() {
            let taken = self.channels.iter_mut().filter_map(|known| known.channel.value.variable().cloned());
            let taken: Vec<String> = taken.collect();
            let wanted = variable.clone();
            let numbered = (2u32..).map(|number| format!("{wanted}_{number}"));
            let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken.contains(name));
            let free = free.expect("there are more numbers than channels");
            channel.notes.rename(&wanted, &free);
            *variable = free;
        }
        channel.name = name::unique(channel.name, self.channels.iter().map(|known| known.name.as_str()));
        self.channels.push(channel);
    }
}

/// A program and its arguments.
pub(super) type CommandLine = Vec<String>;

#[derive(Clone, Debug, Default)]
pub(super) struct SourceDraft {
    pub name: String,
    pub origin: Option<Origin>,
    pub base: Option<Sourced<String>>,
    pub include: Vec<Sourced<String>>,
    pub exclude: Vec<Sourced<String>>,
    pub exclude_file: Vec<Sourced<String>>,
    pub exclude_if_present: Vec<Sourced<String>>,
    pub exclude_caches: Option<Sourced<()>>,
    pub one_file_system: Option<Sourced<()>>,
    pub max_file_size: Option<Sourced<String>>,
    /// A program instead of paths, and the name of the file that its output becomes.
    pub command: Option<Sourced<(CommandLine, Option<String>)>>,
    pub before: Vec<Sourced<CommandLine>>,
    pub after: Vec<Sourced<CommandLine>>,
    pub notes: Notes,
}

impl SourceDraft {
    /// Whether both take the same, whatever they are called.
    pub fn takes_the_same_as(&self, other: &Self) -> bool {
        fn texts(list: &[Sourced<String>]) -> Vec<&str> {
            list.iter().map(|item| item.value.as_str()).collect()
        }
        let base = |source: &'_ Self| source.base.as_ref().map(|base| base.value.clone());
        base(self) == base(other)
            && texts(&self.include) == texts(&other.include)
            && texts(&self.exclude) == texts(&other.exclude)
            && texts(&self.exclude_file) == texts(&other.exclude_file)
            && self.command.as_ref().map(|command| &command.value) == other.command.as_ref().map(|c| &c.value)
    }

    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.include.is_empty() && self.command.is_none()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// To a key of the draft, by its name.
    Key(String),
    Clear,
}

/// The rules of `keep` and their values, such as `daily` and `30`.
pub(super) type KeepRule = (&'static str, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerifyDraft {
    pub level: &'static str,
    pub sample: Option<String>,
    /// None: after every upload.
    pub schedule: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Take {
    pub source: String,
    pub schedule: Option<Sourced<String>>,
    pub jitter: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct StoreDraft {
    pub service: &'static str,
    pub settings: Vec<(&'static str, Setting)>,
}

impl StoreDraft {
    pub fn new(service: &'static str) -> Self {
        Self { service, settings: Vec::new() }
    }

    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.settings.push((key, Setting::Text(value)));
        }
        self
    }

    /// The text of a setting; none where it is a secret or not set.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.iter().find_map(|(name, value)| match value {
            Setting::Text(text) if *name == key => Some(text.as_str()),
            _ => None,
        })
    }

    pub fn set(&mut self, key: &'static str, value: Setting) {
        self.settings.retain(|(name, _)| *name != key);
        self.settings.push((key, value));
    }

    /// Whether both lead to the same objects.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place =
            |store: &Self| ["bucket", "container", "endpoint", "root"].map(|key| store.text(key).map(str::to_owned));
        self.service == other.service && place(self) == place(other)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct TierDraft {
    pub name: String,
    pub origin: Option<Origin>,
    pub store: StoreDraft,
    pub store_origin: Option<Origin>,
    pub storage_class: Option<Sourced<String>>,
    /// The kind, and the key's name with `kms`.
    pub server_side_encryption: Option<Sourced<(&'static str, Option<String>)>>,
    pub metadata: Option<Sourced<Vec<(String, String)>>>,
    pub encryption: Option<Sourced<Encryption>>,
    pub compression: Option<Sourced<(&'static str, Option<u32>)>>,
    pub is_full: Option<Sourced<()>>,
    pub takes: Vec<Take>,
    pub keep: Vec<Sourced<KeepRule>>,
    pub verify: Vec<Sourced<VerifyDraft>>,
    /// Rates, as the plan writes them.
    pub upload_limit: Option<Sourced<String>>,
    pub download_limit: Option<Sourced<String>>,
    pub notes: Notes,
}

impl TierDraft {
    pub fn keep(&mut self, rule: &'static str, value: impl Into<String>, origin: &Origin) {
        if !self.keep.iter().any(|kept| kept.value.0 == rule) {
            self.keep.push(Sourced::new((rule, value.into()), origin));
        }
    }

    pub fn verify(&mut self, verify: VerifyDraft, origin: &Origin) {
        if !self.verify.iter().any(|known| known.value == verify) {
            self.verify.push(Sourced::new(verify, origin));
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Slack(Secret),
    Healthchecks(Secret),
    Ntfy { url: Secret, token: Option<Secret> },
    Webhook { url: Secret, body: Option<String> },
    Command(CommandLine),
}

#[derive(Clone, Debug)]
pub(super) struct ChannelDraft {
    pub name: String,
    pub origin: Option<Origin>,
    pub channel: Sourced<Channel>,
    /// Empty: those that a channel of its kind is told of anyway.
    pub events: Vec<&'static str>,
    /// The address in the input, only to tell two from each other: it is never written.
    pub address: String,
    pub notes: Notes,
}
