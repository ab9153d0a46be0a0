use crate::base::{ByteSize, Timestamp};
use crate::plan::{Mode, Plan, Schedule, Source, Take, Tier};
use crate::retention::{Rules, SteadyState, reference_moment};
use crate::schedule::Timetable;
use chrono::TimeDelta;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A closed archive has about this size, unless the tier says otherwise.
const VOLUME_BYTES: u64 = 512 << 20;

/// Where nothing is said about change, so many per cent of a source are taken to change a day. Chosen.
pub const ASSUMED_CHANGE_PERCENT: u64 = 1;

const DAY_SECONDS: u64 = 86_400;
const YEAR_DAYS: i64 = 365;

/// What is known of a source's size from backups that were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredSize {
    pub bytes: u64,
    /// New and changed bytes a day, as read.
    pub change_per_day: Option<u64>,
    /// Bytes stored for a hundred that were read, where it is known.
    pub stored_percent: Option<u32>,
}

/// Measured sizes by the name of the source; those it lacks are taken from the plan.
pub type MeasuredSizes = BTreeMap<String, MeasuredSize>;

/// Where a size comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    Measured,
    /// `expect` in the plan.
    Expected,
    /// Nothing is said of it; it counts as nothing.
    Unknown,
}

/// Some objects of about equal size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ObjectGroup {
    pub count: u64,
    /// Of all of them together; none where there are no objects.
    pub bytes: u64,
}

impl ObjectGroup {
    /// `bytes` in `count` objects; none where there are no bytes.
    fn spread(bytes: u64, count: u64) -> Self {
        if bytes == 0 || count == 0 { Self::default() } else { Self { count, bytes } }
    }

    /// `bytes` in as many objects as volumes of that size are.
    fn in_volumes(bytes: u64, volume: u64) -> Self {
        Self::spread(bytes, bytes.div_ceil(volume))
    }

    fn times(self, factor: u64) -> Self {
        Self { count: self.count.saturating_mul(factor), bytes: self.bytes.saturating_mul(factor) }
    }

    /// The bytes billed where no object is billed as less than `minimum_bytes`.
    pub fn billed_bytes(&self, minimum_bytes: u64) -> u64 {
        self.bytes.max(self.count.saturating_mul(minimum_bytes))
    }

    /// The bytes of one of them.
    pub fn bytes_each(&self) -> u64 {
        self.bytes / self.count.max(1)
    }
}

/// What one source comes to hold in one tier, once schedule and retention have
/// run for long enough, and what its runs move.
///
/// An incremental tier holds the source once and what changed between the
/// snapshots that are kept; a full one holds it as often as there are
/// snapshots. Sizes are as stored: expected ones are taken as they are, with
/// nothing assumed of compression; measured ones with the ratio measured.
#[derive(Clone, Debug)]
pub struct Holding {
    pub source: String,
    pub basis: Basis,
    /// Whether the bytes that change are a guess: [`ASSUMED_CHANGE_PERCENT`].
    pub is_change_assumed: bool,
    pub mode: Mode,
    /// Snapshots kept, and for how long.
    pub steady: Arc<SteadyState>,
    pub runs_per_year: u64,
    /// Archives held, as groups of equal ones.
    pub groups: Vec<ObjectGroup>,
    /// The archives that a usual run uploads.
    pub upload: ObjectGroup,
    size: u64,
    change_per_day: u64,
    timetable: Arc<Timetable>,
}

/// What a schedule comes to in a tier: the same for all sources that have it.
#[derive(Clone)]
struct Rhythm {
    timetable: Arc<Timetable>,
    steady: Arc<SteadyState>,
    runs_per_year: u64,
}

impl Rhythm {
    /// `None`: the schedule cannot be read, or never fires.
    fn of(plan: &Plan, tier: &Tier, schedule: &Schedule) -> Option<Self> {
        #[cfg(test)]
        RECKONED.set(RECKONED.get() + 1);
        let timetable = Timetable::of(schedule, plan.timezone.value).ok()?;
        let steady = SteadyState::of(&timetable, &Rules::of(tier.keep.as_ref()))?;
        let end = reference_moment(timetable.zone);
        let runs_per_year = timetable.count_between(end - TimeDelta::days(YEAR_DAYS), end);
        Some(Self { timetable: Arc::new(timetable), steady: Arc::new(steady), runs_per_year })
    }
}

#[cfg(test)]
thread_local! {
    /// How many schedules this thread has reckoned with. Each looks a year ahead, so that whoever asks twice is slow.
    pub(crate) static RECKONED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Holding {
    /// What the tier holds of each source that it takes; sources without a
    /// schedule, with one that cannot be read or that never fires are left out.
    pub fn of_tier<'a>(plan: &'a Plan, tier: &'a Tier, measured: &MeasuredSizes) -> Vec<Holding> {
        let sources: HashMap<&str, &Source> = plan.sources.iter().rev().map(|s| (s.name.value.as_str(), s)).collect();
        let mut rhythms: HashMap<&str, Option<Rhythm>> = HashMap::new();
        let of_take = |take: &'a Take| {
            let source = sources.get(take.source.value.as_str())?;
            let schedule = take.schedule.as_ref()?;
            let rhythm = rhythms.entry(&schedule.cron.value).or_insert_with(|| Rhythm::of(plan, tier, schedule));
            Some(Self::of_source(source, tier, rhythm.clone()?, measured.get(&source.name.value)))
        };
        tier.takes.iter().filter_map(of_take).collect()
    }

    fn of_source(source: &Source, tier: &Tier, rhythm: Rhythm, measured: Option<&MeasuredSize>) -> Self {
        let Rhythm { timetable, steady, runs_per_year } = rhythm;
        let volume = tier.volume_size.as_ref().map_or(VOLUME_BYTES, |size| size.value.0).max(1);
        let stored = StoredSize::of(source, measured);
        let mut holding = Self {
            source: source.name.value.clone(),
            basis: stored.basis,
            is_change_assumed: stored.is_change_assumed && tier.mode.value == Mode::Incremental,
            mode: tier.mode.value,
            runs_per_year,
            groups: Vec::new(),
            upload: ObjectGroup::default(),
            size: stored.size,
            change_per_day: stored.change_per_day,
            steady,
            timetable,
        };
        let whole = ObjectGroup::in_volumes(stored.size, volume);
        match holding.mode {
            Mode::Full => {
                holding.groups.push(whole.times(holding.steady.count() as u64));
                holding.upload = whole;
            }
            Mode::Incremental => {
                let (changed, runs) = holding.changes_kept();
                let changes = ObjectGroup::spread(changed, runs.max(changed.div_ceil(volume)));
                holding.groups.extend([whole, changes]);
                let year = holding.change_per_day.saturating_mul(YEAR_DAYS as u64);
                holding.upload = ObjectGroup::in_volumes(year / holding.runs_per_year.max(1), volume);
            }
        }
        holding
    }

    /// The bytes held.
    pub fn stored(&self) -> ByteSize {
        ByteSize(self.groups.iter().fold(0, |sum, group| sum.saturating_add(group.bytes)))
    }

    /// The archives held.
    pub fn objects(&self) -> u64 {
        self.groups.iter().fold(0, |sum, group| sum.saturating_add(group.count))
    }

    /// What a restore of one whole snapshot reads.
    pub fn one_snapshot(&self) -> ObjectGroup {
        match self.mode {
            Mode::Full => self.upload,
            // Its bytes lie scattered over the archives that are held.
            Mode::Incremental => ObjectGroup::spread(self.size, self.objects()),
        }
    }

    /// Archives that are gone and still billed for, because they were deleted
    /// before they were `minimum_days` old: those billed at any one time.
    pub fn billed_after_deletion(&self, minimum_days: u32) -> ObjectGroup {
        if self.steady.is_growing || minimum_days == 0 {
            return ObjectGroup::default();
        }
        match self.mode {
            Mode::Full => {
                let Some(newest) = self.steady.kept.first().filter(|_| self.runs_per_year > 0) else {
                    return ObjectGroup::default();
                };
                let old = *newest - TimeDelta::days(minimum_days.into());
                // No further back than the year that is looked at.
                let made = self.timetable.count_between(old, *newest).min(self.runs_per_year);
                let kept = self.steady.kept.iter().filter(|time| **time > old).count() as u64;
                self.upload.times(made.saturating_sub(kept))
            }
            // What changed while a snapshot was kept goes with it.
            Mode::Incremental => {
                let seconds = u64::from(minimum_days) * DAY_SECONDS;
                let beyond = seconds.saturating_sub(self.steady.kept_for().as_secs());
                let runs = part_of(self.runs_per_year, beyond, YEAR_DAYS as u64 * DAY_SECONDS);
                ObjectGroup::spread(part_of(self.change_per_day, beyond, DAY_SECONDS), runs.max(1))
            }
        }
    }

    /// The bytes that changed between the snapshots kept, and in how many runs.
    /// Between two of them no more can have changed than there is.
    fn changes_kept(&self) -> (u64, u64) {
        let change = |pair: &[Timestamp]| {
            let seconds = u64::try_from((pair[0] - pair[1]).num_seconds()).unwrap_or(0);
            part_of(self.change_per_day, seconds, DAY_SECONDS).min(self.size)
        };
        let bytes = self.steady.kept.windows(2).map(change).fold(0, u64::saturating_add);
        let runs = part_of(self.runs_per_year, self.steady.span().as_secs(), YEAR_DAYS as u64 * DAY_SECONDS);
        (bytes, runs.max(self.steady.count() as u64 - 1))
    }
}

/// `amount` × `numerator` / `denominator` in whole numbers, without overflow.
fn part_of(amount: u64, numerator: u64, denominator: u64) -> u64 {
    let part = u128::from(amount) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

struct StoredSize {
    basis: Basis,
    size: u64,
    change_per_day: u64,
    is_change_assumed: bool,
}

impl StoredSize {
    fn of(source: &Source, measured: Option<&MeasuredSize>) -> Self {
        let (basis, size, change, percent) = match measured {
            Some(measured) => {
                let percent = measured.stored_percent.unwrap_or(100);
                (Basis::Measured, Some(measured.bytes), measured.change_per_day, percent)
            }
            None => {
                let size = source.expected_size.as_ref().map(|size| size.value.0);
                let change = source.expected_change.as_ref().map(|change| change.value.0);
                let is_known = size.is_some() || change.is_some();
                (if is_known { Basis::Expected } else { Basis::Unknown }, size, change, 100)
            }
        };
        let stored = |bytes| part_of(bytes, percent.into(), 100);
        let size = stored(size.unwrap_or(0));
        let change_per_day = change.map_or(size / 100 * ASSUMED_CHANGE_PERCENT, stored);
        // What changes in a day must be there.
        let size = if basis == Basis::Expected { size.max(change_per_day) } else { size };
        Self { basis, size, change_per_day, is_change_assumed: change.is_none() && size > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample;

    fn holding(tier: &str) -> Holding {
        let plan = sample::one_tier(&format!("store s3 {{ bucket b; region us-east-1 }}\ntake data\n{tier}"));
        let mut holdings = Holding::of_tier(&plan, &plan.tiers[0], &MeasuredSizes::new());
        holdings.pop().expect("the tier takes the source")
    }

    const DAILY: &str = "schedule \"0 2 * * *\"";
    const FOUR_HOURLY: &str = "schedule \"0 2-22/4 * * *\"";

    fn megabytes(group: ObjectGroup) -> (u64, u64) {
        (group.count, group.bytes / 1_000_000)
    }

    #[test]
    fn an_incremental_tier_holds_the_source_once_and_what_changed() {
        let holding = holding(&format!("{DAILY}\nkeep daily=30"));
        assert_eq!(holding.stored(), ByteSize(100_000_000 + 29 * 10_000_000));
        assert_eq!(holding.groups.iter().map(|group| megabytes(*group)).collect::<Vec<_>>(), [(1, 100), (29, 290)]);
        assert_eq!(holding.upload, ObjectGroup { count: 1, bytes: 10_000_000 });
        assert_eq!(holding.runs_per_year, 365);
        assert_eq!(megabytes(holding.one_snapshot()), (30, 100));
    }

    #[test]
    fn a_full_tier_holds_the_source_as_often_as_it_has_snapshots() {
        let holding = holding(&format!("{FOUR_HOURLY}\nmode full\nkeep daily=30"));
        assert_eq!(holding.groups, [ObjectGroup { count: 30, bytes: 3_000_000_000 }]);
        assert_eq!(megabytes(holding.one_snapshot()), (1, 100));
        assert_eq!(holding.runs_per_year, 6 * 365);
    }

    #[test]
    fn between_two_snapshots_no_more_changes_than_there_is() {
        let holding = holding("schedule \"0 0 1 * *\"\nkeep monthly=12");
        assert_eq!(holding.stored(), ByteSize(12 * 100_000_000));
    }

    #[test]
    fn full_archives_deleted_early_are_billed_until_the_minimum() {
        let deleted = |tier: &str, days| megabytes(holding(tier).billed_after_deletion(days));
        let three_days = format!("{FOUR_HOURLY}\nmode full\nkeep within=\"3d\"");
        assert_eq!(deleted(&three_days, 30), (180 - 19, 16_100), "180 made in 30 days, 19 of them still there");
        assert_eq!(deleted(&three_days, 0), (0, 0));
        assert_eq!(deleted(&format!("{DAILY}\nmode full\nkeep daily=30"), 30), (0, 0));
        assert_eq!(deleted(&format!("{DAILY}\nmode full"), 90), (0, 0), "nothing is ever deleted");
    }

    #[test]
    fn changes_deleted_early_are_billed_until_the_minimum() {
        let deleted = |days| megabytes(holding(&format!("{DAILY}\nkeep daily=7")).billed_after_deletion(days));
        assert_eq!(deleted(30), (23, 230), "kept for 7 days, billed for 30");
        assert_eq!(deleted(7), (0, 0));
    }

    #[test]
    fn large_archives_come_in_volumes() {
        let holding = holding(&format!("{DAILY}\nmode full\nkeep daily=2\nvolume-size \"30MB\""));
        assert_eq!(holding.groups, [ObjectGroup { count: 8, bytes: 200_000_000 }]);
    }

    #[test]
    fn measured_sizes_go_before_expected_ones() {
        let plan = sample::one_tier(&format!("store fs {{ root \"/b\" }}\ntake data\n{DAILY}\nmode full\nkeep last=1"));
        let size = MeasuredSize { bytes: 1_000_000, change_per_day: None, stored_percent: Some(40) };
        let measured = MeasuredSizes::from([("data".to_owned(), size)]);
        let holdings = Holding::of_tier(&plan, &plan.tiers[0], &measured);
        assert_eq!(holdings[0].stored(), ByteSize(400_000));
        assert_eq!(holdings[0].basis, Basis::Measured);
    }

    #[test]
    fn a_tier_that_copies_another_takes_what_that_takes() {
        let plan = sample::plan(
            "plan p {
                source data { base \"/srv\"; expect size=\"100MB\" }
                tier a { store fs { root \"/a\" }; take data; schedule \"0 2 * * *\"; keep last=1 }
                tier b { store fs { root \"/b\" }; from a; schedule \"0 3 * * 0\"; keep weekly=4 }
            }",
        );
        let holdings = Holding::of_tier(&plan, &plan.tiers[1], &MeasuredSizes::new());
        assert_eq!(holdings.iter().map(|holding| holding.source.as_str()).collect::<Vec<_>>(), ["data"]);
        assert_eq!(holdings[0].steady.count(), 4);
    }
}
