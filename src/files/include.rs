use super::Root;
use globset::{GlobBuilder, GlobMatcher};
use rustix::fs::{AtFlags, FileType, RawDir, statat};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// How many paths the patterns among a source's includes may stand for.
const PATTERN_MATCHES_MAX: usize = 1 << 20;

/// How deep a `**` among the includes looks.
const PATTERN_DEPTH_MAX: usize = 1 << 10;

/// `PATH_MAX`; names are shorter everywhere, patterns for them nearly always.
const COMPONENT_MAX_BYTES: usize = 4096;

const LISTING_BUFFER_BYTES: usize = 32 << 10;

/// Which part of a folder is taken: all of it, or some of what it holds.
#[derive(Debug, PartialEq)]
pub(super) enum Selection {
    Whole {
        /// Named by an include, not merely matched by a pattern.
        named: bool,
    },
    Part(BTreeMap<Vec<u8>, Arc<Selection>>),
}

impl Selection {
    /// What is taken of the entry called `name`, where only parts are taken.
    pub fn part(&self, name: &[u8]) -> Option<&Arc<Selection>> {
        match self {
            Self::Whole { .. } => None,
            Self::Part(parts) => parts.get(name),
        }
    }

    /// Whether leaving this out contradicts what was asked for.
    pub fn is_named(&self) -> bool {
        match self {
            Self::Whole { named } => *named,
            Self::Part(parts) => parts.values().any(|part| part.is_named()),
        }
    }
}

/// The includes resolved against the disk.
pub(super) struct Includes {
    pub selection: Selection,
    /// Includes that cannot be used, as written, each with the reason.
    pub refused: Vec<(String, IncludeRefusal)>,
    /// Whether anything of what was asked for exists.
    pub any_exists: bool,
}

/// Why an include stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncludeRefusal {
    #[error("is not below the base")]
    OutsideBase,
    #[error("is no path")]
    NoPath,
    #[error("matches nothing")]
    MatchesNothing,
    #[error("is not a pattern: {0}")]
    Pattern(String),
    #[error("matches more than {PATTERN_MATCHES_MAX} paths: include a folder above them")]
    TooManyMatches,
}

/// Turns includes as written (relative to the root's path, or absolute and
/// below it; files, folders or glob patterns) into one selection.
///
/// A plain path need not exist here: the walk says so where it is missing.
pub(super) fn resolve(root: &Root, includes: &[String]) -> Includes {
    if includes.is_empty() {
        return Includes { selection: Selection::Whole { named: true }, refused: Vec::new(), any_exists: true };
    }
    let mut tree = Tree::default();
    let mut refused = Vec::new();
    let mut any_exists = false;
    for include in includes {
        match expand(root, include) {
            Ok(Expansion { paths, named }) => {
                any_exists = any_exists || paths.iter().any(|path| !is_missing(root, path));
                paths.iter().for_each(|path| tree.insert(path, named));
            }
            Err(refusal) => refused.push((include.clone(), refusal)),
        }
    }
    Includes { selection: tree.into_selection(), refused, any_exists }
}

fn is_missing(root: &Root, path: &[Vec<u8>]) -> bool {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    root.metadata(&path.join(&b'/')).is_err_and(|error| missing.contains(&error.kind()))
}

#[derive(Default)]
struct Tree {
    /// All of it; [`Selection::Whole`]'s `named` within.
    whole: Option<bool>,
    children: BTreeMap<Vec<u8>, Tree>,
}

impl Tree {
    fn insert(&mut self, path: &[Vec<u8>], named: bool) {
        let mut node = self;
        for component in path {
            node = node.children.entry(component.clone()).or_default();
        }
        node.whole = Some(named || node.whole == Some(true));
    }

    fn into_selection(self) -> Selection {
        if let Some(named) = self.whole {
            return Selection::Whole { named };
        }
        let children = self.children.into_iter().map(|(name, tree)| (name, Arc::new(tree.into_selection())));
        Selection::Part(children.collect())
    }
}

/// What one include stands for.
struct Expansion {
    /// Each as its components.
    paths: Vec<Vec<Vec<u8>>>,
    named: bool,
}

fn expand(root: &Root, include: &str) -> Result<Expansion, IncludeRefusal> {
    let relative = match Path::new(include).strip_prefix(root.path()) {
        Ok(inside) => inside.as_os_str().as_bytes(),
        Err(_) if include.starts_with('/') => return Err(IncludeRefusal::OutsideBase),
        Err(_) => include.as_bytes(),
    };
    let components: Vec<Vec<u8>> =
        relative.split(|&b| b == b'/').filter(|c| !c.is_empty() && *c != b".").map(<[u8]>::to_vec).collect();
    if components.iter().any(|component| component == b"..") {
        return Err(IncludeRefusal::OutsideBase);
    }
    if components.iter().any(|component| component.contains(&0) || component.len() > COMPONENT_MAX_BYTES) {
        return Err(IncludeRefusal::NoPath);
    }
    let is_pattern = relative.iter().any(|byte| b"*?[{\\".contains(byte));
    // A file may really be called `a[1]`: what exists is meant literally.
    if !is_pattern || root.metadata(&components.join(&b'/')).is_ok() {
        return Ok(Expansion { paths: vec![components], named: true });
    }
    let steps = components.iter().map(|component| Step::new(component)).collect::<Result<Vec<_>, _>>()?;
    let mut search = Search { root, found: Vec::new() };
    search.descend(&mut Vec::new(), &steps)?;
    search.found.sort_unstable();
    search.found.dedup();
    if search.found.is_empty() {
        return Err(IncludeRefusal::MatchesNothing);
    }
    Ok(Expansion { paths: search.found, named: false })
}

/// One component of a pattern.
enum Step {
    Literal(Vec<u8>),
    Glob(GlobMatcher),
    /// `**`: any number of folders, none too.
    AnyDepth,
}

impl Step {
    fn new(component: &[u8]) -> Result<Self, IncludeRefusal> {
        if component == b"**" {
            return Ok(Self::AnyDepth);
        }
        if !component.iter().any(|byte| b"*?[{\\".contains(byte)) {
            return Ok(Self::Literal(component.to_vec()));
        }
        let text = str::from_utf8(component).map_err(|_| IncludeRefusal::Pattern("it is not UTF-8".to_owned()))?;
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|error| IncludeRefusal::Pattern(error.kind().to_string()))?;
        Ok(Self::Glob(glob.compile_matcher()))
    }
}

struct Search<'a> {
    root: &'a Root,
    found: Vec<Vec<Vec<u8>>>,
}

impl Search<'_> {
    /// Adds what `steps` match in the folder `at`. A folder that cannot be
    /// listed holds no matches.
    fn descend(&mut self, at: &mut Vec<Vec<u8>>, steps: &[Step]) -> Result<(), IncludeRefusal> {
        let Some((step, rest)) = steps.split_first() else {
            if self.found.len() == PATTERN_MATCHES_MAX {
                return Err(IncludeRefusal::TooManyMatches);
            }
            self.found.push(at.clone());
            return Ok(());
        };
        if at.len() > PATTERN_DEPTH_MAX {
            return Ok(());
        }
        match step {
            Step::Literal(name) => {
                at.push(name.clone());
                if self.root.metadata(&at.join(&b'/')).is_ok() {
                    self.descend(at, rest)?;
                }
                at.pop();
            }
            Step::Glob(glob) => {
                for (name, _) in self.names(at) {
                    if glob.is_match(Path::new(OsStr::from_bytes(&name))) {
                        at.push(name);
                        self.descend(at, rest)?;
                        at.pop();
                    }
                }
            }
            Step::AnyDepth => {
                self.descend(at, rest)?;
                for (name, is_directory) in self.names(at) {
                    if is_directory {
                        at.push(name);
                        self.descend(at, steps)?;
                        at.pop();
                    }
                }
            }
        }
        Ok(())
    }

    /// What the folder holds, and which of it are folders; empty for anything else.
    fn names(&self, at: &[Vec<u8>]) -> Vec<(Vec<u8>, bool)> {
        let mut names = Vec::new();
        let Ok(folder) = self.root.open_directory(&at.join(&b'/')) else { return names };
        let mut buffer = Vec::with_capacity(LISTING_BUFFER_BYTES);
        let mut entries = RawDir::new(folder.as_fd(), buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let is_directory = match entry.file_type() {
                FileType::Unknown => statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
                known => known == FileType::Directory,
            };
            names.push((name.to_bytes().to_vec(), is_directory));
        }
        names
    }
}
