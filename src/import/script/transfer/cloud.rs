//! Google's, Microsoft's and Backblaze's tools.

use super::super::options::Grammar;
use super::super::paths::{before_pattern, parent};
use super::{Transfer, place, tier, upload};
use crate::import::draft::{Origin, Sourced};
use crate::import::location;
use crate::import::shell::Word;

const GSUTIL: Grammar = Grammar { with_value: &["s", "storage-class", "o", "h", "x", "exclude", "j", "a"] };

const AZURE: Grammar = Grammar {
    with_value: &[
        "account-name",
        "account-key",
        "container-name",
        "c",
        "file",
        "f",
        "name",
        "n",
        "source",
        "s",
        "destination",
        "d",
        "tier",
        "connection-string",
        "sas-token",
        "auth-mode",
        "destination-path",
        "pattern",
        "subscription",
        "type",
    ],
};

pub(super) fn google(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = GSUTIL.parse(words);
    let verb = options.positional.first()?.text()?.to_owned();
    let remote = |word: &Word| place(&word.strip_prefix("gs://")?).map(|path| location::gcs(&path));
    match verb.as_str() {
        "cp" | "mv" | "rsync" => {
            let last = options.positional.last().filter(|_| options.positional.len() >= 3)?;
            let Some(at) = remote(last) else { return Some(Transfer::Other { what: "a download".to_owned() }) };
            let mut tier = tier(at, origin);
            if let Some(class) = options.text(&["s", "storage-class"]) {
                tier.storage_class = Some(Sourced::new(class.to_ascii_uppercase(), origin));
            }
            Some(upload(&options.positional[1], tier, &options))
        }
        "ls" => {
            options.positional.get(1).and_then(remote).map(|at| Transfer::Check { store: at.store, level: "presence" })
        }
        "rm" => Some(Transfer::Other { what: "deleting in the bucket (`keep` says what stays)".to_owned() }),
        _ => Some(Transfer::Other { what: "a call of Google's tools".to_owned() }),
    }
}

pub(super) fn azure(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = AZURE.parse(words);
    let verbs: Vec<&str> = options.positional.iter().filter_map(Word::text).collect();
    match verbs[..] {
        ["storage", "blob", verb @ ("upload" | "upload-batch" | "sync"), ..] => {
            let container = match verb {
                "upload-batch" => options.text(&["destination", "d"]),
                _ => options.text(&["container-name", "container", "c"]),
            };
            let path = match verb {
                "upload" => {
                    options.value(&["name", "n"]).and_then(place).and_then(|name| parent(&name).map(str::to_owned))
                }
                _ => {
                    options.value(&["destination-path", "destination", "d"]).filter(|_| verb == "sync").and_then(place)
                }
            };
            let at =
                location::azure(container?, &path.unwrap_or_default(), options.text(&["account-name"]), Some(origin));
            let mut tier = tier(at, origin);
            if let Some(class) = options.text(&["tier"]) {
                tier.notes.not_carried(
                    Some(origin),
                    format!("the access tier `{class}`: set it as the account's default, or by a lifecycle rule"),
                );
            }
            Some(upload(options.value(&["file", "f", "source", "s"])?, tier, &options))
        }
        ["storage", "blob", "list" | "exists" | "show", ..] => {
            Some(Transfer::Other { what: "looking into the container".to_owned() })
        }
        _ => Some(Transfer::Other { what: "a call of `az`".to_owned() }),
    }
}

pub(super) fn azcopy(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = AZURE.parse(words);
    let verb = options.positional.first()?.text()?;
    let to = options.positional.get(2)?;
    if !matches!(verb, "copy" | "cp" | "sync") {
        return Some(Transfer::Other { what: "a call of `azcopy`".to_owned() });
    }
    // A signature behind `?` is a secret.
    let address = location::without_login(&to.pattern());
    let Some(rest) = address.strip_prefix("https://") else {
        return Some(Transfer::Other { what: "a download".to_owned() });
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (container, path) = path.split_once('/').unwrap_or((path, ""));
    let account = host.split('.').next().filter(|account| !account.contains('*'));
    let (path, _) = before_pattern(path);
    let tier = tier(location::azure(container, &path, account, Some(origin)), origin);
    Some(upload(&options.positional[1], tier, &options))
}

pub(super) fn b2(words: &[Word], origin: &Origin) -> Option<Transfer> {
    const B2: Grammar = Grammar {
        with_value: &[
            "contentType",
            "info",
            "threads",
            "sha1",
            "excludeRegex",
            "keepDays",
            "exclude-regex",
            "keep-days",
        ],
    };
    let options = B2.parse(words);
    let texts: Vec<String> = options.positional.iter().map(|word| place(word).unwrap_or_default()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (from, bucket, path) = match texts[..] {
        ["upload-file" | "upload_file", bucket, _, name] => (2, bucket, parent(name).unwrap_or_default()),
        ["file", "upload", bucket, _, name] => (3, bucket, parent(name).unwrap_or_default()),
        ["sync", _, to] if to.starts_with("b2://") => {
            let (bucket, path) = to[5..].split_once('/').unwrap_or((&to[5..], ""));
            (1, bucket, path)
        }
        _ => return Some(Transfer::Other { what: "a call of `b2`".to_owned() }),
    };
    let mut tier = tier(location::b2(bucket, path, Some(origin)), origin);
    if let Some(days) = options.text(&["keepDays", "keep-days"]).filter(|days| days.bytes().all(|b| b.is_ascii_digit()))
    {
        tier.keep("within", format!("{days}d"), origin);
    }
    Some(upload(&options.positional[from], tier, &options))
}
