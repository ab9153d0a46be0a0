use super::Notification;
use super::error::Failure;
use super::http::Request;
use crate::base::{Secret, rfc3339};
use serde_json::{Value, json};

// Limits of Slack's Block Kit, in characters: https://api.slack.com/reference/block-kit/blocks
const HEADER_LIMIT: usize = 150;
const SECTION_LIMIT: usize = 3000;
const FIELD_LIMIT: usize = 2000;
const FIELDS_IN_A_SECTION: usize = 10;
/// Chosen: two sections; who wants more reads the report.
const FIELDS_LIMIT: usize = 20;

pub(super) fn request(url: &Secret<String>, notification: &Notification) -> Result<Request, Failure> {
    Request::post(url, payload(notification).to_string().into_bytes())?.with_header("content-type", "application/json")
}

/// An incoming web hook's message: `text` is what a phone shows, `blocks` the rest.
pub(super) fn payload(notification: &Notification) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&notification.title, HEADER_LIMIT) },
    })];
    if !notification.text.is_empty() {
        blocks.push(json!({
            "type": "section",
            "text": { "type": "mrkdwn", "text": escaped(&notification.text, SECTION_LIMIT) },
        }));
    }
    let fields: Vec<Value> = notification
        .fields
        .iter()
        .take(FIELDS_LIMIT)
        .map(|(name, value)| {
            let text = format!("*{}*\n{}", escaped(name, FIELD_LIMIT / 4), escaped(value, FIELD_LIMIT / 2));
            json!({ "type": "mrkdwn", "text": text })
        })
        .collect();
    blocks.extend(fields.chunks(FIELDS_IN_A_SECTION).map(|fields| json!({ "type": "section", "fields": fields })));
    let context = format!(
        "{} · {} · {} · {}",
        notification.headline(),
        notification.subject(),
        notification.host,
        rfc3339(notification.time)
    );
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": escaped(&context, FIELD_LIMIT) }],
    }));
    json!({ "text": escaped(&notification.title, SECTION_LIMIT), "blocks": blocks })
}

/// Slack's three control characters escaped, at most `limit` characters long.
fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for c in text.trim_end().chars() {
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        length += piece.len().max(1);
        if length >= limit {
            out.push('…');
            break;
        }
        if piece.is_empty() { out.push(c) } else { out.push_str(piece) }
    }
    out
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}
