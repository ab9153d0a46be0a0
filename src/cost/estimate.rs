use super::bill::Bill;
use super::holding::{Holding, MeasuredSizes};
use super::note::{Note, notes_on};
use super::{Place, PriceTable, Provider, StorageClass};
use crate::base::{ByteSize, Money, Timestamp};
use crate::plan::{Plan, Tier};
use std::sync::Arc;

/// Reckons what the tiers of a plan cost, at the prices of one table.
///
/// The figures are for a month once retention deletes as much as is added;
/// the first upload and what the account's free allowances save are left out.
/// They depend on the plan, the table and the sizes alone, not on the day.
#[derive(Clone, Copy, Debug)]
pub struct Estimator<'a> {
    pub plan: &'a Plan,
    pub prices: &'a PriceTable,
    /// Sizes known from backups that were made; empty: `expect` in the plan counts.
    pub measured: &'a MeasuredSizes,
}

/// One thing on the bill of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// The bytes held.
    Storage,
    /// Objects below the class's minimum size.
    MinimumSize,
    /// Objects deleted before the class's minimum duration.
    MinimumDuration,
    /// What the class stores beside each object.
    Overhead,
    Monitoring,
    /// The provider's least bill.
    MinimumCharge,
    /// Requests that write.
    Uploads,
    Lists,
    /// What verification reads: requests and retrieval.
    Verification,
    /// What verification reads leaves the provider.
    Egress,
}

impl Item {
    /// Whether it is for holding objects rather than for requests or reads.
    pub fn is_storage(self) -> bool {
        self <= Self::MinimumCharge
    }
}

/// What one tier costs a month.
#[derive(Clone, Debug)]
pub struct TierCost {
    pub tier: String,
    pub place: Place,
    /// `None` where the place has no classes that we know.
    pub class: Option<&'static StorageClass>,
    /// The region whose prices these are.
    pub region: Option<String>,
    pub holdings: Arc<[Holding]>,
    /// In the order of [`Item`], each at most once, none of nothing. Empty
    /// where nothing is paid or [`TierCost::is_priced`] is false.
    pub items: Vec<(Item, Money)>,
    /// The bytes that storage is billed for, deleted ones and the provider's minimum apart.
    pub(super) billed_bytes: u128,
    /// Whether the table knows what the place asks for; nothing is paid for this machine.
    pub is_priced: bool,
    pub notes: Vec<Note>,
}

impl TierCost {
    /// What is paid a month; `None` if the table does not know.
    pub fn total(&self) -> Option<Money> {
        self.is_priced.then(|| self.items.iter().map(|(_, amount)| *amount).sum())
    }

    pub fn item(&self, item: Item) -> Money {
        self.items.iter().find(|(known, _)| *known == item).map_or(Money::ZERO, |(_, amount)| *amount)
    }

    /// The total without what is paid for objects that were deleted too early.
    pub fn without_minimum_duration(&self) -> Option<Money> {
        Some(self.total()?.saturating_less(self.item(Item::MinimumDuration)))
    }

    pub fn stored(&self) -> ByteSize {
        ByteSize(self.holdings.iter().fold(0, |sum, holding| sum.saturating_add(holding.stored().0)))
    }

    pub fn objects(&self) -> u64 {
        self.holdings.iter().fold(0, |sum, holding| sum.saturating_add(holding.objects()))
    }
}

impl Estimator<'_> {
    /// What a tier costs in the class that the plan gives it.
    pub fn tier(&self, tier: &Tier, now: Timestamp) -> TierCost {
        self.tier_in_class(tier, tier.storage_class.as_ref().map(|class| class.value.as_str()), now)
    }

    /// What the tier would cost in each class of its provider that has a price;
    /// the plan's own is among them. The provider's default comes first.
    pub fn alternatives(&self, tier: &Tier, now: Timestamp) -> Vec<TierCost> {
        self.alternatives_holding(tier, &self.holdings(tier), now)
    }

    /// The same for a tier whose holdings are known from its cost.
    pub fn alternatives_holding(&self, tier: &Tier, holdings: &Arc<[Holding]>, now: Timestamp) -> Vec<TierCost> {
        let classes = Place::of(&tier.store).provider().map_or(&[][..], Provider::classes);
        let priced = classes.iter().map(|class| self.cost(tier, Arc::clone(holdings), Some(class.name), now));
        priced.filter(|cost| cost.is_priced).collect()
    }

    fn holdings(&self, tier: &Tier) -> Arc<[Holding]> {
        Holding::of_tier(self.plan, tier, self.measured).into()
    }

    /// What a tier would cost in another class; `None`: the provider's default.
    pub fn tier_in_class(&self, tier: &Tier, class: Option<&str>, now: Timestamp) -> TierCost {
        self.cost(tier, self.holdings(tier), class, now)
    }

    fn cost(&self, tier: &Tier, holdings: Arc<[Holding]>, class: Option<&str>, now: Timestamp) -> TierCost {
        let place = Place::of(&tier.store);
        let class = place.provider().and_then(|provider| match class {
            Some(name) => provider.class(name),
            None => Some(provider.default_class()),
        });
        let mut cost = TierCost {
            tier: tier.name.value.clone(),
            place,
            class,
            region: None,
            notes: notes_on(&holdings),
            holdings,
            items: Vec::new(),
            billed_bytes: 0,
            is_priced: place == Place::Machine,
        };
        let Some(bill) = self.bill(&cost) else { return cost };
        cost.is_priced = true;
        cost.region = Some(bill.provider_prices.region.clone());
        cost.notes.extend(bill.notes_on_prices(tier, now));
        bill.fill(self.plan, tier, &mut cost);
        cost
    }

    pub(super) fn bill(&self, cost: &TierCost) -> Option<Bill<'_>> {
        let provider = cost.place.provider()?;
        let class = cost.class?;
        let provider_prices = self.prices.provider(provider)?;
        let prices = provider_prices.class(class.name)?;
        let default_prices = provider_prices.class(provider.default_class().name);
        Some(Bill { provider, class, provider_prices, prices, default_prices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Price, sample};

    const S3: &str = "store s3 { bucket b; region us-east-1 }\ntake data\n";

    fn cost(tier: &str) -> TierCost {
        let plan = sample::one_tier(tier);
        let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
        Estimator { plan: &plan, prices: &prices, measured: &measured }.tier(&plan.tiers[0], sample::now())
    }

    fn told(cost: &TierCost) -> String {
        let items = cost.items.iter().map(|(item, amount)| format!("{item:?} ${:.6}", amount.micros() as f64 / 1e6));
        let notes = cost.notes.iter().map(|note| format!("note: {note}"));
        items.chain(notes).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_full_tier_in_an_infrequent_class_pays_for_what_it_deleted() {
        let cost =
            cost(&format!("{S3}storage-class STANDARD_IA\nmode full\nschedule \"0 2-22/4 * * *\"\nkeep within=\"3d\""));
        insta::assert_snapshot!(told(&cost), @r"
        Storage $0.022119
        MinimumDuration $0.187429
        Uploads $0.029200
        Lists $0.002738
        ");
        let gb = 1u64 << 30;
        let dollars = |snapshots: u64| {
            Price::from_dollars(0.0125).expect("a price").charge(u128::from(snapshots * 100_000_000), gb.into())
        };
        assert_eq!(cost.item(Item::Storage), dollars(19));
        assert_eq!(cost.item(Item::Storage) + cost.item(Item::MinimumDuration), dollars(19 + 161));
    }

    #[test]
    fn the_figures_for_a_class_that_bills_longer_than_is_kept() {
        let plan = sample::one_tier(&format!(
            "{S3}storage-class STANDARD_IA\nmode full\nschedule \"0 2 * * *\"\nkeep daily=3"
        ));
        let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
        let estimator = Estimator { plan: &plan, prices: &prices, measured: &measured };
        let cost = estimator.tier(&plan.tiers[0], sample::now());
        let figure = |amount: Option<Money>| amount.expect("it is priced").to_string();
        let lines: Vec<String> = [format!(
            "billed {} days for {} kept: {} instead of {}",
            cost.class.expect("it has one").minimum_days,
            cost.holdings[0].steady.kept_days(),
            figure(cost.total()),
            figure(cost.without_minimum_duration())
        )]
        .into_iter()
        .chain(
            estimator
                .alternatives(&plan.tiers[0], sample::now())
                .iter()
                .map(|cost| format!("{:<20} {}", cost.class.expect("it has one").name, figure(cost.total()))),
        )
        .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        billed 30 days for 3 kept: $0.0402 instead of $0.0088
        STANDARD             $0.0096
        STANDARD_IA          $0.0402
        ONEZONE_IA           $0.0333
        INTELLIGENT_TIERING  $0.0096
        GLACIER_IR           $0.0431
        GLACIER              $0.0341
        DEEP_ARCHIVE         $0.0212
        REDUCED_REDUNDANCY   $0.0099
        ");
    }

    #[test]
    fn small_objects_in_an_infrequent_class_are_billed_as_larger_ones() {
        let plan = sample::plan(
            "plan p {
                source data { base \"/srv\"; expect size=\"20KiB\" }
                tier t { store s3 { bucket b; region us-east-1 }; take data; storage-class GLACIER_IR; mode full; schedule \"0 2 * * *\"; keep daily=100 }
            }",
        );
        let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
        let cost = Estimator { plan: &plan, prices: &prices, measured: &measured }.tier(&plan.tiers[0], sample::now());
        // 20 KiB are billed as 128 KiB, 6.4 times as much.
        assert_eq!(cost.item(Item::Storage).micros(), 8);
        assert_eq!(cost.item(Item::MinimumSize).micros(), 41);
    }

    #[test]
    fn archived_objects_carry_an_overhead_and_cannot_be_verified() {
        let cost = cost(&format!(
            "{S3}storage-class GLACIER\nmode full\nschedule \"0 2 * * 0\"\nkeep weekly=52\nverify presence\nverify contents"
        ));
        insta::assert_snapshot!(told(&cost), @r"
        Storage $0.017434
        Overhead $0.000015
        Uploads $0.000499
        Lists $0.000087
        note: GLACIER cannot be read without a thaw: `verify contents` is not reckoned
        ");
        // 52 objects of 8 KiB at STANDARD's price and 32 KiB at GLACIER's: $2.85e-7 each.
        assert_eq!(cost.item(Item::Overhead).micros(), 15);
    }

    #[test]
    fn verification_reads_and_takes_out_what_it_samples() {
        let cost = cost(&format!(
            "{S3}storage-class STANDARD_IA\nschedule \"0 2 * * *\"\nkeep daily=30\nverify checksum\nverify contents sample=\"5%\" schedule=\"0 4 * * *\""
        ));
        insta::assert_snapshot!(told(&cost), @r"
        Storage $0.004540
        Uploads $0.001825
        Lists $0.000456
        Verification $0.008509
        ");
    }

    #[test]
    fn providers_have_their_own_rules() {
        let at = |endpoint: &str| {
            format!(
                "store s3 {{ bucket b; region auto; endpoint \"{endpoint}\" }}\ntake data\nschedule \"0 2 * * *\"\nkeep daily=7\nverify checksum"
            )
        };
        let wasabi = cost(&at("https://s3.wasabisys.com"));
        assert_eq!(wasabi.total().map(|total| total.to_string()).as_deref(), Some("$7.99"));
        insta::assert_snapshot!(told(&wasabi), @r"
        Storage $0.001163
        MinimumDuration $0.006031
        MinimumCharge $7.982806
        note: the prices of Wasabi are 146 days old (2026-07-01): look them up before you decide
        note: Wasabi: 1 TB is the least that is billed; egress is never billed but limited to what is stored
        ");
        insta::assert_snapshot!(told(&cost(&at("https://s3.us-west-004.backblazeb2.com"))), @r"
        Storage $0.001112
        note: Backblaze B2: egress is free up to three times what is stored, then $0.01/GB; the first 10 GB stored are free
        ");
        insta::assert_snapshot!(told(&cost(&at("https://fsn1.your-objectstorage.com"))), @r"
        Storage $0.001207
        MinimumCharge $7.544391
        note: the prices of Hetzner are 327 days old (2026-01-01): look them up before you decide
        note: Hetzner: the base price includes 1 TB of storage and 1 TB of egress
        ");
        let unknown = cost(&at("https://minio.example.com"));
        assert_eq!((unknown.total(), unknown.is_priced), (None, false));
    }

    #[test]
    fn this_machine_costs_nothing() {
        let cost = cost("store fs { root \"/b\" }\ntake data\nschedule \"0 2 * * *\"\nkeep daily=7");
        assert_eq!(cost.total(), Some(Money::ZERO));
        assert_eq!(cost.stored(), ByteSize(160_000_000));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let plan = sample::plan(
            "plan p {
                source a { base \"/a\" }
                source b { base \"/b\"; expect size=\"5GB\" }
                tier t { store s3 { bucket b; region sa-east-1 }; take a b; schedule \"0 2 * * *\"; verify contents }
            }",
        );
        let (prices, measured) = (sample::document_prices(), MeasuredSizes::new());
        let cost = Estimator { plan: &plan, prices: &prices, measured: &measured }.tier(&plan.tiers[0], sample::now());
        insta::assert_snapshot!(told(&cost), @r"
        Storage $0.533600
        note: no size is known of `a`, counted as nothing: write `expect size=`
        note: of `b` 1% is taken to change a day: write `expect change=`
        note: nothing is ever deleted: this is the month after the first year
        note: prices of region `us-east-1`, the plan says `sa-east-1`
        note: the prices of Amazon S3 are 417 days old (2025-10-03): look them up before you decide
        note: no prices for uploads, lists, reads, retrieval, egress, left out
        ");
    }
}
