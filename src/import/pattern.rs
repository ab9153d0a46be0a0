//! Patterns of other programs in the syntax of gitignore, which plans use.

/// tar's `--exclude`, of an archive whose names begin at `base` (none: at `/`).
///
/// tar's patterns match at any depth, and their `*` matches `/` too. None:
/// the pattern can match nothing there.
pub(super) fn tar(pattern: &str, base: Option<&str>) -> Option<String> {
    let pattern = pattern.trim_end_matches('/');
    if let Some(rest) = pattern.strip_prefix("./") {
        return Some(crossing(&format!("/{rest}")));
    }
    if pattern.starts_with('/') {
        return anchored(pattern, base).map(|pattern| crossing(&pattern));
    }
    floating(pattern).map(|pattern| crossing(&pattern))
}

/// restic's and rsync's patterns: with a slash in front anchored, else at any depth.
pub(super) fn restic(pattern: &str, base: Option<&str>) -> Option<String> {
    let (negation, pattern) = pattern.strip_prefix('!').map_or(("", pattern), |rest| ("!", rest));
    let pattern = pattern.trim_end_matches('/');
    if let Some(rest) = pattern.strip_prefix("~/") {
        return floating(rest);
    }
    let pattern = if pattern.starts_with('/') { anchored(pattern, base)? } else { floating(pattern)? };
    Some(format!("{negation}{pattern}"))
}

/// Borg's patterns in the style that `--exclude` has by default (`fm:`), and those with a style of their own.
/// None: a style that gitignore cannot say.
pub(super) fn borg(pattern: &str) -> Option<String> {
    let (style, rest) = match pattern.split_once(':') {
        Some((style @ ("fm" | "sh" | "pp" | "pf" | "re"), rest)) => (style, rest),
        _ => ("fm", pattern),
    };
    let rest = rest.trim_end_matches('/');
    let rooted = || if rest.starts_with(['/', '*']) { rest.to_owned() } else { format!("/{rest}") };
    if rest.is_empty() || rest.starts_with("~") {
        return None;
    }
    match style {
        "pp" | "pf" => Some(rooted().replace('*', "\\*")),
        "sh" => Some(rooted()),
        // The whole path has to match, and `*` matches `/` too: `*.pyc` is at any depth.
        "fm" => match rest.strip_prefix("*/") {
            Some(name) => floating(name).map(|pattern| crossing(&pattern)),
            None if !rest.contains('/') => floating(rest),
            None => Some(crossing(&rooted())),
        },
        _ => None,
    }
}

/// Relative to the base: `/srv/www/cache` in `/srv` is `/www/cache`.
fn anchored(pattern: &str, base: Option<&str>) -> Option<String> {
    let Some(base) = base.map(|base| base.trim_end_matches('/')).filter(|base| !base.is_empty()) else {
        return Some(pattern.to_owned());
    };
    let rest = pattern.strip_prefix(base)?;
    rest.starts_with('/').then(|| rest.to_owned())
}

/// At any depth.
fn floating(pattern: &str) -> Option<String> {
    let pattern = pattern.trim_start_matches("*/");
    match pattern {
        "" => None,
        _ if pattern.starts_with(['!', '#']) => Some(format!("\\{pattern}")),
        _ if pattern.contains('/') && !pattern.starts_with("**/") => Some(format!("**/{pattern}")),
        _ => Some(pattern.to_owned()),
    }
}

/// A `*` that matches `/` too, where gitignore has another word for it.
fn crossing(pattern: &str) -> String {
    let components: Vec<&str> = pattern.split('/').collect();
    let last = components.len() - 1;
    let components = components.iter().enumerate().map(|(at, component)| match *component {
        "*" if at != last => "**".to_owned(),
        component if at > 0 && component.starts_with('*') && !matches!(component, "*" | "**") => {
            let is_there = components[at - 1] == "**" || components[at - 1] == "*";
            if is_there { component.to_owned() } else { format!("**/{component}") }
        }
        component => component.to_owned(),
    });
    components.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_tar_keep_their_meaning() {
        let tar = |pattern| tar(pattern, Some("/opt")).unwrap_or_default();
        let patterns = ["*.log", "venv/lib", "./cache/", "/opt/x/y", "/srv", "logs/*.log", "*/tmp", "#x"].map(tar);
        assert_eq!(patterns, ["*.log", "**/venv/lib", "/cache", "/x/y", "", "**/logs/**/*.log", "tmp", "\\#x"]);
    }

    #[test]
    fn patterns_of_restic_and_borg_keep_their_meaning() {
        let restic = |pattern| restic(pattern, None).unwrap_or_default();
        let patterns = ["/home/*/.cache", "node_modules", "a/b", "!keep", "~/x", "*.o"].map(restic);
        assert_eq!(patterns, ["/home/*/.cache", "node_modules", "**/a/b", "!keep", "x", "*.o"]);
        let borg = |pattern| borg(pattern).unwrap_or_default();
        let patterns =
            ["*.pyc", "/home/*/.cache", "*/.vim*.tmp", "sh:/home/*/x", "re:^x", "pp:/a", "home/x", "*/a/b"].map(borg);
        assert_eq!(patterns, ["*.pyc", "/home/**/.cache", ".vim*.tmp", "/home/*/x", "", "/a", "/home/x", "**/a/b"]);
    }
}
