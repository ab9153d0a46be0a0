//! Documents: the scripts and crontabs that stand in fenced blocks of a text
//! for people, each as a file of its own that keeps the document's lines.

use super::input::{Input, Kind};
use super::script::is_crontab_line;

/// The languages of blocks that a shell or cron reads.
const LANGUAGES: [&str; 7] = ["bash", "sh", "shell", "zsh", "cron", "crontab", "console"];
/// Blocks of one document.
const MAX_BLOCKS: usize = 100;

/// The blocks of a document in its order; any other file as it is.
pub(super) fn blocks(input: &Input) -> Vec<Input> {
    if input.kind != Kind::Document {
        return vec![input.clone()];
    }
    let mut blocks = Vec::new();
    // The file that the text before a block names last.
    let mut named: Option<String> = None;
    let mut open: Option<(Block, bool)> = None;
    for (at, line) in input.text.lines().enumerate() {
        let fence = line.trim().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => {
                // What says no language may be anything.
                let is_shell = LANGUAGES.contains(&language.trim().to_ascii_lowercase().as_str());
                open = Some((Block { first_line: at + 2, text: String::new() }, is_shell));
            }
            (None, None) => named = file_in(line, '`').or(named),
            (Some((block, is_shell)), Some(_)) => {
                if *is_shell && !block.text.trim().is_empty() && blocks.len() < MAX_BLOCKS {
                    blocks.push(block.input(input, named.take()));
                }
                open = None;
                named = None;
            }
            (Some((block, _)), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
        }
    }
    blocks
}

struct Block {
    first_line: usize,
    text: String,
}

impl Block {
    fn input(&self, document: &Input, named: Option<String>) -> Input {
        let lines = || self.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let is_crontab = lines().next().is_some() && lines().all(is_crontab_line);
        // `# verify_backups.sh - checks them` on top names the script as well.
        let own = self.text.lines().take(3).find_map(|line| file_in(line.trim().strip_prefix('#')?, ' '));
        Input {
            path: document.path.clone(),
            name: document.name.clone(),
            text: self.text.clone(),
            kind: if is_crontab { Kind::Crontab } else { Kind::Script },
            first_line: self.first_line,
            called: named.or(own),
        }
    }
}

/// The name of a script that stands in a line between two such characters.
fn file_in(line: &str, between: char) -> Option<String> {
    let mut parts = line.split(between).map(str::trim);
    let is_script = |part: &&str| [".sh", ".bash"].iter().any(|ending| part.ends_with(ending)) && !part.contains(' ');
    parts.find(is_script).map(str::to_owned)
}
