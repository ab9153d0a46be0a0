//! What becomes of a text, and what never changes.

use super::format;
use crate::diagnostics::FileId;
use crate::language::{Node, Value, parse};
use proptest::prelude::*;

fn formatted(text: &str) -> String {
    format(text, FileId(0)).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

/// A document without its spans.
fn content(text: &str) -> String {
    fn value(value: &Value) -> String {
        let annotation = value.annotation.as_ref().map(|annotation| &annotation.value);
        format!("({annotation:?}){:?}/{:?}", value.kind, value.written)
    }
    fn nodes(list: &[Node], depth: usize, out: &mut String) {
        for node in list {
            let annotation = node.annotation.as_ref().map(|annotation| &annotation.value);
            out.push_str(&format!("{depth} ({annotation:?}){:?}", node.name.value));
            node.arguments.iter().for_each(|argument| out.push_str(&format!(" {}", value(argument))));
            let properties = node.properties.iter();
            properties.for_each(|p| out.push_str(&format!(" {:?}={}", p.name.value, value(&p.value))));
            node.allowed.iter().for_each(|code| out.push_str(&format!(" allow {:?}", code.value)));
            out.push('\n');
            nodes(&node.children, depth + 1, out);
        }
    }
    let (document, diagnostics) = parse(text, FileId(0));
    assert_eq!(diagnostics, [], "{text}");
    let mut out = String::new();
    nodes(&document.nodes, 0, &mut out);
    out
}

/// Every comment of a text, without its blanks.
fn comments(text: &str) -> Vec<String> {
    let tokens = crate::language::syntax::lexer::lex(text);
    let slices = tokens.iter().map(|token| &text[token.range()]);
    let comments = slices.filter(|slice| slice.starts_with("//") || slice.contains("/*") || slice.starts_with('\\'));
    comments
        .map(|comment| comment.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect())
        .filter(|c: &String| !c.is_empty())
        .collect()
}

/// Whether the invariants hold for a text.
fn check(text: &str) -> Result<(), String> {
    let Ok(once) = format(text, FileId(0)) else { return Ok(()) };
    let again = format(&once, FileId(0)).map_err(|errors| format!("{text:?}\n{once:?}\n{errors:#?}"))?;
    let complaint = |what: &str| Err(format!("{what}\n{text:?}\n{once:?}\n{again:?}"));
    if content(text) != content(&once) {
        return complaint("reads as another document");
    }
    if comments(text) != comments(&once) {
        return complaint("comments differ");
    }
    if once != again {
        return complaint("formatting again changes it");
    }
    if once.lines().any(|line| line.ends_with([' ', '\t'])) && !text.contains('"') {
        return complaint("blanks at the end of a line");
    }
    Ok(())
}

#[test]
fn a_crooked_plan_becomes_straight() {
    let text = "\u{feff}
// The head.


plan  \"rpa\"{
  description   \"RPA\"   // what it is   \r
\ttimezone UTC;objective rpo = \"4h\"  rto=\"30m\"

   /* about
      the key */
   key ops {   recipient \"age1\" ; identity ( file ) \"/etc/key\";}

   // Before the tier.
   tier local   { // here
\tstore fs{root \"/opt\"}


\t/- mode  full
\ttake data \\
  config /- code   /* not
\t   code */ schedule=\"0 2 * * *\"
\tbody \"\"\"
\t  one
\t    two
\t  \"\"\"
\t// the end
   }
   tier empty {
   }
   \"notify\" \"ops\" \"to\"=1 \"two words\"=2
}
   // after";
    insta::assert_snapshot!(formatted(text), @r#"
    // The head.

    plan "rpa" {
        description "RPA" // what it is
        timezone UTC
        objective rpo="4h" rto="30m"

        /* about
           the key */
        key ops { recipient "age1"; identity (file)"/etc/key" }

        // Before the tier.
        tier local { // here
            store fs { root "/opt" }

            /-mode full
            take data \
                config /-code /* not
                     code */ schedule="0 2 * * *"
            body """
              one
                two
              """
            // the end
        }
        tier empty {}
        notify "ops" to=1 "two words"=2
    }
    // after
    "#);
}

#[test]
fn comments_stay_with_what_they_stand_beside() {
    let text = "\
a; /* before b */ b /* in b */; c // behind c
/* before d */ d
/* alone */

/* a */ /* b */ // c
e { /* in e */ }
f { /* at f */
    g; /* behind g */
    /* last */ }
h /-{ i } { j } /-{ k; l }
m k /* c */ = /* d */ 1 (/* e */t)2
/- // why
// not
n { o }
p \\ // q
  r
s \\ // t

u
";
    insta::assert_snapshot!(formatted(text), @r#"
    a
    /* before b */ b /* in b */
    c // behind c
    /* before d */ d
    /* alone */

    /* a */ /* b */ // c
    e { /* in e */ }
    f { /* at f */
        g /* behind g */
        /* last */
    }
    h /-{ i } { j } /-{ k; l }
    m k /* c */ = /* d */ 1 ( /* e */ t)2
    /- // why
        // not
        n { o }
    p \ // q
        r
    s \ // t

    u
    "#);
}

#[test]
fn a_semicolon_that_a_commented_line_break_needs_stays_with_what_is_behind_it() {
    let text = "plan x { }\nkey a \\ // b\n; /* c */ // plan: allow(x)\nkey d \\\n; // e\n";
    insta::assert_snapshot!(formatted(text), @r#"
    plan x {}
    key a \ // b
        ; /* c */ // plan: allow(x)
    key d // e
    "#);
    check(text).unwrap();
}

#[test]
fn values_stay_as_they_are_written() {
    for line in [
        "a 007 +30 1e3 0x1F 1_000 2.50 #true #null",
        "a \"quoted\" bare #\"raw\"# ##\"a\"#b\"## \"\\u{20ac}\" (env)\"NAME\" k=\"v\"",
        "a-b.c \"needs quotes\" \"4h\"=1 \"true\"=2 \"\"=3 \"a,\"=4",
    ] {
        assert_eq!(formatted(line), format!("{line}\n"));
    }
}

#[test]
fn line_breaks_of_any_kind_become_line_feeds() {
    assert_eq!(formatted("a\r\nb\rc\u{2028}\u{85}d\r\n\r\n\r\ne"), "a\nb\nc\n\nd\n\ne\n");
    assert_eq!(formatted("a \"\"\"\r\n  x\r\n  \"\"\"\r\n/* a\r\n   b */"), "a \"\"\"\n  x\n  \"\"\"\n/* a\n   b */\n");
    assert_eq!(formatted(""), "");
    assert_eq!(formatted(" \n\n \t\n"), "");
}

#[test]
fn a_text_with_a_syntax_error_has_no_normal_form() {
    let codes =
        |text| format(text, FileId(0)).map_err(|errors| errors.iter().map(|error| error.code()).collect::<Vec<_>>());
    assert_eq!(codes("a true"), Err(vec!["plan::syntax::kdl1"]));
    assert_eq!(codes("a { b"), Err(vec!["plan::syntax::brace"]));
}

#[test]
fn every_plan_of_the_project_is_in_its_normal_form() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let plans = std::fs::read_dir(root.join("plans")).expect("there is a folder of plans");
    let paths = plans.map(|entry| entry.expect("the folder can be read").path());
    let paths: Vec<_> = paths.chain([root.join("schema/plan.kdl"), root.join("tests/mutations/whole.kdl")]).collect();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "kdl")) {
        let text = std::fs::read_to_string(path).expect("a plan can be read");
        check(&text).unwrap_or_else(|complaint| panic!("{complaint}"));
        assert!(formatted(&text) == text, "{} is not formatted: `plan fmt --diff {0}`", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn formatting_keeps_the_document_and_is_stable(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "b", "\"c\"", "\"d e\"", "k=", "\"k\"=1", "1", "#true", "#\"r\"#", "(t)x", "( \"t\" ) y", "=", "\"r\"", "\"env\"",
        " ", " ", " ", " ", "\t", "\n", "\n", "\n", "\r\n", "\n\n\n", ";", "; ", " {", "{ ", "}", " }", "/-", " /-", "/- ", "/-{", " // c\n", "// d\n",
        " // plan: allow(x)\n", "// plan: allow(y)\n", " /* c */", "/* d\n     e */ ", " \\\n", " \\ // f\n", " \\ /* g */\n", "\n    ", "\n\t",
        "\"\"\"\n     x\n       y\n\n     \"\"\"", "#\"\"\"\n\tx \n  \n\t\"\"\"#", "\"s \\   \n   t\"", "\u{a0}", "\u{2028}", "\"\"\"\n  u\\\n v\n  \"\"\" ",
    ]), 0..16)) {
        if let Err(complaint) = check(&pieces.concat()) {
            prop_assert!(false, "{}", complaint);
        }
    }
}
