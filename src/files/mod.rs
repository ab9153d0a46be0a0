//! Walking, filtering, reading metadata, and restoring onto a file system.
//!
//! Knows nothing of plans or stores. Paths inside a tree are bytes relative to
//! the source's base, without a leading `/`; the tree order is that of
//! [`tree_order`]: a folder comes right before all that it holds.
//!
//! [`Walk`] lists a source, [`Root`] reads what the walk found,
//! [`restore::Restorer`] writes a tree, [`compare()`] tells two trees apart.
//! Every path is opened relative to a folder handle and no symbolic link in it
//! is ever followed.

mod beneath;
mod compare;
mod filter;
mod include;
mod metadata;
pub mod restore;
mod root;
mod walk;
mod wording;
pub mod xattrs;

pub use compare::{Comparison, Difference, Differs, compare};
pub use filter::FilterError;
pub use include::IncludeRefusal;
pub use metadata::{FileKind, FileTime, Metadata, is_within, tree_order};
pub use root::{Root, Siblings, data_segments, file_metadata};
pub use walk::{LOOKAHEAD_ENTRIES, Walk, WalkEntry, WalkEntryRef, WalkError, WalkFailure, WalkOptions, WalkProblem};
pub use wording::{display_path, plain_reason};
