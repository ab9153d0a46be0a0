//! Names for what had none: of letters, digits, `-`, `_` and `.`, and each once.

/// The longest name that a plan allows, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// `text` as a name; `otherwise` where nothing of it can stay.
pub(super) fn name(text: &str, otherwise: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        let kept = if character.is_ascii_alphanumeric() || matches!(character, '_' | '.') { character } else { '-' };
        // Several that cannot stay become one.
        if name.len() < MAX_NAME_BYTES - 4 && !(kept == '-' && name.ends_with('-')) {
            name.push(kept);
        }
    }
    let name = name.trim_matches(|c| matches!(c, '-' | '_' | '.'));
    let is_reserved = matches!(name, "" | "none");
    if is_reserved { otherwise.to_owned() } else { name.to_owned() }
}

/// `wanted`, or `wanted-2`, `wanted-3`, … if it is taken.
pub(super) fn unique<'a>(wanted: String, taken: impl Iterator<Item = &'a str> + Clone) -> String {
    let is_free = |name: &str| !taken.clone().any(|taken| taken.eq_ignore_ascii_case(name));
    if is_free(&wanted) {
        return wanted;
    }
    let numbered = (2u32..).map(|number| format!("{wanted}-{number}"));
    numbered.into_iter().find(|name| is_free(name)).expect("there are more numbers than names")
}

/// The last component of a path that can be a name.
pub(super) fn of_path(path: &str, otherwise: &str) -> String {
    let last = path.split('/').rev().map(|part| name(part, "")).find(|part| !part.is_empty());
    last.unwrap_or_else(|| otherwise.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_that_a_plan_allows() {
        let named = ["rpa_data", "my files (new)", "/var/lib/äpp", "__x__", "", "none", "../.."].map(|n| name(n, "it"));
        assert_eq!(named, ["rpa_data", "my-files-new", "var-lib-pp", "x", "it", "it", "it"]);
        assert!(name(&"a".repeat(500), "it").len() <= MAX_NAME_BYTES);
        assert_eq!(of_path("/srv/www/", "it"), "www");
        assert_eq!(of_path("/", "root"), "root");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        assert_eq!(unique("a".to_owned(), ["b"].into_iter()), "a");
        assert_eq!(unique("a".to_owned(), ["A", "a-2"].into_iter()), "a-3");
    }
}
