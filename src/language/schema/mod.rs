//! The language's shape: `schema/plan.kdl`, read once, and what is made of it.
//!
//! The only place that knows which nodes, arguments and properties there are.
//! Validation, suggestions, completion, `plan explain` and the reference all
//! ask the [`Schema`]; a new setting is one entry in the file, and its use.

mod correct;
mod describe;
mod json_schema;
mod model;
mod read;
mod rules;
mod validate;

pub use model::{Choice, Format, Kind, NodeShape, Primitive, PropertyShape, Schema, ValueShape};
pub(super) use rules::RULES;
pub(super) use validate::validate;

use std::sync::LazyLock;

/// The schema as KDL, as `plan schema` prints it.
pub const TEXT: &str = include_str!("../../../schema/plan.kdl");

/// The schema of the plan language.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| read::read(TEXT));
    &SCHEMA
}

#[cfg(test)]
mod tests;
