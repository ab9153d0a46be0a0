use crate::base::Timestamp;
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, Timelike};
use chrono_tz::Tz;
use std::fmt;

/// The length of the buckets of one rule, finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    Hour,
    Day,
    /// Monday to Sunday, numbered as in ISO 8601.
    Week,
    Month,
    Year,
}

impl Period {
    pub const ALL: [Period; 5] = [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year];

    /// The bucket that a moment lies in, by the calendar of a time zone.
    pub fn bucket(self, time: Timestamp, zone: Tz) -> Bucket {
        let local = time.with_timezone(&zone);
        let date = local.date_naive();
        let first_of = |month| NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
        let day = match self {
            Self::Hour | Self::Day => date,
            Self::Week => {
                let since_monday = Days::new(date.weekday().num_days_from_monday().into());
                date.checked_sub_days(since_monday).unwrap_or(date)
            }
            Self::Month => first_of(date.month()),
            Self::Year => first_of(1),
        };
        let hour = if self == Self::Hour { local.hour() } else { 0 };
        // An hour that the clock repeats is two hours.
        let offset = if self == Self::Hour { local.offset().fix().local_minus_utc() } else { 0 };
        let start = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN));
        Bucket { period: self, start, offset }
    }
}

/// The rule's name in a plan: `daily`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        })
    }
}

/// One hour, day, week, month or year of a calendar.
///
/// Prints as `2026-11-20 14:00`, `2026-11-20`, `2026-W47`, `2026-11` or `2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    pub period: Period,
    start: NaiveDateTime,
    /// Seconds east of UTC, in an hour only.
    offset: i32,
}

impl Bucket {
    /// Its first reading of the wall clock.
    pub(super) fn start(&self) -> NaiveDateTime {
        self.start
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.period {
            Period::Hour => "%Y-%m-%d %H:00",
            Period::Day => "%Y-%m-%d",
            Period::Week => "%G-W%V",
            Period::Month => "%Y-%m",
            Period::Year => "%Y",
        };
        write!(f, "{}", self.start.format(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(time: &str, zone: Tz) -> Vec<String> {
        let time = time.parse().expect("it is a time");
        Period::ALL.map(|period| period.bucket(time, zone).to_string()).to_vec()
    }

    #[test]
    fn buckets_follow_the_calendar_of_the_zone() {
        let time = "2026-11-20T23:30:00Z";
        assert_eq!(labels(time, Tz::UTC), ["2026-11-20 23:00", "2026-11-20", "2026-W47", "2026-11", "2026"]);
        assert_eq!(labels(time, Tz::Europe__Berlin)[1], "2026-11-21");
        assert_eq!(labels("2027-01-01T02:00:00Z", Tz::America__Sao_Paulo)[4], "2026");
    }

    #[test]
    fn weeks_begin_on_monday_and_may_belong_to_the_next_year() {
        let week = |time: &str| labels(time, Tz::UTC)[2].clone();
        assert_eq!(week("2026-11-22T02:00:00Z"), "2026-W47");
        assert_eq!(week("2026-11-23T02:00:00Z"), "2026-W48");
        assert_eq!(week("2026-12-31T02:00:00Z"), "2026-W53");
        assert_eq!(week("2027-01-03T02:00:00Z"), "2026-W53");
        assert_eq!(week("2024-12-30T02:00:00Z"), "2025-W01");
    }

    #[test]
    fn an_hour_that_the_clock_repeats_is_two_buckets() {
        let hour = |time: &str| Period::Hour.bucket(time.parse().expect("it is a time"), Tz::America__New_York);
        let (first, second) = (hour("2026-11-01T05:30:00Z"), hour("2026-11-01T06:30:00Z"));
        assert_eq!(first.to_string(), second.to_string());
        assert_ne!(first, second);
    }
}
