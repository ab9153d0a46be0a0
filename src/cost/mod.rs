//! What a plan costs, and how long a store takes to give back what it holds.
//!
//! Knows no store and looks nothing up: prices are a dated table handed in.

mod class;
mod provider;
#[cfg(test)]
mod sample;

pub use class::{StorageClass, Thaw, ThawSpeed};
pub use provider::{Place, Provider};
