use crate::base::Timestamp;
use crate::plan::{Plan, Schedule, Take, Tier};
use crate::retention::{Rules, SteadyState, reference_moment};
use crate::schedule::{Gap, Timetable};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

/// A year is looked ahead: it holds every change of the clock and every month.
pub(super) const HORIZON_DAYS: u32 = 366;

/// A tier and a source that it takes, with what its schedule comes to.
pub(super) struct Job<'a> {
    pub tier: &'a Tier,
    pub take: &'a Take,
    /// With the schedule that it was made of; `None`: there is none, or it is wrong.
    pub timetable: Option<(&'a Schedule, Rc<Calendar>)>,
    /// Shared by the jobs of the tier that have the same calendar.
    steady: Rc<OnceCell<Option<SteadyState>>>,
}

/// A timetable and what was found of it, each once: most jobs of a plan share a few.
pub(super) struct Calendar {
    table: Timetable,
    gap: OnceCell<Option<Gap>>,
    /// The times between its next runs, shortest first.
    intervals: OnceCell<Vec<Duration>>,
}

impl Deref for Calendar {
    type Target = Timetable;
    fn deref(&self) -> &Timetable {
        &self.table
    }
}

/// Every tier with every source that it takes, in the order of the text.
pub(super) struct Jobs<'a> {
    all: Vec<Job<'a>>,
    /// Where the jobs of a source are in `all`, ascending.
    of_source: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Deref for Jobs<'a> {
    type Target = [Job<'a>];
    fn deref(&self) -> &[Job<'a>] {
        &self.all
    }
}

impl<'a> Jobs<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        let mut calendars: HashMap<(&str, Option<Duration>), Option<Rc<Calendar>>> = HashMap::new();
        let mut all = Vec::new();
        for tier in &plan.tiers {
            let mut steady: HashMap<*const Calendar, Rc<OnceCell<Option<SteadyState>>>> = HashMap::new();
            for take in &tier.takes {
                let timetable = take.schedule.as_ref().and_then(|schedule| {
                    let key = (schedule.cron.value.as_str(), schedule.jitter.as_ref().map(|jitter| jitter.value));
                    let calendar = calendars.entry(key).or_insert_with(|| Calendar::of(schedule, plan).map(Rc::new));
                    Some((schedule, Rc::clone(calendar.as_ref()?)))
                });
                let steady = match &timetable {
                    Some((_, calendar)) => Rc::clone(steady.entry(Rc::as_ptr(calendar)).or_default()),
                    None => Rc::default(),
                };
                all.push(Job { tier, take, timetable, steady });
            }
        }
        let mut of_source: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, job) in all.iter().enumerate() {
            of_source.entry(&job.take.source.value).or_default().push(at);
        }
        Self { all, of_source }
    }

    /// The jobs of a source with their places among all, in the order of the text.
    pub fn of_source(&self, source: &str) -> impl Iterator<Item = (usize, &Job<'a>)> {
        self.of_source.get(source).into_iter().flatten().map(|at| (*at, &self.all[*at]))
    }

    pub fn takes(&self, source: &str) -> bool {
        self.of_source.contains_key(source)
    }
}

impl Calendar {
    /// `None`: the schedule is wrong, or never fires.
    fn of(schedule: &Schedule, plan: &Plan) -> Option<Self> {
        let table = Timetable::of(schedule, plan.timezone.value).ok()?;
        table.ever_fires(from(plan)).then_some(Self { table, gap: OnceCell::new(), intervals: OnceCell::new() })
    }

    /// See [`Job::longest_gap`].
    fn longest_gap(&self) -> Option<Gap> {
        *self.gap.get_or_init(|| self.table.longest_gap(of_zone(self.table.zone), HORIZON_DAYS))
    }

    fn intervals(&self) -> &[Duration] {
        self.intervals.get_or_init(|| {
            let mut all = intervals(&self.table);
            all.sort_unstable();
            all
        })
    }
}

impl Job<'_> {
    fn calendar(&self) -> Option<&Calendar> {
        self.timetable.as_ref().map(|(_, calendar)| &**calendar)
    }

    /// The longest time between two of its runs in a year.
    pub fn longest_gap(&self) -> Option<Gap> {
        self.calendar()?.longest_gap()
    }

    /// The time between two of its runs that occurs most often among the next ones.
    pub fn usual_gap(&self) -> Option<Duration> {
        let intervals = self.calendar()?.intervals();
        intervals.get(intervals.len() / 2).copied()
    }

    /// The shortest time between two of its runs among the next ones.
    pub fn shortest_gap(&self) -> Option<Duration> {
        self.calendar()?.intervals().first().copied()
    }

    /// What the tier comes to hold of the source.
    pub fn steady_state(&self) -> Option<&SteadyState> {
        let steady = self.steady.get_or_init(|| SteadyState::of(self.calendar()?, &Rules::of(self.tier.keep.as_ref())));
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
