//! Paths of snapshots in JSON, from which a program gets the name back whatever it holds.

use crate::base::RawPath;
use serde_json::Value;

/// Puts a path under `key`. JSON holds Unicode alone: where the path is not UTF-8, what is wrong in
/// it is replaced there, and its bytes stand beside it in base64 under `<key>_base64`.
pub(super) fn put(object: &mut Value, key: &str, path: &[u8]) {
    let (text, base64) = RawPath::texts(path);
    object[key] = text.into();
    if let Some(base64) = base64 {
        object[format!("{key}_base64")] = base64.into();
    }
}

/// The object with a path under `path`; see [`put`].
pub(super) fn with(mut object: Value, path: &[u8]) -> Value {
    put(&mut object, "path", path);
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_stand_beside_a_path_that_is_not_utf_8() {
        assert_eq!(with(json!({ "size": 1 }), "é".as_bytes()), json!({ "path": "é", "size": 1 }));
        assert_eq!(with(json!({}), b"caf\xe9"), json!({ "path": "caf\u{fffd}", "path_base64": "Y2Fm6Q==" }));
    }
}
