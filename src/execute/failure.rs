//! Errors as a person reads them: what failed, on which thing, what to do.

use super::keys::recipient_texts;
use super::site::{Site, SiteError};
use super::state::StateFile;
use crate::archive::FormatError;
use crate::base::Exit;
use crate::plan::Tier;
use crate::report::{Failure, FailureKind};
use crate::repository::RepositoryError;
use crate::stores::{StoreError, StoreErrorKind};

/// What went wrong with a repository or its store.
pub fn of_repository(error: &RepositoryError) -> Failure {
    let kind = match error.exit() {
        Exit::NoRepository => FailureKind::NoRepository,
        Exit::WrongKey => FailureKind::WrongKey,
        Exit::TryLater => FailureKind::TryLater,
        Exit::Cancelled => FailureKind::Cancelled,
        Exit::Locked => FailureKind::Locked,
        _ => FailureKind::Other,
    };
    let help = match error {
        RepositoryError::NoRepository { .. } => Some("nothing was backed up there yet: `plan run` makes it"),
        RepositoryError::Store(store) => help_of_store(store),
        _ => None,
    };
    Failure { help: help.map(str::to_owned), ..Failure::new(kind, error.to_string()) }
}

fn help_of_store(error: &StoreError) -> Option<&'static str> {
    match error.kind {
        StoreErrorKind::Archived => {
            Some("ask the service to thaw it, and try again when it has; other tiers may hold the same data")
        }
        StoreErrorKind::Denied => Some("check the credentials, and that they may list, read, write and delete there"),
        StoreErrorKind::Full => Some("free some space, or keep less: `plan prune` deletes what the plan lets go"),
        StoreErrorKind::Busy | StoreErrorKind::Timeout => Some("it was tried several times already; try again later"),
        _ => None,
    }
}

/// The same while reading what is encrypted: if it is the key, which key is needed.
pub fn of_reading(error: &RepositoryError, site: &Site<'_>, tier: &Tier) -> Failure {
    let failure = of_repository(error);
    let is_key = matches!(error, RepositoryError::Object { source: FormatError::NoKey | FormatError::WrongKey, .. });
    match (is_key, site.key(tier)) {
        (true, Ok(Some(key))) => {
            let state = StateFile::new(site.state_folder()).load().map(|(state, _)| state).unwrap_or_default();
            let recipients = recipient_texts(key, &site.secrets, &state).unwrap_or_default().join(", ");
            let help = format!(
                "tier `{}` is encrypted with key `{}`: the identity of any one of its recipients will do \
                 ({recipients}); name it with `--identity FILE`",
                tier.name.value, key.name.value
            );
            Failure { help: Some(help), ..failure }
        }
        _ => failure,
    }
}

/// A tier that cannot be reached or read.
pub fn of_site(error: &SiteError) -> Failure {
    match error {
        SiteError::Key(key) => Failure { help: key.help(), ..Failure::new(FailureKind::WrongKey, key.to_string()) },
        SiteError::Store(store) => of_repository(&RepositoryError::Store(store.clone())),
        SiteError::Settings { source, .. } => {
            Failure { help: Some(source.help()), ..Failure::new(FailureKind::Other, error.to_string()) }
        }
        SiteError::UnknownKey { .. } => Failure::new(FailureKind::Other, error.to_string()),
    }
}

/// Something that has no better name.
pub(super) fn other(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Other, message)
}
