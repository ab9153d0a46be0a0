//! Cron expressions, the times they mean, and what is due.
//!
//! Knows no store and no clock: every moment is handed in and out in UTC, the
//! time zone is the plan's. Main type: [`Timetable`]. Invariant: a
//! [`CronExpression`] that exists allows at least one value in each field, so
//! it fires unless its days never come (`0 0 30 2 *`).

mod describe;
mod due;
mod error;
mod expression;
mod field;
mod gap;
mod item;
mod stretch;
mod timetable;
mod zone;

pub use due::{Due, due};
pub use error::{ScheduleError, ScheduleErrorKind};
pub use expression::CronExpression;
pub use field::Field;
pub use gap::{DstEffect, DstKind, Gap};
pub use timetable::{Times, Timetable};
pub use zone::first_moment;
