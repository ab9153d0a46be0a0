use super::error::without_userinfo;
use super::placeholders::{Place, fill_placeholders};
use super::{ObjectLock, Service, SettingsError};
use crate::base::{Rate, Secret, Timestamp};
use crate::diagnostics::nearest;
use crate::plan::{self, SecretRef, SettingValue, Tier};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

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
    /// `None`: objects are not locked, unless the bucket has a rule of its own.
    pub lock: Option<ObjectLock>,
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
            .field("lock", &self.lock)
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
    /// When the run started; metadata may hold it.
    pub started: Timestamp,
    /// The folder of the plan file.
    pub plan_folder: &'a Path,
    pub home: &'a Path,
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
    /// The first thing that is wrong; [`super::diagnose`] finds all that can be
    /// found without resolving.
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
            let value = if key == "root" { fill_placeholders(&value, Place::Root, &tier.name, scope)? } else { value };
            let value =
                if PATH_KEYS.contains(&(service.name, key.as_str())) { local_path(&value, scope) } else { value };
            if settings.insert(key.clone(), value).is_some() {
                return Err(SettingsError::RepeatedKey { key });
            }
        }
        let metadata = tier
            .metadata
            .iter()
            .map(|(key, value)| Ok((key.value.clone(), fill_placeholders(value, Place::Metadata, &tier.name, scope)?)));
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
            lock: tier.lock.as_ref().and_then(|lock| {
                let duration = lock.duration.as_ref()?.value;
                Some(ObjectLock { mode: lock.mode.value, duration, from: scope.started })
            }),
            retries: None,
        })
    }

    /// The service, after everything that needs no connection is found right.
    pub(super) fn validate(&self) -> Result<&'static Service, SettingsError> {
        let service = find_service(&self.service)?;
        for key in self.settings.keys() {
            find_key(service, key)?;
        }
        let set = self.settings.iter().filter(|(_, value)| !value.is_empty());
        if let Some(key) = service.missing_key(set.map(|(key, _)| key.as_str())) {
            return Err(SettingsError::MissingKey { service: service.name, key });
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

    /// `service://container/root`, though the settings may be wrong; no secrets.
    pub fn place(&self) -> String {
        let place_keys = Service::find(&self.service).map_or(&[][..], Service::place_keys);
        let place = place_keys.iter().filter(|key| **key != "root").find_map(|key| self.settings.get(*key));
        let place = place.map_or("", |value| value.split_once("://").map_or(value.as_str(), |(_, rest)| rest));
        let place = without_userinfo(place).trim_end_matches('/');
        let root = self.settings.get("root").map_or("", |root| root.trim_matches('/'));
        let slash = if root.is_empty() { "" } else { "/" };
        format!("{}://{place}{slash}{root}", self.service)
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

pub(super) fn find_service(name: &str) -> Result<&'static Service, SettingsError> {
    Service::find(name).ok_or_else(|| {
        let known = Service::all().iter().map(|service| service.name);
        SettingsError::UnknownService { found: name.to_owned(), suggestion: nearest(name, known) }
    })
}

/// The service's name for a key, which may be written with `-` for `_`.
pub(super) fn find_key(service: &'static Service, key: &str) -> Result<String, SettingsError> {
    let written = key.replace('-', "_");
    if service.keys().contains(&written.as_str()) {
        return Ok(written);
    }
    let suggestion = nearest(&written, service.keys().iter().copied());
    Err(SettingsError::UnknownKey { service: service.name, key: key.to_owned(), suggestion })
}

pub(super) fn check_class(service: &'static Service, class: &str) -> Result<(), SettingsError> {
    if service.storage_classes.is_empty() {
        return Err(SettingsError::NoClasses { service: service.name });
    }
    if service.storage_classes.contains(&class) {
        return Ok(());
    }
    let suggestion = nearest(class, service.storage_classes.iter().copied());
    Err(SettingsError::UnknownClass { service: service.name, class: class.to_owned(), suggestion })
}

/// Metadata travels in HTTP header names, which know no case.
pub(super) fn check_metadata_key(key: &str) -> Result<(), SettingsError> {
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
            let key = key.as_ref().ok_or(SettingsError::CustomerKey)?;
            let key = resolve(key)
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
