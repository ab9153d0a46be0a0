//! borgmatic's configuration.

use super::*;

#[test]
fn a_configuration_becomes_a_source_for_its_folders_and_one_for_every_database() {
    insta::assert_snapshot!("borgmatic", imported("borgmatic", &["config.yaml", "cron-borgmatic", "rclone.conf"]));
}

#[test]
fn a_configuration_with_sections_is_read_too() {
    insta::assert_snapshot!("borgmatic_old", imported("borgmatic", &["old.yaml"]));
}

#[test]
fn mistakes_have_their_place_and_what_is_no_configuration_is_told() {
    let environment = TestEnvironment::new();
    environment.write("config.yaml", "source_directories:\n    - /etc\nrepositories: [a, b\nkeep_daily: 7\n");
    environment.write("list.yaml", "- source_directories:\n- /etc\n");
    environment.write("empty.yaml", "source_directories:\nrepositories:\n    - path: /x\n");
    environment.write("backup.sh", "#!/bin/sh\ntar czf /b/x.tgz /x\n");
    let bomb: String =
        (1..20).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
    environment.write("bomb.yaml", format!("repositories: &a0 [x]\n{bomb}"));
    let calls: [&[&str]; 5] = [
        &["import", "config.yaml"],
        &["import", "--from", "borgmatic", "list.yaml"],
        &["import", "empty.yaml"],
        &["import", "bomb.yaml"],
        &["import", "empty.yaml", "backup.sh"],
    ];
    let shown: Vec<String> = calls.iter().map(|call| environment.run(call).expect_code(64).stderr).collect();
    insta::assert_snapshot!("borgmatic_mistakes", shown.join("\n"));
}
