//! What may have been meant by a path that nothing in a snapshot matches.

use crate::archive::{ArchiveTable, FormatError, Identities, MergedRows, Snapshot};
use crate::diagnostics::{list, nearest};
use crate::files::{display_path, is_within, tree_order};
use crate::repository::{Catalogue, Repository, RepositoryError, Selection};
use std::ffi::OsString;

/// Entries that are looked at for one hint, over all snapshots and paths (chosen: below a second).
const MAX_LOOKED_AT: usize = 50_000;
/// Of these at most half may be of the folder that was named.
const MAX_IN_FOLDER: usize = MAX_LOOKED_AT / 2;
/// Paths that a hint names.
const MAX_NAMED: usize = 3;
/// Paths of names that resemble what was wanted, kept to choose the nearest.
const MAX_KEPT: usize = 200;

/// A snapshot that was searched, and what reads it.
pub(super) struct Searched<'a> {
    pub repository: &'a Repository,
    pub identities: Option<&'a Identities>,
    pub snapshot: &'a Snapshot,
}

/// Asks whether one of the paths near `words` was meant; `None`: none is near.
/// Patterns have no neighbours.
pub(super) fn did_you_mean<'a>(searched: impl IntoIterator<Item = Searched<'a>>, words: &[OsString]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    let mut left = MAX_LOOKED_AT;
    for one in searched {
        // What went wrong is that nothing matched; a hint that cannot be had changes nothing about that.
        for name in names_in(&one, words, &mut left).unwrap_or_default() {
            if names.len() < MAX_NAMED && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    (!names.is_empty()).then(|| format!("did you mean {}?", list(names.iter().map(String::as_str), "or")))
}

fn names_in(one: &Searched<'_>, words: &[OsString], left: &mut usize) -> Result<Vec<String>, RepositoryError> {
    let Ok(selection) = Selection::new(words, &one.snapshot.base) else { return Ok(Vec::new()) };
    let catalogue = Catalogue::new(one.repository, one.identities);
    let mut names = Vec::new();
    for path in selection.plain_paths() {
        let mut sought = Sought::new(path);
        let mut rows = catalogue.entries(one.snapshot, &mut ArchiveTable::default())?;
        // A snapshot that is damaged here has told its neighbours until there.
        let _ = look(&mut rows, &mut sought, left);
        names.extend(sought.names());
    }
    Ok(names)
}

/// The folder that was named first, then all from the start.
fn look(rows: &mut MergedRows, sought: &mut Sought, left: &mut usize) -> Result<(), FormatError> {
    let mut in_folder = MAX_IN_FOLDER.min(*left);
    rows.seek(&sought.folder);
    while in_folder > 0
        && let Some(entry) = rows.next_entry()?
    {
        (in_folder, *left) = (in_folder - 1, *left - 1);
        if split(&entry.path).0 == sought.folder {
            sought.see(&entry.path);
        } else if !is_within(&entry.path, &sought.folder) && tree_order(&entry.path, &sought.folder).is_gt() {
            break;
        }
    }
    rows.seek(b"");
    while *left > 0
        && let Some(entry) = rows.next_entry()?
    {
        *left -= 1;
        if split(&entry.path).0 != sought.folder {
            sought.see(&entry.path);
        }
    }
    Ok(())
}

/// Folder and name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// A path that is wanted, and those seen that resemble it.
struct Sought {
    folder: Vec<u8>,
    name: String,
    /// Names in the same folder.
    beside: Vec<String>,
    /// Paths of the same name in other folders.
    elsewhere: Vec<String>,
    /// Names that are near, in other folders, with their paths.
    alike: Vec<(String, String)>,
}

impl Sought {
    fn new(path: &[u8]) -> Self {
        let (folder, name) = split(path);
        let name = String::from_utf8_lossy(name).into_owned();
        Self { folder: folder.to_owned(), name, beside: Vec::new(), elsewhere: Vec::new(), alike: Vec::new() }
    }

    fn see(&mut self, path: &[u8]) {
        let (folder, name) = split(path);
        let name = String::from_utf8_lossy(name);
        let is_same = name.eq_ignore_ascii_case(&self.name);
        let is_near = || nearest(&self.name, [&*name]).is_some();
        if folder == self.folder {
            if self.beside.len() < MAX_KEPT && is_near() {
                self.beside.push(name.into_owned());
            }
        } else if is_same {
            if self.elsewhere.len() < MAX_NAMED {
                self.elsewhere.push(display_path(path));
            }
        } else if self.alike.len() < MAX_KEPT && is_near() {
            self.alike.push((name.into_owned(), display_path(path)));
        }
    }

    /// Best first.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(beside) = nearest(&self.name, self.beside.iter().map(String::as_str)) {
            let folder = String::from_utf8_lossy(&self.folder);
            let whole = if folder.is_empty() { beside.to_owned() } else { format!("{folder}/{beside}") };
            names.push(display_path(whole.as_bytes()));
        }
        names.extend(self.elsewhere.iter().cloned());
        if names.is_empty() {
            let near = nearest(&self.name, self.alike.iter().map(|(name, _)| name.as_str()));
            names.extend(self.alike.iter().find(|(name, _)| Some(name.as_str()) == near).map(|(_, path)| path.clone()));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &str, seen: &[&str]) -> Vec<String> {
        let mut sought = Sought::new(wanted.as_bytes());
        seen.iter().for_each(|path| sought.see(path.as_bytes()));
        sought.names()
    }

    #[test]
    fn a_neighbour_comes_before_the_same_name_elsewhere_and_that_before_what_is_alike() {
        let seen = ["etc/hosts", "etc/nginx/nginx.conf", "old/nginx.conf", "home/ngnix.conf", "readme"];
        assert_eq!(names("etc/host", &seen), ["etc/hosts"]);
        assert_eq!(names("nginx.conf", &seen), ["etc/nginx/nginx.conf", "old/nginx.conf"]);
        assert_eq!(names("etc/nginx/ngnix.conf", &seen), ["etc/nginx/nginx.conf", "home/ngnix.conf"]);
        assert_eq!(names("usr/hosst", &seen), ["etc/hosts"]);
        assert_eq!(names("README", &seen), ["readme"]);
        assert!(names("entirely/different", &seen).is_empty());
    }

    #[test]
    fn ever_so_many_neighbours_are_not_all_kept() {
        let mut sought = Sought::new(b"file-0000x");
        for number in 0..10_000 {
            sought.see(format!("file-{number:05}").as_bytes());
            sought.see(format!("deep/file-{number:05}").as_bytes());
            sought.see(format!("{number}/file-0000x").as_bytes());
        }
        assert!(sought.beside.len() <= MAX_KEPT && sought.alike.len() <= MAX_KEPT);
        assert_eq!(sought.names().len(), 1 + MAX_NAMED);
    }
}
