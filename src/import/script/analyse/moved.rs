//! What becomes of files that were made before: encrypted, compressed, sent elsewhere, and trees that are
//! copied as they are.

use super::super::encrypt::Cipher;
use super::super::findings::{Check, Expiry, Item, Output, Target, Upload};
use super::super::paths::parent;
use super::super::tar::{Mode, tar};
use super::super::transfer::Transfer;
use super::Reader;
use crate::import::draft::{Encryption, Origin, SourceDraft, Sourced, TierDraft};
use crate::import::name;
use crate::import::pattern;
use crate::import::shell::{Command, Word};

impl Reader<'_> {
    pub(super) fn cipher(&mut self, call: Cipher, origin: &Origin) {
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
    pub(super) fn compressor(&mut self, command: &Command, origin: &Origin) {
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

    pub(super) fn transfer(&mut self, transfer: Transfer, origin: &Origin) {
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
            let (path, _) = super::super::paths::before_pattern(&path);
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
}

/// Whether a path given to a program reaches a file: it is the file, a folder above it, or a pattern for either.
pub(in crate::import::script) fn covers(given: &str, file: &str) -> bool {
    use crate::import::shell::matches_pattern;
    let given = given.trim_end_matches("/.").trim_end_matches('/');
    given == file
        || super::super::paths::is_within(file, given)
        || matches_pattern(given, file)
        || matches_pattern(&format!("{given}/*"), file)
}
