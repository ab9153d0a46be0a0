//! Crontabs and shell scripts.

use super::*;

#[test]
fn the_documents_crontab_and_scripts_become_its_three_layers() {
    let outcome = imported("rpa", &["crontab", "backup_incremental.sh", "backup_complete.sh", "verify_backups.sh"]);
    insta::assert_snapshot!("rpa", outcome);
}

#[test]
fn the_documents_encryption_and_alerts_are_read_too() {
    let files = ["crontab", "backup_incremental.sh", "backup_complete.sh", "security.sh", "alerts.sh"];
    insta::assert_snapshot!("rpa_with_security", imported("rpa", &files));
}

#[test]
fn a_servers_dumps_mirrors_and_repositories_become_sources_and_tiers_without_its_secrets() {
    let files = ["etc-crontab", "databases.sh", "www.sh", "restic.env", "rclone.conf"];
    insta::assert_snapshot!("server", imported("server", &files));
}

#[test]
fn a_script_alone_is_daily_until_it_is_said_otherwise() {
    let script = "tar czf /backup/etc-$(date +%F).tar.gz /etc /var/lib/$APP\n";
    insta::assert_snapshot!("script_alone", imported_texts(&[("backup.sh", script)]));
}
