use std::fmt;

/// Why someone was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyErrorKind {
    /// The channel's address, header or secret is wrong.
    Settings,
    /// The other side was reached and said no.
    Refused,
    /// It could not be reached, or gave no answer in time.
    Unreachable,
}

/// A notification was not delivered, after all repeats. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyError {
    pub kind: NotifyErrorKind,
    /// The name of the `notify` node.
    pub notify: String,
    /// `slack`, `email`, …
    pub channel: &'static str,
    pub host: Option<String>,
    pub detail: String,
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't notify `{}` by {}", self.notify, self.channel)?;
        if let Some(host) = &self.host {
            write!(f, " at `{host}`")?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for NotifyError {}

/// A [`NotifyError`] before it is known whose it is.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: NotifyErrorKind,
    pub(super) host: Option<String>,
    pub(super) detail: String,
}

impl Failure {
    pub(super) fn settings(detail: impl Into<String>) -> Self {
        Self { kind: NotifyErrorKind::Settings, host: None, detail: detail.into() }
    }

    pub(super) fn at(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }
}
