//! When what may be asked, and how it is refused.

use lsp_server::{ErrorCode, RequestId, Response};
use lsp_types::request::{Initialize, Request};

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The editor has not yet said what it can.
    New,
    Serving,
    /// The editor said `shutdown`: nothing but `exit` may follow.
    Leaving,
}

/// Why a request gets no result.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Phase {
    pub(super) fn allows(self, method: &str) -> Result<(), Refusal> {
        let refuse = |code, message: &str| Err(Refusal { code, message: message.to_owned() });
        match (self, method == Initialize::METHOD) {
            (Self::New, true) | (Self::Serving, false) => Ok(()),
            (Self::New, false) => refuse(ErrorCode::ServerNotInitialized, "`initialize` comes first"),
            (Self::Serving, true) => refuse(ErrorCode::InvalidRequest, "`initialize` comes once"),
            (Self::Leaving, _) => refuse(ErrorCode::InvalidRequest, "nothing but `exit` follows `shutdown`"),
        }
    }
}

impl Refusal {
    pub(super) fn unknown_method(method: &str) -> Self {
        Self { code: ErrorCode::MethodNotFound, message: format!("this server does not know `{method}`") }
    }

    pub(super) fn parameters(method: &str, error: &serde_json::Error) -> Self {
        Self { code: ErrorCode::InvalidParams, message: format!("`{method}` cannot have these parameters: {error}") }
    }

    /// The request is well-formed, but cannot be done.
    pub(super) fn failed(message: String) -> Self {
        Self { code: ErrorCode::RequestFailed, message }
    }

    pub(super) fn response(self, id: RequestId) -> Response {
        Response::new_err(id, self.code as i32, self.message)
    }

    pub(super) fn cancelled() -> Self {
        Self { code: ErrorCode::RequestCanceled, message: "the request was taken back".to_owned() }
    }
}
