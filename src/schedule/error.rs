use super::Field;
use std::ops::Range;

/// What is wrong with a schedule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ScheduleError {
    pub kind: ScheduleErrorKind,
    /// Bytes of the expression, on character boundaries; where something is
    /// missing, the place before which it is missing, or the whole text.
    pub range: Range<usize>,
    /// What to do about it, one sentence.
    pub help: String,
    /// Text for [`ScheduleError::range`] that repairs the expression, where only one is likely.
    pub replacement: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleErrorKind {
    #[error("the schedule is empty")]
    Empty,
    #[error("a schedule has five fields, this one has {found}")]
    FieldCount { found: usize },
    #[error("`{word}` is no schedule")]
    UnknownNickname { word: String },
    #[error("`{item}` is no {field}")]
    NotAValue { field: Field, item: String },
    #[error("something is missing in the {field} field")]
    EmptyItem { field: Field },
    #[error("{field} {value} is out of range")]
    OutOfRange { field: Field, value: String },
    #[error("`{sign}` is not part of crontab(5)")]
    NotCrontab { field: Field, sign: char },
    #[error("the {field} range `{first}-{last}` runs backwards")]
    ReversedRange { field: Field, first: String, last: String },
    #[error("`{step}` is no step for the {field} field")]
    BadStep { field: Field, step: String },
    #[error("the step in `{item}` has no range to step through")]
    StepWithoutRange { field: Field, item: String },
}
