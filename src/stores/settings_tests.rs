//! Settings from a tier: what is wrong with them, and what they become.

use super::*;
use crate::base::Secret;
use crate::diagnostics::{Diagnostic, FileId, Span, Spanned};
use crate::plan::{Compression, Encryption, Limits, Mode, SecretRef, Setting, SettingValue, StoreSpec, Tier};
use chrono::DateTime;
use std::path::Path;

/// A tier with a store of these settings; each text has a span of its own.
fn tier(service: &str, settings: &[(&str, &str)]) -> Tier {
    let mut at = 0;
    let mut spanned = |text: &str| {
        at += text.len();
        Spanned::new(text.to_owned(), Span::new(FileId(0), at - text.len()..at))
    };
    let service = spanned(service);
    let settings = settings
        .iter()
        .map(|(key, value)| Setting {
            key: spanned(key),
            value: spanned(value).map(|text| match text.strip_prefix("env:") {
                Some(name) => SettingValue::Secret(SecretRef::Env(name.to_owned())),
                None => SettingValue::Text(text),
            }),
        })
        .collect();
    Tier {
        name: spanned("cloud"),
        store: StoreSpec { service, settings, span: Span::default() },
        storage_class: None,
        server_side_encryption: None,
        metadata: Vec::new(),
        encryption: Encryption::None { span: None },
        compression: Spanned::new(Compression::default(), Span::default()),
        mode: Spanned::new(Mode::Incremental, Span::default()),
        schedule: None,
        takes: Vec::new(),
        keep: None,
        verify: Vec::new(),
        limits: Limits::default(),
        from: None,
        lock: None,
        volume_size: None,
        span: Span::default(),
    }
}

fn said(diagnostics: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| {
        let fix = d.fix.as_ref().map(|fix| format!(" [{}]", fix.title)).unwrap_or_default();
        format!("{} {:?}: {}; {}{fix}", d.code(), d.primary.span, d.message, d.help.as_deref().unwrap_or("no help"))
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn scope<'a>(source: Option<&'a str>) -> Scope<'a> {
    let (plan_folder, home) = (Path::new("/etc/plan"), Path::new("/home/ada"));
    Scope { host: "web-1", plan: "rpa", source, started: DateTime::UNIX_EPOCH, plan_folder, home }
}

fn resolve(reference: &SecretRef) -> Result<Secret<String>, String> {
    match reference {
        SecretRef::Env(name) if name == "SECRET" => Ok(Secret::new("hunter2hunter2".to_owned())),
        _ => Err("the variable is not set".to_owned()),
    }
}

#[test]
fn everything_that_is_wrong_with_a_store_is_said_at_once() {
    let mut wrong =
        tier("s3", &[("regoin", "eu"), ("access-key-id", "a"), ("access_key_id", "b"), ("root", "/{hots}")]);
    wrong.storage_class = Some(Spanned::new("glacier".to_owned(), Span::default()));
    wrong.metadata = vec![(Spanned::new("kept until".to_owned(), Span::default()), "{source}".to_owned())];
    insta::assert_snapshot!(said(&diagnose(&wrong)), @"
    plan::store::setting 0:2..8: `s3` has no setting `regoin`; did you mean `region`? [replace with `region`]
    plan::store::repeated 0:24..37: `access_key_id` is set twice; remove one
    plan::store::placeholder 0:42..49: `{hots}` is no placeholder; use `{host}`, `{plan}`, `{tier}` or `{source}`
    plan::store::missing 0:0..2: `s3` needs `bucket`; add `bucket` to the store
    plan::store::class 0:0..0: `s3` has no storage class `glacier`; did you mean `GLACIER`? [replace with `GLACIER`]
    plan::store::metadata 0:0..0: `kept until` can't be the name of metadata; use letters, digits and `-`
    ");
}

#[test]
fn services_and_what_they_lack_are_named() {
    let mut on_disk = tier("fs", &[("root", "/backups")]);
    on_disk.storage_class = Some(Spanned::new("GLACIER".to_owned(), Span::default()));
    let encryption = crate::plan::ServerSideEncryption::S3;
    on_disk.server_side_encryption = Some(Spanned::new(encryption, Span::default()));
    let mut cold = tier("gcs", &[("bucket", "b")]);
    cold.storage_class = Some(Spanned::new("FROZEN".to_owned(), Span::default()));
    let tiers = [tier("s4", &[]), tier("ftp", &[]), tier("fs", &[]), tier("webdav", &[("colour", "x")]), on_disk, cold];
    let all: Vec<String> = tiers.iter().map(|tier| said(&diagnose(tier))).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    plan::store::service 0:0..2: this program has no service `s4`; did you mean `s3`? [replace with `s3`]
    plan::store::service 0:0..3: this program has no service `ftp`; did you mean `sftp`? [replace with `sftp`]
    plan::store::missing 0:0..2: `fs` needs `root`; add `root` to the store
    plan::store::setting 0:6..12: `webdav` has no setting `colour`; `webdav` usually takes `endpoint`, `username`, `password` and `root`
    plan::store::missing 0:0..6: `webdav` needs `endpoint`; add `endpoint` to the store
    plan::store::class 0:0..0: a storage class can't be chosen on `fs`; remove `storage-class`; the service or its lifecycle rules decide
    plan::store::encryption 0:0..0: server-side encryption can't be chosen on `fs`; remove it; `encrypt` encrypts before anything is uploaded
    plan::store::class 0:0..0: `gcs` has no storage class `FROZEN`; use one of `STANDARD`, `NEARLINE`, `COLDLINE` or `ARCHIVE`
    ");
}

#[test]
fn a_right_store_has_nothing_said_about_it() {
    let mut right = tier("s3", &[("bucket_name", "b"), ("region", "eu"), ("root", "/{host}/{plan}/{tier}/{source}")]);
    right.storage_class = Some(Spanned::new("DEEP_ARCHIVE".to_owned(), Span::default()));
    right.metadata = vec![(Spanned::new("Host".to_owned(), Span::default()), "{host}".to_owned())];
    assert_eq!(said(&diagnose(&right)), "");
}

#[test]
fn secrets_placeholders_and_paths_are_resolved() {
    let place = |service: &str, root: &str| {
        let tier = tier(service, &[("root", root), ("bucket", "b")][..if service == "fs" { 1 } else { 2 }]);
        StoreSettings::of_tier(&tier, scope(Some("data")), &resolve).unwrap().settings["root"].clone()
    };
    assert_eq!(place("fs", "~/backups/{tier}"), "/home/ada/backups/cloud");
    assert_eq!(place("fs", "backups"), "/etc/plan/backups");
    assert_eq!(place("fs", "/{host}/{source}"), "/web-1/data");
    assert_eq!(place("s3", "/{plan}"), "/rpa");

    let mut secret = tier("s3", &[("bucket", "b"), ("secret-access-key", "env:SECRET")]);
    secret.metadata = vec![(Spanned::new("plan".to_owned(), Span::default()), "{plan}".to_owned())];
    let settings = StoreSettings::of_tier(&secret, scope(None), &resolve).unwrap();
    assert_eq!(settings.settings["secret_access_key"], "hunter2hunter2");
    assert_eq!(settings.metadata, [("plan".to_owned(), "rpa".to_owned())]);
    assert!(!format!("{settings:?}").contains("hunter2"));

    let unset = tier("s3", &[("bucket", "b"), ("secret-access-key", "env:UNSET")]);
    let error = StoreSettings::of_tier(&unset, scope(None), &resolve).unwrap_err();
    insta::assert_snapshot!(error, @"`secret_access_key` can't be resolved: the variable is not set");
}

#[test]
fn a_store_with_wrong_settings_is_not_opened() {
    let mut bad_class = StoreSettings::new("s3", [("bucket", "b".to_owned()), ("region", "eu".to_owned())]);
    bad_class.storage_class = Some("STANDARD_AI".to_owned());
    let mut bad_key = StoreSettings::new("s3", [("bucket", "b".to_owned()), ("region", "eu".to_owned())]);
    bad_key.server_side_encryption = Some(ServerSideEncryption::Customer { key: Secret::new("hunter2hunter2".into()) });
    let bad_boolean =
        StoreSettings::new("s3", [("bucket", "b".to_owned()), ("disable_config_load", "perhaps".to_owned())]);
    let no_root = StoreSettings::new("fs", [("root", String::new())]);
    let errors = [bad_class, bad_key, bad_boolean, no_root].map(|s| Store::open(&s).unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"), @r#"
    can't open `s3://b`: the settings are wrong (`s3` has no storage class `STANDARD_AI`; did you mean `STANDARD_IA`?)
    can't open `s3://b`: the settings are wrong (the customer's key for server-side encryption is not the base64 of 32 bytes; make one with `openssl rand -base64 32`)
    can't open `s3://b`: the settings are wrong (failed to deserialize config: parse config 'disable_config_load' with value '…' failed for "invalid bool value")
    can't open `fs://`: the settings are wrong (`fs` needs `root`; add `root` to the store)
    "#);
}
