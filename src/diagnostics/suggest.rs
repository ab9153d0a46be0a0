/// The candidate that was probably meant by `found`, if one is near enough.
///
/// Distance is Damerau's (a swap of neighbours counts one), case and `-`/`_`
/// aside; near enough is one in three characters (chosen: `metdata` finds
/// `metadata`, `foo` finds nothing among ten names).
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = fold(found);
    let length = wanted.chars().count();
    let limit = if length <= 2 { 1 } else { (length / 3).max(1) };
    if length == 0 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| *candidate != found)
        .filter_map(|candidate| {
            let known = fold(candidate);
            let distance = strsim::damerau_levenshtein(&wanted, &known);
            // All letters wrong is no resemblance, however short the word.
            let near = distance <= limit && distance < length.min(known.chars().count()).max(1);
            near.then_some((distance, candidate)).or_else(|| {
                // `encryption` for `encrypt`, `max-size` for `max-file-size`: a long common start.
                let common = wanted.chars().zip(known.chars()).take_while(|(a, b)| a == b).count();
                let shorter = length.min(known.chars().count());
                (shorter >= 4 && common == shorter).then_some((limit + 1, candidate))
            })
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``​`a`, `b` or `c`​``: names as a sentence lists them.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>, conjunction: &str) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

/// Of more names than so many, [`list_some`] says how many there are besides. Chosen: a line or two.
const NAMES_LISTED: usize = 8;

/// [`list`] for what a plan has any number of: the first ones, and how many others.
pub fn list_some<'a>(names: impl IntoIterator<Item = &'a str>, conjunction: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    // One that is left out takes as much room as its name.
    if names.len() <= NAMES_LISTED + 1 {
        return list(names, conjunction);
    }
    let shown: Vec<String> = names[..NAMES_LISTED].iter().map(|name| format!("`{name}`")).collect();
    format!("{} {conjunction} {} others", shown.join(", "), names.len() - NAMES_LISTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let names = ["exclude", "include", "base", "command", "one-file-system", "encrypt", "keep", "on"];
        for (found, meant) in [
            ("exlude", Some("exclude")),
            ("inlcude", Some("include")),
            ("one_file_system", Some("one-file-system")),
            ("Base", Some("base")),
            ("encryption", Some("encrypt")),
            ("kepe", Some("keep")),
            ("no", Some("on")),
            ("to", None),
            ("paths", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, names), meant, "{found}");
        }
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(list([], "or"), "");
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }

    #[test]
    fn of_many_names_the_first_are_listed_and_the_others_counted() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        assert_eq!(list_some(names[..9].iter().copied(), "and"), "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and `i`");
        assert_eq!(list_some(names, "and"), "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 2 others");
    }
}
