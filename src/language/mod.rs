//! From text to a spanned document: KDL parsing with good syntax errors,
//! includes, the schema, shape validation.
//!
//! The only user of the `kdl` crate; knows nothing of what a plan means.
//! Main type: [`Document`].

pub mod document;

pub use document::{Document, Node, Property, Value, ValueKind};
