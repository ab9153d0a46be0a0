//! `gpg`, `age` and `openssl`: who can read what is encrypted, and where it lies.

use super::findings::Encrypted;
use super::options::Grammar;
use crate::import::draft::{Notes, Origin, Sourced};
use crate::import::shell::{Command, Word};

const GPG: Grammar = Grammar {
    with_value: &[
        "r",
        "recipient",
        "R",
        "hidden-recipient",
        "o",
        "output",
        "passphrase",
        "passphrase-file",
        "passphrase-fd",
        "cipher-algo",
        "compress-algo",
        "compress-level",
        "z",
        "homedir",
        "pinentry-mode",
        "digest-algo",
        "s2k-mode",
        "s2k-count",
        "local-user",
        "u",
        "default-key",
        "trust-model",
        "recipient-file",
        "f",
        "s2k-digest-algo",
        "s2k-cipher-algo",
        "status-fd",
    ],
};
const AGE: Grammar =
    Grammar { with_value: &["r", "recipient", "R", "recipients-file", "o", "output", "i", "identity"] };
const OPENSSL: Grammar =
    Grammar { with_value: &["in", "out", "pass", "k", "kfile", "K", "iv", "iter", "md", "S", "inkey", "recip"] };

/// One call that encrypts.
pub(super) struct Encryption {
    pub encrypted: Encrypted,
    /// None: standard input.
    pub input: Option<Word>,
    /// None: standard output.
    pub output: Option<Word>,
}

/// What a call does.
pub(super) enum Cipher {
    Encrypts(Box<Encryption>),
    /// Decrypts, verifies or lists; with the file, if one is named.
    Reads(Option<Word>),
}

/// Reads a command that encrypts; none if it is not one of those.
pub(super) fn cipher(command: &Command, origin: &Origin) -> Option<Cipher> {
    match command.program() {
        "gpg" | "gpg2" => gpg(command, origin),
        "age" | "rage" => age(command, origin),
        "openssl" => openssl(command, origin),
        _ => None,
    }
}

const NOTHING_OPENS: &str = "opens nothing here: a plan encrypts to public keys of age, whose identity restores";

fn gpg(command: &Command, origin: &Origin) -> Option<Cipher> {
    let options = GPG.parse(command.arguments());
    let clustered = |letter: char| {
        command.arguments().iter().filter_map(Word::text).any(|text| {
            text.len() > 1
                && text.starts_with('-')
                && !text.starts_with("--")
                && text[1..].chars().all(|c| c.is_ascii_lowercase())
                && text.contains(letter)
        })
    };
    let is_symmetric = options.flag(&["symmetric", "c"]) || clustered('c');
    let is_encryption = is_symmetric || options.flag(&["encrypt", "e"]) || clustered('e');
    if !is_encryption {
        let reads = options.flag(&["decrypt", "d", "verify", "list-packets"]);
        return reads.then(|| Cipher::Reads(options.positional.first().cloned()));
    }
    let mut notes = Notes::default();
    if is_symmetric {
        let place = match options.value(&["passphrase-file"]).and_then(Word::as_place) {
            Some(file) => format!("gpg's passphrase in `{file}`"),
            None => "gpg's passphrase".to_owned(),
        };
        notes.differs(Some(origin), format!("{place} {NOTHING_OPENS}"));
    }
    if options.value(&["passphrase"]).is_some() {
        notes.not_carried(Some(origin), "a passphrase that stands in the script, for all to read: it is not copied");
    }
    for recipient in options.values(&["r", "recipient", "R", "hidden-recipient"]) {
        notes.not_carried(
            Some(origin),
            format!("gpg's recipient `{}`: its key is none of age; make one with `plan key new`", recipient.shown()),
        );
    }
    let input = options.positional.first().cloned();
    let output = options.value(&["o", "output"]).cloned().or_else(|| command.output().cloned());
    let output = output.or_else(|| input.clone().map(|word| with_ending(word, ".gpg")));
    Some(encrypts(origin, Vec::new(), notes, input, output))
}

fn age(command: &Command, origin: &Origin) -> Option<Cipher> {
    let options = AGE.parse(command.arguments());
    if options.flag(&["d", "decrypt"]) {
        return Some(Cipher::Reads(options.positional.first().cloned()));
    }
    let mut notes = Notes::default();
    let mut recipients = Vec::new();
    for word in options.values(&["r", "recipient"]) {
        match word.text().filter(|text| is_public_key(text)) {
            Some(text) => recipients.push(Sourced::new(text.to_owned(), origin)),
            None => notes.fill_in(Some(origin), "`recipient`: age's is known only when the script runs"),
        }
    }
    for word in options.values(&["R", "recipients-file"]) {
        notes.fill_in(Some(origin), format!("`recipient`: those in `{}`", word.shown()));
    }
    if options.flag(&["p", "passphrase"]) {
        notes.differs(Some(origin), format!("age's passphrase {NOTHING_OPENS}"));
    }
    let input = options.positional.first().cloned();
    let output = options.value(&["o", "output"]).cloned().or_else(|| command.output().cloned());
    Some(encrypts(origin, recipients, notes, input, output))
}

fn openssl(command: &Command, origin: &Origin) -> Option<Cipher> {
    let options = OPENSSL.parse(command.arguments());
    let verb = options.positional.first()?.text()?;
    let is_cipher = matches!(verb, "enc" | "aes-256-cbc" | "aes-256-ctr" | "smime" | "cms" | "des3");
    if !is_cipher {
        return None;
    }
    if options.flag(&["d", "decrypt"]) {
        return Some(Cipher::Reads(options.value(&["in"]).cloned()));
    }
    let mut notes = Notes::default();
    let place = match options.value(&["pass", "kfile"]).and_then(Word::text).and_then(|pass| pass.strip_prefix("file:"))
    {
        Some(file) => format!("openssl's key in `{file}`"),
        None => "openssl's passphrase".to_owned(),
    };
    notes.differs(Some(origin), format!("{place} {NOTHING_OPENS}"));
    let output = options.value(&["out"]).cloned().or_else(|| command.output().cloned());
    Some(encrypts(origin, Vec::new(), notes, options.value(&["in"]).cloned(), output))
}

fn encrypts(
    origin: &Origin,
    recipients: Vec<Sourced<String>>,
    notes: Notes,
    input: Option<Word>,
    output: Option<Word>,
) -> Cipher {
    let encrypted = Encrypted { origin: origin.clone(), recipients, notes };
    Cipher::Encrypts(Box::new(Encryption { encrypted, input, output }))
}

/// The public keys that a plan takes.
pub(in crate::import) fn is_public_key(text: &str) -> bool {
    text.starts_with("age1") || text.starts_with("ssh-ed25519 ") || text.starts_with("ssh-rsa ")
}

fn with_ending(mut word: Word, ending: &str) -> Word {
    word.push(crate::import::shell::Part::Text(ending.to_owned()));
    word
}
