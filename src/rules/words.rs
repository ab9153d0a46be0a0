//! Small turns of phrase that several families share.

/// A value as KDL: bare where that is read as the same text, else quoted.
pub(super) fn kdl(text: &str) -> String {
    let starts = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let keyword = matches!(text, "true" | "false" | "null" | "inf" | "nan");
    if starts && plain && !keyword {
        return text.to_owned();
    }
    let escaped: String = text
        .chars()
        .flat_map(|c| match c {
            '"' => vec!['\\', '"'],
            '\\' => vec!['\\', '\\'],
            '\n' => vec!['\\', 'n'],
            other => vec![other],
        })
        .collect();
    format!("\"{escaped}\"")
}
