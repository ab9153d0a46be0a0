//! What every store must do, on each service that a test can have.

use super::testing::{Call, Effect, Faults};
use super::*;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

const DATA: WriteOptions = WriteOptions { class: Class::Data, expected_bytes: None };

fn folder(root: &Path) -> Store {
    Store::open(&StoreSettings::new("fs", [("root", root.to_str().unwrap().to_owned())])).unwrap()
}

/// A bucket of its own on the S3 server of the tests; `None`, said aloud, where
/// there is none.
fn s3(test: &str, change: impl FnOnce(&mut StoreSettings)) -> Option<Store> {
    let Ok(endpoint) = std::env::var("PLAN_TEST_S3_ENDPOINT") else {
        assert!(std::env::var("PLAN_TEST_STRICT").is_err(), "PLAN_TEST_S3_ENDPOINT is not set");
        eprintln!("skipped: PLAN_TEST_S3_ENDPOINT is not set");
        return None;
    };
    let bucket = format!("stores-{test}-{:08x}", getrandom::u32().unwrap());
    make_bucket(&endpoint, &bucket);
    let mut settings = StoreSettings::new(
        "s3",
        [
            ("bucket", bucket),
            ("endpoint", endpoint),
            ("region", "us-east-1".to_owned()),
            ("access_key_id", "test".to_owned()),
            ("secret_access_key", "test-secret".to_owned()),
            ("disable_config_load", "true".to_owned()),
            ("root", "/incremental".to_owned()),
        ],
    );
    settings.retries = Some(0);
    change(&mut settings);
    Some(Store::open(&settings).unwrap())
}

fn make_bucket(endpoint: &str, bucket: &str) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    // moto takes any signature; it reads the service's name from it.
    let credential =
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    write!(
        connection,
        "PUT /{bucket} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {credential}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn names(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|object| object.name).collect()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8 ^ (i / 65_521) as u8).collect()
}

/// The contract, checked on one store that starts empty.
fn keeps_the_contract(store: &Store) {
    assert_eq!(names(store, ""), [] as [&str; 0]);
    assert_eq!(store.stat("absent").unwrap(), None);
    assert_eq!(store.read("absent", 10).unwrap_err().kind, StoreErrorKind::NotFound);
    assert_eq!(store.stream("absent").err().unwrap().kind, StoreErrorKind::NotFound);
    store.delete(&["absent".to_owned()]).unwrap();

    // Two parts and a bit, so that the upload is one in parts where there are such.
    let large = pattern((17 << 20) + 3);
    let mut writer = store.create("archives/data/a.tar", &DATA).unwrap();
    writer.write_all(&large).unwrap();
    assert_eq!(names(store, ""), [] as [&str; 0], "nothing is visible before it is finished");
    assert_eq!(writer.len_bytes(), large.len() as u64);
    writer.finish().unwrap();
    store.create("archives/data/empty", &DATA).unwrap().finish().unwrap();

    let mut dropped = store.create("archives/data/b.tar", &DATA).unwrap();
    dropped.write_all(&large).unwrap();
    drop(dropped);
    assert_eq!(names(store, ""), ["archives/data/a.tar", "archives/data/empty"]);

    let object = store.stat("archives/data/a.tar").unwrap().unwrap();
    assert_eq!((object.name.as_str(), object.size_bytes), ("archives/data/a.tar", large.len() as u64));
    assert!(object.modified.is_some() || store.describe().starts_with("memory:"));
    assert_eq!(store.stat("archives/data").unwrap(), None, "a folder is no object");

    let mut streamed = Vec::new();
    store.stream("archives/data/a.tar").unwrap().read_to_end(&mut streamed).unwrap();
    assert!(streamed == large, "a stream gives what was written");
    assert_eq!(store.read("archives/data/empty", 0).unwrap(), b"");
    let mut range = vec![0; 70_001];
    store.read_range("archives/data/a.tar", 9 << 20, &mut range).unwrap();
    assert!(range == large[9 << 20..][..70_001]);
    let past_the_end = store.read_range("archives/data/a.tar", large.len() as u64 - 1, &mut [0; 2]);
    assert!(past_the_end.is_err(), "a range past the end is an error");
    assert_eq!(store.read("archives/data/a.tar", 1 << 20).unwrap_err().kind, StoreErrorKind::TooLarge);

    store.put("runs/data/1.json", b"one", Put::IfAbsent).unwrap();
    store.put("runs/data/1.json", b"one", Put::IfAbsent).unwrap();
    let taken = store.put("runs/data/1.json", b"two", Put::IfAbsent).unwrap_err();
    assert_eq!(taken.kind, StoreErrorKind::AlreadyExists);
    assert_eq!(store.read("runs/data/1.json", 100).unwrap(), b"one");
    store.put("runs/data/1.json", b"three", Put::Replace).unwrap();
    assert_eq!(store.read("runs/data/1.json", 100).unwrap(), b"three");
    store.put("runs/database/2.json", b"", Put::IfAbsent).unwrap();

    assert_eq!(names(store, "runs/data"), ["runs/data/1.json", "runs/database/2.json"]);
    assert_eq!(names(store, "runs/data/"), ["runs/data/1.json"]);
    assert_eq!(names(store, "runs/x"), [] as [&str; 0]);
    assert_eq!(names(store, "absent/"), [] as [&str; 0]);
    let sizes: Vec<u64> = store.list("").unwrap().iter().map(|object| object.size_bytes).collect();
    assert_eq!(sizes, [large.len() as u64, 0, 5, 0]);

    let gone = ["runs/data/1.json", "absent", "archives/data/a.tar"].map(str::to_owned);
    store.delete(&gone).unwrap();
    assert_eq!(names(store, ""), ["archives/data/empty", "runs/database/2.json"]);

    for name in ["../x", "/x", "", "a/../../x"] {
        assert_eq!(store.read(name, 1).unwrap_err().kind, StoreErrorKind::BadName, "{name:?}");
        assert_eq!(store.put(name, b"", Put::Replace).unwrap_err().kind, StoreErrorKind::BadName, "{name:?}");
        assert_eq!(store.delete(&[name.to_owned()]).unwrap_err().kind, StoreErrorKind::BadName, "{name:?}");
    }
    assert!(store.list("../").is_err());
}

#[test]
fn a_store_in_memory_keeps_the_contract() {
    keeps_the_contract(&Store::memory());
}

#[test]
fn a_store_in_a_folder_keeps_the_contract_and_is_created_by_the_first_write() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("not/yet");
    let store = folder(&root);
    assert_eq!(names(&store, ""), [] as [&str; 0]);
    assert_eq!(store.stat("a").unwrap(), None);
    store.delete(&["a".to_owned()]).unwrap();
    assert!(!root.parent().unwrap().exists(), "reading creates nothing");
    keeps_the_contract(&store);
}

#[test]
fn a_store_on_s3_keeps_the_contract() {
    if let Some(store) = s3("contract", |_| {}) {
        keeps_the_contract(&store);
    }
}

/// For whatever server is at hand: `PLAN_TEST_STORE="sftp endpoint=ssh://… key=… root=…"`.
/// The root must be empty.
#[test]
fn a_store_named_by_the_environment_keeps_the_contract() {
    let Ok(store) = std::env::var("PLAN_TEST_STORE") else {
        eprintln!("skipped: PLAN_TEST_STORE is not set");
        return;
    };
    let mut words = store.split_whitespace();
    let mut settings = StoreSettings::new(words.next().unwrap(), []);
    settings.settings = words.map(|w| w.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    settings.retries = Some(1);
    keeps_the_contract(&Store::open(&settings).unwrap());
}

#[test]
fn an_aborted_write_leaves_no_file_at_all() {
    let scratch = tempfile::tempdir().unwrap();
    let store = folder(scratch.path());
    let mut writer = store.create("a", &DATA).unwrap();
    writer.write_all(&pattern(3 << 20)).unwrap();
    assert_eq!(std::fs::read_dir(scratch.path().join(".tmp")).unwrap().count(), 1);
    drop(writer);
    assert_eq!(std::fs::read_dir(scratch.path().join(".tmp")).unwrap().count(), 0);
}

#[test]
fn files_and_folders_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    folder(&root).put("runs/a.json", b"", Put::IfAbsent).unwrap();
    let mode = |path: &str| root.join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("runs"), mode("runs/a.json")), (0o700, 0o700, 0o600));
}

#[test]
fn a_crash_in_a_write_keeps_the_earlier_object_and_the_next_writer_clears_up() {
    let scratch = tempfile::tempdir().unwrap();
    let store = folder(scratch.path());
    store.put("a", b"earlier", Put::Replace).unwrap();
    let crashing = store.with_faults(Arc::new(Faults::after_bytes(1 << 20, Effect::Crash)));
    let mut writer = crashing.create("a", &DATA).unwrap();
    assert!(writer.write_all(&pattern(2 << 20)).is_err());
    drop(writer);
    let unfinished = || std::fs::read_dir(scratch.path().join(".tmp")).unwrap().count();
    assert_eq!(unfinished(), 1, "a crash leaves its unfinished file");
    assert_eq!(store.read("a", 100).unwrap(), b"earlier");
    assert_eq!(names(&store, ""), ["a"]);

    // A store opened later sweeps, but not under a writer that still lives.
    let living = store.create("b", &DATA).unwrap();
    folder(scratch.path()).put("c", b"", Put::Replace).unwrap();
    assert_eq!(unfinished(), 1);
    living.finish().unwrap();
    assert_eq!(names(&store, ""), ["a", "b", "c"]);
}

#[test]
fn after_an_error_a_writer_repeats_it_and_stores_nothing() {
    let store = Store::memory();
    let failing = store.with_faults(Arc::new(Faults::after_bytes(0, Effect::Fail(StoreErrorKind::Full))));
    let mut writer = failing.create("a", &DATA).unwrap();
    let first = writer.write_all(&pattern(1 << 20)).unwrap_err();
    assert_eq!(first.kind(), io::ErrorKind::StorageFull);
    let second = writer.write(b"more").unwrap_err();
    assert_eq!(StoreError::of(&second), StoreError::of(&first));
    assert_eq!(writer.finish().unwrap_err().kind, StoreErrorKind::Full);
    assert_eq!(names(&store, ""), [] as [&str; 0]);
}

#[test]
fn a_root_that_can_be_no_folder_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("loop", place.path().join("loop")).unwrap();
    let open = |root: &str| {
        let root = place.path().join(root).to_str().unwrap().to_owned();
        Store::open(&StoreSettings::new("fs", [("root", root)])).err()
    };
    let told = ["file", "file/below", "loop/below"].map(|root| {
        let error = open(root).expect("refused");
        assert!(!error.is_retryable());
        error.to_string().replace(place.path().to_str().unwrap(), "")
    });
    insta::assert_snapshot!(told.join("\n"), @"
    can't open `fs:///file`: the settings are wrong (it is no folder; name another `root`, or move away what is there)
    can't open `fs:///file/below`: the settings are wrong (it lies below something that is no folder; name another `root`, or move away what is there)
    can't open `fs:///loop/below`: the settings are wrong (it can't be a folder: too many levels of symbolic links; name another `root`, or move away what is there)
    ");
    assert!(open(&"long".repeat(100)).is_some());
    assert_eq!(open("not there yet"), None);
}

#[test]
fn faults_strike_the_call_that_they_name() {
    let store = Store::memory();
    let faults = Arc::new(Faults::on(Call::Put, 2, Effect::Fail(StoreErrorKind::Busy)));
    let failing = store.with_faults(faults.clone());
    failing.put("a", b"1", Put::Replace).unwrap();
    let error = failing.put("b", b"2", Put::Replace).unwrap_err();
    assert!(error.is_retryable());
    failing.put("b", b"2", Put::Replace).unwrap();
    assert_eq!(faults.calls(), 3);

    let lost = store.with_faults(Arc::new(Faults::on_call(1, Effect::LoseAnswer(StoreErrorKind::Timeout))));
    assert_eq!(lost.put("c", b"3", Put::Replace).unwrap_err().kind, StoreErrorKind::Timeout);
    assert_eq!(store.read("c", 10).unwrap(), b"3", "it was done, only the answer was lost");
}

#[test]
fn counters_tell_requests_and_bytes() {
    let store = Store::memory();
    store.put("a", b"12345", Put::Replace).unwrap();
    let mut writer = store.create("b", &DATA).unwrap();
    writer.write_all(&pattern(20 << 20)).unwrap();
    writer.finish().unwrap();
    store.read_range("b", 0, &mut [0; 100]).unwrap();
    store.stat("a").unwrap();
    store.list("").unwrap();
    store.delete(&["a".to_owned()]).unwrap();
    let counted = store.counters();
    let expected = Counters {
        writes: 1 + (3 + 2),
        reads: 1,
        stats: 1,
        lists: 1,
        deletes: 1,
        bytes_up: 5 + (20 << 20),
        bytes_down: 100,
    };
    assert_eq!(counted, expected);
}

#[test]
fn only_data_objects_get_the_storage_class() {
    let Some(store) = s3("class", |settings| settings.storage_class = Some("GLACIER".to_owned())) else { return };
    for (name, class) in [("cold", Class::Data), ("hot", Class::Hot)] {
        let mut writer = store.create(name, &WriteOptions { class, expected_bytes: None }).unwrap();
        writer.write_all(b"bytes").unwrap();
        writer.finish().unwrap();
    }
    store.put("put", b"bytes", Put::IfAbsent).unwrap();
    assert_eq!(store.read("hot", 10).unwrap(), b"bytes");
    assert_eq!(store.read("put", 10).unwrap(), b"bytes");
    let frozen = store.read("cold", 10).unwrap_err();
    assert_eq!(frozen.kind, StoreErrorKind::Archived);
    assert!(!frozen.is_retryable());
    let size = store.stat("cold").unwrap().map(|object| object.size_bytes);
    assert_eq!(size, Some(5), "what is frozen can still be looked up");
}

#[test]
fn uploads_ask_for_server_side_encryption_and_carry_metadata() {
    let kms = |settings: &mut StoreSettings| {
        settings.server_side_encryption =
            Some(ServerSideEncryption::Kms { key: Some("alias/rpa-backup-key".to_owned()) });
        settings.metadata = vec![("tier".to_owned(), "cloud".to_owned())];
    };
    let Some(store) = s3("kms", kms) else { return };
    store.put("a", b"bytes", Put::IfAbsent).unwrap();
    assert_eq!(store.read("a", 10).unwrap(), b"bytes");
    let place = store.describe();
    let bucket = place.strip_prefix("s3://").unwrap();
    let headers = head(&std::env::var("PLAN_TEST_S3_ENDPOINT").unwrap(), &format!("/{bucket}/a"));
    assert!(headers.contains("x-amz-server-side-encryption: aws:kms"), "{headers}");
    assert!(headers.contains("alias/rpa-backup-key"), "{headers}");
    assert!(headers.contains("x-amz-meta-tier: cloud"), "{headers}");
}

fn head(endpoint: &str, path: &str) -> String {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    let credential =
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    write!(
        connection,
        "HEAD {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {credential}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.to_lowercase()
}

#[test]
fn a_missing_bucket_is_a_wrong_setting() {
    let Some(store) = s3("missing", |settings| {
        settings.settings.insert("bucket".to_owned(), "there-is-none".to_owned());
    }) else {
        return;
    };
    let error = store.put("a", b"", Put::Replace).unwrap_err();
    insta::assert_snapshot!(error, @"can't write `a` in `s3://there-is-none/incremental`: the settings are wrong (NoSuchBucket: The specified bucket does not exist)");
}

#[test]
fn an_unreachable_store_is_busy_and_its_secrets_stay_hidden() {
    let mut settings = StoreSettings::new(
        "s3",
        [
            ("bucket", "b".to_owned()),
            // A port that nothing listens on.
            ("endpoint", "http://127.0.0.1:9".to_owned()),
            ("region", "us-east-1".to_owned()),
            ("access_key_id", "AKIDEXAMPLE".to_owned()),
            ("secret_access_key", "hunter2hunter2".to_owned()),
        ],
    );
    settings.retries = Some(0);
    assert!(!format!("{settings:?}").contains("hunter2"));
    let error = Store::open(&settings).unwrap().read("a", 1).unwrap_err();
    insta::assert_snapshot!(error, @"can't read `a` in `s3://b`: the store is busy or unreachable (Connection refused)");
    assert!(error.is_retryable());
}
