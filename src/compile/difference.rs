use super::consequence;
use super::projection::{COST, DIAGNOSTICS, PROJECTION};
use similar::TextDiff;
use std::collections::BTreeMap;

/// What changed from one lock to another, in words, one change a line:
/// `tier cloud: keep daily 30 → 7: 23 snapshots expire at the next prune`.
///
/// Empty if nothing did. Steps and their order follow from the rest, so of them only the
/// numbers are told; and figures in money count only if both locks have them
/// from the same prices. Either text may be anything: what is no lock is compared line by line.
pub fn lock_changes(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (Lock::read(old), Lock::read(new));
    if let (Some(was), Some(is)) = (old.format, new.format)
        && was != is
    {
        return vec![format!("the lock has format {was}, and this program writes format {is}")];
    }
    let other_prices = old.setting(COST, "prices:") != new.setting(COST, "prices:");
    let is_compared = |title: &str| !other_prices || (title != COST && title != DIAGNOSTICS);
    let mut changes = Vec::new();
    for (title, _) in old.sections.iter().filter(|(title, _)| is_compared(title)) {
        if !new.has(title) {
            let stays = title.starts_with("tier ").then_some(": what it holds stays there, and nothing prunes it");
            changes.push(format!("{title} is gone{}", stays.unwrap_or_default()));
        }
    }
    for (title, lines) in new.sections.iter().filter(|(title, _)| is_compared(title)) {
        match old.sections.iter().find(|(other, _)| other == title) {
            None => changes.push(format!("{title} is new")),
            Some((_, before)) if before == lines => {}
            // The order is the steps' order: where those have changed, it says nothing more.
            Some(_) if *title == "order" && !changes.is_empty() => {}
            Some((_, before)) if ["steps", "order"].contains(title) => {
                changes.push(counts(title, before, lines));
            }
            Some((_, before)) if *title == DIAGNOSTICS => changes.extend(said(before, lines)),
            Some((_, before)) => changes.extend(section_changes(&old, title, before, lines)),
        }
    }
    changes.into_iter().map(|change| crate::base::printable(&change).into_owned()).collect()
}

/// Both texts as a unified diff with `context` lines around each change; empty if they are equal.
pub fn lock_diff(old: &str, new: &str, context: usize) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(context).header("lock", "plan").to_string()
}

type Section<'a> = (&'a str, Vec<&'a str>);

/// A lock as its sections.
pub(super) struct Lock<'a> {
    /// What the first line says; `None` where the text is no lock.
    format: Option<&'a str>,
    sections: Vec<Section<'a>>,
}

impl<'a> Lock<'a> {
    /// Lines that stand at the margin are titles, the indented ones below them their lines.
    fn read(text: &'a str) -> Self {
        let head = text.lines().next().and_then(|line| line.strip_prefix("# plan lock, format "));
        let format = head.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            match sections.last_mut() {
                Some((_, lines)) if line.starts_with(' ') => lines.push(line.trim()),
                _ => sections.push((line, Vec::new())),
            }
        }
        Self { format, sections }
    }

    fn has(&self, title: &str) -> bool {
        self.sections.iter().any(|(other, _)| *other == title)
    }

    /// The lines of a section; none where there is no such.
    pub fn lines(&self, title: &str) -> &[&'a str] {
        self.sections.iter().find(|(other, _)| *other == title).map_or(&[], |(_, lines)| lines)
    }

    /// What stands after the name of a setting, in the section of that title,
    /// or in that of the plan, whose title goes on with its name.
    pub fn setting(&self, title: &str, name: &str) -> Option<&'a str> {
        let (_, lines) =
            self.sections.iter().find(|(other, _)| other.split(' ').next() == Some(title) || *other == title)?;
        lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    }
}

fn counts(title: &str, before: &[&str], after: &[&str]) -> String {
    let only = |these: &[&str], those: &[&str]| these.iter().filter(|line| !those.contains(line)).count();
    match (only(after, before), only(before, after)) {
        (0, 0) => format!("{title}: the same in another order"),
        (more, fewer) => format!("{title}: {more} new, {fewer} gone"),
    }
}

/// What the checker no longer says, and what it says now.
fn said(before: &[&str], after: &[&str]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("no longer said: {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("now said: {line}"));
    gone.chain(new).collect()
}

/// A setting that stands once before and after has changed its value; of what
/// can stand several times (paths, patterns, recipients) some are new and some gone.
fn section_changes(lock: &Lock<'_>, title: &str, before: &[&str], after: &[&str]) -> Vec<String> {
    let (old, new) = (by_name(before), by_name(after));
    let mut changes = Vec::new();
    for (name, values) in &old {
        for value in values.iter().filter(|value| !new.get(name).is_some_and(|new| new.contains(value))) {
            if let ([_], Some([now])) = (values.as_slice(), new.get(name).map(Vec::as_slice)) {
                changes.push(format!("{title}: {}", replaced(lock, title, name, value, now)));
            } else {
                changes.push(format!("{title}: {} is gone", whole(name, value)));
            }
        }
    }
    for (name, values) in &new {
        let known = old.get(name);
        let is_told = known.is_some_and(|known| known.len() == 1) && values.len() == 1;
        for value in values.iter().filter(|value| !is_told && !known.is_some_and(|known| known.contains(value))) {
            changes.push(format!("{title}: {} is new", whole(name, value)));
        }
    }
    if changes.is_empty() {
        changes.push(format!("{title}: the same in another order"));
    }
    changes
}

/// A setting with another value, and what follows from that.
fn replaced(lock: &Lock<'_>, title: &str, name: &str, before: &str, after: &str) -> String {
    let plain = format!("{name} {before} → {after}");
    if title == PROJECTION {
        let (before, after) = differing_clauses(before, after);
        return format!("{name} {before} → {after}");
    }
    let Some(tier) = title.strip_prefix("tier ") else { return plain };
    if name == "keep"
        && let Some((change, consequence)) = consequence::of_keep(lock, tier, before, after)
    {
        return consequence.map_or(change.clone(), |consequence| format!("{change}: {consequence}"));
    }
    match name {
        "store" | "store.root" | "store.bucket" | "store.container" | "store.endpoint" => {
            format!("{plain}: what was saved so far stays there, and the next backup begins anew")
        }
        _ => plain,
    }
}

/// Of `a, b; c` and `a, d; c` only `b` and `d`.
fn differing_clauses(before: &str, after: &str) -> (String, String) {
    let clauses = |text: &str| text.split([',', ';']).map(|clause| clause.trim().to_owned()).collect::<Vec<_>>();
    let (old, new) = (clauses(before), clauses(after));
    if old.len() != new.len() {
        return (before.to_owned(), after.to_owned());
    }
    let (old, new): (Vec<_>, Vec<_>) = old.into_iter().zip(new).filter(|(old, new)| old != new).unzip();
    (old.join(", "), new.join(", "))
}

fn whole(name: &str, value: &str) -> String {
    if value.is_empty() { name.to_owned() } else { format!("{name} {value}") }
}

/// The lines of a section by their first word.
fn by_name<'a>(lines: &[&'a str]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        names.entry(name.trim_end_matches(':')).or_default().push(value);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::sample;

    fn lock(text: &str) -> String {
        crate::compile::lock(&sample::plan(text), &[]).expect("the plan compiles")
    }

    const PLAN: &str = r#"plan p {
        source data { include "/srv/a" "/srv/b"; exclude "*.tmp"; expect size="1GiB" change="10MiB" }
        tier cloud {
            store s3 { bucket b }
            take data schedule="0 2 * * *"
            keep daily=30
            verify checksum
        }
    }"#;

    #[test]
    fn changes_are_told_in_words() {
        let new = PLAN
            .replace("daily=30", "daily=7")
            .replace("\"/srv/b\"", "\"/srv/c\" \"/srv/d\"")
            .replace("0 2", "0 4")
            .replace("verify checksum", "verify checksum\n storage-class GLACIER")
            .replace("tier cloud", "tier disk { store fs { root \"/d\" }; take data }\n tier cloud");
        insta::assert_snapshot!(lock_changes(&lock(PLAN), &lock(&new)).join("\n"));
    }

    #[test]
    fn equal_locks_have_no_changes_and_no_diff() {
        assert_eq!(lock_changes(&lock(PLAN), &lock(PLAN)), [""; 0]);
        assert_eq!(lock_diff(&lock(PLAN), &lock(PLAN), 3), "");
    }

    #[test]
    fn order_matters_where_it_is_all_that_changed() {
        let new = PLAN.replace("\"/srv/a\" \"/srv/b\"", "\"/srv/b\" \"/srv/a\"");
        assert_eq!(lock_changes(&lock(PLAN), &lock(&new)), ["source data: the same in another order"]);
        assert!(lock_diff(&lock(PLAN), &lock(&new), 1).contains("\n+    include /srv/"));
    }

    #[test]
    fn shorter_retention_tells_how_many_snapshots_go() {
        let change = |from: &str, to: &str| {
            let changes = lock_changes(&lock(PLAN), &lock(&PLAN.replace(from, to)));
            changes.into_iter().find(|change| change.contains("keep")).expect("retention has changed")
        };
        insta::assert_snapshot!(
            [
                change("daily=30", "daily=7"),
                change("daily=30", "daily=29"),
                change("daily=30", "daily=60"),
                change("daily=30", "within=\"3d\" weekly=2"),
                change("keep daily=30", ""),
            ]
            .join("\n")
        );
        let everything = PLAN.replace("keep daily=30", "");
        insta::assert_snapshot!(lock_changes(&lock(&everything), &lock(PLAN))[0]);
        let two = PLAN
            .replace("tier cloud", "source db { include \"/db\" }\n tier cloud")
            .replace("take data", "take data db");
        insta::assert_snapshot!(lock_changes(&lock(&two), &lock(&two.replace("daily=30", "daily=7")))[0]);
    }

    #[test]
    fn other_prices_are_no_change_of_the_plan() {
        let old = lock(PLAN);
        let prices = old.replace("prices: built-in prices of 20", "prices: built-in prices of 19");
        let dearer = prices.replace("total: $", "total: $9");
        assert_ne!(dearer, prices);
        assert_eq!(lock_changes(&dearer, &old), [""; 0]);
        assert!(!lock_changes(&old.replace("total: $", "total: $9"), &old).is_empty());
        assert!(!lock_changes(&dearer.replace("daily=30", "daily=7"), &old).is_empty());
    }

    #[test]
    fn a_lock_of_another_format_is_not_compared() {
        let old = lock(PLAN).replace("format 1:", "format 7:");
        assert_eq!(lock_changes(&old, &lock(PLAN)), ["the lock has format 7, and this program writes format 1"]);
    }

    #[test]
    fn a_tier_that_goes_leaves_what_it_holds() {
        let two = PLAN.replace("tier cloud", "tier disk { store fs { root \"/d\" }; take data }\n tier cloud");
        assert_eq!(
            lock_changes(&lock(&two), &lock(PLAN))[0],
            "tier disk is gone: what it holds stays there, and nothing prunes it"
        );
        let moved = PLAN.replace("bucket b", "bucket c");
        insta::assert_snapshot!(lock_changes(&lock(PLAN), &lock(&moved)).join("\n"));
    }

    #[test]
    fn no_damage_of_a_lock_is_fatal() {
        let old = lock(PLAN);
        for (at, _) in old.char_indices() {
            lock_changes(&old[..at], &lock(PLAN));
        }
        let hostile = old.replace("daily=30", "last=4294967295").replace("0 2 * * *", "x \u{1b}[2J");
        let changes = lock_changes(&hostile, &old);
        assert!(changes.iter().any(|change| change.starts_with("tier cloud: keep ")), "{changes:?}");
        assert!(!changes.concat().contains('\u{1b}'), "{changes:?}");
    }

    #[test]
    fn what_is_no_lock_is_compared_all_the_same() {
        assert_eq!(lock_changes("a\nb\n  c", "b\n  d"), ["a is gone", "b: c is gone", "b: d is new"]);
    }
}
