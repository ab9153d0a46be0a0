//! The nouns of a plan as plain data, and the step from a valid document to them.
//!
//! Knows no store and does no I/O. Main type: [`Plan`]. Once a [`Plan`] exists,
//! every reference in it resolves and every value is in range.

mod key;
mod notify;
mod nouns;
mod secret;
mod source;
mod tier;

pub use key::{Identity, Key, Recipient};
pub use notify::{Channel, Event, Notify};
pub use nouns::{Drill, Objective, Plan, Report};
pub use secret::SecretRef;
pub use source::{Command, Origin, PathSource, Source};
pub use tier::{
    Compression, Encryption, Keep, Level, Limits, Lock, Mode, Schedule, ServerSideEncryption, Setting, SettingValue,
    StoreSpec, Take, Tier, Verify,
};
