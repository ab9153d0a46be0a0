//! Which snapshots stay and which go, with the reason.
//!
//! Knows no store and deletes nothing: snapshots, rules and a moment go in, one
//! [`Decision`] a snapshot comes out. Main type: [`Rules`]. Invariant: the
//! newest snapshot, the newest complete one and the newest verified one stay,
//! whatever the rules say, and a snapshot dated in the future counts for nothing.

mod bucket;
mod decision;
mod rules;
mod select;
mod steady;

pub use bucket::{Bucket, Period};
pub use decision::{Decision, Forget, Reason};
pub use rules::Rules;
pub use select::{Candidate, select};
pub use steady::{SteadyState, reference_moment};
