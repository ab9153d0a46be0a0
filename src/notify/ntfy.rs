use super::error::Failure;
use super::http::Request;
use super::{Notification, Outcome};
use crate::base::Secret;
use crate::plan::Event;

/// ntfy turns a longer message into an attachment: <https://docs.ntfy.sh/publish/#limitations>
const BODY_LIMIT_BYTES: usize = 4096;

pub(super) fn request(
    url: &Secret<String>,
    token: Option<&Secret<String>>,
    notification: &Notification,
) -> Result<Request, Failure> {
    let mut body = notification.plain_text();
    if body.len() > BODY_LIMIT_BYTES {
        let ellipsis = "…";
        let end = (0..=BODY_LIMIT_BYTES - ellipsis.len()).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        body.truncate(end);
        body.push_str(ellipsis);
    }
    let (priority, tags) = priority_and_tags(notification);
    let title = format!("{} {}", notification.headline(), notification.subject());
    let request = Request::post(url, body.into_bytes())?
        .with_header("title", &title)?
        .with_header("priority", priority)?
        .with_header("tags", tags)?;
    match token {
        Some(token) => request.with_header("authorization", &format!("Bearer {}", token.expose())),
        None => Ok(request),
    }
}

/// From 1 (no sound) to 5 (breaks through "do not disturb"), and the names of emoji.
pub(super) fn priority_and_tags(notification: &Notification) -> (&'static str, &'static str) {
    match (notification.event, notification.outcome) {
        (Event::Start, _) => ("1", "arrow_forward"),
        (Event::Report, _) => ("3", "bar_chart"),
        (_, Outcome::Bad) => ("5", "rotating_light"),
        (_, Outcome::Degraded) => ("4", "warning"),
        (_, Outcome::Good) => ("2", "white_check_mark"),
        (_, Outcome::Neutral) => ("3", "information_source"),
    }
}
