//! What the tests of this module share.

use crate::base::{Context, Environment, FixedClock, Timestamp};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().expect("a time")
}

/// A context whose home, state and working folder lie below `root`, and in
/// which nothing is left to chance.
pub fn context(root: &Path) -> Context {
    Context {
        clock: Arc::new(FixedClock(now())),
        environment: Environment::new(),
        home: root.join("home"),
        state: root.join("state"),
        working_directory: root.to_owned(),
        host: "host".to_owned(),
        seed: Some(Arc::new(Mutex::new(1))),
    }
}
