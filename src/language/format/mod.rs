//! A plan's text in its normal form.
//!
//! Works on the tokens, so that every comment and every value stays as it was
//! written: only blanks, line breaks, needless `;` and needless quotation marks
//! around names change. The layout is in [`layout`], the writing of indentation
//! and line breaks in [`writer`].
//!
//! Invariants: the result reads as the same document; formatting it again
//! changes nothing; no node, value or comment changes its place.

mod layout;
#[cfg(test)]
mod tests;
mod writer;

use super::syntax;
use crate::diagnostics::{Diagnostic, FileId};

/// The normal form of one text; line breaks are `\n`, and the last line has one.
///
/// # Errors
///
/// A text with a syntax error has no normal form: the diagnostics of
/// [`parse`](fn@super::parse), sorted. Shape and meaning are not looked at.
pub fn format(text: &str, file: FileId) -> Result<String, Vec<Diagnostic>> {
    let (_, mut diagnostics, tokens) = syntax::read(text, file);
    if !diagnostics.is_empty() {
        Diagnostic::sort(&mut diagnostics);
        return Err(diagnostics);
    }
    Ok(layout::lay_out(text, &tokens))
}
