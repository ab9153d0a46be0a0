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
//! A module imports only from those above it in the list below;
//! `tests/layers.rs` checks that (the empty lines keep the order from being sorted). The library never prints, exits, or reads the environment,
//! the clock or randomness by itself: [`base::Context`] carries them in.

// The documentation is built with private items, where these links lead somewhere.
#![allow(rustdoc::private_intra_doc_links)]

pub mod base;

pub mod diagnostics;

pub mod language;

pub mod plan;

pub mod schedule;

pub mod retention;

pub mod cost;

pub mod rules;

pub mod import;

pub mod compile;

pub mod files;

pub mod archive;

pub mod stores;

pub mod repository;

pub mod report;

pub mod notify;

pub mod execute;

pub mod lsp;

pub mod cli;
