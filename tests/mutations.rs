//! One typical mistake at a time, made in every plan wherever it can be made:
//! each must give exactly one error, at the place of the mistake and with the right
//! code; and where there is a fix, it must put the plan right.

#[path = "mutations/mistakes.rs"]
mod mistakes;

use mistakes::{Mutant, mutants};
use plan::diagnostics::{Diagnostic, FileId, Human, Severities, SourceFiles, apply_fixes, extend_without_echoes};
use plan::language::{Loaded, load};
use plan::rules::{CheckOptions, StoreChecks, check_text};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;

/// Mistakes that a fix must exist for.
const FIXABLE: [&str; 21] = [
    "misspelt node",
    "misspelt property",
    "misspelt choice",
    "text without quotation marks",
    "no quotation mark before",
    "no quotation mark after",
    "no closing brace",
    "stray parenthesis",
    "KDL 1 boolean",
    "KDL 1 raw string",
    "comma",
    "colon",
    "equals",
    "foreign quotation marks",
    "shell comment",
    "two equals signs",
    "no closing parenthesis",
    "no opening parenthesis",
    "swapped values",
    "number as text",
    "no semicolon",
];

fn plans() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> = std::fs::read_dir(root.join("plans"))
        .expect("there is a folder of plans")
        .map(|entry| entry.expect("the folder can be read").path())
        .chain([root.join("tests/mutations/whole.kdl")])
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a plan can be read");
            (path.file_name().expect("a file has a name").to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    found
}

fn no_file(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

/// The errors of a text's syntax, shape and values.
fn errors_of_text(text: &str) -> (SourceFiles, Vec<Diagnostic>) {
    let Loaded { files, document, mut diagnostics } = load("plan.kdl", text, &mut no_file);
    extend_without_echoes(&mut diagnostics, plan::plan::resolve(&document, &files).1);
    diagnostics.retain(Diagnostic::is_error);
    (files, diagnostics)
}

/// All errors of a text, those of the rules too.
fn errors(text: &str) -> (SourceFiles, Vec<Diagnostic>) {
    let stores = StoreChecks { rules: &plan::stores::RULES, diagnose: plan::stores::diagnose };
    let options = CheckOptions { stores, severities: Severities::default(), prices: None };
    let checked = check_text("plan.kdl", text, &mut no_file, &options);
    (checked.files, checked.diagnostics.into_iter().filter(Diagnostic::is_error).collect())
}

/// Why a mutant is not diagnosed as it should be.
fn complaint(mutant: &Mutant, rules: Rules) -> Option<String> {
    let (mut files, mut errors) = errors_of_text(&mutant.text);
    let by_rules = errors.is_empty();
    match rules {
        Rules::Never if by_rules => return None,
        Rules::IfNeeded if by_rules => (files, errors) = self::errors(&mutant.text),
        Rules::Always => (files, errors) = self::errors(&mutant.text),
        Rules::Never | Rules::IfNeeded => {}
    }
    let shown = || Human { width: 110, ..Human::default() }.render(&errors, &files);
    let [diagnostic] = &errors[..] else { return Some(format!("{} errors instead of one\n{}", errors.len(), shown())) };
    if !mutant.codes.contains(&diagnostic.code()) {
        return Some(format!("the code is not {}\n{}", mutant.codes.join(" or "), shown()));
    }
    let spans = std::iter::once(&diagnostic.primary).chain(&diagnostic.labels);
    let covered = spans.into_iter().any(|label| label.span.start <= mutant.at.start && mutant.at.end <= label.span.end);
    if !covered {
        return Some(format!("the mistake is at {:?}\n{}", mutant.at, shown()));
    }
    // The fix keeps the backslash; that it was not meant at all nobody can know.
    if mutant.what == "unknown escape" {
        return None;
    }
    if diagnostic.fix.is_none() {
        return FIXABLE.contains(&mutant.what).then(|| format!("no fix\n{}", shown()));
    }
    let fixed = apply_fixes(&files, &errors).changed;
    let fixed = fixed.values().next().expect("a fix changes the text");
    let (files, after) = if by_rules || rules == Rules::Always { self::errors(fixed) } else { errors_of_text(fixed) };
    (!after.is_empty()).then(|| {
        let after = Human { width: 110, ..Human::default() }.render(&after, &files);
        format!("the fix does not put it right\n{}\nafter the fix:\n{fixed}\n{after}", shown())
    })
}

/// Whether the rules run on a mutant. They look a year of schedules ahead, which takes up to a thousand times as
/// long as all that comes before them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Never,
    /// On mutants in which nothing else is wrong.
    IfNeeded,
    Always,
}

impl Rules {
    /// In the small plans where they are needed and on a sample; in the others on a smaller sample.
    fn of(plan: &str, index: usize) -> Self {
        let small = ["demo.kdl", "home.kdl"].contains(&plan);
        match (small, index) {
            (true, index) if index % 64 == 0 => Self::Always,
            (true, _) => Self::IfNeeded,
            (false, index) if index % 128 == 0 => Self::Always,
            (false, index) if index % 8 == 0 => Self::IfNeeded,
            (false, _) => Self::Never,
        }
    }
}

#[test]
fn every_mistake_gives_one_error_at_its_place_with_its_fix() {
    let mut all = Vec::new();
    for (name, text) in plans() {
        let (files, base) = errors(&text);
        assert_eq!(Human::default().render(&base, &files), "", "{name} is right as it stands");
        all.extend(mutants(&text).into_iter().map(|mutant| (name.clone(), mutant)));
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let complaints: Mutex<BTreeMap<&str, Vec<String>>> = Mutex::default();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (all, complaints) = (&all, &complaints);
            scope.spawn(move || {
                for (index, (name, mutant)) in all.iter().enumerate().skip(worker).step_by(workers) {
                    if let Some(complaint) = complaint(mutant, Rules::of(name, index)) {
                        let mut complaints = complaints.lock().expect("no worker panics while it holds the list");
                        complaints.entry(mutant.what).or_default().push(format!("{name}: {complaint}"));
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().expect("no worker panics while it holds the list");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, mutant) in &all {
        *counts.entry(mutant.what).or_default() += 1;
    }
    let table: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{what}: {} of {count} wrong", complaints.get(what).map_or(0, Vec::len)))
        .collect();
    let examples: Vec<String> = complaints
        .iter()
        .flat_map(|(what, list)| list.iter().take(3).map(move |complaint| format!("=== {what}\n{complaint}")))
        .collect();
    assert!(complaints.is_empty(), "of {} mutants\n{}\n\n{}", all.len(), table.join("\n"), examples.join("\n"));
    assert!(all.len() > 3000 && counts.len() > 50, "{} mutants of {} kinds", all.len(), counts.len());
}

#[test]
fn formatting_changes_neither_what_is_wrong_nor_itself() {
    let messages = |text: &str| errors_of_text(text).1.into_iter().map(|error| error.message).collect::<Vec<_>>();
    let mut formatted = 0;
    for (name, text) in plans() {
        for mutant in mutants(&text) {
            let Ok(once) = plan::language::format(&mutant.text, FileId(0)) else { continue };
            formatted += 1;
            let what = format!("{name}: {}\n{once}", mutant.what);
            assert_eq!(plan::language::format(&once, FileId(0)).as_ref(), Ok(&once), "{what}");
            assert_eq!(messages(&mutant.text), messages(&once), "{what}");
        }
    }
    assert!(formatted > 500, "{formatted} mutants have a normal form");
}
