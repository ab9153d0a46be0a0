use super::{Command, SecretRef};
use crate::diagnostics::{Span, Spanned};
use std::fmt;

/// A channel and the events that it wants.
#[derive(Clone, Debug)]
pub struct Notify {
    pub name: Spanned<String>,
    pub channel: Channel,
    /// Not empty. Where the plan does not say: partial, failure, recovered and missed; of a watchdog
    /// (`healthchecks`) start, success, partial and failure.
    pub on: Vec<Event>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Channel {
    Slack {
        url: SecretRef,
    },
    Webhook {
        url: SecretRef,
        method: String,
        headers: Vec<(String, SecretRef)>,
        body: Option<String>,
        hmac: Option<SecretRef>,
    },
    Healthchecks {
        url: SecretRef,
    },
    Ntfy {
        url: SecretRef,
        token: Option<SecretRef>,
    },
    Email {
        to: Vec<String>,
        from: String,
        server: SecretRef,
        user: Option<SecretRef>,
        password: Option<SecretRef>,
    },
    /// The event's JSON is its standard input.
    Command {
        command: Command,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    Start,
    Success,
    Partial,
    Failure,
    Recovered,
    Missed,
    Drill,
    Report,
}

impl Event {
    pub const ALL: [Event; 8] = [
        Event::Start,
        Event::Success,
        Event::Partial,
        Event::Failure,
        Event::Recovered,
        Event::Missed,
        Event::Drill,
        Event::Report,
    ];
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failure => "failure",
            Self::Recovered => "recovered",
            Self::Missed => "missed",
            Self::Drill => "drill",
            Self::Report => "report",
        })
    }
}
