//! `rclone`.

use super::super::options::Grammar;
use super::{Around, Transfer, place, rate, tier, upload};
use crate::import::draft::{Encryption, Origin, Sourced};
use crate::import::location;
use crate::import::shell::Word;

const RCLONE: Grammar = Grammar {
    with_value: &[
        "config",
        "transfers",
        "checkers",
        "bwlimit",
        "exclude",
        "include",
        "filter",
        "exclude-from",
        "include-from",
        "filter-from",
        "min-age",
        "max-age",
        "max-size",
        "min-size",
        "log-file",
        "log-level",
        "retries",
        "low-level-retries",
        "stats",
        "tpslimit",
        "backup-dir",
        "suffix",
        "s3-storage-class",
        "azureblob-access-tier",
        "gcs-storage-class",
        "timeout",
        "contimeout",
        "buffer-size",
        "s3-chunk-size",
        "drive-chunk-size",
        "s3-upload-concurrency",
        "b2-chunk-size",
        "max-delete",
        "size",
        "order-by",
        "password-command",
        "s3-server-side-encryption",
        "s3-region",
        "s3-endpoint",
    ],
};

pub(super) fn rclone(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
    let options = RCLONE.parse(words);
    let verb = options.positional.first()?.text()?.to_owned();
    let remote = |word: &Word| {
        let place = place(word)?;
        let (remote, path) = place.split_once(':')?;
        // `/x:y` is a path of this machine.
        (!remote.contains('/')).then(|| (remote.to_owned(), path.to_owned()))
    };
    let locate = |remote: &str, path: &str| around.remotes.locate(remote, path, Some(origin));
    match verb.as_str() {
        "copy" | "sync" | "move" | "copyto" | "moveto" | "rcat" => {
            let (from, to) = match verb.as_str() {
                "rcat" => (Word::of("-", origin.line), options.positional.get(1)?),
                _ => (options.positional.get(1)?.clone(), options.positional.get(2)?),
            };
            let Some((name, path)) = remote(to) else {
                let Some(place) = to.as_place() else {
                    return Some(Transfer::Other { what: "an upload to a place that is not known".to_owned() });
                };
                let tier = tier(location::folder(&place), origin);
                return Some(upload(&from, tier, &options));
            };
            let mut tier = tier(locate(&name, &path), origin);
            if around.remotes.encrypts(&name) {
                tier.encryption = None;
                tier.notes.differs(
                    Some(origin),
                    format!("rclone's `{name}:` encrypts with a password; here age does, with a key"),
                );
            } else {
                tier.encryption = Some(Sourced::new(Encryption::Clear, origin));
            }
            if let Some(class) = options.text(&["s3-storage-class", "gcs-storage-class"]) {
                tier.storage_class = Some(Sourced::new(class.to_owned(), origin));
            }
            if let Some(limit) = options.text(&["bwlimit"]) {
                match rate(limit, "rclone") {
                    Some(rate) => tier.upload_limit = Some(Sourced::new(rate, origin)),
                    None => tier
                        .notes
                        .not_carried(Some(origin), "`--bwlimit` with a timetable: `limit upload=` is one rate"),
                }
            }
            if verb == "sync" {
                tier.notes.differs(
                    Some(origin),
                    "`sync` made the store a mirror; here what is deleted on the host stays in older snapshots",
                );
            }
            Some(upload(&from, tier, &options))
        }
        "delete" | "purge" | "deletefile" => {
            let age = options.text(&["min-age"]).and_then(duration);
            let at = options.positional.get(1).and_then(remote);
            match (age, at) {
                (Some(age), Some((name, path))) => Some(Transfer::Expire { store: locate(&name, &path).store, age }),
                _ => Some(Transfer::Other { what: "deleting with `rclone` (`keep` says what stays)".to_owned() }),
            }
        }
        "ls" | "lsf" | "lsl" | "lsd" | "size" => {
            let (name, path) = options.positional.get(1).and_then(remote)?;
            Some(Transfer::Check { store: locate(&name, &path).store, level: "presence" })
        }
        "check" | "cryptcheck" => {
            let (name, path) = options.positional.get(2).and_then(remote)?;
            Some(Transfer::Check { store: locate(&name, &path).store, level: "checksum" })
        }
        _ => Some(Transfer::Other { what: "a call of `rclone`".to_owned() }),
    }
}

/// `30d`, `2w`, `12h` as a plan writes durations.
fn duration(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().ok().filter(|number| *number > 0)?;
    match &text[digits.len()..] {
        "d" => Some(format!("{number}d")),
        "w" => Some(format!("{number}w")),
        "h" => Some(format!("{number}h")),
        "m" => Some(format!("{number}m")),
        "M" => Some(format!("{}d", number.checked_mul(30)?)),
        "y" => Some(format!("{}d", number.checked_mul(365)?)),
        "" | "s" => Some(format!("{number}s")),
        _ => None,
    }
}
