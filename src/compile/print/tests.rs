use super::{dot, json, mermaid, text};
use crate::base::Style;
use crate::compile::{Compiled, JobName, Selection, compile, lock_text, sample};
use crate::plan::Plan;
use unicode_width::UnicodeWidthStr;

fn whole(plan: &Plan) -> Compiled {
    compile(plan, &Selection::everything(plan)).expect("the plan compiles")
}

#[test]
fn the_design_plan_as_text() {
    insta::assert_snapshot!(text(&whole(&sample::rpa()), 100, Style::PLAIN));
}

#[test]
fn the_design_plan_as_text_in_a_narrow_terminal() {
    insta::assert_snapshot!(text(&whole(&sample::rpa()), 60, Style::PLAIN));
}

#[test]
fn the_design_plan_as_dot() {
    insta::assert_snapshot!(dot(&whole(&sample::rpa())));
}

#[test]
fn the_design_plan_as_mermaid() {
    insta::assert_snapshot!(mermaid(&whole(&sample::rpa())));
}

#[test]
fn the_design_plan_as_json() {
    insta::assert_json_snapshot!(json(&whole(&sample::rpa())));
}

#[test]
fn the_design_plan_as_a_lock() {
    let plan = sample::rpa();
    let lock = lock_text(&plan, &whole(&plan), &[]);
    assert!(!lock.contains("hunter2"), "a secret stands in the lock");
    insta::assert_snapshot!(lock);
}

/// Two tiers read a source with hooks, a third one copies from the first.
fn hooked() -> Plan {
    sample::plan(
        r#"plan hooked {
            source db {
                base "/srv/db"
                before systemctl stop db
                before sync
                after systemctl start db
            }
            tier disk {
                store fs { root "/mnt/disk" }
                take db schedule="@daily"
                keep last=7
                verify checksum
            }
            tier nas {
                store sftp { endpoint "ssh://nas"; root "/backups" }
                take db
            }
            tier away {
                store b2 { bucket away }
                from disk
            }
        }"#,
    )
}

#[test]
fn the_graphs_of_the_repositorys_plans() {
    for name in ["demo", "home", "rpa", "server"] {
        insta::assert_snapshot!(name, text(&whole(&sample::repository_plan(name)), 100, Style::PLAIN));
    }
}

#[test]
fn hooks_run_once_for_all_tiers_and_copies_wait_for_what_they_copy() {
    let compiled = whole(&hooked());
    insta::assert_snapshot!(text(&compiled, 100, Style::PLAIN));
    let edges: Vec<String> = compiled
        .steps
        .edges()
        .map(|edge| {
            let id = |id| &compiled.steps.node(id).id;
            format!("{} → {} {:?}", id(edge.from), id(edge.to), edge.needs)
        })
        .collect();
    insta::assert_snapshot!(edges.join("\n"));
}

#[test]
fn a_run_of_one_due_job_holds_only_its_steps() {
    let plan = sample::rpa();
    let selection = Selection { jobs: [JobName::new("cloud", "data")].into(), ..Selection::default() };
    let compiled = compile(&plan, &selection).expect("the plan compiles");
    insta::assert_snapshot!(text(&compiled, 100, Style::PLAIN));
}

#[test]
fn no_line_of_text_is_wider_than_asked() {
    for plan in [sample::rpa(), hooked()] {
        for width in [50, 60, 80, 100, 140] {
            for line in text(&whole(&plan), width, Style::PLAIN).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }
}
