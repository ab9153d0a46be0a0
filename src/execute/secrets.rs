//! Finding secrets where a plan says that they are, when they are needed and not before.

use crate::base::{Context, Secret};
use crate::plan::SecretRef;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A secret is a line or a key file; whatever is larger is something else.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable `{name}` is not set")]
    NotSet { name: String },
    #[error("cannot read `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("`{}` is larger than a secret may be", path.display())]
    TooLarge { path: PathBuf },
    #[error("the command `{command}` {problem}")]
    Command { command: String, problem: String },
    #[error("`{reference}` is empty")]
    Empty { reference: String },
    #[error("`{reference}` is not UTF-8 text")]
    NotText { reference: String },
}

impl SecretError {
    /// The error and what lies beneath it in one line.
    pub fn reason(&self) -> String {
        match self {
            Self::File { source, .. } => format!("{self}: {}", crate::files::plain_reason(source)),
            _ => self.to_string(),
        }
    }
}

/// Resolves a plan's references to secrets. A command is asked once, however
/// many settings name it.
pub struct Secrets<'a> {
    context: &'a Context,
    /// Relative paths start here.
    plan_folder: PathBuf,
    answers: RefCell<HashMap<String, Secret<Vec<u8>>>>,
}

impl<'a> Secrets<'a> {
    pub fn new(context: &'a Context, plan_folder: &Path) -> Self {
        Self { context, plan_folder: plan_folder.to_owned(), answers: RefCell::default() }
    }

    /// A secret of one line, such as a password or an address: the first line
    /// of what is found. Never empty.
    pub fn line(&self, reference: &SecretRef) -> Result<Secret<String>, SecretError> {
        let content = self.content(reference)?;
        let shown = || reference.to_string();
        let text = std::str::from_utf8(content.expose()).map_err(|_| SecretError::NotText { reference: shown() })?;
        let line = text.lines().next().unwrap_or_default();
        if line.trim().is_empty() {
            return Err(SecretError::Empty { reference: shown() });
        }
        Ok(Secret::new(line.to_owned()))
    }

    /// All that is found, such as a key file.
    pub fn content(&self, reference: &SecretRef) -> Result<Secret<Vec<u8>>, SecretError> {
        match reference {
            SecretRef::Literal(secret) => Ok(Secret::new(secret.expose().clone().into_bytes())),
            SecretRef::Env(name) => match self.context.variable(name) {
                Some(value) => Ok(Secret::new(value.to_owned().into_bytes())),
                None => Err(SecretError::NotSet { name: name.clone() }),
            },
            SecretRef::File(path) => read(&self.path(path)),
            SecretRef::Command(command) => self.ask(command),
        }
    }

    /// A path of the plan on this machine.
    pub fn path(&self, path: &Path) -> PathBuf {
        whole_path(path, &self.context.home, &self.plan_folder)
    }

    fn ask(&self, command: &str) -> Result<Secret<Vec<u8>>, SecretError> {
        if let Some(answer) = self.answers.borrow().get(command) {
            return Ok(answer.clone());
        }
        let failed = |problem: String| SecretError::Command { command: command.to_owned(), problem };
        // Standard error stays the terminal's: a password store may have to ask for its own password.
        let mut child = Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.plan_folder)
            .stdin(Stdio::inherit())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("cannot be started: {e}")))?;
        let mut answer = Secret::new(Vec::new());
        let output = child.stdout.take().expect("standard output is piped");
        let read = output.take(MAX_SECRET_BYTES + 1).read_to_end(answer.expose_mut());
        if answer.expose().len() as u64 > MAX_SECRET_BYTES {
            // It would block for ever on the pipe that nobody reads.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|e| failed(format!("cannot be waited for: {e}")))?;
        if answer.expose().len() as u64 > MAX_SECRET_BYTES {
            return Err(failed("printed more than a secret may have".to_owned()));
        }
        read.map_err(|e| failed(format!("cannot be read from: {e}")))?;
        if !status.success() {
            return Err(failed(format!("ended with {status}")));
        }
        self.answers.borrow_mut().insert(command.to_owned(), answer.clone());
        Ok(answer)
    }
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    let mut content = Secret::new(Vec::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_SECRET_BYTES + 1).read_to_end(content.expose_mut()).map_err(failed)?;
    if content.expose().len() as u64 > MAX_SECRET_BYTES {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

/// A path as a plan has it: from the home folder where it begins with `~`, else
/// from the folder of the plan file, without `.` and `..` in it where that is
/// the same by name.
pub fn whole_path(path: &Path, home: &Path, plan_folder: &Path) -> PathBuf {
    let joined = match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => plan_folder.join(path),
    };
    let mut whole = PathBuf::new();
    for component in joined.components() {
        match component {
            std::path::Component::CurDir => {}
            // `link/..` is not where the link stands.
            std::path::Component::ParentDir if !whole.is_symlink() && whole.file_name().is_some() => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::testing::context;

    fn resolve(reference: &SecretRef) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "from a file\nand more\n").expect("written");
        std::fs::write(folder.path().join("empty"), "\n").expect("written");
        let mut context = context(folder.path());
        context.environment.insert("TOKEN".to_owned(), "from the environment".to_owned());
        let secrets = Secrets::new(&context, folder.path());
        secrets.line(reference).map(|secret| secret.expose().clone()).map_err(|e| e.reason())
    }

    #[test]
    fn each_kind_of_reference_gives_its_first_line() {
        for (reference, expected) in [
            (SecretRef::Env("TOKEN".to_owned()), "from the environment"),
            (SecretRef::File("token".into()), "from a file"),
            (SecretRef::Command("printf 'from a command\\nsecond'".to_owned()), "from a command"),
            (SecretRef::Literal(Secret::new("written down".to_owned())), "written down"),
        ] {
            assert_eq!(resolve(&reference).as_deref(), Ok(expected), "{reference}");
        }
    }

    #[test]
    fn what_is_not_found_is_named_and_a_secret_never_shown() {
        let error = |reference| resolve(&reference).expect_err("refused");
        insta::assert_snapshot!(error(SecretRef::Env("NO".to_owned())), @"the environment variable `NO` is not set");
        assert!(error(SecretRef::File("no".into())).ends_with("/no`: no such file or directory"));
        insta::assert_snapshot!(error(SecretRef::File("empty".into())), @r#"`(file)"empty"` is empty"#);
        insta::assert_snapshot!(error(SecretRef::Command("echo secret; exit 3".to_owned())), @"the command `echo secret; exit 3` ended with exit status: 3");
    }

    #[test]
    fn a_command_is_asked_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path());
        let secrets = Secrets::new(&context, folder.path());
        let reference = SecretRef::Command("echo x >> asked; wc -l < asked".to_owned());
        for _ in 0..3 {
            assert_eq!(secrets.line(&reference).expect("answered").expose().trim(), "1");
        }
    }

    #[test]
    fn paths_start_at_home_or_at_the_plan_file() {
        let whole = |path: &str| whole_path(Path::new(path), Path::new("/home/ana"), Path::new("/etc/plan"));
        assert_eq!(whole("~/x"), Path::new("/home/ana/x"));
        assert_eq!(whole("~"), Path::new("/home/ana"));
        assert_eq!(whole("../x/./y"), Path::new("/etc/x/y"));
        assert_eq!(whole("/x"), Path::new("/x"));
    }
}
