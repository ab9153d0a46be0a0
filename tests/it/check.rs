//! `plan check` as scripts, editors and CI use it: many files at once, the formats for
//! programs, the standard input, the fixes, the objectives.

use crate::support::TestEnvironment;
use serde_json::Value;
use std::fs;

const KEY: &str = "key ops { recipient age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7 }\n";

fn plan(name: &str, body: &str) -> String {
    format!(
        "plan {name} {{
    include \"shared.kdl\"
    source data {{ base \"/srv\" }}
    tier disk {{
        store fs {{ root \"/b\" }}
        {body}
        take data schedule=\"@daily\"
        keep daily=30
        verify contents
    }}
}}
"
    )
}

/// Two plans that include the same file, one of them with a mistake, and a file that is no plan at all.
fn folder() -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.write("plans/shared.kdl", KEY);
    environment.write("plans/good.kdl", plan("good", "encrypt ops"));
    environment.write("plans/wrong.kdl", plan("wrong", "encrypt opss"));
    environment
}

#[test]
fn a_missing_file_among_several_is_one_diagnostic_and_the_others_are_checked() {
    let environment = folder();
    let quiet = [
        "--allow",
        "plan::notify",
        "--allow",
        "plan::objectives",
        "--allow",
        "plan::security",
        "--allow",
        "plan::verify",
    ];
    let mut arguments = vec!["check", "nowhere.kdl", "plans/wrong.kdl", "plans/good.kdl"];
    arguments.extend(quiet);
    insta::assert_snapshot!("check_of_several", environment.run(&arguments).expect_code(65).to_string());
    let document = environment.run(&["check", "--json", "nowhere.kdl", "plans/wrong.kdl"]).expect_code(65).json();
    let errors: Vec<(&str, &str)> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["severity"] == "error")
        .map(|found| (found["code"].as_str().unwrap(), found["at"]["file"].as_str().unwrap()))
        .collect();
    assert_eq!(errors, [("plan::file::unreadable", "nowhere.kdl"), ("plan::names::unknown_key", "plans/wrong.kdl")]);
    // Nothing but a wrong name: the command line is wrong, no plan is.
    environment.run(&["check", "nowhere.kdl", "plans/good.kdl"]).expect_code(64);
    environment.write("empty/notes.txt", "");
    environment.write("latin1.kdl", b"plan caf\xe9 {}");
    let mut arguments = vec!["check", "empty", "latin1.kdl", "nowhere.kdl", "--format", "narrated"];
    arguments.extend(quiet);
    insta::assert_snapshot!("check_of_what_cannot_be_read", environment.run(&arguments).expect_code(64).to_string());
}

#[test]
fn a_folder_is_its_plans_and_what_they_include_is_said_once() {
    let environment = folder();
    environment.write("plans/shared.kdl", KEY.replace("recipient", "recipiant"));
    for format in ["json", "sarif"] {
        let document = environment.run(&["check", "plans", "--format", format]).expect_code(65).json();
        let text = document.to_string();
        assert_eq!(text.matches("`key` has no `recipiant`").count(), 1, "{format}: {text}");
        assert!(!text.contains("no_plan"), "{format}: a part of plans is no plan that lacks its node: {text}");
    }
    let github = environment.run(&["check", "plans", "--format", "github"]).expect_code(65);
    assert_eq!(github.stdout.matches("has no `recipiant`").count(), 1, "{github}");
    // Named, a part is held to be a plan.
    let part = environment.run(&["check", "plans/shared.kdl"]).expect_code(65);
    assert!(part.stdout.contains("plan::shape::no_plan"), "{part}");
}

#[test]
fn sarif_validates_against_the_schema_of_the_standard() {
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/sarif-2.1.0.json")).unwrap();
    // The standard has an unbalanced bracket in the pattern of languages, which no log of ours has.
    let schema = schema.replace("{2}-[a-zA-Z]{2}]?$", "{2}-[a-zA-Z]{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let environment = folder();
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/plans");
    // With fixes, related places, a file that is not there, a file with odd characters in its name; and without anything.
    environment
        .write("größe é 100%.kdl", "plan größe {\n\tdescription yes\n\ttier \"日本\" { kep daily=3; store sj3 }\n}\n");
    for files in [&["plans", "nowhere.kdl", "größe é 100%.kdl"][..], &[repository]] {
        let mut arguments = vec!["check", "--format", "sarif"];
        arguments.extend(files);
        let log = environment.run(&arguments).json();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}\n{log:#}", errors.join("\n"));
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
    }
    let mut wrong = environment.run(&["check", "--format", "sarif", "plans"]).json();
    wrong["runs"][0]["results"][0]["message"] = "no object".into();
    assert!(!validator.is_valid(&wrong), "the schema is looked at");
}

fn with_stdin(environment: &TestEnvironment, arguments: &[&str], text: &str) -> (Option<i32>, String, String) {
    let output = environment.command(arguments).write_stdin(text).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_standard_input_is_known_by_the_name_it_is_given() {
    let environment = folder();
    let wrong = plan("wrong", "encrypt opss");
    let (code, stdout, _) = with_stdin(&environment, &["check", "-", "--stdin-filename", "plans/draft.kdl"], &wrong);
    // The include is found beside that name.
    assert_eq!(code, Some(65), "{stdout}");
    assert!(stdout.contains("─[plans/draft.kdl:6:17]") && stdout.contains("─[plans/shared.kdl:1:5]"), "{stdout}");
    let (code, stdout, _) = with_stdin(&environment, &["check", "-"], &wrong);
    assert_eq!(code, Some(65));
    assert!(stdout.contains("plan::include::unreadable") && stdout.contains("stdin.kdl:"), "{stdout}");
}

#[test]
fn fixing_the_standard_input_prints_the_fixed_plan() {
    let environment = folder();
    let arguments = ["check", "-", "--fix", "--stdin-filename", "plans/draft.kdl"];
    let (code, stdout, stderr) =
        with_stdin(&environment, &arguments, &plan("draft", "encrypt opss\n        kompress none"));
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), plan("draft", "encrypt ops\n        compress none").as_str()),
        "{stderr}"
    );
    assert!(stderr.starts_with("made 2 fixes in `plans/draft.kdl`\n"), "{stderr}");
    // What no fix is known for stays, and is said on standard error.
    let (code, stdout, stderr) = with_stdin(&environment, &arguments, &plan("draft", "encrypt somebody"));
    assert_eq!((code, stdout.as_str()), (Some(65), plan("draft", "encrypt somebody").as_str()));
    assert!(stderr.contains("there is no key `somebody`"), "{stderr}");
    assert!(!environment.work("plans/draft.kdl").exists());
    for refused in
        [&["check", "-", "--fix", "--format", "json"][..], &["check", "-", "plans", "--fix"], &["check", "-", "-"]]
    {
        let (code, stdout, _) = with_stdin(&environment, refused, "plan x {}");
        assert_eq!((code, stdout.as_str()), (Some(64), ""), "{refused:?}");
    }
}

#[test]
fn fixes_are_made_in_the_files_and_in_those_they_include() {
    let environment = folder();
    environment.write("plans/shared.kdl", KEY.replace("recipient", "recipiant"));
    environment.ok(&["check", "--fix", "plans"]);
    assert_eq!(fs::read_to_string(environment.work("plans/shared.kdl")).unwrap(), KEY);
    assert_eq!(fs::read_to_string(environment.work("plans/wrong.kdl")).unwrap(), plan("wrong", "encrypt ops"));
}

#[test]
fn objectives_are_explained_loss_by_loss() {
    let environment = folder();
    insta::assert_snapshot!(
        "check_explains_objectives",
        environment.run(&["check", "--explain", "objectives", "plans"]).expect_code(65).to_string()
    );
    let document = environment.json(&["check", "--explain", "objectives", "--json", "plans/good.kdl"]);
    assert_eq!(document["format_version"], 1);
    let exposures = document["plans"][0]["objectives"]["exposures"].as_array().unwrap();
    let losses: Vec<&str> = exposures.iter().map(|exposure| exposure["loss"].as_str().unwrap()).collect();
    assert_eq!(losses, ["file", "disk", "site", "credentials"]);
    let document = environment.run(&["check", "--explain", "objectives", "--json", "plans"]).expect_code(65).json();
    assert_eq!(document["invalid"], serde_json::json!(["plans/wrong.kdl"]));
    environment.run(&["check", "--explain", "objectives", "--format", "sarif"]).expect_code(64);
}

#[test]
fn no_secret_of_the_plan_is_shown() {
    let environment = TestEnvironment::new();
    let text = plan("p", "encrypt opss\n        lokk x").replace(
        "store fs { root \"/b\" }",
        "store s3 { bucket b; region eu-west-1; secret_access_key \"hunter2-and-more\" }",
    );
    environment.write("shared.kdl", KEY.replace(" }", "; passphrase \"correct horse\" }"));
    environment.write("plan.kdl", &text);
    let is_hidden = |shown: &str| !shown.contains("hunter2") && !shown.contains("correct horse");
    for format in ["human", "narrated", "json", "sarif", "github"] {
        let shown = environment.run(&["check", "plan.kdl", "--format", format]).expect_code(65);
        assert!(is_hidden(&shown.to_string()), "{format}: {shown}");
    }
    // Other verbs show errors, too.
    let shown = environment.run(&["run", "plan.kdl"]).expect_code(65);
    assert!(shown.stderr.contains("secret_access_key \"****************\""), "{shown}");
    assert!(is_hidden(&shown.to_string()), "{shown}");
    let (_, stdout, stderr) = with_stdin(&environment, &["check", "-", "--fix"], &text);
    assert!(stdout.contains("hunter2-and-more"), "the plan itself stays whole");
    assert!(is_hidden(&stderr), "{stderr}");
}
