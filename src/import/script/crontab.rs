//! Crontabs: schedules, and the commands that run on them.

use crate::import::draft::{Notes, Origin};
use crate::import::input::Input;
use crate::schedule::CronExpression;

/// One line of a crontab.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub schedule: String,
    pub command: String,
    pub line: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Crontab {
    pub jobs: Vec<Job>,
    pub timezone: Option<(String, usize)>,
    /// `NAME=value` lines, for the commands.
    pub variables: Vec<(String, String, usize)>,
    pub notes: Notes,
}

/// Names for whole schedules, and `@reboot`.
const WORDS: [&str; 7] = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];

/// Whether a line looks like one of a crontab: five fields or a word, and a command.
pub(super) fn is_job(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with('#') {
        return false;
    }
    let words: Vec<&str> = line.split_whitespace().take(6).collect();
    match words.first() {
        Some(first) if first.starts_with('@') => words.len() >= 2 && (WORDS.contains(first) || *first == "@reboot"),
        _ => words.len() == 6 && words[..5].join(" ").parse::<CronExpression>().is_ok(),
    }
}

/// Reads a crontab; the file's name tells whether its lines name a user.
pub(super) fn crontab(input: &Input) -> Crontab {
    let file = &input.name;
    let mut crontab = Crontab::default();
    let is_system = input.path.contains("/etc/cron") || file.ends_with("etc-crontab");
    for (number, line) in input.text.lines().enumerate() {
        let at = input.first_line + number;
        let line = line.trim();
        let origin = Origin { file: file.clone(), line: at };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            match name {
                "CRON_TZ" | "TZ" => crontab.timezone = Some((value.to_owned(), at)),
                "MAILTO" if value.is_empty() => {}
                "MAILTO" => crontab.notes.differs(
                    Some(&origin),
                    "MAILTO stays in the crontab: cron mails what `plan run` prints, which is something only when there is something to say",
                ),
                _ => crontab.variables.push((name.to_owned(), value.to_owned(), at)),
            }
            continue;
        }
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let Some((schedule, mut command)) = split_fields(line, fields) else {
            crontab.notes.not_carried(Some(&origin), "a line that is none of a crontab");
            continue;
        };
        let user_and_rest = command.split_once(char::is_whitespace);
        if let Some((user, rest)) = user_and_rest
            && (is_system || user == "root")
        {
            command = rest.trim_start();
        }
        if schedule == "@reboot" {
            crontab.notes.not_carried(Some(&origin), "a command that runs when the machine starts");
            continue;
        }
        if let Err(error) = schedule.parse::<CronExpression>() {
            crontab.notes.not_carried(Some(&origin), format!("a line whose schedule is none: {error}"));
            continue;
        }
        crontab.jobs.push(Job { schedule, command: percent(command), line: at });
    }
    crontab
}

/// The first so many fields, joined by single spaces, and the rest.
fn split_fields(line: &str, count: usize) -> Option<(String, &str)> {
    let mut fields = Vec::new();
    let mut rest = line;
    for _ in 0..count {
        let (field, tail) = rest.split_once(char::is_whitespace)?;
        fields.push(field);
        rest = tail.trim_start();
    }
    (!rest.is_empty()).then(|| (fields.join(" "), rest))
}

fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    is_name.then(|| (name, unquoted.unwrap_or(value)))
}

/// In a crontab `\%` is a percent sign, and a bare one ends the command.
fn percent(command: &str) -> String {
    let mut text = String::new();
    let mut characters = command.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'%') => {
                characters.next();
                text.push('%');
            }
            '%' => break,
            _ => text.push(character),
        }
    }
    text
}

/// One schedule for two that differ in one field only: `0 2 * * *` and `0 14 * * *` are `0 2,14 * * *`.
pub(in crate::import) fn merged(one: &str, other: &str) -> Option<String> {
    if one == other {
        return Some(one.to_owned());
    }
    let (ones, others): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    let differing: Vec<usize> = (0..5).filter(|at| ones.get(*at) != others.get(*at)).collect();
    let (&[at], 5, 5) = (&differing[..], ones.len(), others.len()) else { return None };
    if ones[at] == "*" || others[at] == "*" {
        return None;
    }
    let mut fields: Vec<String> = ones.iter().map(|field| (*field).to_owned()).collect();
    fields[at] = format!("{},{}", ones[at], others[at]);
    Some(fields.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::input::Kind;

    #[test]
    fn lines_of_every_kind_are_read() {
        let text = "# a comment\nMAILTO=\"ops@example.org\"\nCRON_TZ=Europe/Lisbon\nPATH = /bin\n\n0 */4 * * *\t/opt/b.sh >/dev/null 2>&1\n@daily root x $(date +\\%F) % stdin\n@reboot y\n61 * * * * z\nnonsense\n";
        let read = crontab(&Input::new("crontab", text.as_bytes(), Some(Kind::Crontab)).unwrap());
        let jobs: Vec<String> =
            read.jobs.iter().map(|job| format!("{}: {} | {}", job.line, job.schedule, job.command)).collect();
        assert_eq!(jobs, ["6: 0 */4 * * * | /opt/b.sh >/dev/null 2>&1", "7: @daily | x $(date +%F) "]);
        assert_eq!(read.timezone, Some(("Europe/Lisbon".to_owned(), 3)));
        assert_eq!(read.notes.iter().count(), 4);
        assert!(is_job("0 2 * * 0 /x") && is_job("@daily x") && !is_job("0 2 * * 0") && !is_job("for a in b c d e f"));
    }

    #[test]
    fn schedules_that_differ_in_one_field_become_one() {
        assert_eq!(merged("0 2 * * *", "0 14 * * *").as_deref(), Some("0 2,14 * * *"));
        assert_eq!(merged("0 2 * * *", "30 14 * * *"), None);
        assert_eq!(merged("@daily", "0 2 * * *"), None);
    }
}
