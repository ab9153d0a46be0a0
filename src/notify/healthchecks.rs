use super::error::Failure;
use super::http::Request;
use super::{Notification, Outcome};
use crate::base::{Exit, Secret};
use crate::plan::Event;

/// healthchecks keeps about 100 kB of a ping's body: <https://healthchecks.io/docs/attaching_logs/>
const BODY_LIMIT_BYTES: usize = 100_000;

pub(super) fn request(url: &Secret<String>, notification: &Notification) -> Result<Request, Failure> {
    let text = notification.plain_text();
    let mut request = Request::post(url, tail(&text, BODY_LIMIT_BYTES).as_bytes().to_vec())?;
    let path = request.url.path().trim_end_matches('/').to_owned();
    request.url.set_path(&format!("{path}{}", suffix(notification)));
    if let Some(correlation) = &notification.correlation {
        request.url.query_pairs_mut().append_pair("rid", &uuid_of(correlation));
    }
    request.with_header("content-type", "text/plain; charset=utf-8")
}

/// What is appended to a check's address. A drill that went well and a report
/// are only logged: they do not say that a backup was made.
pub(super) fn suffix(notification: &Notification) -> String {
    match (notification.event, notification.outcome) {
        (Event::Start, _) => "/start".to_owned(),
        (Event::Success | Event::Recovered, _) => String::new(),
        (Event::Partial, _) => format!("/{}", Exit::Partial.code()),
        (Event::Failure | Event::Missed, _) | (_, Outcome::Bad) => "/fail".to_owned(),
        (Event::Drill | Event::Report, _) => "/log".to_owned(),
    }
}

/// A UUID (version 8, RFC 9562) that is the same for the same text, so that the
/// pings of one run find each other.
pub(super) fn uuid_of(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes());
    let mut bytes: [u8; 16] = hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The last part of `text`, of at most `limit` bytes.
fn tail(text: &str, limit: usize) -> &str {
    let start = (text.len().saturating_sub(limit)..text.len()).find(|at| text.is_char_boundary(*at));
    start.map_or("", |at| &text[at..])
}
