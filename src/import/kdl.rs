//! Text as KDL writes it.

use super::draft::Secret;

/// Bare words that KDL reserves.
const KEYWORDS: [&str; 5] = ["true", "false", "null", "inf", "nan"];

/// Text as a KDL string: bare where it can be.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !KEYWORDS.contains(&text);
    if is_plain {
        return text.to_owned();
    }
    let reads_better_raw = text.contains('"') && !text.contains("\"#") && !text.chars().any(must_be_escaped);
    if reads_better_raw {
        return format!("#\"{text}\"#");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            _ if must_be_escaped(character) => quoted += &format!("\\u{{{:x}}}", character as u32),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// What KDL does not allow as it is, and other ends of lines.
fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Several, with spaces between them.
pub(super) fn words(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A reference to a secret.
pub(super) fn secret(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("(env){}", quoted(name)),
        Secret::File(path) => format!("(file){}", quoted(path)),
        Secret::Command(command) => format!("(command){}", quoted(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bare_where_it_can_be_and_escaped_where_it_must() {
        let texts = ["rpa_data", "true", "1d", "*.log", "a \"b\" \\", "x\ny\u{202e}\u{7}", ""].map(quoted);
        let expected =
            ["rpa_data", "\"true\"", "\"1d\"", "\"*.log\"", "#\"a \"b\" \\\"#", "\"x\\ny\\u{202e}\\u{7}\"", "\"\""];
        assert_eq!(texts, expected);
    }
}
