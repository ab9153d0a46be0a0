//! Identity files: making a new one, and telling the recipients of one.
//!
//! The format is that of `age-keygen`: comment lines and one
//! `AGE-SECRET-KEY-1…` line, optionally all of it locked with a passphrase.

use crate::base::{Secret, Timestamp, rfc3339};
use age::DecryptError;
use age::secrecy::{ExposeSecret, SecretString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An identity file is a few lines; whatever is larger is something else.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Work factor of a passphrase that is still tried: 2^22, some 15 seconds.
const MAX_WORK_FACTOR: u8 = 22;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("`{}` exists already, and a key is never overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write the key file `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the key file `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the key file is locked with a passphrase and none was given")]
    PassphraseNeeded,
    #[error("the passphrase does not unlock the key file")]
    WrongPassphrase,
    #[error("it holds no age identity and no SSH private key that age can use")]
    Unrecognized,
    #[error("only the plugin `{0}` can tell the recipient of its identity")]
    Plugin(String),
}

/// Makes a new X25519 identity and writes it into a new file with mode 0600;
/// returns the recipient.
///
/// Folders that are missing are made with mode 0700. With a passphrase the
/// file is encrypted with it (armoured, as `age -p` does).
///
/// # Errors
///
/// When the file exists, even as a dangling link, nothing is changed. When
/// writing fails, no file is left.
pub fn create(path: &Path, now: Timestamp, passphrase: Option<&Secret<String>>) -> Result<String, KeyFileError> {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let text = Secret::new(format!(
        "# created: {}\n# public key: {recipient}\n{}\n",
        rfc3339(now),
        identity.to_string().expose_secret()
    ));
    let failed = |source| KeyFileError::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists { path: path.to_owned() });
        }
        opened => opened.map_err(failed)?,
    };
    write_text(&mut file, text.expose(), passphrase).and_then(|()| sync_folder_of(path)).map_err(|error| {
        // It holds no usable key, and nobody has seen its recipient.
        let _ = std::fs::remove_file(path);
        failed(error)
    })?;
    Ok(recipient)
}

fn write_text(file: &mut File, text: &str, passphrase: Option<&Secret<String>>) -> io::Result<()> {
    match passphrase {
        None => file.write_all(text.as_bytes())?,
        Some(passphrase) => {
            let encryptor = age::Encryptor::with_user_passphrase(SecretString::from(passphrase.expose().clone()));
            let armored = age::armor::ArmoredWriter::wrap_output(&mut *file, age::armor::Format::AsciiArmor)?;
            let mut sealed = encryptor.wrap_output(armored)?;
            sealed.write_all(text.as_bytes())?;
            sealed.finish()?.finish()?;
        }
    }
    file.sync_all()
}

/// The new name itself must survive a crash too.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Reads a key file whole.
pub fn read(path: &Path) -> Result<Secret<Vec<u8>>, KeyFileError> {
    let failed = |source| KeyFileError::Read { path: path.to_owned(), source };
    let mut content = Secret::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(content.expose_mut()).map_err(failed)?;
    if content.expose().len() as u64 > MAX_FILE_BYTES {
        return Err(KeyFileError::Unrecognized);
    }
    Ok(content)
}

/// Whether a passphrase is needed to tell the recipients of this file.
pub fn is_locked(content: &[u8]) -> bool {
    content.starts_with(b"age-encryption.org/") || content.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// The recipients of the identities in a key file, in order; at least one.
pub fn recipients(content: &[u8], passphrase: Option<&Secret<String>>) -> Result<Vec<String>, KeyFileError> {
    if is_locked(content) {
        let passphrase = passphrase.ok_or(KeyFileError::PassphraseNeeded)?;
        let text = unlock(content, passphrase)?;
        return recipients(text.expose(), None);
    }
    if content.starts_with(b"-----BEGIN ") {
        // The public half of an SSH key is readable even where the private one is locked.
        let identity = age::ssh::Identity::from_buffer(content, None).map_err(|_| KeyFileError::Unrecognized)?;
        let recipient = age::ssh::Recipient::try_from(identity).map_err(|_| KeyFileError::Unrecognized)?;
        return Ok(vec![recipient.to_string()]);
    }
    let text = std::str::from_utf8(content).map_err(|_| KeyFileError::Unrecognized)?;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Ok(plugin) = age::plugin::Identity::from_str(line) {
            return Err(KeyFileError::Plugin(plugin.plugin().to_owned()));
        }
        let identity = age::x25519::Identity::from_str(line).map_err(|_| KeyFileError::Unrecognized)?;
        found.push(identity.to_public().to_string());
    }
    if found.is_empty() { Err(KeyFileError::Unrecognized) } else { Ok(found) }
}

fn unlock(content: &[u8], passphrase: &Secret<String>) -> Result<Secret<Vec<u8>>, KeyFileError> {
    let decryptor = age::Decryptor::new_buffered(age::armor::ArmoredReader::new(content))
        .map_err(|_| KeyFileError::Unrecognized)?;
    if !decryptor.is_scrypt() {
        return Err(KeyFileError::Unrecognized);
    }
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.expose().clone()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|error| match error {
        DecryptError::ExcessiveWork { .. } => KeyFileError::Unrecognized,
        _ => KeyFileError::WrongPassphrase,
    })?;
    let mut text = Secret::new(Vec::new());
    reader.take(MAX_FILE_BYTES).read_to_end(text.expose_mut()).map_err(|_| KeyFileError::Unrecognized)?;
    if is_locked(text.expose()) {
        return Err(KeyFileError::Unrecognized);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn now() -> Timestamp {
        "2026-11-24T02:00:00Z".parse().expect("a time")
    }

    #[test]
    fn a_new_key_file_is_private_and_tells_its_recipient() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/ops.key");
        let recipient = create(&path, now(), None).expect("created");
        assert!(recipient.starts_with("age1"));
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::metadata(path.parent().unwrap()).expect("there").permissions().mode() & 0o777, 0o700);
        assert_eq!(recipients(read(&path).expect("read").expose(), None).expect("recipients"), [recipient]);
    }

    #[test]
    fn an_existing_file_and_a_dangling_link_are_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ops.key");
        std::fs::write(&path, "precious").expect("written");
        assert!(matches!(create(&path, now(), None), Err(KeyFileError::Exists { .. })));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "precious");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).expect("linked");
        assert!(matches!(create(&link, now(), None), Err(KeyFileError::Exists { .. })));
    }

    #[test]
    fn a_locked_key_file_opens_only_with_its_passphrase() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ops.key");
        let passphrase = Secret::new("correct horse".to_owned());
        let recipient = create(&path, now(), Some(&passphrase)).expect("created");
        let content = read(&path).expect("read");
        assert!(!content.expose().windows(10).any(|w| w == b"SECRET-KEY"));
        assert!(matches!(recipients(content.expose(), None), Err(KeyFileError::PassphraseNeeded)));
        let wrong = Secret::new("wrong".to_owned());
        assert!(matches!(recipients(content.expose(), Some(&wrong)), Err(KeyFileError::WrongPassphrase)));
        assert_eq!(recipients(content.expose(), Some(&passphrase)).expect("recipients"), [recipient]);
    }

    #[test]
    fn what_is_no_identity_file_is_refused() {
        for content in [&b""[..], b"# only a comment\n", b"hello", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n"] {
            assert!(matches!(recipients(content, None), Err(KeyFileError::Unrecognized)), "{content:?}");
        }
    }
}
