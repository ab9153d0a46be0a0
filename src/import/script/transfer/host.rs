//! Copies to another host or folder: `rsync`, `scp`, `cp`.

use super::super::options::Grammar;
use super::{Transfer, place, rate, tier, upload};
use crate::import::draft::{Notes, Origin, Sourced};
use crate::import::location;
use crate::import::shell::Word;

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

pub(super) fn rsync(words: &[Word], origin: &Origin) -> Option<Transfer> {
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

pub(super) fn scp(words: &[Word], origin: &Origin) -> Option<Transfer> {
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
pub(super) fn copy(words: &[Word], origin: &Origin) -> Option<Transfer> {
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
