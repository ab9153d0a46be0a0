//! Calls of restic and Borg: whole backups in one command.

use super::findings::Engine;
use super::options::{Grammar, Options};
use super::paths::Folder;
use super::transfer::Around;
use crate::import::draft::{KeepRule, Origin, SourceDraft, Sourced, TierDraft, VerifyDraft};
use crate::import::location::{self, Surroundings};
use crate::import::pattern;
use crate::import::shell::{Command, Part, Trace, Word};

const RESTIC: Grammar = Grammar {
    with_value: &[
        "r",
        "repo",
        "repository-file",
        "p",
        "password-file",
        "password-command",
        "key-hint",
        "e",
        "exclude",
        "iexclude",
        "exclude-file",
        "iexclude-file",
        "exclude-if-present",
        "exclude-larger-than",
        "files-from",
        "files-from-verbatim",
        "files-from-raw",
        "tag",
        "host",
        "H",
        "limit-upload",
        "limit-download",
        "cache-dir",
        "o",
        "option",
        "parent",
        "compression",
        "pack-size",
        "l",
        "keep-last",
        "H",
        "keep-hourly",
        "d",
        "keep-daily",
        "w",
        "keep-weekly",
        "m",
        "keep-monthly",
        "y",
        "keep-yearly",
        "keep-within",
        "keep-tag",
        "group-by",
        "g",
        "read-data-subset",
        "max-unused",
        "stdin-filename",
        "time",
        "retry-lock",
        "read-concurrency",
        "path",
    ],
};
const BORG: Grammar = Grammar {
    with_value: &[
        "r",
        "repo",
        "e",
        "exclude",
        "exclude-from",
        "pattern",
        "patterns-from",
        "exclude-if-present",
        "C",
        "compression",
        "comment",
        "timestamp",
        "c",
        "checkpoint-interval",
        "rsh",
        "remote-path",
        "lock-wait",
        "P",
        "prefix",
        "a",
        "glob-archives",
        "keep-within",
        "keep-last",
        "H",
        "keep-hourly",
        "d",
        "keep-daily",
        "w",
        "keep-weekly",
        "m",
        "keep-monthly",
        "y",
        "keep-yearly",
        "keep-minutely",
        "keep-secondly",
        "upload-ratelimit",
        "remote-ratelimit",
        "stdin-name",
        "files-cache",
    ],
};

/// Which backup program a command is, if its calls are understood.
pub(super) fn engine(
    command: &Command,
    folder: &Folder,
    origin: &Origin,
    trace: &Trace,
    around: Around<'_>,
) -> Option<Engine> {
    let call = Call { command, folder, origin, trace, around };
    match command.program() {
        "restic" | "rustic" => call.restic(),
        "borg" | "borg1" => call.borg(),
        _ => None,
    }
}

struct Call<'a> {
    command: &'a Command,
    folder: &'a Folder,
    origin: &'a Origin,
    trace: &'a Trace,
    around: Around<'a>,
}

impl Call<'_> {
    /// A variable, in front of the command or set before.
    fn variable(&self, name: &str) -> Option<&Word> {
        let own = self.command.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        own.or_else(|| self.trace.variable(name))
    }

    fn restic(&self) -> Option<Engine> {
        let options = RESTIC.parse(self.command.arguments());
        let mut engine = Engine { tier: self.restic_tier(&options), ..Engine::default() };
        engine.key_notes.differs(
            Some(self.origin),
            "restic's password opens nothing here: a plan encrypts to the public key of age, and old snapshots stay readable with restic alone",
        );
        match options.positional.first()?.text()? {
            "backup" => engine.source = Some(self.restic_source(&options)),
            "forget" => restic_keep(&options, self.origin, &mut engine.tier),
            "check" => engine.tier.verify(restic_check(&options), self.origin),
            "prune" | "unlock" | "snapshots" | "stats" | "init" | "cache" | "ls" | "version" | "self-update" => {}
            other => {
                let text = format!("`{} {other}`", self.command.program());
                engine.tier.notes.not_carried(Some(self.origin), text);
            }
        }
        Some(engine)
    }

    fn restic_tier(&self, options: &Options) -> TierDraft {
        let repository = options.value(&["r", "repo"]).or_else(|| self.variable("RESTIC_REPOSITORY"));
        let around = Surroundings { region: self.around.region, endpoint: None, origin: Some(self.origin) };
        let location = match repository.and_then(Word::as_place) {
            Some(text) => location::restic(&text, around, self.around.remotes),
            None => {
                let mut location = location::folder("/var/backups/plan");
                let text = "`root`: the input does not say where the repository is (RESTIC_REPOSITORY); give the file that sets it to `plan import` too";
                location.notes.fill_in(Some(self.origin), text);
                location
            }
        };
        let mut tier = TierDraft {
            origin: Some(self.origin.clone()),
            store: location.store,
            store_origin: Some(self.origin.clone()),
            notes: location.notes,
            ..TierDraft::default()
        };
        let names: [(&[&str], bool); 2] = [(&["limit-upload"], true), (&["limit-download"], false)];
        for (names, is_upload) in names {
            if let Some(limit) = options.text(names).filter(|limit| limit.parse::<u32>().is_ok_and(|limit| limit > 0)) {
                let limit = Some(Sourced::new(format!("{limit}KiB/s"), self.origin));
                if is_upload { tier.upload_limit = limit } else { tier.download_limit = limit }
            }
        }
        tier
    }

    fn restic_source(&self, options: &Options) -> SourceDraft {
        let mut source = SourceDraft { origin: Some(self.origin.clone()), ..SourceDraft::default() };
        self.include(&options.positional[1..], &mut source);
        for word in options.values(&["e", "exclude", "iexclude"]) {
            self.exclude(word, pattern::restic(&word.pattern(), None), &mut source);
        }
        for word in options.values(&["exclude-file", "iexclude-file"]) {
            self.exclude_file(word, "restic's", &mut source);
        }
        for word in options.values(&["exclude-if-present"]).filter_map(Word::text) {
            let name = word.split(':').next().unwrap_or_default();
            source.exclude_if_present.push(Sourced::new(name.to_owned(), self.origin));
        }
        if options.flag(&["exclude-caches"]) {
            source.exclude_caches = Some(Sourced::new((), self.origin));
        }
        if options.flag(&["x", "one-file-system"]) {
            source.one_file_system = Some(Sourced::new((), self.origin));
        }
        if let Some(size) = options.text(&["exclude-larger-than"]).and_then(size) {
            source.max_file_size = Some(Sourced::new(size, self.origin));
        }
        if let Some(word) = options.value(&["files-from", "files-from-verbatim", "files-from-raw"]) {
            let text = format!("the list of files in `{}`: name them with `include`", word.shown());
            source.notes.not_carried(Some(self.origin), text);
        }
        if options.flag(&["stdin"]) || options.flag(&["stdin-from-command"]) {
            source.notes.not_carried(Some(self.origin), "what comes by standard input: a source's `command` does that");
        }
        source
    }

    fn include(&self, paths: &[Word], source: &mut SourceDraft) {
        for word in paths {
            let origin = Origin { line: word.line, ..self.origin.clone() };
            match self.folder.absolute(word) {
                Some(path) => {
                    let (path, cut) = super::paths::before_pattern(&path);
                    if cut {
                        let text = format!(
                            "all of `{path}` is taken: `include` has no patterns, and `{}` was meant",
                            word.shown()
                        );
                        source.notes.differs(Some(&origin), text);
                    }
                    source.include.push(Sourced::new(path, &origin));
                }
                None => {
                    let text = format!("`{}`: what it stands for is known only when the script runs", word.shown());
                    source.notes.not_carried(Some(&origin), text);
                }
            }
        }
    }

    fn exclude(&self, word: &Word, pattern: Option<String>, source: &mut SourceDraft) {
        let origin = Origin { line: word.line, ..self.origin.clone() };
        match pattern.filter(|_| word.text().is_some()) {
            Some(pattern) => source.exclude.push(Sourced::new(pattern, &origin)),
            None => source
                .notes
                .not_carried(Some(&origin), format!("the exclude `{}`: gitignore cannot say it", word.shown())),
        }
    }

    fn exclude_file(&self, word: &Word, whose: &str, source: &mut SourceDraft) {
        let origin = Origin { line: word.line, ..self.origin.clone() };
        match self.folder.absolute(word) {
            Some(path) => {
                source.exclude_file.push(Sourced::new(path, &origin));
                let text = format!("the file of excludes is read in the syntax of gitignore, not in {whose}");
                source.notes.differs(Some(&origin), text);
            }
            None => source.notes.not_carried(Some(&origin), format!("the file of excludes `{}`", word.shown())),
        }
    }

    fn borg(&self) -> Option<Engine> {
        let options = BORG.parse(self.command.arguments());
        let verb = options.positional.first()?.text()?.to_owned();
        let target = options.positional.get(1);
        let mut engine = Engine { tier: self.borg_tier(&options, target), ..Engine::default() };
        engine.key_notes.differs(
            Some(self.origin),
            "Borg's passphrase opens nothing here: a plan encrypts to the public key of age, and old archives stay readable with Borg alone",
        );
        match verb.as_str() {
            "create" => {
                let mut source = SourceDraft { origin: Some(self.origin.clone()), ..SourceDraft::default() };
                self.include(options.positional.get(2..).unwrap_or_default(), &mut source);
                for word in options.values(&["e", "exclude"]) {
                    self.exclude(word, pattern::borg(&word.pattern()), &mut source);
                }
                for word in options.values(&["exclude-from"]) {
                    self.exclude_file(word, "Borg's", &mut source);
                }
                for word in options.values(&["pattern", "patterns-from"]) {
                    source.notes.not_carried(Some(self.origin), format!("the pattern `{}`", word.shown()));
                }
                for name in options.values(&["exclude-if-present"]).filter_map(Word::text) {
                    source.exclude_if_present.push(Sourced::new(name.to_owned(), self.origin));
                }
                if options.flag(&["exclude-caches"]) {
                    source.exclude_caches = Some(Sourced::new((), self.origin));
                }
                if options.flag(&["x", "one-file-system"]) {
                    source.one_file_system = Some(Sourced::new((), self.origin));
                }
                engine.source = Some(source);
            }
            "prune" => {
                for (rule, names) in KEEP {
                    if let Some(count) = options.text(names) {
                        push_keep(rule, count, self.origin, &mut engine.tier);
                    }
                }
            }
            "check" => {
                let level = if options.flag(&["verify-data"]) { "contents" } else { "checksum" };
                engine.tier.verify(VerifyDraft { level, sample: None, schedule: None }, self.origin);
            }
            "compact" | "init" | "list" | "info" | "break-lock" => {}
            other => engine.tier.notes.not_carried(Some(self.origin), format!("`borg {other}`")),
        }
        Some(engine)
    }

    fn borg_tier(&self, options: &Options, target: Option<&Word>) -> TierDraft {
        // `repository::archive`; without a repository, that of BORG_REPO.
        let place = |word: &Word| {
            let first = match word.parts.first() {
                Some(Part::Text(text)) if text.contains("::") => {
                    Word::of(text.split("::").next().unwrap_or_default(), word.line)
                }
                _ => word.clone(),
            };
            first.as_place().filter(|place| !place.is_empty())
        };
        let named =
            target.filter(|word| word.pattern().contains("::") || self.variable("BORG_REPO").is_none()).and_then(place);
        let named = options.value(&["r", "repo"]).and_then(place).or(named);
        let location = match named.or_else(|| self.variable("BORG_REPO").and_then(Word::as_place)) {
            Some(text) => location::borg(&text, Some(self.origin), self.around.remotes),
            None => {
                let mut location = location::folder("/var/backups/plan");
                location
                    .notes
                    .fill_in(Some(self.origin), "`root`: the input does not say where the repository is (BORG_REPO)");
                location
            }
        };
        TierDraft {
            origin: Some(self.origin.clone()),
            store: location.store,
            store_origin: Some(self.origin.clone()),
            notes: location.notes,
            ..TierDraft::default()
        }
    }
}

/// The rules of `keep` and the options that restic and Borg call them.
const KEEP: [(&str, &[&str]); 7] = [
    ("last", &["l", "keep-last"]),
    ("hourly", &["H", "keep-hourly"]),
    ("daily", &["d", "keep-daily"]),
    ("weekly", &["w", "keep-weekly"]),
    ("monthly", &["m", "keep-monthly"]),
    ("yearly", &["y", "keep-yearly"]),
    ("within", &["keep-within"]),
];

fn restic_keep(options: &Options, origin: &Origin, tier: &mut TierDraft) {
    for (rule, names) in KEEP {
        if let Some(value) = options.text(names) {
            push_keep(rule, value, origin, tier);
        }
    }
    if options.value(&["keep-tag"]).is_some() {
        tier.notes.not_carried(Some(origin), "`--keep-tag`: snapshots have no tags");
    }
}

/// Adds a rule of `keep` as restic, resticprofile, Borg and borgmatic write it.
pub(in crate::import) fn push_keep(rule: &'static str, value: &str, origin: &Origin, tier: &mut TierDraft) {
    let value = value.trim();
    let kept: Option<KeepRule> = match rule {
        "within" => within(value).map(|value| ("within", value)),
        _ if matches!(value, "-1" | "unlimited") => {
            tier.notes.differs(Some(origin), format!("every {rule} snapshot was kept: here the newest thousand"));
            Some((rule, "1000".to_owned()))
        }
        _ => value.parse::<u32>().ok().filter(|count| *count <= 1_000_000).map(|count| (rule, count.to_string())),
    };
    match kept {
        Some((_, value)) if value == "0" => {}
        Some((rule, value)) => tier.keep(rule, value, origin),
        None => tier.notes.not_carried(Some(origin), format!("the rule `{rule}`, whose value is not understood")),
    }
}

/// `1y5m7d2h` as days and hours; a year is 365 days, a month 30.
fn within(text: &str) -> Option<String> {
    let mut hours: u64 = 0;
    let mut number = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() && number.len() < 6 {
            number.push(character);
            continue;
        }
        let count: u64 = number.parse().ok()?;
        number.clear();
        let unit = match character {
            'y' => 365 * 24,
            'm' => 30 * 24,
            'w' => 7 * 24,
            'd' => 24,
            'h' | 'H' => 1,
            _ => return None,
        };
        hours = hours.checked_add(count.checked_mul(unit)?)?;
    }
    if !number.is_empty() || hours == 0 {
        return None;
    }
    Some(if hours.is_multiple_of(24) { format!("{}d", hours / 24) } else { format!("{hours}h") })
}

fn restic_check(options: &Options) -> VerifyDraft {
    check(options.flag(&["read-data"]), options.text(&["read-data-subset"]))
}

/// `check` of restic: without reading, reading everything, or a share of it.
pub(in crate::import) fn check(reads_all: bool, subset: Option<&str>) -> VerifyDraft {
    let sample = subset.and_then(|subset| match subset.split_once('/') {
        // The nth part of so many: each time another, which a sample is too.
        Some((_, parts)) => {
            parts.parse::<u32>().ok().filter(|parts| *parts > 0).map(|parts| format!("{}%", (100 / parts).max(1)))
        }
        None => subset.ends_with('%').then(|| subset.to_owned()),
    });
    let level = if reads_all || subset.is_some() { "contents" } else { "presence" };
    VerifyDraft { level, sample, schedule: None }
}

/// `10M`, `2G` as a plan writes sizes.
pub(in crate::import) fn size(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse::<u64>().ok()?;
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => "B",
        "k" | "kb" => "KiB",
        "m" | "mb" => "MiB",
        "g" | "gb" => "GiB",
        "t" | "tb" => "TiB",
        _ => return None,
    };
    Some(format!("{digits}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_shares_of_restic_are_those_of_a_plan() {
        assert_eq!(within("1y5m7d2h").as_deref(), Some("12530h"));
        assert_eq!(within("30d").as_deref(), Some("30d"));
        assert_eq!([within(""), within("d"), within("5"), within("999999999y")], [None, None, None, None]);
        assert_eq!(size("10M").as_deref(), Some("10MiB"));
        assert_eq!(check(false, Some("2/10")).sample.as_deref(), Some("10%"));
        assert_eq!(check(false, None).level, "presence");
    }
}
