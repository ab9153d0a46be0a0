//! What `limit` promises: bytes at a rate, and requests at once. Counted, never timed.

use super::*;
use crate::base::Rate;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

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
        assert_eq!(store.read_range("archives/a", 5, 500).unwrap().len(), 500);
        store.stream("archives/a").unwrap().read_to_end(&mut Vec::new()).unwrap();
        let counters = store.counters();
        assert_eq!((counters.bytes_up, counters.bytes_down), ((3 << 20) + 1000, (3 << 20) + 1500));
        let inner = store.inner();
        assert_eq!((inner.upload.passed(), inner.download.passed()), (counters.bytes_up, counters.bytes_down));
    }
}

#[test]
fn no_more_requests_are_under_way_at_once_than_the_tier_allows() {
    for (limit, expected) in [(Some(1), 1), (Some(2), 2), (None, 4)] {
        let server = PartsServer::start(expected);
        let mut settings = StoreSettings::new(
            "s3",
            [
                ("bucket", "b".to_owned()),
                ("endpoint", server.endpoint.clone()),
                ("region", "us-east-1".to_owned()),
                ("access_key_id", "test".to_owned()),
                ("secret_access_key", "test".to_owned()),
                ("disable_config_load", "true".to_owned()),
            ],
        );
        (settings.concurrency, settings.retries) = (limit, Some(0));
        let store = Store::open(&settings).unwrap();
        let options = WriteOptions { class: Class::Data, expected_bytes: None };
        let mut object = store.create("archives/a", &options).unwrap();
        let piece = vec![7; 8 << 20];
        (0..5).for_each(|_| object.write_all(&piece).unwrap());
        object.finish().unwrap();
        let parts = server.parts.0.lock().unwrap();
        assert_eq!((parts.received, parts.most_at_once), (5, expected), "{limit:?}");
    }
}

/// An S3 server that knows uploads in parts, and answers the first part only
/// once as many are under way as there should be.
struct PartsServer {
    endpoint: String,
    parts: Arc<(Mutex<Parts>, Condvar)>,
}

#[derive(Default)]
struct Parts {
    received: usize,
    at_once: usize,
    most_at_once: usize,
}

impl PartsServer {
    fn start(expected: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let parts = Arc::new((Mutex::new(Parts::default()), Condvar::new()));
        let shared = Arc::clone(&parts);
        // Lives as long as the test's process, waiting for one more.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || while answer(&stream, expected, &shared).is_some() {});
            }
        });
        Self { endpoint, parts }
    }
}

/// Answers one request; `None` once there are no more.
fn answer(stream: &TcpStream, expected: usize, parts: &(Mutex<Parts>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).ok().filter(|count| *count > 0)?;
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let is_part = request.contains("partNumber=");
    if is_part {
        let mut state = parts.0.lock().unwrap();
        state.received += 1;
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        parts.1.notify_all();
        drop(parts.1.wait_while(state, |state| state.most_at_once < expected).unwrap());
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    if is_part {
        // Before the answer: after it the client may already have sent the next.
        parts.0.lock().unwrap().at_once -= 1;
    }
    let body = match () {
        () if request.contains("uploads") => {
            "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        }
        () if request.starts_with("POST") => {
            "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>"
        }
        () => "",
    };
    let mut stream = stream;
    write!(stream, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()
}
