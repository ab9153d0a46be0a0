use super::Timetable;
use super::expression::DayPauses;
use super::stretch::Piece;
use super::zone::{Meaning, meaning};
use crate::base::Timestamp;
use chrono::{Days, NaiveDateTime, TimeDelta};
use std::time::Duration;

/// The time between two scheduled times that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub start: Timestamp,
    /// Later than `start`.
    pub end: Timestamp,
}

impl Gap {
    pub fn length(&self) -> Duration {
        (self.end - self.start).to_std().unwrap_or_default()
    }
}

/// What a change of the clock does to a scheduled reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstKind {
    /// The clock is set forward over it; it runs right after.
    Skipped,
    /// The clock is set back over it; it runs the first time only.
    Repeated,
}

/// A scheduled reading of the wall clock that does not exist, or exists twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DstEffect {
    pub kind: DstKind,
    /// The reading, in the timetable's zone.
    pub reading: NaiveDateTime,
    pub runs_at: Timestamp,
}

/// The longest gap among times that are visited in order, the first of equal ones.
struct Longest {
    last: Option<Timestamp>,
    gap: Option<Gap>,
}

impl Longest {
    fn visit(&mut self, time: Timestamp) {
        if let Some(start) = self.last.replace(time) {
            self.compare(Gap { start, end: time });
        }
    }

    /// The times of a whole day that begins at `begin` and on which the clock does not change.
    fn visit_day(&mut self, begin: Timestamp, pauses: &DayPauses) {
        let moment = |minute: u32| begin + TimeDelta::minutes(minute.into());
        self.visit(moment(pauses.first));
        if let Some((start, end)) = pauses.longest {
            self.compare(Gap { start: moment(start), end: moment(end) });
        }
        self.last = Some(moment(pauses.last));
    }

    fn compare(&mut self, gap: Gap) {
        if self.gap.is_none_or(|longest| gap.length() > longest.length()) {
            self.gap = Some(gap);
        }
    }
}

impl Timetable {
    /// The longest time without a scheduled time that begins in the `days`
    /// days after `from`, the first of them if several are equal; the one that
    /// `from` itself lies in counts too. `None` if it never fires (twice).
    pub fn longest_gap(&self, from: Timestamp, days: u32) -> Option<Gap> {
        let end = from.checked_add_days(Days::new(days.into()))?;
        let last_date = self.local_date(end)?;
        let mut longest = Longest { last: self.last_at_or_before(from), gap: None };
        let pauses = self.expression.pauses_of_day();
        let done = self.walk(from, last_date, |piece| match piece {
            // The clock does not change on most days: their pauses are all alike.
            Piece::Plain { first, days, offset_seconds } => Piece::days(first, days, offset_seconds)
                .filter(|(date, _)| self.expression.matches_day(*date))
                .for_each(|(_, begin)| longest.visit_day(begin, &pauses)),
            Piece::Other { after, until } => self.times_between(after, until).for_each(|time| longest.visit(time)),
        });
        for time in self.times_after(done) {
            longest.visit(time);
            if time > end {
                break;
            }
        }
        longest.gap
    }

    /// The first moment after `from`, within `days` days, at which both run.
    pub fn first_meeting(&self, other: &Timetable, from: Timestamp, days: u32) -> Option<Timestamp> {
        let until = from.checked_add_days(Days::new(days.into()))?;
        let mut theirs = other.times_between(from, until).peekable();
        self.times_between(from, until).find(|ours| {
            while theirs.next_if(|theirs| theirs < ours).is_some() {}
            theirs.peek() == Some(ours)
        })
    }

    /// The scheduled readings in the `days` days after `from` that a change of
    /// the clock skips or repeats, ascending.
    ///
    /// Empty for an expression that runs in every hour: it follows the clock,
    /// and nobody would miss a run.
    pub fn dst_effects(&self, from: Timestamp, days: u32) -> Vec<DstEffect> {
        let mut effects = Vec::new();
        if self.expression.is_every_hour() {
            return effects;
        }
        let Some(mut date) = self.local_date(from) else { return effects };
        let end = date + Days::new(days.into());
        while date < end {
            let left = u32::try_from((end - date).num_days()).unwrap_or(u32::MAX);
            if let Some((plain, _)) = self.plain_days(date, left) {
                date = date + Days::new(plain.into());
                continue;
            }
            let changing = date;
            date = date + Days::new(1);
            if !self.expression.matches_day(changing) {
                continue;
            }
            effects.extend(self.readings_on(changing).filter_map(|reading| match meaning(self.zone, reading) {
                Meaning::Once(_) => None,
                Meaning::Twice(runs_at, _) => Some(DstEffect { kind: DstKind::Repeated, reading, runs_at }),
                Meaning::Never(runs_at) => Some(DstEffect { kind: DstKind::Skipped, reading, runs_at }),
            }));
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{format_duration, rfc3339};
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn timetable(expression: &str, zone: Tz) -> Timetable {
        Timetable::parse(expression, zone, Duration::ZERO).expect("it parses")
    }

    fn new_year() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("it is a time")
    }

    #[test]
    fn the_longest_gap_of_a_year_says_how_long_and_where() {
        let table: Vec<String> = [
            ("0 2-22/4 * * *", Tz::UTC),
            ("0 2-22/4 * * *", Tz::Europe__Berlin),
            ("0 8-20/4 * * *", Tz::UTC),
            ("0 2 * * *", Tz::America__New_York),
            ("0 2 * * 0", Tz::UTC),
            ("0 5 1 * *", Tz::UTC),
            ("*/10 * * * *", Tz::Australia__Lord_Howe),
            ("30 * * * *", Tz::America__New_York),
            ("@yearly", Tz::UTC),
        ]
        .map(|(expression, zone)| {
            let gap = timetable(expression, zone).longest_gap(new_year(), 365).expect("it fires");
            let length = format_duration(gap.length());
            format!("{expression:<16}{:<22}{length:<8}{} to {}", zone.name(), rfc3339(gap.start), rfc3339(gap.end))
        })
        .to_vec();
        insta::assert_snapshot!(table.join("\n"), @r"
        0 2-22/4 * * *  UTC                   4h      2025-12-31T22:00:00Z to 2026-01-01T02:00:00Z
        0 2-22/4 * * *  Europe/Berlin         5h      2026-10-25T00:00:00Z to 2026-10-25T05:00:00Z
        0 8-20/4 * * *  UTC                   12h     2025-12-31T20:00:00Z to 2026-01-01T08:00:00Z
        0 2 * * *       America/New_York      1d 1h   2026-10-31T06:00:00Z to 2026-11-01T07:00:00Z
        0 2 * * 0       UTC                   7d      2025-12-28T02:00:00Z to 2026-01-04T02:00:00Z
        0 5 1 * *       UTC                   31d     2025-12-01T05:00:00Z to 2026-01-01T05:00:00Z
        */10 * * * *    Australia/Lord_Howe   10m     2026-01-01T00:00:00Z to 2026-01-01T00:10:00Z
        30 * * * *      America/New_York      1h      2025-12-31T23:30:00Z to 2026-01-01T00:30:00Z
        @yearly         UTC                   365d    2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_longest_gap_is_the_one_found_time_by_time(
            expression in proptest::sample::select(vec![
                "*/30 * * * *", "0 2-22/4 * * *", "15,45 1-3 * * mon-fri", "30 23,0,1 * * *", "0 5 1,15 * *",
            ]),
            zone in proptest::sample::select(vec![
                Tz::UTC, Tz::America__New_York, Tz::America__St_Johns, Tz::Australia__Lord_Howe, Tz::America__Sao_Paulo,
            ]),
            from in 1_200_000_000i64..1_400_000_000,
            days in 0u32..250,
        ) {
            let table = timetable(expression, zone);
            let from = Timestamp::from_timestamp(from, 0).expect("it is in range");
            let end = from + TimeDelta::days(days.into());
            let mut longest = Longest { last: table.last_at_or_before(from), gap: None };
            for time in table.times_after(from) {
                longest.visit(time);
                if time > end {
                    break;
                }
            }
            prop_assert_eq!(table.longest_gap(from, days), longest.gap);
        }
    }

    #[test]
    fn readings_that_a_clock_change_hits_are_listed() {
        let effects = |expression, zone| -> Vec<String> {
            timetable(expression, zone)
                .dst_effects(new_year(), 365)
                .iter()
                .map(|effect| format!("{:?} {}, runs at {}", effect.kind, effect.reading, rfc3339(effect.runs_at)))
                .collect()
        };
        insta::assert_snapshot!(effects("30 2 * * *", Tz::Europe__Berlin).join("\n"), @r"
        Skipped 2026-03-29 02:30:00, runs at 2026-03-29T01:00:00Z
        Repeated 2026-10-25 02:30:00, runs at 2026-10-25T00:30:00Z
        ");
        insta::assert_snapshot!(effects("30 1 * * *", Tz::America__New_York).join("\n"), @"Repeated 2026-11-01 01:30:00, runs at 2026-11-01T05:30:00Z");
        assert_eq!(effects("30 2 * * *", Tz::UTC), [""; 0]);
        assert_eq!(effects("30 2 * * *", Tz::America__Sao_Paulo), [""; 0], "Brazil has had no summer time since 2019");
        assert_eq!(effects("0 4 * * *", Tz::Europe__Berlin), [""; 0]);
        assert_eq!(effects("*/10 * * * *", Tz::Europe__Berlin), [""; 0], "it follows the clock");
    }

    #[test]
    fn two_timetables_meet_at_their_first_common_moment() {
        let four_hourly = timetable("0 2-22/4 * * *", Tz::UTC);
        let meeting = |other: &str, zone| {
            four_hourly.first_meeting(&timetable(other, zone), new_year(), 366).map(rfc3339).unwrap_or_default()
        };
        assert_eq!(meeting("0 2 * * *", Tz::UTC), "2026-01-01T02:00:00Z");
        assert_eq!(meeting("0 2 * * 0", Tz::UTC), "2026-01-04T02:00:00Z");
        assert_eq!(meeting("0 3 * * *", Tz::UTC), "");
        assert_eq!(meeting("0 4 * * *", Tz::Europe__Berlin), "2026-03-29T02:00:00Z", "only in summer");
    }
}
