//! `plan explain`: a page for every code and setting, for people and as JSON.

use crate::support::TestEnvironment;

#[test]
fn a_code_has_a_page_for_people_and_a_document() {
    let environment = TestEnvironment::new();
    let page = environment.ok(&["explain", "plan::retention::unfillable"]);
    insta::assert_snapshot!("explain_code", page.to_string());
    let document = environment.json(&["explain", "retention::unfillable", "--json"]);
    insta::assert_json_snapshot!("explain_code_json", document);
    assert_eq!(document["page"].as_str().unwrap().trim_end(), page.stdout.trim_end());
}

#[test]
fn a_setting_has_a_page_and_a_document() {
    let environment = TestEnvironment::new();
    let page = environment.ok(&["explain", "keep"]);
    let document = environment.json(&["explain", "keep", "--json"]);
    assert_eq!(document["setting"], "keep");
    assert_eq!(document["page"].as_str().unwrap().trim_end(), page.stdout.trim_end());
}

#[test]
fn every_code_and_setting_of_the_list_has_a_page() {
    let environment = TestEnvironment::new();
    let list = environment.json(&["explain", "--json"]);
    let codes = list["codes"].as_array().unwrap();
    assert!(codes.len() >= 60, "{}", codes.len());
    // Each is one process: some of each, the last ones among them.
    for topic in codes
        .iter()
        .map(|code| &code["code"])
        .chain(list["settings"].as_array().unwrap().iter().map(|setting| &setting["setting"]))
        .step_by(17)
    {
        environment.ok(&["explain", topic.as_str().unwrap()]);
    }
    let unknown = environment.run(&["explain", "retention::unfilable", "--json"]).expect_code(64);
    assert!(unknown.stdout.contains("did you mean `plan::retention::unfillable`?"), "{unknown}");
}
