use std::borrow::Cow;

/// Text that is safe on a terminal: control characters (a file name may hold
/// newlines and escape sequences) and the invisible characters that reorder
/// text are written as escapes, `\n` or `\u{202e}`. Everything else stays.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(character: char) -> bool {
    // The bidirectional controls of Unicode Standard Annex #9.
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_reordering_characters_are_escaped_and_nothing_else() {
        assert_eq!(printable("ação/日本 x"), "ação/日本 x");
        assert_eq!(printable("a\nb\x1b[31m\u{202e}txt"), "a\\nb\\u{1b}[31m\\u{202e}txt");
    }
}
