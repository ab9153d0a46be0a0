//! Programs that send files to a store: `aws`, `rclone`, `gsutil`, `az`,
//! `rsync`, `scp` and the like.

use super::options::{Grammar, Options};
use crate::import::draft::{Notes, Origin, Sourced, StoreDraft, TierDraft};
use crate::import::location::{self, Location, Remotes, Surroundings};
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
const RSYNC: Grammar = Grammar {
    with_value: &[
        "e",
        "rsh",
        "exclude",
        "exclude-from",
        "include",
        "include-from",
        "filter",
        "f",
        "link-dest",
        "bwlimit",
        "log-file",
        "rsync-path",
        "password-file",
        "timeout",
        "max-size",
        "min-size",
        "backup-dir",
        "suffix",
        "chmod",
        "chown",
        "files-from",
        "port",
        "out-format",
        "partial-dir",
        "temp-dir",
        "T",
        "B",
        "M",
    ],
};
const SCP: Grammar = Grammar { with_value: &["i", "P", "p", "o", "l", "F", "c", "J"] };
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
        "aws" => aws(words, origin, around),
        "rclone" => rclone(words, origin, around),
        "gsutil" => google(&GSUTIL.parse(words), origin),
        "gcloud" => {
            let storage = words.iter().position(|word| word.text() == Some("storage"))?;
            google(&GSUTIL.parse(&words[storage + 1..]), origin)
        }
        "az" => azure(words, origin),
        "azcopy" => azcopy(words, origin),
        "b2" | "backblaze-b2" => b2(words, origin),
        "s3cmd" => s3cmd(words, origin, around),
        "mc" | "mcli" => minio(words, origin),
        "rsync" => rsync(words, origin),
        "scp" => scp(words, origin),
        "cp" => copy(words, origin),
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

fn aws(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
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
    let kms = options.text(&["sse-kms-key-id"]).map(|key| format!("kms key={}", crate::import::kdl::quoted(key)));
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
            crate::import::shell::Part::Text(text) => text.clone(),
            crate::import::shell::Part::Date => "{date}".to_owned(),
            crate::import::shell::Part::Host => "{host}".to_owned(),
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

/// The known part of a store's path: without dates, without a file's name that is not known.
fn place(word: &Word) -> Option<String> {
    if let Some(place) = word.as_place() {
        return Some(without_file(&place).to_owned());
    }
    // What comes last may be unknown: the name of the object.
    let pattern = word.pattern();
    let (known, _) = super::paths::before_pattern(&pattern);
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

fn rclone(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
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
                tier.encryption = Some(Sourced::new(crate::import::draft::Encryption::Clear, origin));
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

/// `30d`, `2w`, `12h` as a plan writes durations.
pub(super) fn duration(text: &str) -> Option<String> {
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

fn google(options: &Options, origin: &Origin) -> Option<Transfer> {
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
            Some(upload(&options.positional[1], tier, options))
        }
        "ls" => {
            options.positional.get(1).and_then(remote).map(|at| Transfer::Check { store: at.store, level: "presence" })
        }
        "rm" => Some(Transfer::Other { what: "deleting in the bucket (`keep` says what stays)".to_owned() }),
        _ => Some(Transfer::Other { what: "a call of Google's tools".to_owned() }),
    }
}

fn azure(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = AZURE.parse(words);
    let verbs: Vec<&str> = options.positional.iter().filter_map(Word::text).collect();
    match verbs[..] {
        ["storage", "blob", verb @ ("upload" | "upload-batch" | "sync"), ..] => {
            let container = match verb {
                "upload-batch" => options.text(&["destination", "d"]),
                _ => options.text(&["container-name", "container", "c"]),
            };
            let path = match verb {
                "upload" => options
                    .value(&["name", "n"])
                    .and_then(place)
                    .and_then(|name| super::paths::parent(&name).map(str::to_owned)),
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

fn azcopy(words: &[Word], origin: &Origin) -> Option<Transfer> {
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
    let (path, _) = super::paths::before_pattern(path);
    let tier = tier(location::azure(container, &path, account, Some(origin)), origin);
    Some(upload(&options.positional[1], tier, &options))
}

fn b2(words: &[Word], origin: &Origin) -> Option<Transfer> {
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
        ["upload-file" | "upload_file", bucket, _, name] => (2, bucket, super::paths::parent(name).unwrap_or_default()),
        ["file", "upload", bucket, _, name] => (3, bucket, super::paths::parent(name).unwrap_or_default()),
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

fn s3cmd(words: &[Word], origin: &Origin, around: Around<'_>) -> Option<Transfer> {
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

fn minio(words: &[Word], origin: &Origin) -> Option<Transfer> {
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

fn rsync(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = RSYNC.parse(words);
    let (to, from) = options.positional.split_last().filter(|(_, from)| !from.is_empty())?;
    let shown = place(to).unwrap_or_default();
    let key = options.text(&["e", "rsh"]).and_then(ssh_key);
    let mut notes = Notes::default();
    let location = if shown.starts_with("rsync://") || shown.contains("::") {
        location::elsewhere("an rsync module", "rsync", Some(origin))
    } else if let Some((host, path)) = location::ssh_address(&shown) {
        location::sftp(&with_port(host, options.text(&["e", "rsh"])), path.trim_end_matches('/'), key.as_deref())
    } else if shown.is_empty() {
        return Some(Transfer::Other { what: "a copy to a place that is not known".to_owned() });
    } else {
        location::folder(&shown)
    };
    if from.iter().any(|word| location::ssh_address(&word.pattern()).is_some()) {
        return Some(Transfer::Other { what: "a copy from another machine".to_owned() });
    }
    notes.differs(
        Some(origin),
        "rsync kept one copy of the files; here are snapshots, read with `plan ls` and `plan restore`",
    );
    let mut tier = tier(location, origin);
    tier.notes.extend(notes);
    if let Some(limit) = options.text(&["bwlimit"]).and_then(|limit| rate(limit, "rsync")) {
        tier.upload_limit = Some(Sourced::new(limit, origin));
    }
    let exclude = options.values(&["exclude"]).cloned().collect();
    Some(Transfer::Mirror { from: from.to_vec(), tier: Box::new(tier), exclude, to: Some(to.clone()) })
}

/// The key of `ssh -i KEY`.
pub(in crate::import) fn ssh_key(rsh: &str) -> Option<String> {
    let mut words = rsh.split_whitespace();
    words.find(|word| *word == "-i")?;
    words.next().map(str::to_owned)
}

/// The port of `ssh -p PORT`, behind the host.
pub(in crate::import) fn with_port(host: &str, rsh: Option<&str>) -> String {
    let mut words = rsh.unwrap_or_default().split_whitespace();
    let port = words.find(|word| *word == "-p").and_then(|_| words.next());
    match port.filter(|port| port.parse::<u16>().is_ok()) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn scp(words: &[Word], origin: &Origin) -> Option<Transfer> {
    let options = SCP.parse(words);
    let (to, from) = options.positional.split_last().filter(|(_, from)| !from.is_empty())?;
    let shown = place(to)?;
    let Some((host, path)) = location::ssh_address(&shown) else {
        return Some(Transfer::Other { what: "a download".to_owned() });
    };
    let host = options.text(&["P"]).map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let tier = tier(location::sftp(&host, path.trim_end_matches('/'), options.text(&["i"])), origin);
    Some(upload(&from[0], tier, &options))
}

/// `cp` of whole trees only; single files are copied for many reasons.
fn copy(words: &[Word], origin: &Origin) -> Option<Transfer> {
    const CP: Grammar = Grammar { with_value: &["t", "S", "target-directory"] };
    let options = CP.parse(words);
    let (to, from) = options.positional.split_last().filter(|(_, from)| !from.is_empty())?;
    let place = place(to)?;
    Some(Transfer::Mirror {
        from: from.to_vec(),
        tier: Box::new(tier(location::folder(&place), origin)),
        exclude: Vec::new(),
        to: Some(to.clone()),
    })
}
