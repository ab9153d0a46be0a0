use super::super::filter::FilterError;
use super::super::include::IncludeRefusal;
use super::super::{FileKind, display_path, plain_reason};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Something below the base that the walk could not take.
#[derive(Debug)]
pub struct WalkProblem {
    /// Relative to the base; of a refused include, the include as written.
    pub path: Vec<u8>,
    pub failure: WalkFailure,
}

#[derive(Debug)]
pub enum WalkFailure {
    /// The folder's entries, or some of them, are missing from the walk.
    List(io::Error),
    /// The entry itself is missing from the walk.
    Inspect(io::Error),
    /// A path that was asked for does not exist.
    IncludeMissing,
    /// A path that was asked for is left out by what was asked to be left out.
    IncludeLeftOut,
    /// A path that was asked for leads through something that is no folder.
    IncludeThrough(FileKind),
    IncludeRefused(IncludeRefusal),
}

impl WalkProblem {
    pub(super) fn refused(include: String, why: IncludeRefusal) -> Self {
        Self { path: include.into_bytes(), failure: WalkFailure::IncludeRefused(why) }
    }

    /// The entry was deleted or replaced between being listed and being looked
    /// at, as happens in a living tree; nothing is wrong with the machine.
    pub fn has_vanished(&self) -> bool {
        match &self.failure {
            WalkFailure::List(error) | WalkFailure::Inspect(error) => is_vanished(error),
            _ => false,
        }
    }
}

/// The error of opening or inspecting something that is not there any more.
pub(super) fn is_vanished(error: &io::Error) -> bool {
    // The latter two: a file or a link stands where the folder was.
    let gone = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| gone.contains(&code))
}

impl fmt::Display for WalkProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = display_path(&self.path);
        match &self.failure {
            WalkFailure::List(error) => write!(f, "cannot list the folder `{path}`: {}", plain_reason(error)),
            WalkFailure::Inspect(error) => write!(f, "cannot read the metadata of `{path}`: {}", plain_reason(error)),
            WalkFailure::IncludeMissing => write!(f, "the include `{path}` does not exist"),
            WalkFailure::IncludeLeftOut => {
                write!(f, "the include `{path}` is left out by an exclude of the same source")
            }
            WalkFailure::IncludeThrough(kind) => {
                write!(f, "an include leads through `{path}`, which is a {}: include what it leads to", kind.noun())
            }
            WalkFailure::IncludeRefused(refusal) => write!(f, "the include `{path}` {refusal}"),
        }
    }
}

impl std::error::Error for WalkProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            WalkFailure::List(error) | WalkFailure::Inspect(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a source cannot be walked at all.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    #[error("cannot open the base `{}`: {}", path.display(), plain_reason(source))]
    Base { path: PathBuf, source: io::Error },
    #[error("nothing of what is included below `{}` exists: {}", base.display(), include.join(", "))]
    NothingIncluded { base: PathBuf, include: Vec<String> },
    #[error(transparent)]
    Filter(#[from] FilterError),
}
