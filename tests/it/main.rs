//! What a user sees: the real program, run in folders of its own, against real
//! files, stores and tools. One crate, so that it is linked once.
//!
//! `support/` holds the hermetic environment, the deterministic trees and the
//! comparison; each other module is one promise of the program.

mod check;
mod cost;
mod demo;
mod errors;
mod explain;
mod fmt;
mod frame;
mod golden;
mod idle;
mod import;
mod interruption;
mod keys;
mod lock;
mod lsp;
mod missing;
mod names;
mod nice;
mod object_lock;
mod partial;
mod plans;
mod prune;
mod readme;
mod repair;
mod restore;
mod restore_script;
mod round_trip;
mod rpa;
mod same_name;
mod several;
mod stock_restore;
#[allow(dead_code)]
mod support;
