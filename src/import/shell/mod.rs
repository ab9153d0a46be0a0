//! Shell scripts, read and never run: words, statements, and which commands
//! would run with which arguments, as far as the text tells.
//!
//! Knows nothing of backups. [`trace()`] is the way from a text to the
//! [`Pipeline`]s that it would run; what only a run can tell (a date, a host's
//! name, another program's output) stays a [`Part`] of its own in a [`Word`].
//! Functions are followed and loops over known words unrolled, all within limits;
//! a script that cannot be followed is read as far as it can.

mod expand;
mod parse;
mod token;
mod trace;
mod word;

pub(super) use trace::{Command, Connector, Pipeline, Script, Trace, trace};
pub(super) use word::{Part, TEMPORARY, Word, matches_pattern};
