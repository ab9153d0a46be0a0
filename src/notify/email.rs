use super::error::{Failure, NotifyErrorKind};
use super::http::Patience;
use super::{Notification, healthchecks};
use crate::base::{Secret, rfc3339};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};
use std::fmt::Write;
use std::thread;

const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;
const LOCAL_PORT: u16 = 25;

/// Plain text and HTML of the same content.
pub(super) fn message(to: &[String], from: &str, notification: &Notification) -> Result<Message, Failure> {
    let mailbox = |address: &str| {
        address.parse::<Mailbox>().map_err(|_| Failure::settings(format!("`{address}` is no mail address")))
    };
    let identity = format!(
        "{} {} {}",
        notification.correlation.as_deref().unwrap_or_default(),
        notification.title,
        rfc3339(notification.time)
    );
    let id = healthchecks::uuid_of(&identity);
    let subject = format!("[plan] {} {} on {}", notification.headline(), notification.subject(), notification.host);
    let mut builder = Message::builder()
        .from(mailbox(from)?)
        .date(notification.time.into())
        .message_id(Some(format!("<{id}@plan.invalid>")))
        .subject(subject.split_whitespace().collect::<Vec<_>>().join(" "));
    for address in to {
        builder = builder.to(mailbox(address)?);
    }
    builder
        .multipart(
            MultiPart::alternative()
                .boundary(format!("plan-{id}"))
                .singlepart(SinglePart::plain(notification.plain_text()))
                .singlepart(SinglePart::html(html(notification))),
        )
        .map_err(|error| Failure::settings(format!("the mail can't be made: {error}")))
}

fn html(notification: &Notification) -> String {
    let mut page = format!("<!doctype html>\n<html><body>\n<h3>{}</h3>\n", escaped(&notification.title));
    if !notification.text.is_empty() {
        let _ = writeln!(page, "<pre>{}</pre>", escaped(notification.text.trim_end()));
    }
    if !notification.fields.is_empty() {
        page.push_str("<table>\n");
        for (name, value) in &notification.fields {
            let (name, value) = (escaped(name), escaped(value));
            let _ = writeln!(page, "<tr><th align=\"left\">{name}</th><td>{value}</td></tr>");
        }
        page.push_str("</table>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// How a mail server is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
}

#[derive(Debug, PartialEq, Eq)]
enum Security {
    Tls,
    /// The connection turns to TLS before anything is said, or ends.
    StartTls,
    /// Only to this machine.
    None,
}

impl Server {
    /// `smtps://host`, `smtp://host:port`, `host:port` or `host`. Without a
    /// scheme the port decides; nothing goes to another machine in the clear.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::settings("its server is not `smtps://HOST`, `smtp://HOST:PORT` or `HOST:PORT`");
        let (scheme, rest) = match text.trim().split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text.trim()),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        if host.is_empty() || host.contains(['/', '@', ':', ' ']) {
            return Err(wrong());
        }
        let is_local = matches!(host, "localhost" | "127.0.0.1");
        let security = match (scheme, port) {
            (Some("smtps"), _) | (None, Some(SUBMISSIONS_PORT)) => Security::Tls,
            (Some("smtp") | None, _) if is_local => Security::None,
            (Some("smtp") | None, _) => Security::StartTls,
            _ => return Err(wrong()),
        };
        let default_port = match security {
            Security::Tls => SUBMISSIONS_PORT,
            Security::StartTls => SUBMISSION_PORT,
            Security::None => LOCAL_PORT,
        };
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(default_port), security })
    }
}

pub(super) fn send(
    message: &Message,
    server: &Secret<String>,
    account: Option<(Secret<String>, Secret<String>)>,
    patience: &Patience,
) -> Result<(), Failure> {
    // An error means that a provider stands already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::parse(server.expose())?;
    let builder = match server.security {
        Security::Tls => SmtpTransport::relay(&server.host),
        Security::StartTls => SmtpTransport::starttls_relay(&server.host),
        Security::None => Ok(SmtpTransport::builder_dangerous(&server.host)),
    };
    let mut builder =
        builder.map_err(|error| failure(&error).at(&server.host))?.port(server.port).timeout(Some(patience.timeout));
    if let Some((user, password)) = account {
        builder = builder.credentials(Credentials::new(user.expose().clone(), password.expose().clone()));
    }
    let transport = builder.build();
    let mut attempt = 0;
    loop {
        match transport.send(message) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_permanent() || error.is_client() || attempt + 1 >= patience.attempts => {
                return Err(failure(&error).at(&server.host));
            }
            Err(_) => thread::sleep(patience.delay(attempt, None)),
        }
        attempt += 1;
    }
}

fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let (kind, detail) = match std::error::Error::source(error) {
        _ if error.status().is_some() => (NotifyErrorKind::Refused, format!("the server answered: {error}")),
        _ if error.is_timeout() => (NotifyErrorKind::Unreachable, "no answer in time".to_owned()),
        Some(cause) => (NotifyErrorKind::Unreachable, format!("it can't be reached ({cause})")),
        None => (NotifyErrorKind::Unreachable, error.to_string()),
    };
    Failure { kind, host: None, detail }
}
