//! The language server: what an editor is told of a plan while it is written.
//!
//! Knows the protocol and the editor's open texts, and asks the rest of the
//! program: [`rules::check_text`](crate::rules::check_text) for what is wrong, the
//! schema for what may stand where. It reads files, but never writes one: a
//! change is handed to the editor as edits.
//!
//! Main function: [`serve`]. One thread reads messages, one answers them in
//! order, one checks plans. Whatever can be said of a text and a place in it is
//! a function from those to the answer; only [`state`] and [`server`] remember.
//!
//! Invariant: what is published was found in the newest text that the editor
//! sent; what was found in an older one is dropped.

mod actions;
mod analysis;
mod answers;
mod checker;
mod completion;
mod diagnostics;
mod documents;
mod edits;
mod format;
mod hover;
mod names;
mod place;
mod server;
mod session;
mod shapes;
mod snippet;
mod state;
mod symbols;
#[cfg(test)]
mod testing;
mod transport;
mod values;

pub use server::{Disk, serve};
