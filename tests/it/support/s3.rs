//! An S3 server on loopback, where there is one: `.ci/test` starts it.

use std::io::{Read, Write};
use std::net::TcpStream;

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// The server's address and a bucket of the test's own in it.
pub struct Bucket {
    pub endpoint: String,
    pub name: String,
}

impl Bucket {
    /// A new bucket; `None` without a server (which under `PLAN_TEST_STRICT` fails).
    pub fn create(name: &str) -> Option<Self> {
        Self::create_with(name, "")
    }

    /// One whose objects can be locked.
    pub fn create_with_locks(name: &str) -> Option<Self> {
        Self::create_with(name, "x-amz-bucket-object-lock-enabled: true\r\n")
    }

    fn create_with(name: &str, headers: &str) -> Option<Self> {
        let Ok(endpoint) = std::env::var("PLAN_TEST_S3_ENDPOINT") else {
            let message = "PLAN_TEST_S3_ENDPOINT is not set: this test proves nothing here (run ./.ci/test)";
            assert!(std::env::var_os("PLAN_TEST_STRICT").is_none(), "{message}");
            eprintln!("{message}");
            return None;
        };
        let bucket = Self { endpoint, name: format!("{name}-{}", std::process::id()) };
        let (status, _, body) = bucket.request("PUT", "", headers);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        Some(bucket)
    }

    /// Names of all objects that begin with `prefix`, sorted.
    pub fn objects(&self, prefix: &str) -> Vec<String> {
        let (status, _, body) = self.request("GET", &format!("?list-type=2&prefix={prefix}"), "");
        assert_eq!(status, 200);
        let body = String::from_utf8(body).expect("XML is UTF-8");
        assert!(body.contains("<IsTruncated>false</IsTruncated>"), "fewer than a page of objects");
        body.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }

    /// The response headers of an object, names in lower case.
    pub fn head(&self, key: &str) -> Vec<(String, String)> {
        let (status, headers, _) = self.request("HEAD", &format!("/{key}"), "");
        assert_eq!(status, 200, "`{key}` is there");
        headers
    }

    /// An object's status and bytes.
    pub fn get(&self, key: &str) -> (u16, Vec<u8>) {
        let (status, _, body) = self.request("GET", &format!("/{key}"), "");
        (status, body)
    }

    /// One request by hand: the server asks for a signature and does not check it.
    fn request(&self, method: &str, path: &str, headers: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let address = self.endpoint.strip_prefix("http://").expect("loopback speaks plain HTTP");
        let mut stream = TcpStream::connect(address).expect("the S3 server answers");
        write!(
            stream,
            "{method} /{}{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {AUTHORIZATION}\r\n{headers}\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            self.name
        )
        .expect("the request can be sent");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("the response can be read");
        let end = response.windows(4).position(|w| w == b"\r\n\r\n").expect("a response has headers");
        let head = String::from_utf8_lossy(&response[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        (status.expect("a response has a status"), headers, response[end + 4..].to_vec())
    }
}
