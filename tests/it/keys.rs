//! Who can write, who can read: hosts with public keys only, the wrong key, no
//! key, many keys, SSH keys.

use crate::support::{Backup, Comparison, TreePrint, age_identity, have, trees};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Exit code "no key, or the wrong key".
const WRONG_KEY: i32 = 12;

#[test]
fn a_host_with_public_keys_only_goes_on_incrementally_from_its_state() {
    let backup = Backup::new();
    let identity = backup.identity().unwrap().to_owned();
    backup.edit_plan(&format!("; identity (file){identity:?}"), "");
    trees::build_small_files(&backup.source(), 2_000, 5);
    fs::write(backup.source().join("noise"), crate::support::Random::new(6).bytes(8 << 20)).unwrap();
    backup.snapshot();
    let before = backup.stored_bytes();
    trees::put(&backup.source(), "new", "a little more");
    let print = TreePrint::of(&backup.source());
    let id = backup.snapshot();
    let added = backup.stored_bytes() - before;
    assert!(added < 64 << 10, "one small file cost {added} bytes without an identity");

    // It cannot read what it wrote, and says so.
    let target = backup.environment.path("refused");
    let refused = backup.environment.run(&["restore", "--to", &target.to_string_lossy()]).expect_code(WRONG_KEY);
    assert!(refused.stderr.contains("identity"), "it says what is missing:\n{refused}");
    assert!(!target.exists() || fs::read_dir(&target).unwrap().next().is_none(), "nothing is half restored");
    // What needs no key works.
    backup.environment.ok(&["verify", "--level", "checksum"]);
    backup.environment.ok(&["list"]);

    // Elsewhere, with the identity and without this host's state.
    fs::remove_dir_all(backup.environment.path("state")).unwrap();
    let key = fs::read_to_string(backup.environment.work("plan.kdl")).unwrap();
    let recipient = key.lines().find(|line| line.contains("recipient")).unwrap().to_owned();
    backup.edit_plan(&recipient, &recipient.replace(" }", &format!("; identity (file){identity:?} }}")));
    print.assert_is(&backup.restore(&id), Comparison::ALL);
}

#[test]
fn the_wrong_key_restores_nothing_and_says_so() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "secret");
    backup.snapshot();
    backup.name_the_wrong_key();
    let target = backup.environment.path("refused");
    for arguments in [
        vec!["restore", "--to", target.to_str().unwrap()],
        vec!["cat", "latest", "file"],
        vec!["ls", "latest"],
        vec!["verify", "--level", "contents"],
    ] {
        let refused = backup.environment.run(&arguments).expect_code(WRONG_KEY);
        assert!(refused.stdout.is_empty() || arguments[0] == "verify", "nothing is shown:\n{refused}");
    }
    assert!(!target.exists() || fs::read_dir(&target).unwrap().next().is_none(), "nothing is half restored");
}

/// A plan that makes its own key in `work/made.key`, which has been done.
fn with_made_key() -> Backup {
    let backup = Backup::new();
    let plan = fs::read_to_string(backup.environment.work("plan.kdl")).unwrap();
    let key = plan.lines().find(|line| line.contains("key k {")).unwrap();
    backup.edit_plan(key, "    key k { identity (file)\"made.key\" create=#true }");
    trees::put(&backup.source(), "file", "secret");
    backup.snapshot();
    backup
}

/// The recipient in a message depends on the key.
fn without_recipients(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n']);
    let is_recipient = |word: &str| word.trim_matches(['(', ')', ';', ',', '\n', ' ']).starts_with("age1");
    words
        .map(|word| {
            if is_recipient(word) {
                word.replace(word.trim_matches(['(', ')', ';', ',', '\n', ' ']), "AGE1")
            } else {
                word.to_owned()
            }
        })
        .collect()
}

#[test]
fn a_key_is_never_made_anew_where_backups_need_the_lost_one() {
    let backup = with_made_key();
    let environment = &backup.environment;
    fs::rename(environment.work("made.key"), environment.path("escrow.key")).unwrap();
    insta::assert_snapshot!(without_recipients(&backup.run().expect_code(WRONG_KEY).to_string()), @"
    exit 12
    --- stderr ---
    error: the identity file `$ROOT/work/made.key` of key `k` is gone, and backups are encrypted to it
      help: put back the file whose recipient is AGE1; if it is lost for good, so are those backups: `plan key new $ROOT/work/made.key` makes a new key, and the next run begins anew with it
    ");
    // This host has forgotten that it made one: the store has not.
    fs::remove_dir_all(environment.path("state")).unwrap();
    insta::assert_snapshot!(without_recipients(&backup.run().expect_code(WRONG_KEY).to_string()), @"
    exit 12
    --- stderr ---
    error: the identity file `$ROOT/work/made.key` of key `k` is not there, and `fs://$ROOT/store` holds backups encrypted with this key (recipient AGE1)
      help: put it back from where you keep a copy of it; if it is lost for good, so are those backups: `plan key new $ROOT/work/made.key` makes a new key, and the next run begins anew with it
    ");
    assert!(!environment.work("made.key").exists());
    // What it says helps: the old key comes back …
    fs::copy(environment.path("escrow.key"), environment.work("made.key")).unwrap();
    backup.run().expect_code(0);
    // … or a new one is made on purpose, and alone reads what is backed up from then on.
    fs::remove_file(environment.work("made.key")).unwrap();
    environment.ok(&["key", "new", "made.key"]);
    trees::put(&backup.source(), "another", "file");
    let told = backup.run().expect_code(0);
    assert!(told.stdout.contains("the key has changed"), "{told}");
    let id = backup.snapshots().pop().unwrap();
    let restored = backup.restore(&id);
    assert_eq!(fs::read_to_string(restored.join("file")).unwrap(), "secret");
    let again = backup.run().expect_code(0);
    assert!(!again.stdout.contains("notes"), "it is said once:\n{again}");
}

#[test]
fn a_named_identity_is_the_only_one_that_reads() {
    let backup = Backup::new();
    let home = backup.environment.path("home");
    let (escrow, escrow_recipient) = age_identity(&home, "escrow.txt");
    let (stranger, _) = age_identity(&home, "stranger.txt");
    backup.edit_plan("key k {", &format!("key k {{ recipient {escrow_recipient};"));
    trees::put(&backup.source(), "file", "secret");
    let id = backup.snapshot();
    let (escrow, stranger) = (escrow.to_str().unwrap(), stranger.to_str().unwrap());
    for arguments in [
        vec!["cat", "latest", "file"],
        vec!["ls", "latest"],
        vec!["verify", "--level", "contents"],
        vec!["restore", "--to", "restored"],
    ] {
        // The plan's own identity would open it.
        backup.environment.ok(&[&arguments[..], &["--identity", escrow]].concat());
        let told = backup.environment.run(&[&arguments[..], &["--identity", stranger]].concat());
        let help = told.expect_code(WRONG_KEY).stderr.lines().last().expect("it helps").to_owned();
        insta::allow_duplicates! {
            insta::assert_snapshot!(without_recipients(help.trim()), @"help: it is encrypted to AGE1, AGE1; `$ROOT/home/stranger.txt` is another one's identity: name the right file with `--identity FILE` (`plan key show FILE` tells whose it is)");
        }
    }
    // Nor does it open it where the plan has no key any more.
    backup.edit_plan("encrypt k", "encrypt none");
    assert_eq!(backup.environment.ok(&["cat", "latest", "file", "--identity", escrow]).raw_stdout, b"secret");
    let told = backup.environment.run(&["cat", "latest", "file"]).expect_code(WRONG_KEY);
    insta::assert_snapshot!(without_recipients(&told.stderr.replace(&id, "RUN")), @"
    error: `snapshots/files/RUN.json.age` in `fs://$ROOT/store`: no key to decrypt with
      help: it is encrypted to AGE1, AGE1; tier `disk` has no key in the plan: name the right file with `--identity FILE` (`plan key show FILE` tells whose it is)
    ");
    backup.edit_plan("encrypt none", "encrypt k");
    let missing = backup.environment.run(&["ls", "latest", "--identity", "gone.key"]).expect_code(WRONG_KEY);
    insta::assert_snapshot!(missing.stderr, @"
    error: the identity file `$ROOT/work/gone.key` cannot be used: no such file or directory
      help: name an age identity file, as of `plan key new` or `age-keygen`, or an SSH key
    ");
    fs::remove_file(backup.identity().unwrap()).unwrap();
    assert_eq!(backup.environment.ok(&["cat", "latest", "file", "--identity", escrow]).raw_stdout, b"secret");
}

#[test]
fn a_passphrase_is_asked_for_once_however_many_snapshots_are_read() {
    let backup = Backup::new();
    let environment = &backup.environment;
    let line = |arguments: &[&str]| {
        let output =
            environment.command(arguments).write_stdin("correct horse\n").output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    };
    let recipient = line(&["key", "new", "locked.key", "--passphrase"]);
    let second = environment.path("second");
    backup.edit_plan(
        "key k {",
        &format!("source other {{ base {second:?} }}\n    key k {{ recipient {};", recipient.trim()),
    );
    backup.edit_plan("take files", "take files other");
    trees::put(&backup.source(), "file", "secret");
    trees::put(&second, "file", "another");
    environment.ok(&["run", "--now"]);
    line(&["restore", "--to", "restored", "--identity", "locked.key"]);
    for (source, text) in [("files", "secret"), ("other", "another")] {
        let restored = environment.work("restored").join(source).join("file");
        assert_eq!(fs::read_to_string(restored).unwrap(), text);
    }
}

#[test]
fn an_identity_file_that_is_missing_is_named() {
    let backup = Backup::new();
    trees::put(&backup.source(), "file", "secret");
    backup.snapshot();
    fs::remove_file(backup.identity().unwrap()).unwrap();
    let refused = backup.environment.run(&["cat", "latest", "file"]).expect_code(WRONG_KEY);
    assert!(refused.stderr.contains("identity.txt"), "it names the file:\n{refused}");
    // It can still back up: that needs recipients only.
    trees::put(&backup.source(), "file", "another secret");
    backup.run().expect_code(0);
}

#[test]
fn every_recipient_can_restore_alone() {
    if !have("ssh-keygen") {
        return;
    }
    let backup = Backup::new();
    let home = backup.environment.path("home");
    let (escrow, escrow_recipient) = age_identity(&home, "escrow.txt");
    let ssh = home.join("id_ed25519");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&ssh).status();
    assert!(made.expect("ssh-keygen runs").success());
    let ssh_recipient = fs::read_to_string(home.join("id_ed25519.pub")).unwrap();
    backup.edit_plan(
        "key k {",
        &format!("key k {{ recipient {escrow_recipient} note=\"off-site\"; recipient {:?};", ssh_recipient.trim()),
    );
    trees::put(&backup.source(), "file", "secret");
    let id = backup.snapshot();
    let mut current = backup.identity().unwrap().to_owned();
    for identity in [escrow, ssh] {
        backup.edit_plan(&format!("{current:?}"), &format!("{identity:?}"));
        let text = backup.environment.ok(&["cat", &id, "file"]).raw_stdout;
        assert_eq!(text, b"secret");
        current = identity;
    }
}

#[test]
fn a_new_key_is_private_and_never_overwritten() {
    let backup = Backup::new();
    let path = backup.environment.work("new.key");
    let made = backup.environment.ok(&["key", "new", "new.key"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let recipient =
        made.stdout.split_whitespace().find(|word| word.starts_with("age1")).expect("it shows the recipient");
    let first = fs::read(&path).unwrap();
    backup.environment.run(&["key", "new", "new.key"]).expect_code(1);
    assert_eq!(fs::read(&path).unwrap(), first);
    let shown = backup.environment.ok(&["key", "show", "new.key"]);
    assert!(shown.stdout.contains(recipient), "`key show` shows the recipient of the file:\n{shown}");
    assert!(!shown.stdout.contains("AGE-SECRET-KEY"), "and not the secret");
    // It is an ordinary age identity.
    let theirs = Command::new("age-keygen").arg("-y").arg(&path).output().expect("age-keygen runs");
    assert_eq!(String::from_utf8_lossy(&theirs.stdout).trim(), recipient);
}
