//! Dumps of databases: a program whose output is what is backed up.

use super::unwrap::unwrap;
use crate::import::draft::{CommandLine, Notes, Origin};
use crate::import::shell::{Command, Word};

/// Programs whose standard output is a dump, and their options that name a file instead.
const DUMPERS: [(&str, &[&str]); 10] = [
    ("pg_dump", &["-f", "--file"]),
    ("pg_dumpall", &["-f", "--file"]),
    ("pg_basebackup", &["-D", "--pgdata"]),
    ("mysqldump", &["-r", "--result-file"]),
    ("mariadb-dump", &["-r", "--result-file"]),
    ("mongodump", &["--archive"]),
    ("influxd", &[]),
    ("ldapsearch", &[]),
    ("slapcat", &["-l"]),
    ("crontab", &[]),
];

/// A dump as a source's `command`.
#[derive(Clone, Debug, Default)]
pub(super) struct Dump {
    pub command: CommandLine,
    /// The file that it writes itself.
    pub file: Option<Word>,
    pub notes: Notes,
}

/// Reads a dump; none if the command is none.
pub(super) fn dump(command: &Command, origin: &Origin) -> Option<Dump> {
    let inner = unwrap(command);
    let (at, options) = dumper(&inner)?;
    let skipped = command.words.len() - inner.words.len();
    // What only lowers the priority is not part of the command; what changes the user is.
    let keeps_wrapper = command.program() == "sudo" || command.program() == "doas";
    let start = if keeps_wrapper { 0 } else { skipped };
    let mut dump = Dump::default();
    let mut words = command.words[start..].iter().enumerate();
    let program = inner.words[at].text().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let program_at = skipped - start + at;
    while let Some((index, word)) = words.next() {
        let shown = word.pattern();
        if index > program_at {
            if options.contains(&shown.as_str()) && program != "mongodump" {
                dump.file = words.next().map(|(_, word)| word.clone());
                continue;
            }
            let named = options.iter().find(|option| shown.starts_with(&format!("{option}=")));
            if let Some(option) = named {
                dump.file = word.strip_prefix(&format!("{option}="));
                if program == "mongodump" {
                    dump.command.push("--archive".to_owned());
                }
                continue;
            }
            if is_secret(&program, word) || names_secret(&shown.to_lowercase()) {
                if names_secret(&shown.to_lowercase()) {
                    words.next();
                }
                dump.notes.not_carried(
                    Some(origin),
                    format!("the password on `{program}`'s command line: put it into a file that only it reads (`~/.my.cnf`, `~/.pgpass`)"),
                );
                continue;
            }
        }
        // `docker exec -e NAME=value`: without the value it is that of the environment.
        if index < program_at && (word.has_secret() || looks_secret(&shown)) {
            let name = shown.split('=').next().unwrap_or_default();
            if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                dump.command.push(name.to_owned());
                dump.notes.not_carried(Some(origin), format!("the value of {name}: set it where `plan` runs"));
            } else {
                dump.notes.not_carried(Some(origin), format!("a secret in front of `{program}`"));
            }
            continue;
        }
        match word.text() {
            // A terminal is not there.
            Some("-t" | "-it" | "-ti") if index < program_at => {
                if shown.contains('i') {
                    dump.command.push("-i".to_owned());
                }
            }
            Some(text) => dump.command.push(text.to_owned()),
            None => {
                dump.notes.fill_in(
                    Some(origin),
                    format!("an argument of `{program}` (FILL-IN) is known only when the script runs"),
                );
                dump.command.push("FILL-IN".to_owned());
            }
        }
    }
    for (name, _) in command.environment.iter().chain(&inner.environment) {
        dump.notes.not_carried(
            Some(origin),
            format!("the variable {name} in front of `{program}`: set it where `plan` runs"),
        );
    }
    if program == "pg_dump" && dump.command.iter().any(|word| matches!(word.as_str(), "-Fd" | "--format=directory")) {
        dump.notes.fill_in(Some(origin), "a dump into a folder has no output: use `-Fc`");
    }
    Some(dump)
}

/// Where in the command the program that dumps stands: first, or within `docker exec`, `kubectl exec`.
fn dumper(command: &Command) -> Option<(usize, &'static [&'static str])> {
    let find = |word: &Word| {
        let name = word.text()?.rsplit('/').next()?;
        DUMPERS.iter().find(|(program, _)| *program == name).map(|(_, options)| *options)
    };
    let runs_another =
        matches!(command.program(), "docker" | "podman" | "kubectl" | "docker-compose" | "lxc" | "ssh" | "su");
    if runs_another {
        let at = command.words.iter().position(|word| find(word).is_some())?;
        return find(&command.words[at]).map(|options| (at, options));
    }
    let options = find(command.words.first()?)?;
    let lists_crontab =
        command.program() != "crontab" || command.arguments().iter().any(|word| word.text() == Some("-l"));
    lists_crontab.then_some((0, options))
}

/// Whether a word holds a password, or what looks like one.
pub(super) fn is_secret(program: &str, word: &Word) -> bool {
    let shown = word.pattern();
    let takes_p = program.starts_with("mysql") || program.starts_with("mariadb");
    let is_short = takes_p && shown.len() > 2 && shown.starts_with("-p") && !shown.starts_with("--");
    word.has_secret() || is_short || looks_secret(&shown)
}

/// The names of options and variables whose values are secrets.
const NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "pass", "token", "secret", "apikey", "api-key", "access-key"];

/// Whether a text of one or more words holds a secret, by its shape: an option,
/// a variable or an address with a password, a message's address, a key.
pub(in crate::import) fn looks_secret(text: &str) -> bool {
    const PLACES: [&str; 5] = ["authorization:", "bearer ", "hooks.slack.com", "hc-ping.com", "api.telegram.org/bot"];
    let lower = text.to_lowercase();
    let is_key = text.contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY");
    if is_key || PLACES.iter().any(|place| lower.contains(place)) || lower.contains("discord.com/api/webhooks") {
        return true;
    }
    let words: Vec<&str> = lower.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',', ';'])).collect();
    let takes_p = lower.contains("mysql") || lower.contains("mariadb");
    words.iter().enumerate().any(|(at, word)| {
        let next = words.get(at + 1).filter(|next| !next.starts_with(['-', '$', '/', '|', '&', '>']));
        let is_short = takes_p && word.len() > 2 && word.starts_with("-p") && !word.starts_with("--");
        let is_login = *word == "-u" && next.is_some_and(|next| next.contains(':'));
        is_short || is_login || (names_secret(word) && next.is_some()) || is_assigned(word) || has_login(word)
    })
}

/// `--password`, whose value is the next word.
pub(super) fn names_secret(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|option| NAMES.contains(&option))
}

/// `password=x`, `--token=x`, `token:x`.
fn is_assigned(word: &str) -> bool {
    NAMES.iter().any(|name| {
        word.match_indices(name).any(|(at, _)| {
            let rest = &word[at + name.len()..];
            rest.len() > 1 && rest.starts_with(['=', ':'])
        })
    })
}

/// `https://user:password@host/`.
fn has_login(word: &str) -> bool {
    word.split_once("://").is_some_and(|(_, rest)| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_seen_by_their_shape() {
        for text in [
            "--password=x",
            "PGPASSWORD=x",
            "https://u:p@host/x",
            "Authorization: x",
            "token:x",
            "https://hc-ping.com/1",
            "mysql -u root -phunter2 x",
            "gpg --passphrase hunter2 -c x",
            "curl -u ana:hunter2 https://x",
            "a && curl https://u:p@host",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in [
            "--password-file",
            "passengers",
            "https://u@host/x",
            "--no-password",
            "/etc/passwd",
            "user@host:/x",
            "ssh -p 22 host",
            "gpg --passphrase /x",
        ] {
            assert!(!looks_secret(text), "{text}");
        }
    }
}
