use super::{Scope, SettingsError};
use crate::base::compact_time;

/// Where a text with placeholders stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A store's `root`: the same on every run, so it has no date.
    Root,
    Metadata,
}

impl Place {
    fn known(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["host", "plan", "tier", "source"],
            Self::Metadata => &["host", "plan", "tier", "source", "date"],
        }
    }
}

/// `text` with the placeholders of its place replaced: `{host}`, `{plan}`,
/// `{tier}`, `{source}`, `{date}`. A value stays one component of a path.
pub(super) fn fill_placeholders(
    text: &str,
    place: Place,
    tier: &str,
    scope: Scope<'_>,
) -> Result<String, SettingsError> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Placeholder(name) => {
                let unknown = || SettingsError::UnknownPlaceholder { found: name.to_owned(), known: place.known() };
                let date = compact_time(scope.started);
                let value = match *place.known().iter().find(|known| **known == name).ok_or_else(unknown)? {
                    "host" => scope.host,
                    "plan" => scope.plan,
                    "tier" => tier,
                    "date" => &date,
                    _ => scope.source.ok_or(SettingsError::NoSource)?,
                };
                filled.push_str(&value.replace('/', "-"));
            }
        }
    }
    Ok(filled)
}

/// What stands in braces in `text` and is no placeholder there.
pub(super) fn unknown_placeholders(text: &str, place: Place) -> Vec<SettingsError> {
    let known = place.known();
    let unknown = |piece| match piece {
        Piece::Placeholder(name) if !known.contains(&name) => {
            Some(SettingsError::UnknownPlaceholder { found: name.to_owned(), known })
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
    use chrono::DateTime;
    use std::path::Path;

    #[test]
    fn placeholders_are_filled_and_unknown_ones_refused() {
        let path = Path::new("/");
        let started = DateTime::UNIX_EPOCH;
        let scope = Scope { host: "a/b", plan: "rpa", source: None, started, plan_folder: path, home: path };
        let fill = |text, place| fill_placeholders(text, place, "cloud", scope);
        assert_eq!(fill("/x/{plan}-{tier}/{host}/{", Place::Root).unwrap(), "/x/rpa-cloud/a-b/{");
        assert_eq!(fill("{date}", Place::Metadata).unwrap(), "19700101T000000Z");
        assert_eq!(fill("{source}", Place::Root), Err(SettingsError::NoSource));
        let error = fill("{hots}", Place::Root).unwrap_err();
        insta::assert_snapshot!(error, @"`{hots}` is no placeholder");
        assert_eq!(unknown_placeholders("{plan} {hots} {source}", Place::Root), [error]);
    }

    #[test]
    fn a_store_does_not_move_with_the_date() {
        assert_eq!(unknown_placeholders("{date}", Place::Metadata), []);
        let error = &unknown_placeholders("/backups/{date}", Place::Root)[0];
        insta::assert_snapshot!(error, @"`{date}` is no placeholder");
        insta::assert_snapshot!(error.help(), @"use `{host}`, `{plan}`, `{tier}` or `{source}`");
    }
}
