use crate::base::Timestamp;
use crate::plan::{Plan, Schedule, Take, Tier};
use crate::retention::{Rules, SteadyState, reference_moment};
use crate::schedule::{Gap, Timetable};
use std::cell::OnceCell;
use std::time::Duration;

/// A year is looked ahead: it holds every change of the clock and every month.
pub(super) const HORIZON_DAYS: u32 = 366;

/// A tier and a source that it takes, with what its schedule comes to.
pub(super) struct Job<'a> {
    pub tier: &'a Tier,
    pub take: &'a Take,
    /// With the schedule that it was made of; `None`: there is none, or it is wrong.
    pub timetable: Option<(&'a Schedule, Timetable)>,
    gap: OnceCell<Option<Gap>>,
    /// The times between its next runs, shortest first.
    intervals: OnceCell<Vec<Duration>>,
    steady: OnceCell<Option<SteadyState>>,
}

impl<'a> Job<'a> {
    pub fn all(plan: &'a Plan) -> Vec<Self> {
        let mut jobs = Vec::new();
        for tier in &plan.tiers {
            for take in &tier.takes {
                let timetable = take.schedule.as_ref().and_then(|schedule| {
                    let timetable = Timetable::of(schedule, plan.timezone.value).ok()?;
                    timetable.ever_fires(from(plan)).then_some((schedule, timetable))
                });
                jobs.push(Job {
                    tier,
                    take,
                    timetable,
                    gap: OnceCell::new(),
                    intervals: OnceCell::new(),
                    steady: OnceCell::new(),
                });
            }
        }
        jobs
    }

    /// The longest time between two of its runs in a year.
    pub fn longest_gap(&self) -> Option<Gap> {
        *self.gap.get_or_init(|| {
            let (_, table) = self.timetable.as_ref()?;
            table.longest_gap(of_zone(table.zone), HORIZON_DAYS)
        })
    }

    /// The time between two of its runs that occurs most often among the next ones.
    pub fn usual_gap(&self) -> Option<Duration> {
        self.intervals().get(self.intervals().len() / 2).copied()
    }

    /// The shortest time between two of its runs among the next ones.
    pub fn shortest_gap(&self) -> Option<Duration> {
        self.intervals().first().copied()
    }

    fn intervals(&self) -> &[Duration] {
        self.intervals.get_or_init(|| {
            let mut all = self.timetable.as_ref().map(|(_, table)| intervals(table)).unwrap_or_default();
            all.sort_unstable();
            all
        })
    }

    /// What the tier comes to hold of the source.
    pub fn steady_state(&self) -> Option<&SteadyState> {
        let steady = self.steady.get_or_init(|| {
            let (_, table) = self.timetable.as_ref()?;
            SteadyState::of(table, &Rules::of(self.tier.keep.as_ref()))
        });
        steady.as_ref()
    }
}

/// The moment from which the plan is looked at: always the same one, so that
/// what is said of a plan does not change overnight.
pub(super) fn from(plan: &Plan) -> Timestamp {
    of_zone(plan.timezone.value)
}

/// [`from`] of a plan in that zone.
pub(super) fn of_zone(zone: chrono_tz::Tz) -> Timestamp {
    reference_moment(zone)
}

/// The shortest time between two runs among the next ones.
pub(super) fn shortest_interval(table: &Timetable) -> Option<Duration> {
    intervals(table).into_iter().min()
}

/// The times between the next runs.
fn intervals(table: &Timetable) -> Vec<Duration> {
    // An expression repeats itself by the day or week; a monthly one shows a February.
    const RUNS: usize = 40;
    let times: Vec<Timestamp> = table.times_after(of_zone(table.zone)).take(RUNS).collect();
    times.windows(2).filter_map(|pair| (pair[1] - pair[0]).to_std().ok()).collect()
}
