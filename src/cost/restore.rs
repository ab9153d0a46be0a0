use super::bill::read_requests;
use super::holding::{Holding, ObjectGroup};
use super::{Estimator, Place, ThawSpeed, TierCost};
use crate::base::{ByteSize, Money, Rate, Timestamp};
use crate::plan::Tier;
use std::time::Duration;

/// A line of 100 Mbit/s, where the plan states no `limit download=`. Chosen.
pub const ASSUMED_LINE: Rate = Rate { bytes_per_second: 12_500_000 };

/// A disk of this machine: a slow one, read and written at a time. Chosen.
pub const ASSUMED_DISK: Rate = Rate { bytes_per_second: 100_000_000 };

/// Thawed copies are paid for, at the default class's price, for so many days. Chosen.
pub const THAWED_DAYS: u128 = 7;

/// Days of a month by which providers price a month of storage.
const MONTH_DAYS: u128 = 30;

/// What it takes to get the newest snapshots of a tier back, all of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreEstimate {
    pub bytes: ByteSize,
    pub objects: u64,
    /// Until the first byte can be read, at most.
    pub wait: Duration,
    /// For the bytes at [`RestoreEstimate::bandwidth`].
    pub transfer: Duration,
    pub bandwidth: Rate,
    pub cost: RestoreCost,
}

impl RestoreEstimate {
    /// From asking to done.
    pub fn time(&self) -> Duration {
        self.wait.saturating_add(self.transfer)
    }
}

/// The bill for one restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RestoreCost {
    /// What the class asks for a GB that is read or thawed.
    pub retrieval: Money,
    pub requests: Money,
    /// For the thawed copies.
    pub thawed_copies: Money,
    /// For what leaves the provider.
    pub egress: Money,
    /// Some prices are not known and left out.
    pub is_incomplete: bool,
}

impl RestoreCost {
    pub fn total(&self) -> Money {
        self.retrieval + self.requests + self.thawed_copies + self.egress
    }
}

impl Estimator<'_> {
    /// A restore of the newest snapshot of one source, or of each source of the tier.
    ///
    /// `bandwidth`: of the way between store and host; `None`: the tier's own
    /// limit, or [`ASSUMED_LINE`] ([`ASSUMED_DISK`] for a store on this machine).
    /// Returns `None` if the class cannot be thawed at that speed.
    pub fn restore(
        &self,
        tier: &Tier,
        source: Option<&str>,
        speed: ThawSpeed,
        bandwidth: Option<Rate>,
        now: Timestamp,
    ) -> Option<RestoreEstimate> {
        self.restore_of(tier, &self.tier(tier, now), source, speed, bandwidth)
    }

    /// The same of a tier whose cost is known.
    pub fn restore_of(
        &self,
        tier: &Tier,
        tier_cost: &TierCost,
        source: Option<&str>,
        speed: ThawSpeed,
        bandwidth: Option<Rate>,
    ) -> Option<RestoreEstimate> {
        let wait = tier_cost.class.map_or(Some(Duration::ZERO), |class| class.longest_wait(speed))?;
        let wanted = |holding: &&Holding| source.is_none_or(|source| holding.source == source);
        let group = tier_cost.holdings.iter().filter(wanted).map(Holding::one_snapshot).fold(
            ObjectGroup::default(),
            |sum, group| ObjectGroup {
                count: sum.count.saturating_add(group.count),
                bytes: sum.bytes.saturating_add(group.bytes),
            },
        );
        let own_limit = tier.limits.download.as_ref().map(|limit| limit.value);
        let assumed = if tier_cost.place == Place::Machine { ASSUMED_DISK } else { ASSUMED_LINE };
        let bandwidth = bandwidth.or(own_limit).unwrap_or(assumed);
        let seconds = group.bytes as f64 / bandwidth.bytes_per_second.max(1) as f64;
        Some(RestoreEstimate {
            bytes: ByteSize(group.bytes),
            objects: group.count,
            wait,
            transfer: Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX),
            bandwidth,
            cost: self.restore_cost(tier_cost, group, speed),
        })
    }

    fn restore_cost(&self, tier: &TierCost, group: ObjectGroup, speed: ThawSpeed) -> RestoreCost {
        let mut cost = RestoreCost::default();
        let Some(bill) = self.bill(tier) else {
            cost.is_incomplete = tier.place != Place::Machine;
            return cost;
        };
        let gb_bytes = bill.provider_prices.gb_bytes;
        let bytes = u128::from(group.bytes);
        // Every object is read in parts, at least one each.
        let reads = u128::from(read_requests(group.bytes).max(group.count));
        if bill.class.needs_thaw() {
            match bill.prices.thaw.get(&speed) {
                Some(thaw) => {
                    cost.retrieval = thaw.gb.charge(bytes, gb_bytes.into());
                    cost.requests = thaw.request.charge(group.count.into(), 1000);
                }
                None => cost.is_incomplete = true,
            }
            match bill.default_prices {
                Some(default) => {
                    let unit = u128::from(gb_bytes) * MONTH_DAYS;
                    cost.thawed_copies = default.storage.first().charge(bytes * THAWED_DAYS, unit);
                }
                None => cost.is_incomplete = true,
            }
        } else {
            match bill.prices.retrieval {
                Some(price) => cost.retrieval = price.charge(bytes, gb_bytes.into()),
                None => cost.is_incomplete = true,
            }
        }
        match bill.prices.get {
            Some(price) => cost.requests += price.charge(reads, 1000),
            None => cost.is_incomplete = true,
        }
        match &bill.provider_prices.egress {
            Some(egress) => cost.egress = egress.charge(bytes, gb_bytes),
            None => cost.is_incomplete = true,
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::format_duration;
    use crate::cost::{MeasuredSizes, PriceTable, sample};

    fn told(tier: &str, speed: ThawSpeed) -> String {
        let plan = sample::one_tier(&format!("take data\nschedule \"0 2 * * *\"\nkeep daily=30\n{tier}"));
        let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
        let estimator = Estimator { plan: &plan, prices: &prices, measured: &measured };
        let Some(restore) = estimator.restore(&plan.tiers[0], None, speed, None, sample::now()) else {
            return "not at that speed".to_owned();
        };
        let incomplete = if restore.cost.is_incomplete { ", not all prices known" } else { "" };
        format!(
            "{} in {} objects: {} (wait {}, transfer {} at {}), {:.6}{incomplete}",
            restore.bytes,
            restore.objects,
            format_duration(restore.time()),
            format_duration(restore.wait),
            format_duration(restore.transfer),
            restore.bandwidth,
            restore.cost.total(),
        )
    }

    #[test]
    fn restores_take_what_class_and_line_take() {
        let s3 = |class: &str| format!("store s3 {{ bucket b; region us-east-1 }}\nstorage-class {class}");
        let lines = [
            told("store fs { root \"/b\" }", ThawSpeed::Standard),
            told(&s3("STANDARD"), ThawSpeed::Standard),
            told(&s3("STANDARD_IA"), ThawSpeed::Standard),
            told(&s3("GLACIER"), ThawSpeed::Expedited),
            told(&s3("GLACIER"), ThawSpeed::Standard),
            told(&s3("GLACIER"), ThawSpeed::Bulk),
            told(&s3("DEEP_ARCHIVE"), ThawSpeed::Expedited),
            told(&s3("DEEP_ARCHIVE"), ThawSpeed::Bulk),
            told(&format!("{}\nlimit download=\"1MiB/s\"", s3("STANDARD")), ThawSpeed::Standard),
            told("store sftp { endpoint \"ssh://host\" }", ThawSpeed::Standard),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        95.4 MiB in 30 objects: 1s (wait 0 ms, transfer 1s at 95.4 MiB/s), $0.000000
        95.4 MiB in 30 objects: 8s (wait 0 ms, transfer 8s at 11.9 MiB/s), $0.000012
        95.4 MiB in 30 objects: 8s (wait 0 ms, transfer 8s at 11.9 MiB/s), $0.000961
        95.4 MiB in 30 objects: 5m 8s (wait 5m, transfer 8s at 11.9 MiB/s), $0.303306
        95.4 MiB in 30 objects: 5h (wait 5h, transfer 8s at 11.9 MiB/s), $0.002943
        95.4 MiB in 30 objects: 12h (wait 12h, transfer 8s at 11.9 MiB/s), $0.000512
        not at that speed
        95.4 MiB in 30 objects: 2d (wait 2d, transfer 8s at 11.9 MiB/s), $0.001495
        95.4 MiB in 30 objects: 1m 36s (wait 0 ms, transfer 1m 36s at 1.0 MiB/s), $0.000012
        95.4 MiB in 30 objects: 8s (wait 0 ms, transfer 8s at 11.9 MiB/s), $0.000000, not all prices known
        ");
    }

    #[test]
    fn ten_terabytes_out_of_s3_cost_what_the_bands_say() {
        let plan = sample::plan(
            "plan p {
                source data { base \"/srv\"; expect size=\"10TiB\" }
                tier t { store s3 { bucket b; region us-east-1 }; take data; mode full; schedule \"0 2 * * 0\"; keep weekly=1 }
            }",
        );
        let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
        let estimator = Estimator { plan: &plan, prices: &prices, measured: &measured };
        let restore = estimator.restore(&plan.tiers[0], Some("data"), ThawSpeed::Standard, None, sample::now());
        let cost = restore.expect("it is read at once").cost;
        assert_eq!(cost.egress.to_string(), "$912.60", "10,140 GB at $0.09, 100 GB free");
        let other = estimator.restore(&plan.tiers[0], Some("other"), ThawSpeed::Standard, None, sample::now());
        assert_eq!(other.expect("nothing is read at once").bytes, ByteSize(0));
    }
}
