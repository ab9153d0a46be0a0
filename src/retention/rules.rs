use super::Period;
use crate::base::format_duration;
use crate::plan;
use std::fmt;
use std::time::Duration;

/// What is to be kept; a snapshot stays if any rule keeps it.
///
/// - `last`: the newest so many.
/// - `hourly` to `yearly`: the newest snapshot of each of the newest so many
///   hours, days, weeks, months, years **that hold a snapshot**. Days without
///   one don't count, so that a host that was off loses nothing.
/// - `within`: all that are at most so much older than the newest one. Measured
///   from there and not from now: when backups stop, none disappears.
///
/// Without any rule everything stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub last: Option<u32>,
    pub hourly: Option<u32>,
    pub daily: Option<u32>,
    pub weekly: Option<u32>,
    pub monthly: Option<u32>,
    pub yearly: Option<u32>,
    pub within: Option<Duration>,
}

impl Rules {
    /// The rules of a tier; without `keep`, none.
    pub fn of(keep: Option<&plan::Keep>) -> Self {
        let Some(keep) = keep else { return Self::default() };
        Self::from(keep)
    }

    /// Whether there is no rule, so that everything stays.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// How many buckets of a length are kept.
    pub fn count(&self, period: Period) -> Option<u32> {
        match period {
            Period::Hour => self.hourly,
            Period::Day => self.daily,
            Period::Week => self.weekly,
            Period::Month => self.monthly,
            Period::Year => self.yearly,
        }
    }

    /// The rules that count buckets, finest first.
    pub fn bucketed(&self) -> impl Iterator<Item = (Period, u32)> {
        Period::ALL.into_iter().filter_map(|period| Some((period, self.count(period)?)))
    }
}

impl From<&plan::Keep> for Rules {
    fn from(keep: &plan::Keep) -> Self {
        Self {
            last: keep.last.as_ref().map(|count| count.value),
            hourly: keep.hourly.as_ref().map(|count| count.value),
            daily: keep.daily.as_ref().map(|count| count.value),
            weekly: keep.weekly.as_ref().map(|count| count.value),
            monthly: keep.monthly.as_ref().map(|count| count.value),
            yearly: keep.yearly.as_ref().map(|count| count.value),
            within: keep.within.as_ref().map(|within| within.value),
        }
    }
}

/// As in a plan: `last=3 daily=30 within=3d`; `everything` without a rule.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules: Vec<String> = self.last.iter().map(|count| format!("last={count}")).collect();
        rules.extend(self.bucketed().map(|(period, count)| format!("{period}={count}")));
        rules.extend(self.within.iter().map(|within| format!("within={}", format_duration(*within))));
        if rules.is_empty() {
            rules.push("everything".to_owned());
        }
        f.pad(&rules.join(" "))
    }
}
