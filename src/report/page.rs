use super::document::{Document, GridColumn};
use super::summary::{changes, closing};
use super::{DrillReport, Moments, Outcome, RunReport, Severity};
use crate::base::{ByteSize, counted, format_duration, grouped};
use crate::files::display_path;
use chrono_tz::Tz;

/// How many unreadable paths of one job a message names. Chosen: messages are short.
const MAX_NAMED_PATHS: usize = 5;

const COLUMNS: [GridColumn; 8] = [
    GridColumn::text("tier"),
    GridColumn::text("source"),
    GridColumn::text("result"),
    GridColumn::number("files"),
    GridColumn::text("changes"),
    GridColumn::number("read"),
    GridColumn::number("stored"),
    GridColumn::number("time"),
];

/// A run as a document, for a mail or a page; times in `zone`.
pub fn run_document(run: &RunReport, zone: Tz) -> Document {
    let moments = Moments { now: run.finished, zone };
    let status = run.status().word();
    let mut document =
        Document::new(format!("{} on {}: {status}, {}", run.plan, run.host, moments.absolute(run.started)));
    document.paragraph(closing(run, &moments));
    let problems = problems(run);
    if !problems.is_empty() {
        document.heading("Problems");
        document.list(problems);
    }
    if !run.jobs.is_empty() {
        document.heading("Jobs");
        document.table(&COLUMNS, rows(run));
    }
    if !run.drills.is_empty() {
        document.heading("Restore drills");
        document.list(run.drills.iter().map(DrillReport::sentence).collect());
    }
    document
}

fn rows(run: &RunReport) -> Vec<Vec<String>> {
    let row = |job: &super::JobReport| {
        let backup = |text: fn(&super::BackupReport) -> String| job.backup.as_ref().map(text).unwrap_or_default();
        let time = if job.duration.is_zero() { String::new() } else { format_duration(job.duration) };
        vec![
            job.job.tier.clone(),
            job.job.source.clone(),
            job.outcome.word().to_owned(),
            backup(|backup| grouped(backup.files)),
            backup(changes),
            backup(|backup| ByteSize(backup.bytes_read).to_string()),
            backup(|backup| ByteSize(backup.bytes_stored).to_string()),
            time,
        ]
    };
    run.jobs.iter().map(row).collect()
}

/// What went wrong, the worst first, one line each.
fn problems(run: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    let with_help = |line: String, help: &Option<String>| match help {
        Some(help) => format!("{line}; help: {help}"),
        None => line,
    };
    for job in &run.jobs {
        if let Outcome::Failed { failure } = &job.outcome {
            let whose = failure.step.clone().unwrap_or_else(|| job.job.to_string());
            lines.push(with_help(format!("{whose}: {failure}"), &failure.help));
        }
    }
    for problem in &run.problems {
        let step = problem.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
        let word = if problem.severity == Severity::Warning { "warning: " } else { "" };
        lines.push(with_help(format!("{step}{word}{}", problem.message), &problem.help));
    }
    for job in &run.jobs {
        if let Outcome::Skipped { because } = &job.outcome {
            lines.push(format!("{}: skipped because {because}", job.job));
        }
        let unreadable = &job.unreadable;
        if unreadable.total > 0 {
            let named = unreadable.paths.iter().take(MAX_NAMED_PATHS);
            let mut named: Vec<String> =
                named.map(|path| format!("`{}` ({})", display_path(&path.path.0), path.reason)).collect();
            let more = unreadable.total - named.len() as u64;
            if more > 0 {
                named.push(format!("and {} more", grouped(more)));
            }
            let count = counted(unreadable.total, "path");
            lines.push(format!("{}: {count} could not be read: {}", job.job, named.join(", ")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_as_a_message() {
        insta::assert_snapshot!(run_document(&sample::partial_run(), chrono_tz::UTC).markdown());
    }
}
