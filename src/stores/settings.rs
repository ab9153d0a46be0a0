use super::Service;
use crate::base::{Rate, Secret};
use crate::diagnostics::Span;
use crate::plan::{self, SecretRef, SettingValue, Tier};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// All that a store needs to be opened: whole values, secrets resolved.
///
/// `Debug` shows the settings' keys only.
#[derive(Clone, Default)]
pub struct StoreSettings {
    pub service: String,
    /// By OpenDAL's names for them (`access_key_id`).
    pub settings: BTreeMap<String, String>,
    /// Of data objects ([`super::Class::Data`]) only.
    pub storage_class: Option<String>,
    pub server_side_encryption: Option<ServerSideEncryption>,
    /// Stored with every object where the service can.
    pub metadata: Vec<(String, String)>,
    pub upload: Option<Rate>,
    pub download: Option<Rate>,
    /// Requests at a time; `None`: a few for each object in flight.
    pub concurrency: Option<u32>,
    /// How often a request that may succeed later is repeated; `None`: the default.
    pub retries: Option<usize>,
}

/// How the service encrypts what it stores.
#[derive(Clone, Debug)]
pub enum ServerSideEncryption {
    S3,
    Kms {
        key: Option<String>,
    },
    /// The base64 of 32 bytes.
    Customer {
        key: Secret<String>,
    },
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("service", &self.service)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("storage_class", &self.storage_class)
            .field("server_side_encryption", &self.server_side_encryption)
            .field("metadata", &self.metadata)
            .field("upload", &self.upload)
            .field("download", &self.download)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// What a tier's placeholders and relative paths mean.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub host: &'a str,
    pub plan: &'a str,
    /// `None` where a store is opened for a whole tier; `{source}` is then an error.
    pub source: Option<&'a str>,
    /// The folder of the plan file.
    pub plan_folder: &'a Path,
    pub home: &'a Path,
}

/// A setting of a store is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("`{found}` is no service of this program; known are {}", list(known))]
    UnknownService { found: String, suggestion: Option<&'static str>, known: Vec<&'static str> },
    #[error("`{service}` has no setting `{key}`{}", did_you_mean(*suggestion))]
    UnknownKey { service: &'static str, key: String, suggestion: Option<&'static str> },
    #[error("`{key}` is set twice")]
    RepeatedKey { key: String },
    #[error("a `{service}` store needs the setting `{key}`")]
    MissingKey { service: &'static str, key: &'static str },
    #[error("`{service}` has no storage class `{class}`{}", did_you_mean(*suggestion))]
    UnknownClass { service: &'static str, class: String, suggestion: Option<&'static str> },
    #[error("a storage class can't be chosen on `{service}`; remove `storage-class`")]
    NoClasses { service: &'static str },
    #[error("server-side encryption can't be chosen on `{service}`; remove `server-side-encryption`")]
    NoEncryption { service: &'static str },
    #[error("the key for server-side encryption must be the base64 of 32 bytes")]
    CustomerKey,
    #[error("`{{{found}}}` is no placeholder; known are `{{host}}`, `{{plan}}`, `{{tier}}` and `{{source}}`")]
    UnknownPlaceholder { found: String },
    #[error("`{{source}}` means nothing here, for the store is opened for the whole tier")]
    NoSource,
    #[error("`{key}` can't be the name of metadata; use letters, digits and `-`")]
    MetadataKey { key: String },
    #[error("`{key}` can't be resolved: {reason}")]
    Secret { key: String, reason: String },
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Settings that may be shown. Every other value is treated as a secret.
const PUBLIC_KEYS: [&str; 12] = [
    "root",
    "bucket",
    "container",
    "endpoint",
    "region",
    "account_name",
    "user",
    "username",
    "profile",
    "known_hosts_strategy",
    CLASS_KEY,
    "checksum_algorithm",
];

/// The setting that OpenDAL applies to every object of an operator.
pub(super) const CLASS_KEY: &str = "default_storage_class";

/// Settings that are paths on this machine.
const PATH_KEYS: [(&str, &str); 4] =
    [("fs", "root"), ("fs", "atomic_write_dir"), ("sftp", "key"), ("gcs", "credential_path")];

/// The shortest value that is blanked in messages: `true` is no secret.
const SECRET_MIN_BYTES: usize = 6;

impl StoreSettings {
    pub fn new(service: &str, settings: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self {
            service: service.to_owned(),
            settings: settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ..Self::default()
        }
    }

    /// The settings of a tier's store with every secret, placeholder and
    /// relative path resolved. `resolve` may run programs and read files.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong; [`check`] finds all that can be found
    /// without resolving.
    pub fn of_tier(
        tier: &Tier,
        scope: Scope<'_>,
        resolve: &dyn Fn(&SecretRef) -> Result<Secret<String>, String>,
    ) -> Result<Self, SettingsError> {
        let service = find_service(&tier.store.service)?;
        let mut settings = BTreeMap::new();
        for setting in &tier.store.settings {
            let key = find_key(service, &setting.key)?;
            let value = match &setting.value.value {
                SettingValue::Text(text) => text.clone(),
                SettingValue::Secret(secret) => resolve(secret)
                    .map_err(|reason| SettingsError::Secret { key: key.clone(), reason })?
                    .expose()
                    .clone(),
            };
            let value = if key == "root" { fill_placeholders(&value, &tier.name, scope)? } else { value };
            let value =
                if PATH_KEYS.contains(&(service.name, key.as_str())) { local_path(&value, scope) } else { value };
            if settings.insert(key.clone(), value).is_some() {
                return Err(SettingsError::RepeatedKey { key });
            }
        }
        let metadata = tier
            .metadata
            .iter()
            .map(|(key, value)| Ok((key.value.clone(), fill_placeholders(value, &tier.name, scope)?)));
        Ok(Self {
            service: service.name.to_owned(),
            settings,
            storage_class: tier.storage_class.as_ref().map(|class| class.value.clone()),
            server_side_encryption: match &tier.server_side_encryption {
                Some(encryption) => Some(resolve_encryption(&encryption.value, resolve)?),
                None => None,
            },
            metadata: metadata.collect::<Result<_, _>>()?,
            upload: tier.limits.upload.as_ref().map(|rate| rate.value),
            download: tier.limits.download.as_ref().map(|rate| rate.value),
            concurrency: tier.limits.concurrency.as_ref().map(|n| n.value),
            retries: None,
        })
    }

    /// The service, after everything that needs no connection is found right.
    pub(super) fn validate(&self) -> Result<&'static Service, SettingsError> {
        let service = find_service(&self.service)?;
        for key in self.settings.keys() {
            find_key(service, key)?;
        }
        if service.name == "fs" && self.settings.get("root").is_none_or(String::is_empty) {
            return Err(SettingsError::MissingKey { service: service.name, key: "root" });
        }
        if let Some(class) = &self.storage_class {
            check_class(service, class)?;
            if self.settings.contains_key(CLASS_KEY) {
                return Err(SettingsError::RepeatedKey { key: CLASS_KEY.to_owned() });
            }
        } else if let Some(class) = self.settings.get(CLASS_KEY) {
            check_class(service, class)?;
        }
        if self.server_side_encryption.is_some() && service.name != "s3" {
            return Err(SettingsError::NoEncryption { service: service.name });
        }
        self.metadata.iter().try_for_each(|(key, _)| check_metadata_key(key))?;
        Ok(service)
    }

    /// Whether objects of [`super::Class::Data`] are stored differently.
    pub(super) fn chooses_class(&self) -> bool {
        self.storage_class.is_some() || self.settings.contains_key(CLASS_KEY)
    }

    /// Values that must not stand in any message, the longest first.
    pub(super) fn secret_values(&self) -> Vec<String> {
        let hidden = self.settings.iter().filter(|(key, _)| !PUBLIC_KEYS.contains(&key.as_str()));
        let mut values: Vec<String> = hidden.map(|(_, value)| value.clone()).collect();
        if let Some(ServerSideEncryption::Customer { key }) = &self.server_side_encryption {
            values.push(key.expose().clone());
        }
        values.retain(|value| value.len() >= SECRET_MIN_BYTES);
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }
}

/// Everything that is wrong with a tier's store and can be known without
/// resolving secrets or connecting, each with the text that it stands in.
pub fn check(tier: &Tier) -> Vec<(Span, SettingsError)> {
    let store = &tier.store;
    let service = match find_service(&store.service) {
        Ok(service) => service,
        Err(error) => return vec![(store.service.span, error)],
    };
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for setting in &store.settings {
        match find_key(service, &setting.key) {
            Err(error) => wrong.push((setting.key.span, error)),
            Ok(key) if seen.contains(&key) => wrong.push((setting.key.span, SettingsError::RepeatedKey { key })),
            Ok(key) => seen.push(key),
        }
        if let (true, SettingValue::Text(root)) = (setting.key.value == "root", &setting.value.value) {
            wrong.extend(unknown_placeholders(root).map(|error| (setting.value.span, error)));
        }
    }
    for key in ["root", "bucket", "container", "endpoint"] {
        let needed = if key == "root" { service.name == "fs" } else { service.place_key() == key };
        if needed && !seen.iter().any(|seen| seen == key || is_alias(seen, key)) {
            wrong.push((store.service.span, SettingsError::MissingKey { service: service.name, key }));
        }
    }
    if let Some(class) = &tier.storage_class {
        wrong.extend(check_class(service, class).err().map(|error| (class.span, error)));
    }
    if let Some(encryption) = tier.server_side_encryption.as_ref().filter(|_| service.name != "s3") {
        wrong.push((encryption.span, SettingsError::NoEncryption { service: service.name }));
    }
    for (key, value) in &tier.metadata {
        wrong.extend(check_metadata_key(key).err().map(|error| (key.span, error)));
        wrong.extend(unknown_placeholders(value).map(|error| (key.span, error)));
    }
    wrong
}

fn find_service(name: &str) -> Result<&'static Service, SettingsError> {
    Service::find(name).ok_or_else(|| {
        let known: Vec<&str> = Service::all().iter().map(|service| service.name).collect();
        SettingsError::UnknownService { found: name.to_owned(), suggestion: nearest(name, &known), known }
    })
}

/// The service's name for a key, which may be written with `-` for `_`.
fn find_key(service: &'static Service, key: &str) -> Result<String, SettingsError> {
    let written = key.replace('-', "_");
    if service.keys().contains(&written.as_str()) {
        return Ok(written);
    }
    let suggestion = nearest(&written, service.keys());
    Err(SettingsError::UnknownKey { service: service.name, key: key.to_owned(), suggestion })
}

/// Whether `alias` is another of the service's names for `key` (`aws_bucket`, `bucket_name`).
fn is_alias(alias: &str, key: &str) -> bool {
    alias.contains(key)
}

fn check_class(service: &'static Service, class: &str) -> Result<(), SettingsError> {
    if service.storage_classes.is_empty() {
        return Err(SettingsError::NoClasses { service: service.name });
    }
    if service.storage_classes.contains(&class) {
        return Ok(());
    }
    let suggestion = nearest(&class.to_ascii_uppercase().replace('-', "_"), service.storage_classes);
    Err(SettingsError::UnknownClass { service: service.name, class: class.to_owned(), suggestion })
}

/// Metadata travels in HTTP header names, which know no case.
fn check_metadata_key(key: &str) -> Result<(), SettingsError> {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { Ok(()) } else { Err(SettingsError::MetadataKey { key: key.to_owned() }) }
}

fn resolve_encryption(
    encryption: &plan::ServerSideEncryption,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret<String>, String>,
) -> Result<ServerSideEncryption, SettingsError> {
    match encryption {
        plan::ServerSideEncryption::S3 => Ok(ServerSideEncryption::S3),
        plan::ServerSideEncryption::Kms { key } => Ok(ServerSideEncryption::Kms { key: key.clone() }),
        plan::ServerSideEncryption::Customer { key } => {
            let place = key.clone().ok_or(SettingsError::CustomerKey)?;
            let key = resolve(&SecretRef::File(PathBuf::from(place)))
                .map_err(|reason| SettingsError::Secret { key: "server-side-encryption".to_owned(), reason })?;
            Ok(ServerSideEncryption::Customer { key })
        }
    }
}

/// A path on this machine, from the plan file's folder or the home folder.
fn local_path(path: &str, scope: Scope<'_>) -> String {
    let whole = match path.strip_prefix("~/") {
        Some(rest) => scope.home.join(rest),
        None if path == "~" => scope.home.to_owned(),
        None => scope.plan_folder.join(path),
    };
    whole.to_string_lossy().into_owned()
}

fn fill_placeholders(text: &str, tier: &str, scope: Scope<'_>) -> Result<String, SettingsError> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Placeholder(name) => {
                let value = match name {
                    "host" => scope.host,
                    "plan" => scope.plan,
                    "tier" => tier,
                    "source" => scope.source.ok_or(SettingsError::NoSource)?,
                    _ => return Err(SettingsError::UnknownPlaceholder { found: name.to_owned() }),
                };
                // A name stays one component of a path.
                filled.push_str(&value.replace('/', "-"));
            }
        }
    }
    Ok(filled)
}

fn unknown_placeholders(text: &str) -> impl Iterator<Item = SettingsError> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Placeholder("host" | "plan" | "tier" | "source") | Piece::Text(_) => None,
        Piece::Placeholder(name) => Some(SettingsError::UnknownPlaceholder { found: name.to_owned() }),
    })
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between `{` and `}`.
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{')
        && let Some((name, tail)) = after.split_once('}')
    {
        pieces.extend([Piece::Text(before), Piece::Placeholder(name)]);
        rest = tail;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The name that a person most likely meant: at most a third of it differs.
fn nearest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    let distance = |name: &str| strsim::damerau_levenshtein(found, name);
    let best = known.iter().copied().min_by_key(|name| distance(name))?;
    (distance(best) <= best.len().div_ceil(3)).then_some(best)
}
