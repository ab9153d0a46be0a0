//! resticprofile: profiles of restic in TOML, YAML or JSON.
//!
//! A profile with a `backup` becomes a source; profiles that have the same
//! repository share a tier.

mod hooks;
mod profile;
mod schedule;

use super::draft::{Draft, Encryption, Notes, Origin, SourceDraft, Sourced, Take, TierDraft};
use super::input::{ImportError, Input, Kind};
use super::location::{self, Remotes, Surroundings};
use super::reference::environment;
use super::script::{before_pattern, check, push_keep, size, tidy};
use super::tree::{Node, toml, yaml};
use super::{name, pattern};
use profile::{Profile, profiles};

pub(super) fn read(inputs: &[Input]) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let mut remotes = Remotes::default();
    inputs.iter().filter(|input| input.kind == Kind::Rclone).for_each(|input| remotes.read(&input.text));
    for input in inputs.iter().filter(|input| input.kind == Kind::Resticprofile) {
        let tree = tree(input)?;
        let mut notes = Notes::default();
        let found = profiles(&tree, input, &mut notes);
        if found.is_empty() {
            let reason = "there are no profiles in it".to_owned();
            return Err(ImportError::Shape { name: input.name.to_string(), kind: input.kind, reason });
        }
        draft.notes.extend(notes);
        for profile in &found {
            Reader { profile, remotes: &remotes, draft: &mut draft }.read();
        }
    }
    Ok(draft)
}

fn tree(input: &Input) -> Result<Node, ImportError> {
    let base = input.name.rsplit('/').next().unwrap_or_default();
    let is_yaml = [".yaml", ".yml", ".json"].iter().any(|ending| base.ends_with(ending));
    // Without an ending that tells: TOML has `[` or `=` in its first line of settings.
    let first =
        input.text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let looks_toml = !is_yaml
        && (base.ends_with(".toml") || base.ends_with(".conf") || first.starts_with('[') || first.contains('='));
    let tree = if looks_toml { toml(&input.text) } else { yaml(&input.text) };
    tree.map_err(|mistake| ImportError::Syntax {
        name: input.name.to_string(),
        line: mistake.line,
        column: mistake.column,
        reason: mistake.reason,
    })
}

struct Reader<'a> {
    profile: &'a Profile,
    remotes: &'a Remotes,
    draft: &'a mut Draft,
}

/// Settings of restic or resticprofile that mean nothing in a plan.
const MEANINGLESS: [&str; 38] = [
    "description",
    "inherit",
    "initialize",
    "priority",
    "lock",
    "force-inactive-lock",
    "verbose",
    "quiet",
    "no-cache",
    "cache-dir",
    "cleanup-cache",
    "password-file",
    "password-command",
    "key-hint",
    "tag",
    "host",
    "status-file",
    "prometheus-save-to-file",
    "prometheus-push",
    "prometheus-labels",
    "prometheus-push-job",
    "extended-status",
    "no-error-on-warning",
    "compression",
    "systemd-drop-in-files",
    "exclude-larger-than",
    "base-dir",
    "json",
    "retry-lock",
    "option",
    "insecure-tls",
    "tls-client-cert",
    "cacert",
    "no-lock",
    "log",
    "command-output",
    "min-memory",
    "default-command",
];

impl Reader<'_> {
    fn origin(&self, node: &Node) -> Origin {
        Origin { file: self.profile.file.clone(), line: node.line }
    }

    fn read(&mut self) {
        let profile = self.profile;
        let mut notes = Notes::default();
        let Some(backup) = profile.node.get("backup").filter(|node| node.is_map()) else {
            // A profile that others inherit from, or one for other commands only.
            return;
        };
        let mut source = self.source(backup);
        if source.is_empty() {
            notes.extend(std::mem::take(&mut source.notes));
            notes.not_carried(
                Some(&self.origin(backup)),
                format!("the profile `{}`, whose `backup` has no `source`", profile.name),
            );
            self.draft.notes.extend(notes);
            return;
        }
        hooks::hooks(profile, backup, &mut source, self.draft, &mut notes);
        source.name = name::unique(
            name::name(&profile.name, "files"),
            self.draft.sources.iter().map(|known| known.name.as_str()),
        );
        let source_name = source.name.clone();
        self.draft.sources.push(source);

        let mut tier = self.tier();
        self.keep(&mut tier);
        self.check(&mut tier);
        let schedule = schedule::of(backup, &profile.file, &mut tier.notes);
        let take = Take { source: source_name, schedule, jitter: None };
        match self.draft.tiers.iter_mut().find(|known| known.store.is_same_place(&tier.store)) {
            Some(known) => {
                known.takes.push(take);
                known.notes.extend(tier.notes);
                for rule in tier.keep {
                    match known.keep.iter().find(|other| other.value.0 == rule.value.0) {
                        Some(other) if other.value.1 != rule.value.1 => {
                            let text = format!(
                                "`{}={}` of another profile: a tier has one `keep`",
                                rule.value.0, rule.value.1
                            );
                            known.notes.not_carried(rule.origin.as_ref(), text);
                        }
                        Some(_) => {}
                        None => known.keep.push(rule),
                    }
                }
                for verify in tier.verify {
                    if !known.verify.iter().any(|other| other.value == verify.value) {
                        known.verify.push(verify);
                    }
                }
            }
            None => {
                tier.takes.push(take);
                self.draft.tiers.push(tier);
            }
        }
        self.copy(&mut notes);
        for entry in profile.node.entries() {
            let is_read = matches!(
                entry.name.as_str(),
                "repository" | "backup" | "retention" | "forget" | "check" | "copy" | "limit-upload" | "limit-download"
            );
            let is_hook = entry.name.starts_with("run-") || entry.name.starts_with("send-");
            let is_section = matches!(
                entry.name.as_str(),
                "prune"
                    | "snapshots"
                    | "stats"
                    | "cache"
                    | "mount"
                    | "restore"
                    | "ls"
                    | "find"
                    | "diff"
                    | "dump"
                    | "init"
                    | "unlock"
                    | "tag"
                    | "key"
                    | "rebuild-index"
                    | "list"
                    | "cat"
                    | "generate"
                    | "rewrite"
                    | "recover"
                    | "repair"
            );
            if is_read || is_hook || is_section || MEANINGLESS.contains(&entry.name.as_str()) {
                continue;
            }
            let origin = Origin { line: entry.line, file: profile.file.clone() };
            match entry.name.as_str() {
                "env" | "env-file" => notes.not_carried(
                    Some(&origin),
                    format!("`{}`: set what is needed where `plan` runs; values are not copied", entry.name),
                ),
                "stream-error" => {
                    notes.not_carried(Some(&origin), "`stream-error`: a plan tells of failures by `notify`")
                }
                other => notes.not_carried(Some(&origin), format!("`{other}`: there is no such setting here")),
            }
        }
        self.draft.notes.extend(notes);
    }

    fn source(&self, backup: &Node) -> SourceDraft {
        let mut source = SourceDraft { origin: Some(self.origin(backup)), ..SourceDraft::default() };
        let folder = backup.text_of("source-base").filter(|base| base.starts_with(['/', '~']));
        for node in backup.get("source").map(Node::items).unwrap_or_default() {
            let origin = self.origin(node);
            let Some(text) = self.profile.known(node.text().unwrap_or_default()) else {
                source.notes.not_carried(
                    Some(&origin),
                    format!("`{}`: what it stands for is not known", node.text().unwrap_or_default()),
                );
                continue;
            };
            let path = match (text.starts_with(['/', '~']), folder) {
                (true, _) => text.clone(),
                (false, Some(folder)) => format!("{folder}/{text}"),
                (false, None) => {
                    source.notes.fill_in(
                        Some(&origin),
                        format!("`{text}` is relative to the folder of the profile, and begins at `/` here"),
                    );
                    format!("/{text}")
                }
            };
            let (path, cut) = before_pattern(&tidy(&path));
            if cut {
                source.notes.differs(
                    Some(&origin),
                    format!("all of `{path}` is taken: `include` has no patterns, and `{text}` was meant"),
                );
            }
            source.include.push(Sourced::new(path, &origin));
        }
        for node in ["exclude", "iexclude"].iter().filter_map(|key| backup.get(key)).flat_map(Node::items) {
            let origin = self.origin(node);
            let text = node.text().unwrap_or_default();
            match self.profile.known(text).and_then(|text| pattern::restic(&text, None)) {
                Some(pattern) => source.exclude.push(Sourced::new(pattern, &origin)),
                None => source.notes.not_carried(Some(&origin), format!("the exclude `{text}`")),
            }
        }
        for node in ["exclude-file", "iexclude-file"].iter().filter_map(|key| backup.get(key)).flat_map(Node::items) {
            let origin = self.origin(node);
            if let Some(text) = self.profile.known(node.text().unwrap_or_default()) {
                source.exclude_file.push(Sourced::new(text, &origin));
                source
                    .notes
                    .differs(Some(&origin), "the file of excludes is read in the syntax of gitignore, not in restic's");
            }
        }
        for node in backup.get("exclude-if-present").map(Node::items).unwrap_or_default() {
            let file = node.text().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
            source.exclude_if_present.push(Sourced::new(file, &self.origin(node)));
        }
        let flag =
            |key: &str| backup.get(key).filter(|node| node.is_true()).map(|node| Sourced::new((), &self.origin(node)));
        source.exclude_caches = flag("exclude-caches");
        source.one_file_system = flag("one-file-system");
        if let Some(node) = backup.get("exclude-larger-than")
            && let Some(size) = node.text().and_then(size)
        {
            source.max_file_size = Some(Sourced::new(size, &self.origin(node)));
        }
        if let Some(node) = backup.get("stdin-command") {
            source
                .notes
                .not_carried(Some(&self.origin(node)), "`stdin-command`: make it a source of its own with `command`");
        }
        let read = [
            "source",
            "source-base",
            "source-relative",
            "exclude",
            "iexclude",
            "exclude-file",
            "iexclude-file",
            "exclude-if-present",
            "exclude-caches",
            "one-file-system",
            "exclude-larger-than",
            "stdin-command",
            "stdin",
            "stdin-filename",
        ];
        for entry in backup.entries() {
            let known = read.contains(&entry.name.as_str())
                || ["run-", "send-", "schedule", "check-"].iter().any(|prefix| entry.name.starts_with(prefix))
                || MEANINGLESS.contains(&entry.name.as_str());
            if !known {
                let origin = Origin { line: entry.line, file: self.profile.file.clone() };
                source.notes.not_carried(Some(&origin), format!("`{}`: there is no such setting here", entry.name));
            }
        }
        source
    }

    fn tier(&mut self) -> TierDraft {
        let profile = self.profile;
        let node = profile.node.get("repository");
        let origin = node.map_or(profile.origin(), |node| self.origin(node));
        let text = node.and_then(Node::text).unwrap_or_default();
        let around = Surroundings { region: profile.region(), endpoint: None, origin: Some(&origin) };
        let location = match profile.known(text).filter(|text| !text.is_empty()) {
            Some(text) => location::restic(&text, around, self.remotes),
            None => {
                let mut location = location::folder("/var/backups/plan");
                let what = match (text.is_empty(), environment(text)) {
                    (true, _) => "the input does not say where the repository is".to_owned(),
                    (false, Some(name)) => format!("the repository's place stands in {name}"),
                    (false, None) => "the repository's place is known only when resticprofile runs".to_owned(),
                };
                location.notes.fill_in(Some(&origin), format!("`root`: {what}"));
                location
            }
        };
        let key = self.draft.key();
        let mut tier = TierDraft {
            origin: Some(origin.clone()),
            store: location.store,
            store_origin: Some(origin),
            notes: location.notes,
            encryption: Some(Sourced::invented(Encryption::Key(key))),
            ..TierDraft::default()
        };
        for (setting, is_upload) in [("limit-upload", true), ("limit-download", false)] {
            let node =
                profile.node.get("backup").and_then(|backup| backup.get(setting)).or_else(|| profile.node.get(setting));
            if let Some((node, rate)) =
                node.and_then(|node| Some((node, node.text()?.parse::<u32>().ok().filter(|rate| *rate > 0)?)))
            {
                let limit = Some(Sourced::new(format!("{rate}KiB/s"), &self.origin(node)));
                if is_upload { tier.upload_limit = limit } else { tier.download_limit = limit }
            }
        }
        let password = ["password-file", "password-command"].iter().find_map(|key| profile.node.get(key));
        if let Some(node) = password {
            let text = "restic's password opens nothing here: a plan encrypts to the public key of age, and old snapshots stay readable with restic alone";
            tier.notes.differs(Some(&self.origin(node)), text);
        }
        tier
    }

    /// `retention` goes with every backup, `forget` is a command of its own; here both are `keep`.
    fn keep(&self, tier: &mut TierDraft) {
        const RULES: [&str; 7] = ["within", "last", "hourly", "daily", "weekly", "monthly", "yearly"];
        for section in ["retention", "forget"].iter().filter_map(|section| self.profile.node.get(section)) {
            for rule in RULES {
                if let Some(node) = section.get(&format!("keep-{rule}"))
                    && let Some(text) = node.text()
                {
                    push_keep(rule, text, &self.origin(node), tier);
                }
            }
            for entry in section.entries().iter().filter(|entry| entry.name.starts_with("keep-")) {
                let rule = &entry.name["keep-".len()..];
                if !RULES.contains(&rule) {
                    let origin = Origin { line: entry.line, file: self.profile.file.clone() };
                    tier.notes.not_carried(Some(&origin), format!("`{}`: `keep` has no such rule", entry.name));
                }
            }
            if let Some(node) = section.get("schedule") {
                tier.notes.differs(
                    Some(&self.origin(node)),
                    "what is not kept goes after each run, without a schedule of its own",
                );
            }
        }
    }

    fn check(&self, tier: &mut TierDraft) {
        let backup = self.profile.node.get("backup");
        let after = backup
            .and_then(|backup| backup.get("check-after").or_else(|| backup.get("check-before")))
            .filter(|node| node.is_true());
        let section = self.profile.node.get("check");
        let mut verify = check(
            section.and_then(|section| section.get("read-data")).is_some_and(Node::is_true),
            section.and_then(|section| section.text_of("read-data-subset")),
        );
        if let Some(node) = after {
            tier.verify(verify.clone(), &self.origin(node));
        }
        if let Some(section) = section {
            verify.schedule = schedule::of(section, &self.profile.file, &mut tier.notes).map(|schedule| schedule.value);
            if verify.schedule.is_some() {
                tier.verify(verify, &self.origin(section));
            }
        }
    }

    /// `copy`: a second repository, which is a tier that takes `from` the first.
    fn copy(&self, notes: &mut Notes) {
        if let Some(copy) = self.profile.node.get("copy") {
            let origin = self.origin(copy);
            notes.not_carried(
                Some(&origin),
                "`copy`: a second tier with `from` and the name of the first copies its snapshots",
            );
        }
    }
}
