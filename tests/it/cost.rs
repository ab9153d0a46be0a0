//! What a plan costs: the document's own table at its own prices, and today's beside it.

use crate::support::TestEnvironment;
use std::path::Path;

/// The document as it reckons: a full backup of 100 MB a day for 30 days, and of 2 GB a week for 52 weeks.
const DOCUMENT: &str = r#"plan document {
    source data { base "/opt/data"; expect size="100MB" }
    source system { base "/opt"; expect size="2GB" }
    tier incremental {
        mode full
        store s3 { bucket b; region us-east-1 }
        storage-class STANDARD_IA
        encrypt none
        take data schedule="0 2 * * *"
        keep daily=30
    }
    tier complete {
        mode full
        store s3 { bucket b; region us-east-1; root "/complete" }
        storage-class GLACIER
        encrypt none
        take system schedule="0 2 * * 0"
        keep weekly=52
    }
}
"#;

fn prices() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/rpa-prices.json").to_string_lossy().into_owned()
}

#[test]
fn the_documents_sizes_and_prices_give_its_table_with_todays_figure_beside_it() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", DOCUMENT);
    environment.write("prices.json", std::fs::read(prices()).unwrap());
    insta::assert_snapshot!("cost_of_the_document", environment.ok(&["cost", "--prices", "prices.json"]).to_string());
    let document = environment.json(&["cost", "--prices", "prices.json", "--json"]);
    assert_eq!(document["format_version"], 1);
    let storage = |at: usize| {
        let item = &document["cost"]["tiers"][at]["items"][0];
        assert_eq!(item["item"], "storage");
        item["month"].as_f64().unwrap()
    };
    assert_eq!((storage(0), storage(1)), (0.0375, 0.416));
    assert_eq!(format!("{:.2}", document["cost"]["total"].as_f64().unwrap()), "0.45");
    let today = environment.json(&["cost", "--json"]);
    assert_eq!(document["built_in"], today["cost"]);
    assert_ne!(today["cost"]["total"], document["cost"]["total"]);
}

#[test]
fn prices_are_called_old_after_ninety_days() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", DOCUMENT);
    let told = |time: &str| {
        environment.set_time(time);
        let cost = environment.ok(&["cost"]);
        cost.stdout.lines().find(|line| line.contains("days old")).map(str::to_owned)
    };
    assert_eq!(told("2026-11-24T09:00:00Z"), None);
    insta::assert_snapshot!(told("2027-03-01T09:00:00Z").unwrap(), @"note: incremental, complete: the prices of Amazon S3 are 182 days old (2026-08-31): look them up before you decide");
}

#[test]
fn sizes_are_those_that_past_runs_have_found() {
    let environment = TestEnvironment::new();
    environment.write("data/file", vec![7; 100_000]);
    environment.write(
        "plan.kdl",
        "plan p {
            source data { base \"data\"; expect size=\"5GB\" change=\"5GB\" }
            tier disk { store fs { root \"store\" }; encrypt none; take data schedule=\"@daily\"; keep daily=3 }
        }",
    );
    let size = |arguments: &[&str]| {
        let document = environment.json(arguments);
        let tier = &document["cost"]["tiers"][0];
        (tier["sources"][0]["size_from"].clone(), tier["stored_bytes"].as_u64().unwrap())
    };
    assert_eq!(size(&["cost", "--json"]), ("expected".into(), 15_000_000_000));
    environment.ok(&["run", "--now"]);
    let (from, bytes) = size(&["cost", "--json"]);
    assert_eq!(from, "measured");
    // A hundred thousand equal bytes pack well.
    assert!(bytes < 100_000, "{bytes}");
    assert_eq!(size(&["cost", "--json", "--expected"]).0, "expected");
    let shown = environment.ok(&["cost"]);
    assert!(shown.stdout.contains("sizes: measured in past runs (`data`)"), "{shown}");
}

#[test]
fn a_wrong_price_file_is_named_with_the_place() {
    let environment = TestEnvironment::new();
    environment.write("plan.kdl", DOCUMENT);
    let missing = environment.run(&["cost", "--prices", "nowhere.json"]).expect_code(64);
    let broken = std::fs::read_to_string(prices()).unwrap().replace("\"wasabi\"", "\"wasaby\"");
    environment.write("prices.json", broken);
    let unknown = environment.run(&["cost", "--prices", "prices.json"]).expect_code(1);
    insta::assert_snapshot!("cost_with_a_wrong_price_file", format!("{missing}{unknown}"));
}
