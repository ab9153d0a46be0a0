//! Coverage, as far as names tell: what a source takes that it should not, and
//! leaves out that it should not.

use super::paths::{is_excluded, is_within, normal, roots};
use super::{Check, Subject};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span, Spanned};
use crate::plan::{Origin, PathSource, Source};
use std::path::Path;

static DATABASE: Rule = Rule {
    code: "plan::coverage::database",
    severity: Severity::Warning,
    title: "a database's files are taken as plain files",
    why: "A database that runs changes its files while they are read, so the copy holds some pages of one moment and \
          some of another. It may open, and be wrong. Take a dump as a `command` source, or let a `before` hook make a \
          consistent copy.",
    bad: r#"
source db { include "/var/lib/postgresql" }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
    good: r#"
source db { command pg_dump "--format=custom" "--compress=0" shop { stdout "shop.dump" } }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
};
static PSEUDO_FILES: Rule = Rule {
    code: "plan::coverage::pseudo_files",
    severity: Severity::Warning,
    title: "a source takes what is not on any disk",
    why: "`/proc`, `/sys`, `/dev` and `/run` are windows into the running kernel. Their files have no size, change \
          while they are read, or never end. `one-file-system` stays on the disk.",
    bad: r#"
source all {
    include "/"
    exclude "/backups"
}
tier disk {
    store fs { root "/backups" }
    take all
}"#,
    good: r#"
source all {
    include "/"
    exclude "/backups"
    one-file-system
}
tier disk {
    store fs { root "/backups" }
    take all
}"#,
};
static BACKS_UP_ITSELF: Rule = Rule {
    code: "plan::coverage::backs_up_itself",
    severity: Severity::Warning,
    title: "a source holds the backups themselves",
    why: "The folder that a tier writes to lies in a source. Each run then backs up the backups of the runs before it: \
          it takes longer each time, and stores twice what it stored.",
    bad: r#"
source app { base "/srv/app" }
tier disk {
    store fs { root "/srv/app/backups" }
    take app
}"#,
    good: r#"
source app {
    base "/srv/app"
    exclude "/backups"
}
tier disk {
    store fs { root "/srv/app/backups" }
    take app
}"#,
};
static NEVER_MATCHES: Rule = Rule {
    code: "plan::coverage::exclude_never_matches",
    severity: Severity::Warning,
    title: "an `exclude` can match nothing",
    why: "Patterns are those of gitignore and start at the source's `base`: `/logs` is the folder right below it. A \
          whole path (`/srv/app/logs`), `~/…`, `./…` and `../…` name nothing there, and what they should leave out is \
          backed up.",
    bad: r#"
source app {
    base "/srv/app"
    exclude "/srv/app/logs"
}
tier disk {
    store fs { root "/backups" }
    take app
}"#,
    good: r#"
source app {
    base "/srv/app"
    exclude "/logs"
}
tier disk {
    store fs { root "/backups" }
    take app
}"#,
};
static EXCLUDES_ALL: Rule = Rule {
    code: "plan::coverage::excludes_what_it_includes",
    severity: Severity::Warning,
    title: "an `exclude` leaves out what an `include` names",
    why: "Patterns apply to everything that is included, so nothing of it is backed up.",
    bad: r#"
source app {
    base "/srv"
    include app logs
    exclude logs
}
tier disk {
    store fs { root "/backups" }
    take app
}"#,
    good: r#"
source app {
    base "/srv"
    include app
    exclude logs
}
tier disk {
    store fs { root "/backups" }
    take app
}"#,
};
static PATTERN_IN_INCLUDE: Rule = Rule {
    code: "plan::coverage::pattern_in_include",
    severity: Severity::Warning,
    title: "an `include` looks like a pattern",
    why: "`include` names files and folders as they are called; `*` is no sign there. Only `exclude` takes patterns. \
          A folder is taken with all that is in it.",
    bad: r#"
source etc { include "/etc/*.conf" }
tier disk {
    store fs { root "/backups" }
    take etc
}"#,
    good: r#"
source etc {
    base "/etc"
    exclude "*" "!*.conf"
}
tier disk {
    store fs { root "/backups" }
    take etc
}"#,
};
static WITHIN_ANOTHER: Rule = Rule {
    code: "plan::coverage::include_within_another",
    severity: Severity::Warning,
    title: "an `include` lies in another",
    why: "A folder is taken with all that is in it, so the second names nothing new. Often the first was meant to be \
          smaller.",
    bad: r#"
source etc { include "/etc" "/etc/nginx" }
tier disk {
    store fs { root "/backups" }
    take etc
}"#,
    good: r#"
source etc { include "/etc" }
tier disk {
    store fs { root "/backups" }
    take etc
}"#,
};
static SHELL_SYNTAX: Rule = Rule {
    code: "plan::coverage::shell_syntax",
    severity: Severity::Warning,
    title: "a command is written as for a shell",
    why: "No shell stands between the plan and the program: `|`, `>`, `&&` and `$NAME` are arguments like any other. \
          Where a pipe is needed, write `sh -c \"…\"`. Compressing and encrypting is the plan's part.",
    bad: r#"
source db { command pg_dump shop "|" gzip { stdout "shop.sql.gz" } }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
    good: r#"
source db { command pg_dump shop { stdout "shop.sql" } }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
};
static COMPRESSED_DUMP: Rule = Rule {
    code: "plan::coverage::compressed_dump",
    severity: Severity::Advice,
    title: "a dump is compressed before it is backed up",
    why: "One changed row changes all compressed bytes after it, so each dump is stored whole. Dumped without \
          compression, only what changed is stored, and that is compressed by the plan.",
    bad: r#"
source db { command pg_dump "--format=custom" shop { stdout "shop.dump" } }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
    good: r#"
source db { command pg_dump "--format=custom" "--compress=0" shop { stdout "shop.dump" } }
tier disk {
    store fs { root "/backups" }
    take db
}"#,
};

pub(super) static RULES: [&Rule; 9] = [
    &DATABASE,
    &PSEUDO_FILES,
    &BACKS_UP_ITSELF,
    &NEVER_MATCHES,
    &EXCLUDES_ALL,
    &PATTERN_IN_INCLUDE,
    &WITHIN_ANOTHER,
    &SHELL_SYNTAX,
    &COMPRESSED_DUMP,
];

pub(super) static CHECKS: [Check; 8] = [
    databases_taken_as_files,
    windows_into_the_kernel,
    sources_that_hold_their_backups,
    excludes_that_match_nothing,
    excludes_of_what_is_included,
    includes_that_are_patterns_or_twice,
    commands_for_a_shell,
    dumps_that_are_compressed,
];

fn path_sources<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (&'a Source, &'a PathSource)> {
    subject.plan.sources.iter().filter_map(|source| match &source.origin {
        Origin::Paths(paths) => Some((source, paths)),
        Origin::Command { .. } => None,
    })
}

/// Folders in which databases keep their files, and what each is called.
const DATABASES: [(&str, &str); 8] = [
    ("/var/lib/postgresql", "PostgreSQL"),
    ("/var/lib/pgsql", "PostgreSQL"),
    ("/var/lib/mysql", "MySQL or MariaDB"),
    ("/var/lib/mariadb", "MariaDB"),
    ("/var/lib/mongodb", "MongoDB"),
    ("/var/lib/mongo", "MongoDB"),
    ("/var/lib/elasticsearch", "Elasticsearch"),
    ("/var/lib/influxdb", "InfluxDB"),
];

const DATABASE_FILES: [&str; 4] = ["sqlite", "sqlite3", "db3", "mdb"];

/// Databases without a hook that could make them consistent.
fn databases_taken_as_files(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (source, _) in path_sources(subject).filter(|(source, _)| source.before.is_empty()) {
        for root in roots(source) {
            let folder = DATABASES.iter().find(|(folder, _)| is_within(&root.path, Path::new(folder)));
            let extension = root.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let what = match folder {
                Some((_, name)) => *name,
                None if DATABASE_FILES.contains(&extension) => "a database",
                None => continue,
            };
            out.push(
                Diagnostic::new(
                    &DATABASE,
                    root.span,
                    format!("these are the files of {what}, which change while they are read"),
                )
                .help("take a dump with `command`, or make a consistent copy with `before`"),
            );
        }
    }
}

/// `/`, and what is mounted below it.
fn windows_into_the_kernel(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    const WINDOWS: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];
    for (source, paths) in
        path_sources(subject).filter(|(source, paths)| !paths.one_file_system && subject.is_sound(source.span))
    {
        for root in roots(source) {
            let taken = WINDOWS.iter().copied().find(|window| {
                let window = Path::new(window);
                (is_within(window, &root.path) || is_within(&root.path, window)) && !is_excluded(paths, window)
            });
            let Some(window) = taken else { continue };
            let diagnostic =
                Diagnostic::new(&PSEUDO_FILES, root.span, format!("this takes `{window}`, which is on no disk"));
            out.push(if is_within(Path::new(window), &root.path) {
                diagnostic.help("add `one-file-system` to the source")
            } else {
                diagnostic.help("leave it out")
            });
        }
    }
}

/// Local stores, and the local state, inside a source that is taken.
fn sources_that_hold_their_backups(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| tier.store.service.value == "fs") {
        let Some(setting) = tier.store.settings.iter().find(|setting| setting.key.value == "root") else { continue };
        let Some(text) = setting.value.value.text() else { continue };
        // Up to a placeholder the path is certain.
        let certain = text.split('{').next().unwrap_or(text);
        let folder = normal(Path::new(certain));
        let taken = |source: &Source| subject.jobs.takes(&source.name.value);
        for (source, paths) in path_sources(subject).filter(|(source, _)| taken(source)) {
            let Some(root) = roots(source).into_iter().find(|root| is_within(&folder, &root.path)) else { continue };
            if is_excluded(paths, &folder) {
                continue;
            }
            // Where the source is a whole disk and the backups are on another, it stays out of them.
            if paths.one_file_system && root.path == Path::new("/") && !folder.starts_with("/var") {
                continue;
            }
            let message = format!("the backups of tier `{}` lie in source `{}`", tier.name.value, source.name.value);
            let base = paths.base.as_ref().map_or(Path::new("/"), |base| &base.value);
            let pattern = folder.strip_prefix(normal(base)).map(|rest| format!("exclude \"/{}\"", rest.display()));
            out.push(
                Diagnostic::new(&BACKS_UP_ITSELF, setting.value.span, message)
                    .label("the backups")
                    .also(root.span, "is backed up, with all that is in it")
                    .help(match pattern {
                        Ok(pattern) if folder != root.path => format!("add `{pattern}` to the source"),
                        _ => "put the backups elsewhere".to_owned(),
                    }),
            );
        }
    }
}

/// Patterns that can name nothing below the base.
fn excludes_that_match_nothing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (_, paths) in path_sources(subject) {
        let base = paths.base.as_ref().map(|base| base.value.to_string_lossy().trim_end_matches('/').to_owned());
        for pattern in &paths.exclude {
            let bare = pattern.trim_start_matches('!');
            let below = base.as_ref().and_then(|base| {
                let rest = bare.strip_prefix(base.as_str())?;
                (base.len() > 1 && rest.starts_with('/')).then(|| rest.to_owned())
            });
            let said = "nothing below the base is called so";
            let diagnostic = |message: String| Diagnostic::new(&NEVER_MATCHES, pattern.span, message).label(said);
            if let Some(rest) = below {
                let quoted = format!("\"{rest}\"");
                out.push(
                    diagnostic(format!("`{bare}` is a whole path, and patterns start at the `base`"))
                        .help(format!("write `{quoted}`"))
                        .fix(Fix::replace(pattern.span, quoted)),
                );
            } else if bare.starts_with("~/") {
                out.push(
                    diagnostic(format!("`~` means nothing in a pattern: `{bare}`")).help("write it from the `base` on"),
                );
            } else if let Some(rest) = bare.strip_prefix("./") {
                let quoted = format!("\"/{rest}\"");
                out.push(
                    diagnostic(format!("`{bare}` begins with `./`, which no path does"))
                        .help(format!("write `{quoted}`"))
                        .fix(Fix::replace(pattern.span, quoted)),
                );
            } else if bare.starts_with("../") {
                out.push(diagnostic(format!("`{bare}` leaves the base")).help("remove it"));
            }
        }
    }
}

/// Includes that a plain pattern takes away.
fn excludes_of_what_is_included(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (source, paths) in path_sources(subject) {
        // A later `!pattern` can take it back.
        if paths.exclude.iter().any(|pattern| pattern.starts_with('!')) {
            continue;
        }
        for root in roots(source) {
            let one = |pattern: &Spanned<String>| PathSource { exclude: vec![pattern.clone()], ..paths.clone() };
            let Some(pattern) = paths.exclude.iter().find(|pattern| is_excluded(&one(pattern), &root.path)) else {
                continue;
            };
            out.push(
                Diagnostic::new(
                    &EXCLUDES_ALL,
                    pattern.span,
                    format!("`{}` leaves out all of what is included", pattern.value),
                )
                .also(root.span, "nothing of it is backed up")
                .help("remove one of the two, or narrow the pattern"),
            );
        }
    }
}

/// Includes with `*` in them, and those that others hold.
fn includes_that_are_patterns_or_twice(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (source, paths) in path_sources(subject) {
        for include in paths.include.iter().filter(|include| include.contains(['*', '?'])) {
            let folder = include.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.contains('*'));
            let diagnostic = Diagnostic::new(
                &PATTERN_IN_INCLUDE,
                include.span,
                format!("`{}` is taken as a name, not as a pattern", include.value),
            );
            out.push(match folder.filter(|folder| !folder.is_empty()) {
                Some(folder) => diagnostic.help(format!("include `{folder}`, and `exclude` what is not wanted")),
                None => diagnostic.help("include the folder, and `exclude` what is not wanted"),
            });
        }
        let roots = roots(source);
        let mut said: Vec<Span> = Vec::new();
        for (i, inner) in roots.iter().enumerate() {
            let outer = roots.iter().enumerate().find(|(j, outer)| {
                let holds = is_within(&inner.path, &outer.path);
                *j != i && holds && (inner.path != outer.path || *j < i)
            });
            let Some((_, outer)) = outer.filter(|_| !said.contains(&inner.span)) else { continue };
            said.push(inner.span);
            let (message, label) = if inner.path == outer.path {
                (format!("`{}` is included twice", inner.path.display()), "first here")
            } else {
                (format!("`{}` is included already", inner.path.display()), "takes it, with all that is in it")
            };
            out.push(
                Diagnostic::new(&WITHIN_ANOTHER, inner.span, message)
                    .also(outer.span, label)
                    .help("remove one of the two"),
            );
        }
    }
}

/// `|`, `>` and the like among the arguments of a program.
fn commands_for_a_shell(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    const SIGNS: [&str; 8] = ["|", ">", ">>", "<", "&&", "||", ";", "2>&1"];
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "fish"];
    let plan = subject.document.nodes.iter().find(|node| node.name.value == "plan");
    let owners = plan.into_iter().flat_map(|plan| &plan.children);
    let is_command = |name: &str| matches!(name, "command" | "before" | "after");
    for command in owners.flat_map(|owner| &owner.children).filter(|node| is_command(&node.name.value)) {
        let Some(program) = command.arguments.first() else { continue };
        let text = program.as_str().unwrap_or_default();
        if SHELLS.contains(&text.rsplit('/').next().unwrap_or(text)) {
            continue;
        }
        if command.arguments.len() == 1 && text.contains(char::is_whitespace) && !text.starts_with('/') {
            let words: Vec<String> = text.split_whitespace().map(super::words::kdl).collect();
            let written = words.join(" ");
            out.push(
                Diagnostic::new(&SHELL_SYNTAX, program.span, format!("there is hardly a program called `{text}`"))
                    .help(format!("write each argument by itself: `{written}`"))
                    .fix(Fix::replace(program.span, written)),
            );
        }
        let sign =
            command.arguments.iter().skip(1).find(|value| value.as_str().is_some_and(|text| SIGNS.contains(&text)));
        if let Some(sign) = sign {
            let shown = sign.as_str().unwrap_or_default();
            out.push(
                Diagnostic::new(&SHELL_SYNTAX, sign.span, format!("`{shown}` is given to `{text}` as an argument"))
                    .label("no shell reads this")
                    .help("leave it out, or write the whole as `sh \"-c\" \"…\"`"),
            );
        }
    }
}

/// Dumps of which a small change changes everything.
fn dumps_that_are_compressed(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for source in &subject.plan.sources {
        let Origin::Command { command, .. } = &source.origin else { continue };
        let program = command.program.rsplit('/').next().unwrap_or(&command.program);
        let has = |options: &[&str]| command.arguments.iter().any(|argument| options.contains(&argument.as_str()));
        let starts = |option: &str| command.arguments.iter().any(|argument| argument.starts_with(option));
        let is_custom = has(&["-Fc", "--format=custom", "--format=c", "-Fd", "--format=directory"]);
        let is_pg = program == "pg_dump" && is_custom && !starts("--compress=") && !starts("-Z");
        let is_gzip = matches!(program, "gzip" | "pigz" | "xz" | "zstd" | "bzip2" | "pixz")
            || (program == "mongodump" && has(&["--gzip"]))
            || (program == "tar" && has(&["-czf", "czf", "-cJf", "--gzip", "--zstd", "--xz"]));
        let help = match (is_pg, is_gzip) {
            (true, _) => "add `\"--compress=0\"`",
            (_, true) => "leave the compressing to the plan",
            _ => continue,
        };
        let message = format!("`{program}` compresses its output, so each dump is stored whole");
        out.push(Diagnostic::new(&COMPRESSED_DUMP, command.program.span, message).help(help));
    }
}
