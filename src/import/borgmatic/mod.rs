//! borgmatic: its configuration, as current versions have it and with the
//! sections (`location`, `storage`, …) that older ones had.
//!
//! Every repository becomes a tier, the directories one source, every database
//! one of its own. When borgmatic runs is not in its configuration: a crontab
//! beside it may say so.

mod databases;
mod hooks;
mod settings;

use super::draft::{
    Draft, Encryption, Notes, Origin, Setting, SourceDraft, Sourced, StoreDraft, Take, TierDraft, VerifyDraft,
};
use super::input::{ImportError, Input, Kind};
use super::location::{self, Remotes};
use super::script::{before_pattern, push_keep, schedule_of_program, ssh_key, tidy, with_port, zone_of};
use super::tree::{Node, yaml};
use super::{name, pattern};
use settings::Settings;

pub(super) fn read(inputs: &[Input]) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let schedule = inputs
        .iter()
        .filter(|input| input.kind == Kind::Crontab)
        .find_map(|input| schedule_of_program(input, "borgmatic"));
    if let Some(crontab) = inputs.iter().find(|input| input.kind == Kind::Crontab) {
        draft.timezone = zone_of(crontab);
        if draft.timezone.is_none() {
            draft.timezone = Some(Sourced::invented("UTC".to_owned()));
            draft.notes.fill_in(None, "`timezone`: cron goes by the machine's zone, which the input does not say");
        }
    }
    let mut remotes = Remotes::default();
    inputs.iter().filter(|input| input.kind == Kind::Rclone).for_each(|input| remotes.read(&input.text));
    for input in inputs.iter().filter(|input| input.kind == Kind::Borgmatic) {
        let tree = yaml(&input.text).map_err(|mistake| ImportError::Syntax {
            name: input.name.to_string(),
            line: mistake.line,
            column: mistake.column,
            reason: mistake.reason,
        })?;
        if !tree.is_map() {
            let reason = "there are no settings in it".to_owned();
            return Err(ImportError::Shape { name: input.name.to_string(), kind: input.kind, reason });
        }
        let settings = Settings::of(&tree, &input.name);
        Reader { settings: &settings, schedule: schedule.as_ref(), remotes: &remotes, draft: &mut draft }.read();
    }
    Ok(draft)
}

struct Reader<'a> {
    settings: &'a Settings,
    schedule: Option<&'a Sourced<String>>,
    remotes: &'a Remotes,
    draft: &'a mut Draft,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut notes = self.settings.notes.clone();
        let mut sources = Vec::new();
        let mut files = self.files(&mut notes);
        hooks::commands(self.settings, &mut files, self.draft, &mut notes);
        if files.is_empty() {
            notes.extend(std::mem::take(&mut files.notes));
        } else {
            sources.push(files);
        }
        sources.extend(databases::databases(self.settings, &mut notes));
        let mut names = Vec::new();
        for mut source in sources {
            source.name = name::unique(source.name, self.draft.sources.iter().map(|known| known.name.as_str()));
            names.push(source.name.clone());
            self.draft.sources.push(source);
        }
        self.tiers(&names, &mut notes);
        hooks::channels(self.settings, self.draft, &mut notes);
        for (name, node) in self.settings.unread() {
            let reason = settings::reason(name);
            notes.not_carried(Some(&self.settings.origin(node)), format!("`{name}`{reason}"));
        }
        self.draft.notes.extend(notes);
    }

    fn files(&self, notes: &mut Notes) -> SourceDraft {
        let settings = self.settings;
        let mut source = SourceDraft::default();
        let folder = settings.text("working_directory").map(|(text, _)| text);
        for (text, origin) in settings.texts("source_directories") {
            source.origin.get_or_insert_with(|| origin.clone());
            let path = match (&folder, text.starts_with(['/', '~'])) {
                (Some(folder), false) => format!("{folder}/{text}"),
                (None, false) => {
                    notes.fill_in(
                        Some(&origin),
                        "`include`: the input does not say where a relative path begins, so it begins at `/` here",
                    );
                    format!("/{text}")
                }
                (_, true) => text.clone(),
            };
            let (path, cut) = before_pattern(&tidy(&path));
            if cut {
                let said = format!("all of `{path}` is taken: `include` has no patterns, and `{text}` was meant");
                source.notes.differs(Some(&origin), said);
            }
            source.include.push(Sourced::new(path, &origin));
        }
        for (text, origin) in settings.texts("exclude_patterns") {
            exclude(&text, &origin, &mut source);
        }
        for (text, origin) in settings.texts("patterns") {
            match text.split_at_checked(2) {
                Some(("R ", root)) => source.include.push(Sourced::new(root.trim().to_owned(), &origin)),
                Some(("- " | "! ", rest)) => {
                    // Patterns are of the style `sh:` where they do not say another.
                    let rest = rest.trim();
                    let styled = if rest.contains(':') { rest.to_owned() } else { format!("sh:{rest}") };
                    exclude(&styled, &origin, &mut source);
                }
                _ => source.notes.not_carried(Some(&origin), format!("the pattern `{text}`")),
            }
        }
        for (text, origin) in settings.texts("patterns_from") {
            source.notes.not_carried(
                Some(&origin),
                format!("the patterns in `{text}`: `exclude-file` reads gitignore's syntax"),
            );
        }
        for (text, origin) in settings.texts("exclude_from") {
            source.exclude_file.push(Sourced::new(text, &origin));
            source
                .notes
                .differs(Some(&origin), "the file of excludes is read in the syntax of gitignore, not in Borg's");
        }
        for (text, origin) in settings.texts("exclude_if_present") {
            source.exclude_if_present.push(Sourced::new(text, &origin));
        }
        source.exclude_caches = settings.flag("exclude_caches");
        source.one_file_system = settings.flag("one_file_system");
        source.name = match &source.include[..] {
            [only] => name::of_path(&only.value, "root"),
            _ => "files".to_owned(),
        };
        source
    }

    fn tiers(&mut self, sources: &[String], notes: &mut Notes) {
        let settings = self.settings;
        let mut common = TierDraft::default();
        self.keep(&mut common);
        self.checks(&mut common);
        self.transport(&mut common);
        if let Some((_, origin)) = settings.text("encryption_passphrase") {
            let text = "Borg's passphrase, which stands in the configuration: it is not copied, and opens nothing here";
            notes.not_carried(Some(&origin), text);
        }
        if let Some((_, origin)) = settings.text("encryption_passcommand") {
            let text = "Borg's passphrase opens nothing here: a plan encrypts to the public key of age, and old archives stay readable with Borg alone";
            notes.differs(Some(&origin), text);
        }
        let ssh = settings.text("ssh_command").map(|(text, _)| text);
        let Some(repositories) = settings.node("repositories") else { return };
        let key = self.draft.key();
        for repository in repositories.items() {
            let origin = settings.origin(repository);
            let path = repository.text().or_else(|| repository.text_of("path")).unwrap_or_default();
            let path = settings.with_constants(path);
            let mut tier = common.clone();
            if path.is_empty() {
                notes.not_carried(Some(&origin), "a repository without a path");
                continue;
            }
            let place = location::borg(&host_placeholders(&path), Some(&origin), self.remotes);
            tier.store = self.known_place(place.store, &origin, &mut tier.notes);
            tier.notes.extend(place.notes);
            if let Some(ssh) = &ssh {
                reach(&mut tier.store, ssh);
            }
            if let Some(label) = repository.text_of("label") {
                tier.name = name::unique(
                    name::name(label, "repository"),
                    self.draft.tiers.iter().map(|known| known.name.as_str()),
                );
            }
            for entry in repository.entries().iter().filter(|entry| {
                !matches!(entry.name.as_str(), "path" | "label" | "encryption" | "make_parent_directories")
            }) {
                let origin = Origin { line: entry.line, ..origin.clone() };
                tier.notes.not_carried(Some(&origin), format!("`{}`", entry.name));
            }
            tier.origin = Some(origin.clone());
            tier.store_origin = Some(origin);
            tier.encryption = Some(Sourced::invented(Encryption::Key(key.clone())));
            tier.takes = sources
                .iter()
                .map(|source| Take { source: source.clone(), schedule: self.schedule.cloned(), jitter: None })
                .collect();
            self.draft.tiers.push(tier);
        }
    }

    /// A store whose place is known: what stands in a variable is asked for.
    fn known_place(&self, mut store: StoreDraft, origin: &Origin, notes: &mut Notes) -> StoreDraft {
        for (_, value) in &mut store.settings {
            if let Setting::Text(text) = value
                && text.contains("${")
            {
                notes.fill_in(
                    Some(origin),
                    "a part of the repository's path (FILL-IN) stands in a variable of the environment",
                );
                *text = without_variables(text);
            }
        }
        store
    }

    fn keep(&self, tier: &mut TierDraft) {
        const RULES: [(&str, &str); 6] = [
            ("keep_within", "within"),
            ("keep_hourly", "hourly"),
            ("keep_daily", "daily"),
            ("keep_weekly", "weekly"),
            ("keep_monthly", "monthly"),
            ("keep_yearly", "yearly"),
        ];
        for (setting, rule) in RULES {
            if let Some((value, origin)) = self.settings.text(setting) {
                push_keep(rule, &value, &origin, tier);
            }
        }
    }

    /// Borg's checks, each with a frequency of its own.
    fn checks(&self, tier: &mut TierDraft) {
        let Some(checks) = self.settings.node("checks") else {
            let text = "borgmatic checks once a month where nothing is said; here that is on the first";
            tier.notes.differs(None, text);
            let verify = VerifyDraft { level: "checksum", sample: None, schedule: Some("0 6 1 * *".to_owned()) };
            tier.verify.push(Sourced::invented(verify));
            return;
        };
        for check in checks.items() {
            let origin = self.settings.origin(check);
            let name = check.text().or_else(|| check.text_of("name")).unwrap_or_default();
            let (level, sample) = match name {
                "repository" | "archives" => ("checksum", None),
                "data" | "extract" => ("contents", None),
                "spot" => {
                    let share = check.text_of("data_sample_percentage").unwrap_or("1").trim_end_matches('%');
                    (
                        "contents",
                        share
                            .parse::<f64>()
                            .ok()
                            .filter(|share| *share > 0.0 && *share <= 100.0)
                            .map(|share| format!("{share}%")),
                    )
                }
                "disabled" => {
                    tier.notes
                        .differs(Some(&origin), "borgmatic checks nothing, and nor does this tier: `verify` would");
                    continue;
                }
                _ => {
                    tier.notes.not_carried(Some(&origin), format!("the check `{name}`"));
                    continue;
                }
            };
            let schedule = check.text_of("frequency").unwrap_or("always");
            let schedule = match frequency(schedule) {
                Some(schedule) => schedule,
                None => {
                    tier.notes.not_carried(
                        Some(&origin),
                        format!("the frequency `{schedule}` of a check, which is after every upload here"),
                    );
                    None
                }
            };
            tier.verify(VerifyDraft { level, sample, schedule }, &origin);
        }
    }

    fn transport(&self, tier: &mut TierDraft) {
        let settings = self.settings;
        if let Some((text, origin)) = settings.text("compression") {
            let parts: Vec<&str> = text.split(',').filter(|part| !matches!(*part, "auto" | "obfuscate")).collect();
            let level = parts.get(1).and_then(|level| level.parse::<u32>().ok());
            match parts.first().copied() {
                Some("zstd") => {
                    tier.compression =
                        Some(Sourced::new(("zstd", level.filter(|level| (1..=22).contains(level))), &origin))
                }
                Some("zlib") => {
                    tier.compression =
                        Some(Sourced::new(("gzip", level.filter(|level| (1..=9).contains(level))), &origin))
                }
                Some("none") => tier.compression = Some(Sourced::new(("none", None), &origin)),
                _ => tier.notes.differs(Some(&origin), format!("`{text}` is zstd here, the default")),
            }
        }
        for (setting, is_upload) in
            [("upload_rate_limit", true), ("remote_rate_limit", true), ("download_rate_limit", false)]
        {
            if let Some((text, origin)) = settings.text(setting)
                && let Some(rate) = text.parse::<u32>().ok().filter(|rate| *rate > 0)
            {
                let limit = Some(Sourced::new(format!("{rate}KiB/s"), &origin));
                if is_upload { tier.upload_limit = limit } else { tier.download_limit = limit }
            }
        }
    }
}

fn exclude(text: &str, origin: &Origin, source: &mut SourceDraft) {
    match pattern::borg(text) {
        Some(pattern) => source.exclude.push(Sourced::new(pattern, origin)),
        None => source.notes.not_carried(Some(origin), format!("the exclude `{text}`: gitignore cannot say it")),
    }
}

/// The key and the port of an `ssh -i KEY -p PORT`.
fn reach(store: &mut StoreDraft, ssh: &str) {
    if store.service != "sftp" {
        return;
    }
    if let Some(key) = ssh_key(ssh) {
        store.set("key", Setting::Text(key));
    }
    if let Some(endpoint) = store.text("endpoint").map(str::to_owned) {
        let has_port = endpoint.rsplit('@').next().unwrap_or_default().trim_start_matches("ssh://").contains(':');
        if !has_port {
            store.set("endpoint", Setting::Text(with_port(&endpoint, Some(ssh))));
        }
    }
}

/// Borg's placeholders for this machine as those of a plan.
fn host_placeholders(path: &str) -> String {
    path.replace("{hostname}", "{host}").replace("{fqdn}", "{host}").replace("{reverse-fqdn}", "{host}")
}

/// `FILL-IN` for every `${…}`.
fn without_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        out.push_str("FILL-IN");
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

/// `2 weeks` as a schedule; `Some(None)`: always. None: not understood.
fn frequency(text: &str) -> Option<Option<String>> {
    if text == "always" {
        return Some(None);
    }
    let (count, unit) = text.split_once(' ')?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let schedule = match (unit.trim_end_matches('s'), count) {
        ("hour", _) => "0 * * * *".to_owned(),
        ("day", 1) => "0 6 * * *".to_owned(),
        ("day", 2..=6) => format!("0 6 */{count} * *"),
        ("day", 7..=13) | ("week", 1) => "0 6 * * 0".to_owned(),
        ("day", 14..=27) | ("week", 2 | 3) => "0 6 1,15 * *".to_owned(),
        ("day", _) | ("week", 4..=7) | ("month", 1) => "0 6 1 * *".to_owned(),
        ("week", _) | ("month", 2 | 3) => "0 6 1 */3 *".to_owned(),
        ("month", 4..=6) => "0 6 1 */6 *".to_owned(),
        ("month" | "year", _) => "0 6 1 1 *".to_owned(),
        _ => return None,
    };
    Some(Some(schedule))
}

/// The text of a node that may be a list of one, for messages that name it.
fn shown(node: &Node) -> &str {
    node.text().unwrap_or_default()
}
