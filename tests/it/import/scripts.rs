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

#[test]
fn a_document_with_scripts_in_its_blocks_is_read_with_its_own_lines() {
    let block = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import/rpa").join(name);
        format!("```bash\n{}```\n", fs::read_to_string(path).expect("a fixture is readable"))
    };
    let document = format!(
        "# Plan\n\n```\n+---+\n```\n### `/opt/x/backup_incremental.sh`\n{}\n### **`/opt/x/backup_complete.sh`**\n{}\n## Cron\n{}\n\
         ## Checks\n{}\n```python\nimport os\n```\n",
        block("backup_incremental.sh"),
        block("backup_complete.sh"),
        block("crontab"),
        block("verify_backups.sh"),
    );
    insta::assert_snapshot!("document", imported_texts(&[("plan.md", &document)]));
}

#[test]
fn a_secret_written_in_any_way_stays_where_it_is() {
    // `holds` asserts that none of them comes out.
    let script = "#!/bin/bash
NAME='hunter2'
mongodump --password hunter2 --db x --archive > /b/x.archive
mysqldump --password=hunter2 y > /b/y.sql
mysqldump -phunter2 z | gzip > /b/z.sql.gz
mysqldump -p$NAME v > /b/v.sql
docker exec -e PGPASSWORD=hunter2 db pg_dump q > /b/q.sql
PGPASSWORD=hunter2 pg_dump r > /b/r.sql
7z a -phunter2 /b/a.7z /srv/a
zip -P hunter2 -r /b/b.zip /srv/b
docker stop app --token hunter2
sshpass -p hunter2 scp /b/a.7z u@h:/x
curl -u user:hunter2 -T /b/a.7z https://h/dav/
curl -d 'token=hunter2' https://example.org/hook?key=hunter2
aws s3 cp /b/ s3://bucket/p --recursive --sse-c AES256 --sse-c-key hunter2
RESTIC_PASSWORD=hunter2 restic -r rest:https://u:hunter2@h/ backup /srv/c
restic -r s3:https://key:hunter2@minio.example/bucket backup /srv/d
azcopy copy /b \"https://acct.blob.core.windows.net/c/p?sig=hunter2\"
openssl enc -aes-256-cbc -pass pass:hunter2 -in /b/z.sql.gz -out /b/z.enc
gpg --passphrase hunter2 -c /b/y.sql
rsync -a /srv/e/ rsync://u:hunter2@h/mod
lftp -u u,hunter2 h
borg create ssh://u:hunter2@h/./repo::x /srv/f
rclone copy /b :webdav,url=https://h,pass=hunter2:x
";
    let outcome = imported_texts(&[("secrets.sh", script)]);
    assert!(outcome.stdout.contains("pg_dump"), "{outcome}");
}
