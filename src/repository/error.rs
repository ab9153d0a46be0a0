use crate::archive::FormatError;
use crate::base::Exit;
use crate::files::{WalkError, plain_reason};
use crate::stores::{StoreError, StoreErrorKind};
use std::io;
use std::path::PathBuf;

/// Why an operation on a repository failed.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error("there is no repository in `{store}`")]
    NoRepository { store: String },
    /// The store was used before and is empty now: a disk that is not mounted, most likely.
    #[error(
        "`{store}` holds no repository, but this plan has written one there: is the disk mounted, is the bucket the right one? to start anew, delete `{}`",
        state.display()
    )]
    Vanished { store: String, state: PathBuf },
    #[error("`{object}` in `{store}`: {source}")]
    Object { store: String, object: String, source: FormatError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Walk(#[from] WalkError),
    #[error("can't use the local state in `{}`: {}", path.display(), plain_reason(source))]
    State { path: PathBuf, source: io::Error },
    #[error("the command `{command}` {problem}")]
    Command { command: String, problem: String },
    /// An object that the new snapshot needs is gone: another host pruned it, or a person deleted it.
    #[error("`{object}`, which unchanged files need, is no longer in `{store}`; run again to upload them anew")]
    Missing { store: String, object: String },
    #[error("no snapshot {wanted}")]
    NoSnapshot { wanted: String },
    #[error("the restore target: {0}")]
    Target(String),
    /// Another host deletes or replaces at this moment.
    #[error(
        "`{host}` is pruning or repairing this store, or died doing so: nobody else may until {until}; try again later"
    )]
    Leased { host: String, until: String },
    /// The work took longer than the right to do it.
    #[error("the lease on `{store}` ran out or was taken over before all was done; run the command again")]
    LeaseLost { store: String },
    #[error("cancelled")]
    Cancelled,
    #[error("internal error: {0}")]
    Internal(String),
}

impl RepositoryError {
    /// How a command that failed with this ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoRepository { .. } => Exit::NoRepository,
            Self::Cancelled => Exit::Cancelled,
            Self::Leased { .. } | Self::LeaseLost { .. } => Exit::TryLater,
            Self::Object { source: FormatError::NoKey | FormatError::WrongKey, .. } => Exit::WrongKey,
            Self::Object { source: FormatError::Io(error), .. } => match StoreError::of(error) {
                Some(error) => exit_of_store(error),
                None => Exit::Failed,
            },
            Self::Store(error) => exit_of_store(error),
            _ => Exit::Failed,
        }
    }

    /// The object whose stored bytes are not what was written, or that its disk can't read, and what is
    /// wrong with it; `None`: this is no damage.
    pub(crate) fn damage(&self) -> Option<(Option<&str>, String)> {
        match self {
            Self::Object { object, source, .. } if source.is_damage() => {
                Some((Some(object.as_str()), source.to_string()))
            }
            Self::Store(error) if error.is_unreadable() => {
                Some((error.object.as_deref(), format!("it can't be read: {}", error.kind.phrase())))
            }
            _ => None,
        }
    }

    pub(crate) fn is_damage(&self) -> bool {
        self.damage().is_some()
    }

    /// Wraps what went wrong with one object.
    pub(crate) fn object(store: &crate::stores::Store, object: &str, source: FormatError) -> Self {
        if let FormatError::Io(error) = &source
            && let Some(error) = StoreError::of(error)
        {
            return Self::Store(error.clone());
        }
        // What the libraries say of damage tells a person nothing.
        let source = match source {
            FormatError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                FormatError::corrupt("the object", "it ends too early")
            }
            FormatError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                FormatError::corrupt("the object", "its bytes are not those that were encrypted")
            }
            other => other,
        };
        Self::Object { store: store.describe(), object: object.to_owned(), source }
    }

    /// Wraps an I/O error that came out of a store's reader or writer.
    pub(crate) fn io(store: &crate::stores::Store, object: &str, error: io::Error) -> Self {
        Self::object(store, object, FormatError::Io(error))
    }
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error.kind {
        StoreErrorKind::Archived => Exit::TryLater,
        _ if error.is_retryable() => Exit::TryLater,
        _ => Exit::Failed,
    }
}
