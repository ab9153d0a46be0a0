use similar::TextDiff;
use std::collections::BTreeMap;

/// What changed from one lock to another, in words, one change a line:
/// `tier cloud: keep daily=30 becomes daily=7`.
///
/// Empty if nothing did. Steps and their order follow from the rest, so of them only the
/// numbers are told. Either text may be anything: what is no lock is compared line by line.
pub fn lock_changes(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (sections(old), sections(new));
    let mut changes = Vec::new();
    for (title, _) in &old {
        if !new.iter().any(|(other, _)| other == title) {
            changes.push(format!("{title} is gone"));
        }
    }
    for (title, lines) in &new {
        match old.iter().find(|(other, _)| other == title) {
            None => changes.push(format!("{title} is new")),
            Some((_, before)) if before == lines => {}
            Some((_, before)) if ["steps", "order"].contains(title) => {
                changes.push(counts(title, before, lines));
            }
            Some((_, before)) => changes.extend(section_changes(title, before, lines)),
        }
    }
    changes
}

/// Both texts as a unified diff with `context` lines around each change; empty if they are equal.
pub fn lock_diff(old: &str, new: &str, context: usize) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(context).header("lock", "plan").to_string()
}

type Section<'a> = (&'a str, Vec<&'a str>);

/// Lines that stand at the margin are titles, the indented ones below them their lines.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match sections.last_mut() {
            Some((_, lines)) if line.starts_with(' ') => lines.push(line.trim()),
            _ => sections.push((line, Vec::new())),
        }
    }
    sections
}

fn counts(title: &str, before: &[&str], after: &[&str]) -> String {
    let only = |these: &[&str], those: &[&str]| these.iter().filter(|line| !those.contains(line)).count();
    match (only(after, before), only(before, after)) {
        (0, 0) => format!("{title}: the same in another order"),
        (more, fewer) => format!("{title}: {more} new, {fewer} gone"),
    }
}

/// A setting that stands once before and after has changed its value; of what
/// can stand several times (paths, patterns, recipients) some are new and some gone.
fn section_changes(title: &str, before: &[&str], after: &[&str]) -> Vec<String> {
    let (old, new) = (by_name(before), by_name(after));
    let mut changes = Vec::new();
    for (name, values) in &old {
        for value in values.iter().filter(|value| !new.get(name).is_some_and(|new| new.contains(value))) {
            if let ([_], Some([now])) = (values.as_slice(), new.get(name).map(Vec::as_slice)) {
                changes.push(format!("{title}: {name} {value} becomes {now}"));
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
    use crate::compile::{Selection, compile, lock_text, sample};

    fn lock(text: &str) -> String {
        let plan = sample::plan(text);
        let compiled = compile(&plan, &Selection::everything(&plan)).expect("the plan compiles");
        lock_text(&plan, &compiled, &[])
    }

    const PLAN: &str = r#"plan p {
        source data { include "/srv/a" "/srv/b"; exclude "*.tmp" }
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
    fn what_is_no_lock_is_compared_all_the_same() {
        assert_eq!(lock_changes("a\nb\n  c", "b\n  d"), ["a is gone", "b: c is gone", "b: d is new"]);
    }
}
