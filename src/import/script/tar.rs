//! `tar`: what goes into an archive, and where that lies.

use super::paths::Folder;
use crate::import::draft::{Origin, SourceDraft, Sourced};
use crate::import::pattern;
use crate::import::shell::{Command, Word};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    List,
    Other,
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Tar {
    pub mode: Mode,
    /// None: standard output or input.
    pub file: Option<Word>,
    pub source: SourceDraft,
}

struct Call {
    mode: Mode,
    file: Option<Word>,
    /// Paths with the folder that they are relative to, as given by `-C`.
    paths: Vec<(Option<Word>, Word)>,
    exclude: Vec<Word>,
    exclude_from: Vec<Word>,
    files_from: Option<Word>,
    snapshot_file: Option<Word>,
    flags: Vec<String>,
}

/// Long options that take the next word when they have no `=`.
const WITH_VALUE: [&str; 12] = [
    "file",
    "directory",
    "exclude",
    "exclude-from",
    "files-from",
    "listed-incremental",
    "use-compress-program",
    "transform",
    "owner",
    "group",
    "newer",
    "label",
];

/// Reads a call of tar; `folder` is where relative paths begin.
pub(super) fn tar(command: &Command, file: &Arc<str>, folder: &Folder) -> Tar {
    let call = call(command.arguments());
    let origin = |word: &Word| Origin { file: file.clone(), line: word.line };
    let mut source =
        SourceDraft { origin: Some(Origin { file: file.clone(), line: command.line }), ..Default::default() };
    let bases: Vec<Option<String>> =
        call.paths.iter().map(|(base, _)| base.as_ref().and_then(|base| folder.absolute(base))).collect();
    // One folder for all: it is the source's base. Else every path is absolute.
    let common = match (call.paths.first(), bases.first()) {
        (Some((Some(word), _)), Some(Some(base))) if bases.iter().all(|other| other.as_ref() == Some(base)) => {
            let all_relative = call.paths.iter().all(|(_, path)| !path.starts_with("/") && !path.starts_with("~"));
            all_relative.then(|| Sourced::new(base.clone(), &origin(word)))
        }
        _ => None,
    };
    for ((base_word, path), base) in call.paths.iter().zip(&bases) {
        let inside = match base_word {
            Some(_) => base.as_ref().map(|base| Folder::at(base)),
            None => Some(folder.clone()),
        };
        let found = match (&common, inside) {
            (Some(_), _) => path.text().map(|text| text.trim_start_matches("./").trim_end_matches('/').to_owned()),
            (None, Some(inside)) => inside.absolute(path),
            (None, None) => None,
        };
        match found {
            Some(found) => {
                let (found, cut) = super::paths::before_pattern(&found);
                if cut {
                    source.notes.differs(
                        Some(&origin(path)),
                        format!(
                            "all of `{found}` is taken: `include` has no patterns, and the archive was of `{}`",
                            path.shown()
                        ),
                    );
                }
                // `.` and the like: all of the base.
                let is_base = common.is_some() && matches!(found.as_str(), "." | "");
                if !is_base && !source.include.iter().any(|known| known.value == found) {
                    source.include.push(Sourced::new(found, &origin(path)));
                }
            }
            None => {
                let text =
                    format!("`{}` in the archive: what it stands for is known only when the script runs", path.shown());
                source.notes.not_carried(Some(&origin(path)), text);
            }
        }
    }
    let base = common.as_ref().map(|base| base.value.clone());
    source.base = common;
    for word in &call.exclude {
        match word.text().and_then(|text| pattern::tar(text, base.as_deref())) {
            Some(pattern) => source.exclude.push(Sourced::new(pattern, &origin(word))),
            None => source.notes.not_carried(
                Some(&origin(word)),
                format!(
                    "the exclude `{}`, which matches nothing in the archive or is not known before the script runs",
                    word.shown()
                ),
            ),
        }
    }
    for word in &call.exclude_from {
        match folder.absolute(word) {
            Some(path) => {
                source.exclude_file.push(Sourced::new(path, &origin(word)));
                source.notes.differs(
                    Some(&origin(word)),
                    "the file of excludes is read in the syntax of gitignore, in which a pattern with a slash begins at the base",
                );
            }
            None => source.notes.not_carried(Some(&origin(word)), "a file of excludes whose name is not known"),
        }
    }
    if let Some(word) = &call.files_from {
        source.notes.not_carried(
            Some(&origin(word)),
            format!("the list of files in `{}`: name them with `include`", word.shown()),
        );
    }
    if let Some(word) = &call.snapshot_file {
        source.notes.differs(
            Some(&origin(word)),
            "tar's list of what was saved before is not needed: a plan stores only what changed, and restores in one go",
        );
    }
    let has = |flag: &str| call.flags.iter().any(|known| known == flag);
    let here = source.origin.clone();
    let flag = |set: bool| set.then(|| Sourced { value: (), origin: here.clone() });
    source.exclude_caches = flag(has("exclude-caches") || has("exclude-caches-all"));
    source.one_file_system = flag(has("one-file-system"));
    Tar { mode: call.mode, file: call.file, source }
}

fn call(words: &[Word]) -> Call {
    let mut call = Call {
        mode: Mode::Other,
        file: None,
        paths: Vec::new(),
        exclude: Vec::new(),
        exclude_from: Vec::new(),
        files_from: None,
        snapshot_file: None,
        flags: Vec::new(),
    };
    let mut base: Option<Word> = None;
    let mut words = words.iter().enumerate();
    while let Some((at, word)) = words.next() {
        let shown = word.pattern();
        if let Some(long) = shown.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) = match long.split_once('=') {
                Some((name, _)) => (name, word.strip_prefix(&format!("--{name}="))),
                None if WITH_VALUE.contains(&long) => (long, words.next().map(|(_, word)| word.clone())),
                None => (long, None),
            };
            call.option(name, value, &mut base);
            continue;
        }
        let is_old_style = at == 0 && word.text().is_some_and(|text| text.len() < 12 && !text.contains(['/', '.']));
        if is_old_style || (shown.starts_with('-') && shown.len() > 1) {
            let letters = shown.trim_start_matches('-');
            for (index, letter) in letters.char_indices() {
                let name = match letter {
                    'c' => "create",
                    't' => "list",
                    'x' => "extract",
                    'r' => "append",
                    'u' => "update",
                    'f' => "file",
                    'C' => "directory",
                    'X' => "exclude-from",
                    'T' => "files-from",
                    'g' => "listed-incremental",
                    'I' => "use-compress-program",
                    'b' | 'K' | 'N' | 'V' => "value",
                    _ => continue,
                };
                if matches!(name, "create" | "list" | "extract" | "append" | "update") {
                    call.option(name, None, &mut base);
                    continue;
                }
                // `-Cdir` and `-fx.tar`: the rest of the word; in the old style, always the next.
                let rest = &letters[index + letter.len_utf8()..];
                let dashes = shown.len() - letters.len();
                let attached = (!is_old_style || dashes > 0) && !rest.is_empty();
                let value = if attached {
                    word.strip_prefix(&shown[..dashes + index + letter.len_utf8()])
                } else {
                    words.next().map(|(_, word)| word.clone())
                };
                call.option(name, value, &mut base);
                if attached {
                    break;
                }
            }
            continue;
        }
        call.paths.push((base.clone(), word.clone()));
    }
    // `-C dir .` and nothing else was given as a path: nothing to add.
    call
}

impl Call {
    fn option(&mut self, name: &str, value: Option<Word>, base: &mut Option<Word>) {
        match (name, value) {
            ("create", _) => self.mode = Mode::Create,
            ("list" | "compare" | "diff", _) => self.mode = Mode::List,
            ("file", Some(word)) => self.file = (word.text() != Some("-")).then_some(word),
            ("directory", Some(word)) => *base = Some(word),
            ("exclude", Some(word)) => self.exclude.push(word),
            ("exclude-from", Some(word)) => self.exclude_from.push(word),
            ("files-from", Some(word)) => self.files_from = Some(word),
            ("listed-incremental", Some(word)) => self.snapshot_file = Some(word),
            (name, _) => self.flags.push(name.to_owned()),
        }
    }
}
