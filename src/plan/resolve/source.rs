//! `source NAME { … }`.

use super::{Resolver, argument, arguments, is_on};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Spanned};
use crate::language::Node;
use crate::plan::{Command, Origin, PathSource, Source};
use std::path::{Component, Path};

static EMPTY: Rule = Rule {
    code: "plan::source::empty",
    severity: Severity::Error,
    title: "a source names nothing to back up",
    why: "A source is files and folders (`base`, `include`) or the output of a program (`command`). One that names \
          neither would make empty snapshots that look like backups.",
    bad: "source home {\n    exclude \"*.tmp\"\n}",
    good: "source home {\n    base \"/home\"\n    exclude \"*.tmp\"\n}",
};
static MIXED: Rule = Rule {
    code: "plan::source::mixed",
    severity: Severity::Error,
    title: "a source is a program's output and files at once",
    why: "The output of a `command` is the source's one file. Files beside it are a source of their own; a tier takes \
          as many sources as it likes.",
    bad: "source db {\n    command pg_dump shop { stdout \"shop.dump\" }\n    include \"/etc/postgresql\"\n}",
    good: "source db {\n    command pg_dump shop { stdout \"shop.dump\" }\n}\n\
           source db-config {\n    include \"/etc/postgresql\"\n}",
};
static RELATIVE: Rule = Rule {
    code: "plan::source::relative_include",
    severity: Severity::Error,
    title: "a relative `include` has no `base` to start from",
    why: "Where a plan is run from must not decide what is backed up. A relative `include` starts at the source's \
          `base`; without one, includes are absolute or begin with `~/`.",
    bad: "source web {\n    include www\n}",
    good: "source web {\n    base \"/srv\"\n    include www\n}",
};
static ESCAPES: Rule = Rule {
    code: "plan::source::include_escapes",
    severity: Severity::Error,
    title: "an `include` leaves its `base`",
    why: "Files are stored under their path from `base`, and a restore never writes outside its target. A path \
          with `..` in it has no place there.",
    bad: "source web {\n    base \"/srv/www\"\n    include \"../certs\"\n}",
    good: "source web {\n    base \"/srv\"\n    include www certs\n}",
};
static FILE_NAME: Rule = Rule {
    code: "plan::source::stdout_name",
    severity: Severity::Error,
    title: "a program's output cannot have this file name",
    why: "The output of a `command` becomes one file in the snapshot, at the top: its name is a plain file name.",
    bad: "source db {\n    command pg_dump shop { stdout \"/var/dumps/shop.dump\" }\n}",
    good: "source db {\n    command pg_dump shop { stdout \"shop.dump\" }\n}",
};

pub(super) static RULES: [&Rule; 5] = [&EMPTY, &MIXED, &RELATIVE, &ESCAPES, &FILE_NAME];

/// The settings that only a source of files has.
const PATH_SETTINGS: [&str; 8] = [
    "base",
    "include",
    "exclude",
    "exclude-file",
    "exclude-if-present",
    "exclude-caches",
    "one-file-system",
    "max-file-size",
];

impl Resolver<'_> {
    pub(super) fn source(&mut self, node: &Node) -> Option<Source> {
        let name = self.name(node, "source");
        let before = self.commands(node, "before");
        let after = self.commands(node, "after");
        let expect = node.child("expect");
        let expected_size = expect.and_then(|expect| self.property(expect, "size", Self::size));
        let expected_change = expect.and_then(|expect| self.property(expect, "change", Self::size));
        let origin = match node.child("command") {
            Some(command) => self.command_origin(node, command),
            None => self.paths(node).map(Origin::Paths),
        };
        Some(Source { name: name?, origin: origin?, before, after, expected_size, expected_change, span: node.span })
    }

    fn commands(&mut self, node: &Node, name: &str) -> Vec<Command> {
        node.children_named(name).filter_map(|child| self.command(child)).collect()
    }

    fn command_origin(&mut self, source: &Node, node: &Node) -> Option<Origin> {
        if let Some(other) = source.children.iter().find(|child| PATH_SETTINGS.contains(&child.name.value.as_str())) {
            let message = format!("`{}` has no meaning beside `command`", other.name.value);
            self.diagnostics.push(
                Diagnostic::new(&MIXED, other.name.span, message)
                    .also(node.name.span, "the source is this program's output")
                    .help("make it a source of its own"),
            );
        }
        let command = self.command(node)?;
        let file_name = match node.child("stdout").and_then(argument) {
            Some(name) => self.file_name(name)?,
            // Without a name the file is called after the source.
            None if node.child("stdout").is_none() => argument(source)?,
            None => return None,
        };
        Some(Origin::Command { command, file_name })
    }

    fn file_name(&mut self, name: Spanned<String>) -> Option<Spanned<String>> {
        let mut components = Path::new(&name.value).components();
        let plain = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
        if plain && !name.value.contains(['/', '\0']) && name.value.len() <= 255 {
            return Some(name);
        }
        let message = format!("`{}` is not a plain file name", name.value);
        let mut diagnostic = Diagnostic::new(&FILE_NAME, name.span, message);
        if let Some(last) = Path::new(&name.value).file_name().and_then(|last| last.to_str()) {
            let quoted = format!("\"{last}\"");
            diagnostic = diagnostic.help(format!("write `{quoted}`")).fix(Fix::replace(name.span, quoted));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn paths(&mut self, node: &Node) -> Option<PathSource> {
        let base = node.child("base").and_then(|child| self.path_argument(child));
        let include: Vec<_> = node.children_named("include").flat_map(arguments).collect();
        if node.child("base").is_none() && node.child("include").is_none() {
            self.nothing_named(node);
            return None;
        }
        for path in &include {
            self.check_include(path, node.child("base").is_some());
        }
        Some(PathSource {
            base,
            include,
            exclude: node.children_named("exclude").flat_map(arguments).collect(),
            exclude_files: node
                .children_named("exclude-file")
                .flat_map(|child| &child.arguments)
                .filter_map(|value| self.path(value))
                .collect(),
            exclude_if_present: node.children_named("exclude-if-present").flat_map(arguments).collect(),
            exclude_caches: is_on(node, "exclude-caches"),
            one_file_system: is_on(node, "one-file-system"),
            max_file_size: node
                .child("max-file-size")
                .and_then(|child| child.arguments.first())
                .and_then(|value| self.size(value)),
        })
    }

    fn nothing_named(&mut self, node: &Node) {
        // A source without a name, or with unknown children, has been reported already; those may be what it names.
        let known = |child: &Node| {
            let name = child.name.value.as_str();
            PATH_SETTINGS.contains(&name) || matches!(name, "before" | "after" | "expect" | "allow")
        };
        let Some(name) = argument(node).filter(|_| node.children.iter().all(known) && !node.damaged) else { return };
        let message = format!("source `{}` names nothing to back up", name.value);
        self.diagnostics.push(
            Diagnostic::new(&EMPTY, name.span, message)
                .help("add `base` or `include` with the files, or `command` with a program"),
        );
    }

    fn check_include(&mut self, path: &Spanned<String>, has_base: bool) {
        let as_path = Path::new(&path.value);
        let starts_somewhere = as_path.is_absolute() || as_path.starts_with("~");
        if !starts_somewhere && !has_base {
            self.diagnostics.push(
                Diagnostic::new(&RELATIVE, path.span, format!("`{}` is relative, and there is no `base`", path.value))
                    .help("add `base` to the source, or write the whole path"),
            );
        } else if as_path.components().any(|c| c == Component::ParentDir) {
            self.diagnostics.push(
                Diagnostic::new(&ESCAPES, path.span, format!("`{}` leaves its base", path.value))
                    .help("set `base` to a folder that holds everything, and write the path from there"),
            );
        }
    }
}
