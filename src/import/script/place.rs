//! Sources and tiers of a draft, from what was found in one script after the other.

use super::analyse::covers;
use super::findings::{Check, Encrypted, Engine, Expiry, Findings, Item, Target, Upload};
use super::paths::is_within;
use crate::import::draft::{
    Draft, Encryption, Notes, Origin, SourceDraft, Sourced, StoreDraft, Take, TierDraft, VerifyDraft,
};
use crate::import::location::{self, Location};
use crate::import::name;
use crate::import::shell::TEMPORARY;

/// Something that runs: a script, or a command of a crontab.
pub(super) struct Unit {
    pub schedule: Option<Sourced<String>>,
    pub findings: Findings,
}

/// A draft that grows.
pub(super) struct Assembly {
    draft: Draft,
}

impl Assembly {
    pub fn new(draft: Draft) -> Self {
        Self { draft }
    }

    pub fn into_draft(self) -> Draft {
        self.draft
    }

    /// Sources and tiers of a unit.
    pub fn place_items(&mut self, unit: &mut Unit) {
        let found = &mut unit.findings;
        follow_staging(&mut found.items);
        let uploads = std::mem::take(&mut found.uploads);
        let mut is_used = vec![false; uploads.len()];
        for item in &mut found.items {
            if item.source.is_empty() {
                self.draft.notes.extend(std::mem::take(&mut item.source.notes));
                continue;
            }
            let mut tiers: Vec<TierDraft> = local_tier(item, &found.removed).into_iter().collect();
            tiers.append(&mut item.sent);
            for (upload, used) in uploads.iter().zip(&mut is_used) {
                if item.outputs.iter().any(|output| covers(&upload.from, &output.pattern)) {
                    *used = true;
                    tiers.push(upload.tier.clone());
                }
            }
            let source = self.add_source(std::mem::take(&mut item.source), !item.is_mirror);
            for tier in tiers {
                let tier = self.encrypted(tier, item.encryption.as_ref());
                self.add_tier(tier, &source, unit.schedule.as_ref());
            }
        }
        for (upload, _) in uploads.into_iter().zip(is_used).filter(|(_, used)| !used) {
            self.place_tree(upload, unit.schedule.as_ref());
        }
        for engine in std::mem::take(&mut found.engines) {
            self.place_engine(engine, unit.schedule.as_ref());
        }
        self.draft.notes.extend(std::mem::take(&mut found.notes));
    }

    /// Files that are sent to a store as they are, without having been packed before.
    fn place_tree(&mut self, upload: Upload, schedule: Option<&Sourced<String>>) {
        let Upload { place, tier, origin, exclude, from } = upload;
        let path = place.filter(|place| place.starts_with(['/', '~']) && !place.contains("{host}"));
        let Some(path) = path else {
            // Where the same store is known already, only how it is sent is new.
            if let Some(known) = self.find_tier(&tier.store) {
                merge(&mut self.draft.tiers[known], tier);
                return;
            }
            let text = format!(
                "an upload of `{}`: what it stands for is known only when the script runs",
                from.replace('*', "…")
            );
            self.draft.notes.not_carried(Some(&origin), text);
            return;
        };
        let (path, _) = super::paths::before_pattern(&path);
        let source = SourceDraft {
            name: name::of_path(&path, "root"),
            origin: Some(origin.clone()),
            base: Some(Sourced::new(path, &origin)),
            exclude,
            ..SourceDraft::default()
        };
        let source = self.add_source(source, false);
        let tier = self.encrypted(tier, None);
        self.add_tier(tier, &source, schedule);
    }

    /// A call of restic or Borg. What it keeps and checks belongs to the tier, whichever call says it.
    fn place_engine(&mut self, engine: Engine, schedule: Option<&Sourced<String>>) {
        let Engine { source, mut tier, key_notes } = engine;
        let key = self.key(key_notes, tier.origin.clone());
        tier.encryption = Some(Sourced { value: Encryption::Key(key), origin: None });
        match source.filter(|source| !source.is_empty()) {
            Some(mut source) => {
                let path = source.include.first().map(|path| path.value.clone()).unwrap_or_default();
                source.name = match source.include.len() {
                    1 => name::of_path(&path, "root"),
                    _ => "files".to_owned(),
                };
                let source = self.add_source(source, false);
                self.add_tier(tier, &source, schedule);
            }
            None => {
                let own_schedule = schedule.map(|schedule| schedule.value.clone());
                let is_known = self.find_tier(&tier.store);
                // `check` on a line of its own has a schedule of its own.
                for verify in &mut tier.verify {
                    let runs_with_backup = is_known.is_some_and(|at| {
                        self.draft.tiers[at]
                            .takes
                            .iter()
                            .any(|take| take.schedule.as_ref().map(|s| &s.value) == own_schedule.as_ref())
                    });
                    if !runs_with_backup {
                        verify.value.schedule.clone_from(&own_schedule);
                    }
                }
                match is_known {
                    Some(at) => merge(&mut self.draft.tiers[at], tier),
                    None => self.draft.tiers.push(tier),
                }
            }
        }
    }

    fn add_source(&mut self, mut source: SourceDraft, is_archive: bool) -> String {
        if is_archive && source.command.is_none() {
            let text = "every run of the script packed everything again; here only what changed is stored, and each \
                        snapshot is still whole (`mode full` in a tier packs everything)";
            self.draft.notes.differs(None, text);
        }
        if let Some(known) = self.draft.sources.iter_mut().find(|known| known.takes_the_same_as(&source)) {
            known.notes.extend(source.notes);
            return known.name.clone();
        }
        source.name =
            name::unique(name::name(&source.name, "data"), self.draft.sources.iter().map(|known| known.name.as_str()));
        let name = source.name.clone();
        self.draft.sources.push(source);
        name
    }

    fn encrypted(&mut self, mut tier: TierDraft, encrypted: Option<&Encrypted>) -> TierDraft {
        match encrypted {
            Some(encrypted) => {
                let key = self.key(encrypted.notes.clone(), Some(encrypted.origin.clone()));
                if let Some(draft) = self.draft.keys.iter_mut().find(|draft| draft.name == key) {
                    for recipient in &encrypted.recipients {
                        if !draft.recipients.iter().any(|known| known.value == recipient.value) {
                            draft.recipients.push(recipient.clone());
                        }
                    }
                }
                tier.encryption = Some(Sourced::new(Encryption::Key(key), &encrypted.origin));
            }
            None if tier.encryption.is_none()
                && !tier.notes.iter().any(|note| note.text.contains("encrypts with a password")) =>
            {
                tier.encryption = Some(Sourced { value: Encryption::Clear, origin: tier.origin.clone() });
            }
            None => {}
        }
        tier
    }

    fn key(&mut self, notes: Notes, origin: Option<Origin>) -> String {
        if self.draft.keys.is_empty() {
            self.draft.key();
            self.draft.keys[0].origin = origin;
        }
        let key = self.draft.keys.first_mut().expect("there is one now");
        key.notes.extend_new(notes);
        key.name.clone()
    }

    fn find_tier(&self, store: &StoreDraft) -> Option<usize> {
        self.draft.tiers.iter().position(|tier| tier.store.is_same_place(store))
    }

    fn add_tier(&mut self, mut tier: TierDraft, source: &str, schedule: Option<&Sourced<String>>) {
        let take = Take { source: source.to_owned(), schedule: schedule.cloned(), jitter: None };
        let at = match self.find_tier(&tier.store) {
            Some(at) => {
                merge(&mut self.draft.tiers[at], tier);
                at
            }
            None => {
                if let Some(class) = &tier.storage_class
                    && matches!(class.value.as_str(), "GLACIER" | "DEEP_ARCHIVE" | "ARCHIVE")
                {
                    tier.is_full = Some(Sourced { value: (), origin: class.origin.clone() });
                }
                self.draft.tiers.push(tier);
                self.draft.tiers.len() - 1
            }
        };
        let takes = &mut self.draft.tiers[at].takes;
        match takes.iter().find(|known| known.source == take.source) {
            None => takes.push(take),
            Some(known) if known.schedule.as_ref().map(|s| &s.value) == take.schedule.as_ref().map(|s| &s.value) => {}
            Some(_) => {
                let text = "a second schedule for the same source: it goes to a tier by one";
                let origin = take.schedule.and_then(|schedule| schedule.origin);
                self.draft.tiers[at].notes.not_carried(origin.as_ref(), text);
            }
        }
    }

    /// What is deleted, checked and told, once all tiers are there.
    pub fn place_rest(&mut self, unit: &Unit) {
        for expiry in &unit.findings.expiries {
            self.place_expiry(expiry);
        }
        let makes_backups = !unit.findings.items.is_empty() || !unit.findings.engines.is_empty();
        let schedule = unit.schedule.as_ref().filter(|_| !makes_backups).map(|schedule| schedule.value.clone());
        for check in &unit.findings.checks {
            self.place_check(check, schedule.as_ref());
        }
        for channel in &unit.findings.channels {
            self.draft.add_channel(channel.clone());
        }
    }

    fn place_expiry(&mut self, expiry: &Expiry) {
        let (rule, value) = &expiry.rule;
        let reached = self.reached(&expiry.target);
        for at in &reached {
            self.draft.tiers[*at].keep(rule, value.clone(), &expiry.origin);
        }
        if reached.is_empty() {
            let text = match &expiry.target {
                Target::Files(path) => {
                    format!(
                        "old files in `{}` are deleted, where no backup lies: leave that where it is",
                        path.replace('*', "…")
                    )
                }
                Target::Store(_) => "old files are deleted in a store that nothing here goes to".to_owned(),
            };
            self.draft.notes.not_carried(Some(&expiry.origin), text);
        }
    }

    fn place_check(&mut self, check: &Check, schedule: Option<&String>) {
        for at in self.reached(&check.target) {
            let tier = &mut self.draft.tiers[at];
            let is_cold = tier.is_full.is_some();
            let level = if is_cold { "presence" } else { check.level };
            if is_cold && check.level != "presence" {
                let text =
                    format!("`verify {}`: what lies in that class cannot be read without thawing it", check.level);
                tier.notes.not_carried(Some(&check.origin), text);
            }
            tier.verify(VerifyDraft { level, sample: None, schedule: schedule.cloned() }, &check.origin);
        }
    }

    /// The tiers that a path or an address is about.
    fn reached(&self, target: &Target) -> Vec<usize> {
        let is_reached = |tier: &TierDraft| {
            let root = tier.store.text("root").unwrap_or_default();
            match target {
                Target::Files(files) => {
                    let (folder, _) = super::paths::before_pattern(files);
                    tier.store.service == "fs"
                        && !folder.is_empty()
                        && (is_within(&folder, root) || is_within(root, &folder))
                }
                Target::Store(store) => {
                    let other = store.text("root").unwrap_or_default();
                    let same = |key| tier.store.text(key) == store.text(key);
                    tier.store.service == store.service
                        && same("bucket")
                        && same("container")
                        && same("endpoint")
                        && (other.is_empty() || root.is_empty() || is_within(root, other) || is_within(other, root))
                }
            }
        };
        (0..self.draft.tiers.len()).filter(|at| is_reached(&self.draft.tiers[*at])).collect()
    }
}

/// An archive of what other archives and dumps were written to: those go where it goes, and it loses that folder.
fn follow_staging(items: &mut [Item]) {
    for outer in 1..items.len() {
        let (before, rest) = items.split_at_mut(outer);
        let archive = &mut rest[0];
        let base = archive.source.base.as_ref().map(|base| base.value.clone());
        let absolute = |path: &str| match &base {
            Some(base) if !path.starts_with(['/', '~']) => format!("{base}/{path}"),
            _ => path.to_owned(),
        };
        let mut staged: Vec<String> = archive.source.include.iter().map(|path| absolute(&path.value)).collect();
        if staged.is_empty() {
            staged.extend(base.clone());
        }
        for path in staged {
            let mut is_staged = false;
            for inner in
                before.iter_mut().filter(|inner| inner.outputs.iter().any(|output| is_within(&output.pattern, &path)))
            {
                is_staged = true;
                inner.outputs.retain(|output| !is_within(&output.pattern, &path));
                inner.outputs.extend(archive.outputs.iter().cloned());
                inner.sent.extend(archive.sent.iter().cloned());
                if inner.encryption.is_none() {
                    inner.encryption.clone_from(&archive.encryption);
                }
            }
            if is_staged {
                archive.source.include.retain(|include| absolute(&include.value) != path);
                if archive.source.include.is_empty() {
                    archive.source.base = None;
                }
                let path =
                    if path.starts_with(TEMPORARY) { "a temporary folder".to_owned() } else { format!("`{path}`") };
                let text = format!(
                    "{path} held what the script had put there for the archive; here that is backed up directly"
                );
                archive.source.notes.differs(archive.source.origin.clone().as_ref(), text);
            }
        }
    }
}

/// The tier that an archive's folder is, unless it is removed again or lies where nothing stays.
fn local_tier(item: &Item, removed: &[String]) -> Option<TierDraft> {
    const PASSING: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];
    let is_removed =
        |pattern: &str| removed.iter().any(|removed| !removed.starts_with('*') && covers(removed, pattern));
    let output = item.outputs.iter().rev().find(|output| output.folder.is_some() && !is_removed(&output.pattern))?;
    let folder = output.folder.clone()?;
    if PASSING.iter().any(|passing| is_within(&folder, passing)) {
        return None;
    }
    let Location { store, notes } = location::folder(&folder);
    Some(TierDraft {
        origin: Some(output.origin.clone()),
        store,
        store_origin: Some(output.origin.clone()),
        notes,
        ..TierDraft::default()
    })
}

/// Adds to a tier what another that is the same says more.
fn merge(tier: &mut TierDraft, other: TierDraft) {
    let TierDraft { notes, keep, verify, storage_class, server_side_encryption, metadata, encryption, .. } = other;
    tier.notes.extend(notes);
    for rule in keep {
        if !tier.keep.iter().any(|known| known.value.0 == rule.value.0) {
            tier.keep.push(rule);
        }
    }
    for check in verify {
        if !tier.verify.iter().any(|known| known.value == check.value) {
            tier.verify.push(check);
        }
    }
    match (&tier.storage_class, storage_class) {
        (Some(one), Some(other)) if one.value != other.value => {
            let text = format!("a second storage class `{}`: a tier has one", other.value);
            tier.notes.not_carried(other.origin.as_ref(), text);
        }
        (None, other) => tier.storage_class = other,
        _ => {}
    }
    tier.server_side_encryption = tier.server_side_encryption.take().or(server_side_encryption);
    tier.metadata = tier.metadata.take().or(metadata);
    tier.upload_limit = tier.upload_limit.take().or(other.upload_limit);
    tier.download_limit = tier.download_limit.take().or(other.download_limit);
    let is_clear = |encryption: &Option<Sourced<Encryption>>| {
        encryption.as_ref().is_none_or(|encryption| encryption.value == Encryption::Clear)
    };
    if is_clear(&tier.encryption) && !is_clear(&encryption) {
        tier.encryption = encryption;
    }
}
