//! The command behind `sudo`, `nice`, `flock`, `timeout` and the like.

use crate::import::shell::{Command, Word};

/// Programs that run another, and their options that take a value.
const WRAPPERS: [(&str, &[&str], usize); 17] = [
    ("sudo", &["u", "g", "user", "group", "h"], 0),
    ("doas", &["u"], 0),
    ("nice", &["n", "adjustment"], 0),
    ("ionice", &["c", "n", "class", "classdata", "t"], 0),
    ("chrt", &["p"], 1),
    ("timeout", &["s", "k", "signal", "kill-after"], 1),
    ("flock", &["w", "wait", "timeout", "E"], 1),
    ("env", &["u", "C"], 0),
    ("nohup", &[], 0),
    ("time", &["f", "o"], 0),
    ("exec", &[], 0),
    ("command", &[], 0),
    ("chronic", &[], 0),
    ("cronic", &[], 0),
    ("setsid", &[], 0),
    ("eatmydata", &[], 0),
    ("systemd-inhibit", &["what", "who", "why", "mode"], 0),
];

/// Wrappers around wrappers.
const MAX_LAYERS: usize = 8;

/// The inner command; `command` itself if nothing is wrapped around it.
pub(super) fn unwrap(command: &Command) -> Command {
    let mut inner = command.clone();
    for _ in 0..MAX_LAYERS {
        let Some(at) = inner_command(&inner.words) else { break };
        let mut environment = Vec::new();
        let rest = inner.words.split_off(at);
        if rest.is_empty() {
            inner.words.truncate(at);
            break;
        }
        for word in &inner.words[1..] {
            if let Some((name, value)) = word.text().and_then(|text| text.split_once('=')) {
                environment.push((name.to_owned(), Word::of(value, word.line)));
            }
        }
        inner.environment.extend(environment);
        inner.words = rest;
    }
    inner
}

/// Where the inner command begins, if the program is a wrapper.
fn inner_command(words: &[Word]) -> Option<usize> {
    let program = words.first()?.text()?.rsplit('/').next()?;
    let (_, with_value, positional) = WRAPPERS.iter().find(|(name, _, _)| *name == program)?;
    let mut at = 1;
    let mut left = *positional;
    while let Some(word) = words.get(at) {
        let text = word.text().unwrap_or_default();
        if let Some(option) = text.strip_prefix('-') {
            at += 1;
            if with_value.contains(&option.trim_start_matches('-')) {
                at += 1;
            }
        } else if program == "env" && text.contains('=') {
            at += 1;
        } else if left > 0 {
            left -= 1;
            at += 1;
        } else {
            return Some(at);
        }
    }
    None
}

/// The script that a shell is told to run: `bash -e /opt/backup.sh`.
pub(super) fn script(command: &Command) -> Option<&Word> {
    let interprets = matches!(
        command.program(),
        "bash" | "sh" | "dash" | "zsh" | "ksh" | "ash" | "python" | "python3" | "perl" | "ruby" | "php" | "node"
    );
    if !interprets {
        return command.words.first();
    }
    let mut words = command.arguments().iter();
    loop {
        let word = words.next()?;
        match word.text() {
            Some("-c") => return None,
            Some("-o") => {
                words.next();
            }
            Some(text) if text.starts_with('-') => {}
            _ => return Some(word),
        }
    }
}

/// The text that a shell is told to run: `bash -c "…"`.
pub(super) fn inline(command: &Command) -> Option<&Word> {
    let is_shell = matches!(command.program(), "bash" | "sh" | "dash" | "zsh" | "ksh" | "ash");
    let at = command.arguments().iter().position(|word| {
        word.text().is_some_and(|text| text.starts_with('-') && !text.starts_with("--") && text.ends_with('c'))
    });
    if is_shell { command.arguments().get(at? + 1) } else { None }
}
