//! Single values: what is written must mean something, and a wrong one is
//! answered with what was probably meant.

use super::Resolver;
use super::text::{self, Meant};
use crate::base::{ByteSize, ParseValueError, Percent, Rate, Secret, parse_duration};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Spanned, list, nearest};
use crate::language::{Node, Value, ValueKind};
use crate::plan::{Command, SecretRef};
use std::path::Path;
use std::time::Duration;

static DURATION: Rule = Rule {
    code: "plan::value::duration",
    severity: Severity::Error,
    title: "this is not a duration",
    why: "A duration is a number and a unit, `90s`, `30m`, `4h`, `3d` or `2w`, or several of them, `1h30m`. A day is \
          24 hours. Months and years have no fixed length.",
    bad: "plan home {\n    objective rpo=\"4 hours\"\n}",
    good: "plan home {\n    objective rpo=\"4h\"\n}",
};
static SIZE: Rule = Rule {
    code: "plan::value::size",
    severity: Severity::Error,
    title: "this is not a size",
    why: "A size is a number and a unit: binary (`KiB` is 1024 bytes, then `MiB`, `GiB`, `TiB`) or decimal (`kB` is \
          1000 bytes, then `MB`, `GB`, `TB`).",
    bad: "source home {\n    base \"/home\"\n    max-file-size \"5G\"\n}",
    good: "source home {\n    base \"/home\"\n    max-file-size \"5GiB\"\n}",
};
static RATE: Rule = Rule {
    code: "plan::value::rate",
    severity: Severity::Error,
    title: "this is not a rate",
    why: "A rate is a size a second, `10MiB/s`. It is in bytes: a line of 8 Mbit/s carries `1MB/s`.",
    bad: "tier cloud {\n    limit upload=\"10Mbit/s\"\n}",
    good: "tier cloud {\n    limit upload=\"1.25MB/s\"\n}",
};
static PERCENTAGE: Rule = Rule {
    code: "plan::value::percentage",
    severity: Severity::Error,
    title: "this is not a percentage",
    why: "A percentage is a number between 0 and 100 and `%`, such as `5%`.",
    bad: "verify contents sample=\"0.05\"",
    good: "verify contents sample=\"5%\"",
};
static TIMEZONE: Rule = Rule {
    code: "plan::value::timezone",
    severity: Severity::Error,
    title: "there is no such time zone",
    why: "Time zones have the names of the IANA database, `Europe/Lisbon` or `America/Sao_Paulo`, which know when the \
          clocks change. An offset such as `GMT-3` does not. Without `timezone` a plan lives in UTC.",
    bad: "plan home {\n    timezone \"GMT-3\"\n}",
    good: "plan home {\n    timezone \"America/Sao_Paulo\"\n}",
};
static LEVEL: Rule = Rule {
    code: "plan::value::compression_level",
    severity: Severity::Error,
    title: "the compression has no such level",
    why: "zstd has the levels 1 to 22, gzip 1 to 9, and `none` has none. zstd 3 is the default: three times as fast \
          as gzip 6, and smaller.",
    bad: "compress gzip level=12",
    good: "compress gzip level=9",
};
static ANNOTATION: Rule = Rule {
    code: "plan::secret::annotation",
    severity: Severity::Error,
    title: "a secret is found in no such way",
    why: "A secret is a reference: `(env)NAME`, an environment variable; `(file)\"PATH\"`, a file; \
          `(command)\"pass show x\"`, the first line that a command prints.",
    bad: "slack (environment)SLACK_WEBHOOK",
    good: "slack (env)SLACK_WEBHOOK",
};

pub(super) static RULES: [&Rule; 7] = [&DURATION, &SIZE, &RATE, &PERCENTAGE, &TIMEZONE, &LEVEL, &ANNOTATION];

/// The ways to find a secret, as annotations.
const SECRETS: [&str; 3] = ["env", "file", "command"];

impl Resolver<'_> {
    pub(super) fn duration(&mut self, value: &Value) -> Option<Spanned<Duration>> {
        self.parse(value, &DURATION, parse_duration, text::duration)
    }

    pub(super) fn size(&mut self, value: &Value) -> Option<Spanned<ByteSize>> {
        self.parse(value, &SIZE, str::parse, text::size)
    }

    pub(super) fn rate(&mut self, value: &Value) -> Option<Spanned<Rate>> {
        self.parse(value, &RATE, str::parse, text::rate)
    }

    pub(super) fn percentage(&mut self, value: &Value) -> Option<Spanned<Percent>> {
        self.parse(value, &PERCENTAGE, str::parse, text::percentage)
    }

    /// A whole number from zero. What is none, the schema has reported.
    pub(super) fn count(&mut self, value: &Value) -> Option<Spanned<u32>> {
        match value.kind {
            ValueKind::Integer(number) => u32::try_from(number).ok().map(|n| Spanned::new(n, value.span)),
            _ => None,
        }
    }

    fn parse<T>(
        &mut self,
        value: &Value,
        rule: &'static Rule,
        parse: fn(&str) -> Result<T, ParseValueError>,
        meant: fn(&str) -> Option<Meant>,
    ) -> Option<Spanned<T>> {
        let text = value.as_str()?;
        match parse(text) {
            Ok(parsed) => Some(Spanned::new(parsed, value.span)),
            Err(error) => {
                let diagnostic = Diagnostic::new(rule, value.span, error.to_string());
                // What is meant must itself be right, or the advice would lead in a circle.
                self.diagnostics.push(match meant(text) {
                    Some(Meant::Text(meant)) if parse(&meant).is_ok() => {
                        let quoted = format!("\"{meant}\"");
                        diagnostic.help(format!("write `{quoted}`")).fix(Fix::replace(value.span, quoted))
                    }
                    Some(Meant::Advice(advice)) => diagnostic.help(advice),
                    _ => diagnostic,
                });
                None
            }
        }
    }

    pub(super) fn timezone(&mut self, value: &Value) -> Option<Spanned<chrono_tz::Tz>> {
        let text = value.as_str()?;
        if let Ok(zone) = text.parse() {
            return Some(Spanned::new(zone, value.span));
        }
        let diagnostic = Diagnostic::new(&TIMEZONE, value.span, format!("there is no time zone `{text}`"));
        self.diagnostics.push(match nearest_zone(text) {
            _ if text::is_offset(text) => diagnostic
                .label("an offset, not a zone")
                .help("name the place, such as `Europe/Lisbon`: it knows when the clocks change"),
            Some(zone) => {
                let quoted = format!("\"{zone}\"");
                diagnostic.help(format!("did you mean `{zone}`?")).fix(Fix::replace(value.span, quoted))
            }
            None => diagnostic.help("use a name of the IANA database, such as `Europe/Lisbon`"),
        });
        None
    }

    /// The level of a compression, if it lies in what `name` has.
    pub(super) fn compression_level(
        &mut self,
        value: &Value,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let ValueKind::Integer(level) = value.kind else { return None };
        if let Some(level) = u32::try_from(level).ok().filter(|level| range.contains(level)) {
            return Some(level);
        }
        let nearest = level.clamp(i128::from(*range.start()), i128::from(*range.end()));
        let message = format!("{name} has no level {level}");
        self.diagnostics.push(
            Diagnostic::new(&LEVEL, value.span, message)
                .label(format!("{} to {}", range.start(), range.end()))
                .help(format!("write `level={nearest}`"))
                .fix(Fix::replace(value.span, nearest.to_string())),
        );
        None
    }

    /// A level where the compression has none.
    pub(super) fn no_compression_level(&mut self, value: &Value) {
        self.diagnostics.push(
            Diagnostic::new(&LEVEL, value.span, "`compress none` has no level")
                .help("remove `level`, or choose `zstd` or `gzip`"),
        );
    }

    /// A secret's reference; text without an annotation is the secret itself.
    pub(super) fn secret(&mut self, value: &Value) -> Option<Spanned<SecretRef>> {
        let text = value.as_str()?;
        let Some(annotation) = &value.annotation else {
            return Some(Spanned::new(SecretRef::Literal(Secret::new(text.to_owned())), value.span));
        };
        let secret = match annotation.value.as_str() {
            "env" => SecretRef::Env(text.to_owned()),
            "file" => SecretRef::File(self.seen_from_the_plan_file(Path::new(text), value)),
            "command" => SecretRef::Command(text.to_owned()),
            other => {
                let message = format!("there is no secret of the kind `({other})`");
                let diagnostic = Diagnostic::new(&ANNOTATION, annotation.span, message);
                self.diagnostics.push(match nearest(other, SECRETS) {
                    Some(near) => {
                        diagnostic.help(format!("did you mean `({near})`?")).fix(Fix::replace(annotation.span, near))
                    }
                    None => diagnostic.help(format!("it is one of {}", list(SECRETS, "or"))),
                });
                return None;
            }
        };
        Some(Spanned::new(secret, value.span))
    }

    /// `before PROGRAM ARGUMENT…`.
    pub(super) fn command(&mut self, node: &Node) -> Option<Command> {
        let mut words = node.arguments.iter().filter_map(argument_text);
        let program = words.next()?;
        Some(Command { program, arguments: words.map(|word| word.value).collect(), span: node.span })
    }
}

/// An argument of a command, which may well be a number.
fn argument_text(value: &Value) -> Option<Spanned<String>> {
    value.to_text().map(|text| Spanned::new(text, value.span))
}

fn nearest_zone(text: &str) -> Option<&'static str> {
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let folded = text.trim().to_lowercase().replace(' ', "_");
    // A city alone is what people remember.
    let is_city = |name: &&str| name.rsplit('/').next().is_some_and(|city| city.to_lowercase() == folded);
    names().find(is_city).or_else(|| nearest(&folded, names()))
}
