//! `plan init`: a starter plan for this machine, from a template.

use super::super::failure::{Failure, Outcome};
use super::super::output::Output;
use super::super::{plan_file, prompt};
use crate::base::{Context, Exit};
use crate::diagnostics::Severities;
use clap::ValueEnum;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Write a commented starter plan
///
/// The plan passes `plan check` and runs as it is: it takes the folders that it finds
/// here, and the first run makes its key. On a terminal it asks where the backups
/// shall go. A file that exists is never overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan init                              plan.kdl for a computer and a disk
  plan init --store /media/disk/backup
  plan init --template server /etc/plan/server.kdl
  plan init --template rpa plans/rpa.kdl
A plan from a crontab and scripts, borgmatic or resticprofile: `plan import`.")]
pub(in crate::cli) struct Arguments {
    /// Where to write it.
    #[arg(default_value = "plan.kdl", hide_default_value = true)]
    file: PathBuf,
    /// What to start from: `home`, one computer and a disk; `server`, a machine and its configuration; `rpa`, three
    /// tiers as a small company has them, to be read and changed.
    #[arg(
        long,
        value_enum,
        default_value_t = Template::Home,
        value_name = "NAME",
        hide_default_value = true,
        hide_possible_values = true
    )]
    template: Template,
    /// The folder that backups go to.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    Home,
    Server,
    Rpa,
}

/// Folders that a home often has and whose loss hurts.
const HOME_FOLDERS: [&str; 7] = ["Documents", "Pictures", "Music", "Videos", "Projects", "Desktop", ".config"];
/// Folders that make a server what it is.
const SERVER_FOLDERS: [&str; 6] = ["/etc", "/home", "/root", "/srv", "/var/www", "/opt"];

const RPA: &str = include_str!("../../../../plans/rpa.kdl");

impl Template {
    /// The folder that backups go to unless another is named.
    fn store(self) -> &'static str {
        match self {
            Self::Home => "/media/backup/{host}",
            Self::Server | Self::Rpa => "/var/backups/plan",
        }
    }

    fn text(self, file: &Path, store: &str, context: &Context) -> String {
        let text = match self {
            Self::Home => include_str!("home.kdl"),
            Self::Server => include_str!("server.kdl"),
            Self::Rpa => return RPA.to_owned(),
        };
        text.replace("@PLAN_FILE@", &file.display().to_string())
            .replace("@TIMEZONE@", time_zone(context))
            .replace("\"@STORE@\"", &quoted(store))
            .replace("@INCLUDE@", &self.include(context))
    }

    /// The folders of this machine that are worth saving; without any, what the template is made for.
    fn include(self, context: &Context) -> String {
        let (folders, keyword) = match self {
            Self::Home => (&HOME_FOLDERS[..], "include "),
            Self::Server | Self::Rpa => (&SERVER_FOLDERS[..], ""),
        };
        let exists = |folder: &&&str| context.home.join(folder).is_dir();
        let found: Vec<String> = folders.iter().filter(exists).map(|folder| quoted(folder)).collect();
        match (found.is_empty(), self) {
            (false, _) => format!("{keyword}{}", found.join(" ")),
            (true, Self::Home) => {
                "// All of the home folder; `include Documents Pictures` would name parts of it.".to_owned()
            }
            (true, _) => quoted("/etc"),
        }
    }
}

/// Text as a KDL string: bare where it can be.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

fn time_zone(context: &Context) -> &str {
    let named = context.variable("TZ").map(|zone| zone.trim_start_matches(':'));
    named.filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok()).unwrap_or("UTC")
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let shown = arguments.file.display();
    let path = context.working_directory.join(&arguments.file);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::failed(format!("`{shown}` exists already"))
            .help("choose another name; a plan is never overwritten"),
        _ => Failure::failed(format!("cannot write `{shown}`")).because(&error),
    };
    // Before a question is asked in vain; opening checks again, atomically.
    if path.symlink_metadata().is_ok() {
        return Err(failed(ErrorKind::AlreadyExists.into()));
    }
    let store = match (&arguments.store, arguments.template) {
        (Some(store), _) => context.working_directory.join(store).display().to_string(),
        (None, Template::Rpa) => String::new(),
        (None, template) => prompt::line("Where shall backups go?", template.store())?,
    };
    let text = arguments.template.text(&path, &store, context);
    let checked = plan_file::check_content(&path, &text, Severities::default(), context);
    if checked.has_errors() {
        // Only what was typed can be at fault: the rest is tested.
        return Err(Failure::usage(format!("`{store}` cannot be the folder of a store")).help("name a plain folder"));
    }
    plan_file::create(&path, &text).map_err(failed)?;
    if output.json {
        output.document(&serde_json::json!({ "plan_file": path.display().to_string() }))?;
        return Ok(Exit::Done);
    }
    output.note(&format!("wrote `{shown}`"));
    if arguments.template == Template::Rpa {
        output.help("its recipients are examples that nobody can read with: put your own in (`plan key new`)");
    }
    output.help(&format!("look through it, then: `plan check {shown}`, `plan run {shown}`"));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Environment, FixedClock};
    use std::sync::Arc;

    #[test]
    fn every_template_passes_its_check_and_asks_only_for_a_second_key_and_place() {
        let folder = tempfile::tempdir().expect("a folder");
        for with_folders in [false, true] {
            if with_folders {
                std::fs::create_dir(folder.path().join("Documents")).expect("made");
            }
            let context = Context {
                clock: Arc::new(FixedClock("2026-11-24T09:00:00Z".parse().expect("a time"))),
                environment: Environment::from([("TZ".to_owned(), "Europe/Lisbon".to_owned())]),
                home: folder.path().to_owned(),
                state: folder.path().join("state"),
                working_directory: folder.path().to_owned(),
                host: "host".to_owned(),
                seed: None,
            };
            for template in [Template::Home, Template::Server] {
                let text = template.text(Path::new("plan.kdl"), template.store(), &context);
                let checked = plan_file::check_content(Path::new("plan.kdl"), &text, Severities::default(), &context);
                assert!(!text.contains('@'), "{text}");
                let said: Vec<&str> = checked.diagnostics.iter().map(|diagnostic| diagnostic.code()).collect();
                // What goes away with a second key and a second place, which nobody can choose for them.
                let expected = [
                    "plan::security::key_lost_with_host",
                    "plan::security::one_recipient",
                    "plan::objectives::site",
                    "plan::objectives::disk",
                ];
                assert!(checked.plan().is_some(), "{template:?}: {said:?}");
                assert!(said.iter().all(|code| expected.contains(code)), "{template:?}: {said:?}");
            }
        }
    }

    #[test]
    fn odd_folders_are_quoted() {
        assert_eq!(quoted("Documents"), "Documents");
        assert_eq!(quoted(".config"), "\".config\"");
        assert_eq!(quoted("a \"b\""), "\"a \\\"b\\\"\"");
    }
}
