use super::super::super::failure::Failure;
use super::super::super::lock_file::LockFile;
use super::super::super::plan_file;
use crate::base::Context;
use crate::diagnostics::{Diagnostic, Severities, SourceFiles, Span};
use crate::rules::file::UNREADABLE;
use crate::rules::{Checked, without_secrets};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One thing that the command line names, or one file of a folder that it names.
pub(super) struct Input {
    pub origin: Origin,
    /// How it is called in what is said of it.
    pub name: PathBuf,
}

pub(super) enum Origin {
    File {
        /// It was found in a folder, not named.
        is_listed: bool,
    },
    /// Its text, read once.
    Stdin(String),
    /// It cannot be looked at, for this reason.
    Unreadable(String),
}

/// An input and all that is said of it.
pub(super) struct Subject {
    pub input: Input,
    pub files: SourceFiles,
    pub diagnostics: Vec<Diagnostic>,
    /// `None`: it could not be read.
    pub checked: Option<Checked>,
}

impl Subject {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The texts and what is said of them, as they may be shown: without the secrets that stand in them.
    pub fn shown(&self) -> (SourceFiles, Vec<Diagnostic>) {
        match &self.checked {
            Some(checked) => without_secrets(&checked.document, &self.files, &self.diagnostics),
            None => (self.files.clone(), self.diagnostics.clone()),
        }
    }

    /// Reads and checks an input; that it cannot be read is said in a diagnostic.
    pub fn check(input: Input, severities: &Severities, context: &Context) -> Result<Self, Failure> {
        let read;
        let text = match &input.origin {
            Origin::Unreadable(because) => return Ok(Self::unreadable(&input, because.clone())),
            Origin::Stdin(text) => text,
            Origin::File { .. } => match plan_file::read(&context.working_directory.join(&input.name)) {
                Ok(text) => {
                    read = text;
                    &read
                }
                Err(error) => {
                    let name = input.name.display();
                    let because = match error.kind() {
                        ErrorKind::NotFound => format!("there is no file `{name}`"),
                        _ => format!("cannot read the plan `{name}`: {error}"),
                    };
                    return Ok(Self::unreadable(&input, because));
                }
            },
        };
        let checked = plan_file::check_content(&input.name, text, severities.clone(), context);
        let mut diagnostics = checked.diagnostics.clone();
        let is_file = matches!(input.origin, Origin::File { .. });
        if is_file && checked.plan().is_some() && LockFile::is_beside(&input.name, context) {
            // A lock has what is said by default, whatever this command line asks for.
            let by_default = (!severities.is_default())
                .then(|| plan_file::check_content(&input.name, text, Severities::default(), context));
            diagnostics.extend(differs_from_lock(&input.name, by_default.as_ref().unwrap_or(&checked), context));
            Diagnostic::sort(&mut diagnostics);
        }
        Ok(Self { files: checked.files.clone(), diagnostics, checked: Some(checked), input })
    }

    fn unreadable(input: &Input, because: String) -> Self {
        let mut files = SourceFiles::default();
        let file = files.add(input.name.display().to_string(), "");
        let diagnostic = Diagnostic::new(&UNREADABLE, Span::new(file, 0..0), because);
        let input = Input { origin: Origin::Unreadable(String::new()), name: input.name.clone() };
        Self { input, files, diagnostics: vec![diagnostic], checked: None }
    }
}

/// What is to be said if a plan is not what the lock beside it says.
fn differs_from_lock(path: &Path, by_default: &Checked, context: &Context) -> Option<Diagnostic> {
    LockFile::compare(path, by_default.plan()?, &by_default.diagnostics, context)
}

/// The inputs that are meant: those named, folders replaced by the plans in them; without any, this folder's.
pub(super) fn inputs(named: &[PathBuf], stdin_name: &Path, context: &Context) -> Result<Vec<Input>, Failure> {
    let listed = |name: PathBuf| Input { origin: Origin::File { is_listed: true }, name };
    if named.is_empty() {
        return Ok(plan_file::found(context)?.into_iter().map(listed).collect());
    }
    if named.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Failure::usage("`-` stands for the standard input, which can be read once"));
    }
    let mut inputs = Vec::new();
    for path in named {
        if is_stdin(path) {
            let origin = match plan_file::read_from(std::io::stdin()) {
                Ok(text) => Origin::Stdin(text),
                Err(error) => Origin::Unreadable(format!("cannot read the plan from the standard input: {error}")),
            };
            inputs.push(Input { origin, name: stdin_name.to_owned() });
        } else if context.working_directory.join(path).is_dir() {
            match plans_in(path, context) {
                Ok(found) => inputs.extend(found.into_iter().map(listed)),
                Err(because) => inputs.push(Input { origin: Origin::Unreadable(because), name: path.clone() }),
            }
        } else {
            inputs.push(Input { origin: Origin::File { is_listed: false }, name: path.clone() });
        }
    }
    Ok(inputs)
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn plans_in(folder: &Path, context: &Context) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(context.working_directory.join(folder))
        .map_err(|error| format!("cannot list the folder `{}`: {error}", folder.display()))?;
    let names = entries.flatten().map(|entry| folder.join(entry.file_name()));
    let mut found: Vec<PathBuf> = names.filter(|path| path.extension().is_some_and(|ext| ext == "kdl")).collect();
    if found.is_empty() {
        return Err(format!("there is no `.kdl` file in the folder `{}`", folder.display()));
    }
    found.sort();
    Ok(found)
}

/// Takes out the files of a folder that another plan includes and that are no
/// plans by themselves: what is wrong in them is said where they are included.
pub(super) fn without_parts(subjects: &mut Vec<Subject>, context: &Context) {
    let whole = |name: &str| context.working_directory.join(name).canonicalize().ok();
    let included: BTreeSet<PathBuf> = subjects
        .iter()
        .flat_map(|subject| subject.files.iter().skip(1).filter_map(|(_, file)| whole(&file.name)))
        .collect();
    subjects.retain(|subject| {
        let is_listed = matches!(subject.input.origin, Origin::File { is_listed: true });
        let has_plan = |checked: &Checked| checked.document.nodes.iter().any(|node| node.name.value == "plan");
        let is_part = is_listed
            && !subject.checked.as_ref().is_some_and(has_plan)
            && whole(&subject.input.name.to_string_lossy()).is_some_and(|path| included.contains(&path));
        !is_part
    });
}
