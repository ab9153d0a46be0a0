//! Walking, filtering, reading metadata, and restoring onto a file system.
//!
//! Knows nothing of plans or stores. Paths inside a tree are bytes relative to
//! the source's base, without a leading `/`; the tree order is that of
//! [`tree_order`]: a folder comes right before all that it holds.

mod metadata;

pub use metadata::{FileKind, FileTime, Metadata, tree_order};
