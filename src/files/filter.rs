use super::{FileKind, Metadata, plain_reason};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

/// Largest file of exclude patterns that is read.
const EXCLUDE_FILE_MAX_BYTES: u64 = 16 << 20;

/// Why the patterns that decide what is left out cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("`{pattern}` is not an exclude pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("cannot read the exclude file `{}`: {}", path.display(), plain_reason(source))]
    ExcludeFile { path: PathBuf, source: io::Error },
    #[error("line {line} of the exclude file `{}` is not an exclude pattern: {reason}", path.display())]
    ExcludeFileLine { path: PathBuf, line: usize, reason: String },
}

/// What of a tree is left out: decided entry by entry on the way down, so
/// what lies below a folder that is left out is never looked at (and, as in
/// git, cannot be taken in again).
pub(super) struct Filter {
    patterns: Gitignore,
    /// Of the patterns given directly, whether each ever decided anything.
    has_matched: HashMap<String, AtomicBool>,
    max_file_size_bytes: Option<u64>,
    /// Device and inode of what is never taken, however it is reached.
    never_inodes: Vec<(u64, u64)>,
    /// The same by path below the base, for what did not exist at the start.
    never_paths: Vec<Vec<u8>>,
}

/// What [`Filter::new`] is made from; see [`super::WalkOptions`].
pub(super) struct FilterRules<'a> {
    pub exclude: &'a [String],
    pub exclude_files: &'a [PathBuf],
    pub max_file_size_bytes: Option<u64>,
    /// Absolute.
    pub never: &'a [PathBuf],
    pub base: &'a Path,
}

impl Filter {
    pub fn new(rules: &FilterRules<'_>) -> Result<Self, FilterError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in rules.exclude {
            builder
                .add_line(None, pattern)
                .map_err(|error| FilterError::Pattern { pattern: pattern.clone(), reason: reason(&error) })?;
        }
        for path in rules.exclude_files {
            add_file(&mut builder, path)?;
        }
        let patterns = builder
            .build()
            .map_err(|error| FilterError::Pattern { pattern: rules.exclude.join(" "), reason: reason(&error) })?;
        let given = rules.exclude.iter().filter(|pattern| !pattern.trim().is_empty() && !pattern.starts_with('#'));
        Ok(Self {
            patterns,
            has_matched: given.map(|pattern| (pattern.trim_end().to_owned(), AtomicBool::new(false))).collect(),
            max_file_size_bytes: rules.max_file_size_bytes,
            never_inodes: rules.never.iter().filter_map(|path| inode_of(path)).collect(),
            never_paths: rules.never.iter().filter_map(|path| below(rules.base, path)).collect(),
        })
    }

    /// Whether [`Filter::leaves_out_path`] can ever say yes, so that building paths for it pays.
    pub fn needs_paths(&self) -> bool {
        !self.patterns.is_empty() || !self.never_paths.is_empty()
    }

    /// Whether the patterns leave out `path`, whose folder they did not leave out.
    pub fn leaves_out_path(&self, path: &[u8], is_directory: bool) -> bool {
        if self.never_paths.iter().any(|never| never == path) {
            return true;
        }
        let decision = self.patterns.matched(Path::new(OsStr::from_bytes(path)), is_directory);
        if let Some(has_matched) = decision.inner().and_then(|glob| self.has_matched.get(glob.original())) {
            has_matched.store(true, Ordering::Relaxed);
        }
        matches!(decision, Match::Ignore(_))
    }

    /// The patterns given directly that decided nothing so far, sorted.
    pub fn idle_patterns(&self) -> Vec<String> {
        let is_idle = |(_, has_matched): &(&String, &AtomicBool)| !has_matched.load(Ordering::Relaxed);
        let mut idle: Vec<_> = self.has_matched.iter().filter(is_idle).map(|(pattern, _)| pattern.clone()).collect();
        idle.sort_unstable();
        idle
    }

    /// Whether an entry is left out for what it is rather than for its name.
    pub fn leaves_out_metadata(&self, metadata: &Metadata) -> bool {
        let too_large = metadata.kind == FileKind::File
            && self.max_file_size_bytes.is_some_and(|max_bytes| metadata.size > max_bytes);
        too_large || self.never_inodes.contains(&metadata.identity())
    }
}

fn add_file(builder: &mut GitignoreBuilder, path: &Path) -> Result<(), FilterError> {
    let failed = |source| FilterError::ExcludeFile { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > EXCLUDE_FILE_MAX_BYTES {
        return Err(failed(io::Error::other(format!("it is larger than {EXCLUDE_FILE_MAX_BYTES} bytes"))));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let failed = |reason| FilterError::ExcludeFileLine { path: path.to_owned(), line: index + 1, reason };
        let line = std::str::from_utf8(line).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        builder.add_line(None, line).map_err(|error| failed(reason(&error)))?;
    }
    Ok(())
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

fn inode_of(path: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::stat(path).ok()?;
    Some(Metadata::from(&stat).identity())
}

/// `path` as bytes below `base`, where it lies there.
fn below(base: &Path, path: &Path) -> Option<Vec<u8>> {
    let inside = path.strip_prefix(base).ok()?;
    (!inside.as_os_str().is_empty()).then(|| inside.as_os_str().as_bytes().to_vec())
}
