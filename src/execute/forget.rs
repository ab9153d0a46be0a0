//! The step from what is stored to what the retention rules decide.

use crate::base::Timestamp;
use crate::repository::SnapshotInfo;
use crate::retention::{Candidate, Decision, Rules, select};
use chrono_tz::Tz;

/// Decides about the snapshots of one source in one tier, in their order.
/// `verified`: the start of the last good verification; what was there by then counts as verified.
pub fn decide(
    snapshots: Vec<SnapshotInfo>,
    rules: &Rules,
    zone: Tz,
    now: Timestamp,
    verified: Option<Timestamp>,
) -> Vec<(SnapshotInfo, Decision)> {
    let candidates: Vec<Candidate> = snapshots.iter().map(|info| candidate(info, verified)).collect();
    let decisions = select(&candidates, rules, zone, now);
    snapshots.into_iter().zip(decisions).collect()
}

/// A stored snapshot as the retention rules see it; `verified` as for [`decide`].
pub fn candidate(info: &SnapshotInfo, verified: Option<Timestamp>) -> Candidate {
    Candidate {
        id: info.run.clone(),
        time: info.moment(),
        is_complete: info.is_complete(),
        is_verified: verified.is_some_and(|time| info.run.started <= time),
    }
}
