//! Doing what a plan says: what is due, in what order, with which keys and
//! secrets, and what is remembered afterwards.
//!
//! Knows nothing of the command line and prints nothing: what happens is told
//! to an event sink as it happens.

mod due;
mod failure;
mod forget;
pub mod key_file;
mod keys;
mod lock;
mod messages;
mod priority;
mod run;
mod secrets;
mod site;
mod state;
mod steps;
#[cfg(test)]
mod testing;

pub use due::{Work, all_work, due_work, upcoming};
pub use failure::{of_reading, of_repository, of_site, of_state};
pub use forget::{candidate, decide};
pub use keys::{AskPassphrase, KeyError, MadeKey, recipient_texts, shown_recipient};
pub use lock::{Holder, LockError, PlanLock};
pub use run::{RunError, RunOptions, make_keys, run};
pub use secrets::{SecretError, Secrets, whole_path};
pub use site::{Site, SiteError};
pub use state::{JobState, State, StateError, StateFile};

/// The file of a plan's state folder that has a line of JSON for every run.
pub const HISTORY_FILE: &str = "history.jsonl";
