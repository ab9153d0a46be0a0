use super::describe;
use super::{Action, CompileError, Compiled, Needs, Selection, compile, projection};
use crate::base::format_duration;
use crate::diagnostics::Diagnostic;
use crate::plan::{Command, Encryption, Key, Notify, Origin, PathSource, Plan, Source, Tier};
use std::fmt::Write;

/// Of the lock's text. A lock of another version is written anew, not compared.
pub const FORMAT_VERSION: u32 = 1;

/// A part that others add: projected cost, diagnostics.
#[derive(Clone, Debug)]
pub struct Section {
    pub title: String,
    /// Stable text: no time, no path of this host.
    pub lines: Vec<String>,
}

/// The lock of a whole plan: all of its steps, what they come to, and what is `said` of it by default.
///
/// # Errors
/// The plan does not compile.
pub fn lock(plan: &Plan, said: &[Diagnostic]) -> Result<String, CompileError> {
    let compiled = compile(plan, &Selection::everything(plan))?;
    Ok(lock_text(plan, &compiled, &projection(plan, said)))
}

/// The compiled plan as text to commit and to review: what it says once
/// everything is resolved, then its steps and their order, then `sections`.
///
/// One fact a line, so that a difference of two locks reads as what changed.
/// No clock, no host path, no secret.
pub fn lock_text(plan: &Plan, compiled: &Compiled, sections: &[Section]) -> String {
    let mut out = Lines(resolved(plan, compiled));
    write_steps(compiled, &mut out);
    write_order(compiled, &mut out);
    let mut text =
        format!("# plan lock, format {FORMAT_VERSION}: what the plan compiles to. Written by `plan lock`.\n");
    for section in out.0.iter().chain(sections) {
        // What others add may break lines too.
        writeln!(text, "\n{}", crate::base::printable(&section.title)).expect("a string takes all");
        for line in &section.lines {
            writeln!(text, "    {}", crate::base::printable(line)).expect("a string takes all");
        }
    }
    text
}

/// What a plan says once everything is resolved, part by part: the plan itself,
/// keys, sources, tiers, channels, jobs. Secrets as references.
pub fn resolved(plan: &Plan, compiled: &Compiled) -> Vec<Section> {
    let mut out = Lines(Vec::new());
    write_plan(plan, &mut out);
    plan.keys.iter().for_each(|key| write_key(key, &mut out));
    plan.sources.iter().for_each(|source| write_source(source, &mut out));
    plan.tiers.iter().for_each(|tier| write_tier(tier, &mut out));
    plan.notify.iter().for_each(|notify| write_notify(notify, &mut out));
    write_jobs(compiled, &mut out);
    out.0
}

struct Lines(Vec<Section>);

impl Lines {
    /// `text` becomes one line: its own line breaks are escaped.
    fn line(&mut self, text: String) {
        let section = self.0.last_mut().expect("every line follows a head");
        section.lines.push(crate::base::printable(&text).into_owned());
    }

    fn head(&mut self, text: &str) {
        self.0.push(Section { title: crate::base::printable(text).into_owned(), lines: Vec::new() });
    }

    fn setting(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(format!("{name} {value}"));
    }

    fn optional(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.setting(name, value);
        }
    }
}

fn write_plan(plan: &Plan, out: &mut Lines) {
    out.head(&format!("plan {}", plan.name.value));
    out.setting("timezone", plan.timezone.value.name());
    out.optional("nice", plan.nice);
    out.optional("rpo", plan.objective.rpo.as_ref().map(|rpo| format_duration(rpo.value)));
    out.optional("rto", plan.objective.rto.as_ref().map(|rto| format_duration(rto.value)));
}

fn write_key(key: &Key, out: &mut Lines) {
    out.head(&format!("key {}", key.name.value));
    for recipient in &key.recipients {
        let note = recipient.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        out.setting("recipient", format!("{}{note}", recipient.text.value));
    }
    for identity in &key.identities {
        out.setting("identity", &identity.secret.value);
    }
    out.optional("passphrase", key.passphrase.as_ref().map(|passphrase| passphrase.value.to_string()));
}

fn write_source(source: &Source, out: &mut Lines) {
    out.head(&format!("source {}", source.name.value));
    match &source.origin {
        Origin::Paths(paths) => write_paths(paths, out),
        Origin::Command { command, file_name } => {
            out.setting("command", describe::command(command));
            out.setting("stdout", &file_name.value);
        }
    }
    let mut hooks = |name: &str, commands: &[Command]| {
        commands.iter().for_each(|command| out.setting(name, describe::command(command)));
    };
    hooks("before", &source.before);
    hooks("after", &source.after);
    out.optional("expect-size", source.expected_size.as_ref().map(|size| size.value));
    out.optional("expect-change", source.expected_change.as_ref().map(|size| size.value));
}

fn write_paths(paths: &PathSource, out: &mut Lines) {
    out.optional("base", paths.base.as_ref().map(|base| base.value.display()));
    paths.include.iter().for_each(|path| out.setting("include", &path.value));
    paths.exclude.iter().for_each(|pattern| out.setting("exclude", &pattern.value));
    paths.exclude_files.iter().for_each(|file| out.setting("exclude-file", file.value.display()));
    paths.exclude_if_present.iter().for_each(|name| out.setting("exclude-if-present", &name.value));
    if paths.exclude_caches {
        out.line("exclude-caches".to_owned());
    }
    if paths.one_file_system {
        out.line("one-file-system".to_owned());
    }
    out.optional("max-file-size", paths.max_file_size.as_ref().map(|size| size.value));
}

fn write_tier(tier: &Tier, out: &mut Lines) {
    out.head(&format!("tier {}", tier.name.value));
    out.optional("from", tier.from.as_ref().map(|from| &from.value));
    out.setting("mode", describe::mode(tier.mode.value));
    out.setting("compress", describe::compression(&tier.compression.value));
    match &tier.encryption {
        Encryption::Key(key) => out.setting("encrypt", &key.value),
        Encryption::None { .. } => out.setting("encrypt", "none"),
    }
    for (name, value) in describe::upload_settings(&super::Upload::of(tier)) {
        out.setting(&name, value);
    }
    out.optional("volume-size", tier.volume_size.as_ref().map(|size| size.value));
    out.setting("keep", tier.keep.as_ref().map_or_else(|| "everything".to_owned(), describe::keep));
    for verify in &tier.verify {
        let sample = verify.sample.as_ref().map(|sample| format!(" sample={}", sample.value)).unwrap_or_default();
        let when = verify.schedule.as_ref().map_or_else(|| "after every upload".to_owned(), describe::schedule);
        out.setting("verify", format!("{}{sample}, {when}", verify.level.value));
    }
}

fn write_notify(notify: &Notify, out: &mut Lines) {
    let (kind, settings) = describe::channel(&notify.channel);
    out.head(&format!("notify {}", notify.name.value));
    out.setting("channel", kind);
    for (name, value) in settings {
        out.setting(&name, value);
    }
    out.setting("on", notify.on.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
}

fn write_jobs(compiled: &Compiled, out: &mut Lines) {
    out.head("jobs");
    for job in &compiled.jobs {
        let when = job.schedule.as_ref().map_or_else(|| "on request".to_owned(), describe::schedule);
        out.line(format!("{}: {when}", job.name));
    }
}

fn write_steps(compiled: &Compiled, out: &mut Lines) {
    out.head("steps");
    for id in compiled.order() {
        let step = compiled.steps.node(*id);
        // What a source, a tier or a channel says stands above, once.
        let settings = match step.action {
            Action::Drill { .. } | Action::Report { .. } => describe::settings(step),
            _ => Vec::new(),
        };
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let colon = if settings.is_empty() { "" } else { ": " };
        out.line(format!("{}{colon}{}", step.id, settings.join(", ")));
    }
}

fn write_order(compiled: &Compiled, out: &mut Lines) {
    out.head("order");
    for edge in compiled.steps.edges() {
        let id = |id| &compiled.steps.node(id).id;
        let condition = match edge.needs {
            Needs::Success => "",
            Needs::Completion => ", in any case",
        };
        out.line(format!("{} → {}{condition}", id(edge.from), id(edge.to)));
    }
}
