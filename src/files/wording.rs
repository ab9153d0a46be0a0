use std::io;

/// A path for people: lossy where it is not UTF-8, control characters escaped.
pub fn display_path(path: &[u8]) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let mut shown = String::with_capacity(path.len());
    for character in String::from_utf8_lossy(path).chars() {
        if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    shown
}

/// A system error as part of a sentence: `permission denied`, without its number.
pub fn plain_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error ").map_or(text.as_str(), |(reason, _)| reason);
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_on_one_line_whatever_they_hold() {
        assert_eq!(display_path(b"a\nb/\x1b[31m\xff/\xc3\xa4"), "a\\nb/\\u{1b}[31m\u{fffd}/\u{e4}");
        assert_eq!(display_path(b""), ".");
    }

    #[test]
    fn system_errors_are_shown_as_words() {
        assert_eq!(plain_reason(&io::Error::from_raw_os_error(13)), "permission denied");
        assert_eq!(plain_reason(&io::Error::other("it is large")), "it is large");
    }
}
