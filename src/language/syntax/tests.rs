//! Every syntax error with its message, and what its fix makes of the text.

use crate::diagnostics::{Diagnostic, FileId, Human, SourceFiles, apply_fixes};
use crate::language::parse;

/// What one mistake gives: the message, and the text after the fix.
fn shown(text: &str) -> String {
    let mut files = SourceFiles::default();
    let file = files.add("plan.kdl", text);
    let (_, diagnostics) = parse(text, file);
    assert_eq!(diagnostics.len(), 1, "one mistake, one diagnostic: {text}\n{diagnostics:#?}");
    let mut out = Human { width: 100, ..Human::default() }.render(&diagnostics, &files);
    for fixed in apply_fixes(&files, &diagnostics).changed.values() {
        assert_eq!(parse(fixed, FileId(0)).1, [], "the fix puts it right: {text}\n{fixed}");
        out.push_str(&format!("fixed:\n{fixed}\n\n"));
    }
    out
}

fn all(texts: &[&str]) -> String {
    texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join("----\n")
}

#[test]
fn missing_quotation_marks_are_found_by_their_line() {
    insta::assert_snapshot!(all(&[
        "tier a {\n    store fs { root \"/opt/backups }\n}\n",
        "base \"/opt/data\ninclude logs\n",
        "exclude \"*.log\" \"*.tmp \"venv/lib\" \"venv/include\"\n",
        "exclude *.log\" \"*.tmp\"\n",
        "schedule \"0 2 * * * jitter=\"5m\"\n",
        "schedule \"0 2 * * *\" jitter=5m\"\n",
        "server-side-encryption kms key=\"alias/rpa\n",
        "identity (file)\"/etc/plan/rpa.key\n",
        "base \"C:\\data\\\"\n",
        "body \"first line\n    second line\"\nnext 1\n",
        "body #\"C:\\data\"\n",
        "body \"\"\"\n  text\n",
        "body \"\"\"text\n  \"\"\"\n",
        "body \"\"\"\n one\n  two\n  \"\"\"\n",
    ]));
}

#[test]
fn missing_braces_are_found_by_the_indentation() {
    insta::assert_snapshot!(all(&[
        "plan x {\n    tier a {\n        mode full\n    tier b {\n        mode full\n    }\n}\n",
        "plan x {\n    tier a {\n        mode full\n    }\n",
        "plan x {\n    tier a {\n        store fs { root \"/x\"\n        mode full\n    }\n}\n",
        "plan x {\n    tier a\n        mode full\n    }\n}\n",
        "plan x {\n    tier a {\n        mode full\n    }\n    }\n    tier b\n}\n",
        "plan x {\n    tier a {\n        store fs root \"/x\"; y \"/z\" }\n    }\n}\n",
        "a }\n",
        "a {\nb {\nc\n}\n",
    ]));
}

#[test]
fn texts_that_need_quotation_marks_say_so() {
    insta::assert_snapshot!(all(&[
        "base /opt/data\n",
        "endpoint https://s3.example.org/x\n",
        "include /var/*\n",
        "keep within=3d\n",
        "verify contents sample=5%\n",
        "schedule 0 2-22/4 * * *\n",
        "schedule 0 2 * * * jitter=\"5m\"\n",
        "take [data, logs]\n",
        "description 'my laptop'\n",
        "description “my laptop”\n",
        "root C:\\backup\n",
        "base \"C:\\data\\new\\dir\"\n",
        "x \"\\u{110000}\"\n",
        "level 0xzz\n",
        "level 99999999999999999999999999999999999999999\n",
    ]));
}

#[test]
fn habits_of_other_languages_are_recognised() {
    insta::assert_snapshot!(all(&[
        "one-file-system true\n",
        "state null\n",
        "base r\"/opt\"\n",
        "base r#\"/opt \"x\"\"#\n",
        "exclude-caches #yes\n",
        "# where it goes\nmode full\n",
        "bucket = \"x\"\n",
        "bucket=\"x\"\n",
        "mode: full\n",
        "tier local: {\n    mode full\n}\n",
        "compress zstd level: 6\n",
        "take data, config, code\n",
        "exclude \"*.log\", \"*.tmp\"\n",
        "keep daily=30, weekly=4\n",
        "slack env(\"WEBHOOK\")\n",
    ]));
}

#[test]
fn stray_and_missing_characters_are_named() {
    insta::assert_snapshot!(all(&[
        "take data)\n",
        "take (data\n",
        "slack (env WEBHOOK\n",
        "slack env)WEBHOOK\n",
        "slack (env)\n",
        "slack ()WEBHOOK\n",
        "(env)slack=1\n",
        "take ] data\n",
        "keep daily=\n",
        "keep daily==30\n",
        "keep =30\n",
        "keep 30=daily\n",
        "keep (env)daily=30\n",
        "30 daily\n",
        "tier a\n{\n    mode full\n}\n",
        "exclude \"a\"\"b\"\n",
        "store fs { root \"/x\" } mode full\n",
        "store fs { root \"/x\" } { root \"/y\" }\n",
        "store fs { ; }\n",
        "take data /-\n",
        "/* no end\nmode full\n",
        "take da\u{200b}ta\n",
        "take \"da\u{202e}ta\"\n",
    ]));
}

#[test]
fn every_rule_has_an_example_that_it_reports_and_one_that_it_does_not() {
    for rule in super::RULES {
        let codes = |text| parse(text, FileId(0)).1.iter().map(Diagnostic::code).collect::<Vec<_>>();
        if !rule.bad.is_empty() {
            assert_eq!(codes(rule.bad), [rule.code], "{}", rule.bad);
            assert_eq!(codes(rule.good), [""; 0], "{}", rule.good);
        }
    }
}
