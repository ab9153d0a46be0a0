//! OpenDAL operators from a plan's settings, behind a small blocking interface.
//!
//! Main type: [`Store`], a flat set of named, immutable objects under one root.
//! Owns services, settings, storage classes, retries, timeouts, rates, and what
//! "written" means: nothing is visible before [`ObjectWriter::finish`], and on a
//! local folder what is visible survives a power cut.
//!
//! Knows nothing of archives, snapshots or a plan's rules. Async and OpenDAL's
//! types stay inside, except for [`Store::from_operator`].

mod check;
mod counters;
mod error;
#[cfg(test)]
mod fake_s3;
mod faults;
mod keys;
#[cfg(test)]
mod limits_tests;
mod local;
mod name;
mod object;
mod object_lock;
mod operator;
mod pace;
mod placeholders;
mod reader;
mod remote;
mod runtime;
mod service;
mod settings;
mod settings_error;
#[cfg(test)]
mod settings_tests;
mod store;
pub mod testing;
#[cfg(test)]
mod tests;
mod writer;

pub use check::{RULES, diagnose};
pub use counters::Counters;
pub use error::{Operation, StoreError, StoreErrorKind};
pub use object::{Class, Put, StoredObject, WriteOptions};
pub use object_lock::ObjectLock;
pub use reader::ObjectReader;
pub use service::Service;
pub use settings::{Scope, ServerSideEncryption, StoreSettings};
pub use settings_error::SettingsError;
pub use store::Store;
pub use writer::ObjectWriter;
