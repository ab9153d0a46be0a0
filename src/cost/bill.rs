use super::estimate::{Item, TierCost};
use super::holding::{Holding, ObjectGroup};
use super::note::Note;
use super::{ClassPrices, Price, Provider, ProviderPrices, StorageClass};
use crate::base::{Money, Timestamp};
use crate::plan::{Level, Plan, SettingValue, Tier, Verify};
use crate::retention::reference_moment;
use crate::schedule::Timetable;
use chrono::TimeDelta;

/// Objects beside the archives that a run writes, all in the default class:
/// tree, index, run record, snapshot.
const SMALL_OBJECTS_PER_RUN: u64 = 4;

/// Requests for lists that a run makes, besides one for each thousand objects:
/// lease, snapshots, run records.
const LISTS_PER_RUN: u64 = 3;

const LIST_PAGE: u64 = 1000;

/// The size of a part of an upload, and of a read; each is one request.
const PART_BYTES: u64 = 8 << 20;

const MONTHS: u128 = 12;
const YEAR_DAYS: i64 = 365;

/// The prices that hold for one tier.
pub(super) struct Bill<'a> {
    pub provider: Provider,
    pub class: &'static StorageClass,
    pub provider_prices: &'a ProviderPrices,
    pub prices: &'a ClassPrices,
    /// Of the class of the small objects.
    pub default_prices: Option<&'a ClassPrices>,
}

impl Bill<'_> {
    /// Adds the items, and what must be known of them.
    pub(super) fn fill(&self, plan: &Plan, tier: &Tier, cost: &mut TierCost) {
        let mut tally = Tally::default();
        let holdings = &cost.holdings;
        cost.billed_bytes = self.add_storage(holdings, &mut tally);
        tally.add(Item::MinimumCharge, self.minimum_charge(cost.billed_bytes));
        for holding in holdings.iter() {
            self.add_uploads(holding, &mut tally);
        }
        for verify in &tier.verify {
            self.add_verification(plan, verify, holdings, &mut tally);
        }
        cost.items = tally.items;
        cost.items.retain(|(_, amount)| !amount.is_zero());
        cost.items.sort_by_key(|(item, _)| *item);
        cost.notes.extend(tally.notes);
        if !tally.not_priced.is_empty() {
            cost.notes.push(Note::NotPriced(tally.not_priced));
        }
    }

    /// What is paid for less than the provider's least bill.
    pub(super) fn minimum_charge(&self, billed_bytes: u128) -> Money {
        let gb_bytes = self.provider_prices.gb_bytes;
        let minimum = u128::from(self.provider_prices.minimum_gb) * u128::from(gb_bytes);
        self.prices.storage.charge_on_top(billed_bytes, minimum.saturating_sub(billed_bytes), gb_bytes)
    }

    /// Returns the bytes billed.
    fn add_storage(&self, holdings: &[Holding], tally: &mut Tally) -> u128 {
        let StorageClass { minimum_days, minimum_bytes, .. } = *self.class;
        let gb_bytes = self.provider_prices.gb_bytes;
        let groups = || holdings.iter().flat_map(|holding| &holding.groups);
        let held: u128 = groups().map(|group| u128::from(group.bytes)).sum();
        let objects: u128 = groups().map(|group| u128::from(group.count)).sum();
        let padding: u128 = groups().map(|group| u128::from(group.billed_bytes(minimum_bytes) - group.bytes)).sum();
        let deleted = holdings.iter().map(|holding| holding.billed_after_deletion(minimum_days));
        let deleted: u128 = deleted.map(|group| u128::from(group.billed_bytes(minimum_bytes))).sum();

        let storage = &self.prices.storage;
        tally.add(Item::Storage, storage.charge(held, gb_bytes));
        tally.add(Item::MinimumSize, storage.charge_on_top(held, padding, gb_bytes));
        tally.add(Item::MinimumDuration, storage.charge_on_top(held + padding, deleted, gb_bytes));
        let mut overhead = |price: Price, bytes_each: u64| {
            tally.add(Item::Overhead, price.charge(objects * u128::from(bytes_each), gb_bytes.into()));
        };
        overhead(storage.first(), self.class.overhead_bytes);
        if let Some(default) = self.default_prices {
            overhead(default.storage.first(), self.class.overhead_default_bytes);
        }
        if let Some(monitoring) = self.prices.monitoring {
            tally.add(Item::Monitoring, monitoring.charge(objects, 1000));
        }
        held + padding + deleted
    }

    /// A month's writes and lists.
    fn add_uploads(&self, holding: &Holding, tally: &mut Tally) {
        let runs = u128::from(holding.runs_per_year);
        let default = self.default_prices;
        let (completions, parts) = write_requests(holding.upload);
        let part_price =
            if self.class.has_cheap_parts { default.and_then(|prices| prices.put) } else { self.prices.put };
        tally.requests(Item::Uploads, "uploads", self.prices.put, runs * u128::from(completions));
        tally.requests(Item::Uploads, "uploads", part_price, runs * u128::from(parts));
        let small = runs * u128::from(SMALL_OBJECTS_PER_RUN);
        tally.requests(Item::Uploads, "uploads", default.and_then(|prices| prices.put), small);
        let pages = u128::from(LISTS_PER_RUN + holding.objects() / LIST_PAGE);
        tally.requests(Item::Lists, "lists", default.and_then(|prices| prices.list), runs * pages);
    }

    /// A month of one verify: what it lists, reads and takes out.
    fn add_verification(&self, plan: &Plan, verify: &Verify, holdings: &[Holding], tally: &mut Tally) {
        let own_runs = verify.schedule.as_ref().map(|schedule| {
            let Ok(timetable) = Timetable::of(schedule, plan.timezone.value) else { return 0 };
            let end = reference_moment(timetable.zone);
            timetable.count_between(end - TimeDelta::days(YEAR_DAYS), end)
        });
        if verify.level.value == Level::Presence {
            let lists = |holding: &Holding| {
                let runs = own_runs.unwrap_or(holding.runs_per_year);
                u128::from(runs) * u128::from(1 + holding.objects() / LIST_PAGE)
            };
            let lists = holdings.iter().map(lists).sum();
            tally.requests(Item::Lists, "lists", self.default_prices.and_then(|prices| prices.list), lists);
            return;
        }
        if self.class.needs_thaw() {
            let (level, class) = (verify.level.value, self.class.name);
            tally.notes.push(Note::Unreadable { level, class });
            return;
        }
        let mut bytes_per_year = 0u128;
        let mut reads_per_year = 0u128;
        for holding in holdings {
            let (runs, bytes) = match own_runs {
                Some(runs) => (runs, holding.stored().0),
                None => (holding.runs_per_year, holding.upload.bytes),
            };
            let share = verify.sample.as_ref().map_or(1.0, |sample| sample.value.fraction());
            let sampled = (bytes as f64 * share).round() as u64;
            bytes_per_year += u128::from(runs) * u128::from(sampled);
            reads_per_year += u128::from(runs) * u128::from(read_requests(sampled));
        }
        tally.requests(Item::Verification, "reads", self.prices.get, reads_per_year);
        let gb_bytes = self.provider_prices.gb_bytes;
        match self.prices.retrieval {
            Some(price) => {
                tally.add(Item::Verification, price.charge(bytes_per_year, u128::from(gb_bytes) * MONTHS));
            }
            None => tally.missing("retrieval"),
        }
        match &self.provider_prices.egress {
            Some(egress) => tally.add(Item::Egress, egress.charge(bytes_per_year / MONTHS, gb_bytes)),
            None => tally.missing("egress"),
        }
    }

    pub(super) fn notes_on_prices(&self, tier: &Tier, now: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        let priced = &self.provider_prices.region;
        let region = tier.store.settings.iter().find(|setting| setting.key.value == "region");
        if let Some(SettingValue::Text(plan)) = region.map(|setting| &setting.value.value)
            && !matches!(priced.as_str(), "all" | "us")
            && plan != priced
        {
            notes.push(Note::OtherRegion { priced: priced.clone(), plan: plan.clone() });
        }
        let provider = self.provider;
        if self.provider_prices.is_old(now) {
            let (as_of, days) = (self.provider_prices.as_of, self.provider_prices.age_days(now));
            notes.push(Note::OldPrices { provider, as_of, days });
        }
        if self.prices.is_unconfirmed {
            notes.push(Note::Unconfirmed(provider));
        }
        let note = self.provider_prices.note.clone();
        notes.extend(note.map(|note| Note::Provider { provider, note }));
        notes
    }
}

/// Amounts as they come up.
#[derive(Default)]
struct Tally {
    items: Vec<(Item, Money)>,
    notes: Vec<Note>,
    not_priced: Vec<&'static str>,
}

impl Tally {
    fn add(&mut self, item: Item, amount: Money) {
        match self.items.iter_mut().find(|(known, _)| *known == item) {
            Some((_, sum)) => *sum += amount,
            None => self.items.push((item, amount)),
        }
    }

    /// A month of so many requests a year.
    fn requests(&mut self, item: Item, what: &'static str, price: Option<Price>, per_year: u128) {
        match price {
            Some(price) => self.add(item, price.charge(per_year, 1000 * MONTHS)),
            None if per_year > 0 => self.missing(what),
            None => {}
        }
    }

    fn missing(&mut self, what: &'static str) {
        if !self.not_priced.contains(&what) {
            self.not_priced.push(what);
        }
    }
}

/// The requests that write some objects: those that make an object, and those
/// that begin an upload in parts or send a part.
fn write_requests(group: ObjectGroup) -> (u64, u64) {
    let has_parts = group.bytes_each() > PART_BYTES;
    let parts = if has_parts { group.bytes.div_ceil(PART_BYTES).saturating_add(group.count) } else { 0 };
    (group.count, parts)
}

/// The requests that read so many bytes.
pub(super) fn read_requests(bytes: u64) -> u64 {
    bytes.div_ceil(PART_BYTES)
}
