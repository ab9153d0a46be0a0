//! Commands that other programs' settings hold as text: what they tell, and
//! what they do before and after a backup.

use super::channel::channel;
use super::crontab::crontab;
use super::dump::looks_secret;
use super::unwrap::unwrap;
use crate::import::draft::{ChannelDraft, CommandLine, Origin, Sourced};
use crate::import::input::Input;
use crate::import::shell::{Word, trace};

/// What one text of commands is.
#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Hook {
    /// Messages that it sends.
    pub channels: Vec<ChannelDraft>,
    /// The command itself, if it does more than that and holds no secret.
    pub command: Option<CommandLine>,
    /// It does more, and cannot be carried over because of a secret.
    pub has_secret: bool,
}

/// Reads a text of shell commands.
pub(in crate::import) fn hook(text: &str, origin: &Origin) -> Hook {
    let traced = trace(text, origin.line, &[]);
    let mut hook = Hook::default();
    let mut does_more = false;
    for pipeline in &traced.pipelines {
        for command in &pipeline.commands {
            let inner = unwrap(command);
            // The line within the text is of no use in the file.
            match channel(&inner, pipeline.connector, origin, &traced) {
                Some(channel) => hook.channels.push(channel),
                None if matches!(inner.program(), "echo" | "printf" | "true" | ":" | "logger") => {}
                None => does_more = true,
            }
        }
    }
    if !does_more {
        return hook;
    }
    if looks_secret(text) {
        hook.has_secret = true;
        return hook;
    }
    // A single command of plain words needs no shell.
    let words = match &traced.pipelines[..] {
        [pipeline] => match &pipeline.commands[..] {
            [command]
                if command.redirects.is_empty()
                    && command.environment.is_empty()
                    && !text.contains(['$', '`', '*', '~', '\n', ';', '&']) =>
            {
                command.words.iter().map(|word| Word::text(word).map(str::to_owned)).collect::<Option<CommandLine>>()
            }
            _ => None,
        },
        _ => None,
    };
    hook.command = Some(words.unwrap_or_else(|| vec!["sh".to_owned(), "-c".to_owned(), text.trim().to_owned()]));
    hook
}

/// The schedule of the line of a crontab that runs a program.
pub(in crate::import) fn schedule_of_program(input: &Input, program: &str) -> Option<Sourced<String>> {
    crontab(input).jobs.into_iter().find_map(|job| {
        let traced = trace(&job.command, job.line, &[]);
        let mut commands = traced.pipelines.iter().flat_map(|pipeline| &pipeline.commands);
        let runs = commands.any(|command| unwrap(command).program() == program);
        runs.then(|| Sourced::new(job.schedule, &Origin { file: input.name.clone(), line: job.line }))
    })
}

/// The time zone that a crontab says.
pub(in crate::import) fn zone_of(input: &Input) -> Option<Sourced<String>> {
    let (zone, line) = crontab(input).timezone?;
    let is_zone = zone.parse::<chrono_tz::Tz>().is_ok();
    is_zone.then(|| Sourced::new(zone, &Origin { file: input.name.clone(), line }))
}
