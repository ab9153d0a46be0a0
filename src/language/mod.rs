//! From text to a spanned document: KDL parsing with good syntax errors,
//! includes, the schema, shape validation.
//!
//! Knows nothing of what a plan means.
//! Main type: [`Document`].

mod allow;
pub mod cursor;
pub mod document;
mod format;
mod load;
mod parse;
pub mod schema;
mod silence;
mod syntax;

pub use cursor::{Cursor, cursor};
pub use document::{Document, Node, Property, Value, ValueKind};
pub use format::format;
pub(crate) use load::normal;
pub use load::{Loaded, load};
pub use parse::parse;
pub use silence::silence;
pub use syntax::word::written;

use crate::diagnostics::Rule;

/// Every rule of this module, for the catalogue.
pub fn rules() -> Vec<&'static Rule> {
    [&syntax::RULES[..], &load::RULES, &schema::RULES, &silence::RULES].concat()
}
