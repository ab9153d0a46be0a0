//! Errors as a person reads them: what failed, on which thing, what to do.

use super::keys::{recipient_texts, shown_recipient};
use super::site::{Site, SiteError};
use super::state::{StateError, StateFile};
use crate::archive::FormatError;
use crate::base::{Exit, printable};
use crate::diagnostics::list;
use crate::plan::{Key, Tier};
use crate::report::{Failure, FailureKind};
use crate::repository::{Catalogue, Repository, RepositoryError, source_of};
use crate::stores::{StoreError, StoreErrorKind};
use std::io::ErrorKind;

/// Where something stored is missing or other than it was written.
const DAMAGE: &str = "`plan verify` tells what else is damaged or missing; `plan repair` mends what can be mended, and lists what is lost";

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
        RepositoryError::Object { source, .. } if source.is_damage() => Some(DAMAGE),
        RepositoryError::Store(store) if store.kind == StoreErrorKind::NotFound && store.object.is_some() => {
            Some(DAMAGE)
        }
        RepositoryError::Store(store) if store.is_unreadable() => Some(DAMAGE),
        RepositoryError::Store(store) => help_of_store(store),
        RepositoryError::State { source, .. } if source.kind() == ErrorKind::StorageFull => {
            Some("free some space there, or give the plan a `state` folder on another disk")
        }
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
        StoreErrorKind::Full => Some(
            "free some space, or keep less: `plan prune` deletes what the plan lets go, if it can write a few KiB first",
        ),
        StoreErrorKind::Busy | StoreErrorKind::Timeout => Some("it was tried several times already; try again later"),
        _ => None,
    }
}

/// The same while reading what is encrypted: if it is the key, which key is needed.
pub fn of_reading(error: &RepositoryError, site: &Site<'_>, tier: &Tier) -> Failure {
    let failure = of_repository(error);
    match error {
        RepositoryError::Object { object, source: FormatError::NoKey | FormatError::WrongKey, .. } => {
            Failure { help: Some(help_of_key(object, site, tier)), ..failure }
        }
        _ => failure,
    }
}

/// Recipients that a help names, and characters of each: a store may hold anything.
const MAX_RECIPIENTS_NAMED: usize = 8;
const MAX_RECIPIENT_CHARS: usize = 100;

/// Whose identity opens an object, what was tried in vain, and what to do.
fn help_of_key(object: &str, site: &Site<'_>, tier: &Tier) -> String {
    let key = site.key(tier).ok().flatten();
    let files: Vec<String> = site.identity_files.iter().map(|file| file.display().to_string()).collect();
    let files = (!files.is_empty()).then(|| (list(files.iter().map(String::as_str), "and"), files.len()));
    let in_vain = match (files, key) {
        (None, None) => format!("tier `{}` has no key in the plan", tier.name.value),
        (None, Some(key)) => format!("the plan's key `{}` has another identity here", key.name.value),
        (Some((file, 1)), _) => format!("{file} is another one's identity"),
        (Some((files, _)), _) => format!("{files} are the identities of others"),
    };
    let named = |recipients: Vec<String>| {
        let shown = recipients.iter().take(MAX_RECIPIENTS_NAMED).map(|recipient| with_note(recipient, key));
        let left = recipients.len().saturating_sub(MAX_RECIPIENTS_NAMED);
        shown.chain((left > 0).then(|| format!("{left} others"))).collect::<Vec<_>>().join(", ")
    };
    let to = match (recorded_recipients(object, site, tier), key) {
        (recorded, _) if !recorded.is_empty() => format!("it is encrypted to {}", named(recorded)),
        (_, Some(key)) => {
            let state = StateFile::new(site.state_folder()).load().map(|(state, _)| state).unwrap_or_default();
            format!("the plan encrypts to {}", named(recipient_texts(key, &site.secrets, &state).unwrap_or_default()))
        }
        (_, None) => "whom it is encrypted to is not recorded".to_owned(),
    };
    format!("{to}; {in_vain}: name the right file with `--identity FILE` (`plan key show FILE` tells whose it is)")
}

/// Whom the run encrypted to that wrote an object, as far as that can be had.
fn recorded_recipients(object: &str, site: &Site<'_>, tier: &Tier) -> Vec<String> {
    let source = source_of(object);
    let store = site.store(tier, source.as_deref(), site.context.now()).ok();
    let repository = store.and_then(|store| Repository::find(&store).ok().flatten());
    repository.map(|repository| Catalogue::new(&repository, None).recipients_of(object)).unwrap_or_default()
}

/// `age1… (off-site escrow)`, where the plan has a note of it.
fn with_note(recipient: &str, key: Option<&Key>) -> String {
    let planned = key.and_then(|key| key.recipients.iter().find(|planned| planned.text.value == recipient));
    let unknown = || printable(&recipient.chars().take(MAX_RECIPIENT_CHARS).collect::<String>()).into_owned();
    planned.map_or_else(unknown, shown_recipient)
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

/// The local state cannot be used.
pub fn of_state(error: &StateError) -> Failure {
    let help = match error {
        StateError::Newer { .. } => "use that program, or delete the file: everything is due once then",
        StateError::Read { .. } => "check the folder's owner and mode",
        StateError::Write { source, .. } if source.kind() == ErrorKind::StorageFull => {
            "free some space there: without it every job is due again, and nothing else is lost"
        }
        StateError::Write { .. } => {
            "make the folder writable: without it every job is due again, and nothing else is lost"
        }
    };
    Failure { help: Some(help.to_owned()), ..other(error.to_string()) }
}

/// Something that has no better name.
pub(super) fn other(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Other, message)
}
