use super::{Bucket, Period, Rules};
use crate::base::Timestamp;
use crate::schedule::{Timetable, first_moment};
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use std::time::Duration;

/// Without a rule the snapshots of so many days are counted.
const UNBOUNDED_DAYS: i64 = 365;

/// Rules are followed back for at most so long: the calendar repeats itself after 400 years, and no
/// store is as old. What `last=1000000` keeps of a daily backup ends there.
const HORIZON_DAYS: i64 = 146_097;

/// `last` and `within` are followed for at most so many snapshots; chosen, as more than any store would hold.
const SNAPSHOT_LIMIT: u32 = 1_000_000;

/// Each of `hourly` to `yearly` is followed for at most so many buckets: 11 years of hours, 273 of days.
/// Chosen: to find the newest time in one takes a microsecond.
const BUCKET_LIMIT: u32 = 100_000;

/// The snapshots that a schedule and rules come to hold when they have run for long enough.
///
/// Seen from [`reference_moment`], so that it depends on nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteadyState {
    /// The scheduled times of the snapshots kept, newest first.
    pub kept: Vec<Timestamp>,
    /// When the next run is due, which may make the oldest go.
    pub next: Timestamp,
    /// Nothing is ever deleted: `kept` are the snapshots of one year.
    pub is_growing: bool,
}

/// The end of 2026 in a zone: the moment from which steady states are seen.
///
/// Any moment would do, but it must be the same tomorrow: what is derived from
/// it stands in locks and diagnostics. It ends a day, a month and a year.
pub fn reference_moment(zone: Tz) -> Timestamp {
    let local = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN);
    first_moment(zone, local) - TimeDelta::seconds(1)
}

impl SteadyState {
    /// `None` if the schedule never fires.
    pub fn of(timetable: &Timetable, rules: &Rules) -> Option<Self> {
        let end = reference_moment(timetable.zone);
        let newest = timetable.last_at_or_before(end)?;
        let next = timetable.next_after(end)?;
        if rules.is_empty() {
            let year_before = newest - TimeDelta::days(UNBOUNDED_DAYS);
            let mut kept: Vec<Timestamp> = timetable.times_between(year_before, newest).collect();
            kept.reverse();
            return Some(Self { kept, next, is_growing: true });
        }
        let horizon = newest - TimeDelta::days(HORIZON_DAYS);
        let mut kept = vec![newest];
        newest_times(timetable, newest, rules.last.unwrap_or(0).min(SNAPSHOT_LIMIT), horizon, &mut kept);
        for (period, count) in rules.bucketed() {
            let newest_in_bucket = std::iter::successors(Some(newest), |time| {
                let bucket = period.bucket(*time, timetable.zone);
                let before = timetable.last_at_or_before(second_before(bucket, timetable.zone, *time));
                before.filter(|before| *before > horizon)
            });
            kept.extend(newest_in_bucket.take(count.min(BUCKET_LIMIT) as usize));
        }
        if let Some(within) = rules.within {
            let longest = TimeDelta::days(i64::from(SNAPSHOT_LIMIT / timetable.expression.runs_per_day()));
            let length = TimeDelta::from_std(within).unwrap_or(longest).min(longest);
            // Exactly as old as the rule says still stays.
            kept.extend(timetable.times_between(newest - length - TimeDelta::seconds(1), newest));
        }
        kept.sort_unstable_by(|a, b| b.cmp(a));
        kept.dedup();
        Some(Self { kept, next, is_growing: false })
    }

    /// How many snapshots are kept at a time.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// The age of the oldest snapshot just after the newest was made: how far
    /// back a restore can surely go.
    pub fn span(&self) -> Duration {
        let oldest = self.kept.last().copied();
        oldest.map_or(Duration::ZERO, |oldest| (self.kept[0] - oldest).to_std().unwrap_or_default())
    }

    /// The age that the oldest snapshot reaches before it can go: a backup a day
    /// with `daily=30` keeps for 30 days, though its span is 29.
    pub fn kept_for(&self) -> Duration {
        let oldest = self.kept.last().copied().unwrap_or(self.next);
        (self.next - oldest).to_std().unwrap_or_default()
    }

    /// [`SteadyState::kept_for`] in whole days.
    pub fn kept_days(&self) -> u32 {
        u32::try_from(self.kept_for().as_secs() / 86_400).unwrap_or(u32::MAX)
    }
}

/// Adds the newest `count` times up to `newest`, none before `horizon`.
fn newest_times(timetable: &Timetable, newest: Timestamp, count: u32, horizon: Timestamp, out: &mut Vec<Timestamp>) {
    // Times are cheap forwards: stretches of the calendar, as long as a daily schedule would need.
    let mut days = i64::from(count / timetable.expression.runs_per_day().max(1)) + 1;
    let (mut left, mut until) = (count as usize, newest);
    while left > 0 && until > horizon {
        let after = (until - TimeDelta::days(days)).max(horizon);
        let times: Vec<Timestamp> = timetable.times_between(after, until).collect();
        out.extend(times.iter().rev().take(left));
        left = left.saturating_sub(times.len());
        until = after;
        days = (days * 2).min(HORIZON_DAYS);
    }
}

/// The last second before a bucket that holds `inside`.
fn second_before(bucket: Bucket, zone: Tz, inside: Timestamp) -> Timestamp {
    let start = match bucket.period {
        // The reading may be one of two; `inside` knows which.
        Period::Hour => inside - (inside.with_timezone(&zone).naive_local() - bucket.start()),
        _ => first_moment(zone, bucket.start()),
    };
    start - TimeDelta::seconds(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RunId, format_duration};
    use crate::retention::{Candidate, select};
    use proptest::prelude::*;

    fn timetable(expression: &str, zone: Tz) -> Timetable {
        Timetable::parse(expression, zone, Duration::ZERO).expect("it parses")
    }

    fn steady(expression: &str, rules: &Rules) -> SteadyState {
        SteadyState::of(&timetable(expression, Tz::UTC), rules).expect("it fires")
    }

    #[test]
    fn what_schedules_and_rules_come_to_hold() {
        let day = Duration::from_secs(86_400);
        let rules = |last, daily, weekly, monthly| Rules { last, daily, weekly, monthly, ..Rules::default() };
        let within = |days| Rules { within: Some(day * days), ..Rules::default() };
        let table: Vec<String> = [
            ("0 2 * * *", rules(None, Some(30), None, None)),
            ("0 2-22/4 * * *", rules(None, Some(30), None, None)),
            ("0 2 * * 0", rules(None, None, Some(52), None)),
            ("0 2 * * 0", rules(None, None, Some(52), Some(12))),
            ("0 2-22/4 * * *", within(3)),
            ("0 2-22/4 * * *", Rules { last: Some(3), ..within(3) }),
            ("0 2 * * 0", within(3)),
            ("0 2 * * *", rules(Some(3), Some(7), Some(4), Some(6))),
            ("0 2 * * *", Rules { yearly: Some(10), ..rules(None, Some(7), Some(5), Some(12)) }),
            ("*/10 * * * *", Rules { hourly: Some(24), ..rules(None, Some(7), None, None) }),
            ("0 2 * * *", Rules { hourly: Some(24), ..Rules::default() }),
            ("0 2 * * 0", rules(None, Some(30), None, None)),
            ("0 2 * * *", rules(Some(0), None, None, None)),
            ("0 2 * * *", Rules::default()),
        ]
        .map(|(expression, rules)| {
            let state = steady(expression, &rules);
            let growing = if state.is_growing { ", growing" } else { "" };
            let (span, kept_for) = (format_duration(state.span()), format_duration(state.kept_for()));
            let kept = format!("{} kept, reaching back {span}, each for up to {kept_for}{growing}", state.count());
            format!("{expression:<16}{rules:<42}{kept}")
        })
        .to_vec();
        insta::assert_snapshot!(table.join("\n"), @r"
        0 2 * * *       daily=30                                  30 kept, reaching back 29d, each for up to 30d
        0 2-22/4 * * *  daily=30                                  30 kept, reaching back 29d, each for up to 29d 4h
        0 2 * * 0       weekly=52                                 52 kept, reaching back 357d, each for up to 364d
        0 2 * * 0       weekly=52 monthly=12                      52 kept, reaching back 357d, each for up to 364d
        0 2-22/4 * * *  within=3d                                 19 kept, reaching back 3d, each for up to 3d 4h
        0 2-22/4 * * *  last=3 within=3d                          19 kept, reaching back 3d, each for up to 3d 4h
        0 2 * * 0       within=3d                                 1 kept, reaching back 0 ms, each for up to 7d
        0 2 * * *       last=3 daily=7 weekly=4 monthly=6         14 kept, reaching back 153d, each for up to 154d
        0 2 * * *       daily=7 weekly=5 monthly=12 yearly=10     30 kept, reaching back 3287d, each for up to 3288d
        */10 * * * *    hourly=24 daily=7                         30 kept, reaching back 6d, each for up to 6d
        0 2 * * *       hourly=24                                 24 kept, reaching back 23d, each for up to 24d
        0 2 * * 0       daily=30                                  30 kept, reaching back 203d, each for up to 210d
        0 2 * * *       last=0                                    1 kept, reaching back 0 ms, each for up to 1d
        0 2 * * *       everything                                365 kept, reaching back 364d, each for up to 365d, growing
        ");
    }

    #[test]
    fn a_schedule_that_never_fires_has_no_steady_state() {
        assert_eq!(SteadyState::of(&timetable("0 0 30 2 *", Tz::UTC), &Rules::default()), None);
    }

    #[test]
    fn rules_that_ask_for_ever_so_much_of_a_dense_schedule_are_bounded() {
        let none = Rules::default;
        for (rules, limit) in [
            (Rules { within: Some(Duration::MAX), ..none() }, SNAPSHOT_LIMIT),
            (Rules { last: Some(u32::MAX), ..none() }, SNAPSHOT_LIMIT),
            (Rules { hourly: Some(u32::MAX), ..none() }, BUCKET_LIMIT),
        ] {
            let count = steady("* * * * *", &rules).count();
            assert!(count <= limit as usize && count > limit as usize / 2, "{rules}: {count}");
        }
    }

    #[test]
    fn rules_that_ask_for_more_than_there_will_be_are_followed_for_400_years() {
        let years = |expression, rules| steady(expression, &rules).span().as_secs() / 86_400 / 365;
        let last = |last| Rules { last: Some(last), ..Rules::default() };
        assert_eq!(years("0 2 * * *", last(1_000_000)), 400);
        assert_eq!(years("0 2 * * *", Rules { monthly: Some(1_000_000), ..Rules::default() }), 400);
        assert_eq!(steady("0 5 1 * *", &last(1_000)).count(), 1_000);
        assert_eq!(steady("*/10 * * * *", &last(50_000)).count(), 50_000);
    }

    #[test]
    fn the_reference_moment_ends_the_year_of_the_zone() {
        assert_eq!(reference_moment(Tz::UTC).to_rfc3339(), "2026-12-31T23:59:59+00:00");
        assert_eq!(reference_moment(Tz::America__Sao_Paulo).to_rfc3339(), "2027-01-01T02:59:59+00:00");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_steady_state_is_what_the_selection_keeps_of_a_long_past(
            expression in proptest::sample::select(vec![
                "0 2 * * *", "0 2-22/4 * * *", "30 * * * *", "0 2 * * 0", "0 5 1,15 * *", "15,45 1-3 * * mon-fri",
            ]),
            zone in proptest::sample::select(vec![Tz::UTC, Tz::Europe__Berlin, Tz::America__St_Johns, Tz::Australia__Lord_Howe]),
            last in proptest::option::of(0u32..10),
            hourly in proptest::option::of(0u32..30),
            daily in proptest::option::of(0u32..20),
            weekly in proptest::option::of(0u32..12),
            monthly in proptest::option::of(1u32..8),
            within_hours in proptest::option::of(0u64..200),
        ) {
            let within = within_hours.map(|hours| Duration::from_secs(hours * 3600));
            let rules = Rules { last, hourly, daily, weekly, monthly, yearly: None, within };
            prop_assume!(!rules.is_empty());
            let table = timetable(expression, zone);
            let end = reference_moment(zone);
            let candidates: Vec<Candidate> = table
                .times_between(end - TimeDelta::days(460), end)
                .map(|time| Candidate { id: RunId { started: time, random: 0 }, time, is_complete: true, is_verified: true })
                .collect();
            let decisions = select(&candidates, &rules, zone, end);
            let mut expected: Vec<Timestamp> =
                candidates.iter().zip(&decisions).filter(|(_, decision)| decision.is_keep()).map(|(c, _)| c.time).collect();
            expected.reverse();
            prop_assert_eq!(SteadyState::of(&table, &rules).expect("it fires").kept, expected);
        }
    }
}
