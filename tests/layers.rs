//! The architecture as a test: arrows between modules run one way, and only
//! the edge of the program touches the outside world.
//!
//! A module of `src/` may name only modules that stand above it in the list of
//! `src/lib.rs`. Printing, exiting, and reading the environment or the clock
//! belong to `main.rs`, `cli/` and the system clock in `base/`; everything else
//! is handed a `Context`.

use std::fs;
use std::path::{Path, PathBuf};

/// Text that only the edge of the program may contain, and what it does.
const EDGE_ONLY: [(&str, &str); 12] = [
    ("println!", "prints"),
    ("print!", "prints"),
    ("eprintln!", "prints"),
    ("eprint!", "prints"),
    ("dbg!", "prints"),
    ("io::stdout", "prints"),
    ("io::stderr", "prints"),
    ("process::exit", "exits"),
    ("env::var", "reads the environment"),
    ("SystemTime::now", "reads the clock"),
    ("Utc::now", "reads the clock"),
    ("Local::now", "reads the clock"),
];

/// Where those may stand: the edge itself, and the one clock that reads the machine's time.
const EDGE: [&str; 3] = ["main.rs", "cli/", "base/clock.rs"];

#[test]
fn modules_import_only_from_those_above_them() {
    let order = modules_in_order();
    let rank = |name: &str| order.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(own) = file.module().and_then(|module| rank(&module)) else { continue };
        for (line, used) in named_modules(&file.text) {
            if rank(&used).is_some_and(|used| used > own) {
                wrong.push(format!("{}:{line}: `{}` must not know `{used}`", file.name, order[own]));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that run the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_stands_in_the_list() {
    let order = modules_in_order();
    let mut folders: Vec<String> = fs::read_dir(root())
        .expect("src/ is readable")
        .map(|entry| entry.expect("src/ is readable").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a folder has a name").to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let mut listed = order.clone();
    listed.sort();
    assert_eq!(listed, folders, "src/lib.rs lists the folders of src/");
}

#[test]
fn only_the_edge_prints_exits_or_reads_the_world() {
    let mut wrong = Vec::new();
    for file in sources().into_iter().filter(|file| !EDGE.iter().any(|edge| file.name.starts_with(edge))) {
        for (number, line) in file.text.lines().enumerate() {
            for (text, does) in EDGE_ONLY {
                if stands_alone(line, text) {
                    wrong.push(format!("{}:{}: `{text}` {does}: {}", file.name, number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the library does what only its edge may:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_file_of_a_folder_opens_with_its_purpose() {
    let missing: Vec<String> = raw_sources()
        .into_iter()
        .filter(|(name, text)| (name.ends_with("mod.rs") || name == "lib.rs") && !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "these open without `//!`: {missing:?}");
}

/// A file of `src/` without its comments and without its unit tests.
struct SourceText {
    /// Relative to `src/`.
    name: String,
    text: String,
}

impl SourceText {
    /// The top-level module it belongs to; none for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<String> {
        self.name.split_once('/').map(|(module, _)| module.to_owned())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `pub mod x;` of `lib.rs`, top to bottom.
fn modules_in_order() -> Vec<String> {
    let text = fs::read_to_string(root().join("lib.rs")).expect("src/lib.rs is readable");
    text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

/// All but the files that hold nothing but unit tests (`tests.rs`, `settings_tests.rs`).
fn sources() -> Vec<SourceText> {
    let code = raw_sources().into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
    code.map(|(name, text)| SourceText { name, text: code_only(&text) }).collect()
}

/// Every `.rs` file under `src/` with its name relative to it, sorted.
fn raw_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src/ is readable") {
            let path = entry.expect("src/ is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("it lies under src/").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("a source file is readable")));
            }
        }
    }
    found.sort();
    found
}

/// Drops comments (kept as empty lines, so that numbers stay right) and all
/// that follows `#[cfg(test)]`: unit tests stand last in a file and may do as they like.
fn code_only(text: &str) -> String {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every module named after `crate::`, with its line: `crate::x::…`, and each
/// head of a group `crate::{x::…, y}`.
fn named_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(heads_of_group(group).into_iter().map(|head| (line, head)));
        } else {
            found.push((line, identifier(rest)));
        }
    }
    found
}

/// `a::{b, c}, d::e}` → `a`, `d`: the first name of each part at the outer level.
fn heads_of_group(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0usize;
    let mut part = String::new();
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(std::mem::take(&mut part).trim())),
            _ => part.push(character),
        }
    }
    heads.push(identifier(part.trim()));
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Whether `text` stands in `line` and is not the tail of a longer name.
fn stands_alone(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

#[test]
fn the_reader_of_imports_sees_groups_and_paths() {
    let code = "use crate::base::Exit;\nuse crate::{plan::{Key, Tier}, files::walk};\nlet x = crate::cost::price();";
    let named: Vec<(usize, String)> = named_modules(code);
    let expected =
        [(1, "base"), (2, "plan"), (2, "files"), (3, "cost")].map(|(line, name)| (line, name.to_owned())).to_vec();
    assert_eq!(named, expected);
}
