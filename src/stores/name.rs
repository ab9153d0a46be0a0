/// The folder under a root for what is being written; never listed.
pub(super) const TEMPORARY_FOLDER: &str = ".tmp";

/// S3's limit on a key, less room for a root.
const NAME_LIMIT_BYTES: usize = 900;

/// Whether `name` is relative, plain and stays under the root of any service.
/// Names come out of stored records too, so they may be hostile.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > NAME_LIMIT_BYTES {
        return Err("it is longer than 900 bytes");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return Err("it holds a control character or a backslash");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("it is not a plain relative path");
    }
    if name.split('/').next() == Some(TEMPORARY_FOLDER) {
        return Err("it lies in the folder for unfinished objects");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_root_are_refused() {
        for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\\b", "a\0b", ".tmp/x", ".tmp"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"a".repeat(901)).is_err());
        for name in ["README.txt", "archives/data/20261124T020000Z-1f2e3d4c-0001.tar.zst.age", "a/..b", ".tmpx"] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
    }
}
