//! What is under the pointer: a setting's reference, a value's meaning, a schedule's next times.

use super::analysis::Project;
use super::names::names;
use super::place::offset;
use super::shapes::{Block, value};
use crate::base::Timestamp;
use crate::diagnostics::{Diagnostic, LineIndex, Rule};
use crate::language::cursor::{Place, Written, cursor};
use crate::language::schema::{Format, Kind, schema};
use crate::schedule::Timetable;
use chrono_tz::Tz;
use lsp_types::{Position, Range};
use std::path::Path;
use std::time::Duration;

/// Times of a schedule that are told.
const NEXT_TIMES: usize = 3;
/// Lines of a definition that are shown.
const DEFINITION_LINES: usize = 12;

/// Markdown for a place, and the text that it is about.
pub(super) fn hover(
    project: &Project,
    diagnostics: &[Diagnostic],
    rules: &crate::diagnostics::Catalogue,
    path: &Path,
    position: Position,
    now: Timestamp,
) -> Option<(String, Range)> {
    let places = project.places();
    let file = places.file(path)?;
    let text = places.text(file);
    let index = places.index(file);
    let at = offset(index, position);
    // The character under the pointer, not the one before it, says which word is meant.
    let next = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let cursor = cursor(text, next);
    let word = text.get(cursor.word.clone()).filter(|word| !word.is_empty())?;
    let mut pages = Vec::new();
    match &cursor.place {
        Place::AllowedCode => pages.extend(rules.find(word).map(Rule::page)),
        place => pages.extend(page(project, &cursor.blocks, place, text, &cursor.word, now)),
    }
    let here = |diagnostic: &&Diagnostic| {
        let span = diagnostic.primary.span;
        span.file == file && span.start <= at && at <= span.end
    };
    let mut told: Vec<&Rule> = Vec::new();
    for diagnostic in diagnostics.iter().filter(here) {
        if !told.contains(&diagnostic.rule) {
            told.push(diagnostic.rule);
            pages.push(format!(
                "**{}**: {}\n\n{}",
                diagnostic.code(),
                diagnostic.rule.title,
                diagnostic.rule.why.trim()
            ));
        }
    }
    let range = super::place::range(index, cursor.word);
    (!pages.is_empty()).then(|| (pages.join("\n\n---\n\n"), range))
}

fn page(
    project: &Project,
    blocks: &[Written],
    place: &Place,
    text: &str,
    word: &std::ops::Range<usize>,
    now: Timestamp,
) -> Option<String> {
    let block = Block::around(blocks)?;
    let shown = bare(&text[word.clone()]);
    match place {
        Place::Name => match block.child(shown) {
            Some(node) => schema().explain(&node.path.join(".")),
            None => {
                let property = block.shape.property(shown).filter(|property| property.as_child)?;
                Some(format!("`{shown}`: {}", property.kind.hover()))
            }
        },
        Place::Annotation(_) => Some(annotation(shown)?.to_owned()),
        Place::Entry(node) if text[word.end..].trim_start_matches([' ', '\t']).starts_with('=') => {
            let property = block.child(&node.name)?.shape.property(shown)?;
            Some(format!("`{shown}=`: {}", property.kind.hover()))
        }
        _ => {
            let (name, kind) = value(&block, place)?;
            let mut page = format!("`{name}`: {}", kind.hover());
            if let Some(choice) = kind.choices.iter().find(|choice| choice.name == shown) {
                page += &format!("\n\n`{shown}`: {}", choice.description);
            }
            if let Some(definition) = kind.reference.as_ref().and_then(|whose| definition(project, whose, shown)) {
                page += &format!("\n\n```kdl\n{definition}\n```");
            }
            page.extend(schedule(project, kind, shown, now));
            Some(page)
        }
    }
}

/// What a type before a value means.
fn annotation(name: &str) -> Option<&'static str> {
    Some(match name {
        "env" => "`(env)NAME`: the value of an environment variable, read when it is needed.",
        "file" => "`(file)\"PATH\"`: the content of a file, read when it is needed.",
        "command" => "`(command)\"PROGRAM ARG…\"`: what a program prints, run when it is needed.",
        _ => return None,
    })
}

/// The text of the node that defines a name.
fn definition(project: &Project, kind: &str, text: &str) -> Option<String> {
    let name =
        names(project).into_iter().find(|name| name.kind == kind && name.text == text && name.defined.is_some())?;
    let span = name.defined?;
    let source = project.files.text(span);
    let indent = LineIndex::new(&project.files.get(span.file).text).utf16(span.start).1;
    let dedented = source.lines().map(|line| {
        let blanks = line.len() - line.trim_start().len();
        &line[blanks.min(indent)..]
    });
    let mut lines: Vec<&str> = dedented.take(DEFINITION_LINES + 1).collect();
    if lines.len() > DEFINITION_LINES {
        lines.truncate(DEFINITION_LINES);
        lines.push("…");
    }
    Some(lines.join("\n"))
}

/// A schedule in words, and when it comes next.
fn schedule(project: &Project, kind: &Kind, expression: &str, now: Timestamp) -> Option<String> {
    if kind.format != Some(Format::Cron) {
        return None;
    }
    let zone = zone(project);
    let table = Timetable::parse(expression, zone, Duration::ZERO).ok()?;
    let times: Vec<String> = table
        .times_after(now)
        .take(NEXT_TIMES)
        .map(|time| format!("- {}", time.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z")))
        .collect();
    let next = if times.is_empty() { "It never comes.".to_owned() } else { format!("Next:\n\n{}", times.join("\n")) };
    Some(format!("\n\n**{}** ({zone})\n\n{next}", table.expression.describe()))
}

/// The time zone of the plan, as far as it can be read.
fn zone(project: &Project) -> Tz {
    let plan = project.document.nodes.iter().find(|node| node.name.value == schema().plan.name);
    let named = plan.and_then(|plan| plan.child("timezone")?.arguments.first()?.as_str()?.parse().ok());
    named.unwrap_or(Tz::UTC)
}

fn bare(word: &str) -> &str {
    word.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::super::analysis::catalogue;
    use super::super::testing::{cursor, world};
    use super::*;

    /// What is shown at the cursor: the text that it is about, then the page.
    fn shown(marked: &str) -> String {
        let (text, position) = cursor(marked);
        let path = Path::new("/p/plan.kdl");
        let analysis = world(&[("/p/plan.kdl", &text)]).check(path).expect("it is open");
        let now = "2026-03-27T09:00:00Z".parse().expect("it is a time");
        let rules = catalogue();
        let Some((page, range)) = hover(&analysis.project, &analysis.diagnostics, &rules, path, position, now) else {
            return "nothing".to_owned();
        };
        let index = LineIndex::new(&text);
        format!("[{}]\n{page}", &text[offset(&index, range.start)..offset(&index, range.end)])
    }

    fn in_tier(line: &str) -> String {
        format!(
            "plan x {{\n    timezone \"Europe/Lisbon\"\n    key ops {{\n        recipient \"age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7\"\n    }}\n    source d {{ base \"/d\" }}\n    tier a {{\n        store fs {{ root \"/s\" }}\n        {line}\n    }}\n}}\n"
        )
    }

    #[test]
    fn a_node_shows_its_reference() {
        let (text, path) = (in_tier("l│imit upload=\"1MiB/s\""), ["plan", "tier", "limit"]);
        let page = schema().explain(&path.join(".")).expect("the schema has it");
        assert_eq!(shown(&text), format!("[limit]\n{page}"));
        assert!(shown("pl│an x {}").starts_with("[plan]\n# plan\n"));
    }

    #[test]
    fn a_schedule_shows_its_next_times_in_the_zone_of_the_plan() {
        insta::assert_snapshot!(shown(&in_tier("schedule \"30 1 │* * *\"")), @r#"
        ["30 1 * * *"]
        `CRON`: Five fields as in crontab(5), or `@daily` and the like, in the plan's time zone. *cron*

        **daily at 01:30** (Europe/Lisbon)

        Next:

        - Sat 2026-03-28 01:30 WET
        - Sun 2026-03-29 02:00 WEST
        - Mon 2026-03-30 01:30 WEST

        ---

        **plan::schedule::dst_repeated**: the clock repeats a scheduled time once a year

        When summer time ends, an hour comes twice. A run that is scheduled in it starts the first time only, so the next is an hour further away than on other days.

        ---

        **plan::schedule::dst_skipped**: the clock skips a scheduled time once a year

        When summer time begins, an hour does not exist. A run that is scheduled in it starts right after, with all others of that hour. That is seldom wrong, but a time outside the hour, or `timezone UTC`, needs no thought.
        "#);
    }

    #[test]
    fn a_name_shows_what_it_refers_to() {
        insta::assert_snapshot!(shown(&in_tier("encrypt │ops")), @r#"
        [ops]
        `KEY`: The name of a `key`, or `none`. *name of a key*: `none` among others

        ```kdl
        key ops {
            recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
        }
        ```
        "#);
    }

    #[test]
    fn values_properties_and_types_show_their_meaning() {
        let lines = [
            "verify con│tents sample=\"5%\"",
            "verify contents sam│ple=\"5%\"",
            "verify contents sample=\"5│%\"",
            "store s3 { secret_access_key (en│v)X }",
            "keep daily=30 // daily│",
        ];
        insta::assert_snapshot!(lines.map(|line| shown(&in_tier(line))).join("\n\n"), @r#"
        [contents]
        `LEVEL`: How deep. *choice*: `presence`, `checksum` or `contents`

        `contents`: everything can be decrypted, decompressed, and hashes to what was read

        [sample]
        `sample=`: The share that is checked each time. *percentage* (default `"100%"`)

        ["5%"]
        `sample=`: The share that is checked each time. *percentage* (default `"100%"`)

        [env]
        `(env)NAME`: the value of an environment variable, read when it is needed.

        nothing
        "#);
    }

    #[test]
    fn a_mistake_shows_why_it_is_one() {
        let page = shown(&in_tier("encrypt no│body"));
        assert!(page.contains("**plan::names::unknown_key**: there is no key of that name"), "{page}");
        let allowed = shown(&in_tier("// plan: allow(names::unused│_key)"));
        assert!(allowed.contains("# plan::names::unused_key"), "{allowed}");
    }
}
