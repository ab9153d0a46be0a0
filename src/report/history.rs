use super::{Moments, Outcome, RunReport, RunStatus, Severity};
use crate::base::{ByteSize, Cell, Column, Paint, Style, Table, counted, format_duration, grouped};

/// A run as one line of a history file, without the line break: the report as JSON.
pub fn history_line(run: &RunReport) -> String {
    run.json().to_string()
}

/// The runs of a history file, in its order, and how many lines could not be read.
///
/// A crash can leave half a last line, and another version may have written
/// more: neither hides the rest.
pub fn read_history(text: &str) -> (Vec<RunReport>, usize) {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut unreadable = 0;
    let runs = lines.filter_map(|line| serde_json::from_str(line).inspect_err(|_| unreadable += 1).ok()).collect();
    (runs, unreadable)
}

/// Past runs, one a row, in the order given.
pub fn history_table(runs: &[RunReport], moments: &Moments, width: usize, style: Style) -> String {
    let mut table = Table::new([
        Column::left("started"),
        Column::left("result"),
        Column::left("jobs"),
        Column::right("files").optional(2),
        Column::right("read").optional(1),
        Column::right("stored"),
        Column::right("time"),
        Column::left("problem").cut().optional(3),
    ]);
    for run in runs {
        let paint = match run.status() {
            RunStatus::Success => Paint::Good,
            RunStatus::Partial => Paint::Warn,
            RunStatus::Failed | RunStatus::Cancelled => Paint::Bad,
        };
        let backups = || run.jobs.iter().filter_map(|job| job.backup.as_ref());
        table.row([
            moments.absolute(run.started).into(),
            Cell::painted(paint, run.status().word()),
            jobs(run).into(),
            grouped(backups().map(|backup| backup.files).sum()).into(),
            ByteSize(backups().map(|backup| backup.bytes_read).sum()).to_string().into(),
            ByteSize(backups().map(|backup| backup.bytes_stored).sum()).to_string().into(),
            format_duration(run.duration()).into(),
            problem(run).into(),
        ]);
    }
    table.render(width, style)
}

/// `3`, or `2 of 3` where not all are done.
fn jobs(run: &RunReport) -> String {
    let done = run.jobs.iter().filter(|job| job.outcome == Outcome::Success).count();
    if done == run.jobs.len() { done.to_string() } else { format!("{done} of {}", run.jobs.len()) }
}

/// The first and worst thing that went wrong.
fn problem(run: &RunReport) -> String {
    let of_run = run.problems.iter().find(|problem| problem.severity == Severity::Error);
    let of_run = of_run.map(|problem| match &problem.step {
        Some(step) => format!("{step}: {}", problem.message),
        None => problem.message.clone(),
    });
    let failed = run.jobs.iter().find_map(|job| match &job.outcome {
        Outcome::Failed { failure } => Some(format!("{}: {failure}", job.job)),
        _ => None,
    });
    let unreadable = run.jobs.iter().find(|job| job.unreadable.total > 0);
    let unreadable =
        unreadable.map(|job| format!("{}: {} could not be read", job.job, counted(job.unreadable.total, "path")));
    failed.or(of_run).or(unreadable).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn past_runs_as_a_table() {
        let runs = [sample::good_run(), sample::partial_run()];
        let moments = Moments { now: sample::at(24, 12, 0), zone: chrono_tz::UTC };
        insta::assert_snapshot!(history_table(&runs, &moments, 110, Style::PLAIN));
        insta::assert_snapshot!(history_table(&runs, &moments, 60, Style::PLAIN));
    }

    #[test]
    fn history_reads_back_and_survives_a_torn_last_line() {
        let runs = vec![sample::good_run(), sample::partial_run()];
        let text: String = runs.iter().map(|run| history_line(run) + "\n").collect();
        assert_eq!(read_history(&text), (runs.clone(), 0));
        let torn = &text[..text.len() - 20];
        assert_eq!(read_history(torn), (runs[..1].to_vec(), 1));
    }
}
