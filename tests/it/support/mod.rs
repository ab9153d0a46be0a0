//! What the tests stand on: a hermetic environment, deterministic trees, an
//! independent comparison of trees, and the ordinary tools.

mod backup;
mod compare;
mod environment;
mod random;
mod s3;
mod stock;
pub mod trees;
mod web;

pub use backup::{Backup, files_below};
pub use compare::{Comparison, TreePrint, assert_same_tree};
pub use environment::{Outcome, TestEnvironment};
pub use random::Random;
pub use s3::Bucket;
pub use stock::{age_identity, have, unpack_with_stock_tools};
pub use web::WebHook;
