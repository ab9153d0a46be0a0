//! Keys: recipients that can be encrypted to, identities that can be found.

use super::{Check, Subject};
use crate::diagnostics::{Diagnostic, Rule, Severity, Span};
use crate::plan::{Recipient, SecretRef};
use age::ssh::ParseRecipientKeyError;
use std::collections::HashMap;

static RECIPIENT: Rule = Rule {
    code: "plan::key::recipient",
    severity: Severity::Error,
    title: "a recipient is no public key",
    why: "A recipient is a public key: `age1…` as `plan key new` or `age-keygen` prints it, `ssh-ed25519 …` or \
          `ssh-rsa …` as in a `.pub` file, or that of an age plugin. Age keys carry a checksum, so one with a wrong \
          or missing character is found here and not when a restore fails.",
    bad: r#"
key team { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su8" }
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static SECRET_AS_RECIPIENT: Rule = Rule {
    code: "plan::key::secret_as_recipient",
    severity: Severity::Error,
    title: "a secret key stands where a public one belongs",
    why: "`AGE-SECRET-KEY-…` and `BEGIN OPENSSH PRIVATE KEY` open every backup. In a plan, which is shared and \
          committed, the key is no longer secret: make a new one (`plan key new`), put its recipient here, and let \
          the plan refer to the identity with `(file)`.",
    bad: r#"
key team { recipient "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33" }
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static NO_RECIPIENT: Rule = Rule {
    code: "plan::key::no_recipient",
    severity: Severity::Error,
    title: "a key has no recipient",
    why: "Backups are encrypted to recipients. A key with an identity alone can open backups, but none can be made \
          for it. `plan key show` prints the recipient of an identity; `identity (file)PATH create=#true` lets the \
          first run make both.",
    bad: r#"
key team { identity (file)"/etc/plan/team.key" }
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static REPEATED: Rule = Rule {
    code: "plan::key::repeated_recipient",
    severity: Severity::Warning,
    title: "a recipient stands twice in a key",
    why: "The second adds nothing. Where two people or places were meant to hold keys, one of them holds none.",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="server"
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="safe"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="server"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static PASSPHRASE: Rule = Rule {
    code: "plan::key::passphrase_without_identity",
    severity: Severity::Warning,
    title: "a passphrase has no identity to unlock",
    why: "A passphrase never encrypts an archive (that would cost a second for each); it unlocks an identity that is \
          itself locked with it. Without an `identity` it is never asked for, and nothing is protected by it.",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    passphrase (command)"pass show backup"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key.age"
    passphrase (command)"pass show backup"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};

pub(super) static RULES: [&Rule; 5] = [&RECIPIENT, &SECRET_AS_RECIPIENT, &NO_RECIPIENT, &REPEATED, &PASSPHRASE];

pub(super) static CHECKS: [Check; 4] =
    [recipients_that_are_no_keys, keys_without_recipients, repeated_recipients, passphrases_without_identity];

/// Whether a text is, or holds, a key that opens backups.
pub(super) fn is_secret_key(text: &str) -> bool {
    let upper = text.to_uppercase();
    upper.contains("AGE-SECRET-KEY-") || upper.contains("AGE-PLUGIN-") || upper.contains("PRIVATE KEY-----")
}

/// Recipients that cannot be encrypted to, secret keys among them.
fn recipients_that_are_no_keys(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for recipient in subject.plan.keys.iter().flat_map(|key| &key.recipients) {
        let Err(problem) = parse(&recipient.text) else { continue };
        out.push(match problem {
            Problem::Secret => Diagnostic::new(&SECRET_AS_RECIPIENT, recipient.text.span, "this is a secret key")
                .label("opens every backup; whoever reads this plan has it now")
                .help("make a new key with `plan key new`, and put its recipient here"),
            Problem::Text { what, help } => Diagnostic::new(&RECIPIENT, recipient.text.span, what).help(help),
        });
    }
}

enum Problem {
    Secret,
    Text { what: String, help: String },
}

fn problem(what: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::Text { what: what.into(), help: help.into() }
}

/// The alphabet of bech32, in which age keys are written (BIP 173).
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Characters of an X25519 recipient.
const AGE_LENGTH: usize = 62;

fn parse(text: &str) -> Result<(), Problem> {
    let trimmed = text.trim();
    if is_secret_key(trimmed) {
        return Err(Problem::Secret);
    }
    if trimmed.starts_with("ssh-") || trimmed.starts_with("ecdsa-") || trimmed.starts_with("sk-") {
        return parse_ssh(trimmed);
    }
    if trimmed.to_lowercase().starts_with("age1") {
        return parse_age(trimmed);
    }
    let help = "a recipient begins with `age1`, `ssh-ed25519` or `ssh-rsa`; `plan key new` makes one";
    Err(problem(format!("`{}` is no public key", shorten(trimmed)), help))
}

fn parse_age(text: &str) -> Result<(), Problem> {
    let is_recipient = text.parse::<age::x25519::Recipient>().is_ok()
        || text.parse::<age::tag::Recipient>().is_ok()
        || text.parse::<age::tagpq::Recipient>().is_ok()
        || text.parse::<age::plugin::Recipient>().is_ok_and(|recipient| !recipient.plugin().is_empty());
    if is_recipient {
        return Ok(());
    }
    let copy = "copy it again, whole, from `plan key show` or the `# public key` line of its file";
    if text.contains("...") || text.contains('…') {
        return Err(problem("this recipient is a placeholder", "put a real one here: `plan key new` makes one"));
    }
    if text.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(problem("a recipient is written in lower case", copy));
    }
    let strange = text["age1".len()..].chars().find(|c| !BECH32.contains(*c) && *c != '1');
    if let Some(strange) = strange {
        return Err(problem(format!("`{strange}` cannot stand in a recipient"), copy));
    }
    let length = text.chars().count();
    if length != AGE_LENGTH && !text["age1".len()..].contains('1') {
        return Err(problem(format!("this recipient has {length} characters, not {AGE_LENGTH}"), copy));
    }
    Err(problem("this recipient's checksum is wrong: a character was changed", copy))
}

fn parse_ssh(text: &str) -> Result<(), Problem> {
    let ed25519 = "age knows `ssh-ed25519` and `ssh-rsa`; make an age key with `plan key new`";
    match text.parse::<age::ssh::Recipient>() {
        Ok(_) => Ok(()),
        Err(ParseRecipientKeyError::RsaModulusTooSmall) => {
            Err(problem("this RSA key is too short to be safe", "use one of at least 2048 bits, or `ssh-ed25519`"))
        }
        Err(ParseRecipientKeyError::RsaModulusTooLarge) => {
            Err(problem("this RSA key is larger than 4096 bits", "use a smaller one, or `ssh-ed25519`"))
        }
        Err(ParseRecipientKeyError::Unsupported(kind)) => {
            Err(problem(format!("SSH keys of the kind `{kind}` cannot be encrypted to"), ed25519))
        }
        Err(ParseRecipientKeyError::Ignore) => {
            let kind = text.split(' ').next().unwrap_or(text);
            Err(problem(format!("SSH keys of the kind `{kind}` cannot be encrypted to"), ed25519))
        }
        // Invalid, and what a later version of the crate may add.
        Err(_) => Err(problem("this SSH public key is damaged", "copy the whole line of the `.pub` file")),
    }
}

/// Enough of a text to recognise it by.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 24;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// Keys that nothing can be encrypted to.
fn keys_without_recipients(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in subject.plan.keys.iter().filter(|key| subject.is_sound(key.span)) {
        if key.recipients.is_empty() && !key.identities.iter().any(|identity| identity.create) {
            let name = &key.name.value;
            let diagnostic = Diagnostic::new(&NO_RECIPIENT, key.name.span, format!("key `{name}` has no recipient"));
            out.push(match key.identities.first() {
                Some(identity) if matches!(identity.secret.value, SecretRef::File(_)) => diagnostic
                    .also(identity.secret.span, "only opens backups")
                    .help("add its `recipient` (`plan key show` prints it), or `create=#true` to let a run make it"),
                _ => diagnostic.help("add `recipient \"age1…\"`; `plan key new` makes one"),
            });
        }
    }
}

fn repeated_recipients(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in &subject.plan.keys {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for Recipient { text, .. } in &key.recipients {
            // An SSH key's comment makes no other key of it.
            let bare = match text.trim().split(' ').collect::<Vec<_>>()[..] {
                [kind, blob, ..] => &text.trim()[..kind.len() + 1 + blob.len()],
                _ => text.trim(),
            };
            match first.get(bare) {
                None => {
                    first.insert(bare, text.span);
                }
                Some(at) => out.push(
                    Diagnostic::new(&REPEATED, text.span, format!("key `{}` has this recipient twice", key.name.value))
                        .label("again here")
                        .also(*at, "first here")
                        .help("remove one, or put the other key here that was meant"),
                ),
            }
        }
    }
}

fn passphrases_without_identity(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in subject.plan.keys.iter().filter(|key| subject.is_sound(key.span)) {
        if let Some(passphrase) = key.passphrase.as_ref().filter(|_| key.identities.is_empty()) {
            out.push(
                Diagnostic::new(&PASSPHRASE, passphrase.span, "this passphrase has no identity to unlock")
                    .help("add the `identity` that it unlocks, or remove it"),
            );
        }
    }
}
