//! Doing what a plan says: what is due, in what order, with which keys and
//! secrets, and what is remembered afterwards.
//!
//! Knows nothing of the command line and prints nothing: what happens is told
//! to an event sink as it happens.

pub mod key_file;
