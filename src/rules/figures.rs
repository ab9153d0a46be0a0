//! The figures that rules reason with: what each tier costs, and how long it
//! takes to give back what it holds.

use crate::base::Rate;
use crate::cost::{
    ASSUMED_DISK, ASSUMED_LINE, Estimator, Holding, MeasuredSizes, PriceTable, RestoreEstimate, ThawSpeed, TierCost,
};
use crate::plan::{Plan, Tier};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

static BUILT_IN: LazyLock<PriceTable> = LazyLock::new(PriceTable::built_in);
static NOTHING_MEASURED: MeasuredSizes = MeasuredSizes::new();

/// Costs are reckoned when a rule first asks, each once.
pub(super) struct Figures<'a> {
    plan: &'a Plan,
    prices: Option<&'a PriceTable>,
    costs: OnceCell<Vec<TierCost>>,
    /// For each tier the places of its holdings by source.
    places: OnceCell<Vec<HashMap<String, usize>>>,
    others: OnceCell<Vec<Vec<TierCost>>>,
}

impl<'a> Figures<'a> {
    /// `prices`: in place of the built-in ones.
    pub fn new(plan: &'a Plan, prices: Option<&'a PriceTable>) -> Self {
        Self { plan, prices, costs: OnceCell::new(), places: OnceCell::new(), others: OnceCell::new() }
    }

    fn estimator(&self) -> Estimator<'_> {
        Estimator { plan: self.plan, prices: self.prices.unwrap_or(&BUILT_IN), measured: &NOTHING_MEASURED }
    }

    /// Now decides only whether prices are called old, which rules do not say.
    fn now(&self) -> crate::base::Timestamp {
        super::job::from(self.plan)
    }

    /// With every tier of the plan, in its order.
    pub fn costs(&self) -> impl Iterator<Item = (&'a Tier, &TierCost)> {
        let costs = self.costs.get_or_init(|| {
            let estimator = self.estimator();
            self.plan.tiers.iter().map(|tier| estimator.tier(tier, self.now())).collect()
        });
        self.plan.tiers.iter().zip(costs)
    }

    /// What each tier would cost in every class of its provider, the default first.
    pub fn alternatives(&self) -> impl Iterator<Item = (&'a Tier, &[TierCost])> {
        let others = self.others.get_or_init(|| {
            let estimator = self.estimator();
            let in_each_class =
                |(tier, cost): (&Tier, &TierCost)| estimator.alternatives_holding(tier, &cost.holdings, self.now());
            self.costs().map(in_each_class).collect()
        });
        self.plan.tiers.iter().zip(others.iter().map(Vec::as_slice))
    }

    /// A restore of the newest snapshot of a source, or of each; `None`: not at that speed.
    pub fn restore(&self, tier: &Tier, source: Option<&str>, speed: ThawSpeed) -> Option<RestoreEstimate> {
        self.estimator().restore_of(tier, self.cost(tier)?, source, speed, None)
    }

    fn cost(&self, tier: &Tier) -> Option<&TierCost> {
        self.costs().find(|(other, _)| std::ptr::eq(*other, tier)).map(|(_, cost)| cost)
    }

    /// What a tier comes to hold of a source.
    fn holding(&self, tier: &Tier, source: &str) -> Option<&Holding> {
        let places = self.places.get_or_init(|| {
            let place = |(at, holding): (usize, &Holding)| (holding.source.clone(), at);
            let places = |cost: &TierCost| cost.holdings.iter().enumerate().map(place).collect();
            self.costs().map(|(_, cost)| places(cost)).collect()
        });
        let ((_, cost), places) = self.costs().zip(places).find(|((other, _), _)| std::ptr::eq(*other, tier))?;
        Some(&cost.holdings[*places.get(source)?])
    }

    /// How long the newest snapshot of a source takes to come back: until the
    /// first byte can be read, and until the last is here (zero where no size is
    /// known). At the tier's limit, else over the line or disk that is assumed.
    pub fn restore_time(&self, tier: &Tier, source: &str) -> Option<(Duration, Duration)> {
        let cost = self.cost(tier)?;
        let wait = cost.class.map_or(Some(Duration::ZERO), |class| class.longest_wait(ThawSpeed::Standard))?;
        let bytes = self.holding(tier, source).map_or(0, |holding| holding.one_snapshot().bytes);
        Some((wait, Self::transfer(tier, tier.limits.download.as_ref().map(|limit| limit.value), bytes)))
    }

    fn transfer(tier: &Tier, limit: Option<Rate>, bytes: u64) -> Duration {
        let assumed = if tier.store.is_this_machine() { ASSUMED_DISK } else { ASSUMED_LINE };
        Duration::from_secs(bytes.div_ceil(limit.unwrap_or(assumed).bytes_per_second.max(1)))
    }

    /// How long a usual run of a source uploads: at the tier's limit, or over
    /// the line that restores are reckoned with. Zero where no size is known.
    pub fn upload_time(&self, tier: &Tier, source: &str) -> Duration {
        let bytes = self.holding(tier, source).map_or(0, |holding| holding.upload.bytes);
        Self::transfer(tier, tier.limits.upload.as_ref().map(|limit| limit.value), bytes)
    }

    /// ``at prices of 2026-09-07 (us-east-1)``, for a tier whose prices are known.
    pub fn basis(&self, cost: &TierCost) -> Option<String> {
        let provider = cost.place.provider()?;
        let prices = self.estimator().prices.provider(provider)?;
        Some(format!("{provider}, prices of {} ({})", prices.as_of, prices.region))
    }
}
