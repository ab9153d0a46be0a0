//! From the commands that a script runs to what they back up, send, delete,
//! check and tell.

use super::channel::channel;
use super::dump::{dump, looks_secret};
use super::encrypt::{Cipher, cipher};
use super::engine::engine;
use super::expiry::expiry;
use super::findings::{Check, Expiry, Findings, Item, Output, Target, Upload};
use super::paths::{Folder, parent, tidy};
use super::tar::{Mode, tar};
use super::transfer::{Around, Transfer, transfer};
use super::unwrap::{inline, unwrap};
use crate::import::draft::{CommandLine, Encryption, Origin, SourceDraft, Sourced, TierDraft};
use crate::import::location::Remotes;
use crate::import::shell::{Command, Pipeline, Script, TEMPORARY, Trace, Word, trace};
use crate::import::{name, pattern};
use std::sync::Arc;

/// Programs that neither keep nor send anything: their absence from the plan is no loss.
const WITHOUT_EFFECT: [&str; 83] = [
    "echo", "printf", "log", "mkdir", "date", "set", "exit", "return", "chmod", "chown", "chgrp", "touch", "test", "[",
    "[[", "true", "false", ":", "sleep", "wc", "du", "df", "cat", "grep", "egrep", "awk", "sed", "cut", "head", "tail",
    "sort", "uniq", "tee", "basename", "dirname", "read", "shift", "logger", "wait", "kill", "hostname", "id",
    "whoami", "umask", "ulimit", "shopt", "pwd", "stat", "sync", "ls", "find", "jq", "seq", "tput", "clear", "numfmt",
    "bc", "expr", "let", "mktemp", "rmdir", "break", "continue", "xargs", "tr", "which", "type", "file", "eval",
    "wait", "ping", "timeout", "local", "pushd", "popd", "renice", "ionice", "trap", "getopts", "python3", "column",
    "nproc", "install",
];

/// `bash -c "bash -c …"`
const MAX_NESTING: usize = 4;

/// Reads what one script, or one command of a crontab, does.
pub(super) fn analyse(script: &Trace, file: &Arc<str>, remotes: &Remotes, others: &[Script<'_>]) -> Findings {
    let mut reader =
        Reader { file: file.clone(), trace: script, remotes, folder: Folder::default(), found: Findings::default() };
    reader.read(&script.pipelines, others, 0);
    reader.found
}

struct Reader<'a> {
    file: Arc<str>,
    trace: &'a Trace,
    remotes: &'a Remotes,
    folder: Folder,
    found: Findings,
}

impl Reader<'_> {
    fn origin(&self, line: usize) -> Origin {
        Origin { file: self.file.clone(), line }
    }

    fn around(&self) -> Around<'_> {
        let text = |names: &[&str]| names.iter().find_map(|name| self.trace.variable(name).and_then(Word::text));
        let region = text(&["AWS_REGION", "AWS_DEFAULT_REGION", "REGION"]).filter(|region| !region.is_empty());
        let endpoint = text(&["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "ENDPOINT_URL"]).filter(|url| !url.is_empty());
        Around { remotes: self.remotes, region, endpoint }
    }

    fn read(&mut self, pipelines: &[Pipeline], others: &[Script<'_>], nesting: usize) {
        for pipeline in pipelines {
            for command in &pipeline.commands {
                let inner = unwrap(command);
                if let Some(text) = inline(&inner).and_then(Word::text)
                    && nesting < MAX_NESTING
                {
                    let nested = trace(text, command.line, others);
                    self.read(&nested.pipelines, others, nesting + 1);
                }
            }
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        if expiry(&pipeline.commands, &self.file, &self.folder, &mut self.found) {
            return;
        }
        for (at, command) in pipeline.commands.iter().enumerate() {
            let origin = self.origin(command.line);
            let inner = unwrap(command);
            if let Some(item) = self.produced(command, &inner, &origin) {
                self.finish(item, &pipeline.commands[at..]);
                return;
            }
        }
        for command in &pipeline.commands {
            self.command(&unwrap(command), pipeline);
        }
    }

    /// Something that a command makes to be kept; its file is added by `finish`.
    fn produced(&mut self, command: &Command, inner: &Command, origin: &Origin) -> Option<Item> {
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
    fn finish(&mut self, mut item: Item, commands: &[Command]) {
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

    fn add_output(&self, item: &mut Item, file: &Word, origin: &Origin) {
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
                        .push(Sourced::new(super::paths::before_pattern(&path).0, &self.origin(word.line))),
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

    fn command(&mut self, command: &Command, pipeline: &Pipeline) {
        let origin = self.origin(command.line);
        if let Some(call) = cipher(command, &origin) {
            self.cipher(call, &origin);
            return;
        }
        if let Some(engine) = engine(command, &self.folder, &origin, self.trace, self.around()) {
            let mut engine = engine;
            if let Some(source) = &mut engine.source {
                source.before.append(&mut self.found.before);
            }
            self.found.engines.push(engine);
            return;
        }
        if let Some(transfer) = transfer(command, &origin, self.around()) {
            self.transfer(transfer, &origin);
            return;
        }
        if let Some(channel) = channel(command, pipeline.connector, &origin, self.trace) {
            self.found.channels.push(channel);
            return;
        }
        match command.program() {
            "cd" => match command.arguments().first() {
                Some(folder) => self.folder.enter(folder),
                None => self.folder = Folder::at("~"),
            },
            "rm" | "unlink" | "shred" => {
                for word in command.arguments().iter().filter(|word| !word.starts_with("-")) {
                    let pattern = self.folder.pattern(word);
                    self.found.removed.push(pattern);
                }
            }
            "gzip" | "pigz" | "bzip2" | "xz" | "zstd" | "tar" | "unzip" | "gunzip" => self.compressor(command, &origin),
            "sha256sum" | "md5sum" | "sha1sum" | "b2sum" | "sha512sum" | "cksum" => {
                if command
                    .arguments()
                    .iter()
                    .filter_map(Word::text)
                    .any(|text| matches!(text, "-c" | "--check" | "--status"))
                {
                    let files = command.arguments().last().map(|word| self.folder.pattern(word)).unwrap_or_default();
                    self.found.checks.push(Check { target: Target::Files(files), level: "checksum", origin });
                }
            }
            "systemctl" | "service" | "docker" | "docker-compose" | "podman" | "supervisorctl" | "fsfreeze"
            | "virsh" | "pct" | "lxc" | "rc-service" => self.service(command, &origin),
            "" => {}
            program if WITHOUT_EFFECT.contains(&program) => {}
            "bash" | "sh" | "dash" | "ssh-add" | "ssh-agent" => {}
            "curl" | "wget" => {
                self.found.notes.not_carried(Some(&origin), format!("a call of `{}`", command.program()))
            }
            program => {
                let text = format!(
                    "`{}`: if the backup needs it, make it a source's `before` or `after`",
                    printable_program(program)
                );
                self.found.notes.not_carried(Some(&origin), text);
            }
        }
    }

    fn cipher(&mut self, call: Cipher, origin: &Origin) {
        match call {
            Cipher::Encrypts(call) => {
                let Some(input) = call.input.as_ref().map(|word| self.folder.pattern(word)) else { return };
                let output = call.output.as_ref();
                let mut items = std::mem::take(&mut self.found.items);
                let mut is_ours = false;
                for item in &mut items {
                    if item.outputs.iter().any(|known| covers(&input, &known.pattern) || covers(&known.pattern, &input))
                    {
                        is_ours = true;
                        item.encryption = Some(call.encrypted.clone());
                        if let Some(output) = output {
                            self.add_output(item, output, origin);
                        }
                    }
                }
                self.found.items = items;
                if !is_ours {
                    let text = "encryption of a file that is not seen being made: `encrypt` in a tier names a `key`";
                    self.found.notes.not_carried(Some(origin), text);
                }
            }
            Cipher::Reads(file) => {
                let files = file.map_or("*".to_owned(), |word| self.folder.pattern(&word));
                self.found.checks.push(Check {
                    target: Target::Files(files),
                    level: "contents",
                    origin: origin.clone(),
                });
            }
        }
    }

    /// `gzip FILE` makes another file of an item; `gzip -t FILE` and `tar -t` read one.
    fn compressor(&mut self, command: &Command, origin: &Origin) {
        if command.program() == "tar" {
            let tar = tar(command, &self.file, &self.folder);
            if let (Mode::List, Some(file)) = (tar.mode, &tar.file) {
                let target = Target::Files(self.folder.pattern(file));
                self.found.checks.push(Check { target, level: "contents", origin: origin.clone() });
            }
            return;
        }
        let is_test = command.arguments().iter().filter_map(Word::text).any(|text| {
            text == "--test"
                || (text.starts_with('-') && !text.starts_with("--") && text.contains('t') && !text.starts_with("-T"))
        });
        let Some(word) = command.arguments().iter().rev().find(|word| !word.starts_with("-")) else { return };
        let pattern = self.folder.pattern(word);
        if is_test {
            self.found.checks.push(Check { target: Target::Files(pattern), level: "contents", origin: origin.clone() });
            return;
        }
        let ending = match command.program() {
            "gzip" | "pigz" => ".gz",
            "bzip2" => ".bz2",
            "xz" => ".xz",
            "zstd" => ".zst",
            _ => return,
        };
        for item in &mut self.found.items {
            let known = item.outputs.iter().find(|output| covers(&pattern, &output.pattern));
            if let Some(folder) = known.map(|output| output.folder.clone()) {
                item.outputs.push(Output { pattern: format!("{pattern}{ending}"), folder, origin: origin.clone() });
            }
        }
    }

    fn transfer(&mut self, transfer: Transfer, origin: &Origin) {
        match transfer {
            Transfer::Upload { from: None, .. } => {}
            Transfer::Upload { from: Some(from), tier, exclude } => {
                let place = from.as_place().and_then(|place| self.folder.join(&place));
                let excludes = exclude.iter().filter_map(|word| {
                    let pattern = pattern::restic(word.text()?.trim_end_matches("/*").trim_end_matches("/**"), None)?;
                    Some(Sourced::new(pattern, origin))
                });
                let upload = Upload {
                    from: self.folder.pattern(&from),
                    place,
                    tier: *tier,
                    origin: origin.clone(),
                    exclude: excludes.collect(),
                };
                self.found.uploads.push(upload);
            }
            Transfer::Mirror { from, tier, exclude, to } => self.mirror(&from, *tier, &exclude, to.as_ref(), origin),
            Transfer::Expire { store, age } => {
                let rule = ("within", age);
                self.found.expiries.push(Expiry { target: Target::Store(store), rule, origin: origin.clone() });
            }
            Transfer::Check { store, level } => {
                self.found.checks.push(Check { target: Target::Store(store), level, origin: origin.clone() });
            }
            Transfer::Other { what } => self.found.notes.not_carried(Some(origin), what),
        }
    }

    /// Trees that are copied as they are: each is a source, and the place where they go a tier.
    fn mirror(&mut self, from: &[Word], mut tier: TierDraft, exclude: &[Word], to: Option<&Word>, origin: &Origin) {
        let patterns: Vec<String> = from.iter().map(|word| self.folder.pattern(word)).collect();
        // Archives made here that are copied elsewhere: an upload.
        let is_archive = |pattern: &String| {
            self.found.items.iter().any(|item| item.outputs.iter().any(|output| covers(pattern, &output.pattern)))
        };
        if patterns.iter().any(is_archive) {
            for (word, pattern) in from.iter().zip(&patterns) {
                let place = word.as_place().and_then(|place| self.folder.join(&place));
                let upload = Upload {
                    from: pattern.clone(),
                    place,
                    tier: tier.clone(),
                    origin: origin.clone(),
                    exclude: Vec::new(),
                };
                self.found.uploads.push(upload);
            }
            return;
        }
        let last_of_root =
            tier.store.text("root").and_then(|root| root.rsplit('/').next()).unwrap_or_default().to_owned();
        for word in from {
            let Some(path) = word.text().and_then(|text| self.folder.join(text)) else {
                let text =
                    format!("the copy of `{}`: what it stands for is known only when the script runs", word.shown());
                self.found.notes.not_carried(Some(origin), text);
                continue;
            };
            let (path, _) = super::paths::before_pattern(&path);
            let mut source = SourceDraft {
                name: name::of_path(&path, "root"),
                origin: Some(origin.clone()),
                base: Some(Sourced::new(path.clone(), origin)),
                ..SourceDraft::default()
            };
            for word in exclude {
                match word.text().and_then(|text| pattern::restic(text, None)) {
                    Some(pattern) => source.exclude.push(Sourced::new(pattern, &self.origin(word.line))),
                    None => source.notes.not_carried(Some(origin), format!("the exclude `{}`", word.shown())),
                }
            }
            source.before.append(&mut self.found.before);
            // `rsync /home/ /mnt/backup/home/`: the folder of the copies is the store.
            if path.rsplit('/').next() == Some(last_of_root.as_str())
                && from.len() == 1
                && let Some(root) = tier.store.text("root").and_then(parent).filter(|root| *root != "/")
            {
                let root = root.to_owned();
                tier.store.set("root", crate::import::draft::Setting::Text(root));
            }
            let mut item = Item { source, is_mirror: true, ..Item::default() };
            if let Some(to) = to.filter(|_| tier.store.service == "fs") {
                let pattern = self.folder.pattern(to);
                item.outputs.push(Output { pattern, folder: None, origin: origin.clone() });
            }
            tier.encryption = Some(Sourced::new(Encryption::Clear, origin));
            item.sent.push(tier.clone());
            self.found.items.push(item);
        }
    }

    /// Stopping something before the backup, starting it again after it.
    fn service(&mut self, command: &Command, origin: &Origin) {
        let words: Vec<&str> = command.arguments().iter().filter_map(Word::text).collect();
        let has = |verbs: &[&str]| words.iter().any(|word| verbs.contains(word));
        let stops = has(&["stop", "pause", "down", "suspend", "freeze", "-f", "--freeze"]);
        let starts = has(&["start", "unpause", "up", "restart", "resume", "thaw", "-u", "--unfreeze"]);
        let line = known(command);
        let (Some(line), true) = (line, stops || starts) else {
            if !has(&["is-active", "status", "ps", "inspect", "daemon-reload", "enable", "--version", "info"]) {
                let text =
                    format!("`{}`: if the backup needs it, make it a source's `before` or `after`", command.program());
                self.found.notes.not_carried(Some(origin), text);
            }
            return;
        };
        if stops {
            self.found.before.push(Sourced::new(line, origin));
            return;
        }
        // Whatever was stopped: started again after each source that was read meanwhile.
        let after = Sourced::new(line, origin);
        let items = self.found.items.iter_mut().map(|item| &mut item.source);
        let engines = self.found.engines.iter_mut().filter_map(|engine| engine.source.as_mut());
        let stopped = items.chain(engines).filter(|source| !source.before.is_empty() && source.after.is_empty());
        stopped.for_each(|source| source.after.push(after.clone()));
    }
}

/// The command, if all of it is known and nothing of it looks like a secret.
fn known(command: &Command) -> Option<CommandLine> {
    let words: Option<CommandLine> = command.words.iter().map(|word| word.text().map(str::to_owned)).collect();
    words.filter(|words| !looks_secret(&words.join(" ")) && !words.iter().any(|word| word.contains(TEMPORARY)))
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

/// Whether a path given to a program reaches a file: it is the file, a folder above it, or a pattern for either.
pub(super) fn covers(given: &str, file: &str) -> bool {
    use crate::import::shell::matches_pattern;
    let given = given.trim_end_matches("/.").trim_end_matches('/');
    given == file
        || super::paths::is_within(file, given)
        || matches_pattern(given, file)
        || matches_pattern(&format!("{given}/*"), file)
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

/// A program's name, short enough for a message; it is not known, and may be anything.
fn printable_program(program: &str) -> String {
    program.chars().take(40).collect()
}
