//! What `limit` promises: bytes at a rate, and requests at once. Counted, never timed.

use super::fake_s3::FakeS3;
use super::*;
use crate::base::Rate;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};

/// So high that nobody waits for it.
const RATE: Rate = Rate { bytes_per_second: 1 << 50 };

#[test]
fn every_byte_up_and_down_passes_at_the_rates_of_the_tier() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store").to_str().unwrap().to_owned();
    for mut settings in [StoreSettings::new("fs", [("root", root)]), StoreSettings::new("memory", [])] {
        (settings.upload, settings.download) = (Some(RATE), Some(RATE));
        let store = Store::open(&settings).unwrap();
        let bytes = vec![7; 3 << 20];
        let mut object =
            store.create("archives/a", &WriteOptions { class: Class::Data, expected_bytes: None }).unwrap();
        object.write_all(&bytes).unwrap();
        object.finish().unwrap();
        store.put("runs/a", &bytes[..1000], Put::IfAbsent).unwrap();
        assert_eq!(store.read("runs/a", 2000).unwrap().len(), 1000);
        store.read_range("archives/a", 5, &mut [0; 500]).unwrap();
        store.stream("archives/a").unwrap().read_to_end(&mut Vec::new()).unwrap();
        let counters = store.counters();
        assert_eq!((counters.bytes_up, counters.bytes_down), ((3 << 20) + 1000, (3 << 20) + 1500));
        let inner = store.inner();
        assert_eq!((inner.upload.passed(), inner.download.passed()), (counters.bytes_up, counters.bytes_down));
    }
}

#[derive(Default)]
struct Parts {
    received: usize,
    at_once: usize,
    most_at_once: usize,
}

#[test]
fn no_more_requests_are_under_way_at_once_than_the_tier_allows() {
    for (limit, expected) in [(Some(1), 1), (Some(2), 2), (None, 4)] {
        let shared = Arc::new((Mutex::new(Parts::default()), Condvar::new()));
        let parts = Arc::clone(&shared);
        let server = FakeS3::start(move |begins| {
            let mut state = parts.0.lock().unwrap();
            if !begins {
                // Before the answer: after it the client may already have sent the next.
                state.at_once -= 1;
                return;
            }
            state.received += 1;
            state.at_once += 1;
            state.most_at_once = state.most_at_once.max(state.at_once);
            parts.1.notify_all();
            // None is answered before as many are under way as there should be.
            drop(parts.1.wait_while(state, |state| state.most_at_once < expected).unwrap());
        });
        let store = Store::open(&StoreSettings { concurrency: limit, ..server.settings() }).unwrap();
        let options = WriteOptions { class: Class::Data, expected_bytes: None };
        let mut object = store.create("archives/a", &options).unwrap();
        let piece = vec![7; 8 << 20];
        (0..5).for_each(|_| object.write_all(&piece).unwrap());
        object.finish().unwrap();
        let parts = shared.0.lock().unwrap();
        assert_eq!((parts.received, parts.most_at_once), (5, expected), "{limit:?}");
    }
}
