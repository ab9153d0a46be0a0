//! OpenDAL operators from a plan's settings, behind a small blocking interface.
//!
//! Main type: [`Store`], a flat set of named, immutable objects under one root.
//! Owns services, settings, storage classes, retries, timeouts, rates, and what
//! "written" means: nothing is visible before [`ObjectWriter::finish`], and on a
//! local folder what is visible survives a power cut.
//!
//! Knows nothing of archives, snapshots or a plan's rules. Async and OpenDAL's
//! types stay inside, except for [`Store::from_operator`].

mod counters;
mod error;
mod faults;
mod keys;
mod local;
mod name;
mod operator;
mod pace;
mod reader;
mod runtime;
mod service;
mod settings;
mod store;
pub mod testing;
#[cfg(test)]
mod tests;
mod writer;

pub use counters::Counters;
pub use error::{Operation, StoreError, StoreErrorKind};
pub use reader::ObjectReader;
pub use service::Service;
pub use settings::{Scope, ServerSideEncryption, SettingsError, StoreSettings, check};
pub use store::{Class, Put, Store, StoredObject, WriteOptions};
pub use writer::ObjectWriter;
