use super::keys::{self, AskPassphrase, KeyError};
use super::secrets::{Secrets, whole_path};
use super::state::State;
use crate::archive::{Codec, Identities, Recipients};
use crate::base::{Context, Secret, Timestamp};
use crate::compile::JobName;
use crate::files::WalkOptions;
use crate::plan::{Compression, Encryption, Key, PathSource, Plan, SecretRef, Take, Tier};
use crate::repository::{self, KnownRun, Repository, component};
use crate::stores::{Scope, SettingsError, Store, StoreError, StoreSettings};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A plan on this host: what its relative paths, references and names mean here.
pub struct Site<'a> {
    pub plan: &'a Plan,
    pub context: &'a Context,
    /// The folder of the plan file.
    pub plan_folder: PathBuf,
    pub secrets: Secrets<'a>,
    /// Where there are any, these alone read, and not what the plan names.
    pub identity_files: Vec<PathBuf>,
    /// The passphrases asked for so far: nobody is asked twice.
    passphrases: RefCell<HashMap<String, Secret<String>>>,
}

/// Why a tier cannot be reached or read, before anything is asked of its store.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("the store of tier `{tier}` cannot be used: {source}")]
    Settings { tier: String, source: SettingsError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("tier `{tier}` is encrypted with key `{key}`, which the plan does not have")]
    UnknownKey { tier: String, key: String },
}

impl<'a> Site<'a> {
    /// `plan_file` names the folder that relative paths start from.
    pub fn new(plan: &'a Plan, plan_file: &Path, context: &'a Context) -> Self {
        let file = context.working_directory.join(plan_file);
        let plan_folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        Self {
            plan,
            context,
            secrets: Secrets::new(context, &plan_folder),
            plan_folder,
            identity_files: Vec::new(),
            passphrases: RefCell::default(),
        }
    }

    /// The same where somebody names identity files, relative to the working directory, to read with.
    pub fn reading_with(mut self, identity_files: &[PathBuf]) -> Self {
        let whole = |file: &PathBuf| self.context.working_directory.join(file);
        self.identity_files = identity_files.iter().map(whole).collect();
        self
    }

    /// A path of the plan, whole: `~/` and relative ones resolved.
    pub fn path(&self, path: &Path) -> PathBuf {
        whole_path(path, &self.context.home, &self.plan_folder)
    }

    /// Where this plan's local state lies: a folder of its name, so that two plans may share a `state`.
    pub fn state_folder(&self) -> PathBuf {
        self.common_state().join(component(&self.plan.name.value))
    }

    /// Where this host remembers which of its processes delete in a store: plans that share one know it
    /// of each other. No plan's folder has such a name.
    pub fn lease_marks(&self) -> PathBuf {
        self.common_state().join(".leases")
    }

    fn common_state(&self) -> PathBuf {
        match &self.plan.state {
            Some(folder) => self.path(folder),
            None => self.context.state.clone(),
        }
    }

    /// Where the engine remembers what a tier's repository holds: that of a source, where each has its own.
    pub fn tier_state(&self, tier: &Tier, source: &str) -> PathBuf {
        let folder = self.state_folder().join("tiers").join(component(&tier.name.value));
        if has_store_per_source(tier) { folder.join(component(source)) } else { folder }
    }

    /// The last snapshots that this host itself stored in a tier's repository, as `state` knows
    /// them. `of` is a source whose repository it is.
    pub fn known_runs(&self, tier: &Tier, repository: &Repository, of: &str, state: &State) -> Vec<KnownRun> {
        // A copy's own runs make no snapshots.
        if tier.from.is_some() || !repository::remembers(&self.tier_state(tier, of), repository) {
            return Vec::new();
        }
        let is_here = |take: &&Take| take.source.value == of || !has_store_per_source(tier);
        let known = tier.takes.iter().filter(is_here).filter_map(|take| {
            let source = take.source.value.clone();
            let started = state.job(&JobName::new(&tier.name.value, &source)).last_success?;
            Some(KnownRun { source, started })
        });
        known.collect()
    }

    /// Where a tier's store is, by its settings; nothing is opened.
    fn place(&self, tier: &Tier) -> Option<String> {
        let resolve = |secret: &SecretRef| {
            // What cannot be had is still the same reference.
            Ok(self.secrets.line(secret).unwrap_or_else(|_| Secret::new(secret.to_string())))
        };
        let source = tier.takes.first().map(|take| take.source.value.as_str());
        let settings = StoreSettings::of_tier(tier, self.scope(source, self.context.now()), &resolve).ok()?;
        Some(settings.place())
    }

    /// Whether another plan, of the same name in another file, is a plan of its own: not one
    /// with this one's stores, which is this one moved, copied or deployed anew.
    pub fn is_apart_from(&self, other: &Site<'_>) -> bool {
        let mut any_common = false;
        for tier in &self.plan.tiers {
            let Some(theirs) = other.plan.tier(&tier.name.value) else { continue };
            if self.place(tier) != other.place(theirs) {
                return true;
            }
            any_common = true;
        }
        !any_common
    }

    fn scope<'s>(&'s self, source: Option<&'s str>, started: Timestamp) -> Scope<'s> {
        Scope {
            host: &self.context.host,
            plan: &self.plan.name.value,
            source,
            started,
            plan_folder: &self.plan_folder,
            home: &self.context.home,
        }
    }

    /// Opens a tier's store. `source`: for the placeholder `{source}`.
    pub fn store(&self, tier: &Tier, source: Option<&str>, started: Timestamp) -> Result<Store, SiteError> {
        let scope = self.scope(source, started);
        let resolve = |secret: &SecretRef| self.secrets.line(secret).map_err(|error| error.reason());
        let mut settings = StoreSettings::of_tier(tier, scope, &resolve)
            .map_err(|source| SiteError::Settings { tier: tier.name.value.clone(), source })?;
        if let Some(lock) = &mut settings.lock {
            // The run may have begun hours ago.
            lock.from = self.context.now();
        }
        Ok(Store::open(&settings)?)
    }

    /// The key that a tier encrypts with; `None`: it does not encrypt.
    pub fn key(&self, tier: &Tier) -> Result<Option<&'a Key>, SiteError> {
        match &tier.encryption {
            Encryption::None { .. } => Ok(None),
            Encryption::Key(name) => self
                .plan
                .key(&name.value)
                .map(Some)
                .ok_or_else(|| SiteError::UnknownKey { tier: tier.name.value.clone(), key: name.value.clone() }),
        }
    }

    pub fn recipients(&self, tier: &Tier, state: &State) -> Result<Option<Recipients>, SiteError> {
        match self.key(tier)? {
            Some(key) => Ok(Some(keys::recipients(key, &self.secrets, state)?)),
            None => Ok(None),
        }
    }

    /// What reads a tier: the identities of its key on this host, or of `identity_files` alone.
    ///
    /// # Errors
    /// Where the tier is encrypted and there is none; where a file that was named cannot be used.
    pub fn identities(&self, tier: &Tier, ask: &AskPassphrase<'_>) -> Result<Option<Identities>, SiteError> {
        let ask_once = |of_what: &str| {
            if let Some(known) = self.passphrases.borrow().get(of_what) {
                return Some(known.clone());
            }
            let passphrase = ask(of_what)?;
            self.passphrases.borrow_mut().insert(of_what.to_owned(), passphrase.clone());
            Some(passphrase)
        };
        let key = self.key(tier)?;
        Ok(match key {
            _ if !self.identity_files.is_empty() => {
                Some(keys::identities_of_files(&self.identity_files, key, &self.secrets, &ask_once)?)
            }
            Some(key) => Some(keys::identities(key, &self.secrets, &ask_once)?),
            None => None,
        })
    }

    /// What to walk for a source of paths. Neither the plan's own stores on
    /// this machine nor its state are ever part of a backup.
    pub fn walk(&self, source: &PathSource) -> WalkOptions {
        let mut always_exclude = vec![self.state_folder()];
        for tier in self.plan.tiers.iter().filter(|tier| tier.store.service.value == "fs") {
            let root = tier.store.settings.iter().find(|setting| setting.key.value == "root");
            if let Some(crate::plan::SettingValue::Text(root)) = root.map(|setting| &setting.value.value) {
                // Placeholders end where they begin: all that could be meant is left out.
                let plain = root.split('{').next().unwrap_or_default();
                let folder =
                    if plain.len() == root.len() { plain } else { plain.rsplit_once('/').map_or("", |(f, _)| f) };
                if !folder.is_empty() {
                    always_exclude.push(self.path(Path::new(folder)));
                }
            }
        }
        WalkOptions {
            base: source.base.as_ref().map_or_else(|| PathBuf::from("/"), |base| self.path(&base.value)),
            include: source.include.iter().map(|include| self.include(&include.value)).collect(),
            exclude: source.exclude.iter().map(|pattern| pattern.value.clone()).collect(),
            exclude_files: source.exclude_files.iter().map(|file| self.path(&file.value)).collect(),
            exclude_if_present: source.exclude_if_present.iter().map(|name| name.value.clone()).collect(),
            exclude_caches: source.exclude_caches,
            one_file_system: source.one_file_system,
            max_file_size_bytes: source.max_file_size.as_ref().map(|size| size.value.bytes()),
            always_exclude,
            ..WalkOptions::default()
        }
    }

    /// `~/` in an include is the home folder.
    fn include(&self, include: &str) -> String {
        match include.strip_prefix("~/") {
            Some(rest) => self.context.home.join(rest).display().to_string(),
            None => include.to_owned(),
        }
    }
}

/// Whether a tier's stores differ by source: a repository for each.
fn has_store_per_source(tier: &Tier) -> bool {
    let texts = tier.store.settings.iter().filter_map(|setting| setting.value.value.text());
    texts.into_iter().any(|text| text.contains("{source}"))
}

/// A tier's compression as the engine takes it.
pub(super) fn codec(tier: &Tier) -> Codec {
    match tier.compression.value {
        Compression::Zstd { level } => Codec::Zstd { level },
        Compression::Gzip { level } => Codec::Gzip { level },
        Compression::None => Codec::None,
    }
}
