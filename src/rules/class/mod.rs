//! Storage classes: what the class demands against what the plan does, with
//! both figures wherever money or time is the reason.

mod duration;
mod fitness;
mod price;

use super::Check;
use crate::diagnostics::Rule;

pub(super) static RULES: [&Rule; 15] = [
    &fitness::NOT_OFFERED,
    &fitness::VERIFY_UNREADABLE,
    &fitness::INCREMENTAL_IN_ARCHIVE,
    &fitness::DRILL_TOO_SHORT,
    &fitness::ONE_ZONE_ONLY,
    &fitness::REDUCED_REDUNDANCY,
    &fitness::SPECIAL_CLASS,
    &duration::MINIMUM_DURATION,
    &duration::MINIMUM_SIZE,
    &duration::OVERHEAD,
    &price::DEARER_THAN_DEFAULT,
    &price::CHEAPER_CLASS,
    &price::VERIFY_PRICE,
    &price::MINIMUM_CHARGE,
    &price::RESTORE_PRICE,
];

pub(super) static CHECKS: [Check; 12] = [
    fitness::classes_that_the_provider_lacks,
    fitness::levels_that_the_class_cannot_serve,
    fitness::chains_that_must_be_thawed,
    fitness::drills_shorter_than_the_thaw,
    fitness::only_copies_in_one_zone,
    fitness::classes_that_nobody_should_use,
    duration::objects_deleted_before_their_time,
    duration::objects_below_the_minimum,
    duration::objects_of_overhead,
    price::classes_that_cost_more_than_they_save,
    price::verification_and_minimum_charges,
    price::restores_that_cost_years,
];
