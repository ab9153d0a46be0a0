use std::error::Error as _;
use std::fmt;
use std::io;

/// What went wrong, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    NotFound,
    AlreadyExists,
    Denied,
    /// The object lies in an archive class and must be thawed before it is read.
    Archived,
    /// No space, or a quota.
    Full,
    /// The store is overloaded or unreachable.
    Busy,
    Timeout,
    /// A setting of the store is unknown, missing or wrong.
    Settings,
    /// The name would leave the store's root, or no service could hold it.
    BadName,
    /// More bytes than the caller was willing to hold.
    TooLarge,
    /// The disk reads or writes something no more, or the file system there is damaged.
    Disk,
    Unexpected,
}

impl StoreErrorKind {
    /// The kind as a person reads it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NotFound => "it is not there",
            Self::AlreadyExists => "it exists already",
            Self::Denied => "access is denied",
            Self::Archived => "it is archived and must be thawed first",
            Self::Full => "no space is left",
            Self::Busy => "the store is busy or unreachable",
            Self::Timeout => "no answer in time",
            Self::Settings => "the settings are wrong",
            Self::BadName => "the name is not allowed",
            Self::TooLarge => "it is larger than expected",
            Self::Disk => "the disk reports an error",
            Self::Unexpected => "an unexpected answer",
        }
    }
}

/// The call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Open,
    Write,
    Read,
    Stat,
    List,
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Write => "write",
            Self::Read => "read",
            Self::Stat => "look up",
            Self::List => "list",
            Self::Delete => "delete",
        })
    }
}

/// A call on a store failed. Holds no secret: addresses are stripped of their
/// query, and the values of secret settings are blanked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub operation: Operation,
    /// The object's name, or the prefix of a listing; `None`: the store itself.
    pub object: Option<String>,
    /// [`super::Store::describe`] of the store.
    pub store: String,
    /// What the service said; may be empty.
    pub detail: String,
}

impl StoreError {
    /// Whether the same call may succeed later with nothing changed. The calls
    /// of this module have been repeated already when they return this.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Busy | StoreErrorKind::Timeout)
    }

    /// Whether it is this one object that its disk can't read.
    pub fn is_unreadable(&self) -> bool {
        self.kind == StoreErrorKind::Disk && matches!(self.operation, Operation::Read | Operation::Stat)
    }

    /// The store's error inside an I/O error that a reader or writer returned.
    pub fn of(error: &io::Error) -> Option<&StoreError> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "can't {} `{object}` in `{}`", self.operation, self.store)?,
            None => write!(f, "can't {} `{}`", self.operation, self.store)?,
        }
        write!(f, ": {}", self.kind.phrase())?;
        match self.news() {
            "" => Ok(()),
            news => write!(f, " ({news})"),
        }
    }
}

impl StoreError {
    /// What the service said, where the kind has not said it.
    fn news(&self) -> &str {
        let said = self.detail.split_once(" (os error ").map_or(self.detail.as_str(), |(said, _)| said);
        let is_said = match self.kind {
            StoreErrorKind::NotFound => said.ends_with("No such file or directory"),
            StoreErrorKind::Full => said.ends_with("No space left on device"),
            StoreErrorKind::Denied => said.ends_with("Permission denied"),
            StoreErrorKind::AlreadyExists => said.ends_with("File exists"),
            _ => false,
        };
        if is_said { "" } else { said }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind {
            StoreErrorKind::NotFound => io::ErrorKind::NotFound,
            StoreErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            StoreErrorKind::Denied => io::ErrorKind::PermissionDenied,
            StoreErrorKind::Full => io::ErrorKind::StorageFull,
            StoreErrorKind::Timeout => io::ErrorKind::TimedOut,
            StoreErrorKind::BadName => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// The kind and the text of what OpenDAL returned; the text still unscrubbed.
pub(super) fn classify(error: &opendal::Error) -> (StoreErrorKind, String) {
    use opendal::ErrorKind as Theirs;
    let said = what_the_service_said(error);
    let cause = io_source(error);
    let io_kind = cause.map(io::Error::kind);
    let kind = match error.kind() {
        // S3 refuses reads of GLACIER with 403, Azure those of its archive tier with 409.
        _ if said.contains("InvalidObjectState") || said.contains("BlobArchived") => StoreErrorKind::Archived,
        _ if is_full(&said, cause) => StoreErrorKind::Full,
        _ if cause.is_some_and(is_of_disk) => StoreErrorKind::Disk,
        Theirs::NotFound => StoreErrorKind::NotFound,
        Theirs::AlreadyExists | Theirs::ConditionNotMatch => StoreErrorKind::AlreadyExists,
        Theirs::PermissionDenied => StoreErrorKind::Denied,
        Theirs::ConfigInvalid => StoreErrorKind::Settings,
        Theirs::RateLimited => StoreErrorKind::Busy,
        _ if said.contains("timeout reached") || io_kind == Some(io::ErrorKind::TimedOut) => StoreErrorKind::Timeout,
        _ if may_pass(error, io_kind) => StoreErrorKind::Busy,
        _ => cause.map_or(StoreErrorKind::Unexpected, classify_io),
    };
    (kind, said)
}

/// Whether the service may do later what it did not do now. OpenDAL knows, but
/// its retries mark every error that they let through as "persistent", those
/// that they never repeated among them.
fn may_pass(error: &opendal::Error, io_kind: Option<io::ErrorKind>) -> bool {
    use io::ErrorKind as Io;
    let connection_broke = matches!(
        io_kind,
        Some(Io::ConnectionRefused | Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof)
    );
    let is_busy = |status| matches!(status, 408 | 429 | 499 | 500 | 502..=504);
    error.is_temporary() || error.message() == NO_ANSWER || connection_broke || http_status(error).is_some_and(is_busy)
}

/// The status of the response that OpenDAL keeps in an error's context, which
/// only its text shows: `response: Parts { status: 503, …`.
fn http_status(error: &opendal::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("response: Parts { status: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

pub(super) fn classify_io(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        _ if is_of_disk(error) => StoreErrorKind::Disk,
        io::ErrorKind::NotFound => StoreErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => StoreErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreErrorKind::Full,
        io::ErrorKind::TimedOut | io::ErrorKind::StaleNetworkFileHandle => StoreErrorKind::Timeout,
        io::ErrorKind::InvalidFilename => StoreErrorKind::BadName,
        _ => StoreErrorKind::Unexpected,
    }
}

/// A bad sector, or a checksum or structure of the file system that is wrong. The standard library has no
/// stable name for these.
fn is_of_disk(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::IO, Errno::BADMSG, Errno::UCLEAN].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn is_full(said: &str, cause: Option<&io::Error>) -> bool {
    const CODES: [&str; 4] = ["QuotaExceeded", "StorageFull", "InsufficientStorage", "EntityTooLarge"];
    CODES.iter().any(|code| said.contains(code))
        || cause.is_some_and(|cause| classify_io(cause) == StoreErrorKind::Full)
}

fn io_source(error: &opendal::Error) -> Option<&io::Error> {
    causes(error).find_map(<dyn std::error::Error>::downcast_ref)
}

/// The message and its causes, without OpenDAL's context (which holds whole
/// response headers), and an S3 or Azure error reduced to code and message.
fn what_the_service_said(error: &opendal::Error) -> String {
    let message = error.message();
    let field = |name: &str| {
        let (_, rest) = message.split_once(&format!("{name}: \""))?;
        let (value, _) = rest.split_once('"')?;
        // Azure appends the request's id and time.
        let value = value.split("\\nRequestId:").next().unwrap_or_default().trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let mut said = match (field("code"), field("message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        (None, Some(message)) => message,
        _ => message.trim().to_owned(),
    };
    let causes: Vec<String> = causes(error).map(ToString::to_string).collect();
    if let (NO_ANSWER, Some(root)) = (error.message(), causes.last()) {
        // The layers between say "error sending request" in as many words.
        return root.clone();
    }
    for cause in causes.iter().filter(|cause| !cause.is_empty()) {
        if !said.contains(cause.as_str()) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(cause);
        }
    }
    said
}

/// OpenDAL's message where no answer came at all.
const NO_ANSWER: &str = "send http request";

fn causes(error: &opendal::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The longest detail that an error keeps: an HTML error page says no more.
const DETAIL_LIMIT_CHARS: usize = 400;

/// `text` on one line, without the query of any address and without any of
/// `secrets`.
pub(super) fn scrub(text: &str, secrets: &[String]) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for secret in secrets {
        text = text.replace(secret.as_str(), "…");
    }
    let mut clean = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("://") {
        let (head, address) = rest.split_at(at + 3);
        clean.push_str(head);
        let end = address.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ')' | '>' | ','));
        let (address, tail) = address.split_at(end.unwrap_or(address.len()));
        clean.push_str(without_userinfo(address.split('?').next().unwrap_or(address)));
        rest = tail;
    }
    clean.push_str(rest);
    if clean.chars().count() > DETAIL_LIMIT_CHARS {
        clean = clean.chars().take(DETAIL_LIMIT_CHARS).chain(['…']).collect();
    }
    clean
}

/// An address after its scheme, without `user:password@`.
pub(super) fn without_userinfo(address: &str) -> &str {
    let authority_end = address.find('/').unwrap_or(address.len());
    address[..authority_end].rfind('@').map_or(address, |at| &address[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: opendal::ErrorKind, message: &str) -> opendal::Error {
        opendal::Error::new(kind, message)
    }

    #[test]
    fn refusals_to_read_an_archive_class_are_told_apart_from_denials() {
        let s3 = r#"S3Error { code: "InvalidObjectState", message: "The operation is not valid for the object's storage class", resource: "", request_id: "ab" }"#;
        let azure =
            r#"AzblobError { code: "BlobArchived", message: "This operation is not permitted on an archived blob." }"#;
        let denied = r#"S3Error { code: "AccessDenied", message: "Access Denied", resource: "", request_id: "ab" }"#;
        let kinds = [
            classify(&error(opendal::ErrorKind::PermissionDenied, s3)),
            classify(&error(opendal::ErrorKind::Conflict, azure)),
            classify(&error(opendal::ErrorKind::PermissionDenied, denied)),
        ];
        insta::assert_debug_snapshot!(kinds, @r#"
        [
            (
                Archived,
                "InvalidObjectState: The operation is not valid for the object's storage class",
            ),
            (
                Archived,
                "BlobArchived: This operation is not permitted on an archived blob.",
            ),
            (
                Denied,
                "AccessDenied: Access Denied",
            ),
        ]
        "#);
    }

    #[test]
    fn a_busy_service_is_told_from_one_that_says_no() {
        // As OpenDAL's retries leave every error.
        let answered = |status: u16| {
            let parts = format!("Parts {{ status: {status}, version: HTTP/1.1, headers: {{}} }}");
            error(opendal::ErrorKind::Unexpected, "no").with_context("response", parts).set_persistent()
        };
        let kinds = [400, 409, 429, 500, 503].map(|status| classify(&answered(status)).0);
        use StoreErrorKind::{Busy, Unexpected};
        assert_eq!(kinds, [Unexpected, Unexpected, Busy, Busy, Busy]);
    }

    #[test]
    fn io_causes_decide_the_kind() {
        let full =
            error(opendal::ErrorKind::Unexpected, "write").set_source(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(classify(&full).0, StoreErrorKind::Full);
        let gone = error(opendal::ErrorKind::Unexpected, "write").set_source(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(classify(&gone).0, StoreErrorKind::NotFound);
        let bad_sector = io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error());
        assert_eq!(classify_io(&bad_sector), StoreErrorKind::Disk);
        // As OpenDAL's `fs` takes it: worth another try.
        let bad_sector = error(opendal::ErrorKind::Unexpected, "read").set_source(bad_sector).set_temporary();
        assert_eq!(classify(&bad_sector).0, StoreErrorKind::Disk);
    }

    #[test]
    fn details_lose_queries_passwords_and_secret_settings() {
        let text = "send request: https://user:pw@host.example/c/o?sig=abc%3D&se=1, source: bad key\n hunter2hunter2";
        insta::assert_snapshot!(scrub(text, &["hunter2hunter2".to_owned()]), @"send request: https://host.example/c/o, source: bad key …");
    }

    #[test]
    fn errors_name_the_object_the_store_and_what_the_service_said() {
        let error = StoreError {
            kind: StoreErrorKind::Denied,
            operation: Operation::Write,
            object: Some("archives/data/a.tar".to_owned()),
            store: "s3://bucket/root".to_owned(),
            detail: "AccessDenied: Access Denied".to_owned(),
        };
        insta::assert_snapshot!(error, @"can't write `archives/data/a.tar` in `s3://bucket/root`: access is denied (AccessDenied: Access Denied)");
        assert_eq!(StoreError::of(&io::Error::from(error.clone())), Some(&error));
    }
}
