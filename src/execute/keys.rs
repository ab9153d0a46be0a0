//! A plan's keys at run time: recipients to encrypt to, identities to read with.

use super::key_file::{self, KeyFileError};
use super::secrets::{SecretError, Secrets};
use super::state::State;
use crate::archive::{Identities, IdentityError, RecipientError, Recipients};
use crate::base::{Secret, Timestamp};
use crate::plan::{Identity, Key, SecretRef};
use std::path::PathBuf;

/// Asks a person for the passphrase of what is named; `None`: there is nobody to ask.
pub type AskPassphrase<'a> = dyn Fn(&str) -> Option<Secret<String>> + 'a;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the recipient `{recipient}` of key `{key}` cannot be used: {source}")]
    Recipient { key: String, recipient: String, source: RecipientError },
    #[error("the identity `{place}` of key `{key}` cannot be used: {reason}")]
    Identity { key: String, place: String, reason: String },
    #[error("the identity file `{}` cannot be used: {reason}", path.display())]
    Given { path: PathBuf, reason: String },
    #[error("reading needs an identity of key `{key}`, and the plan names none on this host")]
    NoIdentity { key: String, recipients: Vec<String> },
    #[error("the identity file `{path}` of key `{key}` is gone, and backups are encrypted to it")]
    Lost { key: String, path: String, recipient: String },
    #[error(
        "the identity file `{path}` of key `{key}` is not there, and `{store}` holds backups encrypted with this key{}",
        to_whom(recipients)
    )]
    Orphaned { key: String, path: String, store: String, recipients: Vec<String> },
    #[error(transparent)]
    File(#[from] KeyFileError),
}

fn to_whom(recipients: &[String]) -> String {
    if recipients.is_empty() { String::new() } else { format!(" (recipient {})", recipients.join(", ")) }
}

impl KeyError {
    /// One thing to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Recipient { .. } => {
                Some("recipients begin with `age1` or `ssh-ed25519`; `plan key show FILE` prints them".to_owned())
            }
            Self::Identity { .. } => {
                Some("put the identity back, or name another file with `--identity FILE`".to_owned())
            }
            Self::Given { .. } => {
                Some("name an age identity file, as of `plan key new` or `age-keygen`, or an SSH key".to_owned())
            }
            Self::NoIdentity { key, recipients } => Some(format!(
                "the identity of any one of these will do: {}; name it with `--identity FILE`, or write \
                 `identity (file)\"…\"` into key `{key}`",
                recipients.join(", ")
            )),
            Self::Lost { recipient, path, .. } => {
                Some(format!("put back the file whose recipient is {recipient}; {}", begin_anew(path)))
            }
            Self::Orphaned { path, .. } => {
                Some(format!("put it back from where you keep a copy of it; {}", begin_anew(path)))
            }
            Self::File(_) => None,
        }
    }
}

fn begin_anew(path: &str) -> String {
    format!(
        "if it is lost for good, so are those backups: `plan key new {path}` makes a new key, and the next run begins anew \
         with it"
    )
}

/// A key that a run has just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKey {
    pub key: String,
    pub path: PathBuf,
    pub recipient: String,
}

/// The identity files of a key that [`make_missing`] would make.
pub fn to_make(key: &Key, secrets: &Secrets<'_>, state: &State) -> Vec<PathBuf> {
    created_files(key, secrets)
        .filter(|(path, place)| path.symlink_metadata().is_err() && !state.made_keys.contains_key(place))
        .map(|(path, _)| path)
        .collect()
}

/// Makes the identities of a key that have `create` and whose files are
/// missing, and remembers their recipients in `state`.
///
/// # Errors
///
/// A file that was made before and is missing now is never made anew: the new
/// key would hide that the old backups cannot be read any more.
pub fn make_missing(
    key: &Key,
    secrets: &Secrets<'_>,
    state: &mut State,
    now: Timestamp,
) -> Result<Vec<MadeKey>, KeyError> {
    let mut made = Vec::new();
    for (path, place) in created_files(key, secrets) {
        if path.symlink_metadata().is_ok() {
            if let Some(known) = state.made_keys.get_mut(&place) {
                // Somebody may have made another since, and it may be locked later.
                let found = key_file::read(&path).and_then(|content| key_file::recipients(content.expose(), None));
                *known = found.ok().and_then(|found| found.into_iter().next()).unwrap_or_else(|| known.clone());
            }
            continue;
        }
        if let Some(recipient) = state.made_keys.get(&place) {
            return Err(KeyError::Lost { key: key.name.value.clone(), path: place, recipient: recipient.clone() });
        }
        let recipient = key_file::create(&path, now, None)?;
        state.made_keys.insert(place, recipient.clone());
        made.push(MadeKey { key: key.name.value.clone(), path, recipient });
    }
    Ok(made)
}

/// The files that a run may make, each also as the text that the state knows it by.
fn created_files<'k>(key: &'k Key, secrets: &'k Secrets<'_>) -> impl Iterator<Item = (PathBuf, String)> + 'k {
    key.identities.iter().filter(|identity| identity.create).filter_map(|identity| match &identity.secret.value {
        SecretRef::File(path) => {
            let path = secrets.path(path);
            let place = path.display().to_string();
            Some((path, place))
        }
        _ => None,
    })
}

/// Everyone that is to be able to read: the plan's recipients, and those of the
/// identities that a run made.
pub fn recipients(key: &Key, secrets: &Secrets<'_>, state: &State) -> Result<Recipients, KeyError> {
    let texts = recipient_texts(key, secrets, state)?;
    Recipients::parse(&texts).map_err(|(at, source)| KeyError::Recipient {
        key: key.name.value.clone(),
        recipient: texts[at].clone(),
        source,
    })
}

/// As text, at least one.
pub fn recipient_texts(key: &Key, secrets: &Secrets<'_>, state: &State) -> Result<Vec<String>, KeyError> {
    let mut texts: Vec<String> = key.recipients.iter().map(|recipient| recipient.text.value.clone()).collect();
    for (path, place) in created_files(key, secrets) {
        let unusable = |error: &KeyFileError| KeyError::Identity {
            key: key.name.value.clone(),
            place: place.clone(),
            reason: reason(error),
        };
        let content = match (key_file::read(&path), state.made_keys.get(&place)) {
            (Ok(content), _) => content,
            (Err(_), Some(recipient)) => {
                return Err(KeyError::Lost { key: key.name.value.clone(), path: place, recipient: recipient.clone() });
            }
            (Err(error), None) => return Err(unusable(&error)),
        };
        // The file may have been locked with a passphrase since; then what was noted counts.
        match (key_file::recipients(content.expose(), None), state.made_keys.get(&place)) {
            (Ok(found), _) => {
                texts.extend(found.into_iter().filter(|found| !texts.contains(found)).collect::<Vec<_>>())
            }
            (Err(KeyFileError::PassphraseNeeded), Some(recipient)) => texts.push(recipient.clone()),
            (Err(error), _) => return Err(unusable(&error)),
        }
    }
    Ok(texts)
}

fn reason(error: &KeyFileError) -> String {
    match error {
        KeyFileError::Read { source, .. } | KeyFileError::Write { source, .. } => {
            crate::files::plain_reason(source).to_string()
        }
        other => other.to_string(),
    }
}

/// The identities of a key, as many as can be had.
///
/// # Errors
///
/// When none can be had at all: why not the first of them.
pub fn identities(key: &Key, secrets: &Secrets<'_>, ask: &AskPassphrase<'_>) -> Result<Identities, KeyError> {
    let mut found: Option<Identities> = None;
    let mut first_error = None;
    for identity in &key.identities {
        let unlocked = planned_content(identity, secrets).and_then(|(place, content)| {
            unlock(Some(key), &place, content.expose(), secrets, ask).map_err(|reason| (place, reason))
        });
        match (unlocked, &mut found) {
            (Ok(more), Some(found)) => found.extend(more),
            (Ok(first), None) => found = Some(first),
            (Err((place, reason)), _) => {
                first_error.get_or_insert(KeyError::Identity { key: key.name.value.clone(), place, reason });
            }
        }
    }
    found.ok_or_else(|| {
        first_error.unwrap_or_else(|| KeyError::NoIdentity {
            key: key.name.value.clone(),
            recipients: key.recipients.iter().map(shown_recipient).collect(),
        })
    })
}

/// The identities of these files, at least one: who names an escrowed key wants to know what that
/// one opens. A passphrase of the plan's `key` may unlock them.
///
/// # Errors
///
/// When one of them cannot be used, for somebody named it to be used.
pub fn identities_of_files(
    files: &[PathBuf],
    key: Option<&Key>,
    secrets: &Secrets<'_>,
    ask: &AskPassphrase<'_>,
) -> Result<Identities, KeyError> {
    let mut found: Option<Identities> = None;
    for path in files {
        let place = path.display().to_string();
        let unlocked = key_file::read(path)
            .map_err(|error| reason(&error))
            .and_then(|content| unlock(key, &place, content.expose(), secrets, ask));
        match (unlocked, &mut found) {
            (Ok(more), Some(found)) => found.extend(more),
            (Ok(first), None) => found = Some(first),
            (Err(reason), _) => return Err(KeyError::Given { path: path.clone(), reason }),
        }
    }
    Ok(found.expect("somebody named a file"))
}

type Placed<T> = Result<T, (String, String)>;

/// Where the identity is, for messages, and its file's content.
fn planned_content(identity: &Identity, secrets: &Secrets<'_>) -> Placed<(String, Secret<Vec<u8>>)> {
    let reference = &identity.secret.value;
    let place = match reference {
        SecretRef::File(path) => secrets.path(path).display().to_string(),
        other => other.to_string(),
    };
    match secrets.content(reference) {
        Ok(content) => Ok((place, content)),
        // The place says already which file it is.
        Err(SecretError::File { source, .. }) => Err((place, crate::files::plain_reason(&source).to_string())),
        Err(error) => Err((place, error.reason())),
    }
}

fn unlock(
    key: Option<&Key>,
    place: &str,
    content: &[u8],
    secrets: &Secrets<'_>,
    ask: &AskPassphrase<'_>,
) -> Result<Identities, String> {
    match Identities::parse(content, None) {
        Err(IdentityError::PassphraseNeeded) => {}
        parsed => return parsed.map_err(|e| e.to_string()),
    }
    let passphrase = match key.and_then(|key| key.passphrase.as_ref()) {
        Some(reference) => {
            secrets.line(reference).map_err(|e| format!("its passphrase cannot be had: {}", e.reason()))?
        }
        None => ask(&format!("the identity `{place}`")).ok_or_else(|| IdentityError::PassphraseNeeded.to_string())?,
    };
    Identities::parse(content, Some(passphrase.expose())).map_err(|e| e.to_string())
}

/// `age1… (off-site escrow)`.
pub fn shown_recipient(recipient: &crate::plan::Recipient) -> String {
    match &recipient.note {
        Some(note) => format!("{} ({note})", recipient.text.value),
        None => recipient.text.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Span, Spanned};
    use crate::execute::testing::{context, now};
    use std::path::Path;

    fn key(identities: Vec<(SecretRef, bool)>) -> Key {
        let at = |value| Spanned::new(value, Span::default());
        Key {
            name: Spanned::new("ops".to_owned(), Span::default()),
            recipients: Vec::new(),
            identities: identities
                .into_iter()
                .map(|(secret, create)| Identity { secret: at(secret), create })
                .collect(),
            passphrase: None,
            span: Span::default(),
        }
    }

    fn nobody(_: &str) -> Option<Secret<String>> {
        None
    }

    fn with_secrets<T>(test: impl FnOnce(&Path, &Secrets<'_>) -> T) -> T {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path());
        test(folder.path(), &Secrets::new(&context, folder.path()))
    }

    #[test]
    fn a_key_is_made_once_and_read_afterwards() {
        with_secrets(|folder, secrets| {
            let key = key(vec![(SecretRef::File("new/ops.key".into()), true)]);
            let mut state = State::default();
            let made = make_missing(&key, secrets, &mut state, now()).expect("made");
            assert_eq!(made[0].path, folder.join("new/ops.key"));
            assert_eq!(make_missing(&key, secrets, &mut state, now()).expect("there"), []);
            assert_eq!(recipient_texts(&key, secrets, &state).expect("read"), [made[0].recipient.clone()]);
            identities(&key, secrets, &nobody).expect("readable");
        });
    }

    #[test]
    fn a_made_key_that_is_lost_is_not_made_anew() {
        with_secrets(|folder, secrets| {
            let key = key(vec![(SecretRef::File("ops.key".into()), true)]);
            let mut state = State::default();
            make_missing(&key, secrets, &mut state, now()).expect("made");
            std::fs::remove_file(folder.join("ops.key")).expect("removed");
            assert!(matches!(make_missing(&key, secrets, &mut state, now()), Err(KeyError::Lost { .. })));
            assert!(matches!(recipient_texts(&key, secrets, &state), Err(KeyError::Lost { .. })));
            assert!(!folder.join("ops.key").exists());
        });
    }

    #[test]
    fn one_identity_that_can_be_had_is_enough() {
        with_secrets(|folder, secrets| {
            key_file::create(&folder.join("here.key"), now(), None).expect("made");
            let missing = (SecretRef::File("missing.key".into()), false);
            identities(&key(vec![missing.clone(), (SecretRef::File("here.key".into()), false)]), secrets, &nobody)
                .expect("the second");
            let lacks = key(vec![missing.clone()]);
            identities_of_files(&[folder.join("here.key")], Some(&lacks), secrets, &nobody).expect("the given one");
            let given = [folder.join("here.key"), folder.join("not there.key")];
            let error = identities_of_files(&given, None, secrets, &nobody).err();
            let error = error.expect("who names a file wants it used").to_string();
            assert!(error.contains("not there.key` cannot be used: no such file or directory"), "{error}");
            let error = identities(&key(vec![missing]), secrets, &nobody).err().expect("none");
            assert!(
                error.to_string().contains("/missing.key` of key `ops` cannot be used: no such file or directory"),
                "{error}"
            );
        });
    }

    #[test]
    fn a_locked_identity_asks_for_its_passphrase() {
        with_secrets(|folder, secrets| {
            let passphrase = Secret::new("correct horse".to_owned());
            key_file::create(&folder.join("locked.key"), now(), Some(&passphrase)).expect("made");
            let key = key(vec![(SecretRef::File("locked.key".into()), false)]);
            let error = identities(&key, secrets, &nobody).err().expect("locked");
            assert!(error.to_string().contains("locked with a passphrase"), "{error}");
            identities(&key, secrets, &|_: &str| Some(passphrase.clone())).expect("unlocked");
        });
    }
}
