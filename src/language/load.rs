//! A plan file and what it includes, as one document of the right shape.

use super::{Document, Node, parse, schema};
use crate::diagnostics::{Diagnostic, FileId, Rule, Severity, SourceFiles, Span};
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Files that one plan may be made of.
const MAX_FILES: usize = 64;
/// Bytes of one file. A plan of 10,000 lines has half a megabyte.
const MAX_FILE_BYTES: usize = 8 << 20;

const INCLUDE: &str = "include";

static CYCLE: Rule = Rule {
    code: "plan::include::cycle",
    severity: Severity::Error,
    title: "a file includes itself",
    why: "An `include` puts another file's nodes in its place. A file that includes itself, directly or through \
          others, has no end.",
    bad: "// keys.kdl\ninclude \"keys.kdl\"",
    good: "// plan.kdl\nplan home {\n    include \"keys.kdl\"\n}",
};
static REPEATED: Rule = Rule {
    code: "plan::include::repeated",
    severity: Severity::Error,
    title: "a file is included twice",
    why: "Its nodes would join the plan twice, and every name in it would be a duplicate.",
    bad: "plan home {\n    include \"keys.kdl\"\n    include \"keys.kdl\"\n}",
    good: "plan home {\n    include \"keys.kdl\"\n}",
};
static UNREADABLE: Rule = Rule {
    code: "plan::include::unreadable",
    severity: Severity::Error,
    title: "an included file cannot be read",
    why: "The name in an `include` is relative to the file that it stands in. The file must exist, be readable, and \
          be UTF-8 text.",
    bad: "plan home {\n    include \"no-such-file.kdl\"\n}",
    good: "plan home {\n    include \"keys.kdl\"\n}",
};
static TOO_MANY: Rule = Rule {
    code: "plan::include::too_many",
    severity: Severity::Error,
    title: "a plan is made of too many files",
    why: "One plan may be made of 64 files. More is most likely a mistake in a generated plan.",
    bad: "",
    good: "",
};

pub(super) static RULES: [&Rule; 4] = [&CYCLE, &REPEATED, &UNREADABLE, &TOO_MANY];

/// A plan file with its includes.
#[derive(Debug)]
pub struct Loaded {
    /// The plan file first, then the included ones in the order read.
    pub files: SourceFiles,
    /// The included nodes stand where their `include` stood. What is misspelt is
    /// called here as it was meant, if that is known; its span is that of the mistake.
    pub document: Document,
    /// Of syntax, includes and shape; sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a plan's text and the files that it includes, and validates their shape. `name` is the path as
/// the user gave it; `read` is called with a path relative to the same folder
/// as that, and does all the I/O.
pub fn load(name: &str, text: &str, read: &mut dyn FnMut(&Path) -> io::Result<String>) -> Loaded {
    let mut files = SourceFiles::default();
    let file = files.add(name, text);
    let mut loader = Loader { files, read, diagnostics: Vec::new(), stack: Vec::new(), seen: HashMap::new() };
    let mut document = loader.text(file, text);
    let path = normal(Path::new(name));
    loader.seen.insert(path.clone(), None);
    loader.stack.push((path, None));
    for node in document.nodes.iter_mut().filter(|node| node.name.value == "plan") {
        loader.splice(&mut node.children, &mut document.incomplete);
    }
    let Loader { files, mut diagnostics, .. } = loader;
    schema::validate(&mut document, &files, &mut diagnostics);
    Diagnostic::sort(&mut diagnostics);
    Loaded { files, document, diagnostics }
}

struct Loader<'a> {
    files: SourceFiles,
    read: &'a mut dyn FnMut(&Path) -> io::Result<String>,
    diagnostics: Vec<Diagnostic>,
    /// The files being read, outermost first, each with the `include` that led to it.
    stack: Vec<(PathBuf, Option<Span>)>,
    /// Every file read, with the `include` that did.
    seen: HashMap<PathBuf, Option<Span>>,
}

impl Loader<'_> {
    fn text(&mut self, file: FileId, text: &str) -> Document {
        let (document, diagnostics) = parse(text, file);
        self.diagnostics.extend(diagnostics);
        document
    }

    /// Puts included nodes in the place of every `include` among `nodes`.
    fn splice(&mut self, nodes: &mut Vec<Node>, incomplete: &mut bool) {
        let mut at = 0;
        while at < nodes.len() {
            let target = match &nodes[at] {
                // Any other shape stays, for shape validation to report.
                node if node.name.value == INCLUDE && node.arguments.len() == 1 => {
                    node.arguments[0].as_str().map(|name| (name.to_owned(), node.arguments[0].span))
                }
                _ => None,
            };
            let Some((name, span)) = target else {
                at += 1;
                continue;
            };
            let included = self.include(&name, span);
            *incomplete |= included.incomplete;
            let count = included.nodes.len();
            nodes.splice(at..=at, included.nodes);
            at += count;
        }
    }

    fn include(&mut self, name: &str, span: Span) -> Document {
        match self.open(name, span) {
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic);
                Document { incomplete: true, ..Document::default() }
            }
            Ok((path, text)) => {
                let file = self.files.add(path.display().to_string(), text.as_str());
                let mut document = self.text(file, &text);
                self.seen.insert(path.clone(), Some(span));
                self.stack.push((path, Some(span)));
                self.splice(&mut document.nodes, &mut document.incomplete);
                self.stack.pop();
                document
            }
        }
    }

    fn open(&mut self, name: &str, span: Span) -> Result<(PathBuf, String), Diagnostic> {
        let (parent, _) = self.stack.last().expect("the plan file is on the stack while its includes are read");
        let path = normal(&parent.parent().unwrap_or(Path::new("")).join(name));
        let shown = path.display();
        if let Some(at) = self.stack.iter().position(|(open, _)| *open == path) {
            let mut diagnostic = Diagnostic::new(&CYCLE, span, format!("`{shown}` includes itself"));
            diagnostic = diagnostic.label("and this closes the circle");
            for (through, by) in &self.stack[at + 1..] {
                if let Some(by) = by {
                    diagnostic = diagnostic.also(*by, format!("`{}` is included here", through.display()));
                }
            }
            return Err(diagnostic.help("remove one of the includes"));
        }
        if let Some(first) = self.seen.get(&path) {
            let diagnostic = Diagnostic::new(&REPEATED, span, format!("`{shown}` is included twice"));
            let diagnostic = match first {
                Some(first) => diagnostic.label("again here").also(*first, "first included here"),
                None => diagnostic.label("again here"),
            };
            return Err(diagnostic.help("remove one of the two"));
        }
        if self.seen.len() >= MAX_FILES {
            let message = format!("more than {MAX_FILES} files make up this plan");
            return Err(Diagnostic::new(&TOO_MANY, span, message).label("this one is not read"));
        }
        let unreadable = |why: String| {
            Diagnostic::new(&UNREADABLE, span, format!("`{shown}` cannot be read"))
                .label(why)
                .help("the name is relative to the file that it stands in")
        };
        match (self.read)(&path) {
            Ok(text) if text.len() > MAX_FILE_BYTES => Err(unreadable("larger than 8 MiB".to_owned())),
            Ok(text) => Ok((path, text)),
            Err(error) => Err(unreadable(reason(&error))),
        }
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// The path without `.` and without `name/..`, so that one file has one name. Symbolic links are not followed.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Human;

    /// The nodes' names and the rendered diagnostics of a plan among files.
    fn loaded(main: &str, files: &[(&str, &str)]) -> (Vec<String>, String) {
        let mut read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let loaded = load("plans/main.kdl", main, &mut read);
        let names = loaded.document.nodes[0].children.iter().map(|node| node.name.value.clone()).collect();
        let mut diagnostics = loaded.diagnostics;
        diagnostics.retain(|diagnostic| diagnostic.rule.family() == "include");
        (names, Human::default().render(&diagnostics, &loaded.files))
    }

    #[test]
    fn included_nodes_stand_where_the_include_stood() {
        let (names, diagnostics) = loaded(
            "plan x {\n    first\n    include \"../shared/keys.kdl\"\n    last\n}",
            &[("shared/keys.kdl", "key a\ninclude more.kdl\nkey c"), ("shared/more.kdl", "key-b")],
        );
        assert_eq!(names, ["first", "key", "key-b", "key", "last"]);
        assert_eq!(diagnostics, "");
    }

    #[test]
    fn a_cycle_shows_every_include_on_it() {
        let (names, diagnostics) = loaded(
            "plan x {\n    include a.kdl\n    last\n}",
            &[("plans/a.kdl", "include b.kdl\n"), ("plans/b.kdl", "key b\ninclude \"./a.kdl\"\n")],
        );
        assert_eq!(names, ["key", "last"]);
        insta::assert_snapshot!(diagnostics, @r#"
        error[plan::include::cycle]

          × `plans/a.kdl` includes itself
           ╭─[plans/b.kdl:2:9]
         1 │ key b
         2 │ include "./a.kdl"
           ·         ────┬────
           ·             ╰── and this closes the circle
           ╰────
           ╭─[plans/a.kdl:1:9]
         1 │ include b.kdl
           ·         ──┬──
           ·           ╰── `plans/b.kdl` is included here
           ╰────
          help: remove one of the includes
        "#);
    }

    #[test]
    fn a_missing_file_and_a_repeated_one_are_reported_where_they_are_included() {
        let (_, diagnostics) =
            loaded("plan x {\n    include a.kdl\n    include a.kdl\n    include b.kdl\n}", &[("plans/a.kdl", "")]);
        insta::assert_snapshot!(diagnostics, @r"
        error[plan::include::repeated]

          × `plans/a.kdl` is included twice
           ╭─[plans/main.kdl:3:13]
         1 │ plan x {
         2 │     include a.kdl
           ·             ──┬──
           ·               ╰── first included here
         3 │     include a.kdl
           ·             ──┬──
           ·               ╰── again here
         4 │     include b.kdl
           ╰────
          help: remove one of the two

        error[plan::include::unreadable]

          × `plans/b.kdl` cannot be read
           ╭─[plans/main.kdl:4:13]
         3 │     include a.kdl
         4 │     include b.kdl
           ·             ──┬──
           ·               ╰── there is no such file
         5 │ }
           ╰────
          help: the name is relative to the file that it stands in
        ");
    }
}
