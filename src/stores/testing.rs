//! Stores that fail on purpose, for the tests of everything that uses one.
//!
//! ```
//! use plan::stores::{Put, Store, testing::{Effect, Faults}};
//! use std::sync::Arc;
//!
//! let faults = Arc::new(Faults::on_call(2, Effect::Crash));
//! let store = Store::memory();
//! let crashing = store.with_faults(faults);
//! assert!(crashing.put("a", b"1", Put::Replace).is_ok());
//! assert!(crashing.put("b", b"2", Put::Replace).is_err());
//! assert!(crashing.read("a", 1).is_err(), "everything after a crash fails");
//! assert_eq!(store.read("a", 1).unwrap(), b"1", "the store itself is as the crash left it");
//! ```

pub use super::faults::{Call, Effect, Faults};
