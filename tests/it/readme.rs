//! Every plan and command that the README shows, run in order.

use crate::support::*;
use std::fs;
use std::path::Path;

/// The content of the fenced blocks of a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_tour_of_the_readme_works_as_it_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let environment = TestEnvironment::new();
    let plans = blocks(&readme, "kdl");
    environment.write("plan.kdl", plans.first().expect("the README shows a plan"));
    environment.write("notes/today.txt", "remember the milk");
    environment.write("notes/scratch.tmp", "nothing");
    environment.write("crontab", "0 2 * * * /opt/backup.sh\n");
    environment.write("backup.sh", "#!/bin/sh\ntar czf /backup/etc-$(date +%F).tgz /etc\n");
    let blocks = blocks(&readme, "console");
    let commands: Vec<&str> =
        blocks.iter().flat_map(|block| block.lines()).filter_map(|line| line.strip_prefix("$ ")).collect();
    let tour: Vec<&str> = commands.iter().filter_map(|command| command.strip_prefix("plan ")).collect();
    assert!(tour.len() >= 12, "the tour has its commands: {tour:?}");
    for command in tour {
        let words: Vec<&str> = command.split_whitespace().collect();
        environment.ok(&words);
    }
    assert_eq!(fs::read_to_string(environment.work("restored/today.txt")).unwrap(), "remember the milk");
    assert!(!environment.work("restored/scratch.tmp").exists());
    // The two commands at the top: the demo is a test of its own, and this is the other's part.
    assert!(commands.contains(&"cargo run --release -- run plans/demo.kdl") && commands.contains(&"./.ci/test"));
    assert!(root.join(".ci/test").is_file());
}
