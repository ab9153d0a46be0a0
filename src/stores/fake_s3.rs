//! An S3 server on loopback that knows how objects are written, keeps what it
//! was asked, and stores nothing.

use super::StoreSettings;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// The path as it was sent, and the query.
    pub(super) path: String,
    pub(super) query: String,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

pub(super) struct FakeS3 {
    endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(super) const KEY: &str = "test-key";
pub(super) const SECRET: &str = "test-secret";

impl FakeS3 {
    /// Calls `at_part` with `true` when a part's headers have come, and with
    /// `false` right before that part is answered.
    pub(super) fn start(at_part: impl Fn(bool) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, at_part) = (Arc::clone(&asked), Arc::new(at_part));
        // Lives as long as the test's process, waiting for one more.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, at_part) = (Arc::clone(&shared), Arc::clone(&at_part));
                thread::spawn(move || while answer(&stream, &*at_part, &shared).is_some() {});
            }
        });
        Self { endpoint, asked }
    }

    pub(super) fn settings(&self) -> StoreSettings {
        let settings = [
            ("bucket", "b".to_owned()),
            ("endpoint", self.endpoint.clone()),
            ("region", "eu-west-1".to_owned()),
            ("access_key_id", KEY.to_owned()),
            ("secret_access_key", SECRET.to_owned()),
            ("disable_config_load", "true".to_owned()),
        ];
        StoreSettings { retries: Some(0), ..StoreSettings::new("s3", settings) }
    }

    /// All requests so far, oldest first.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request; `None` once there are no more.
fn answer(mut stream: &TcpStream, at_part: &dyn Fn(bool), asked: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let is_part = query.contains("partNumber=");
    if is_part {
        at_part(true);
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    let answer = match method.as_str() {
        "POST" if query.starts_with("uploads") => {
            "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        }
        "POST" => "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
        _ => "",
    };
    asked.lock().unwrap().push(Asked { method, path, query, headers, body });
    if is_part {
        at_part(false);
    }
    write!(stream, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).ok()
}
