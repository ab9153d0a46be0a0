//! Schedules: expressions that cannot be read, times that never come, and times
//! that are other than they look.

mod interval;
mod syntax;
mod time;

use super::{Check, Subject};
use crate::diagnostics::Rule;
use crate::plan::Schedule;
use crate::schedule::Timetable;

pub(super) static RULES: [&Rule; 12] = [
    &syntax::INVALID,
    &syntax::NEVER_FIRES,
    &syntax::MISSING,
    &syntax::UNUSED,
    &time::DST_SKIPPED,
    &time::DST_REPEATED,
    &time::EITHER_DAY,
    &time::SAME_MINUTE,
    &interval::UNEVEN_STEP,
    &interval::TOO_OFTEN,
    &interval::RARE,
    &interval::JITTER,
];

pub(super) static CHECKS: [Check; 10] = [
    syntax::expressions_that_cannot_be_read,
    syntax::schedules_that_never_fire,
    syntax::takes_without_a_schedule,
    syntax::schedules_that_nothing_uses,
    time::readings_that_the_clock_skips_or_repeats,
    time::two_day_fields,
    time::writers_of_one_bucket_at_the_same_minute,
    interval::steps_that_do_not_divide,
    interval::schedules_too_often_or_too_rare,
    interval::jitter_longer_than_the_interval,
];

impl<'a> Subject<'a> {
    /// Every schedule that stands in the text, once each, in the order of the text.
    fn schedules(&self) -> Vec<&'a Schedule> {
        let plan = self.plan;
        let tiers = plan.tiers.iter().flat_map(|tier| {
            let takes = tier.takes.iter().filter_map(|take| take.schedule.as_ref());
            let verify = tier.verify.iter().filter_map(|verify| verify.schedule.as_ref());
            tier.schedule.iter().chain(takes).chain(verify)
        });
        let reports = plan.reports.iter().map(|report| &report.schedule);
        let drills = plan.drills.iter().filter_map(|drill| drill.schedule.as_ref());
        let mut all: Vec<&Schedule> = tiers.chain(reports).chain(drills).collect();
        // A tier's schedule is that of many takes.
        all.sort_by_key(|schedule| (schedule.cron.span.file, schedule.cron.span.start));
        all.dedup_by_key(|schedule| schedule.cron.span);
        all
    }

    /// Those that can be read, with their times.
    fn timetables(&self) -> impl Iterator<Item = (&Schedule, &Timetable)> {
        let zone = self.plan.timezone.value;
        let all = self.timetables.get_or_init(|| {
            let readable = |schedule: &'a Schedule| Some((schedule, Timetable::of(schedule, zone).ok()?));
            self.schedules().into_iter().filter_map(readable).collect()
        });
        all.iter().map(|(schedule, table)| (*schedule, table))
    }
}
