//! What a plan costs, and how long a store takes to give back what it holds.
//!
//! Knows no store and looks nothing up: prices are a dated table handed in,
//! sizes stand in the plan or were measured. Main type: [`Estimator`].
//! Invariant: the same plan, sizes and table give the same figures on any day;
//! only whether prices are called old depends on now.

mod bill;
mod class;
mod estimate;
mod holding;
mod note;
mod price;
mod price_file;
mod prices;
mod provider;
mod report;
mod restore;
#[cfg(test)]
mod sample;

pub use class::{StorageClass, Thaw, ThawSpeed};
pub use estimate::{Estimator, Item, TierCost};
#[cfg(test)]
pub(crate) use holding::RECKONED;
pub use holding::{ASSUMED_CHANGE_PERCENT, Basis, Holding, MeasuredSize, MeasuredSizes, ObjectGroup};
pub use note::Note;
pub use price::{Bands, Price};
pub use prices::{ClassPrices, OLD_DAYS, PriceTable, PricesError, ProviderPrices, ThawPrices};
pub use provider::{Place, Provider};
pub use report::CostReport;
pub use restore::{ASSUMED_DISK, ASSUMED_LINE, RestoreCost, RestoreEstimate, THAWED_DAYS};
