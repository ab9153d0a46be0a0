//! Services that a script stops before it reads their files, and starts again.

use super::super::dump::looks_secret;
use super::Reader;
use crate::import::draft::{CommandLine, Origin, Sourced};
use crate::import::shell::{Command, TEMPORARY, Word};

impl Reader<'_> {
    /// Stopping something before the backup, starting it again after it.
    pub(super) fn service(&mut self, command: &Command, origin: &Origin) {
        let words: Vec<&str> = command.arguments().iter().filter_map(Word::text).collect();
        let has = |verbs: &[&str]| words.iter().any(|word| verbs.contains(word));
        let stops = has(&["stop", "pause", "down", "suspend", "freeze", "-f", "--freeze"]);
        let starts = has(&["start", "unpause", "up", "restart", "resume", "thaw", "-u", "--unfreeze"]);
        let line = known(command);
        let (Some(line), true) = (line, stops || starts) else {
            if !has(&["is-active", "status", "ps", "inspect", "daemon-reload", "enable", "--version", "info"]) {
                let text =
                    format!("`{}`: if the backup needs it, make it a source's `before` or `after`", command.program());
                self.found.notes.not_carried(Some(origin), text);
            }
            return;
        };
        if stops {
            self.found.before.push(Sourced::new(line, origin));
            return;
        }
        // Whatever was stopped: started again after each source that was read meanwhile.
        let after = Sourced::new(line, origin);
        let items = self.found.items.iter_mut().map(|item| &mut item.source);
        let engines = self.found.engines.iter_mut().filter_map(|engine| engine.source.as_mut());
        let stopped = items.chain(engines).filter(|source| !source.before.is_empty() && source.after.is_empty());
        stopped.for_each(|source| source.after.push(after.clone()));
    }
}

/// The command, if all of it is known and nothing of it looks like a secret.
pub(super) fn known(command: &Command) -> Option<CommandLine> {
    let words: Option<CommandLine> = command.words.iter().map(|word| word.text().map(str::to_owned)).collect();
    words.filter(|words| !looks_secret(&words.join(" ")) && !words.iter().any(|word| word.contains(TEMPORARY)))
}
