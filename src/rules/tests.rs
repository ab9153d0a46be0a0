//! Every rule is tested by its own page: the plan under "instead of" is
//! reported with its code, the one under "write" is not, and the two differ in
//! nothing else that is said.

use super::{CheckOptions, Checked, FAMILIES, StoreChecks, check_text};
use crate::diagnostics::{Diagnostic, Human, Rule, Severities};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The rules know no stores; what those say themselves is tested there.
pub(super) const NO_STORES: StoreChecks = StoreChecks { rules: &[], diagnose: |_| Vec::new() };

pub(super) fn options() -> CheckOptions {
    CheckOptions { stores: NO_STORES, severities: Severities::default(), prices: None }
}

pub(super) fn checked(text: &str) -> Checked {
    check_text("plan.kdl", text, &mut |_: &Path| Err(io::ErrorKind::NotFound.into()), &options())
}

/// The codes said of a plan, sorted.
pub(super) fn codes(text: &str) -> Vec<&'static str> {
    let mut codes: Vec<_> = checked(text).diagnostics.iter().map(Diagnostic::code).collect();
    codes.sort_unstable();
    codes
}

/// What the pages' examples refer to without saying so: a node, and what it looks like.
const CONTEXT: [(&str, &str, &str); 4] = [
    (
        "tier",
        "local",
        r#"
tier local {
    store fs { root "/var/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
    ),
    (
        "notify",
        "phone",
        r#"
notify phone { ntfy (env)NTFY_URL }"#,
    ),
    (
        "source",
        "data",
        r#"
source data { include "/srv/data" }"#,
    ),
    (
        "key",
        "ops",
        r#"
key ops {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="in the safe"
    identity (command)"pass show plan/ops"
}"#,
    ),
];

/// An example of a page as a whole plan. What it mentions and does not define is
/// added, and so is what the example `beside` it mentions; and a tier and a
/// channel, where it has none.
fn whole(example: &str, beside: &str) -> String {
    let example = example.trim();
    if example.starts_with("plan ") {
        return example.to_owned();
    }
    let mut text = example.to_owned();
    for (node, name, definition) in CONTEXT {
        let in_text = |text: &str, word: &str| {
            text.match_indices(word).any(|(at, _)| {
                let is_end = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_');
                text[..at].chars().next_back().is_none_or(is_end) && text[at + word.len()..].starts_with(is_end)
            })
        };
        let has = |word: &str| in_text(&text, word);
        let none_of_its_kind = matches!(node, "tier" | "notify") && !has(node);
        if (has(name) || in_text(beside, name) || none_of_its_kind) && !has(&format!("{node} {name}")) {
            text.push('\n');
            text.push_str(definition);
        }
    }
    format!("plan example {{\n{text}\n}}\n")
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.rules.iter().copied())
}

fn tally(checked: &Checked) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for diagnostic in &checked.diagnostics {
        *tally.entry(diagnostic.code()).or_insert(0) += 1;
    }
    tally
}

#[test]
fn the_bad_plan_of_every_page_is_reported_and_the_good_one_is_not() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let (bad, good) = (checked(&whole(rule.bad, rule.good)), checked(&whole(rule.good, rule.bad)));
        let (mut said, mut said_of_good) = (tally(&bad), tally(&good));
        if !said.contains_key(rule.code) {
            wrong.push(format!("{}: the bad plan is not reported: {said:?}", rule.code));
        }
        if said_of_good.contains_key(rule.code) {
            wrong.push(format!("{}: the good plan is reported", rule.code));
        }
        said.remove(rule.code);
        // Whether an example uses all of its surroundings is not the point.
        let beside_the_point = [
            "plan::schedule::missing",
            "plan::retention::never_deletes",
            "plan::verify::none",
            "plan::lock::versions_stay",
            "plan::objectives::disk",
            "plan::objectives::site",
            "plan::objectives::credentials",
        ];
        let is_the_point = |code: &str| !beside_the_point.contains(&code) && !code.starts_with("plan::names::unused_");
        said.retain(|code, _| is_the_point(code));
        said_of_good.retain(|code, _| is_the_point(code));
        if said != said_of_good {
            wrong.push(format!("{}: more differs: {said:?} against {said_of_good:?}", rule.code));
        }
        if good.has_errors() {
            wrong.push(format!("{}: the good plan has errors: {said_of_good:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_said_of_the_bad_plan_of_every_page() {
    for rule in rules() {
        let bad = checked(&whole(rule.bad, rule.good));
        let own: Vec<Diagnostic> = bad.diagnostics.into_iter().filter(|d| d.rule == rule).collect();
        let name = rule.code.trim_start_matches("plan::").replace("::", ".");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/bad" }, {
            insta::assert_snapshot!(name, Human::default().render(&own, &bad.files));
        });
    }
}

#[test]
fn every_fix_puts_its_rule_right() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let bad = checked(&whole(rule.bad, rule.good));
        let own: Vec<Diagnostic> =
            bad.diagnostics.iter().filter(|d| d.rule == rule && d.fix.is_some()).cloned().collect();
        if own.is_empty() {
            continue;
        }
        let fixed = crate::diagnostics::apply_fixes(&bad.files, &own);
        let (_, text) = fixed.changed.first_key_value().expect("a fix changes a file");
        if codes(text).contains(&rule.code) {
            wrong.push(format!("{}: still there after its fix:\n{text}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_is_called_after_its_family_and_has_a_page() {
    for rule in super::catalogue(NO_STORES).iter() {
        let parts: Vec<&str> = rule.code.split("::").collect();
        assert!(matches!(parts[..], ["plan", _, _]), "{}", rule.code);
        assert!(!rule.title.ends_with('.') && !rule.why.is_empty(), "{}", rule.code);
    }
    for rule in rules() {
        assert!(!rule.bad.trim().is_empty() && !rule.good.trim().is_empty(), "{} has no example", rule.code);
    }
}

#[test]
fn the_plans_of_the_repository_have_no_errors() {
    for name in ["demo", "home", "rpa", "server"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plans/{name}.kdl"));
        let checked = checked(&std::fs::read_to_string(path).expect("the plan is there"));
        // Without line numbers: a comment more in a plan changes nothing here.
        let said: Vec<String> =
            checked.diagnostics.iter().map(|d| format!("{} {}: {}", d.severity, d.code(), d.message)).collect();
        insta::assert_snapshot!(name, said.join("\n"));
        assert!(!checked.has_errors(), "{name}");
    }
}

#[test]
fn what_a_tier_comes_to_hold_is_reckoned_once_a_check_for_each_of_its_schedules() {
    for name in ["demo", "home", "rpa", "server"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plans/{name}.kdl"));
        let text = std::fs::read_to_string(path).expect("the plan is there");
        crate::cost::RECKONED.set(0);
        let checked = checked(&text);
        let schedules = |tier: &crate::plan::Tier| {
            let of_takes = tier.takes.iter().filter_map(|take| Some(take.schedule.as_ref()?.cron.value.as_str()));
            of_takes.collect::<std::collections::BTreeSet<&str>>().len()
        };
        let all = checked.plan().map_or(0, |plan| plan.tiers.iter().map(schedules).sum());
        assert_eq!(crate::cost::RECKONED.get(), all, "{name}");
    }
}

/// One mistake each; the code that it is reported with, and nothing else is said that was not said before.
#[test]
fn one_mistake_gives_one_diagnostic() {
    let good = whole("report weekly schedule=\"0 8 * * 1\" to=phone", "");
    let before = codes(&good);
    for (from, to, code) in [
        ("take data", "take dta", "plan::names::unknown_source"),
        ("encrypt ops", "encrypt osp", "plan::names::unknown_key"),
        ("to=phone", "to=phon", "plan::names::unknown_notify"),
        ("source data {", "source daat {", "plan::names::unknown_source"),
        ("key ops {", "key opps {", "plan::names::unknown_key"),
        ("/srv/data\"", "srv/data\"", "plan::source::relative_include"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(good, bad, "{from}");
        let mut found = codes(&bad);
        for code in &before {
            if let Some(at) = found.iter().position(|other| other == code) {
                found.remove(at);
            }
        }
        assert_eq!(found, [code], "{to}");
    }
}
