//! Reads KDL 2.0, and goes on after a mistake.
//!
//! One mistake gives one diagnostic at the token that is wrong, and everything
//! around it is still read, so that the shape of the rest can be checked.
//! Three steps: [`lexer`] cuts the text into tokens; [`quotes`] and [`braces`]
//! put missing quotation marks and braces where the line and the indentation
//! say that they were meant; [`parser`] builds the document, correcting what
//! it must and saying so.
//!
//! Why not the `kdl` crate: after an error it has no document, its messages
//! cascade, its descent has no limit (a long comment overflows the stack), and
//! it reads 2 MB/s, so that the schema alone would take longer than a whole
//! check may. It is the referee instead: `tests/kdl.rs` holds both readers to
//! the same documents.

mod braces;
mod entry;
mod habits;
pub(super) mod lexer;
mod parser;
mod quotes;
mod rules;
mod string;
mod text;
mod value;
pub(super) mod word;

pub(super) use parser::read;
pub(super) use rules::RULES;

#[cfg(test)]
mod tests;
