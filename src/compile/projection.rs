use super::Section;
use crate::cost::{Basis, CostReport, Estimator, Holding, MeasuredSizes, PriceTable, TierCost};
use crate::diagnostics::Diagnostic;
use crate::plan::Plan;
use crate::retention::reference_moment;

/// The titles of the parts of a lock that follow from more than the plan.
pub(super) const PROJECTION: &str = "projection";
pub(super) const COST: &str = "cost a month";
pub(super) const DIAGNOSTICS: &str = "diagnostics";

/// What a plan comes to once schedules and retention have run for long enough,
/// what that costs at the built-in prices, and what the checker says of it:
/// the parts that [`super::lock_text`] is given. `said` holds what is said by
/// default, whatever was asked for on a command line.
///
/// Seen from a fixed moment, so that a lock does not change overnight.
pub fn projection(plan: &Plan, said: &[Diagnostic]) -> Vec<Section> {
    let (prices, measured) = (PriceTable::built_in(), MeasuredSizes::new());
    let estimator = Estimator { plan, prices: &prices, measured: &measured };
    let report = estimator.report(reference_moment(plan.timezone.value));
    let held = report
        .tiers
        .iter()
        .flat_map(|tier| tier.holdings.iter().map(|held| format!("{}/{}: {}", tier.tier, held.source, told(held))));
    vec![
        Section { title: PROJECTION.to_owned(), lines: held.collect() },
        Section { title: COST.to_owned(), lines: costs(&report) },
        Section { title: DIAGNOSTICS.to_owned(), lines: said.iter().map(line).collect() },
    ]
}

fn told(holding: &Holding) -> String {
    let counted = |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let snapshots = counted(holding.steady.count() as u64, "snapshot");
    let for_days = match holding.steady.is_growing {
        true => "after a year and growing".to_owned(),
        false => format!("kept for {}", counted(holding.steady.kept_days().into(), "day")),
    };
    let size = match holding.basis {
        Basis::Unknown => "of unknown size".to_owned(),
        Basis::Expected | Basis::Measured => {
            format!("{} in {}", holding.stored(), counted(holding.objects(), "archive"))
        }
    };
    format!("{snapshots} {for_days}, {size}; {} a year", counted(holding.runs_per_year, "run"))
}

/// The first line says which prices; a table of another date gives other figures for the same plan.
fn costs(report: &CostReport) -> Vec<String> {
    let amount = |tier: &TierCost| tier.total().map_or("unknown".to_owned(), |total| total.to_string());
    let tiers = report.tiers.iter().map(|tier| format!("{}: {}", tier.tier, amount(tier)));
    let head = format!("prices: {} of {}", report.prices, report.as_of);
    std::iter::once(head).chain(tiers).chain([format!("total: {}", report.total())]).collect()
}

/// Without the place: a comment above it changes nothing.
fn line(diagnostic: &Diagnostic) -> String {
    format!("{} {}: {}", diagnostic.severity, diagnostic.code(), diagnostic.message)
}
