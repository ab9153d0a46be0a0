//! A snapshot that a verb reads: with what opens it, and how to tell what went wrong with it.

use super::failure::Failure;
use super::near::Searched;
use super::reach::{self, Found};
use crate::archive::{Identities, Snapshot};
use crate::execute::Site;
use crate::repository::{Catalogue, RepositoryError, Selection};
use std::ffi::OsString;

pub(super) struct Opened<'p> {
    pub found: Found<'p>,
    identities: Option<Identities>,
    pub snapshot: Snapshot,
}

impl<'p> Opened<'p> {
    pub fn open(found: Found<'p>, site: &Site<'_>) -> Result<Self, Failure> {
        let identities = reach::identities(site, found.tier)?;
        let snapshot = Catalogue::new(&found.repository, identities.as_ref())
            .load(&found.info)
            .map_err(|error| reach::reading_failure(&error, site, found.tier))?;
        Ok(Self { found, identities, snapshot })
    }

    pub fn catalogue(&self) -> Catalogue<'_> {
        Catalogue::new(&self.found.repository, self.identities.as_ref())
    }

    /// Which of its paths `words` mean.
    pub fn select(&self, words: &[OsString]) -> Result<Selection, Failure> {
        Selection::new(words, &self.snapshot.base).map_err(|error| Failure::usage(error.to_string()))
    }

    pub fn failure(&self, error: &RepositoryError, site: &Site<'_>) -> Failure {
        reach::reading_failure(error, site, self.found.tier)
    }

    /// For a hint where nothing in it was meant.
    pub fn searched(&self) -> Searched<'_> {
        Searched { repository: &self.found.repository, identities: self.identities.as_ref(), snapshot: &self.snapshot }
    }
}
