use super::Notification;
use super::error::Failure;
use super::http::Request;
use crate::base::{Secret, rfc3339};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde::de::IgnoredAny;
use sha2::Sha256;

/// Where a web hook's request goes and how it looks, secrets resolved.
pub(super) struct Hook<'a> {
    pub(super) url: Secret<String>,
    pub(super) method: &'a str,
    pub(super) headers: Vec<(String, Secret<String>)>,
    /// A template; `None`: the notification's JSON.
    pub(super) body: Option<&'a str>,
    pub(super) hmac: Option<Secret<String>>,
}

/// Carries `sha256=` and the HMAC-SHA256 of the body in hexadecimal, the form
/// that GitHub's `X-Hub-Signature-256` has.
const SIGNATURE_HEADER: &str = "x-plan-signature";

pub(super) fn request(hook: &Hook<'_>, notification: &Notification) -> Result<Request, Failure> {
    let body = match hook.body {
        Some(template) => fill(template, notification),
        None => notification.to_json().to_string(),
    };
    let content_type = if is_json(&body) { "application/json" } else { "text/plain; charset=utf-8" };
    let signature = hook.hmac.as_ref().map(|key| signature(key.expose().as_bytes(), body.as_bytes()));
    let mut request = Request::post(&hook.url, body.into_bytes())?.with_header("content-type", content_type)?;
    request.method = Method::from_bytes(hook.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| Failure::settings(format!("`{}` is no HTTP method", hook.method)))?;
    if let Some(signature) = signature {
        request = request.with_header(SIGNATURE_HEADER, &signature)?;
    }
    // Last, so that a header of the plan's wins.
    for (name, value) in &hook.headers {
        request = request.with_header(name, value.expose().trim())?;
    }
    Ok(request)
}

/// Replaces `{event}`, `{plan}`, `{tier}`, `{source}`, `{host}`, `{time}`,
/// `{title}`, `{text}` and `{json}`; other braces stay. In a template that is
/// JSON the values are escaped for standing inside its strings, `{json}` apart.
pub(super) fn fill(template: &str, notification: &Notification) -> String {
    let is_json = is_json(template);
    let text = |value: &str| {
        let quoted = serde_json::Value::from(value).to_string();
        if is_json { quoted[1..quoted.len() - 1].to_owned() } else { value.to_owned() }
    };
    let value = |name: &str| match name {
        "event" => Some(text(&notification.event.to_string())),
        "plan" => Some(text(&notification.plan)),
        "tier" => Some(text(notification.tier.as_deref().unwrap_or_default())),
        "source" => Some(text(notification.source.as_deref().unwrap_or_default())),
        "host" => Some(text(&notification.host)),
        "time" => Some(rfc3339(notification.time)),
        "title" => Some(text(&notification.title)),
        "text" => Some(text(&notification.text)),
        "json" => Some(notification.to_json().to_string()),
        _ => None,
    };
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        match rest[1..].split_once('}').and_then(|(name, tail)| Some((value(name)?, tail))) {
            Some((value, tail)) => {
                filled.push_str(&value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Whether a template (`{json}` standing for a value) or a body is JSON.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(&text.replace("{json}", "null")).is_ok()
}

pub(super) fn signature(key: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}
