use super::schema;
use crate::diagnostics::{Diagnostic, Human, SourceFiles, apply_fixes};
use crate::language::load;
use std::io;
use std::path::Path;

fn check(text: &str) -> (SourceFiles, Vec<Diagnostic>) {
    let loaded = load("plan.kdl", text, &mut |_| Ok(String::new()));
    (loaded.files, loaded.diagnostics)
}

/// What one mistake gives: the message, and the lines that its fix changes.
fn shown(text: &str) -> String {
    let (files, diagnostics) = check(text);
    assert_eq!(diagnostics.len(), 1, "one mistake, one diagnostic: {text}\n{diagnostics:#?}");
    let mut out = Human { width: 100, ..Human::default() }.render(&diagnostics, &files);
    for fixed in apply_fixes(&files, &diagnostics).changed.values() {
        assert_eq!(check(fixed).1, [], "the fix puts it right: {text}\n{fixed}");
        let lines = fixed.lines().filter(|line| !text.lines().any(|old| old == *line));
        out.push_str(&format!("fixed:\n{}\n\n", lines.collect::<Vec<_>>().join("\n")));
    }
    out
}

/// Mistakes in a tier, each in place of `X` in a whole plan.
fn in_tier(lines: &[&str]) -> String {
    let plan = |line: &str| {
        format!(
            "plan p {{\n    tier t {{\n        store fs {{ root \"/b\" }}\n        take a\n        {line}\n    }}\n}}\n"
        )
    };
    lines.iter().map(|line| shown(&plan(line))).collect::<Vec<_>>().join("----\n")
}

fn in_plan(lines: &[&str]) -> String {
    lines.iter().map(|line| shown(&format!("plan p {{\n    {line}\n}}\n"))).collect::<Vec<_>>().join("----\n")
}

#[test]
fn misspelt_and_misplaced_nodes_are_told_apart() {
    insta::assert_snapshot!(in_tier(&[
        "kepe daily=7",
        "retain daily=7",
        "keep keep-daily=7",
        "colour red",
        "exclude \"*.log\"",
        "timezone UTC",
        "scedule \"0 2 * * *\"",
        "- a",
    ]));
}

#[test]
fn values_are_counted_and_typed() {
    insta::assert_snapshot!(in_tier(&[
        "mode full incremental",
        "mode",
        "mode fulll",
        "mode Full",
        "mode archive",
        "compress zstd level=\"6\"",
        "compress zstd level 6",
        "schedule",
        "schedule 0",
        "limit concurrency=0",
        "keep daily=-1",
        "keep daily=#true",
        "keep daily=7.5",
        "keep within=3",
        "limit upload=10",
        "verify contents sample=5",
        "volume-size 64",
        "storage-class (env)CLASS",
        "(x)mode full",
        "take",
        "lock governance",
        "lock for=\"30d\"",
        "from #null",
    ]));
}

#[test]
fn properties_are_known_once_and_in_their_place() {
    insta::assert_snapshot!(in_tier(&[
        "keep dayly=7",
        "keep daily=7 daily=30",
        "limit",
        "keep 30",
        "keep { daily 7; weekly 4 }",
        "keep schedule=\"0 2 * * *\"",
        "mode full sample=\"5%\"",
        "mode full bogus=1",
        "metadata",
        "schedule \"5m\" jitter=\"0 2 * * *\"",
        "take x jitter=\"0 2 * * *\" schedule=\"5m\"",
        "compress 6 level=zstd",
        "verify \"5%\" sample=contents",
        "encrypt key=ops",
    ]));
}

#[test]
fn blocks_hold_what_they_may_and_must() {
    insta::assert_snapshot!(in_plan(&[
        "tier t { take a }",
        "tier { store fs; take a }",
        "tier t { stoer fs { root \"/b\" }; take a }",
        "tier t { store fs { root \"/b\" }; store s3 }",
        "tier t { store s3 { bucket b region us-east-1 }; take a }",
        "tier t { store s3 { bucket }; take a }",
        "tier t { store s3 { bucket b { c } }; take a }",
        "tier t mode=full { store fs }",
        "tier t encrypt { store fs }",
        "tier t { store fs { root \"/b\" } mode full }",
        "source s include \"/a\"",
        "source s { base \"/a\" \"/b\" }",
        "source s { base /home/my files }",
        "source s { one-file-system yes }",
        "description my web server",
        "timezone UTC; timezone UTC",
        "keep daily=7",
        "objective { rpo \"4h\"; rto \"30m\" }",
        "objective rpo \"4h\"",
        "objective \"4h\"",
        "notify n { email \"a@b\" from=\"c@d\" }",
        "notify n { email \"a@b\" { from \"c@d\"; server }}",
        "notify n { slack (env)URL; on failed }",
        "report weekly",
        "drill s schedule=\"@daily\"",
        "allow",
    ]));
}

#[test]
fn a_file_has_exactly_one_plan() {
    let texts = [
        "",
        "source s { include \"/a\" }\n",
        "store fs\n",
        "plna p {\n    timezone UTC\n}\n",
        "plan p\nplan q\n",
        "plan p\ntier t { store fs }\n",
        "plan p\nkeep daily=7\n",
        "plan {\n    timezone UTC\n}\n",
    ];
    insta::assert_snapshot!(texts.map(shown).join("----\n"));
}

#[test]
fn an_included_file_holds_only_what_it_may() {
    let mut read = |_: &Path| -> io::Result<String> {
        Ok("key k { recipient age1 }\ntimezone UTC\nplan q { }\nkeep daily=7\n".to_owned())
    };
    let loaded = load("plan.kdl", "plan p {\n    include \"more.kdl\"\n}\n", &mut read);
    insta::assert_snapshot!(Human::default().render(&loaded.diagnostics, &loaded.files));
}

#[test]
fn several_mistakes_are_all_found_and_nothing_else() {
    let text = "\
plan p {
    timezon UTC
    tier a {
        stoer fs { root \"/b\" }
        take x
        keep dayly=7
        mode ful
        compress zstd level=\"3\"
    }
    source x { include \"/a\"; exlude \"b\" }
    report
}
";
    let (_, diagnostics) = check(text);
    let found: Vec<(&str, &str)> = diagnostics
        .iter()
        .map(|d| (d.code().trim_start_matches("plan::shape::"), &text[d.primary.span.range()]))
        .collect();
    assert_eq!(
        found,
        [
            ("unknown_node", "timezon"),
            ("unknown_node", "stoer"),
            ("unknown_property", "dayly"),
            ("choice", "ful"),
            ("type", "\"3\""),
            ("unknown_node", "exlude"),
            ("missing_argument", "report"),
            ("missing_property", "report"),
        ]
    );
}

#[test]
fn every_node_has_a_description_and_an_example_that_is_valid() {
    let schema = schema();
    for (path, node) in schema.walk() {
        assert!(node.description.ends_with('.') && !node.description.contains('\n'), "{path:?}: {}", node.description);
        assert!(!node.example.is_empty(), "{path:?} has an example");
        let values = node.arguments.iter().map(|a| &a.kind).chain(node.properties.iter().map(|p| &p.kind));
        for kind in values {
            assert!(kind.description.ends_with('.'), "{path:?}: {}", kind.description);
        }
        // The example in the blocks of its parents, with what those need besides.
        let mut text = node.example.clone();
        let mut inner = node;
        for depth in (1..path.len()).rev() {
            let parent = schema.at(path[..depth].iter().copied()).expect("parents are in the schema");
            let head = parent.example.split('{').next().unwrap_or_default().trim();
            let needed = parent.children.iter().filter(|child| child.min > 0 && child.name != inner.name);
            let needed: Vec<&str> = needed.map(|child| child.example.as_str()).collect();
            text = format!("{head} {{\n{}\n{text}\n}}", needed.join("\n"));
            inner = parent;
        }
        let text = if path[0] == "plan" { text } else { format!("plan p {{\n{text}\n}}") };
        let (_, diagnostics) = check(&text);
        assert_eq!(diagnostics, [], "{text}");
    }
}

#[test]
fn every_rule_has_an_example_that_it_reports_and_one_that_it_does_not() {
    for rule in super::RULES.iter().filter(|rule| !rule.code.ends_with("in_include")) {
        let codes = |text| check(text).1.iter().map(Diagnostic::code).collect::<Vec<_>>();
        assert_eq!(codes(rule.bad), [rule.code], "{}", rule.bad);
        assert_eq!(codes(rule.good), [""; 0], "{}", rule.good);
    }
}

#[test]
fn no_word_of_another_program_is_a_word_of_the_language_in_the_same_place() {
    for (path, node) in schema().walk() {
        let words = |names: Vec<(&str, &[String])>| {
            let taken: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            let mut seen = std::collections::HashSet::new();
            for other in names.iter().flat_map(|(_, aka)| aka.iter()) {
                assert!(!taken.contains(&other.as_str()) && seen.insert(other), "{path:?}: `{other}`");
            }
        };
        words(node.children.iter().map(|child| (child.name.as_str(), &child.aka[..])).collect());
        words(node.properties.iter().map(|property| (property.name.as_str(), &property.aka[..])).collect());
    }
}

#[test]
fn a_node_has_a_page() {
    insta::assert_snapshot!(schema().explain("verify").expect("the node is known"));
    assert!(schema().explain("tier.keep").is_some_and(|page| page.starts_with("# plan › tier › keep")));
    assert_eq!(schema().explain("command").map(|pages| pages.matches("\n# ").count() + 1), Some(2));
    assert_eq!(schema().explain("bogus"), None);
    assert_eq!(schema().explain(""), None);
    assert_eq!(schema().nearest_topic("verfy"), Some("verify"));
}

#[test]
fn the_reference_in_the_schema_folder_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/reference.md");
    let wanted = schema().reference();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &wanted).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "run `INSTA_UPDATE=always cargo test --lib reference` and commit schema/reference.md");
}

#[test]
fn the_json_schema_refers_only_to_what_it_defines() {
    let schema = schema().json_schema();
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schema["$defs"].get(reference).is_some(), "{reference}");
    }
    insta::assert_snapshot!(format!("{:#}", schema["$defs"]["plan.tier.keep"]));
}

#[test]
fn the_plans_of_this_project_have_the_right_shape() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    for entry in std::fs::read_dir(folder).expect("there is a folder of plans") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "kdl") {
            let text = std::fs::read_to_string(&path).expect("a plan can be read");
            assert_eq!(check(&text).1, [], "{}", path.display());
        }
    }
}
