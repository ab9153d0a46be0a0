//! Paths by their names alone: nothing is looked up.

use crate::diagnostics::Span;
pub(super) use crate::language::normal;
use crate::plan::{Origin, PathSource, Source};
use std::path::{Path, PathBuf};

/// A folder or file that a source takes, as far as names tell.
pub(super) struct Root {
    /// Without `.`, and without `name/..`.
    pub path: PathBuf,
    /// The include, or the base where there is none.
    pub span: Span,
}

/// What a source of files takes; empty for a program's output.
pub(super) fn roots(source: &Source) -> Vec<Root> {
    let Origin::Paths(paths) = &source.origin else { return Vec::new() };
    let base = paths.base.as_ref();
    if let (Some(base), true) = (base, paths.include.is_empty()) {
        return vec![Root { path: normal(&base.value), span: base.span }];
    }
    let join = |include: &str| match base {
        // `~` is as good as a root, though `Path` does not know it.
        Some(base) if !include.starts_with('~') => normal(&base.value.join(include)),
        _ => normal(Path::new(include)),
    };
    paths.include.iter().map(|include| Root { path: join(include), span: include.span }).collect()
}

/// Whether `path` is `folder` or lies in it, both starting at the same place.
pub(super) fn is_within(path: &Path, folder: &Path) -> bool {
    let start = |path: &Path| (path.is_absolute(), path.starts_with("~"));
    start(path) == start(folder) && path.starts_with(folder)
}

/// Whether one of the source's patterns certainly leaves the path out: it is a
/// plain path to it or to a folder above it.
pub(super) fn is_excluded(paths: &PathSource, path: &Path) -> bool {
    let base = paths.base.as_ref().map_or(Path::new("/"), |base| &base.value);
    let Ok(relative) = path.strip_prefix(normal(base)) else { return false };
    paths.exclude.iter().any(|pattern| {
        let plain = pattern.trim_end_matches("/**").trim_end_matches("/*").trim_end_matches('/');
        if plain.contains(['*', '?', '[', '!']) {
            return false;
        }
        match plain.strip_prefix('/') {
            Some(anchored) => relative.starts_with(anchored),
            None if plain.contains('/') => relative.starts_with(plain),
            None => relative.components().any(|component| component.as_os_str() == plain),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Spanned;

    #[test]
    fn a_path_lies_in_a_folder_only_if_both_start_at_the_same_place() {
        assert!(is_within(Path::new("/srv/www/a"), Path::new("/srv")));
        assert!(is_within(Path::new("~/Documents"), Path::new("~")));
        assert!(!is_within(Path::new("/srvx"), Path::new("/srv")));
        assert!(!is_within(Path::new("srv/www"), Path::new("/srv")));
        assert!(!is_within(Path::new("~/a"), Path::new("a")));
    }

    #[test]
    fn plain_patterns_leave_out_what_they_name() {
        let source = |patterns: &[&str]| PathSource {
            base: Some(Spanned::new("/opt".into(), Span::default())),
            exclude: patterns.iter().map(|p| Spanned::new((*p).to_owned(), Span::default())).collect(),
            ..PathSource::default()
        };
        let excluded = |pattern: &str, path: &str| is_excluded(&source(&[pattern]), Path::new(path));
        assert!(excluded("/backups", "/opt/backups/local"));
        assert!(excluded("backups", "/opt/app/backups"));
        assert!(excluded("app/backups/", "/opt/app/backups"));
        assert!(!excluded("*.tmp", "/opt/backups"));
        assert!(!excluded("/backups", "/opt/app/backups"));
        assert!(!excluded("/opt/backups", "/opt/backups"));
    }
}
