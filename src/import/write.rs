//! From a draft to the text of a plan: every setting with where it came from,
//! every note as a comment in its place.

use super::draft::{
    Channel, ChannelDraft, CommandLine, Draft, Encryption, KeyDraft, Note, NoteKind, Notes, Origin, Setting,
    SourceDraft, Sourced, Take, TierDraft,
};
use super::kdl::{quoted, secret, words};
use crate::base::printable;
use crate::diagnostics::SourceFiles;
use crate::language::format;

/// Columns that comments are filled to.
const COMMENT_COLUMNS: usize = 100;

/// The plan, its notes as comments. `inputs` are the names of what was read.
pub(super) fn write(draft: &Draft, inputs: &[String]) -> String {
    let mut writer = Writer { text: String::new(), depth: 0 };
    writer.heading(draft, inputs);
    writer.open(&format!("plan {}", quoted(&draft.name)), None);
    writer.notes(&draft.notes);
    if let Some(zone) = &draft.timezone {
        writer.line(&format!("timezone {}", quoted(&zone.value)), zone.origin.as_ref());
    }
    for key in &draft.keys {
        writer.blank();
        writer.key(key);
    }
    for source in &draft.sources {
        writer.blank();
        writer.source(source);
    }
    for tier in &draft.tiers {
        writer.blank();
        writer.tier(tier);
    }
    for channel in &draft.channels {
        writer.blank();
        writer.channel(channel);
    }
    writer.close();
    let mut files = SourceFiles::default();
    let file = files.add("import", &*writer.text);
    format(&writer.text, file).unwrap_or(writer.text)
}

/// All notes of a draft, in the order in which the plan has them.
pub(super) fn notes(draft: &Draft) -> Vec<Note> {
    let keys = draft.keys.iter().map(|key| ("key", &key.name, &key.notes));
    let sources = draft.sources.iter().map(|source| ("source", &source.name, &source.notes));
    let tiers = draft.tiers.iter().map(|tier| ("tier", &tier.name, &tier.notes));
    let channels = draft.channels.iter().map(|channel| ("notify", &channel.name, &channel.notes));
    let inner = keys.chain(sources).chain(tiers).chain(channels).flat_map(|(node, name, notes)| {
        notes.iter().map(move |note| Note { node: Some(format!("{node} {name}")), ..note.clone() })
    });
    draft.notes.iter().cloned().chain(inner).collect()
}

struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn heading(&mut self, draft: &Draft, inputs: &[String]) {
        let inputs: Vec<String> = inputs.iter().map(|input| format!("`{input}`")).collect();
        let text = format!(
            "Written by `plan import` from {}. Behind a setting stands the line that it comes from.",
            inputs.join(", ")
        );
        self.comment_with(&text, "");
        let notes = notes(draft);
        for kind in NoteKind::ALL {
            let meaning = match kind {
                NoteKind::FillIn => "the input does not say it, and a stand-in is here",
                NoteKind::NotCarriedOver => "the input does it, and this plan does not",
                NoteKind::Differs => "it is here, and means something else than there",
            };
            if notes.iter().any(|note| note.kind == kind) {
                self.comment(&format!("- `{}:` {meaning}.", kind.label()));
            }
        }
        self.blank();
    }

    fn key(&mut self, key: &KeyDraft) {
        self.open(&format!("key {}", quoted(&key.name)), key.origin.as_ref());
        self.notes(&key.notes);
        self.group("recipient", &key.recipients, 1);
        if let Some(identity) = &key.identity {
            let create = if key.recipients.is_empty() { " create=#true" } else { "" };
            self.line(&format!("identity {}{create}", secret(&identity.value)), identity.origin.as_ref());
        }
        self.close();
    }

    fn source(&mut self, source: &SourceDraft) {
        self.open(&format!("source {}", quoted(&source.name)), source.origin.as_ref());
        self.notes(&source.notes);
        if let Some(base) = &source.base {
            self.line(&format!("base {}", quoted(&base.value)), base.origin.as_ref());
        }
        self.group("include", &source.include, usize::MAX);
        if let Some(command) = &source.command {
            let (line, stdout) = &command.value;
            let stdout = stdout.as_ref().map_or(String::new(), |name| format!(" {{ stdout {} }}", quoted(name)));
            self.line(&format!("command {}{stdout}", words(line)), command.origin.as_ref());
        }
        self.group("exclude", &source.exclude, usize::MAX);
        self.group("exclude-file", &source.exclude_file, usize::MAX);
        self.group("exclude-if-present", &source.exclude_if_present, usize::MAX);
        self.flag("exclude-caches", source.exclude_caches.as_ref());
        self.flag("one-file-system", source.one_file_system.as_ref());
        if let Some(size) = &source.max_file_size {
            self.line(&format!("max-file-size {}", quoted(&size.value)), size.origin.as_ref());
        }
        self.commands("before", &source.before);
        self.commands("after", &source.after);
        self.close();
    }

    fn tier(&mut self, tier: &TierDraft) {
        self.open(&format!("tier {}", quoted(&tier.name)), tier.origin.as_ref());
        self.notes(&tier.notes);
        let store_origin = tier.store_origin.as_ref().filter(|origin| tier.origin.as_ref() != Some(origin));
        self.open(&format!("store {}", quoted(tier.store.service)), store_origin);
        for (key, value) in &tier.store.settings {
            let value = match value {
                Setting::Text(text) => quoted(text),
                Setting::Secret(reference) => secret(reference),
            };
            self.line(&format!("{} {value}", quoted(key)), None);
        }
        self.close();
        if let Some(class) = &tier.storage_class {
            self.line(&format!("storage-class {}", quoted(&class.value)), class.origin.as_ref());
        }
        if let Some(encryption) = &tier.server_side_encryption {
            let (kind, key) = &encryption.value;
            let key = key.as_ref().map_or(String::new(), |key| format!(" key={}", quoted(key)));
            self.line(&format!("server-side-encryption {kind}{key}"), encryption.origin.as_ref());
        }
        if let Some(metadata) = &tier.metadata {
            let pairs: Vec<String> =
                metadata.value.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
            self.line(&format!("metadata {}", pairs.join(" ")), metadata.origin.as_ref());
        }
        if let Some(encryption) = &tier.encryption {
            let key = match &encryption.value {
                Encryption::Key(name) => quoted(name),
                Encryption::Clear => "none".to_owned(),
            };
            self.line(&format!("encrypt {key}"), encryption.origin.as_ref());
        }
        if let Some(compression) = &tier.compression {
            let (method, level) = &compression.value;
            let level = level.map_or(String::new(), |level| format!(" level={level}"));
            self.line(&format!("compress {method}{level}"), compression.origin.as_ref());
        }
        if let Some(full) = &tier.is_full {
            self.line("mode full", full.origin.as_ref());
        }
        self.takes(&tier.takes);
        self.keep(tier);
        for verify in &tier.verify {
            let mut text = format!("verify {}", verify.value.level);
            if let Some(sample) = &verify.value.sample {
                text += &format!(" sample={}", quoted(sample));
            }
            if let Some(schedule) = &verify.value.schedule {
                text += &format!(" schedule={}", quoted(schedule));
            }
            self.line(&text, verify.origin.as_ref());
        }
        if tier.upload_limit.is_some() || tier.download_limit.is_some() {
            let mut text = "limit".to_owned();
            for (name, limit) in [("upload", &tier.upload_limit), ("download", &tier.download_limit)] {
                if let Some(limit) = limit {
                    text += &format!(" {name}={}", quoted(&limit.value));
                }
            }
            let limit = tier.upload_limit.as_ref().or(tier.download_limit.as_ref());
            self.line(&text, limit.and_then(|limit| limit.origin.as_ref()));
        }
        self.close();
    }

    /// The schedule that most share stands once, as the tier's.
    fn takes(&mut self, takes: &[Take]) {
        type When<'a> = Option<(&'a str, Option<&'a str>)>;
        fn when(take: &Take) -> When<'_> {
            take.schedule.as_ref().map(|schedule| (schedule.value.as_str(), take.jitter.as_deref()))
        }
        fn properties(when: When<'_>, first: &str) -> String {
            let Some((schedule, jitter)) = when else { return String::new() };
            let jitter = jitter.map_or(String::new(), |jitter| format!(" jitter={}", quoted(jitter)));
            format!("{first}{}{jitter}", quoted(schedule))
        }
        let mut distinct: Vec<When<'_>> = Vec::new();
        for take in takes {
            if !distinct.contains(&when(take)) {
                distinct.push(when(take));
            }
        }
        let count = |wanted: When<'_>| takes.iter().filter(|take| when(take) == wanted).count();
        // The first of those that are equally many.
        let usual = distinct.iter().rev().copied().max_by_key(|wanted| count(*wanted)).flatten();
        let origin = |wanted: When<'_>| {
            let take = takes.iter().find(|take| when(take) == wanted);
            take.and_then(|take| take.schedule.as_ref()).and_then(|schedule| schedule.origin.as_ref())
        };
        if usual.is_some() {
            self.line(&properties(usual, "schedule "), origin(usual));
        }
        for wanted in distinct {
            let names: Vec<String> =
                takes.iter().filter(|take| when(take) == wanted).map(|take| quoted(&take.source)).collect();
            let own = if wanted == usual { String::new() } else { properties(wanted, " schedule=") };
            let origin = if wanted == usual { None } else { origin(wanted) };
            self.line(&format!("take {}{own}", names.join(" ")), origin);
        }
    }

    fn keep(&mut self, tier: &TierDraft) {
        if tier.keep.is_empty() {
            return;
        }
        let rules: Vec<String> =
            tier.keep.iter().map(|rule| format!("{}={}", rule.value.0, number(&rule.value.1))).collect();
        let origins: Vec<&Origin> = tier.keep.iter().filter_map(|rule| rule.origin.as_ref()).collect();
        self.line_from(&format!("keep {}", rules.join(" ")), &origins);
    }

    fn channel(&mut self, channel: &ChannelDraft) {
        self.open(&format!("notify {}", quoted(&channel.name)), channel.origin.as_ref());
        self.notes(&channel.notes);
        let text = match &channel.channel.value {
            Channel::Slack(url) => format!("slack {}", secret(url)),
            Channel::Healthchecks(url) => format!("healthchecks {}", secret(url)),
            Channel::Ntfy { url, token } => {
                let token = token.as_ref().map_or(String::new(), |token| format!(" token={}", secret(token)));
                format!("ntfy {}{token}", secret(url))
            }
            Channel::Webhook { url, body } => {
                let body = body.as_ref().map_or(String::new(), |body| format!(" body={}", quoted(body)));
                format!("webhook {}{body}", secret(url))
            }
            Channel::Command(line) => format!("command {}", words(line)),
        };
        self.line(&text, channel.channel.origin.as_ref());
        if !channel.events.is_empty() {
            self.line(&format!("on {}", channel.events.join(" ")), None);
        }
        self.close();
    }

    /// Values that come from one line stand in one node, up to `at_most` of them.
    fn group(&mut self, node: &str, values: &[Sourced<String>], at_most: usize) {
        let mut rest = values;
        while let Some(first) = rest.first() {
            let same = rest.iter().take(at_most).take_while(|value| value.origin == first.origin).count();
            let (group, tail) = rest.split_at(same);
            let texts: Vec<String> = group.iter().map(|value| value.value.clone()).collect();
            self.line(&format!("{node} {}", words(&texts)), first.origin.as_ref());
            rest = tail;
        }
    }

    fn flag(&mut self, node: &str, flag: Option<&Sourced<()>>) {
        if let Some(flag) = flag {
            self.line(node, flag.origin.as_ref());
        }
    }

    fn commands(&mut self, node: &str, commands: &[Sourced<CommandLine>]) {
        for command in commands {
            self.line(&format!("{node} {}", words(&command.value)), command.origin.as_ref());
        }
    }

    fn notes(&mut self, notes: &Notes) {
        for note in notes.iter() {
            let origin = note.origin.as_ref().map_or(String::new(), |origin| format!(" ({origin})"));
            self.comment(&format!("{}: {}{origin}", note.kind.label(), note.text));
        }
    }

    fn comment(&mut self, text: &str) {
        self.comment_with(text, "  ");
    }

    fn comment_with(&mut self, text: &str, indent: &str) {
        let text = printable(text);
        let width = COMMENT_COLUMNS.saturating_sub(4 * self.depth + 3).max(20);
        let options = textwrap::Options::new(width)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .subsequent_indent(indent);
        for line in textwrap::wrap(&text, options) {
            self.raw(&format!("// {line}"));
        }
    }

    fn open(&mut self, text: &str, origin: Option<&Origin>) {
        self.line_from(&format!("{text} {{"), &origin.into_iter().collect::<Vec<_>>());
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.raw("}");
    }

    fn line(&mut self, text: &str, origin: Option<&Origin>) {
        self.line_from(text, &origin.into_iter().collect::<Vec<_>>());
    }

    /// A node and the lines that it comes from, each once: `x.sh:3,4`.
    fn line_from(&mut self, text: &str, origins: &[&Origin]) {
        let mut origins = origins.to_vec();
        origins.sort();
        origins.dedup();
        let mut from = String::new();
        let mut file = "";
        for origin in origins {
            match (*origin.file == *file, from.is_empty()) {
                (true, _) => from += &format!(",{}", origin.line),
                (false, true) => from = origin.to_string(),
                (false, false) => from += &format!(" {origin}"),
            }
            file = &origin.file;
        }
        let comment = if from.is_empty() { String::new() } else { format!(" // {}", printable(&from)) };
        self.raw(&format!("{text}{comment}"));
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn raw(&mut self, text: &str) {
        for _ in 0..self.depth {
            self.text += "    ";
        }
        self.text += text;
        self.text.push('\n');
    }
}

/// Whole numbers stay bare, durations are quoted.
fn number(text: &str) -> String {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) { text.to_owned() } else { quoted(text) }
}
