use std::fmt;
use std::ops::RangeInclusive;

/// One of the five fields of a crontab line, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Field {
    pub const ALL: [Field; 5] = [Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::DayOfWeek];

    /// The numbers that may stand in it. Sunday is both 0 and 7.
    pub fn range(self) -> RangeInclusive<u8> {
        match self {
            Self::Minute => 0..=59,
            Self::Hour => 0..=23,
            Self::DayOfMonth => 1..=31,
            Self::Month => 1..=12,
            Self::DayOfWeek => 0..=7,
        }
    }

    /// The greatest number that is no second name for another: Saturday ends the week.
    pub(super) fn last(self) -> u8 {
        if self == Self::DayOfWeek { 6 } else { *self.range().end() }
    }

    /// The three-letter names that may stand for its numbers, lowest first.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// The number that a name stands for, whatever its case.
    pub(super) fn value_of(self, name: &str) -> Option<u8> {
        let index = self.names().iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(self.range().start() + index as u8)
    }

    /// What may stand in it, in words: ``1 to 12, or `jan` to `dec` ``.
    pub fn allowed(self) -> String {
        let range = self.range();
        let numbers = format!("{} to {}", range.start(), range.end());
        match self {
            Self::DayOfWeek => format!("{numbers} (0 and 7 are Sunday), or `sun` to `sat`"),
            Self::Month => format!("{numbers}, or `jan` to `dec`"),
            _ => numbers,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        })
    }
}

/// The numbers that one field allows, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ValueSet(u64);

impl ValueSet {
    pub fn insert(&mut self, value: u8) {
        self.0 |= 1 << value;
    }

    pub fn contains(self, value: u32) -> bool {
        value < 64 && self.0 & (1 << value) != 0
    }

    /// The greatest value that is at most `limit`, which is below 64.
    pub fn last_up_to(self, limit: u32) -> Option<u32> {
        let bits = self.0 & (u64::MAX >> (63 - limit.min(63)));
        bits.checked_ilog2()
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Ascending.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let lowest = bits.trailing_zeros();
            // Takes that bit away; nothing is left of none.
            bits &= bits.wrapping_sub(1);
            (lowest < u64::BITS).then_some(lowest)
        })
    }

    /// The distance between neighbours, where it is the same everywhere; at least two values.
    pub fn even_step(self) -> Option<u32> {
        let values: Vec<u32> = self.iter().collect();
        let step = values.get(1)? - values[0];
        values.windows(2).all(|pair| pair[1] - pair[0] == step).then_some(step)
    }
}
