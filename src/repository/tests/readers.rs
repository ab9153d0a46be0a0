//! Whoever holds one key of today can read the newest snapshot, whatever the keys were before.

use super::*;

struct Pair {
    recipient: String,
    identity: String,
}

fn pair() -> Pair {
    let (secret, recipient) = generate_identity();
    Pair { recipient, identity: secret.expose().to_owned() }
}

fn encrypt_to(bench: &mut Bench, keys: &[&Pair]) {
    let recipients: Vec<&str> = keys.iter().map(|key| key.recipient.as_str()).collect();
    bench.recipients = Some(Recipients::parse(&recipients).unwrap());
}

fn read_with(bench: &mut Bench, key: &Pair) {
    bench.identities = Some(Identities::parse(key.identity.as_bytes(), None).unwrap());
}

fn notes(bench: &Bench, keys: &[(&Pair, &str)]) -> String {
    let notes = bench.backup().notes.join("\n");
    keys.iter().fold(notes, |notes, (key, name)| notes.replace(&key.recipient, name))
}

/// A bench with some files, backed up to `key`.
fn backed_up(key: &Pair) -> Bench {
    let mut bench = Bench::new();
    bench.write("stays", &noise(1, 50_000));
    encrypt_to(&mut bench, &[key]);
    bench.backup();
    bench
}

#[test]
fn a_run_with_another_key_builds_on_nothing_that_this_key_cannot_read() {
    let (old, new) = (pair(), pair());
    let mut bench = backed_up(&old);
    encrypt_to(&mut bench, &[&new]);
    bench.write("new", b"text");
    insta::assert_snapshot!(notes(&bench, &[(&old, "OLD"), (&new, "NEW")]), @"the key has changed, and nobody who has today's can read what was stored before: this run begins anew and builds on none of it; earlier snapshots need the identity of OLD");
    read_with(&mut bench, &new);
    bench.assert_newest_restores();
    // From then on incrementally, and without a word.
    bench.write("more", b"text");
    let outcome = bench.backup();
    assert_eq!(outcome.notes, Vec::<String>::new());
    assert!(outcome.record.totals.stored_bytes < 10_000 && outcome.record.parent.is_some());
    bench.assert_newest_restores();
}

#[test]
fn a_key_that_joins_is_told_to_read_nothing_alone_once() {
    let (old, escrow) = (pair(), pair());
    let mut bench = backed_up(&old);
    encrypt_to(&mut bench, &[&old, &escrow]);
    let names = [(&old, "OLD"), (&escrow, "ESCROW")];
    insta::assert_snapshot!(notes(&bench, &names), @"ESCROW alone can't read this snapshot and those after it: what they need of earlier runs was not encrypted to that key; in a new store (another `root`) all is");
    assert_eq!(notes(&bench, &names), "");
    read_with(&mut bench, &old);
    bench.assert_newest_restores();
    // Without the old one nobody could read what is needed of the first run.
    encrypt_to(&mut bench, &[&escrow]);
    insta::assert_snapshot!(notes(&bench, &names), @"the key has changed, and nobody who has today's can read what was stored before: this run begins anew and builds on none of it; earlier snapshots need the identity of OLD");
    read_with(&mut bench, &escrow);
    bench.assert_newest_restores();
}

#[test]
fn lost_state_is_not_rebuilt_from_what_the_key_of_today_cannot_read() {
    let (old, new) = (pair(), pair());
    let mut bench = backed_up(&old);
    std::fs::remove_dir_all(bench.state()).unwrap();
    encrypt_to(&mut bench, &[&new]);
    read_with(&mut bench, &old);
    bench.can_read = true;
    assert!(notes(&bench, &[]).contains("the key has changed"));
    read_with(&mut bench, &new);
    bench.assert_newest_restores();
}

#[test]
fn a_run_that_is_cut_off_after_the_key_changed_leaves_nothing_to_build_on() {
    let (old, new) = (pair(), pair());
    for call in 1..20 {
        let mut bench = backed_up(&old);
        encrypt_to(&mut bench, &[&new]);
        let faults = Arc::new(crate::stores::testing::Faults::on_call(call, crate::stores::testing::Effect::Crash));
        let options = WalkOptions::new(bench.source());
        _ = bench.backup_from(BackupSource::Files(&options), &bench.store.with_faults(faults));
        bench.backup();
        read_with(&mut bench, &new);
        bench.assert_newest_restores();
    }
}

#[test]
fn the_record_names_the_public_keys_without_comments() {
    let mut bench = Bench::new();
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN me@home";
    bench.recipients = Some(Recipients::parse(&[ssh]).unwrap());
    assert_eq!(bench.backup().record.recipients, [ssh.strip_suffix(" me@home").unwrap()]);
}
