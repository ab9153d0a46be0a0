//! Telling people and monitors, one file a channel.
//!
//! Main types: [`Notification`], what is to be told, and [`deliver()`], which
//! tells it. Each channel builds its message with a pure function, which tests
//! pin, and sends it with [`http`], SMTP or a child process.
//!
//! Addresses of web hooks are secrets, so an error names the channel and at
//! most the host. Logs are never sent, only what the notification holds. Knows
//! nothing of runs: which events happened is decided elsewhere.

mod command;
mod deliver;
mod email;
mod error;
mod healthchecks;
mod http;
mod notification;
mod ntfy;
mod slack;
#[cfg(test)]
mod tests;
mod webhook;

pub use deliver::{deliver, wanted};
pub use error::{NotifyError, NotifyErrorKind};
pub use notification::{Notification, Outcome};
