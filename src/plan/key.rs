use super::SecretRef;
use crate::diagnostics::{Span, Spanned};

/// A named set of recipients, and where their identity is found.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: Spanned<String>,
    /// At least one, unless an identity has `create`: then its recipient is
    /// added to these at run time.
    pub recipients: Vec<Recipient>,
    /// Only on hosts that restore.
    pub identities: Vec<Identity>,
    /// Unlocks a passphrase-locked identity.
    pub passphrase: Option<Spanned<SecretRef>>,
    pub span: Span,
}

/// A public key: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`, or a plugin's `age1name1…`.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub text: Spanned<String>,
    pub note: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Identity {
    pub secret: Spanned<SecretRef>,
    /// `identity (file)PATH create=#true`: where the file is missing on the first
    /// run, a new X25519 identity is written there with mode 0600, and its
    /// recipient joins the key's. Only with `(file)`.
    pub create: bool,
}
