//! Messages on a byte stream: `Content-Length: 42`, an empty line, 42 bytes of JSON.

use crossbeam_channel::{Receiver, bounded};
use lsp_server::{ErrorCode, Message, RequestId};
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};
use std::thread;

/// Bytes of one message. An editor sends a whole file in one.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Bytes of one header line.
const MAX_HEADER_BYTES: u64 = 4 << 10;
/// Messages that wait to be answered. An editor that sends more than these
/// without reading an answer waits itself.
const MAX_WAITING: usize = 1 << 12;

/// What came in.
#[derive(Debug)]
pub(super) enum Incoming {
    Message(Message),
    /// The bytes are no message; the stream goes on behind them.
    Malformed {
        id: Option<RequestId>,
        code: ErrorCode,
        reason: String,
    },
}

/// Reads messages on a thread of its own, until the stream ends, it cannot be
/// cut into messages any more, or the editor says `exit`.
pub(super) fn read_all(mut input: impl BufRead + Send + 'static) -> Receiver<io::Result<Incoming>> {
    let (sender, receiver) = bounded(MAX_WAITING);
    thread::spawn(move || {
        while let Some(incoming) = read(&mut input).transpose() {
            let is_exit =
                matches!(&incoming, Ok(Incoming::Message(Message::Notification(last))) if last.method == "exit");
            let is_last = is_exit || incoming.is_err();
            if sender.send(incoming).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// The next message; `None` at the end of the stream.
fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = read_header(input)? else { return Ok(None) };
    let mut body = Vec::new();
    input.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(understand(&body)))
}

/// The length that a header gives.
fn read_header(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = None;
    let mut first = true;
    loop {
        let mut line = Vec::new();
        let count = input.by_ref().take(MAX_HEADER_BYTES).read_until(b'\n', &mut line)?;
        if count == 0 && first {
            return Ok(None);
        }
        first = false;
        let line = line.strip_suffix(b"\n").ok_or_else(|| broken("a header line does not end"))?;
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken("a header line has no colon"))?;
        if name.trim().eq_ignore_ascii_case("Content-Length") {
            length = Some(value.trim().parse().map_err(|_| broken("`Content-Length` is not a number"))?);
        }
    }
    match length {
        None => Err(broken("a header has no `Content-Length`")),
        Some(length) if length > MAX_MESSAGE_BYTES => Err(broken("a message is larger than 64 MiB")),
        Some(length) => Ok(Some(length)),
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn understand(body: &[u8]) -> Incoming {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let reason = format!("the message is not JSON: {error}");
            return Incoming::Malformed { id: None, code: ErrorCode::ParseError, reason };
        }
    };
    let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok());
    match serde_json::from_value(value) {
        Ok(message) => Incoming::Message(message),
        Err(_) => Incoming::Malformed {
            id,
            code: ErrorCode::InvalidRequest,
            reason: "the message is neither a request, a response nor a notification".to_owned(),
        },
    }
}

/// Answers what was no message. The id may be unknown, which [`lsp_server::Response`] cannot say.
pub(super) fn write_error(
    output: &mut impl Write,
    id: Option<RequestId>,
    code: ErrorCode,
    reason: &str,
) -> io::Result<()> {
    let answer = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": reason } });
    let answer = answer.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{answer}", answer.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let received = read_all(io::Cursor::new(bytes.to_vec()));
        received
            .iter()
            .map(|incoming| match incoming {
                Ok(Incoming::Message(Message::Request(request))) => format!("request {}", request.method),
                Ok(Incoming::Message(Message::Notification(notification))) => format!("told {}", notification.method),
                Ok(Incoming::Message(Message::Response(response))) => format!("answer to {}", response.id),
                Ok(Incoming::Malformed { id, code, reason }) => format!("{code:?} {id:?} {reason}"),
                Err(error) => format!("end: {error}"),
            })
            .collect()
    }

    fn framed(bodies: &[&str]) -> Vec<u8> {
        let frames =
            bodies.iter().map(|body| format!("content-length:{}\r\nContent-Type: x\r\n\r\n{body}", body.len()));
        frames.collect::<String>().into_bytes()
    }

    #[test]
    fn what_is_no_message_does_not_end_the_stream() {
        let bodies = [
            r#"{"jsonrpc":"2.0","method":"initialized"}"#,
            r#"{"jsonrpc":"2.0","meth"#,
            r#"{"id":7}"#,
            r#"[1,2]"#,
            r#"{"id":"a","method":"shutdown","params":null}"#,
        ];
        assert_eq!(
            all(&framed(&bodies)),
            [
                "told initialized",
                "ParseError None the message is not JSON: EOF while parsing a string at line 1 column 22",
                "InvalidRequest Some(RequestId(I32(7))) the message is neither a request, a response nor a notification",
                "InvalidRequest None the message is neither a request, a response nor a notification",
                "request shutdown",
            ]
        );
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_ends_without_a_panic() {
        let whole = framed(&[r#"{"method":"exit"}"#]);
        for length in 1..whole.len() {
            let found = all(&whole[..length]);
            assert!(found.len() == 1 && found[0].starts_with("end: "), "{length}: {found:?}");
        }
        assert_eq!(all(&whole), ["told exit"]);
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_memory_is_taken() {
        assert_eq!(all(b"Content-Length: 99999999999\r\n\r\n"), ["end: a message is larger than 64 MiB"]);
        assert_eq!(all(b"Content-Length: -1\r\n\r\n"), ["end: `Content-Length` is not a number"]);
        assert_eq!(all(b"Hello: x\r\n\r\n"), ["end: a header has no `Content-Length`"]);
    }
}
