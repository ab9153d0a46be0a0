use super::holding::Basis;
use super::{Estimator, Item, Note, Place, Provider, RestoreEstimate, ThawSpeed, TierCost};
use crate::base::{ByteSize, Cell, Column, Money, Paint, Style, Table, Timestamp};
use serde_json::{Value, json};

/// What a whole plan costs a month, tier by tier.
#[derive(Clone, Debug)]
pub struct CostReport {
    /// The name of the price table.
    pub prices: String,
    pub as_of: chrono::NaiveDate,
    /// In the order of the plan.
    pub tiers: Vec<TierCost>,
    /// What it takes to get the newest snapshots of each tier back, in the same order.
    pub restores: Vec<Option<RestoreEstimate>>,
}

impl Estimator<'_> {
    /// What the plan costs a month; `now` decides only whether prices are old.
    pub fn report(&self, now: Timestamp) -> CostReport {
        let mut tiers: Vec<TierCost> = self.plan.tiers.iter().map(|tier| self.tier(tier, now)).collect();
        for provider in Provider::ALL {
            self.share_minimum(provider, &mut tiers);
        }
        let costs = self.plan.tiers.iter().zip(&tiers);
        let restores = costs.map(|(tier, cost)| self.restore_of(tier, cost, None, ThawSpeed::Standard, None)).collect();
        CostReport { prices: self.prices.name.clone(), as_of: self.prices.as_of, tiers, restores }
    }

    /// A provider's least bill is one for all the tiers there.
    fn share_minimum(&self, provider: Provider, tiers: &mut [TierCost]) {
        let mut there: Vec<&mut TierCost> =
            tiers.iter_mut().filter(|tier| tier.place == Place::Provider(provider)).collect();
        let billed = there.iter().map(|tier| tier.billed_bytes).sum();
        for (at, tier) in there.iter_mut().enumerate() {
            let is_first = at == 0;
            let minimum = self.bill(tier).map_or(Money::ZERO, |bill| bill.minimum_charge(billed));
            for (item, amount) in &mut tier.items {
                if *item == Item::MinimumCharge {
                    *amount = if is_first { minimum } else { Money::ZERO };
                }
            }
            tier.items.retain(|(_, amount)| !amount.is_zero());
        }
    }
}

impl CostReport {
    /// The sum of all tiers whose prices are known.
    pub fn total(&self) -> Money {
        self.tiers.iter().filter_map(TierCost::total).sum()
    }

    /// Whether some tier's prices are not known.
    pub fn is_incomplete(&self) -> bool {
        self.tiers.iter().any(|tier| !tier.is_priced)
    }

    /// The table for a person, with the notes below. `built_in`: the same plan
    /// at the built-in prices, whose totals stand beside those of a file.
    pub fn render(&self, built_in: Option<&CostReport>, width: usize, style: Style) -> String {
        let mut columns = vec![
            Column::left("tier"),
            Column::left("where"),
            Column::left("region").optional(3),
            Column::left("class"),
            Column::right("snapshots").optional(4),
            Column::right("stored"),
            Column::right("storage").optional(1),
            Column::right("requests").optional(1),
            Column::right("verify").optional(2),
            Column::right("a month"),
        ];
        // Prices beside prices are about the month.
        columns.push(match built_in {
            Some(_) => Column::right("built-in"),
            None => Column::right("a restore").optional(2),
        });
        let mut table = Table::new(columns);
        for (at, tier) in self.tiers.iter().enumerate() {
            let last = match built_in {
                Some(other) => amount_or_unknown(other.tiers.get(at).and_then(TierCost::total)),
                None => restore_cell(tier, self.restores.get(at).and_then(Option::as_ref)),
            };
            table.row(tier_row(tier).into_iter().chain([last]));
        }
        let mut total = vec![Cell::painted(Paint::Bold, "total")];
        total.resize_with(9, Cell::default);
        total.push(Cell::painted(Paint::Bold, self.total().to_string()));
        total.extend(built_in.map(|other| Cell::painted(Paint::Bold, other.total().to_string())));
        table.row(total);
        let mut text = table.render(width, style);
        text.push_str(&format!("\nprices: {} of {}, in US dollars", self.prices, self.as_of));
        text.push_str(&built_in.map_or(String::new(), |other| format!("; {} of {}", other.prices, other.as_of)));
        text.push('\n');
        text.push_str(&self.sizes());
        for line in self.notes() {
            text.push_str(&format!("note: {line}\n"));
        }
        text
    }

    /// Where the sizes come from, as far as there are any.
    fn sizes(&self) -> String {
        let of = |basis: Basis| {
            let holdings = self.tiers.iter().flat_map(|tier| tier.holdings.iter());
            let mut names: Vec<&str> =
                holdings.filter(|holding| holding.basis == basis).map(|holding| holding.source.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let parts: Vec<String> = [(Basis::Measured, "measured in past runs"), (Basis::Expected, "as the plan expects")]
            .into_iter()
            .map(|(basis, words)| (of(basis), words))
            .filter(|(names, _)| !names.is_empty())
            .map(|(names, words)| format!("{words} (`{}`)", names.join("`, `")))
            .collect();
        if parts.is_empty() { String::new() } else { format!("sizes: {}\n", parts.join(", ")) }
    }

    /// Every note once, with the tiers that it is about.
    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<(&Note, Vec<&str>)> = Vec::new();
        for tier in &self.tiers {
            for note in &tier.notes {
                match notes.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, tiers)) => tiers.push(&tier.tier),
                    None => notes.push((note, vec![&tier.tier])),
                }
            }
        }
        let unpriced =
            self.tiers.iter().filter(|tier| !tier.is_priced).map(|tier| format!("{}: no prices are known", tier.tier));
        notes.iter().map(|(note, tiers)| format!("{}: {note}", tiers.join(", "))).chain(unpriced).collect()
    }

    /// The report as one JSON object; amounts are numbers of dollars, a month if nothing else is said.
    pub fn to_json(&self) -> Value {
        let tiers = self.tiers.iter().zip(&self.restores);
        json!({
            "currency": "USD",
            "prices": { "name": self.prices, "as_of": self.as_of.to_string() },
            "total": self.total(),
            "incomplete": self.is_incomplete(),
            "tiers": tiers.map(|(tier, restore)| tier_json(tier, restore.as_ref())).collect::<Vec<_>>(),
        })
    }
}

fn tier_row(tier: &TierCost) -> Vec<Cell> {
    let place = match tier.place {
        Place::Machine => "this machine".to_owned(),
        Place::Other => "a server".to_owned(),
        Place::Provider(provider) => provider.to_string(),
    };
    let sum = |is_meant: &dyn Fn(Item) -> bool| -> Cell {
        let amount: Money = tier.items.iter().filter(|(item, _)| is_meant(*item)).map(|(_, amount)| *amount).sum();
        if amount.is_zero() { Cell::default() } else { amount.to_string().into() }
    };
    vec![
        Cell::from(&tier.tier),
        place.into(),
        tier.region.as_deref().filter(|region| *region != "all").unwrap_or_default().into(),
        tier.class.map_or("", |class| class.name).into(),
        tier.holdings.iter().map(|holding| holding.steady.count()).sum::<usize>().to_string().into(),
        tier.stored().to_string().into(),
        sum(&Item::is_storage),
        sum(&|item| matches!(item, Item::Uploads | Item::Lists)),
        sum(&|item| matches!(item, Item::Verification | Item::Egress)),
        amount_or_unknown(tier.total()),
    ]
}

fn restore_cell(tier: &TierCost, restore: Option<&RestoreEstimate>) -> Cell {
    match restore {
        _ if tier.place == Place::Machine => Cell::default(),
        Some(restore) if !restore.cost.is_incomplete => restore.cost.total().to_string().into(),
        _ => amount_or_unknown(None),
    }
}

fn amount_or_unknown(amount: Option<Money>) -> Cell {
    amount.map_or(Cell::painted(Paint::Dim, "unknown"), |amount| amount.to_string().into())
}

fn tier_json(tier: &TierCost, restore: Option<&RestoreEstimate>) -> Value {
    let ByteSize(stored) = tier.stored();
    json!({
        "tier": tier.tier,
        "provider": tier.place.provider(),
        "class": tier.class.map(|class| class.name),
        "region": tier.region,
        "stored_bytes": stored,
        "objects": tier.objects(),
        "month": tier.total(),
        "items": tier.items.iter().map(|(item, amount)| json!({ "item": item, "month": amount })).collect::<Vec<_>>(),
        "sources": tier.holdings.iter().map(|holding| json!({
            "source": holding.source,
            "size_from": holding.basis,
            "snapshots": holding.steady.count(),
            "kept_days": holding.steady.kept_days(),
            "stored_bytes": holding.stored().0,
            "runs_a_year": holding.runs_per_year,
        })).collect::<Vec<_>>(),
        "restore": restore.map(|restore| json!({
            "bytes": restore.bytes.0,
            "objects": restore.objects,
            "wait_seconds": restore.wait.as_secs(),
            "transfer_seconds": restore.transfer.as_secs(),
            "cost": (!restore.cost.is_incomplete).then(|| restore.cost.total()),
        })),
        "notes": tier.notes.iter().map(Note::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{MeasuredSizes, PriceTable, sample};

    fn report(plan: &str, prices: &PriceTable) -> CostReport {
        let plan = sample::plan(plan);
        let measured = MeasuredSizes::new();
        Estimator { plan: &plan, prices, measured: &measured }.report(sample::now())
    }

    /// The document as it reckons: a full backup of 100 MB a day for 30 days, of 2 GB a week for 52 weeks.
    const DOCUMENT: &str = "plan document {
        source data { base \"/opt/data\"; expect size=\"100MB\" }
        source system { base \"/opt\"; expect size=\"2GB\" }
        tier incremental {
            store s3 { bucket b; region us-east-1 }
            storage-class STANDARD_IA
            mode full
            take data schedule=\"0 2 * * *\"
            keep daily=30
        }
        tier complete {
            store s3 { bucket b; region us-east-1 }
            storage-class GLACIER
            mode full
            take system schedule=\"0 2 * * 0\"
            keep weekly=52
        }
    }";

    #[test]
    fn the_documents_sizes_and_prices_give_the_documents_table() {
        let document = report(DOCUMENT, &sample::document_prices());
        let figures: Vec<_> =
            document.tiers.iter().map(|tier| (tier.stored(), tier.item(Item::Storage).micros())).collect();
        assert_eq!(figures, [(ByteSize(3_000_000_000), 37_500), (ByteSize(104_000_000_000), 416_000)]);
        assert_eq!(format!("{:.2}", document.total()), "$0.45");
        let today = report(DOCUMENT, &PriceTable::built_in());
        insta::assert_snapshot!(document.render(Some(&today), 120, Style::PLAIN));
    }

    #[test]
    fn the_documents_plan_costs_what_the_document_says() {
        let report = report(&sample::repository_file("plans/rpa.kdl"), &sample::document_prices());
        assert_eq!(format!("{:.2}", report.total()), "$0.45");
    }

    #[test]
    fn the_plans_figures_stand_beside_todays() {
        let plan = sample::repository_file("plans/rpa.kdl");
        let today = report(&plan, &PriceTable::built_in());
        let document = report(&plan, &sample::document_prices());
        insta::assert_snapshot!(document.render(Some(&today), 120, Style::PLAIN));
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters() {
        let report = report(&sample::repository_file("plans/rpa.kdl"), &PriceTable::built_in());
        insta::assert_snapshot!(report.render(None, 70, Style::PLAIN));
    }

    #[test]
    fn the_report_is_one_json_object() {
        let report = report(&sample::repository_file("plans/rpa.kdl"), &PriceTable::built_in());
        insta::assert_json_snapshot!(report.to_json());
    }

    #[test]
    fn tiers_at_one_provider_share_its_least_bill() {
        let store = "store s3 { bucket b; endpoint \"https://s3.wasabisys.com\" }; take data; schedule \"0 2 * * *\"; keep daily=7";
        let plan = format!(
            "plan p {{ source data {{ base \"/srv\"; expect size=\"1GB\" }}\n tier a {{ {store} }}\n tier b {{ {store} }} }}"
        );
        let report = report(&plan, &PriceTable::built_in());
        assert_eq!(report.total().to_string(), "$7.99");
        assert!(!report.is_incomplete());
    }
}
