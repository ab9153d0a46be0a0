use super::Timetable;
use crate::base::Timestamp;
use chrono::TimeDelta;

/// Missed times are counted up to here; more is "many".
const MISSED_LIMIT: usize = 10_000;

/// A last success further in the future than this comes from a clock that was
/// wrong, and is not believed: else nothing would run until that day.
const FUTURE_TOLERANCE: TimeDelta = TimeDelta::hours(1);

/// Whether a job should run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Due {
        /// The scheduled time that this run is for.
        scheduled: Timestamp,
        /// When it was to start, jitter included; at or before now.
        fires: Timestamp,
        /// Scheduled times between the last successful run and `scheduled`
        /// that passed without one; one run makes up for all of them. Zero
        /// for a job that never ran; at most ten thousand.
        missed: u32,
    },
    NotDue {
        /// When it will be due, jitter included; `None`: the schedule never fires again.
        next: Option<Timestamp>,
    },
}

impl Due {
    pub fn is_due(&self) -> bool {
        matches!(self, Due::Due { .. })
    }
}

/// Decides whether a job is due at `now`.
///
/// It is due when its last scheduled time whose jitter has passed is later
/// than the start of its last successful run. So a job that **never ran is due
/// at once**, whatever the hour: a new plan makes its first backup when it is
/// first run, not next Sunday. A run that started between a scheduled time and
/// its jittered start counts as the run of that time.
///
/// `salt` is the one for [`Timetable::fire_time`].
pub fn due(timetable: &Timetable, salt: &str, last_success_start: Option<Timestamp>, now: Timestamp) -> Due {
    let last = last_success_start.filter(|last| *last - now <= FUTURE_TOLERANCE);
    let fire_time = |scheduled: Timestamp| timetable.fire_time(scheduled, salt);
    let unmet = |scheduled: &Timestamp| last.is_none_or(|last| *scheduled > last);

    // Times whose jitter may not have passed yet, and the last before them, which has.
    let jitter = TimeDelta::from_std(timetable.jitter).unwrap_or(TimeDelta::MAX);
    let settled_until = now.checked_sub_signed(jitter).unwrap_or(Timestamp::MIN_UTC);
    let recent: Vec<Timestamp> = timetable.times_between(settled_until, now).filter(unmet).collect();
    let settled = timetable.last_at_or_before(settled_until).filter(unmet);
    let fired = recent.iter().copied().rev().find(|scheduled| fire_time(*scheduled) <= now);

    if let Some(scheduled) = fired.or(settled) {
        let passed = |last| timetable.times_between(last, scheduled).take(MISSED_LIMIT + 1).count();
        let missed = last.map_or(0, |last| passed(last).saturating_sub(1)) as u32;
        return Due::Due { scheduled, fires: fire_time(scheduled), missed };
    }
    let upcoming = timetable.times_after(now.max(last.unwrap_or(now))).next();
    Due::NotDue { next: recent.into_iter().chain(upcoming).map(fire_time).min() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rfc3339;
    use chrono_tz::Tz;
    use std::time::Duration;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().expect("it is a time")
    }

    fn timetable(expression: &str, jitter_seconds: u64) -> Timetable {
        Timetable::parse(expression, Tz::UTC, Duration::from_secs(jitter_seconds)).expect("it parses")
    }

    fn told(expression: &str, last: Option<&str>, now: &str) -> String {
        match due(&timetable(expression, 0), "salt", last.map(at), at(now)) {
            Due::Due { scheduled, missed, .. } => format!("due for {}, {missed} missed", rfc3339(scheduled)),
            Due::NotDue { next } => format!("next {}", next.map(rfc3339).unwrap_or_default()),
        }
    }

    #[test]
    fn a_job_that_never_ran_is_due_at_once() {
        assert_eq!(told("0 2 * * 0", None, "24T09:30"), "due for 2026-11-22T02:00:00Z, 0 missed");
        assert_eq!(told("0 0 1 1 *", None, "24T09:30"), "due for 2026-01-01T00:00:00Z, 0 missed");
    }

    #[test]
    fn a_job_is_due_when_its_last_time_is_later_than_its_last_success() {
        assert_eq!(told("0 2 * * *", Some("23T02:00"), "24T01:59"), "next 2026-11-24T02:00:00Z");
        assert_eq!(told("0 2 * * *", Some("23T02:00"), "24T02:00"), "due for 2026-11-24T02:00:00Z, 0 missed");
        assert_eq!(told("0 2 * * *", Some("24T02:00"), "24T02:00"), "next 2026-11-25T02:00:00Z");
        assert_eq!(told("0 2 * * *", Some("24T02:07"), "24T09:00"), "next 2026-11-25T02:00:00Z");
        assert_eq!(told("0 2 * * *", Some("23T18:00"), "24T09:00"), "due for 2026-11-24T02:00:00Z, 0 missed");
    }

    #[test]
    fn runs_missed_while_the_machine_slept_are_caught_up_once() {
        assert_eq!(told("0 2-22/4 * * *", Some("21T22:01"), "24T09:00"), "due for 2026-11-24T06:00:00Z, 13 missed");
        assert_eq!(told("0 2-22/4 * * *", Some("24T09:01"), "24T09:02"), "next 2026-11-24T10:00:00Z");
    }

    #[test]
    fn missed_runs_are_counted_to_a_limit() {
        let last = Some("2016-01-01T00:00:00Z".parse().expect("it is a time"));
        let Due::Due { missed, .. } = due(&timetable("* * * * *", 0), "", last, at("24T09:00")) else {
            panic!("ten years are due")
        };
        assert_eq!(missed, 10_000);
    }

    #[test]
    fn a_schedule_that_never_fires_is_never_due() {
        assert_eq!(told("0 0 30 2 *", None, "24T09:00"), "next ");
        assert_eq!(told("0 0 30 2 *", Some("23T09:00"), "24T09:00"), "next ");
    }

    #[test]
    fn a_success_from_a_clock_that_was_wrong_does_not_stop_the_backups() {
        assert_eq!(told("0 2 * * *", Some("30T02:00"), "24T09:00"), "due for 2026-11-24T02:00:00Z, 0 missed");
        // A minute is what an adjustment of the clock may take back.
        assert_eq!(told("0 2 * * *", Some("24T02:01"), "24T02:00"), "next 2026-11-25T02:00:00Z");
    }

    #[test]
    fn a_job_with_jitter_is_due_at_its_delayed_start_and_not_before() {
        let table = timetable("0 2 * * *", 3600);
        let scheduled = at("24T02:00");
        let fires = table.fire_time(scheduled, "salt");
        assert!(fires > scheduled, "the salt is one that delays");
        let second = TimeDelta::seconds(1);
        let last = Some(at("23T02:30"));
        assert_eq!(due(&table, "salt", last, fires - second), Due::NotDue { next: Some(fires) });
        assert_eq!(due(&table, "salt", last, fires), Due::Due { scheduled, fires, missed: 0 });
        // It ran by hand in between: that was the run of this time.
        let next = table.fire_time(at("25T02:00"), "salt");
        assert_eq!(due(&table, "salt", Some(scheduled + second), fires), Due::NotDue { next: Some(next) });
        // Yesterday's is still owed while today's waits for its jitter.
        let owed = due(&table, "salt", Some(at("22T02:30")), scheduled + second);
        let yesterday = at("23T02:00");
        assert_eq!(owed, Due::Due { scheduled: yesterday, fires: table.fire_time(yesterday, "salt"), missed: 0 });
    }
}
