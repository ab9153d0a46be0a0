use super::zone::{Meaning, first_moment, meaning, plain_offset};
use super::{CronExpression, ScheduleError};
use crate::base::{ContentHash, Timestamp};
use crate::plan;
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::VecDeque;
use std::time::Duration;

/// How far a search goes before it concludes that an expression never fires.
///
/// The rarest day that crontab can name, 29 February on one weekday, has
/// pauses of at most 40 years (across 2100 and its like).
const SEARCH_DAYS: u32 = 41 * 366;

const DAY_MINUTES: i64 = 24 * 60;

/// A cron expression in a time zone, with the jitter around it.
///
/// Times are moments at which the wall clock of the zone matches. **When the
/// clock changes**, the rules are those of Debian's cron:
/// - An expression that runs in every hour follows the clock: it does not run
///   at readings that are skipped and runs at both of those that are repeated.
/// - Any other expression (fixed hours, so at most a run an hour was meant)
///   runs once right after the gap for all that was skipped, and at the first
///   of two equal readings only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    pub expression: CronExpression,
    pub zone: Tz,
    /// A run may start this much later than scheduled; zero without one.
    pub jitter: Duration,
}

impl Timetable {
    /// # Errors
    /// What is wrong with the expression, with its range of bytes in `expression`.
    pub fn parse(expression: &str, zone: Tz, jitter: Duration) -> Result<Self, ScheduleError> {
        Ok(Self { expression: expression.parse()?, zone, jitter })
    }

    /// The times that a schedule of a plan means.
    ///
    /// # Errors
    /// As [`Timetable::parse`].
    pub fn of(schedule: &plan::Schedule, zone: Tz) -> Result<Self, ScheduleError> {
        Self::parse(&schedule.cron, zone, schedule.jitter.as_ref().map_or(Duration::ZERO, |jitter| jitter.value))
    }

    /// The first scheduled time later than `time`; `None` if there is none in 40 years.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        self.times_after(time).next()
    }

    /// The last scheduled time at or before `time`; `None` if there is none in 40 years.
    pub fn last_at_or_before(&self, time: Timestamp) -> Option<Timestamp> {
        let mut date = self.local_date(time)?.checked_add_days(Days::new(1))?;
        for _ in 0..SEARCH_DAYS {
            let before = date.pred_opt()?;
            if let Some(found) = self.last_on(date, time) {
                // The clock may have been set back over midnight: then the day before ends later.
                return self.last_on(before, time).max(Some(found));
            }
            date = before;
        }
        None
    }

    /// All scheduled times later than `time`, ascending, each once. Ends where
    /// 40 years pass without one.
    pub fn times_after(&self, time: Timestamp) -> Times<'_> {
        let date = self.local_date(time).and_then(|date| date.pred_opt());
        let certain = date.map(|date| self.begin_of(date));
        Times { timetable: self, after: time, until: None, date, certain, pending: VecDeque::new() }
    }

    /// The scheduled times later than `after`, up to and including `until`.
    pub fn times_between(&self, after: Timestamp, until: Timestamp) -> Times<'_> {
        Times { until: Some(until), ..self.times_after(after) }
    }

    /// Whether there is any scheduled time in the 40 years after `from`.
    pub fn ever_fires(&self, from: Timestamp) -> bool {
        self.next_after(from).is_some()
    }

    /// When the run of a scheduled time may start: at it, or later by up to [`Timetable::jitter`].
    ///
    /// The delay, in whole seconds, depends on `salt` and the scheduled time
    /// alone, so that asking again gives the same answer. A salt that names
    /// host, plan, tier and source spreads a fleet's load.
    pub fn fire_time(&self, scheduled: Timestamp, salt: &str) -> Timestamp {
        let jitter_seconds = self.jitter.as_secs();
        if jitter_seconds == 0 {
            return scheduled;
        }
        let hash = ContentHash::of(format!("{salt}\0{}", scheduled.timestamp()).as_bytes());
        let random = u64::from_le_bytes(hash.0[..8].try_into().expect("eight bytes are eight bytes"));
        // The bias of a remainder is below 2^-40 for a jitter of months.
        let delay = random % (jitter_seconds + 1);
        i64::try_from(delay)
            .ok()
            .and_then(TimeDelta::try_seconds)
            .and_then(|delay| scheduled.checked_add_signed(delay))
            .unwrap_or(scheduled)
    }

    /// The zone's calendar day at a moment.
    pub(super) fn local_date(&self, time: Timestamp) -> Option<NaiveDate> {
        // `with_timezone` would panic within a day of the end of chrono's years.
        time.checked_add_days(Days::new(2))?;
        time.checked_sub_days(Days::new(2))?;
        Some(time.with_timezone(&self.zone).date_naive())
    }

    /// The readings of the wall clock at which it runs on a day, ascending.
    pub(super) fn readings_on(&self, date: NaiveDate) -> impl Iterator<Item = NaiveDateTime> {
        let matches = self.expression.matches_day(date);
        let minutes = self.expression.minutes_of_day().filter(move |_| matches);
        minutes.map(move |minute| date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute.into()))
    }

    /// The last moment of a day's readings that is at or before `time`.
    fn last_on(&self, date: NaiveDate, time: Timestamp) -> Option<Timestamp> {
        if !self.expression.matches_day(date) {
            return None;
        }
        let Some(offset) = self.plain_offset_on(date) else {
            return self.times_on(date).into_iter().filter(|found| *found <= time).max();
        };
        let midnight = (date.and_time(NaiveTime::MIN) - TimeDelta::seconds(offset.into())).and_utc();
        let limit = u32::try_from((time - midnight).num_minutes().min(DAY_MINUTES - 1)).ok();
        let minute = limit.filter(|_| time >= midnight).and_then(|limit| self.expression.last_minute_up_to(limit));
        minute.map(|minute| midnight + TimeDelta::minutes(minute.into()))
    }

    /// The first moment of a day.
    pub(super) fn begin_of(&self, date: NaiveDate) -> Timestamp {
        first_moment(self.zone, date.and_time(NaiveTime::MIN))
    }

    /// The moments of the readings of one day, ascending, each once.
    fn times_on(&self, date: NaiveDate) -> Vec<Timestamp> {
        let mut readings = self.readings_on(date).peekable();
        if readings.peek().is_none() {
            return Vec::new();
        }
        if let Some(offset) = self.plain_offset_on(date) {
            return readings.map(|reading| (reading - TimeDelta::seconds(offset.into())).and_utc()).collect();
        }
        let every_hour = self.expression.is_every_hour();
        let mut times = Vec::new();
        for reading in readings {
            match meaning(self.zone, reading) {
                Meaning::Once(time) => times.push(time),
                Meaning::Twice(first, second) if every_hour => times.extend([first, second]),
                Meaning::Twice(first, _) => times.push(first),
                Meaning::Never(_) if every_hour => {}
                Meaning::Never(after) => times.push(after),
            }
        }
        times.sort_unstable();
        times.dedup();
        times
    }

    /// The zone's offset on a day on which the clock does not change.
    ///
    /// No zone changes its clock twice in a day and back, so equal ends mean a plain day.
    pub(super) fn plain_offset_on(&self, date: NaiveDate) -> Option<i32> {
        let start = plain_offset(self.zone, date.and_time(NaiveTime::MIN))?;
        let end = plain_offset(self.zone, date.succ_opt()?.and_time(NaiveTime::MIN))?;
        (start == end).then_some(start)
    }
}

/// Scheduled times, ascending; see [`Timetable::times_after`].
#[derive(Clone, Debug)]
pub struct Times<'a> {
    timetable: &'a Timetable,
    after: Timestamp,
    until: Option<Timestamp>,
    /// The next day to be read; `None` where the calendar ends.
    date: Option<NaiveDate>,
    /// The begin of that day. Where the clock is set back over midnight, a day
    /// begins before the one before it ends: only what is before it is certain
    /// to come next.
    certain: Option<Timestamp>,
    /// Times of the days read that were not given out, ascending.
    pending: VecDeque<Timestamp>,
}

impl Iterator for Times<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        for _ in 0..SEARCH_DAYS {
            let certain = self.certain;
            if let Some(time) = self.pending.pop_front_if(|time| certain.is_none_or(|certain| *time < certain)) {
                self.after = time;
                return (self.until.is_none_or(|until| time <= until)).then_some(time);
            }
            if let (Some(until), Some(certain)) = (self.until, certain)
                && certain > until
                && self.pending.is_empty()
            {
                return None;
            }
            let date = self.date?;
            self.pending.extend(self.timetable.times_on(date).into_iter().filter(|time| *time > self.after));
            self.pending.make_contiguous().sort_unstable();
            self.date = date.succ_opt();
            self.certain = self.date.map(|date| self.timetable.begin_of(date));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeZone, Utc};
    use proptest::prelude::*;

    fn timetable(expression: &str, zone: Tz) -> Timetable {
        Timetable::parse(expression, zone, Duration::ZERO).expect("it parses")
    }

    fn utc(text: &str) -> Timestamp {
        text.parse::<DateTime<Utc>>().expect("it is a time")
    }

    /// Local times with their offset, from `from`, `count` of them.
    fn shown(expression: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
        let table = timetable(expression, zone);
        table
            .times_after(utc(from))
            .take(count)
            .map(|time| time.with_timezone(&zone).format("%m-%d %H:%M %z").to_string())
            .collect()
    }

    #[test]
    fn the_times_of_the_example_plan_are_its_times() {
        let table = timetable("0 2-22/4 * * *", Tz::UTC);
        let now = utc("2026-11-24T09:30:00Z");
        assert_eq!(table.next_after(now), Some(utc("2026-11-24T10:00:00Z")));
        assert_eq!(table.last_at_or_before(now), Some(utc("2026-11-24T06:00:00Z")));
        let exactly = utc("2026-11-24T10:00:00Z");
        assert_eq!(table.next_after(exactly), Some(utc("2026-11-24T14:00:00Z")));
        assert_eq!(table.last_at_or_before(exactly), Some(exactly));
        assert_eq!(table.next_after(utc("2026-11-24T22:00:00Z")), Some(utc("2026-11-25T02:00:00Z")));
    }

    #[test]
    fn between_leaves_out_its_begin_and_takes_its_end() {
        let table = timetable("0 */6 * * *", Tz::UTC);
        let (from, to) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-02T00:00:00Z"));
        let times: Vec<Timestamp> = table.times_between(from, to).collect();
        assert_eq!(times, [6, 12, 18, 24].map(|hours| from + TimeDelta::hours(hours)));
        assert_eq!(table.times_between(to, from).count(), 0);
    }

    #[test]
    fn a_day_that_never_comes_never_fires_and_a_rare_one_does() {
        let now = utc("2026-11-24T00:00:00Z");
        for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb *"] {
            let table = timetable(never, Tz::Europe__Berlin);
            assert_eq!(table.next_after(now), None, "{never}");
            assert_eq!(table.last_at_or_before(now), None, "{never}");
            assert_eq!(table.longest_gap(now, 366), None, "{never}");
            assert!(!table.ever_fires(now));
        }
        let leap = timetable("0 0 29 2 *", Tz::UTC);
        assert_eq!(leap.next_after(utc("2096-03-01T00:00:00Z")), Some(utc("2104-02-29T00:00:00Z")));
        // 29 February on a Sunday, across the year 2100 that is no leap year.
        let sunday = timetable("0 0 29 2 */7", Tz::UTC);
        assert_eq!(sunday.next_after(utc("2088-03-01T00:00:00Z")), Some(utc("2128-02-29T00:00:00Z")));
    }

    #[test]
    fn a_fixed_time_that_is_skipped_runs_right_after_the_gap() {
        // New York 2026: 02:00 -> 03:00 on 8 March.
        let zone = Tz::America__New_York;
        let from = "2026-03-07T12:00:00Z";
        assert_eq!(shown("30 2 * * *", zone, from, 2), ["03-08 03:00 -0400", "03-09 02:30 -0400"]);
        assert_eq!(shown("0 2 * * *", zone, from, 2), ["03-08 03:00 -0400", "03-09 02:00 -0400"]);
        // Several skipped times make one run; 03:00 is no second one.
        assert_eq!(shown("0,15,30 2,3 * * *", zone, from, 2), ["03-08 03:00 -0400", "03-08 03:15 -0400"]);
        // Berlin 2026: 02:00 -> 03:00 on 29 March.
        let berlin = shown("0 2-22/4 * * *", Tz::Europe__Berlin, "2026-03-28T20:00:00Z", 3);
        assert_eq!(berlin, ["03-28 22:00 +0100", "03-29 03:00 +0200", "03-29 06:00 +0200"]);
    }

    #[test]
    fn a_fixed_time_that_is_repeated_runs_the_first_time_only() {
        // New York 2026: 02:00 -> 01:00 on 1 November.
        let zone = Tz::America__New_York;
        let from = "2026-10-31T12:00:00Z";
        assert_eq!(shown("30 1 * * *", zone, from, 2), ["11-01 01:30 -0400", "11-02 01:30 -0500"]);
        // After the first of the two, the second is not one more.
        let table = timetable("30 1 * * *", zone);
        assert_eq!(table.next_after(utc("2026-11-01T05:30:00Z")), Some(utc("2026-11-02T06:30:00Z")));
        assert_eq!(table.last_at_or_before(utc("2026-11-01T06:40:00Z")), Some(utc("2026-11-01T05:30:00Z")));
    }

    #[test]
    fn an_expression_for_every_hour_follows_the_clock() {
        let zone = Tz::America__New_York;
        let spring = shown("30 * * * *", zone, "2026-03-08T06:00:00Z", 3);
        assert_eq!(spring, ["03-08 01:30 -0500", "03-08 03:30 -0400", "03-08 04:30 -0400"]);
        let autumn = shown("30 * * * *", zone, "2026-11-01T05:00:00Z", 3);
        assert_eq!(autumn, ["11-01 01:30 -0400", "11-01 01:30 -0500", "11-01 02:30 -0500"]);
    }

    #[test]
    fn midnight_may_be_skipped_and_the_evening_repeated() {
        // Sao Paulo: 00:00 -> 01:00 on 4 November 2018; 00:00 -> 23:00 on 17 February 2019 (the last).
        let zone = Tz::America__Sao_Paulo;
        let spring = shown("0 0 * * *", zone, "2018-11-03T12:00:00Z", 2);
        assert_eq!(spring, ["11-04 01:00 -0200", "11-05 00:00 -0200"]);
        let autumn = shown("30 23 * * *", zone, "2019-02-16T12:00:00Z", 2);
        assert_eq!(autumn, ["02-16 23:30 -0200", "02-17 23:30 -0300"]);
        let hourly = shown("30 * * * *", zone, "2019-02-17T01:00:00Z", 3);
        assert_eq!(hourly, ["02-16 23:30 -0200", "02-16 23:30 -0300", "02-17 00:30 -0300"]);
        assert_eq!(shown("0 0 * * *", zone, "2026-11-03T12:00:00Z", 1), ["11-04 00:00 -0300"]);
    }

    #[test]
    fn half_an_hour_is_skipped_and_repeated_on_lord_howe() {
        // 02:00 -> 02:30 on 4 October 2026, 02:00 -> 01:30 on 5 April 2026.
        let zone = Tz::Australia__Lord_Howe;
        let spring = shown("0 2 * * *", zone, "2026-10-03T00:00:00Z", 2);
        assert_eq!(spring, ["10-04 02:30 +1100", "10-05 02:00 +1100"]);
        let autumn = shown("45 1 * * *", zone, "2026-04-04T00:00:00Z", 2);
        assert_eq!(autumn, ["04-05 01:45 +1100", "04-06 01:45 +1030"]);
    }

    #[test]
    fn times_ascend_where_the_clock_is_set_back_over_midnight() {
        // St John's 2010: 00:01 on 7 November -> 23:01 on the 6th.
        let hourly = shown("0,30 * * * *", Tz::America__St_Johns, "2010-11-07T01:59:00Z", 6);
        let expected =
            ["11-06 23:30 -0230", "11-07 00:00 -0230", "11-06 23:30 -0330", "11-07 00:00 -0330", "11-07 00:30 -0330"];
        assert_eq!(hourly[..5], expected);
        let table = timetable("0,30 * * * *", Tz::America__St_Johns);
        let times: Vec<Timestamp> = table.times_after(utc("2010-11-07T00:00:00Z")).take(20).collect();
        for pair in times.windows(2) {
            assert_eq!(table.next_after(pair[0]), Some(pair[1]));
            assert_eq!(table.last_at_or_before(pair[1] - TimeDelta::seconds(1)), Some(pair[0]));
            assert_eq!(table.last_at_or_before(pair[1]), Some(pair[1]));
        }
    }

    #[test]
    fn a_day_that_a_zone_left_out_runs_after_it() {
        // Samoa had no 30 December 2011.
        let times = shown("0 12 * * *", Tz::Pacific__Apia, "2011-12-29T00:00:00Z", 3);
        assert_eq!(times, ["12-29 12:00 -1000", "12-31 00:00 +1400", "12-31 12:00 +1400"]);
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        let table = timetable("0 2 * * *", Tz::Europe__Berlin);
        assert_eq!(table.next_after(Timestamp::MAX_UTC), None);
        assert_eq!(table.last_at_or_before(Timestamp::MIN_UTC), None);
        assert_eq!(table.last_at_or_before(Timestamp::MAX_UTC), None);
        assert_eq!(table.longest_gap(Timestamp::MAX_UTC, 1), None);
    }

    #[test]
    fn jitter_delays_within_its_bound_always_the_same_and_not_all_alike() {
        let jitter = Duration::from_secs(300);
        let table = Timetable::parse("0 2-22/4 * * *", Tz::UTC, jitter).expect("it parses");
        let mut delays: Vec<i64> = table
            .times_after(utc("2026-01-01T00:00:00Z"))
            .take(500)
            .map(|time| {
                let fires = table.fire_time(time, "web1/rpa/cloud/data");
                assert_eq!(table.fire_time(time, "web1/rpa/cloud/data"), fires);
                (fires - time).num_seconds()
            })
            .collect();
        assert!(delays.iter().all(|delay| (0..=300).contains(delay)));
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 200, "{} different delays of 301", delays.len());
        let scheduled = utc("2026-01-01T02:00:00Z");
        // Frozen: a new version must not move when running jobs are due.
        assert_eq!(table.fire_time(scheduled, "web1/rpa/cloud/data"), utc("2026-01-01T02:03:12Z"));
        assert_ne!(table.fire_time(scheduled, "a"), table.fire_time(scheduled, "b"));
    }

    fn expressions() -> impl Strategy<Value = String> {
        let minute = prop_oneof!["[0-5]?[0-9]", Just("*".to_owned()), Just("*/7".to_owned()), Just("0,30".to_owned())];
        let hour = prop_oneof!["1?[0-9]", Just("*".to_owned()), Just("*/5".to_owned()), Just("1-3".to_owned())];
        let day = prop_oneof!["1?[1-9]", Just("*".to_owned()), Just("1-31/9".to_owned()), Just("28-31".to_owned())];
        let month = prop_oneof!["[1-9]", Just("*".to_owned()), Just("feb".to_owned()), Just("*/3".to_owned())];
        let weekday = prop_oneof!["[0-7]", Just("*".to_owned()), Just("mon-fri".to_owned()), Just("0-6/2".to_owned())];
        (minute, hour, day, month, weekday).prop_map(|(m, h, d, o, w)| format!("{m} {h} {d} {o} {w}"))
    }

    proptest! {
        /// Save where a day field is a `*` with a step: croner counts that as restricted, cron programs do not.
        #[test]
        fn times_agree_with_croner(expression in expressions(), start in 0i64..4_000_000_000) {
            let start = Utc.timestamp_opt(start, 0).single().expect("it is in range");
            let table = timetable(&expression, Tz::UTC);
            let theirs: croner::Cron = expression.parse().expect("croner knows crontab");
            let next = theirs.find_next_occurrence(&start, false).ok();
            prop_assert_eq!(table.next_after(start), next, "{}", expression);
            let last = theirs.find_previous_occurrence(&start, true).ok();
            prop_assert_eq!(table.last_at_or_before(start), last, "{}", expression);
        }

        #[test]
        fn forwards_and_backwards_agree_in_every_zone(
            expression in expressions(),
            zone in proptest::sample::select(vec![
                Tz::America__New_York, Tz::America__Sao_Paulo, Tz::Europe__Berlin, Tz::Australia__Lord_Howe,
                Tz::America__St_Johns, Tz::Pacific__Apia, Tz::Africa__Casablanca,
            ]),
            start in 1_000_000_000i64..2_000_000_000,
        ) {
            let start = Utc.timestamp_opt(start, 0).single().expect("it is in range");
            let table = timetable(&expression, zone);
            let times: Vec<Timestamp> = table.times_after(start).take(4).collect();
            let mut from = start;
            for time in times {
                prop_assert!(time > from);
                prop_assert_eq!(table.next_after(from), Some(time));
                prop_assert_eq!(table.last_at_or_before(time), Some(time));
                let before = table.last_at_or_before(time - TimeDelta::seconds(1));
                prop_assert!(before.is_none_or(|before| before <= from), "{} {:?}", from, before);
                from = time;
            }
        }
    }
}
