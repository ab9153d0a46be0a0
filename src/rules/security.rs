//! Security: who can read the backups, and who can destroy them.

use super::paths::{is_excluded, is_within, normal, roots};
use super::{Check, Subject, words};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Spanned, list};
use crate::plan::{Encryption, Key, Origin, SecretRef, ServerSideEncryption, Tier};
use std::path::PathBuf;

static UNDECIDED: Rule = Rule {
    code: "plan::security::undecided",
    severity: Severity::Error,
    title: "it is not said whether a tier off this machine is encrypted",
    why: "What leaves the machine is read by whoever runs the other end, and by whoever breaks in there. Whether that \
          is acceptable is a decision: `encrypt KEY` encrypts everything before it leaves, `encrypt none` says that \
          it may be read. Nothing is decided by leaving it out.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    take data
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
}"#,
};
static UNENCRYPTED: Rule = Rule {
    code: "plan::security::unencrypted",
    severity: Severity::Warning,
    title: "a tier off this machine is not encrypted",
    why: "Backups hold everything: passwords in configuration, personal data, keys. Encryption by the service \
          (`server-side-encryption`) protects against stolen disks, not against a stolen account, a bucket left open, \
          or the provider.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt none
    take data
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    take data
}"#,
};
static REMOVABLE: Rule = Rule {
    code: "plan::security::removable_unencrypted",
    severity: Severity::Warning,
    title: "a disk that can be carried away is not encrypted",
    why: "A disk under `/media`, `/mnt` or `/Volumes` is unplugged, lent, lost and stolen, with all that was ever \
          backed up to it. If the disk itself is encrypted (LUKS, FileVault, BitLocker), say so with an `allow`.",
    bad: r#"
tier disk {
    store fs { root "/media/backup" }
    take data
}"#,
    good: r#"
tier disk {
    store fs { root "/media/backup" }
    encrypt ops
    take data
}"#,
};
static IDENTITY_IN_SOURCE: Rule = Rule {
    code: "plan::security::identity_in_source",
    severity: Severity::Warning,
    title: "the key lies in what is backed up",
    why: "A tier that is not encrypted carries the key away in the clear, for all tiers that are. And one that is \
          encrypted holds the only copy of its key inside itself: it opens with the key that is in it.",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    identity (file)"/srv/app/backup.key"
}
source app { include "/srv/app" }
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take app
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    identity (file)"/srv/app/backup.key"
}
source app {
    base "/srv/app"
    exclude "/backup.key"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take app
}"#,
};
static KEY_LOST_WITH_HOST: Rule = Rule {
    code: "plan::security::key_lost_with_host",
    severity: Severity::Warning,
    title: "the only key dies with the disk that it should bring back",
    why: "The backups are encrypted to one recipient, whose identity is a file on the machine that is backed up. When \
          its disk fails, the backups are there and nobody can read them. Add a second recipient whose identity is \
          kept elsewhere: a safe, a vault, a printed page (`plan key escrow`).",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="this host"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="paper copy in the safe"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take data
}"#,
};
static ONE_RECIPIENT: Rule = Rule {
    code: "plan::security::one_recipient",
    severity: Severity::Advice,
    title: "a key has one recipient",
    why: "Whoever holds the one identity can lose it, leave, or be asleep. A second recipient (a colleague, a safe) \
          costs a line in the plan and two hundred bytes an archive; it cannot be added to backups that exist already.",
    bad: r#"
key team { recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" }
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="ana"
    recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt team
    take data
}"#,
};
static PLAIN_HTTP: Rule = Rule {
    code: "plan::security::plain_http",
    severity: Severity::Warning,
    title: "a store is reached without TLS",
    why: "Over `http://` everyone on the way reads and changes what is sent: the names of the objects, and for WebDAV \
          the password. Encrypted archives stay closed, but can be swapped for older ones.",
    bad: r#"
tier cloud {
    store webdav { endpoint "http://dav.example.org"; username backup; password (env)DAV_PASSWORD }
    encrypt ops
    take data
}"#,
    good: r#"
tier cloud {
    store webdav { endpoint "https://dav.example.org"; username backup; password (env)DAV_PASSWORD }
    encrypt ops
    take data
}"#,
};
static UNKNOWN_HOST: Rule = Rule {
    code: "plan::security::any_host_key",
    severity: Severity::Warning,
    title: "an SFTP server's key is not checked",
    why: "With `known_hosts_strategy accept` any machine that answers at that address is taken for the server, and is \
          given the backups. `strict` wants its key in `known_hosts`; `add` trusts it the first time.",
    bad: r#"
tier vault {
    store sftp { endpoint "ssh://backup@vault.internal"; known_hosts_strategy accept }
    encrypt ops
    take data
}"#,
    good: r#"
tier vault {
    store sftp { endpoint "ssh://backup@vault.internal"; known_hosts_strategy strict }
    encrypt ops
    take data
}"#,
};
static SSEC: Rule = Rule {
    code: "plan::security::customer_key",
    severity: Severity::Warning,
    title: "Amazon refuses customer keys on new buckets",
    why: "Since April 2026 Amazon S3 answers 403 to uploads with a customer's key (SSE-C) on every new bucket, and on \
          old ones of accounts that had no such objects, unless it is allowed again (PutBucketEncryption). The key must \
          also be sent with every read, and with it the data is lost. `encrypt` protects more, and needs no header.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    server-side-encryption customer key="/etc/plan/sse.key"
    encrypt ops
    take data
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    server-side-encryption s3
    encrypt ops
    take data
}"#,
};
static ON_COMMAND_LINE: Rule = Rule {
    code: "plan::security::secret_in_command",
    severity: Severity::Warning,
    title: "a password stands on a command line",
    why: "The arguments of a program are shown to every user of the machine by `ps`, and stand in the plan for all to \
          read. Programs take passwords from a file (`~/.pgpass`, `~/.my.cnf`) or from the environment.",
    bad: r#"
source db { command mysqldump "--user=backup" "--password=hunter2" shop }
tier disk {
    store fs { root "/backups" }
    encrypt ops
    take db
}"#,
    good: r#"
source db { command mysqldump "--defaults-extra-file=/etc/plan/mysql.cnf" shop }
tier disk {
    store fs { root "/backups" }
    encrypt ops
    take db
}"#,
};

pub(super) static RULES: [&Rule; 10] = [
    &UNDECIDED,
    &UNENCRYPTED,
    &REMOVABLE,
    &IDENTITY_IN_SOURCE,
    &KEY_LOST_WITH_HOST,
    &ONE_RECIPIENT,
    &PLAIN_HTTP,
    &UNKNOWN_HOST,
    &SSEC,
    &ON_COMMAND_LINE,
];

pub(super) static CHECKS: [Check; 7] = [
    tiers_in_the_clear,
    identities_in_sources,
    keys_with_one_recipient,
    stores_without_tls,
    servers_that_are_not_checked,
    customer_keys_that_amazon_refuses,
    passwords_on_command_lines,
];

/// Tiers that are not encrypted and should be, or may be.
fn tiers_in_the_clear(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Encryption::None { span } = &tier.encryption else { continue };
        let name = &tier.name.value;
        if !tier.store.is_this_machine() {
            match span {
                Some(span) => out.push(
                    Diagnostic::new(&UNENCRYPTED, *span, format!("tier `{name}` leaves this machine in the clear"))
                        .also(tier.store.service.span, "whoever can read this store reads everything")
                        .help("write `encrypt KEY`, or `allow` this if nothing in it is confidential"),
                ),
                None if subject.is_sound(tier.span) => out.push(undecided(subject, tier)),
                None => {}
            }
        } else if let Some(root) = removable_root(tier).filter(|_| subject.is_sound(tier.span)) {
            let at = span.unwrap_or(tier.name.span);
            out.push(
                Diagnostic::new(
                    &REMOVABLE,
                    at,
                    format!("tier `{name}` lies in the clear on a disk that can be taken away"),
                )
                .also(root.span, "such a disk")
                .help("write `encrypt KEY`, or `allow` this if the disk itself is encrypted"),
            );
        }
    }
}

fn undecided(subject: &Subject<'_>, tier: &Tier) -> Diagnostic {
    let name = &tier.name.value;
    let diagnostic = Diagnostic::new(
        &UNDECIDED,
        tier.name.span,
        format!("is tier `{name}` to be encrypted? it leaves this machine"),
    )
    .also(tier.store.service.span, "not on this machine");
    let keys: Vec<&str> = subject.plan.keys.iter().map(|key| key.name.value.as_str()).collect();
    match keys[..] {
        [] => diagnostic.help("add a `key` to the plan and `encrypt KEY` to the tier, or `encrypt none`"),
        [only] => {
            let line = format!("encrypt {}", words::kdl(only));
            let at = tier.store.span;
            let edit = Fix::insert(at, format!("{line}\n{}", subject.indent(at)));
            diagnostic.help(format!("add `{line}`, or `encrypt none`")).fix(edit)
        }
        _ => diagnostic.help(format!("add `encrypt` with one of {}, or `encrypt none`", list(keys, "or"))),
    }
}

/// The root of a local store, where it is a place at which disks are mounted.
fn removable_root(tier: &Tier) -> Option<Spanned<&str>> {
    const PLACES: [&str; 4] = ["/media/", "/mnt/", "/run/media/", "/Volumes/"];
    let root = tier.store.settings.iter().find(|setting| setting.key.value == "root")?;
    let text = tier.store.text(&["root"])?;
    PLACES.iter().any(|place| text.starts_with(place)).then(|| Spanned::new(text, root.value.span))
}

/// Identity files that a tier backs up.
fn identities_in_sources(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let taken = |name: &str| subject.jobs.takes(name);
    for key in &subject.plan.keys {
        for (path, identity) in key.identities.iter().filter_map(|identity| match &identity.secret.value {
            SecretRef::File(path) => Some((normal(path), identity)),
            _ => None,
        }) {
            for source in subject.plan.sources.iter().filter(|source| taken(&source.name)) {
                let Origin::Paths(paths) = &source.origin else { continue };
                let Some(root) = roots(source).into_iter().find(|root| is_within(&path, &root.path)) else { continue };
                if is_excluded(paths, &path) {
                    continue;
                }
                let message = format!("source `{}` backs up the key that opens the backups", source.name.value);
                out.push(
                    Diagnostic::new(&IDENTITY_IN_SOURCE, identity.secret.span, message)
                        .label("lies in the source")
                        .also(root.span, "taken from here on")
                        .help("keep the key elsewhere, or exclude it"),
                );
            }
        }
    }
}

/// Keys that one accident takes away.
fn keys_with_one_recipient(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in subject.plan.keys.iter().filter(|key| subject.is_sound(key.span)) {
        let uses = |tier: &&Tier| matches!(&tier.encryption, Encryption::Key(name) if name.value == key.name.value);
        let outlives = |tier: &&Tier| !tier.store.is_this_machine() || removable_root(tier).is_some();
        let Some(tier) = subject.plan.tiers.iter().filter(uses).find(outlives) else { continue };
        let name = &key.name.value;
        match (&key.recipients[..], identity_file(key)) {
            ([_] | [], Some(identity)) => out.push(
                Diagnostic::new(
                    &KEY_LOST_WITH_HOST,
                    identity.span,
                    format!("only this file opens what `{name}` encrypts"),
                )
                .label("lost with this machine")
                .also(tier.name.span, "and this tier with it, though it is still there")
                .help("add a `recipient` whose identity is kept elsewhere, such as on paper (`plan key escrow`)"),
            ),
            ([only], None) => out.push(
                Diagnostic::new(
                    &ONE_RECIPIENT,
                    only.text.span,
                    format!("one identity alone opens what `{name}` encrypts"),
                )
                .help("add a second `recipient`, kept by someone or somewhere else"),
            ),
            _ => {}
        }
    }
}

fn identity_file(key: &Key) -> Option<&Spanned<SecretRef>> {
    let secrets = key.identities.iter().map(|identity| &identity.secret);
    secrets.into_iter().find(|secret| matches!(secret.value, SecretRef::File(_)))
}

/// `http://`, but for this machine.
fn stores_without_tls(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for store in subject.plan.tiers.iter().map(|tier| &tier.store) {
        let Some(endpoint) = store.endpoint().filter(|endpoint| endpoint.to_lowercase().starts_with("http://")) else {
            continue;
        };
        let host = store.host().unwrap_or_default();
        if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            continue;
        }
        let value = store.settings.iter().map(|setting| &setting.value);
        let Some(span) = value.into_iter().find(|value| value.value.text() == Some(endpoint)).map(|value| value.span)
        else {
            continue;
        };
        let secure = format!("\"https://{}\"", &endpoint["http://".len()..]);
        out.push(
            Diagnostic::new(&PLAIN_HTTP, span, format!("everyone between here and `{host}` can read and change this"))
                .help(format!("write `{secure}`"))
                .fix(Fix::replace(span, secure)),
        );
    }
}

/// SFTP that takes any server for the right one.
fn servers_that_are_not_checked(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for store in subject.plan.tiers.iter().map(|tier| &tier.store).filter(|store| store.service.value == "sftp") {
        for setting in store.settings.iter().filter(|s| s.key.value.replace('-', "_") == "known_hosts_strategy") {
            if setting.value.value.text().is_some_and(|text| text.eq_ignore_ascii_case("accept")) {
                out.push(
                    Diagnostic::new(&UNKNOWN_HOST, setting.value.span, "any machine that answers is given the backups")
                        .help("write `strict`, and put the server's key into `known_hosts`")
                        .fix(Fix::replace(setting.value.span, "strict")),
                );
            }
        }
    }
}

/// SSE-C on Amazon's own buckets.
fn customer_keys_that_amazon_refuses(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| tier.store.is_amazon()) {
        if let Some(encryption) = &tier.server_side_encryption
            && matches!(encryption.value, ServerSideEncryption::Customer { .. })
        {
            out.push(
                Diagnostic::new(
                    &SSEC,
                    encryption.span,
                    "Amazon answers 403 to this on every bucket made since April 2026",
                )
                .help("use `kms` or `s3`; `encrypt` keeps Amazon from reading the backups"),
            );
        }
    }
}

/// `--password=…` and the like among a command's arguments.
fn passwords_on_command_lines(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let plan = subject.document.nodes.iter().find(|node| node.name.value == "plan");
    let owners = plan.into_iter().flat_map(|plan| &plan.children);
    let commands = owners
        .flat_map(|owner| &owner.children)
        .filter(|node| matches!(node.name.value.as_str(), "command" | "before" | "after"));
    for command in commands {
        let program = command.arguments.first().and_then(|value| value.as_str()).unwrap_or_default();
        for value in command.arguments.iter().skip(1) {
            if value.as_str().is_some_and(|argument| holds_a_password(program, argument)) {
                out.push(
                    Diagnostic::new(&ON_COMMAND_LINE, value.span, "every user of the machine can read this password")
                        .help("let the program read it from a file that only it can read"),
                );
            }
        }
    }
}

/// Whether an argument of a program is a password, by the looks of both.
pub fn holds_a_password(program: &str, argument: &str) -> bool {
    const OPTIONS: [&str; 5] = ["--password=", "--pass=", "--passwd=", "--token=", "--secret="];
    let long = OPTIONS.iter().any(|option| argument.strip_prefix(option).is_some_and(|rest| !rest.is_empty()));
    let program =
        PathBuf::from(program).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // MySQL's and MariaDB's programs take `-pSECRET`; elsewhere `-p` is a port or a path.
    let takes_p = program.starts_with("mysql") || program.starts_with("mariadb");
    long || (takes_p && argument.starts_with("-p") && argument.len() > 2 && !argument.starts_with("--"))
}
