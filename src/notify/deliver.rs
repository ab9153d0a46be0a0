use super::error::Failure;
use super::http::Patience;
use super::{Notification, NotifyError, command, email, healthchecks, ntfy, slack, webhook};
use crate::base::Secret;
use crate::plan::{Channel, Event, Notify, SecretRef};

/// Finds a secret's value; the error is a reason without the secret.
pub(super) type Resolve<'a> = &'a dyn Fn(&SecretRef) -> Result<Secret<String>, String>;

/// Whether this channel is to hear of such an event.
pub fn wanted(notify: &Notify, event: Event) -> bool {
    notify.on.contains(&event)
}

/// Tells one channel, whether it wants the event or not. Blocks for at most
/// about a minute: each attempt has ten seconds, and a server that asks to be
/// left alone for a while is.
///
/// # Errors
///
/// The channel was not told, or gave no sign of it.
pub fn deliver(
    notify: &Notify,
    notification: &Notification,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret<String>, String>,
) -> Result<(), NotifyError> {
    deliver_with(notify, notification, resolve, &Patience::default())
}

pub(super) fn deliver_with(
    notify: &Notify,
    notification: &Notification,
    resolve: Resolve<'_>,
    patience: &Patience,
) -> Result<(), NotifyError> {
    let channel = &notify.channel;
    send(channel, notification, resolve, patience).map_err(|failure| NotifyError {
        kind: failure.kind,
        notify: notify.name.value.clone(),
        channel: name_of(channel),
        host: failure.host,
        detail: failure.detail,
    })
}

fn send(
    channel: &Channel,
    notification: &Notification,
    resolve: Resolve<'_>,
    patience: &Patience,
) -> Result<(), Failure> {
    let secret = |what: &str, reference: &SecretRef| {
        resolve(reference)
            .map_err(|reason| Failure::settings(format!("its {what} `{reference}` can't be resolved: {reason}")))
    };
    let optional = |what: &str, reference: &Option<SecretRef>| reference.as_ref().map(|r| secret(what, r)).transpose();
    match channel {
        Channel::Slack { url } => slack::request(&secret("address", url)?, notification)?.send(patience),
        Channel::Healthchecks { url } => healthchecks::request(&secret("address", url)?, notification)?.send(patience),
        Channel::Ntfy { url, token } => {
            let token = optional("token", token)?;
            ntfy::request(&secret("address", url)?, token.as_ref(), notification)?.send(patience)
        }
        Channel::Webhook { url, method, headers, body, hmac } => {
            let resolve_header = |(name, value): &(String, SecretRef)| Ok((name.clone(), secret("header", value)?));
            let hook = webhook::Hook {
                url: secret("address", url)?,
                method,
                headers: headers.iter().map(resolve_header).collect::<Result<_, Failure>>()?,
                body: body.as_deref(),
                hmac: optional("key", hmac)?,
            };
            webhook::request(&hook, notification)?.send(patience)
        }
        Channel::Email { to, from, server, user, password } => {
            let mail = email::message(to, from, notification)?;
            let account = match (optional("user", user)?, optional("password", password)?) {
                (Some(user), Some(password)) => Some((user, password)),
                (None, None) => None,
                _ => return Err(Failure::settings("a user needs a password, and a password a user")),
            };
            email::send(&mail, &secret("server", server)?, account, patience)
        }
        Channel::Command { command } => command::run(command, notification, patience),
    }
}

fn name_of(channel: &Channel) -> &'static str {
    match channel {
        Channel::Slack { .. } => "slack",
        Channel::Webhook { .. } => "webhook",
        Channel::Healthchecks { .. } => "healthchecks",
        Channel::Ntfy { .. } => "ntfy",
        Channel::Email { .. } => "email",
        Channel::Command { .. } => "command",
    }
}
