use super::Objectives;
use crate::base::Style;
use crate::rules::tests::checked;

fn table(text: &str) -> String {
    let checked = checked(text);
    let plan = checked.partial_plan().expect("the text has a plan node");
    Objectives::of(plan, None).render(200, Style::PLAIN)
}

#[test]
fn the_table_says_what_each_loss_leaves() {
    insta::assert_snapshot!(
        "table",
        table(
            r#"
plan x {
    timezone "Europe/Lisbon"
    objective rpo="4h" rto="30m"
    source data { include "/srv"; expect size="2GB" change="100MB" }
    source config { include "/etc" }
    source system { include "/opt"; expect size="2GB" }
    tier local {
        store fs { root "/backups" }
        schedule "0 2-22/4 * * *"
        take data
    }
    tier near {
        store sftp { endpoint "ssh://backup@nas.local" }
        encrypt none
        schedule "0 */4 * * *" jitter="5m"
        take data
        take config schedule="0 1 * * *"
    }
    tier cloud {
        store s3 { bucket b; region eu-west-1 }
        encrypt none
        from near
        schedule "0 3 * * *"
        take data
        lock governance for="30d"
    }
    tier archive {
        mode full
        store s3 { bucket b; region eu-west-1; root "/archive" }
        storage-class GLACIER
        encrypt none
        schedule "0 2 * * 0"
        take system
    }
}
"#
        )
    );
}

#[test]
fn a_narrow_terminal_has_the_sums_below_the_table() {
    let checked = checked(&std::fs::read_to_string("plans/rpa.kdl").expect("the plan is there"));
    let objectives = Objectives::of(checked.partial_plan().expect("it is one"), None);
    insta::assert_snapshot!(objectives.render(80, Style::PLAIN));
    insta::assert_snapshot!(objectives.render(120, Style::COLOR));
    insta::assert_json_snapshot!(objectives.to_json()["exposures"][12]);
}
