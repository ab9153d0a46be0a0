//! Crontabs and scripts together: what runs, by which schedule, and from all of it one draft.

use super::analyse::analyse;
use super::crontab::{Crontab, crontab, merged};
use super::place::{Assembly, Unit};
use super::unwrap;
use crate::import::draft::{Draft, Notes, Origin, Sourced};
use crate::import::input::{Input, Kind};
use crate::import::location::Remotes;
use crate::import::shell::{Script, Trace, Word, trace};
use std::sync::Arc;

/// Reads crontabs and scripts together: a script's schedule is that of the line that runs it.
pub(in crate::import) fn read(inputs: &[Input]) -> Draft {
    let mut draft = Draft::default();
    let mut remotes = Remotes::default();
    for input in inputs.iter().filter(|input| input.kind == Kind::Rclone) {
        remotes.read(&input.text);
    }
    let scripts: Vec<&Input> = inputs.iter().filter(|input| input.kind == Kind::Script).collect();
    let others: Vec<Script<'_>> =
        scripts.iter().map(|input| Script { name: input.script_name(), text: &input.text }).collect();
    let mut runs: Vec<(usize, Sourced<String>)> = Vec::new();
    let mut units: Vec<Unit> = Vec::new();
    let mut missing: Vec<(String, String, Origin)> = Vec::new();
    let has_crontab = inputs.iter().any(|input| input.kind == Kind::Crontab);
    for input in inputs.iter().filter(|input| input.kind == Kind::Crontab) {
        let read = crontab(input);
        timezone(&read, &input.name, &mut draft);
        for job in &read.jobs {
            let origin = Origin { file: input.name.clone(), line: job.line };
            let schedule = Sourced::new(job.schedule.clone(), &origin);
            let mut traced = trace(&job.command, job.line, &others);
            for (name, value, line) in &read.variables {
                traced.variables.entry(name.clone()).or_insert_with(|| Word::of(value, *line));
            }
            let called = called(&traced, &scripts);
            for call in &called {
                match call {
                    Called::Given(at) => runs.push((*at, schedule.clone())),
                    Called::Missing(path) => missing.push((path.clone(), job.schedule.clone(), origin.clone())),
                }
            }
            if called.is_empty() {
                let findings = analyse(&traced, &input.name, &remotes, &others);
                units.push(Unit { schedule: Some(schedule), findings });
            }
        }
        draft.notes.extend(read.notes);
    }
    if has_crontab && draft.timezone.is_none() {
        draft.timezone = Some(Sourced::invented("UTC".to_owned()));
        draft.notes.fill_in(None, "`timezone`: cron goes by the machine's zone, which the input does not say");
    }
    // Scripts in the order in which they were given, before the loose commands of the crontab.
    let mut all: Vec<Unit> = Vec::new();
    for (at, input) in scripts.iter().enumerate() {
        let schedule = schedule_of(at, &runs, &mut draft.notes);
        let traced = trace(&input.text, input.first_line, &others);
        let is_read_by_another = schedule.is_none() && only_sets_variables(&traced);
        for (file, line) in &traced.missing {
            let origin = Origin { file: input.name.clone(), line: *line };
            draft.notes.not_carried(Some(&origin), format!("what `{file}` sets: give it to `plan import` too"));
        }
        if traced.is_cut {
            draft.notes.not_carried(
                Some(&input.origin(input.first_line)),
                "the end of a script that does more than is followed",
            );
        }
        commented_out(input, &mut draft.notes);
        if !is_read_by_another {
            let findings = analyse(&traced, &input.name, &remotes, &others);
            all.push(Unit { schedule, findings });
        }
    }
    all.append(&mut units);
    for (path, schedule, origin) in missing {
        let text = format!("`{path}` (`{schedule}`): what it does is not known; give the script to `plan import` too");
        draft.notes.not_carried(Some(&origin), text);
    }
    let mut assembly = Assembly::new(draft);
    for unit in &mut all {
        assembly.place_items(unit);
    }
    for unit in &all {
        assembly.place_rest(unit);
    }
    assembly.into_draft()
}

enum Called {
    Given(usize),
    /// A script that is not among the inputs.
    Missing(String),
}

/// The scripts that a command of a crontab runs.
fn called(traced: &Trace, scripts: &[&Input]) -> Vec<Called> {
    let mut called = Vec::new();
    for command in traced.pipelines.iter().flat_map(|pipeline| &pipeline.commands) {
        let inner = unwrap::unwrap(command);
        let Some(path) = unwrap::script(&inner).and_then(Word::text) else { continue };
        let base = path.rsplit('/').next().unwrap_or_default();
        let given = scripts.iter().position(|input| input.script_name().rsplit('/').next() == Some(base));
        match given {
            Some(at) => called.push(Called::Given(at)),
            None if [".sh", ".bash", ".py", ".pl", ".rb"].iter().any(|ending| base.ends_with(ending)) => {
                called.push(Called::Missing(path.to_owned()));
            }
            None => {}
        }
    }
    called
}

fn timezone(read: &Crontab, file: &Arc<str>, draft: &mut Draft) {
    let Some((zone, line)) = &read.timezone else { return };
    let origin = Origin { file: file.clone(), line: *line };
    if zone.parse::<chrono_tz::Tz>().is_ok() {
        draft.timezone = Some(Sourced::new(zone.clone(), &origin));
    } else {
        draft.notes.fill_in(Some(&origin), "`timezone`: the one that stands there is not known");
    }
}

/// The one schedule of a script; several become one where they can.
fn schedule_of(script: usize, runs: &[(usize, Sourced<String>)], notes: &mut Notes) -> Option<Sourced<String>> {
    let mut schedules = runs.iter().filter(|(at, _)| *at == script).map(|(_, schedule)| schedule);
    let mut first = schedules.next()?.clone();
    for other in schedules {
        match merged(&first.value, &other.value) {
            Some(both) => first.value = both,
            None => notes.not_carried(
                other.origin.as_ref(),
                format!("the second schedule `{}` of a script: a source goes to a tier by one", other.value),
            ),
        }
    }
    Some(first)
}

/// Messages that a script does not send, for they stand in comments.
fn commented_out(input: &Input, notes: &mut Notes) {
    for (number, line) in input.text.lines().enumerate() {
        let Some(comment) = line.trim().strip_prefix('#') else { continue };
        let sends = ["curl ", "wget "].iter().any(|program| comment.trim_start().starts_with(program));
        if sends
            && ["hooks.slack.com", "hc-ping.com", "ntfy", "api.telegram.org", "discord"]
                .iter()
                .any(|host| comment.contains(host))
        {
            let origin = input.origin(input.first_line + number);
            notes.not_carried(Some(&origin), "a message that is commented out there; `notify` sends messages");
        }
    }
}

/// A file for others to read, such as `/etc/backup.env`.
fn only_sets_variables(traced: &Trace) -> bool {
    traced.pipelines.is_empty() && !traced.variables.is_empty()
}
