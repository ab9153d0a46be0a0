//! What is said about a text: spans into it, diagnostics with codes, labels,
//! help and fixes, and the emitters that print them.
//!
//! Knows nothing of KDL or plans. Main type: [`Diagnostic`].

mod span;

pub use span::{FileId, SourceFile, SourceFiles, Span, Spanned};
