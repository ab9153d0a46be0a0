use super::{Bucket, Decision, Forget, Period, Reason, Rules};
use crate::base::{RunId, Timestamp};
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::cmp::Reverse;
use std::collections::HashMap;

/// What the selection must know of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: RunId,
    pub time: Timestamp,
    /// Everything that the source named could be read.
    pub is_complete: bool,
    /// It was verified since it was written, and found good.
    pub is_verified: bool,
}

/// Decides about the snapshots of one source in one tier: one decision each,
/// in their order. They may come in any order.
///
/// A partial snapshot never takes the place of a complete one: the rules are
/// applied to the complete ones alone, and then to all of them together, which
/// adds the partial ones that stand alone in their hour, day, ….
///
/// Whatever the rules say, the newest snapshot stays, the newest complete one,
/// and the newest verified one (a complete one if there is any). One dated
/// after `now` stays and counts for nothing, until its time comes.
pub fn select(candidates: &[Candidate], rules: &Rules, zone: Tz, now: Timestamp) -> Vec<Decision> {
    if rules.is_empty() {
        return vec![Decision::Keep(vec![Reason::NoRules]); candidates.len()];
    }
    let mut newest_first: Vec<usize> = (0..candidates.len()).filter(|at| candidates[*at].time <= now).collect();
    newest_first.sort_by_key(|at| Reverse((candidates[*at].time, &candidates[*at].id)));
    let complete: Vec<usize> = newest_first.iter().copied().filter(|at| candidates[*at].is_complete).collect();

    let mut reasons: Vec<Vec<Reason>> = vec![Vec::new(); candidates.len()];
    let mut give = |at: usize, reason: Reason| {
        if reasons[at].iter().all(|known| !is_same_rule(known, &reason)) {
            reasons[at].push(reason);
        }
    };
    if let Some(of) = rules.last {
        for set in [&complete, &newest_first] {
            (1..=of).zip(set).for_each(|(place, at)| give(*at, Reason::Last { place, of }));
        }
    }
    let mut kept_buckets = Vec::new();
    for (period, of) in rules.bucketed() {
        for set in [&complete, &newest_first] {
            let kept = Buckets::of(candidates, set, period, zone, of);
            for (place, (bucket, at)) in (1..).zip(&kept.in_order) {
                give(*at, Reason::Bucket { bucket: *bucket, place, of });
            }
            kept_buckets.push(kept);
        }
    }
    if let (Some(within), Some(newest)) = (rules.within, newest_first.first()) {
        let length = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
        let newest = candidates[*newest].time;
        newest_first
            .iter()
            .filter(|at| newest - candidates[**at].time <= length)
            .for_each(|at| give(*at, Reason::Within(within)));
    }
    if let Some(at) = newest_first.first() {
        give(*at, Reason::Newest);
    }
    if let Some(at) = complete.first() {
        give(*at, Reason::NewestComplete);
    }
    if let Some(at) = complete.iter().chain(&newest_first).find(|at| candidates[**at].is_verified) {
        give(*at, Reason::NewestVerified);
    }
    (0..candidates.len()).filter(|at| candidates[*at].time > now).for_each(|at| give(at, Reason::Future));

    let decide = |(at, reasons): (usize, Vec<Reason>)| {
        if !reasons.is_empty() {
            return Decision::Keep(reasons);
        }
        let represented = kept_buckets.iter().find_map(|buckets| {
            let (bucket, by) = buckets.standing_for(candidates[at].time, zone)?;
            Some(Forget::Represented { bucket, by, is_newer: candidates[by].time >= candidates[at].time })
        });
        Decision::Forget(represented.unwrap_or_else(|| Forget::Beyond(rules.clone())))
    };
    reasons.into_iter().enumerate().map(decide).collect()
}

/// Whether both come from one rule, so that the first of them is enough.
fn is_same_rule(a: &Reason, b: &Reason) -> bool {
    match (a, b) {
        (Reason::Bucket { bucket: a, .. }, Reason::Bucket { bucket: b, .. }) => a.period == b.period,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// The newest buckets of one length that hold a snapshot, and which stands for each.
struct Buckets {
    period: Period,
    /// Newest first.
    in_order: Vec<(Bucket, usize)>,
    places: HashMap<Bucket, usize>,
}

impl Buckets {
    /// `newest_first`: indices into the candidates, sorted. In each bucket the
    /// newest complete snapshot is chosen, or the newest where none is complete.
    fn of(candidates: &[Candidate], newest_first: &[usize], period: Period, zone: Tz, count: u32) -> Self {
        let mut buckets = Self { period, in_order: Vec::new(), places: HashMap::new() };
        for at in newest_first {
            let bucket = period.bucket(candidates[*at].time, zone);
            match buckets.places.get(&bucket) {
                Some(place) => {
                    let chosen = &mut buckets.in_order[*place].1;
                    if !candidates[*chosen].is_complete && candidates[*at].is_complete {
                        *chosen = *at;
                    }
                }
                None if buckets.in_order.len() < count as usize => {
                    buckets.places.insert(bucket, buckets.in_order.len());
                    buckets.in_order.push((bucket, *at));
                }
                None => {}
            }
        }
        buckets
    }

    /// The kept bucket of a moment and the snapshot that stands for it.
    fn standing_for(&self, time: Timestamp, zone: Tz) -> Option<(Bucket, usize)> {
        self.places.get(&self.period.bucket(time, zone)).map(|place| self.in_order[*place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::compact_time;
    use proptest::prelude::*;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(time: &str) -> Timestamp {
        format!("2026-{time}:00Z").parse().expect("it is a time")
    }

    fn good(time: Timestamp) -> Candidate {
        Candidate { id: RunId { started: time, random: 0 }, time, is_complete: true, is_verified: true }
    }

    fn partial(time: Timestamp) -> Candidate {
        Candidate { is_complete: false, is_verified: false, ..good(time) }
    }

    fn unverified(time: Timestamp) -> Candidate {
        Candidate { is_verified: false, ..good(time) }
    }

    /// One line a snapshot: its time, what it is, what becomes of it.
    fn told(candidates: &[Candidate], rules: &Rules, now: &str) -> String {
        let line = |(candidate, decision): (&Candidate, Decision)| {
            let state = match (candidate.is_complete, candidate.is_verified) {
                (true, true) => "",
                (true, false) => "unverified",
                (false, _) => "partial",
            };
            let verdict = if decision.is_keep() { "keep  " } else { "forget" };
            format!("{} {state:<11}{verdict} {decision}", compact_time(candidate.time))
        };
        let decisions = select(candidates, rules, Tz::UTC, at(now));
        candidates.iter().zip(decisions).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_snapshot_gets_its_reason() {
        let times = [
            "11-24T10:00",
            "11-24T06:00",
            "11-23T22:00",
            "11-23T02:00",
            "11-20T02:00",
            "11-15T02:00",
            "10-31T02:00",
            "10-04T02:00",
            "09-30T02:00",
        ];
        let rules = Rules {
            last: Some(2),
            daily: Some(3),
            weekly: Some(2),
            monthly: Some(2),
            within: Some(24 * HOUR),
            ..Rules::default()
        };
        insta::assert_snapshot!(told(&times.map(|time| good(at(time))), &rules, "11-24T10:30"), @r"
        20261124T100000Z            keep   last 1 of 2, daily 1 of 3 (2026-11-24), weekly 1 of 2 (2026-W48), monthly 1 of 2 (2026-11), within 1d
        20261124T060000Z            keep   last 2 of 2, within 1d
        20261123T220000Z            keep   daily 2 of 3 (2026-11-23), within 1d
        20261123T020000Z            forget 2026-11-23 keeps a newer one
        20261120T020000Z            keep   daily 3 of 3 (2026-11-20), weekly 2 of 2 (2026-W47)
        20261115T020000Z            forget 2026-11 keeps a newer one
        20261031T020000Z            keep   monthly 2 of 2 (2026-10)
        20261004T020000Z            forget 2026-10 keeps a newer one
        20260930T020000Z            forget beyond last=2 daily=3 weekly=2 monthly=2 within=1d
        ");
    }

    #[test]
    fn the_newest_of_each_day_stays_and_days_without_one_do_not_count() {
        let times = ["11-24T22:00", "11-24T02:00", "11-10T22:00", "11-10T02:00", "08-01T22:00", "07-31T22:00"];
        let rules = Rules { daily: Some(3), ..Rules::default() };
        insta::assert_snapshot!(told(&times.map(|time| good(at(time))), &rules, "11-24T23:00"), @r"
        20261124T220000Z            keep   daily 1 of 3 (2026-11-24)
        20261124T020000Z            forget 2026-11-24 keeps a newer one
        20261110T220000Z            keep   daily 2 of 3 (2026-11-10)
        20261110T020000Z            forget 2026-11-10 keeps a newer one
        20260801T220000Z            keep   daily 3 of 3 (2026-08-01)
        20260731T220000Z            forget beyond daily=3
        ");
    }

    #[test]
    fn a_partial_snapshot_never_displaces_a_complete_one() {
        let rules = Rules { daily: Some(2), ..Rules::default() };
        let candidates = [
            partial(at("11-24T22:00")),
            good(at("11-24T02:00")),
            partial(at("11-23T02:00")),
            partial(at("11-22T02:00")),
            good(at("11-21T02:00")),
            good(at("11-20T02:00")),
        ];
        insta::assert_snapshot!(told(&candidates, &rules, "11-24T23:00"), @r"
        20261124T220000Z partial    keep   newest snapshot
        20261124T020000Z            keep   daily 1 of 2 (2026-11-24)
        20261123T020000Z partial    keep   daily 2 of 2 (2026-11-23)
        20261122T020000Z partial    forget beyond daily=2
        20261121T020000Z            keep   daily 2 of 2 (2026-11-21)
        20261120T020000Z            forget beyond daily=2
        ");
    }

    #[test]
    fn where_all_are_partial_the_rules_still_bound_them() {
        let rules = Rules { last: Some(1), daily: Some(2), ..Rules::default() };
        let candidates = ["11-24T22:00", "11-24T02:00", "11-23T02:00", "11-22T02:00"].map(|time| partial(at(time)));
        insta::assert_snapshot!(told(&candidates, &rules, "11-24T23:00"), @r"
        20261124T220000Z partial    keep   last 1 of 1, daily 1 of 2 (2026-11-24)
        20261124T020000Z partial    forget 2026-11-24 keeps a newer one
        20261123T020000Z partial    keep   daily 2 of 2 (2026-11-23)
        20261122T020000Z partial    forget beyond last=1 daily=2
        ");
    }

    #[test]
    fn the_newest_verified_one_stays_whatever_the_rules_say() {
        let rules = Rules { last: Some(1), ..Rules::default() };
        let candidates = [
            partial(at("11-24T02:00")),
            unverified(at("11-23T02:00")),
            unverified(at("11-22T02:00")),
            good(at("11-21T02:00")),
            good(at("11-20T02:00")),
        ];
        insta::assert_snapshot!(told(&candidates, &rules, "11-24T23:00"), @r"
        20261124T020000Z partial    keep   last 1 of 1
        20261123T020000Z unverified keep   last 1 of 1
        20261122T020000Z unverified forget beyond last=1
        20261121T020000Z            keep   newest verified snapshot
        20261120T020000Z            forget beyond last=1
        ");
        let none = Rules { daily: Some(0), ..Rules::default() };
        insta::assert_snapshot!(told(&candidates[1..], &none, "11-24T23:00"), @r"
        20261123T020000Z unverified keep   newest snapshot, newest complete snapshot
        20261122T020000Z unverified forget beyond daily=0
        20261121T020000Z            keep   newest verified snapshot
        20261120T020000Z            forget beyond daily=0
        ");
    }

    #[test]
    fn when_backups_stop_nothing_more_disappears() {
        let rules = Rules { within: Some(72 * HOUR), ..Rules::default() };
        let candidates = ["11-04T02:00", "11-03T02:00", "11-01T02:00", "10-31T02:00"].map(|time| good(at(time)));
        let soon = told(&candidates, &rules, "11-04T02:30");
        assert_eq!(soon, told(&candidates, &rules, "12-24T02:30"));
        insta::assert_snapshot!(soon, @r"
        20261104T020000Z            keep   within 3d
        20261103T020000Z            keep   within 3d
        20261101T020000Z            keep   within 3d
        20261031T020000Z            forget beyond within=3d
        ");
    }

    #[test]
    fn a_snapshot_from_the_future_stays_and_counts_for_nothing() {
        let rules = Rules { last: Some(1), ..Rules::default() };
        let candidates = [good(at("12-24T02:00")), good(at("11-04T02:00")), good(at("11-03T02:00"))];
        insta::assert_snapshot!(told(&candidates, &rules, "11-24T10:00"), @r"
        20261224T020000Z            keep   dated in the future
        20261104T020000Z            keep   last 1 of 1
        20261103T020000Z            forget beyond last=1
        ");
    }

    #[test]
    fn without_rules_everything_stays() {
        let candidates = [good(at("11-04T02:00")), partial(at("11-03T02:00"))];
        insta::assert_snapshot!(told(&candidates, &Rules::default(), "11-24T10:00"), @r"
        20261104T020000Z            keep   no `keep` rule
        20261103T020000Z partial    keep   no `keep` rule
        ");
        assert_eq!(select(&[], &Rules { last: Some(3), ..Rules::default() }, Tz::UTC, at("11-24T10:00")), []);
    }

    fn rules() -> impl Strategy<Value = Rules> {
        let count = || proptest::option::of(0u32..6);
        let within = proptest::option::of((0u64..400).prop_map(|hours| HOUR * hours as u32));
        (count(), count(), count(), count(), count(), count(), within).prop_map(
            |(last, hourly, daily, weekly, monthly, yearly, within)| Rules {
                last,
                hourly,
                daily,
                weekly,
                monthly,
                yearly,
                within,
            },
        )
    }

    const NOW: i64 = 1_795_516_200;

    fn history() -> impl Strategy<Value = Vec<Candidate>> {
        let age = prop_oneof![0i64..200_000, 0i64..5_000_000, -100_000i64..100_000_000];
        let one =
            (age, any::<bool>(), any::<bool>(), any::<u32>()).prop_map(|(age, is_complete, is_verified, random)| {
                let time = Timestamp::from_timestamp(NOW - age, 0).expect("it is in range");
                Candidate { id: RunId { started: time, random }, time, is_complete, is_verified }
            });
        proptest::collection::vec(one, 0..60)
    }

    fn zones() -> impl Strategy<Value = Tz> {
        proptest::sample::select(vec![Tz::UTC, Tz::America__Sao_Paulo, Tz::Europe__Berlin, Tz::America__St_Johns])
    }

    fn now() -> Timestamp {
        Timestamp::from_timestamp(NOW, 0).expect("it is in range")
    }

    fn survivors(candidates: &[Candidate], rules: &Rules, zone: Tz) -> Vec<Candidate> {
        let decisions = select(candidates, rules, zone, now());
        candidates.iter().zip(decisions).filter(|(_, decision)| decision.is_keep()).map(|(c, _)| c.clone()).collect()
    }

    fn is_subset(small: &[Candidate], large: &[Candidate]) -> bool {
        small.iter().all(|candidate| large.contains(candidate))
    }

    proptest! {
        #[test]
        fn the_last_good_one_is_never_forgotten(history in history(), rules in rules(), zone in zones()) {
            let kept = survivors(&history, &rules, zone);
            let newest = |is_wanted: &dyn Fn(&Candidate) -> bool| {
                history.iter().filter(|c| c.time <= now() && is_wanted(c)).map(|c| c.time).max()
            };
            for time in [newest(&|_| true), newest(&|c| c.is_complete), newest(&|c| c.is_complete && c.is_verified)] {
                prop_assert!(time.is_none_or(|time| kept.iter().any(|c| c.time == time)));
            }
            if let Some(time) = newest(&|c| c.is_verified) {
                prop_assert!(kept.iter().any(|c| c.is_verified && (c.is_complete || c.time == time)));
            }
        }

        #[test]
        fn selecting_again_forgets_nothing(history in history(), rules in rules(), zone in zones()) {
            let kept = survivors(&history, &rules, zone);
            prop_assert_eq!(survivors(&kept, &rules, zone), kept);
        }

        #[test]
        fn more_rules_and_larger_numbers_never_forget_more(history in history(), some in rules(), other in rules(), zone in zones()) {
            prop_assume!(!some.is_empty());
            let more = |a: Option<u32>, b: Option<u32>| a.max(b);
            let both = Rules {
                last: more(some.last, other.last),
                hourly: more(some.hourly, other.hourly),
                daily: more(some.daily, other.daily),
                weekly: more(some.weekly, other.weekly),
                monthly: more(some.monthly, other.monthly),
                yearly: more(some.yearly, other.yearly),
                within: some.within.max(other.within),
            };
            prop_assert!(is_subset(&survivors(&history, &some, zone), &survivors(&history, &both, zone)));
        }

        #[test]
        fn partial_snapshots_never_make_a_complete_one_go(history in history(), rules in rules(), zone in zones()) {
            prop_assume!(rules.within.is_none());
            let complete: Vec<Candidate> = history.iter().filter(|c| c.is_complete).cloned().collect();
            prop_assert!(is_subset(&survivors(&complete, &rules, zone), &survivors(&history, &rules, zone)));
        }

        #[test]
        fn a_newer_snapshot_never_brings_one_back(history in history(), rules in rules(), zone in zones()) {
            let past: Vec<Candidate> = history.into_iter().filter(|c| c.time < now()).collect();
            let mut later = past.clone();
            later.push(good(now()));
            let before = survivors(&past, &rules, zone);
            let after: Vec<Candidate> = survivors(&later, &rules, zone).into_iter().filter(|c| c.time < now()).collect();
            prop_assert!(is_subset(&after, &before));
        }

        #[test]
        fn the_order_of_the_candidates_does_not_matter(history in history(), rules in rules(), zone in zones()) {
            let mut reversed = history.clone();
            reversed.reverse();
            let mut kept = survivors(&reversed, &rules, zone);
            kept.reverse();
            prop_assert_eq!(survivors(&history, &rules, zone), kept);
        }
    }
}
