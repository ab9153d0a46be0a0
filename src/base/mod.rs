//! Small values that everything else is made of: sizes, durations, rates,
//! money, ids, secrets, the clock, the exit codes, and text in columns.
//!
//! Knows nothing of plans, files or stores. Every value here parses from the
//! text a person writes in a plan (`"5GiB"`, `"4h"`, `"5%"`) and prints as the
//! text a person wants to read.

mod cancellation;
mod clock;
mod context;
mod duration;
mod exit;
mod id;
mod money;
mod number;
mod percent;
mod printable;
mod rate;
mod raw_path;
mod secret;
mod size;
mod style;
mod table;

pub use cancellation::Cancellation;
pub use clock::{Clock, FixedClock, SystemClock, Timestamp, compact_time, parse_compact_time, rfc3339};
pub use context::{Context, Environment};
pub use duration::{format_duration, parse_duration};
pub use exit::Exit;
pub use id::{ContentHash, RunId};
pub use money::Money;
pub use number::{counted, grouped};
pub use percent::Percent;
pub use printable::printable;
pub use rate::Rate;
pub use raw_path::RawPath;
pub use secret::Secret;
pub use size::ByteSize;
pub use style::{Paint, Style};
pub use table::{Cell, Column, Table, cut, wrap};

/// Why a value written by a person is not what it should be.
///
/// `expected` is a short phrase with an example, such as
/// ``a duration such as `90s`, `4h` or `3d` ``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {expected}")]
pub struct ParseValueError {
    pub found: String,
    pub expected: &'static str,
}
