use std::io;

/// What is wrong with stored bytes, or with reaching them.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not what format version 1 allows.
    #[error("{what} is damaged: {detail}")]
    Corrupt { what: &'static str, detail: String },
    /// Written by a later version of this program.
    #[error("{what} has format version {found}; this program reads version {supported}")]
    Version { what: &'static str, found: u64, supported: u64 },
    /// The object is encrypted and no identity was given.
    #[error("no key to decrypt with")]
    NoKey,
    /// None of the identities given opens the object.
    #[error("none of the keys at hand opens it")]
    WrongKey,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FormatError {
    pub fn corrupt(what: &'static str, detail: impl Into<String>) -> Self {
        Self::Corrupt { what, detail: detail.into() }
    }

    /// Whether the stored bytes themselves are bad (as opposed to unreachable or locked).
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Io(error) => matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof),
            Self::Version { .. } | Self::NoKey | Self::WrongKey => false,
        }
    }
}
