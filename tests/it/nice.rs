//! Standing back for other work of the machine.

use crate::support::TestEnvironment;
use std::fs;

/// What a hook and a source's command see of their own priority.
fn seen(nice: &str) -> [String; 2] {
    let environment = TestEnvironment::new();
    let (store, hook) = (environment.path("store"), environment.path("hook"));
    environment.write(
        "plan.kdl",
        format!(
            "plan test {{\n    {nice}\n    source s {{\n        command sh \"-c\" \"nice; ionice\" {{ stdout \"seen\" }}\n        \
             before sh \"-c\" \"(nice; ionice) > '{}'\"\n    }}\n    tier disk {{\n        store fs {{ root {store:?} }}\n        \
             encrypt none\n        schedule \"@daily\"\n        take s\n    }}\n}}\n",
            hook.display()
        ),
    );
    environment.ok(&["run", "--now"]);
    let command = environment.ok(&["cat", "latest", "seen"]).stdout;
    [fs::read_to_string(hook).expect("the hook has run"), command].map(|text| text.trim().replace('\n', " "))
}

#[test]
fn a_run_its_hooks_and_commands_have_the_priority_that_the_plan_says() {
    let [hook, command] = seen("");
    let own: i32 = hook.split(' ').next().and_then(|level| level.parse().ok()).expect("nice(1) prints a number");
    assert_eq!(hook, command);
    assert!(!hook.contains("idle"), "{hook}");
    let level = own.max(12);
    assert_eq!(seen("nice 12 io=idle"), [format!("{level} idle"), format!("{level} idle")]);
}
