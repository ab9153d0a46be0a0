//! The nouns of a plan as plain data, and the step from a valid document to them.
//!
//! Knows no store and does no I/O. Main type: [`Plan`], made by [`resolve()`].
//! Every value in it has been read and every default filled in. That its names
//! refer to something and its schedules can be read, `rules` checks; a plan of
//! which they report no error is whole.

mod key;
mod notify;
mod nouns;
mod resolve;
mod secret;
mod source;
mod tier;

pub use key::{Identity, Key, Recipient};
pub use notify::{Channel, Event, Notify};
pub use nouns::{Drill, Nice, Objective, Plan, Report};
pub(crate) use resolve::name_problem;
pub use resolve::resolve;
pub use secret::SecretRef;
pub use source::{Command, Origin, PathSource, Source};
pub use tier::{
    Compression, Encryption, Keep, Level, Limits, Lock, LockMode, Mode, Schedule, ServerSideEncryption, Setting,
    SettingValue, StoreSpec, Take, Tier, Verify,
};

use crate::diagnostics::Rule;

/// Every rule of this module, for the catalogue.
pub fn rules() -> Vec<&'static Rule> {
    resolve::rules()
}
