//! What follows from a change of the plan for the snapshots that are there.

use super::difference::Lock;
use crate::base::{RunId, parse_duration};
use crate::retention::{Candidate, Rules, SteadyState, select};
use crate::schedule::Timetable;
use std::time::Duration;

/// `keep daily 30 → 7, weekly 4 is gone`, and how many snapshots that costs.
/// `None` where a text is no rule of retention.
pub(super) fn of_keep(lock: &Lock<'_>, tier: &str, before: &str, after: &str) -> Option<(String, Option<String>)> {
    let (old, new) = (words(before), words(after));
    let value = |words: &[(&str, &str)], name: &str| {
        words.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let names = old.iter().chain(new.iter().filter(|(name, _)| value(&old, name).is_none())).map(|(name, _)| *name);
    let changes: Vec<String> = names
        .filter_map(|name| match (value(&old, name), value(&new, name)) {
            (Some(was), Some(is)) => (was != is).then(|| format!("{name} {was} → {is}")),
            (Some(was), None) => Some(format!("{name} {was} is gone")),
            (None, is) => is.map(|is| format!("{name} {is} is new")),
        })
        .collect();
    let (old, new) = (rules(before)?, rules(after)?);
    let change = match (old.is_empty(), new.is_empty()) {
        (true, false) => format!("keep everything → {after}"),
        (false, true) => format!("keep {before} → everything"),
        _ => format!("keep {}", changes.join(", ")),
    };
    Some((change, expiring(lock, tier, &old, &new)))
}

/// The snapshots that the old rules hold and the new ones let go, of all sources of a tier.
fn expiring(lock: &Lock<'_>, tier: &str, old: &Rules, new: &Rules) -> Option<String> {
    let zone = lock.setting("plan", "timezone")?.parse().ok()?;
    let mut going: Vec<(&str, usize)> = Vec::new();
    for line in lock.lines("jobs") {
        let job = line.strip_prefix(tier).and_then(|rest| rest.strip_prefix('/'));
        let Some((source, schedule)) = job.and_then(|job| job.split_once(": ")) else { continue };
        let expression = schedule.split(" jitter=").next().unwrap_or(schedule);
        let Ok(timetable) = Timetable::parse(expression, zone, Duration::ZERO) else { continue };
        let Some(steady) = SteadyState::of(&timetable, old) else { continue };
        let candidate = |time: &crate::base::Timestamp| Candidate {
            id: RunId { started: *time, random: 0 },
            time: *time,
            is_complete: true,
            is_verified: true,
        };
        let candidates: Vec<Candidate> = steady.kept.iter().map(candidate).collect();
        let decisions = select(&candidates, new, zone, steady.kept[0]);
        going.push((source, decisions.iter().filter(|decision| !decision.is_keep()).count()));
    }
    going.retain(|(_, count)| *count > 0);
    let total: usize = going.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return None;
    }
    let of = if old.is_empty() { " of a year" } else { "" };
    let each = match going.as_slice() {
        [_] => String::new(),
        several => {
            let each: Vec<String> = several.iter().map(|(source, count)| format!("{source} {count}")).collect();
            format!(" ({})", each.join(", "))
        }
    };
    let (noun, verb) = if total == 1 { ("snapshot", "expires") } else { ("snapshots", "expire") };
    Some(format!("{total} {noun}{of} {verb} at the next prune{each}"))
}

/// `daily=30 within=3d` as pairs.
fn words(text: &str) -> Vec<(&str, &str)> {
    text.split(' ').filter_map(|word| word.split_once('=')).collect()
}

/// More snapshots than this are not counted through. Chosen.
const MAX_COUNT: u32 = 100_000;

/// The rules that a line of a lock says; `None` where it says none.
fn rules(text: &str) -> Option<Rules> {
    let mut rules = Rules::default();
    if text == "everything" {
        return Some(rules);
    }
    for word in text.split(' ') {
        let (name, value) = word.split_once('=')?;
        let count = match name {
            "last" => &mut rules.last,
            "hourly" => &mut rules.hourly,
            "daily" => &mut rules.daily,
            "weekly" => &mut rules.weekly,
            "monthly" => &mut rules.monthly,
            "yearly" => &mut rules.yearly,
            "within" => {
                rules.within = Some(parse_duration(value).ok()?);
                continue;
            }
            _ => return None,
        };
        *count = Some(value.parse().ok().filter(|count| *count <= MAX_COUNT)?);
    }
    Some(rules)
}
