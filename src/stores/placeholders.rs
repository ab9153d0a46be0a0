use super::{Scope, SettingsError};

const KNOWN: [&str; 4] = ["host", "plan", "tier", "source"];

/// `text` with `{host}`, `{plan}`, `{tier}` and `{source}` replaced. A value
/// stays one component of a path.
pub(super) fn fill_placeholders(text: &str, tier: &str, scope: Scope<'_>) -> Result<String, SettingsError> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Placeholder(name) => {
                let value = match name {
                    "host" => scope.host,
                    "plan" => scope.plan,
                    "tier" => tier,
                    "source" => scope.source.ok_or(SettingsError::NoSource)?,
                    _ => return Err(SettingsError::UnknownPlaceholder { found: name.to_owned() }),
                };
                filled.push_str(&value.replace('/', "-"));
            }
        }
    }
    Ok(filled)
}

/// What stands in braces in `text` and is no placeholder.
pub(super) fn unknown_placeholders(text: &str) -> Vec<SettingsError> {
    let unknown = |piece| match piece {
        Piece::Placeholder(name) if !KNOWN.contains(&name) => {
            Some(SettingsError::UnknownPlaceholder { found: name.to_owned() })
        }
        _ => None,
    };
    pieces(text).into_iter().filter_map(unknown).collect()
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between `{` and `}`.
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{')
        && let Some((name, tail)) = after.split_once('}')
    {
        pieces.extend([Piece::Text(before), Piece::Placeholder(name)]);
        rest = tail;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn placeholders_are_filled_and_unknown_ones_refused() {
        let path = Path::new("/");
        let scope = Scope { host: "a/b", plan: "rpa", source: None, plan_folder: path, home: path };
        assert_eq!(fill_placeholders("/x/{plan}-{tier}/{host}/{", "cloud", scope).unwrap(), "/x/rpa-cloud/a-b/{");
        assert_eq!(fill_placeholders("{source}", "cloud", scope), Err(SettingsError::NoSource));
        let error = fill_placeholders("{hots}", "cloud", scope).unwrap_err();
        insta::assert_snapshot!(error, @"`{hots}` is no placeholder");
        assert_eq!(unknown_placeholders("{plan} {hots} {source}"), [error]);
    }
}
