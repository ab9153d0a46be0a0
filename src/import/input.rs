//! What is read: a file's text, and what kind of file it is.

use super::draft::Origin;
use super::script::is_crontab_line;
use std::fmt;
use std::sync::Arc;

/// The largest file that is read, in bytes; real ones have some kilobytes.
pub const MAX_INPUT_BYTES: usize = 4 << 20;
/// Files of one import.
pub const MAX_INPUTS: usize = 100;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Borgmatic,
    Resticprofile,
    Crontab,
    Script,
    /// A text for people with crontabs and scripts in fenced blocks, as in Markdown.
    Document,
    /// rclone's configuration: where the remotes are that scripts name.
    Rclone,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Borgmatic => "borgmatic",
            Self::Resticprofile => "resticprofile",
            Self::Crontab => "crontab",
            Self::Script => "script",
            Self::Document => "document",
            Self::Rclone => "rclone",
        })
    }
}

/// A file to import.
#[derive(Clone, Debug)]
pub struct Input {
    /// As it was named.
    pub path: Arc<str>,
    /// Short, for comments: without its folder unless another has the same name.
    pub(super) name: Arc<str>,
    pub text: String,
    pub kind: Kind,
    /// The line that the text begins at, in the file that it is of.
    pub(super) first_line: usize,
    /// What a script is called where it is not a file of its own.
    pub(super) called: Option<String>,
}

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("`{name}` is empty")]
    Empty { name: String },
    #[error("`{name}` is no text: byte {at} is none of UTF-8")]
    NotText { name: String, at: usize },
    #[error("`{name}` is larger than 4 MiB")]
    TooLarge { name: String },
    #[error("there are more than 100 files")]
    TooMany,
    #[error("it does not show what `{name}` is")]
    UnknownKind { name: String },
    #[error("`{one}` is of {one_kind} and `{other}` of {other_kind}, which do not make one plan")]
    Mixed { one: String, one_kind: Kind, other: String, other_kind: Kind },
    #[error("`{name}` has a mistake at line {line}, column {column}: {reason}")]
    Syntax { name: String, line: usize, column: usize, reason: String },
    #[error("`{name}` is not what {kind} reads: {reason}")]
    Shape { name: String, kind: Kind, reason: String },
    #[error("nothing that is backed up is to be seen in {names}")]
    NothingFound { names: String },
}

impl ImportError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Empty { .. } => "name a file that has something in it".to_owned(),
            Self::NotText { .. } => {
                "name the file of settings or the script itself, not an archive or a program".to_owned()
            }
            Self::TooLarge { .. } => "it is none that a person wrote; name the file of settings itself".to_owned(),
            Self::TooMany => "name those that make one plan".to_owned(),
            Self::UnknownKind { .. } => "say it with `--from borgmatic`, `resticprofile`, `crontab` or `script`".to_owned(),
            Self::Mixed { .. } => "import them one after the other; crontabs and scripts go together".to_owned(),
            Self::Syntax { .. } => "put it right, or say with `--from` that it is something else".to_owned(),
            Self::Shape { .. } => "say with `--from` what it is".to_owned(),
            Self::NothingFound { .. } => {
                "name all files that belong together: the crontab and the scripts that it runs; `plan init` writes a plan \
                 from nothing"
                    .to_owned()
            }
        }
    }
}

impl Input {
    /// A file as it was read; its kind is seen from its content and its name unless it is given.
    ///
    /// # Errors
    /// It is empty, too large, no text, or nothing that is known.
    pub fn new(name: &str, bytes: &[u8], kind: Option<Kind>) -> Result<Self, ImportError> {
        let owned = || name.to_owned();
        if bytes.len() > MAX_INPUT_BYTES {
            return Err(ImportError::TooLarge { name: owned() });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ImportError::NotText { name: owned(), at: error.valid_up_to() })?;
        if let Some(at) = text.bytes().position(|byte| byte == 0) {
            return Err(ImportError::NotText { name: owned(), at });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(ImportError::Empty { name: owned() });
        }
        let kind = kind.or_else(|| detect(name, text)).ok_or_else(|| ImportError::UnknownKind { name: owned() })?;
        let short = name.rsplit('/').next().unwrap_or(name);
        Ok(Self { path: name.into(), name: short.into(), text: text.to_owned(), kind, first_line: 1, called: None })
    }
}

impl Input {
    /// The name by which a script is run.
    pub(super) fn script_name(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.name)
    }

    pub(super) fn origin(&self, line: usize) -> Origin {
        Origin { file: self.name.clone(), line }
    }
}

/// The lines that the beginning of a file is judged by.
const JUDGED_LINES: usize = 400;

fn detect(name: &str, text: &str) -> Option<Kind> {
    let base = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let lines = || text.lines().take(JUDGED_LINES);
    let trimmed = || lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if text.starts_with("#!") {
        return Some(Kind::Script);
    }
    let has_fence = text.lines().any(|line| line.starts_with("```"));
    if has_fence && (base.ends_with(".md") || base.ends_with(".markdown") || base.ends_with(".txt")) {
        return Some(Kind::Document);
    }
    let is_section = |line: &str| line.starts_with('[') && line.ends_with(']') && !line.contains(['.', '"']);
    let has_type = lines().any(|line| {
        line.trim().strip_prefix("type").is_some_and(|rest| rest.trim_start().starts_with("= ") && !rest.contains('"'))
    });
    if base == "rclone.conf" || (trimmed().next().is_some_and(is_section) && has_type) {
        return Some(Kind::Rclone);
    }
    let has_key = |keys: &[&str]| {
        lines().any(|line| {
            let line = line.trim_start_matches([' ', '\t', '-', '"', '\'']);
            keys.iter().any(|key| {
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
            })
        })
    };
    let is_yaml = base.ends_with(".yaml") || base.ends_with(".yml");
    let by_ending = [".toml", ".json", ".hcl", ".conf"].iter().any(|ending| base.ends_with(ending));
    if (is_yaml || !by_ending)
        && has_key(&["source_directories", "location", "repositories"])
        && !has_key(&["profiles"])
    {
        return Some(Kind::Borgmatic);
    }
    let is_profile = base.starts_with("profiles") || base.contains("resticprofile");
    let toml_profile = lines().any(|line| line.trim_start().starts_with("[") && line.contains(".backup]"));
    let marks = ["password-file", "inherit", "backup", "retention", "repository"];
    if is_profile
        || toml_profile
        || ((is_yaml || by_ending) && has_key(&marks))
        || (by_ending && text.contains("repository"))
    {
        return Some(Kind::Resticprofile);
    }
    if is_yaml {
        return has_key(&["borgmatic", "hooks", "storage", "retention", "consistency"]).then_some(Kind::Borgmatic);
    }
    let jobs = trimmed().filter(|line| is_crontab_line(line)).count();
    let is_cron = base.contains("crontab") || name.contains("/cron");
    let rest = trimmed()
        .filter(|line| !is_crontab_line(line) && line.split_once('=').is_none_or(|(name, _)| name.contains(' ')))
        .count();
    if jobs > 0 && (is_cron || rest == 0) {
        return Some(Kind::Crontab);
    }
    let is_script =
        [".sh", ".bash", ".env", ".ksh", ".zsh"].iter().any(|ending| base.ends_with(ending)) || base == ".env";
    const COMMANDS: [&str; 13] = [
        "tar ",
        "restic ",
        "borg ",
        "rsync ",
        "aws ",
        "rclone ",
        "gsutil ",
        "pg_dump",
        "mysqldump",
        "mariadb-dump",
        "export ",
        "scp ",
        "mongodump",
    ];
    let has_command = trimmed().any(|line| {
        let line = line.trim_start_matches("sudo ");
        COMMANDS.iter().any(|command| line.starts_with(command))
    });
    if has_fence && !is_script {
        return Some(Kind::Document);
    }
    (is_script || has_command).then_some(Kind::Script)
}
