//! Programs that send files to a store: `aws`, `rclone`, `gsutil`, `az`,
//! `rsync`, `scp` and the like, one file a family.

mod aws;
mod cloud;
mod host;
mod rclone;

pub(in crate::import) use host::{ssh_key, with_port};

use super::options::Options;
use super::paths::before_pattern;
use crate::import::draft::{Origin, StoreDraft, TierDraft};
use crate::import::location::{Location, Remotes};
use crate::import::shell::{Command, Word};

/// What a program of this kind does.
#[derive(Clone, Debug)]
pub(super) enum Transfer {
    /// Files go to a store. `from` is none for standard input.
    Upload { from: Option<Word>, tier: Box<TierDraft>, exclude: Vec<Word> },
    /// A tree is copied to a folder of this machine, or to a server.
    Mirror { from: Vec<Word>, tier: Box<TierDraft>, exclude: Vec<Word>, to: Option<Word> },
    /// Old files are deleted in a store, after a time.
    Expire { store: StoreDraft, age: String },
    /// A store is listed or compared.
    Check { store: StoreDraft, level: &'static str },
    /// Something else is done with a store.
    Other { what: String },
}

/// What the script's surroundings say.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub remotes: &'a Remotes,
    pub region: Option<&'a str>,
    pub endpoint: Option<&'a str>,
}

/// Reads a command that deals with a store; none if it is not one of those.
pub(super) fn transfer(command: &Command, origin: &Origin, around: Around<'_>) -> Option<Transfer> {
    let words = command.arguments();
    match command.program() {
        "aws" => aws::aws(words, origin, around),
        "rclone" => rclone::rclone(words, origin, around),
        "gsutil" => cloud::google(words, origin),
        "gcloud" => {
            let storage = words.iter().position(|word| word.text() == Some("storage"))?;
            cloud::google(&words[storage + 1..], origin)
        }
        "az" => cloud::azure(words, origin),
        "azcopy" => cloud::azcopy(words, origin),
        "b2" | "backblaze-b2" => cloud::b2(words, origin),
        "s3cmd" => aws::s3cmd(words, origin, around),
        "mc" | "mcli" => aws::minio(words, origin),
        "rsync" => host::rsync(words, origin),
        "scp" => host::scp(words, origin),
        "cp" => host::copy(words, origin),
        _ => None,
    }
}

fn tier(location: Location, origin: &Origin) -> TierDraft {
    TierDraft {
        origin: Some(origin.clone()),
        store: location.store,
        store_origin: Some(origin.clone()),
        notes: location.notes,
        ..TierDraft::default()
    }
}

fn upload(from: &Word, tier: TierDraft, options: &Options) -> Transfer {
    let from = if from.text() == Some("-") || from.text() == Some("/dev/stdin") { None } else { Some(from.clone()) };
    Transfer::Upload { from, tier: Box::new(tier), exclude: options.values(&["exclude"]).cloned().collect() }
}

/// The known part of a store's path: without dates, without a file's name that is not known.
fn place(word: &Word) -> Option<String> {
    if let Some(place) = word.as_place() {
        return Some(without_file(&place).to_owned());
    }
    // What comes last may be unknown: the name of the object.
    let pattern = word.pattern();
    let (known, _) = before_pattern(&pattern);
    (!known.is_empty()).then_some(known)
}

/// The folder, where the last component is the name of an archive.
fn without_file(path: &str) -> &str {
    const ARCHIVES: [&str; 14] = [
        ".gz", ".tgz", ".tar", ".zst", ".xz", ".bz2", ".zip", ".7z", ".sql", ".dump", ".gpg", ".age", ".enc", ".sqlite",
    ];
    match path.rsplit_once('/') {
        Some((folder, name)) if ARCHIVES.iter().any(|ending| name.ends_with(ending)) => folder,
        _ => path,
    }
}

/// `10M`, `1.5M`, `512k` as a rate.
fn rate(text: &str, program: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 1.0)?;
    let unit = text[digits.len()..].to_ascii_lowercase();
    let unit = match (unit.as_str(), program) {
        ("" | "k" | "kib", _) => "KiB/s",
        ("m" | "mib", _) => "MiB/s",
        ("g" | "gib", _) => "GiB/s",
        _ => return None,
    };
    (number.fract() == 0.0).then(|| format!("{number}{unit}"))
}
