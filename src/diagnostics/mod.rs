//! What is said about a text: spans into it, diagnostics with codes, labels,
//! help and fixes, and the emitters that print them.
//!
//! Knows nothing of KDL or plans. Main type: [`Diagnostic`]. A diagnostic is
//! made from a [`Rule`], so no code exists without its page of documentation;
//! each family of rules keeps its rules in a static slice, and a [`Catalogue`]
//! is made of those slices. Emitters are pure: diagnostics and texts in, a
//! string out.

mod diagnostic;
mod excerpt;
mod fix;
mod gather;
mod github;
mod human;
mod json;
mod position;
mod rule;
mod sarif;
mod severity;
mod span;
mod suggest;

pub use diagnostic::{Diagnostic, Label, extend_without_echoes, summary};
pub use fix::{Edit, Fix, FixOutcome, apply_fixes, compatible_fixes};
pub use gather::Gathered;
pub use github::github;
pub use human::{Human, HumanStyle};
pub use json::{json, json_list};
pub use position::{LineIndex, Position};
pub use rule::{Catalogue, Rule};
pub use sarif::sarif;
pub use severity::{Severities, Severity, UnknownCode};
pub use span::{FileId, SourceFile, SourceFiles, Span, Spanned};
pub use suggest::{list, list_some, nearest};

#[cfg(test)]
mod tests;
