//! Objectives: for each loss, which tiers survive it, how much work is gone and
//! how long a restore takes, from the schedules of a year.
//!
//! [`Objectives`] is that reckoning; `plan check --explain objectives` prints
//! it as a table, and the rules here hold it against the plan's `objective`.

mod loss;
mod promise;
mod survival;
mod table;

pub use loss::Loss;
pub use survival::{Copy, Exposure};

use super::figures::Figures;
use super::job::Jobs;
use super::{Check, Subject};
use crate::cost::PriceTable;
use crate::diagnostics::Rule;
use crate::plan::Plan;
use std::time::Duration;

pub(super) static RULES: [&Rule; 5] =
    [&promise::RPO, &promise::RTO, &survival::DISK, &survival::SITE, &survival::CREDENTIALS];

pub(super) static CHECKS: [Check; 3] =
    [promise::work_that_can_be_lost, promise::time_that_a_restore_takes, survival::sources_that_a_loss_takes];

/// What every loss would cost, source by source.
#[derive(Clone, Debug)]
pub struct Objectives {
    /// `rpo=` of the plan.
    pub rpo: Option<Duration>,
    /// `rto=` of the plan.
    pub rto: Option<Duration>,
    /// One for each source that a tier takes and each loss, in this order.
    pub exposures: Vec<Exposure>,
}

impl Objectives {
    /// `prices`: in place of the built-in ones; they decide nothing here but
    /// come with the classes' thawing times.
    pub fn of(plan: &Plan, prices: Option<&PriceTable>) -> Self {
        Self::reckon(plan, &Jobs::of(plan), &Figures::new(plan, prices))
    }

    fn reckon(plan: &Plan, jobs: &Jobs<'_>, figures: &Figures<'_>) -> Self {
        let taken = plan.sources.iter().filter(|source| jobs.takes(&source.name.value));
        let copies = survival::copies(plan, jobs, figures);
        let exposures =
            taken.flat_map(|source| Loss::ALL.map(|loss| survival::exposure(source, loss, jobs, &copies))).collect();
        Self {
            rpo: plan.objective.rpo.as_ref().map(|rpo| rpo.value),
            rto: plan.objective.rto.as_ref().map(|rto| rto.value),
            exposures,
        }
    }
}

impl Subject<'_> {
    /// Reckoned when a rule first asks.
    fn objectives(&self) -> &Objectives {
        self.objectives.get_or_init(|| Objectives::reckon(self.plan, &self.jobs, &self.figures))
    }
}

#[cfg(test)]
mod tests;
