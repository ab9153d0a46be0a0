//! `plan`: backups as a program. A plan file is the program; this library is
//! its compiler and its machine.
//!
//! ```text
//! text ──► document ──► plan ──► graph ──► run ──► report
//!       language     plan     compile   execute  report
//!                    rules
//! ```
//! and the bytes of one file:
//! ```text
//! walk ──► chunk ──► tar frame ──► compress ──► encrypt ──► upload ──► verify ──► prune
//! files    archive                                          repository over stores
//! ```
//!
//! A module imports only from those above it in this list; `tests/layers.rs`
//! checks that. The library never prints, exits, or reads the environment,
//! the clock or randomness by itself: [`base::Context`] carries them in.

pub mod archive;
pub mod base;
pub mod cli;
pub mod compile;
pub mod cost;
pub mod diagnostics;
pub mod execute;
pub mod files;
pub mod language;
pub mod notify;
pub mod plan;
pub mod report;
pub mod repository;
pub mod retention;
pub mod rules;
pub mod schedule;
pub mod stores;
