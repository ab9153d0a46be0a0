use crate::base::Secret;
use std::fmt;
use std::path::PathBuf;

/// Where a secret is found when it is needed. `Display` shows the reference,
/// never the secret: `(env)"NAME"`.
#[derive(Clone, Debug)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
    /// A shell command whose first line of output is the secret.
    Command(String),
    /// Written in the plan itself; a diagnostic warns of it.
    Literal(Secret<String>),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "(env){name:?}"),
            Self::File(path) => write!(f, "(file){:?}", path.display().to_string()),
            Self::Command(command) => write!(f, "(command){command:?}"),
            Self::Literal(_) => f.write_str("(literal, hidden)"),
        }
    }
}
