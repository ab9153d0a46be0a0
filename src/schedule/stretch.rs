//! The days of a timetable, those in a row taken together on which the clock does not change.

use super::Timetable;
use super::zone::plain_offset;
use crate::base::Timestamp;
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

/// Since 2001 no zone has changed its clock twice within so many days; a test looks at all of them.
const STRIDE_DAYS: u32 = 7;

/// A part of the time that a walk comes through, in order.
pub(super) enum Piece {
    /// Whole days on which the clock does not change: each begins at midnight, `offset_seconds` east of UTC.
    Plain { first: NaiveDate, days: u32, offset_seconds: i32 },
    /// Later than `after`, up to and including `until`.
    Other { after: Timestamp, until: Timestamp },
}

impl Piece {
    /// The days of a plain piece with their first moments.
    pub fn days(first: NaiveDate, days: u32, offset_seconds: i32) -> impl Iterator<Item = (NaiveDate, Timestamp)> {
        let begin = move |date: NaiveDate| {
            (date.and_time(NaiveTime::MIN) - TimeDelta::seconds(offset_seconds.into())).and_utc()
        };
        first.iter_days().take(days as usize).map(move |date| (date, begin(date)))
    }
}

impl Timetable {
    /// Visits the time later than `after` and before the day `last`, which is not earlier. Returns up to where that is.
    pub(super) fn walk(&self, after: Timestamp, last: NaiveDate, mut visit: impl FnMut(Piece)) -> Timestamp {
        let Some(mut date) = self.local_date(after) else { return after };
        let before = |date: NaiveDate| self.begin_of(date) - TimeDelta::seconds(1);
        let mut done = after;
        while date < last {
            let left = u32::try_from((last - date).num_days()).unwrap_or(u32::MAX);
            // The first day is seldom a whole one.
            if done < self.begin_of(date)
                && let Some((days, offset_seconds)) = self.plain_days(date, left)
            {
                visit(Piece::Plain { first: date, days, offset_seconds });
                date = date + Days::new(days.into());
                done = before(date);
                continue;
            }
            date = date + Days::new(1);
            while date < last && self.plain_days(date, 1).is_none() {
                date = date + Days::new(1);
            }
            let until = before(date);
            visit(Piece::Other { after: done, until });
            done = until;
        }
        done
    }

    /// How many days from `first` on, up to `limit`, pass without a change of
    /// the clock, and the zone's offset in seconds; `None`: not one.
    pub(super) fn plain_days(&self, first: NaiveDate, limit: u32) -> Option<(u32, i32)> {
        let offset_at = |days: u32| {
            let date = first.checked_add_days(Days::new(days.into()))?;
            plain_offset(self.zone, date.and_time(NaiveTime::MIN))
        };
        let offset = offset_at(0)?;
        let mut days = 0;
        while days < limit {
            let is_same = |step: u32| days + step <= limit && offset_at(days + step) == Some(offset);
            match [STRIDE_DAYS, 1].into_iter().find(|step| is_same(*step)) {
                Some(step) => days += step,
                None => break,
            }
        }
        (days > 0).then_some((days, offset))
    }

    /// How many scheduled times are later than `after`, up to and including `until`.
    pub fn count_between(&self, after: Timestamp, until: Timestamp) -> u64 {
        let listed = |after, until| self.times_between(after, until).count() as u64;
        let Some(last) = self.local_date(until).filter(|_| after < until) else { return listed(after, until) };
        let mut count = 0;
        let done = self.walk(after, last, |piece| match piece {
            Piece::Plain { first, days, .. } => {
                let matching = first.iter_days().take(days as usize).filter(|date| self.expression.matches_day(*date));
                count += matching.count() as u64 * u64::from(self.expression.runs_per_day());
            }
            Piece::Other { after, until } => count += listed(after, until),
        });
        count + listed(done, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{TZ_VARIANTS, Tz};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn no_zone_changes_its_clock_twice_within_a_stride() {
        let from = NaiveDate::from_ymd_opt(2001, 1, 1).expect("it is a day");
        for zone in TZ_VARIANTS {
            let mut changed = None;
            let mut last = None;
            for (index, date) in from.iter_days().take(40 * 366).enumerate() {
                let offset = plain_offset(zone, date.and_time(NaiveTime::MIN));
                if last.is_some_and(|last| last != offset) {
                    let apart = changed.map(|before| index - before);
                    // A midnight that comes twice or never is a change of its own on the day of the change.
                    assert!(
                        apart.is_none_or(|days| days == 1 || days >= STRIDE_DAYS as usize),
                        "{zone} {date} {apart:?}"
                    );
                    changed = Some(index);
                }
                last = Some(offset);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn counting_gives_as_many_as_listing(
            expression in proptest::sample::select(vec![
                "*/30 * * * *", "0 2-22/4 * * *", "15,45 1-3 * * mon-fri", "30 23,0,1 * * *", "0 5 1,15 * *", "0 0 30 2 *",
            ]),
            zone in proptest::sample::select(vec![
                Tz::UTC, Tz::America__New_York, Tz::America__St_Johns, Tz::Australia__Lord_Howe, Tz::America__Sao_Paulo,
                Tz::Africa__Casablanca, Tz::Asia__Beirut,
            ]),
            after in 1_200_000_000i64..1_800_000_000,
            seconds in -100_000i64..20_000_000,
        ) {
            let table = Timetable::parse(expression, zone, Duration::ZERO).expect("it parses");
            let after = Timestamp::from_timestamp(after, 0).expect("it is in range");
            let until = after + TimeDelta::seconds(seconds);
            prop_assert_eq!(table.count_between(after, until), table.times_between(after, until).count() as u64);
        }
    }
}
