use crate::base::ByteSize;
use crate::diagnostics::{Span, Spanned};
use std::path::PathBuf;

/// Something to back up.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: Spanned<String>,
    pub origin: Origin,
    /// Run before reading; a failure fails the source.
    pub before: Vec<Command>,
    /// Run after reading, whether it succeeded or not.
    pub after: Vec<Command>,
    /// Projected size of the source, from `expect size= change=`.
    pub expected_size: Option<Spanned<ByteSize>>,
    /// Projected bytes that change a day.
    pub expected_change: Option<Spanned<ByteSize>>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Origin {
    Paths(PathSource),
    /// A program whose standard output becomes the one file `name`.
    Command {
        command: Command,
        file_name: Spanned<String>,
    },
}

/// Files and folders.
#[derive(Clone, Debug, Default)]
pub struct PathSource {
    /// Relative includes start here, and restored paths are relative to it;
    /// without one, includes are absolute and restored paths lack the leading `/`.
    /// `~/` is still as written; a relative base is relative to the plan file.
    pub base: Option<Spanned<PathBuf>>,
    /// Relative to `base`, or absolute. Empty: all of `base`.
    pub include: Vec<Spanned<String>>,
    /// gitignore patterns, relative to `base` (or `/`).
    pub exclude: Vec<Spanned<String>>,
    /// Files of gitignore patterns.
    pub exclude_files: Vec<Spanned<PathBuf>>,
    /// A folder that holds a file of this name is left out.
    pub exclude_if_present: Vec<Spanned<String>>,
    /// Leave out folders tagged with a valid `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    pub one_file_system: bool,
    pub max_file_size: Option<Spanned<ByteSize>>,
}

/// A program and its arguments; no shell in between.
#[derive(Clone, Debug)]
pub struct Command {
    pub program: Spanned<String>,
    pub arguments: Vec<String>,
    pub span: Span,
}
