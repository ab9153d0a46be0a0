//! From what was found to what a plan needs: every source has a tier, every
//! tier a schedule and a decision on encryption. What is put in because the
//! input does not say it is a note.

use super::draft::{Draft, Encryption, KeyDraft, Notes, Secret, Sourced, StoreDraft, Take, TierDraft};
use super::name;

/// When a tier is due of which the input does not say it. Chosen.
const STAND_IN_SCHEDULE: &str = "@daily";
/// Where backups go of which the input does not say it. Chosen.
const STAND_IN_ROOT: &str = "/var/backups/plan";
const STAND_IN_KEY: &str = "backup";

impl Draft {
    /// Makes sure that the draft is a plan. It has at least one source.
    pub(super) fn complete(&mut self) {
        self.name = name::name(&self.name, "imported");
        self.give_every_source_a_tier();
        self.name_tiers();
        for tier in &mut self.tiers {
            if tier.keep.is_empty() {
                tier.notes.fill_in(None, "`keep`: the input deletes nothing here, so everything stays for ever");
            }
        }
        for tier in &mut self.tiers {
            complete_schedules(tier);
        }
        if self.tiers.iter().any(|tier| tier.encryption.is_none()) {
            let key = self.key();
            for tier in self.tiers.iter_mut().filter(|tier| tier.encryption.is_none()) {
                tier.encryption = Some(Sourced::invented(Encryption::Key(key.clone())));
            }
        }
        self.complete_keys();
    }

    /// Whoever has a recipient has an identity elsewhere.
    fn complete_keys(&mut self) {
        for key in &mut self.keys {
            if !key.recipients.is_empty() {
                key.identity = None;
                continue;
            }
            let text = "the first run makes this key; take a copy of it off this machine, or put the `recipient` of a \
                        key of yours here (`plan key new`)";
            key.notes.fill_in(None, text);
        }
    }

    /// The name of the draft's first key; of one that the first run makes where there is none.
    pub(super) fn key(&mut self) -> String {
        if let Some(key) = self.keys.first() {
            return key.name.clone();
        }
        let name = STAND_IN_KEY.to_owned();
        let key = KeyDraft {
            name: name.clone(),
            origin: None,
            recipients: Vec::new(),
            identity: Some(Sourced::invented(Secret::File("backup.key".to_owned()))),
            notes: Notes::default(),
        };
        self.keys.push(key);
        name
    }

    /// What has no name is called after its service; after its folder too, where there are several.
    fn name_tiers(&mut self) {
        for at in 0..self.tiers.len() {
            if !self.tiers[at].name.is_empty() {
                continue;
            }
            let store = &self.tiers[at].store;
            let service = if store.service == "fs" { "local" } else { store.service };
            let of_service = self.tiers.iter().filter(|tier| tier.store.service == store.service).count();
            let place = ["root", "bucket", "container"].iter().find_map(|key| store.text(key)).unwrap_or_default();
            let wanted = match of_service {
                1 => service.to_owned(),
                _ => format!("{service}-{}", name::of_path(place, "root")),
            };
            let taken = self.tiers.iter().map(|tier| tier.name.as_str());
            self.tiers[at].name = name::unique(name::name(&wanted, service), taken);
        }
    }

    fn give_every_source_a_tier(&mut self) {
        let is_taken = |name: &str| self.tiers.iter().any(|tier| tier.takes.iter().any(|take| take.source == name));
        let without: Vec<String> =
            self.sources.iter().map(|source| source.name.clone()).filter(|name| !is_taken(name)).collect();
        if without.is_empty() {
            return;
        }
        let takes = without.into_iter().map(|source| Take { source, schedule: None, jitter: None }).collect();
        let taken = self.tiers.iter().map(|tier| tier.name.as_str());
        let mut tier = TierDraft {
            name: name::unique("local".to_owned(), taken),
            store: StoreDraft::new("fs").with("root", STAND_IN_ROOT),
            takes,
            ..TierDraft::default()
        };
        tier.notes.fill_in(None, "the input does not say where these go");
        self.tiers.push(tier);
    }
}

fn complete_schedules(tier: &mut TierDraft) {
    let mut is_missing = false;
    for take in tier.takes.iter_mut().filter(|take| take.schedule.is_none()) {
        take.schedule = Some(Sourced::invented(STAND_IN_SCHEDULE.to_owned()));
        is_missing = true;
    }
    if is_missing {
        tier.notes.fill_in(None, "the input does not say when this runs, so it is daily here");
    }
}
