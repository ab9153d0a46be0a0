//! Values of a format that may be meant: units, zones, common schedules.

use super::completion::Item;
use super::snippet::escaped;
use crate::language::schema::Format;
use crate::schedule::CronExpression;
use chrono_tz::TZ_VARIANTS;
use lsp_types::CompletionItemKind;

const DURATIONS: [(&str, &str); 5] =
    [("s", "seconds"), ("m", "minutes"), ("h", "hours"), ("d", "days"), ("w", "weeks")];
const SIZES: [(&str, &str); 6] = [
    ("KiB", "1,024 bytes"),
    ("MiB", "1,024 KiB"),
    ("GiB", "1,024 MiB"),
    ("TiB", "1,024 GiB"),
    ("MB", "1,000,000 bytes"),
    ("GB", "1,000 MB"),
];
const SCHEDULES: [&str; 9] =
    ["@hourly", "@daily", "@weekly", "@monthly", "0 2 * * *", "0 */4 * * *", "*/15 * * * *", "0 2 * * 0", "0 5 1 * *"];

/// What a value of that format may be, given what is written of it.
pub(super) fn of_format(format: Format, word: &str) -> Vec<Item> {
    match format {
        Format::Duration => with_units(word, "4", &DURATIONS, ""),
        Format::Size => with_units(word, "1", &SIZES, ""),
        Format::Rate => with_units(word, "10", &SIZES, "/s"),
        Format::Percentage => with_units(word, "5", &[("%", "of all")], ""),
        Format::Cron => SCHEDULES.iter().map(|cron| schedule(cron)).collect(),
        Format::Timezone => {
            TZ_VARIANTS.iter().map(|zone| zone.name()).map(|zone| quoted(zone, CompletionItemKind::VALUE)).collect()
        }
        Format::Secret => secrets(),
        Format::Address
        | Format::Code
        | Format::Name
        | Format::Path
        | Format::Pattern
        | Format::Program
        | Format::Recipient => Vec::new(),
    }
}

/// The number that is written, or an example, with every unit.
fn with_units(word: &str, example: &str, units: &[(&str, &str)], suffix: &str) -> Vec<Item> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let number = if end == 0 { example } else { &word[..end] };
    let units = units.iter();
    units
        .map(|(unit, meaning)| {
            quoted(&format!("{number}{unit}{suffix}"), CompletionItemKind::UNIT).detail(format!("{number} {meaning}"))
        })
        .collect()
}

fn schedule(cron: &str) -> Item {
    let words = cron.parse::<CronExpression>().map(|expression| expression.describe());
    quoted(cron, CompletionItemKind::VALUE).detail(words.unwrap_or_default())
}

fn quoted(value: &str, kind: CompletionItemKind) -> Item {
    Item::new(value, kind).text(format!("\"{value}\""))
}

const SECRETS: [(&str, &str, &str, &str); 3] = [
    ("env", "NAME", "from the environment", "(env)NAME"),
    ("file", "PATH", "from a file", "(file)\"PATH\""),
    ("command", "pass show x", "from what a program prints", "(command)\"pass show x\""),
];

fn secrets() -> Vec<Item> {
    let item = |(name, place, meaning, text): (&str, &str, &str, &str)| {
        let filled = escaped(text).replacen(place, &format!("${{1:{place}}}"), 1);
        Item::new(&format!("({name})"), CompletionItemKind::KEYWORD).detail(meaning).text(text).snippet(filled)
    };
    SECRETS.map(item).to_vec()
}

/// What may stand in the parentheses before a secret.
pub(super) fn annotations() -> Vec<Item> {
    SECRETS.map(|(name, _, meaning, _)| Item::new(name, CompletionItemKind::KEYWORD).detail(meaning)).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_that_is_proposed_can_be_read() {
        for item in of_format(Format::Cron, "") {
            assert!(!item.detail.is_empty(), "{}", item.label);
        }
    }

    #[test]
    fn units_go_with_the_number_that_is_written() {
        let labels = |format, word| of_format(format, word).into_iter().map(|item| item.text).collect::<Vec<_>>();
        assert_eq!(labels(Format::Duration, "90"), ["\"90s\"", "\"90m\"", "\"90h\"", "\"90d\"", "\"90w\""]);
        assert_eq!(labels(Format::Percentage, ""), ["\"5%\""]);
        assert_eq!(labels(Format::Rate, "2M")[1], "\"2MiB/s\"");
    }
}
