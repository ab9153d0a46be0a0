use super::{RepositoryError, layout};
use crate::archive::{ChunkerParameters, FormatError};
use crate::base::{Context, Timestamp};
use crate::stores::{Put, Store};
use serde::{Deserialize, Serialize};

/// The version of the format that this program writes, and the newest it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const FORMAT: &str = "plan-archive";
const MAX_CONFIG_BYTES: u64 = 1 << 20;

const README_TEXT: &[u8] = include_bytes!("../../schema/store-readme.txt");
const RESTORE_SCRIPT_TEXT: &[u8] = include_bytes!("../../schema/restore.py");

/// The object `repository.json`: what every reader and writer must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryConfig {
    pub format: String,
    pub format_version: u32,
    /// Random; tells one repository from another in the same place.
    pub id: String,
    pub created: Timestamp,
    pub chunker: ChunkerParameters,
}

/// A store that holds a repository.
#[derive(Clone)]
pub struct Repository {
    pub(crate) store: Store,
    pub(crate) config: RepositoryConfig,
}

impl Repository {
    /// Opens what is there.
    ///
    /// # Errors
    /// `NoRepository` where nothing is; a version error where it is newer than this program.
    pub fn open(store: &Store) -> Result<Self, RepositoryError> {
        Self::find(store)?.ok_or_else(|| RepositoryError::NoRepository { store: store.describe() })
    }

    /// `None` where there is no repository.
    pub fn find(store: &Store) -> Result<Option<Self>, RepositoryError> {
        let bytes = match store.read(layout::CONFIG, MAX_CONFIG_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == crate::stores::StoreErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let config = parse(&bytes).map_err(|error| RepositoryError::object(store, layout::CONFIG, error))?;
        Ok(Some(Self { store: store.clone(), config }))
    }

    /// Makes a repository. Where another host does so at the same moment, theirs is used.
    pub fn create(store: &Store, context: &Context) -> Result<Self, RepositoryError> {
        let config = RepositoryConfig {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            id: format!("{:016x}{:016x}", context.random_u64(), context.random_u64()),
            created: context.now(),
            chunker: ChunkerParameters::default(),
        };
        store.put(layout::README, README_TEXT, Put::Replace)?;
        store.put(layout::RESTORE_SCRIPT, RESTORE_SCRIPT_TEXT, Put::Replace)?;
        let mut json = serde_json::to_vec_pretty(&config).expect("plain data becomes JSON");
        json.push(b'\n');
        match store.put(layout::CONFIG, &json, Put::IfAbsent) {
            Ok(()) => Ok(Self { store: store.clone(), config }),
            Err(error) if error.kind == crate::stores::StoreErrorKind::AlreadyExists => Self::open(store),
            Err(error) => Err(error.into()),
        }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn config(&self) -> &RepositoryConfig {
        &self.config
    }
}

fn parse(bytes: &[u8]) -> Result<RepositoryConfig, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
        format_version: u64,
    }
    let damaged = |detail: String| FormatError::corrupt("the repository's configuration", detail);
    let version: Version = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if version.format != FORMAT {
        return Err(damaged(format!("its format is `{}`, not `{FORMAT}`", version.format)));
    }
    if version.format_version != u64::from(FORMAT_VERSION) {
        return Err(FormatError::Version {
            what: "the repository",
            found: version.format_version,
            supported: u64::from(FORMAT_VERSION),
        });
    }
    let config: RepositoryConfig = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if crate::archive::Chunker::new(config.chunker).is_none() {
        return Err(damaged("its chunk sizes are out of range".to_owned()));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_from_the_future_is_refused_before_its_details_are_read() {
        let error = parse(br#"{"format":"plan-archive","format_version":2,"unheard":"of"}"#).unwrap_err();
        insta::assert_snapshot!(error, @"the repository has format version 2; this program reads version 1");
        assert!(parse(b"{}").is_err_and(|error| error.is_damage()));
        assert!(parse(b"").is_err_and(|error| error.is_damage()));
    }
}
