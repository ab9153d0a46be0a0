use super::{FormatError, ReadObject, WindowReader};
use age::secrecy::{ExposeSecret, SecretString};
use age::{Callbacks, DecryptError, IdentityFile};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Work factor of a passphrase-locked identity that is still opened: 2^22, some 15 s.
const MAX_WORK_FACTOR: u8 = 22;

/// Everyone that an object is encrypted to.
pub struct Recipients {
    parsed: Mutex<Vec<Box<dyn age::Recipient + Send>>>,
    texts: Vec<String>,
}

/// Why a recipient's text is no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// A private key stands where a public one belongs: it must be considered leaked.
    #[error("this is a private key (identity), not a recipient")]
    PrivateKey,
    #[error("it is not a valid age recipient: {0}")]
    Age(String),
    #[error("it is not a valid SSH public key of type ssh-ed25519 or ssh-rsa: {0}")]
    Ssh(String),
    #[error("the plugin of this recipient can't be used: {0}")]
    Plugin(String),
    #[error("it is neither an age recipient (`age1…`) nor an SSH public key (`ssh-ed25519 …`)")]
    Unknown,
}

impl Recipients {
    /// Parses one or more recipients; on failure, which one (by position) and why.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, (usize, RecipientError)> {
        let parsed: Result<Vec<_>, _> = texts
            .iter()
            .enumerate()
            .map(|(position, text)| parse_recipient(text.as_ref().trim()).map_err(|error| (position, error)))
            .collect();
        let mut texts: Vec<String> = texts.iter().map(|text| without_comment(text.as_ref())).collect();
        texts.sort();
        texts.dedup();
        Ok(Self { parsed: Mutex::new(parsed?), texts })
    }

    /// The public keys as text, sorted, without the comments of SSH keys.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Checks a recipient's text without running any plugin.
    pub fn check(text: &str) -> Result<(), RecipientError> {
        let text = text.trim();
        if is_plugin(text) {
            return age::plugin::Recipient::from_str(text)
                .map(|_| ())
                .map_err(|error| RecipientError::Plugin(error.to_owned()));
        }
        parse_recipient(text).map(|_| ())
    }
}

/// The comment of an SSH key names a person and a host.
fn without_comment(text: &str) -> String {
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// `age1name1…`: the part after `age1` holds another `1`, which Bech32 data never does.
fn is_plugin(text: &str) -> bool {
    text.strip_prefix("age1").is_some_and(|rest| rest.contains('1'))
}

fn parse_recipient(text: &str) -> Result<Box<dyn age::Recipient + Send>, RecipientError> {
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
        return Err(RecipientError::PrivateKey);
    }
    if is_plugin(text) {
        let recipient =
            age::plugin::Recipient::from_str(text).map_err(|error| RecipientError::Plugin(error.to_owned()))?;
        let plugin = recipient.plugin().to_owned();
        return age::plugin::RecipientPluginV1::new(&plugin, &[recipient], &[], age::NoCallbacks)
            .map(|plugin| Box::new(plugin) as _)
            .map_err(|error| RecipientError::Plugin(error.to_string()));
    }
    if text.starts_with("age1") {
        return age::x25519::Recipient::from_str(text)
            .map(|recipient| Box::new(recipient) as _)
            .map_err(|error| RecipientError::Age(error.to_owned()));
    }
    if text.starts_with("ssh-") {
        return age::ssh::Recipient::from_str(text)
            .map(|recipient| Box::new(recipient) as _)
            .map_err(|error| RecipientError::Ssh(format!("{error:?}")));
    }
    Err(RecipientError::Unknown)
}

/// What decrypts: age identities, SSH private keys, plugin identities.
pub struct Identities(Vec<Box<dyn age::Identity + Send + Sync>>);

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("it holds no age identity and no SSH private key")]
    Unrecognized,
    #[error("it is locked with a passphrase and none was given")]
    PassphraseNeeded,
    #[error("the passphrase does not unlock it")]
    WrongPassphrase,
    #[error("this kind of SSH key can't decrypt")]
    UnsupportedSshKey,
    #[error("it can't be read as an identity: {0}")]
    Unreadable(String),
}

/// Answers a passphrase prompt with what was given beforehand; asks nobody.
#[derive(Clone)]
struct GivenPassphrase(Option<SecretString>);

impl Callbacks for GivenPassphrase {
    fn display_message(&self, _: &str) {}
    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }
    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        self.0.clone()
    }
}

impl Identities {
    /// Reads the text of an identity file: age identities, an SSH private key, or
    /// an age identity file that is itself locked with a passphrase (armoured or not).
    pub fn parse(content: &[u8], passphrase: Option<&str>) -> Result<Self, IdentityError> {
        let callbacks = GivenPassphrase(passphrase.map(|text| SecretString::from(text.to_owned())));
        if content.starts_with(b"age-encryption.org/") || content.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
            return Self::unlock(content, callbacks);
        }
        if content.starts_with(b"-----BEGIN ") {
            let identity = age::ssh::Identity::from_buffer(content, None).map_err(|_| IdentityError::Unrecognized)?;
            return match identity {
                age::ssh::Identity::Unsupported(_) => Err(IdentityError::UnsupportedSshKey),
                age::ssh::Identity::Encrypted(_) if passphrase.is_none() => Err(IdentityError::PassphraseNeeded),
                age::ssh::Identity::Encrypted(key) => {
                    let unlocked = key
                        .decrypt(callbacks.0.clone().expect("a passphrase was given"))
                        .map_err(|_| IdentityError::WrongPassphrase)?;
                    Ok(Self(vec![Box::new(age::ssh::Identity::from(unlocked))]))
                }
                plain => Ok(Self(vec![Box::new(plain)])),
            };
        }
        let file = IdentityFile::from_buffer(content).map_err(|_| IdentityError::Unrecognized)?;
        Self::collect(file.with_callbacks(callbacks))
    }

    fn unlock(content: &[u8], callbacks: GivenPassphrase) -> Result<Self, IdentityError> {
        let given = callbacks.0.is_some();
        let reader = age::armor::ArmoredReader::new(content);
        let unreadable = |error: DecryptError| IdentityError::Unreadable(error.to_string());
        let decryptor = age::Decryptor::new_buffered(reader).map_err(unreadable)?;
        if !decryptor.is_scrypt() {
            return Err(IdentityError::Unrecognized);
        }
        if !given {
            return Err(IdentityError::PassphraseNeeded);
        }
        let locked = age::encrypted::EncryptedIdentity::new(decryptor, callbacks, Some(MAX_WORK_FACTOR))
            .ok_or(IdentityError::Unrecognized)?;
        let file = locked.decrypt(None).map_err(|error| match error {
            DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => IdentityError::WrongPassphrase,
            other => unreadable(other),
        })?;
        Self::collect(file)
    }

    fn collect<C: Callbacks>(file: IdentityFile<C>) -> Result<Self, IdentityError> {
        let identities = file.into_identities().map_err(|error| IdentityError::Unreadable(error.to_string()))?;
        if identities.is_empty() {
            return Err(IdentityError::Unrecognized);
        }
        Ok(Self(identities))
    }

    /// Adds the identities of another file.
    pub fn extend(&mut self, other: Identities) {
        self.0.extend(other.0);
    }

    /// The recipients (`age1…`) of the plain age identities in a file's text, in order.
    pub fn recipients_of(content: &str) -> Vec<String> {
        content
            .lines()
            .filter_map(|line| age::x25519::Identity::from_str(line.trim()).ok())
            .map(|identity| identity.to_public().to_string())
            .collect()
    }
}

/// Makes a new X25519 identity: the text of its file without comments, and its recipient.
pub fn generate_identity() -> (crate::base::Secret<String>, String) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    (crate::base::Secret::new(identity.to_string().expose_secret().to_owned()), recipient)
}

/// Encrypts what is written to it, or passes it through.
pub enum Sealer<W: Write> {
    Plain(W),
    Age(Box<age::stream::StreamWriter<W>>),
}

/// Starts an object: encrypted to `recipients`, or plain where there are none.
pub fn seal<W: Write>(recipients: Option<&Recipients>, output: W) -> io::Result<Sealer<W>> {
    let Some(recipients) = recipients else {
        return Ok(Sealer::Plain(output));
    };
    let recipients = recipients.parsed.lock().expect("no thread panics while it holds the recipients");
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|r| &**r as &dyn age::Recipient))
        .map_err(|error| io::Error::other(format!("can't encrypt to these recipients: {error}")))?;
    Ok(Sealer::Age(Box::new(encryptor.wrap_output(output)?)))
}

impl<W: Write> Sealer<W> {
    /// Writes what is still held back. Without this the object is truncated.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(output) => Ok(output),
            Self::Age(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(buffer),
            Self::Age(writer) => writer.write(buffer),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Age(writer) => writer.flush(),
        }
    }
}

/// age's payload is cut into segments of this size, each with a 16-byte tag.
const SEGMENT_BYTES: usize = 64 << 10;
const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + 16;
/// One fetch of an object that is read front to back.
const READ_AHEAD_BYTES: usize = 4 << 20;
/// One fetch that holds the header of any sane number of recipients.
const HEADER_FETCH_BYTES: usize = 4 << 10;

/// A stored object, decrypted on the fly, readable from any place.
pub struct Unsealer<O: ReadObject> {
    window_bytes: Arc<AtomicUsize>,
    payload: Payload<O>,
}

enum Payload<O: ReadObject> {
    Plain(WindowReader<O>),
    Age(Box<age::stream::StreamReader<BufReader<WindowReader<O>>>>),
}

/// Opens an object whose name ends in `.age` (`encrypted`) or not.
pub fn unseal<O: ReadObject>(
    object: O,
    encrypted: bool,
    identities: Option<&Identities>,
) -> Result<Unsealer<O>, FormatError> {
    let reader = WindowReader::new(object, HEADER_FETCH_BYTES);
    let window_bytes = reader.window_bytes();
    if !encrypted {
        return Ok(Unsealer { window_bytes, payload: Payload::Plain(reader) });
    }
    let identities = identities.ok_or(FormatError::NoKey)?;
    // Bigger reads bypass the buffer, so segments are read straight from the window.
    let decryptor = age::Decryptor::new_buffered(BufReader::with_capacity(1 << 10, reader)).map_err(from_age)?;
    let reader = decryptor.decrypt(identities.0.iter().map(|i| &**i as &dyn age::Identity)).map_err(from_age)?;
    Ok(Unsealer { window_bytes, payload: Payload::Age(Box::new(reader)) })
}

fn from_age(error: DecryptError) -> FormatError {
    match error {
        DecryptError::NoMatchingKeys => FormatError::WrongKey,
        DecryptError::Io(error) => FormatError::Io(error),
        other => FormatError::corrupt("an encrypted object", other.to_string()),
    }
}

impl<O: ReadObject> Unsealer<O> {
    /// Exactly `length` bytes of the content from `offset`; one fetch. The caller bounds `length`.
    pub fn read_range(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, FormatError> {
        let mut bytes = vec![0; length];
        self.fill(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `into` with the content from `offset` on; one fetch.
    pub fn fill(&mut self, offset: u64, into: &mut [u8]) -> Result<(), FormatError> {
        let window = match self.payload {
            Payload::Plain(_) => into.len(),
            Payload::Age(_) => (into.len() / SEGMENT_BYTES + 2) * SEALED_SEGMENT_BYTES,
        };
        self.window_bytes.store(window, Ordering::Relaxed);
        self.seek_to(offset)?;
        Ok(self.read_exact(into)?)
    }

    fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        match &mut self.payload {
            Payload::Plain(reader) => reader.seek(SeekFrom::Start(offset)),
            Payload::Age(reader) => reader.seek(SeekFrom::Start(offset)),
        }
        .map(|_| ())
    }

    /// From here on everything, front to back.
    pub fn rewind(&mut self) -> io::Result<&mut Self> {
        self.window_bytes.store(READ_AHEAD_BYTES, Ordering::Relaxed);
        self.seek_to(0)?;
        Ok(self)
    }

    /// Everything, front to back, up to `limit` bytes; more is damage.
    pub fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, FormatError> {
        let mut bytes = Vec::new();
        self.rewind()?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(FormatError::corrupt("an object", format!("it is longer than {limit} bytes")));
        }
        Ok(bytes)
    }
}

impl<O: ReadObject> Read for Unsealer<O> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.payload {
            Payload::Plain(reader) => reader.read(buffer),
            Payload::Age(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryObject;
    use super::*;

    fn sealed(recipients: &Recipients, text: &[u8]) -> Vec<u8> {
        let mut sealer = seal(Some(recipients), Vec::new()).unwrap();
        sealer.write_all(text).unwrap();
        sealer.finish().unwrap()
    }

    fn pair() -> (Recipients, Identities) {
        let (secret, recipient) = generate_identity();
        (Recipients::parse(&[recipient]).unwrap(), Identities::parse(secret.expose().as_bytes(), None).unwrap())
    }

    #[test]
    fn any_range_of_a_sealed_object_reads_back() {
        let (recipients, identities) = pair();
        let text: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let object = MemoryObject(sealed(&recipients, &text));
        let mut reader = unseal(&object, true, Some(&identities)).unwrap();
        for (offset, length) in [(0, 10), (65_530, 20), (131_072, 1), (199_999, 1), (0, 200_000), (70_000, 100_000)] {
            assert_eq!(reader.read_range(offset as u64, length).unwrap(), text[offset..offset + length]);
        }
        assert!(reader.read_range(199_999, 2).is_err());
        assert_eq!(reader.read_all(200_000).unwrap(), text);
        assert!(reader.read_all(199_999).is_err_and(|e| e.is_damage()));
    }

    #[test]
    fn a_wrong_key_and_no_key_are_told_apart_from_damage() {
        let (recipients, _) = pair();
        let (_, stranger) = pair();
        let object = MemoryObject(sealed(&recipients, b"text"));
        assert!(matches!(unseal(&object, true, None), Err(FormatError::NoKey)));
        assert!(matches!(unseal(&object, true, Some(&stranger)), Err(FormatError::WrongKey)));
        assert!(unseal(&MemoryObject(b"not age at all".to_vec()), true, Some(&stranger)).is_err_and(|e| e.is_damage()));
    }

    #[test]
    fn every_truncation_and_bit_flip_of_a_sealed_object_is_an_error() {
        let (recipients, identities) = pair();
        let whole = sealed(&recipients, b"the content that matters");
        for cut in 0..whole.len() {
            let object = MemoryObject(whole[..cut].to_vec());
            assert!(
                unseal(&object, true, Some(&identities)).and_then(|mut r| r.read_all(1000)).is_err(),
                "cut at {cut}"
            );
        }
        for byte in 0..whole.len() {
            let mut bad = whole.clone();
            bad[byte] ^= 1;
            let object = MemoryObject(bad);
            assert!(
                unseal(&object, true, Some(&identities)).and_then(|mut r| r.read_all(1000)).is_err(),
                "flip at {byte}"
            );
        }
    }

    #[test]
    fn recipients_are_refused_with_the_reason() {
        let (secret, recipient) = generate_identity();
        let check = |text: &str| Recipients::check(text).map_err(|e| e.to_string());
        assert_eq!(check(&recipient), Ok(()));
        assert_eq!(
            check("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@rust"),
            Ok(())
        );
        assert_eq!(Recipients::check(secret.expose()), Err(RecipientError::PrivateKey));
        assert_eq!(Recipients::check("hello"), Err(RecipientError::Unknown));
        assert!(matches!(Recipients::check(&recipient[..recipient.len() - 1]), Err(RecipientError::Age(_))));
        assert!(matches!(Recipients::check("ssh-ed25519 AAAA"), Err(RecipientError::Ssh(_))));
    }

    #[test]
    fn an_identity_file_with_comments_and_a_locked_one_both_open() {
        let (secret, recipient) = generate_identity();
        let file = format!("# created: today\n# public key: {recipient}\n{}\n", secret.expose());
        assert!(Identities::parse(file.as_bytes(), None).is_ok());
        assert_eq!(Identities::recipients_of(&file), std::slice::from_ref(&recipient));

        let mut scrypt = age::scrypt::Recipient::new(SecretString::from("correct horse".to_owned()));
        scrypt.set_work_factor(4);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&scrypt as &dyn age::Recipient)).unwrap();
        let mut writer = encryptor.wrap_output(Vec::new()).unwrap();
        writer.write_all(file.as_bytes()).unwrap();
        let locked = writer.finish().unwrap();
        assert!(matches!(Identities::parse(&locked, None), Err(IdentityError::PassphraseNeeded)));
        assert!(matches!(Identities::parse(&locked, Some("wrong")), Err(IdentityError::WrongPassphrase)));
        let identities = Identities::parse(&locked, Some("correct horse")).unwrap();
        let recipients = Recipients::parse(&[recipient]).unwrap();
        let object = MemoryObject(sealed(&recipients, b"text"));
        assert_eq!(unseal(&object, true, Some(&identities)).unwrap().read_all(10).unwrap(), b"text");
        assert!(matches!(Identities::parse(b"nothing here", None), Err(IdentityError::Unrecognized)));
        assert!(matches!(Identities::parse(b"", None), Err(IdentityError::Unrecognized)));
    }
}
