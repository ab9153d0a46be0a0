//! What deletes old backups: by age, or all but so many.

use super::findings::{Expiry, Findings, Target};
use super::paths::Folder;
use super::unwrap::unwrap;
use crate::import::draft::Origin;
use crate::import::shell::{Command, Word};
use std::sync::Arc;

/// `find … -mtime +N -delete`, `ls -t … | tail -n +N | xargs rm`; whether it was one.
pub(super) fn expiry(commands: &[Command], file: &Arc<str>, folder: &Folder, found: &mut Findings) -> bool {
    let commands: Vec<Command> = commands.iter().map(unwrap).collect();
    let Some(first) = commands.first() else { return false };
    let origin = Origin { file: file.clone(), line: first.line };
    let removes_later = commands[1..].iter().any(|command| {
        command.program() == "rm"
            || (command.program() == "xargs"
                && command.arguments().iter().any(|word| matches!(word.text(), Some("rm" | "/bin/rm"))))
    });
    match first.program() {
        "find" => {
            let texts: Vec<String> = first.arguments().iter().map(Word::pattern).collect();
            let after = |option: &str| texts.iter().position(|text| text == option).and_then(|at| texts.get(at + 1));
            let removes = removes_later
                || texts.iter().any(|text| text == "-delete")
                || after("-exec").or(after("-execdir")).is_some_and(|program| program.ends_with("rm"));
            if !removes {
                return false;
            }
            let folders: Vec<&Word> = first.arguments().iter().take_while(|word| !word.starts_with("-")).collect();
            let number = |text: &String| text.strip_prefix('+').and_then(|number| number.parse::<u32>().ok());
            let age = after("-mtime")
                .or(after("-ctime"))
                .and_then(number)
                .map(|days| format!("{}d", days.max(1)))
                .or_else(|| after("-mmin").and_then(number).map(|minutes| format!("{}m", minutes.max(1))));
            for path in folders {
                let pattern = folder.pattern(path);
                let target = Target::Files(pattern.trim_end_matches("/*").to_owned());
                match &age {
                    Some(age) => {
                        found.expiries.push(Expiry { target, rule: ("within", age.clone()), origin: origin.clone() })
                    }
                    None => found.notes.not_carried(
                        Some(&origin),
                        "`find` deletes by something else than age: say what stays with `keep`",
                    ),
                }
            }
            true
        }
        "ls" if commands.len() > 1 => {
            let Some(count) = commands[1..].iter().find_map(newest) else { return false };
            let Some(files) = first.arguments().iter().rev().find(|word| !word.starts_with("-")) else {
                return true;
            };
            let target = Target::Files(folder.pattern(files));
            found.expiries.push(Expiry { target, rule: ("last", count.to_string()), origin });
            true
        }
        _ => false,
    }
}

/// How many `tail -n +N` or `head -n -N` leave.
fn newest(command: &Command) -> Option<u32> {
    let texts: Vec<String> = command.arguments().iter().map(Word::pattern).collect();
    let joined = texts.join(" ");
    let number = |prefixes: [&str; 3]| {
        let rest = prefixes.iter().find_map(|prefix| joined.strip_prefix(prefix))?;
        rest.split_whitespace().next()?.parse::<u32>().ok()
    };
    match command.program() {
        "tail" => number(["-n +", "-n+", "+"]).and_then(|first| first.checked_sub(1)).filter(|count| *count > 0),
        "head" => number(["-n -", "-n-", "--lines=-"]).filter(|count| *count > 0),
        _ => None,
    }
}
