//! A repository whose `repository.json` is lost: everything else tells that there is one.

use super::search::sum_of;
use super::{Mend, Origin};
use crate::archive::ChunkerParameters;
use crate::base::Context;
use crate::repository::open::{FORMAT, FORMAT_VERSION};
use crate::repository::state::remembered_id;
use crate::repository::{Repository, RepositoryConfig, RepositoryError, layout};
use crate::stores::{Put, Store};
use std::path::Path;

/// A repository to repair, and its configuration made anew if that is what is damaged.
pub struct Opened {
    pub repository: Repository,
    pub(in crate::repository) config: Option<Mend>,
}

/// Opens a store for a repair; `None`: nothing was ever backed up to it. `state`: the tier's folder of
/// local state, which remembers the repository's id.
///
/// # Errors
/// As [`Repository::find`], but where the configuration is damaged.
pub fn open(store: &Store, state: &Path, context: &Context) -> Result<Option<Opened>, RepositoryError> {
    let problem = match Repository::find(store) {
        Ok(Some(repository)) => return Ok(Some(Opened { repository, config: None })),
        Ok(None) => "it is missing".to_owned(),
        Err(error) => match error.damage() {
            Some((_, problem)) => problem,
            None => return Err(error),
        },
    };
    let has_any = |folder: &str| store.list(folder).map(|objects| !objects.is_empty());
    if !has_any(layout::SNAPSHOTS)? && !has_any(layout::RUNS)? {
        return Ok(None);
    }
    let random = || format!("{:016x}{:016x}", context.random_u64(), context.random_u64());
    let config = RepositoryConfig {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        // So that the local state stays of use.
        id: remembered_id(state).unwrap_or_else(random),
        created: context.now(),
        // They matter to writers alone, and none ever wrote others.
        chunker: ChunkerParameters::default(),
    };
    let mut json = serde_json::to_vec_pretty(&config).expect("plain data becomes JSON");
    json.push(b'\n');
    let made = Store::memory();
    made.put(layout::CONFIG, &json, Put::Replace)?;
    let sum = sum_of(layout::CONFIG, &json);
    let config_mend = Mend {
        object: sum.name,
        problem,
        snapshots: Vec::new(),
        origin: Origin::Derived,
        size: sum.size,
        sha256: sum.sha256,
        recorded: None,
        from: made,
    };
    Ok(Some(Opened { repository: Repository { store: store.clone(), config }, config: Some(config_mend) }))
}
