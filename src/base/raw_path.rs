use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A path byte for byte.
///
/// JSON holds Unicode alone: there it is `path`, with what is not UTF-8 replaced, and in that
/// case its bytes stand beside it in base64, as `path_base64`. Flattened into what has the path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Texts", into = "Texts")]
pub struct RawPath(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Texts {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

impl RawPath {
    /// A path as text, and its bytes in base64 where they are not UTF-8.
    pub fn texts(path: &[u8]) -> (Cow<'_, str>, Option<String>) {
        let text = String::from_utf8_lossy(path);
        let base64 = matches!(text, Cow::Owned(_)).then(|| BASE64.encode(path));
        (text, base64)
    }
}

impl From<RawPath> for Texts {
    fn from(RawPath(bytes): RawPath) -> Self {
        let (path, path_base64) = RawPath::texts(&bytes);
        Self { path: path.into_owned(), path_base64 }
    }
}

impl TryFrom<Texts> for RawPath {
    type Error = &'static str;

    fn try_from(texts: Texts) -> Result<Self, Self::Error> {
        match texts.path_base64 {
            None => Ok(Self(texts.path.into_bytes())),
            Some(bytes) => BASE64.decode(bytes).map(Self).map_err(|_| "`path_base64` is not base64"),
        }
    }
}

impl From<&str> for RawPath {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_beside_a_path_that_is_not_utf_8() {
        for (bytes, json) in [
            ("é/\n".as_bytes(), r#"{"path":"é/\n"}"#),
            (b"caf\xe9", "{\"path\":\"caf\u{fffd}\",\"path_base64\":\"Y2Fm6Q==\"}"),
        ] {
            let path = RawPath(bytes.to_owned());
            assert_eq!(serde_json::to_string(&path).expect("text"), json);
            assert_eq!(serde_json::from_str::<RawPath>(json).expect("reads back"), path);
        }
        serde_json::from_str::<RawPath>(r#"{"path":"x","path_base64":"?"}"#).expect_err("it is not base64");
    }
}
