//! What a plan costs: the dated price table, the estimate. Pure.
