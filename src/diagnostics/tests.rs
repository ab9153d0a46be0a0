use super::*;

static RULE: Rule = Rule {
    code: "plan::names::dangling",
    severity: Severity::Error,
    title: "a name that nothing has",
    why: "Every name must be that of a node in the plan.",
    bad: "encrypt opss",
    good: "encrypt ops",
};
static ADVICE: Rule = Rule { code: "plan::cost::class", severity: Severity::Advice, ..WARNING };
static WARNING: Rule = Rule {
    code: "plan::names::unused",
    severity: Severity::Warning,
    title: "a key that nothing uses",
    why: "It may be a leftover.",
    bad: "",
    good: "",
};

/// One of each kind: a label in another file with wide characters, a fix, notes.
fn sample() -> (SourceFiles, Vec<Diagnostic>) {
    let mut files = SourceFiles::default();
    let main = files.add("plans/main file.kdl", "tier größe {\n\tencrypt opss\n}\n");
    let keys = files.add("/etc/keys.kdl", "key \"日本\" {\n}\nkey ops {\n}\n");
    let span = |file, needle: &str| {
        let start = files.get(file).text.find(needle).expect("the sample has it");
        Span::new(file, start..start + needle.len())
    };
    let diagnostics = vec![
        Diagnostic::new(&RULE, span(main, "opss"), "no key is called `opss`")
            .label("no such key")
            .also(span(main, "größe"), "in this tier")
            .also(span(keys, "ops"), "a key of a similar name")
            .help("did you mean `ops`?")
            .note("keys: `日本`, `ops`")
            .fix(Fix::replace(span(main, "opss"), "ops")),
        Diagnostic::new(&WARNING, span(keys, "\"日本\""), "key `日本` is never used").label("50% of 2 keys"),
    ];
    (files, diagnostics)
}

#[test]
fn people_read_a_drawing() {
    let (files, diagnostics) = sample();
    insta::assert_snapshot!(Human::default().render(&diagnostics, &files), @r#"
    error[plan::names::dangling]

      × no key is called `opss`
       ╭─[plans/main file.kdl:2:10]
     1 │ tier größe {
       ·      ──┬──
       ·        ╰── in this tier
     2 │     encrypt opss
       ·             ──┬─
       ·               ╰── no such key
     3 │ }
       ╰────
       ╭─[/etc/keys.kdl:3:5]
     2 │ }
     3 │ key ops {
       ·     ─┬─
       ·      ╰── a key of a similar name
     4 │ }
       ╰────
      help: did you mean `ops`?
      note: keys: `日本`, `ops`

    warning[plan::names::unused]

      ⚠ key `日本` is never used
       ╭─[/etc/keys.kdl:1:5]
     1 │ key "日本" {
       ·     ───┬──
       ·        ╰── 50% of 2 keys
     2 │ }
       ╰────
    "#);
}

#[test]
fn a_narrow_plain_terminal_gets_ascii_within_its_width() {
    let (files, diagnostics) = sample();
    let human = Human { style: HumanStyle::Ascii, colour: false, width: 40 };
    let shown = human.render(&diagnostics, &files);
    assert!(shown.lines().all(|line| line.chars().count() <= 40), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    error[plan::names::dangling]

      x no key is called `opss`
       ,-[plans/main file.kdl:2:10]
     1 | tier größe {
       :      ^^|^^
       :        `-- in this tier
     2 |     encrypt opss
       :             ^^|^
       :               `-- no such key
     3 | }
       `----
       ,-[/etc/keys.kdl:3:5]
     2 | }
     3 | key ops {
       :     ^|^
       :      `-- a key of a similar name
     4 | }
       `----
      help: did you mean `ops`?
      note: keys: `日本`, `ops`

    warning[plan::names::unused]

      ! key `日本` is never used
       ,-[/etc/keys.kdl:1:5]
     1 | key "日本" {
       :     ^^^|^^
       :        `-- 50% of 2 keys
     2 | }
       `----
    "#);
}

#[test]
fn a_screen_reader_gets_sentences() {
    let (files, diagnostics) = sample();
    let human = Human { style: HumanStyle::Narrated, ..Human::default() };
    insta::assert_snapshot!(human.render(&diagnostics, &files), @r#"
    error: no key is called `opss`
    in plans/main file.kdl line 2 column 10: no such key
    the line reads: encrypt opss
    see also plans/main file.kdl line 1 column 6: in this tier
    the line reads: tier größe {
    see also /etc/keys.kdl line 3 column 5: a key of a similar name
    the line reads: key ops {
    help: did you mean `ops`?
    note: keys: `日本`, `ops`
    code: plan::names::dangling

    warning: key `日本` is never used
    in /etc/keys.kdl line 1 column 5: 50% of 2 keys
    the line reads: key "日本" {
    code: plan::names::unused
    "#);
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let (files, diagnostics) = sample();
    assert!(!Human::default().render(&diagnostics, &files).contains('\u{1b}'));
    let coloured = Human { colour: true, ..Human::default() }.render(&diagnostics, &files);
    assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}]8"), "colours, no links");
}

#[test]
fn programs_read_json() {
    let (files, diagnostics) = sample();
    insta::assert_snapshot!(json(&diagnostics, &files));
}

#[test]
fn code_scanning_reads_sarif() {
    let (files, diagnostics) = sample();
    insta::assert_snapshot!(sarif(&diagnostics, &files));
}

#[test]
fn github_reads_annotations() {
    let (files, diagnostics) = sample();
    insta::assert_snapshot!(github(&diagnostics, &files), @r"
    ::error file=plans/main file.kdl,line=2,endLine=2,col=10,endColumn=14,title=plan%3A%3Anames%3A%3Adangling::no key is called `opss`%0Adid you mean `ops`?%0Akeys: `日本`, `ops`
    ::warning file=/etc/keys.kdl,line=1,endLine=1,col=5,endColumn=9,title=plan%3A%3Anames%3A%3Aunused::key `日本` is never used
    ");
}

#[test]
fn the_summary_counts_each_severity() {
    let (_, mut diagnostics) = sample();
    assert_eq!(summary(&diagnostics), "1 error, 1 warning; 1 can be fixed with `plan check --fix`");
    diagnostics.remove(0);
    diagnostics.push(Diagnostic::new(&ADVICE, Span::default(), ""));
    assert_eq!(summary(&diagnostics), "1 warning, 1 piece of advice");
    assert_eq!(summary(&[]), "no problems");
}

#[test]
fn fixes_change_the_text_and_leave_overlapping_ones_for_later() {
    let mut files = SourceFiles::default();
    let file = files.add("a", "één two three");
    let at = |range| Span::new(file, range);
    let fixed = |fix| Diagnostic::new(&WARNING, at(0..0), "").fix(fix);
    let outcome = apply_fixes(
        &files,
        &[
            fixed(Fix::replace(at(10..15), "3")),
            fixed(Fix::insert(at(0..0), "> ")),
            fixed(Fix::delete(at(5..9), "a word")),
            fixed(Fix::replace(at(6..11), "no")),
            fixed(Fix::insert(at(0..0), "again ")),
        ],
    );
    assert_eq!(outcome.changed.values().map(|t| &**t).collect::<Vec<_>>(), ["> één 3"]);
    assert_eq!((outcome.applied, outcome.skipped), (3, 2));
}

#[test]
fn severities_follow_the_last_wish_but_never_lower_an_error() {
    let known = Catalogue::new(&[&[&RULE, &WARNING], &[&ADVICE]]);
    let of = |wishes: &[(&str, Option<Severity>)], deny| {
        let mut severities = Severities::default();
        for (code, to) in wishes {
            severities.set(code, *to, &known).expect("the code is known");
        }
        if deny {
            severities.deny_warnings();
        }
        let all = [&RULE, &WARNING, &ADVICE].map(|rule| Diagnostic::new(rule, Span::default(), ""));
        severities.apply(all.into()).iter().map(|d| d.severity).collect::<Vec<_>>()
    };
    use Severity::{Advice, Error, Warning};
    assert_eq!(of(&[], false), [Error, Warning, Advice]);
    assert_eq!(of(&[], true), [Error, Error, Advice]);
    assert_eq!(of(&[("plan::names", None)], true), [Error, Advice]);
    assert_eq!(of(&[("plan::cost", None), ("cost::class", Some(Warning))], true), [Error, Error, Error]);
    let unknown = Severities::default().set("unusd", None, &known).expect_err("no such code");
    assert_eq!(unknown.to_string(), "there is no diagnostic `unusd`");
    let unknown = Severities::default().set("plan::names::unusd", None, &known).expect_err("no such code");
    assert_eq!(unknown.nearest, Some("plan::names::unused"));
}

#[test]
fn a_rule_has_a_page() {
    insta::assert_snapshot!(RULE.page(), @r"
    # plan::names::dangling

    a name that nothing has (error)

    Every name must be that of a node in the plan.

    ## Instead of

    ```kdl
    encrypt opss
    ```

    ## Write

    ```kdl
    encrypt ops
    ```

    ## Silencing it

    This is an error, so it cannot be silenced.
    ");
    insta::assert_snapshot!(WARNING.page(), @r#"
    # plan::names::unused

    a key that nothing uses (warning)

    It may be a leftover.

    ## Silencing it

    In one place, with a comment on the line before the node, or a child in it:

    ```kdl
    // plan: allow(plan::names::unused)
    tier local { … }
    ```

    ```kdl
    tier local {
        allow "plan::names::unused"
    }
    ```

    Everywhere: `plan check --allow plan::names::unused`.
    "#);
}

#[test]
fn of_many_places_people_are_shown_the_first_and_programs_all() {
    let mut files = SourceFiles::default();
    let file = files.add("plan.kdl", "source a\n".repeat(20));
    let span = |line: usize| Span::new(file, line * 9 + 7..line * 9 + 8);
    let many = (1..20).fold(Diagnostic::new(&RULE, span(0), "too many"), |diagnostic, line| {
        diagnostic.also(span(line), format!("place {line}"))
    });
    let diagnostics = [many];
    for style in [HumanStyle::Unicode, HumanStyle::Narrated] {
        let human = Human { style, ..Human::default() }.render(&diagnostics, &files);
        assert!(human.contains("place 8") && !human.contains("place 9"), "{human}");
        assert!(human.contains("note: 11 other places are not shown"), "{human}");
    }
    assert!(json(&diagnostics, &files).contains("place 19"));
}
