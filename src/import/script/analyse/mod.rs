//! From the commands that a script runs to what they back up, send, delete,
//! check and tell.

mod made;
mod moved;
mod service;

pub(super) use moved::covers;

use super::channel::channel;
use super::encrypt::cipher;
use super::engine::engine;
use super::expiry::expiry;
use super::findings::{Check, Findings, Target};
use super::paths::Folder;
use super::transfer::{Around, transfer};
use super::unwrap::{inline, unwrap};
use crate::import::draft::Origin;
use crate::import::location::Remotes;
use crate::import::shell::{Command, Pipeline, Script, Trace, Word, trace};
use std::sync::Arc;

/// Programs that neither keep nor send anything: their absence from the plan is no loss.
const WITHOUT_EFFECT: [&str; 83] = [
    "echo", "printf", "log", "mkdir", "date", "set", "exit", "return", "chmod", "chown", "chgrp", "touch", "test", "[",
    "[[", "true", "false", ":", "sleep", "wc", "du", "df", "cat", "grep", "egrep", "awk", "sed", "cut", "head", "tail",
    "sort", "uniq", "tee", "basename", "dirname", "read", "shift", "logger", "wait", "kill", "hostname", "id",
    "whoami", "umask", "ulimit", "shopt", "pwd", "stat", "sync", "ls", "find", "jq", "seq", "tput", "clear", "numfmt",
    "bc", "expr", "let", "mktemp", "rmdir", "break", "continue", "xargs", "tr", "which", "type", "file", "eval",
    "wait", "ping", "timeout", "local", "pushd", "popd", "renice", "ionice", "trap", "getopts", "python3", "column",
    "nproc", "install",
];

/// `bash -c "bash -c …"`
const MAX_NESTING: usize = 4;

/// Reads what one script, or one command of a crontab, does.
pub(super) fn analyse(script: &Trace, file: &Arc<str>, remotes: &Remotes, others: &[Script<'_>]) -> Findings {
    let mut reader =
        Reader { file: file.clone(), trace: script, remotes, folder: Folder::default(), found: Findings::default() };
    reader.read(&script.pipelines, others, 0);
    reader.found
}

struct Reader<'a> {
    file: Arc<str>,
    trace: &'a Trace,
    remotes: &'a Remotes,
    folder: Folder,
    found: Findings,
}

impl Reader<'_> {
    fn origin(&self, line: usize) -> Origin {
        Origin { file: self.file.clone(), line }
    }

    fn around(&self) -> Around<'_> {
        let text = |names: &[&str]| names.iter().find_map(|name| self.trace.variable(name).and_then(Word::text));
        let region = text(&["AWS_REGION", "AWS_DEFAULT_REGION", "REGION"]).filter(|region| !region.is_empty());
        let endpoint = text(&["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "ENDPOINT_URL"]).filter(|url| !url.is_empty());
        Around { remotes: self.remotes, region, endpoint }
    }

    fn read(&mut self, pipelines: &[Pipeline], others: &[Script<'_>], nesting: usize) {
        for pipeline in pipelines {
            for command in &pipeline.commands {
                let inner = unwrap(command);
                if let Some(text) = inline(&inner).and_then(Word::text)
                    && nesting < MAX_NESTING
                {
                    let nested = trace(text, command.line, others);
                    self.read(&nested.pipelines, others, nesting + 1);
                }
            }
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        if expiry(&pipeline.commands, &self.file, &self.folder, &mut self.found) {
            return;
        }
        for (at, command) in pipeline.commands.iter().enumerate() {
            let origin = self.origin(command.line);
            let inner = unwrap(command);
            if let Some(item) = self.produced(command, &inner, &origin) {
                self.finish(item, &pipeline.commands[at..]);
                return;
            }
        }
        for command in &pipeline.commands {
            self.command(&unwrap(command), pipeline);
        }
    }

    fn command(&mut self, command: &Command, pipeline: &Pipeline) {
        let origin = self.origin(command.line);
        if let Some(call) = cipher(command, &origin) {
            self.cipher(call, &origin);
            return;
        }
        if let Some(engine) = engine(command, &self.folder, &origin, self.trace, self.around()) {
            let mut engine = engine;
            if let Some(source) = &mut engine.source {
                source.before.append(&mut self.found.before);
            }
            self.found.engines.push(engine);
            return;
        }
        if let Some(transfer) = transfer(command, &origin, self.around()) {
            self.transfer(transfer, &origin);
            return;
        }
        if let Some(channel) = channel(command, pipeline.connector, &origin, self.trace) {
            self.found.channels.push(channel);
            return;
        }
        match command.program() {
            "cd" => match command.arguments().first() {
                Some(folder) => self.folder.enter(folder),
                None => self.folder = Folder::at("~"),
            },
            "rm" | "unlink" | "shred" => {
                for word in command.arguments().iter().filter(|word| !word.starts_with("-")) {
                    let pattern = self.folder.pattern(word);
                    self.found.removed.push(pattern);
                }
            }
            "gzip" | "pigz" | "bzip2" | "xz" | "zstd" | "tar" | "unzip" | "gunzip" => self.compressor(command, &origin),
            "sha256sum" | "md5sum" | "sha1sum" | "b2sum" | "sha512sum" | "cksum" => {
                if command
                    .arguments()
                    .iter()
                    .filter_map(Word::text)
                    .any(|text| matches!(text, "-c" | "--check" | "--status"))
                {
                    let files = command.arguments().last().map(|word| self.folder.pattern(word)).unwrap_or_default();
                    self.found.checks.push(Check { target: Target::Files(files), level: "checksum", origin });
                }
            }
            "systemctl" | "service" | "docker" | "docker-compose" | "podman" | "supervisorctl" | "fsfreeze"
            | "virsh" | "pct" | "lxc" | "rc-service" => self.service(command, &origin),
            "" => {}
            program if WITHOUT_EFFECT.contains(&program) => {}
            "bash" | "sh" | "dash" | "ssh-add" | "ssh-agent" => {}
            "curl" | "wget" => {
                self.found.notes.not_carried(Some(&origin), format!("a call of `{}`", command.program()))
            }
            program => {
                let text = format!(
                    "`{}`: if the backup needs it, make it a source's `before` or `after`",
                    printable_program(program)
                );
                self.found.notes.not_carried(Some(&origin), text);
            }
        }
    }
}

/// A program's name, short enough for a message; it is not known, and may be anything.
fn printable_program(program: &str) -> String {
    program.chars().take(40).collect()
}
