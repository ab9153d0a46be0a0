use crate::files::is_within;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Which paths of a snapshot are meant: none given means all.
///
/// A plain path means itself and all below it; a pattern with `*`, `?`, `[` or `{`
/// means what matches it, and all below that. `*` does not cross a `/`, `**` does;
/// a pattern without a `/` matches names at any depth. A pattern means the path that is spelled like it
/// too. What is not UTF-8 is a plain path.
/// A leading `/` is the root of the tree, or of the machine where the source's
/// base is one of the path's folders.
#[derive(Debug, Default)]
pub struct Selection {
    paths: Vec<Vec<u8>>,
    /// Meant in whichever folder they are.
    names: Vec<Vec<u8>>,
    globs: GlobSet,
    /// The patterns with a `/`, as paths.
    spelled: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no valid pattern: {why}")]
pub struct BadPattern {
    pub pattern: String,
    pub why: String,
}

impl Selection {
    /// `base` is the folder that the snapshot's paths are relative to.
    ///
    /// # Errors
    /// One of the patterns cannot be read.
    pub fn new<S: AsRef<OsStr>>(patterns: &[S], base: &str) -> Result<Self, BadPattern> {
        Self::read(patterns, base, false)
    }

    /// The same where a plain name without a `/` is meant in every folder, not only at the top.
    ///
    /// # Errors
    /// One of the patterns cannot be read.
    pub fn anywhere<S: AsRef<OsStr>>(patterns: &[S], base: &str) -> Result<Self, BadPattern> {
        Self::read(patterns, base, true)
    }

    fn read<S: AsRef<OsStr>>(patterns: &[S], base: &str, is_anywhere: bool) -> Result<Self, BadPattern> {
        let mut selection = Self::default();
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.as_ref().as_bytes();
            let relative = below(pattern, base.as_bytes()).to_vec();
            let glob = std::str::from_utf8(&relative).ok().filter(|text| text.contains(['*', '?', '[', '{']));
            let Some(glob) = glob else {
                let is_name = is_anywhere && !relative.is_empty() && !pattern.contains(&b'/');
                if is_name { &mut selection.names } else { &mut selection.paths }.push(relative);
                continue;
            };
            let is_name = !relative.contains(&b'/');
            let anchored = if is_name { format!("**/{glob}") } else { glob.to_owned() };
            let glob = GlobBuilder::new(&anchored).literal_separator(true).build().map_err(|error| BadPattern {
                pattern: String::from_utf8_lossy(pattern).into_owned(),
                why: error.kind().to_string(),
            })?;
            globs.add(glob);
            if is_name { &mut selection.names } else { &mut selection.spelled }.push(relative);
        }
        selection.globs = globs.build().map_err(|error| BadPattern {
            pattern: error.glob().unwrap_or_default().to_owned(),
            why: error.kind().to_string(),
        })?;
        Ok(selection)
    }

    pub fn is_everything(&self) -> bool {
        let is_none_given = [&self.paths, &self.names, &self.spelled].iter().all(|given| given.is_empty());
        is_none_given || self.paths.iter().any(Vec::is_empty)
    }

    /// Whether `path` is selected, by itself or through a folder above it.
    pub fn contains(&self, path: &[u8]) -> bool {
        if self.is_everything() {
            return true;
        }
        if self.paths.iter().chain(&self.spelled).any(|folder| is_within(path, folder)) {
            return true;
        }
        if !self.names.is_empty() && path.split(|byte| *byte == b'/').any(|name| self.names.iter().any(|n| n == name)) {
            return true;
        }
        // An ancestor that matches takes all below it along.
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).chain([path.len()]);
        !self.globs.is_empty()
            && ends.into_iter().any(|end| self.globs.is_match(Path::new(OsStr::from_bytes(&path[..end]))))
    }

    /// Those that are no patterns, relative to the base.
    pub fn plain_paths(&self) -> &[Vec<u8>] {
        &self.paths
    }

    /// Where the selected paths begin, if they are one plain path: entries before it need not be read.
    pub fn single_path(&self) -> Option<&[u8]> {
        match &self.paths[..] {
            [path] if self.names.is_empty() && self.spelled.is_empty() && !path.is_empty() => Some(path),
            _ => None,
        }
    }
}

/// A pattern as a path below the base.
fn below<'p>(pattern: &'p [u8], base: &[u8]) -> &'p [u8] {
    let base = without_slashes_at_end(base);
    let inside =
        pattern.strip_prefix(base).filter(|rest| !base.is_empty() && (rest.is_empty() || rest.starts_with(b"/")));
    let mut path = without_slashes_at_start(inside.unwrap_or(pattern));
    while let Some(rest) = path.strip_prefix(b"./") {
        path = without_slashes_at_start(rest);
    }
    let path = without_slashes_at_end(path);
    if path == b"." { b"" } else { path }
}

fn without_slashes_at_start(mut path: &[u8]) -> &[u8] {
    while let [b'/', rest @ ..] = path {
        path = rest;
    }
    path
}

fn without_slashes_at_end(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(patterns: &[&str], path: &str) -> bool {
        Selection::new(patterns, "/opt/rpa").unwrap().contains(path.as_bytes())
    }

    #[test]
    fn a_path_means_itself_and_all_below_it() {
        assert!(picks(&["data"], "data") && picks(&["data/"], "data/a/b") && picks(&["./data"], "data"));
        assert!(!picks(&["data"], "data2") && !picks(&["data"], "dat") && !picks(&["data/a"], "data"));
        assert!(picks(&["/opt/rpa/data"], "data/a") && picks(&["/data"], "data/a") && picks(&["/opt/rpa"], "x"));
        assert!(picks(&[], "anything") && picks(&["."], "anything"));
    }

    #[test]
    fn a_pattern_matches_names_at_any_depth_and_paths_where_it_has_a_slash() {
        assert!(picks(&["*.json"], "a/b/c.json") && !picks(&["*.json"], "a/c.jsonl"));
        assert!(picks(&["a/*.json"], "a/c.json") && !picks(&["a/*.json"], "a/b/c.json"));
        assert!(picks(&["a/**/c"], "a/b/d/c") && picks(&["log?"], "logs/deep/file"));
    }

    #[test]
    fn what_is_not_utf_8_is_a_path_byte_for_byte() {
        let picks = |pattern: &[u8], path: &[u8]| {
            Selection::new(&[OsStr::from_bytes(pattern)], "/opt/rpa").unwrap().contains(path)
        };
        assert!(picks(b"caf\xe9", b"caf\xe9") && picks(b"/opt/rpa/caf\xe9/", b"caf\xe9/a"));
        assert!(!picks(b"caf\xe9", b"caf\xe8") && !picks(b"caf\xe9", "caf\u{fffd}".as_bytes()));
        assert!(picks(b"*\xe9", b"*\xe9") && !picks(b"*\xe9", b"caf\xe9"), "it is no pattern");
    }

    #[test]
    fn a_name_is_found_anywhere_whatever_its_bytes() {
        let picks = |pattern: &[u8], path: &[u8]| {
            Selection::anywhere(&[OsStr::from_bytes(pattern)], "/opt/rpa").unwrap().contains(path)
        };
        for name in [&b"caf\xe9"[..], b"cafe", b"caf}"] {
            for path in [name, &[b"a/b/", name].concat(), &[b"a/", name, b"/c"].concat()] {
                assert!(picks(name, path), "{name:?} {path:?}");
            }
            assert!(!picks(name, &[name, b"x"].concat()) && !picks(name, &[b"a/x", name].concat()), "{name:?}");
            assert!(!picks(&[b"/", name].concat(), &[b"a/", name].concat()), "with a slash it is a path: {name:?}");
        }
        assert!(picks(b".", b"anything"));
    }

    #[test]
    fn a_pattern_means_the_path_that_is_spelled_like_it_too() {
        assert!(picks(&["a/x[1].txt"], "a/x[1].txt") && picks(&["a/x[1].txt"], "a/x1.txt"));
        assert!(picks(&["x[1].txt"], "a/x[1].txt") && picks(&["what?"], "what?/below"));
        assert!(!picks(&["a/x[1].txt"], "b/a/x[1].txt") && !picks(&["x[1].txt"], "a/x[2].txt"));
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = Selection::new(&["a[b"], "").unwrap_err();
        insta::assert_snapshot!(error, @"`a[b` is no valid pattern: unclosed character class; missing ']'");
    }
}
