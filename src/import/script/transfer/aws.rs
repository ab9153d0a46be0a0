//! Amazon's tools, and others that speak S3: `aws`, `s3cmd`, `mc`.

use super::super::options::{Grammar, Options};
use super::{Around, Transfer, place, tier, upload};
use crate::import::draft::{Notes, Origin, Sourced, TierDraft};
use crate::import::kdl::quoted;
use crate::import::location::{self, Surroundings};
use crate::import::shell::{Part, Word};

const AWS: Grammar = Grammar {
    with_value: &[
        "region",
        "profile",
        "endpoint-url",
        "storage-class",
        "metadata",
        "sse-kms-key-id",
        "sse-c-key",
        "exclude",
        "include",
        "acl",
        "expires",
        "expected-size",
        "content-type",
        "cli-read-timeout",
        "bucket",
        "key",
        "body",
        "server-side-encryption",
        "ssekms-key-id",
        "prefix",
        "query",
        "output",
        "sse-c",
    ],
};

const S3CMD: Grammar = Grammar {
    with_value: &[
        "config",
        "c",
        "storage-class",
        "exclude",
        "host",
        "region",
        "add-header",
        "access_key",
        "secret_key",
    ],
};

pub(super) fn aws(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
    let options = AWS.parse(words);
    let endpoint = options.text(&["endpoint-url"]).or(around.endpoint);
    let surroundings =
        Surroundings { region: options.text(&["region"]).or(around.region), endpoint, origin: Some(origin) };
    let positional: Vec<&Word> = options.positional.iter().collect();
    let service = positional.first()?.text()?;
    let verb = positional.get(1)?.text()?;
    let remote = |word: &Word| {
        let rest = word.strip_prefix("s3://")?;
        place(&rest).map(|path| location::s3(&path, surroundings))
    };
    match (service, verb) {
        ("s3", "cp" | "sync" | "mv") => {
            let to = positional.get(3).and_then(|word| remote(word));
            let Some(mut tier) = to.map(|to| tier(to, origin)) else {
                let is_download = positional.get(2).is_some_and(|word| word.starts_with("s3://"));
                let what = if is_download { "a download".to_owned() } else { unknown_place(&options) };
                return Some(Transfer::Other { what });
            };
            if let Some(class) = options.text(&["storage-class"]) {
                tier.storage_class = Some(Sourced::new(class.to_owned(), origin));
            }
            encryption(&options, origin, &mut tier);
            if let Some(metadata) = options.value(&["metadata"]) {
                tier.metadata = metadata_of(metadata, origin, &mut tier.notes);
            }
            if let Some(profile) = options.text(&["profile"]) {
                tier.store = tier.store.clone().with("profile", profile);
            }
            if options.flag(&["delete"]) {
                tier.notes.differs(
                    Some(origin),
                    "`--delete` made the store a mirror; here what is deleted on the host stays in older snapshots",
                );
            }
            Some(upload(positional[2], tier, &options))
        }
        ("s3", "ls") => positional
            .get(2)
            .and_then(|word| remote(word))
            .map(|at| Transfer::Check { store: at.store, level: "presence" }),
        ("s3api", "put-object") => {
            let bucket = options.text(&["bucket"])?;
            let key = options.value(&["key"]).and_then(place).unwrap_or_default();
            let mut tier = tier(location::s3(&format!("{bucket}/{key}"), surroundings), origin);
            if let Some(class) = options.text(&["storage-class"]) {
                tier.storage_class = Some(Sourced::new(class.to_owned(), origin));
            }
            Some(upload(options.value(&["body"])?, tier, &options))
        }
        ("s3api", "head-object" | "list-objects" | "list-objects-v2") => {
            let prefix = options.text(&["prefix"]).unwrap_or_default();
            let bucket = options.text(&["bucket"])?;
            Some(Transfer::Check {
                store: location::s3(&format!("{bucket}/{prefix}"), surroundings).store,
                level: "presence",
            })
        }
        ("s3", "rm") | ("s3api", "delete-object" | "delete-objects") => {
            Some(Transfer::Other { what: "deleting in the bucket (`keep` says what stays)".to_owned() })
        }
        ("s3" | "s3api", "mb" | "create-bucket") => Some(Transfer::Other { what: "making the bucket".to_owned() }),
        ("s3api", "put-bucket-versioning" | "put-bucket-lifecycle-configuration" | "put-object-lock-configuration") => {
            Some(Transfer::Other { what: "settings of the bucket".to_owned() })
        }
        _ => Some(Transfer::Other { what: "a call of `aws`".to_owned() }),
    }
}

fn unknown_place(options: &Options) -> String {
    let kms = options.text(&["sse-kms-key-id"]).map(|key| format!("kms key={}", quoted(key)));
    let customer = options.value(&["sse-c", "sse-c-key"]).map(|_| "customer".to_owned());
    match kms.or(customer) {
        Some(kind) => format!("an upload to a place that is not known, with `server-side-encryption {kind}`"),
        None => "an upload to a place that is not known".to_owned(),
    }
}

fn encryption(options: &Options, origin: &Origin, tier: &mut TierDraft) {
    let key = options.text(&["sse-kms-key-id"]).map(str::to_owned);
    // `--sse` may stand alone: then the next word is positional.
    let is_kms = key.is_some()
        || options.positional.iter().any(|word| word.text() == Some("aws:kms"))
        || options.text(&["sse"]) == Some("aws:kms");
    if is_kms {
        tier.server_side_encryption = Some(Sourced::new(("kms", key), origin));
    } else if options.flag(&["sse"]) || options.text(&["sse"]).is_some() {
        tier.server_side_encryption = Some(Sourced::new(("s3", None), origin));
    } else if options.value(&["sse-c", "sse-c-key"]).is_some() {
        tier.notes.not_carried(
            Some(origin),
            "encryption with a key sent along (SSE-C): Amazon refuses it on new buckets; `encrypt` does it before anything is sent",
        );
    }
}

fn metadata_of(word: &Word, origin: &Origin, notes: &mut Notes) -> Option<Sourced<Vec<(String, String)>>> {
    // Dates are a placeholder there; only `{date}` can stand for one.
    let text: String = word
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Date => "{date}".to_owned(),
            Part::Host => "{host}".to_owned(),
            _ => "\0".to_owned(),
        })
        .collect();
    let mut pairs = Vec::new();
    for pair in text.split(',') {
        match pair.split_once('=') {
            Some((name, value)) if !pair.contains('\0') && is_metadata_name(name.trim()) => {
                pairs.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => notes.not_carried(Some(origin), "metadata whose name or value is not known"),
        }
    }
    (!pairs.is_empty()).then(|| Sourced::new(pairs, origin))
}

fn is_metadata_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

pub(super) fn s3cmd(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
    let options = S3CMD.parse(words);
    let verb = options.positional.first()?.text()?;
    let host = options.text(&["host"]).map(|host| format!("https://{host}"));
    let surroundings = Surroundings {
        region: options.text(&["region"]).or(around.region),
        endpoint: host.as_deref().or(around.endpoint),
        origin: Some(origin),
    };
    match verb {
        "put" | "sync" => {
            let to = options.positional.last().filter(|_| options.positional.len() >= 3)?.strip_prefix("s3://");
            let Some(at) = to.and_then(|to| place(&to)) else {
                return Some(Transfer::Other { what: "a download".to_owned() });
            };
            let mut tier = tier(location::s3(&at, surroundings), origin);
            tier.notes.fill_in(Some(origin), "`endpoint`: s3cmd keeps it in `~/.s3cfg`, unless it is Amazon's");
            if let Some(class) = options.text(&["storage-class"]) {
                tier.storage_class = Some(Sourced::new(class.to_owned(), origin));
            }
            Some(upload(&options.positional[1], tier, &options))
        }
        _ => Some(Transfer::Other { what: "a call of `s3cmd`".to_owned() }),
    }
}

pub(super) fn minio(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = S3CMD.parse(words);
    let verb = options.positional.first()?.text()?;
    if !matches!(verb, "cp" | "mirror" | "put") {
        return Some(Transfer::Other { what: "a call of `mc`".to_owned() });
    }
    let to = place(options.positional.last().filter(|_| options.positional.len() >= 3)?)?;
    let (alias, path) = to.split_once('/')?;
    let mut tier = tier(
        location::s3(
            path,
            Surroundings { endpoint: Some("https://FILL-IN"), origin: Some(origin), region: Some("us-east-1") },
        ),
        origin,
    );
    tier.notes.fill_in(Some(origin), format!("`endpoint`: that of `mc`'s alias `{alias}`"));
    Some(upload(&options.positional[1], tier, &options))
}
