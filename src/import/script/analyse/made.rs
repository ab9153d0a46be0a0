//! What a command makes to be kept, an archive or a dump, and where its pipe ends.

use super::super::dump::dump;
use super::super::encrypt::{Cipher, cipher};
use super::super::findings::{Item, Output};
use super::super::paths::{parent, tidy};
use super::super::tar::{Mode, tar};
use super::super::transfer::{Transfer, transfer};
use super::super::unwrap::unwrap;
use super::Reader;
use super::service::known;
use crate::import::draft::{Origin, SourceDraft, Sourced, TierDraft};
use crate::import::name;
use crate::import::pattern;
use crate::import::shell::{Command, Word};

impl Reader<'_> {
    /// Something that a command makes to be kept; its file is added by `finish`.
    pub(super) fn produced(&mut self, command: &Command, inner: &Command, origin: &Origin) -> Option<Item> {
        let mut item = Item::default();
        match inner.program() {
            "tar" | "gtar" | "bsdtar" => {
                let tar = tar(inner, &self.file, &self.folder);
                if tar.mode != Mode::Create {
                    return None;
                }
                item.source = tar.source;
                if let Some(file) = &tar.file {
                    self.add_output(&mut item, file, origin);
                }
            }
            "zip" | "7z" | "7za" | "7zr" => item = self.zip(inner, origin)?,
            "sqlite3" => item = self.sqlite(inner, origin)?,
            _ => {
                let dump = dump(command, origin)?;
                item.source.origin = Some(origin.clone());
                item.source.notes = dump.notes;
                item.source.command = Some(Sourced::new((dump.command, None), origin));
                if let Some(file) = &dump.file {
                    self.add_output(&mut item, file, origin);
                }
            }
        }
        item.source.before.append(&mut self.found.before);
        Some(item)
    }

    /// Follows what a command writes to the end of its pipe.
    pub(super) fn finish(&mut self, mut item: Item, commands: &[Command]) {
        for (at, command) in commands.iter().enumerate() {
            let inner = unwrap(command);
            let origin = self.origin(command.line);
            if let Some(Cipher::Encrypts(call)) = cipher(&inner, &origin) {
                item.encryption = Some(call.encrypted);
                if let Some(output) = &call.output {
                    self.add_output(&mut item, output, &origin);
                }
            } else if at > 0
                && let Some(Transfer::Upload { from: None, tier, .. }) = transfer(&inner, &origin, self.around())
            {
                item.sent.push(*tier);
            } else if at > 0 && inner.program() == "ssh" {
                item.sent.extend(ssh_cat(&inner, &origin));
            } else if at > 0 && matches!(inner.program(), "split" | "tee") {
                if let Some(file) = inner.arguments().last().filter(|word| !word.starts_with("-")) {
                    self.add_output(&mut item, file, &origin);
                }
            } else if at > 0 && matches!(inner.program(), "restic" | "borg") {
                item.source.notes.not_carried(Some(&origin), format!("the pipe into `{}`", inner.program()));
            }
            if at + 1 == commands.len()
                && let Some(file) = command.output().filter(|word| word.text() != Some("/dev/null"))
            {
                self.add_output(&mut item, file, &origin);
            }
        }
        self.name(&mut item);
        self.found.items.push(item);
    }

    pub(super) fn add_output(&self, item: &mut Item, file: &Word, origin: &Origin) {
        let pattern = self.folder.pattern(file);
        if item.outputs.iter().any(|output| output.pattern == pattern) {
            return;
        }
        let place = file.as_place().and_then(|place| self.folder.join(&place).or(Some(place)));
        if item.source.name.is_empty()
            && let Some(place) = &place
        {
            item.source.name = stem(place);
        }
        let folder =
            place.as_deref().and_then(parent).filter(|folder| folder.starts_with(['/', '~'])).map(str::to_owned);
        item.outputs.push(Output { pattern, folder, origin: origin.clone() });
    }

    /// A name for what has none, and the file that a dump becomes.
    fn name(&self, item: &mut Item) {
        let source = &mut item.source;
        if source.name.is_empty() || source.name == "backup" {
            let path = source.include.first().or(source.base.as_ref()).map(|path| path.value.clone());
            let program = source.command.as_ref().and_then(|command| command.value.0.last()).cloned();
            source.name = match (path, program) {
                (Some(path), _) => name::of_path(&path, "data"),
                (None, Some(last)) => name::name(&last, "dump"),
                (None, None) => "data".to_owned(),
            };
        }
        if let Some(command) = &mut source.command
            && command.value.1.is_none()
        {
            let place = item.outputs.first().map(|output| output.pattern.clone()).unwrap_or_default();
            let last = place.rsplit('/').next().unwrap_or_default();
            let ending = [".sql", ".dump", ".archive", ".ldif", ".txt"].iter().find(|ending| last.contains(*ending));
            let ending = ending.copied().unwrap_or(".dump");
            command.value.1 = Some(format!("{}{ending}", source.name.trim_end_matches(ending)));
        }
    }

    fn zip(&mut self, command: &Command, origin: &Origin) -> Option<Item> {
        let mut item =
            Item { source: SourceDraft { origin: Some(origin.clone()), ..SourceDraft::default() }, ..Item::default() };
        let mut words = command.arguments().iter();
        let mut file = None;
        let mut is_exclude = false;
        if command.program() != "zip" && words.next().and_then(Word::text) != Some("a") {
            return None;
        }
        for word in words.by_ref() {
            let shown = word.pattern();
            match shown.as_str() {
                "-x" => is_exclude = true,
                _ if shown.starts_with("-x!") || shown.starts_with("-xr!") => {
                    let text = shown.split_once('!').map_or("", |(_, text)| text);
                    item.source.exclude.extend(pattern::tar(text, None).map(|pattern| Sourced::new(pattern, origin)));
                }
                _ if shown.starts_with('-') => {
                    if shown.starts_with("-p") || shown == "-P" {
                        item.source
                            .notes
                            .not_carried(Some(origin), "the archive's password: `encrypt` a tier to a key");
                        if shown == "-P" {
                            return None;
                        }
                    }
                }
                _ if is_exclude => {
                    item.source.exclude.extend(pattern::tar(&shown, None).map(|pattern| Sourced::new(pattern, origin)));
                }
                _ if file.is_none() => file = Some(word.clone()),
                _ => match self.folder.absolute(word) {
                    Some(path) => item
                        .source
                        .include
                        .push(Sourced::new(super::super::paths::before_pattern(&path).0, &self.origin(word.line))),
                    None => {
                        item.source.notes.not_carried(Some(origin), format!("`{}`, which is not known", word.shown()))
                    }
                },
            }
        }
        self.add_output(&mut item, &file?, origin);
        Some(item)
    }

    /// `sqlite3 LIVE ".backup COPY"`: the copy is what is backed up.
    fn sqlite(&mut self, command: &Command, origin: &Origin) -> Option<Item> {
        let action = command.arguments().iter().find_map(|word| {
            let shown = word.pattern();
            shown.trim_start().strip_prefix(".backup").map(str::to_owned)
        })?;
        let copy = tidy(action.trim().trim_start_matches("main ").trim_matches(['\'', '"']));
        let mut item =
            Item { source: SourceDraft { origin: Some(origin.clone()), ..SourceDraft::default() }, ..Item::default() };
        let line = known(command);
        match line.filter(|_| copy.starts_with('/') && !copy.contains('*')) {
            Some(line) => {
                item.source.include.push(Sourced::new(copy.clone(), origin));
                item.source.before.push(Sourced::new(line, origin));
            }
            None => {
                // The copy of every run had a name of its own; one that stays is enough.
                let live = command.arguments().first().and_then(|word| self.folder.absolute(word))?;
                let place = format!("{live}.backup");
                let line = ["sqlite3".to_owned(), live, format!(".backup '{place}'")];
                item.source.after.push(Sourced::new(vec!["rm".to_owned(), "-f".to_owned(), place.clone()], origin));
                item.source.include.push(Sourced::new(place, origin));
                item.source.before.push(Sourced::new(line.to_vec(), origin));
            }
        }
        item.source.name = stem(&copy);
        let folder = parent(&copy).filter(|folder| !folder.contains('*')).map(str::to_owned);
        item.outputs.push(Output { pattern: copy, folder, origin: origin.clone() });
        Some(item)
    }
}

/// `ssh host "cat > file"`: a store on that host.
fn ssh_cat(command: &Command, origin: &Origin) -> Option<TierDraft> {
    const WITH_VALUE: [&str; 8] = ["-i", "-p", "-o", "-l", "-F", "-c", "-J", "-b"];
    let mut words = command.arguments().iter();
    let (mut host, mut key, mut port, mut remote) = (None, None, None, String::new());
    while let Some(word) = words.next() {
        let text = word.as_place().unwrap_or_else(|| word.pattern());
        if WITH_VALUE.contains(&text.as_str()) {
            let value = words.next().and_then(Word::text).map(str::to_owned);
            match text.as_str() {
                "-i" => key = value,
                "-p" => port = value,
                _ => {}
            }
        } else if text.starts_with('-') {
        } else if host.is_none() {
            host = Some(text);
        } else {
            remote.push_str(&text);
            remote.push(' ');
        }
    }
    let file = remote.split_once('>')?.1.trim().trim_matches(['"', '\'']).to_owned();
    let folder = parent(&file).unwrap_or_default();
    let host = host?;
    let address = port.map_or(host.clone(), |port| format!("{host}:{port}"));
    let location = crate::import::location::sftp(&address, folder, key.as_deref());
    Some(TierDraft {
        origin: Some(origin.clone()),
        store: location.store,
        store_origin: Some(origin.clone()),
        notes: location.notes,
        ..TierDraft::default()
    })
}
/// A file's name without its folder, its date and its endings.
fn stem(path: &str) -> String {
    const ENDINGS: [&str; 18] = [
        ".gz", ".tgz", ".tar", ".zst", ".xz", ".bz2", ".zip", ".7z", ".sql", ".dump", ".gpg", ".age", ".enc", ".txz",
        ".tbz2", ".archive", ".part", ".bak",
    ];
    let mut stem = path.rsplit('/').next().unwrap_or_default();
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    name::name(stem, "")
}
