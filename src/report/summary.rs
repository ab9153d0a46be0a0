use super::{Failure, JobReport, Moments, Outcome, RunReport, RunStatus, Severity};
use crate::base::{ByteSize, Cell, Column, Paint, Style, Table, counted, format_duration, grouped, printable, wrap};
use crate::files::display_path;
use chrono_tz::Tz;

/// How many unreadable paths of one job are shown. Chosen; JSON has more.
const MAX_SHOWN_PATHS: usize = 10;

/// The run for the person who started it: a table of the jobs, what went
/// wrong with the paths it went wrong with, and one closing line.
///
/// Fits into `width` columns down to about 50.
pub fn summary(run: &RunReport, zone: Tz, width: usize, style: Style) -> String {
    let moments = Moments { now: run.finished, zone };
    let mut out = format!(
        "{} on {}, {}\n",
        style.paint(Paint::Bold, &printable(&run.plan)),
        printable(&run.host),
        moments.absolute(run.started)
    );
    if !run.jobs.is_empty() {
        out.push('\n');
        out.push_str(&job_table(run, &moments).render(width, style));
    }
    let mut paragraphs = Paragraphs { out, width, style };
    drills(run, &mut paragraphs);
    notes(run, &mut paragraphs);
    problems(run, &mut paragraphs);
    let paint = match run.status() {
        RunStatus::Success => Paint::Good,
        RunStatus::Partial => Paint::Warn,
        RunStatus::Failed | RunStatus::Cancelled => Paint::Bad,
    };
    paragraphs.out.push('\n');
    paragraphs.text(0, 0, paint, &closing(run, &moments));
    paragraphs.out
}

fn job_table(run: &RunReport, moments: &Moments) -> Table {
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("source"),
        Column::left("result"),
        Column::right("files"),
        Column::left("changes").optional(5),
        Column::right("read").optional(2),
        Column::right("stored"),
        Column::left("verified").optional(3),
        Column::left("expired").optional(4),
        Column::right("time"),
        Column::left("next").optional(1),
    ]);
    for job in &run.jobs {
        let backup = |text: fn(&super::BackupReport) -> String| job.backup.as_ref().map(text).unwrap_or_default();
        let time = if !job.duration.is_zero() { format_duration(job.duration) } else { String::new() };
        table.row([
            Cell::from(&job.job.tier),
            Cell::from(&job.job.source),
            Cell::painted(paint(&job.outcome), job.outcome.word()),
            backup(|backup| grouped(backup.files)).into(),
            backup(changes).into(),
            backup(|backup| ByteSize(backup.bytes_read).to_string()).into(),
            backup(|backup| ByteSize(backup.bytes_stored).to_string()).into(),
            verified(job).into(),
            job.prune.as_ref().map(expired).unwrap_or_default().into(),
            time.into(),
            job.next.map(|next| moments.short(next)).unwrap_or_default().into(),
        ]);
    }
    table
}

fn paint(outcome: &Outcome) -> Paint {
    match outcome {
        Outcome::Success => Paint::Good,
        Outcome::Partial | Outcome::Skipped { .. } => Paint::Warn,
        Outcome::Failed { .. } => Paint::Bad,
    }
}

/// `+12 ~3 -1`: new, changed, deleted files.
pub(super) fn changes(backup: &super::BackupReport) -> String {
    let counts = [('+', backup.new), ('~', backup.changed), ('-', backup.deleted)];
    let parts: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(sign, n)| format!("{sign}{}", grouped(*n))).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(" ") }
}

fn verified(job: &JobReport) -> String {
    let levels = job.verifications.iter().map(|verify| match &verify.sample {
        None => verify.level.to_string(),
        Some(sample) => format!("{} {sample}", verify.level),
    });
    levels.collect::<Vec<_>>().join(", ")
}

fn expired(prune: &super::PruneReport) -> String {
    format!("{} of {}", grouped(prune.forgotten), grouped(prune.forgotten + prune.kept))
}

struct Paragraphs {
    out: String,
    width: usize,
    style: Style,
}

impl Paragraphs {
    fn heading(&mut self, text: &str) {
        self.out.push('\n');
        self.out.push_str(&self.style.paint(Paint::Bold, text));
        self.out.push('\n');
    }

    /// Wrapped text; `hanging` indents the lines after the first one further.
    fn text(&mut self, indent: usize, hanging: usize, paint: Paint, text: &str) {
        let room = self.width.saturating_sub(indent + hanging).max(20);
        for (number, line) in wrap(&printable(text), room).iter().enumerate() {
            let indent = if number == 0 { indent } else { indent + hanging };
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(&self.style.paint(paint, line));
            self.out.push('\n');
        }
    }
}

fn drills(run: &RunReport, out: &mut Paragraphs) {
    if run.drills.is_empty() {
        return;
    }
    out.heading("drills");
    for drill in &run.drills {
        out.text(2, 2, paint(&drill.outcome), &drill.sentence());
    }
}

fn notes(run: &RunReport, out: &mut Paragraphs) {
    if run.jobs.iter().all(|job| job.notes.is_empty()) {
        return;
    }
    out.heading("notes");
    for job in &run.jobs {
        for note in &job.notes {
            out.text(2, 2, Paint::Plain, &format!("{}: {note}", job.job));
        }
    }
}

fn problems(run: &RunReport, out: &mut Paragraphs) {
    let is_silent = |job: &JobReport| job.outcome == Outcome::Success && job.unreadable.total == 0;
    if run.problems.is_empty() && run.jobs.iter().all(is_silent) {
        return;
    }
    out.heading("problems");
    for problem in &run.problems {
        let step = problem.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
        let (word, paint) = match problem.severity {
            Severity::Warning => ("warning: ", Paint::Warn),
            Severity::Error => ("", Paint::Bad),
        };
        out.text(2, 2, paint, &format!("{step}{word}{}", problem.message));
        if let Some(help) = &problem.help {
            out.text(4, 2, Paint::Plain, &format!("help: {help}"));
        }
    }
    for job in run.jobs.iter().filter(|job| !is_silent(job)) {
        job_problems(job, out);
    }
}

fn job_problems(job: &JobReport, out: &mut Paragraphs) {
    match &job.outcome {
        Outcome::Success | Outcome::Partial => {}
        Outcome::Failed { failure: Failure { step, message, help, .. } } => {
            let whose = step.clone().unwrap_or_else(|| job.job.to_string());
            out.text(2, 2, Paint::Bad, &format!("{whose}: {message}"));
            if let Some(help) = help {
                out.text(4, 2, Paint::Plain, &format!("help: {help}"));
            }
        }
        Outcome::Skipped { because } => {
            out.text(2, 2, Paint::Warn, &format!("{}: skipped because {because}", job.job));
        }
    }
    let unreadable = &job.unreadable;
    if unreadable.total == 0 {
        return;
    }
    out.text(2, 2, Paint::Warn, &format!("{}: {} could not be read", job.job, counted(unreadable.total, "path")));
    let shown = unreadable.paths.len().min(MAX_SHOWN_PATHS);
    for path in &unreadable.paths[..shown] {
        out.text(4, 2, Paint::Plain, &format!("{}: {}", display_path(&path.path.0), path.reason));
    }
    let more = unreadable.total - shown as u64;
    if more > 0 {
        out.text(4, 2, Paint::Dim, &format!("and {} more", grouped(more)));
    }
}

pub(super) fn closing(run: &RunReport, moments: &Moments) -> String {
    let time = format_duration(run.duration());
    let next = run.jobs.iter().filter_map(|job| job.next.map(|next| (next, &job.job))).min();
    let next = next.map(|(time, job)| format!("; next: {job} at {}", moments.short(time))).unwrap_or_default();
    if run.status() == RunStatus::Success {
        return match run.jobs.len() {
            0 => format!("done in {time}"),
            1 => format!("the job is done in {time}: {}{next}", totals(run)),
            n => format!("all {n} jobs are done in {time}: {}{next}", totals(run)),
        };
    }
    let words = ["done", "partial", "failed", "cancelled", "skipped"];
    let counts = words.map(|word| (run.jobs.iter().filter(|job| job.outcome.word() == word).count(), word));
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let jobs = match counts.is_empty() {
        true => "no job".to_owned(),
        false => format!("{}: {}", counted(run.jobs.len() as u64, "job"), counts.join(", ")),
    };
    format!("{} in {time}, {jobs} (exit code {}){next}", run.status().word(), run.exit().code())
}

fn totals(run: &RunReport) -> String {
    let sum = |of: fn(&super::BackupReport) -> u64| run.jobs.iter().filter_map(|job| job.backup.as_ref()).map(of).sum();
    let read = ByteSize(sum(|backup| backup.bytes_read));
    let stored = ByteSize(sum(|backup| backup.bytes_stored));
    let freed: u64 = run.jobs.iter().filter_map(|job| job.prune.as_ref()).map(|prune| prune.bytes_freed).sum();
    match freed {
        0 => format!("{read} read, {stored} stored"),
        freed => format!("{read} read, {stored} stored, {} freed", ByteSize(freed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::JobName;
    use crate::report::{DrillReport, sample};
    use unicode_width::UnicodeWidthStr;

    fn shown(run: &RunReport, width: usize) -> String {
        summary(run, chrono_tz::UTC, width, Style::PLAIN)
    }

    #[test]
    fn a_run_where_all_went_well() {
        insta::assert_snapshot!(shown(&sample::good_run(), 120));
    }

    #[test]
    fn a_run_where_all_went_well_in_80_columns() {
        insta::assert_snapshot!(shown(&sample::good_run(), 80));
    }

    #[test]
    fn a_run_with_one_job_of_each_outcome() {
        insta::assert_snapshot!(shown(&sample::partial_run(), 100));
    }

    #[test]
    fn a_run_with_one_job_of_each_outcome_in_60_columns() {
        insta::assert_snapshot!(shown(&sample::partial_run(), 60));
    }

    #[test]
    fn a_run_of_drills_alone() {
        let mut run = sample::run(Vec::new());
        run.drills = vec![DrillReport {
            job: JobName::new("cloud", "data"),
            outcome: Outcome::Success,
            snapshot: Some("20261124T020000Z-1f2e3d4c".to_owned()),
            files: 104_233,
            bytes: 3 << 29,
            duration: std::time::Duration::from_secs(754),
            max_time: Some(std::time::Duration::from_secs(1800)),
        }];
        insta::assert_snapshot!(shown(&run, 100));
    }

    #[test]
    fn colour_paints_results_and_changes_no_word() {
        let colored = summary(&sample::partial_run(), chrono_tz::UTC, 100, Style::COLOR);
        assert!(colored.contains("\x1b[31mfailed\x1b[0m"));
        let plain: String = colored.split('\x1b').enumerate().fold(String::new(), |text, (at, piece)| {
            text + if at == 0 { piece } else { piece.split_once('m').map_or("", |(_, rest)| rest) }
        });
        assert_eq!(plain, shown(&sample::partial_run(), 100));
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for run in [sample::good_run(), sample::partial_run()] {
            for width in [50, 60, 80, 100, 120] {
                for line in shown(&run, width).lines() {
                    assert!(line.width() <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_json_document_of_a_run() {
        let mut run = sample::partial_run();
        run.jobs[0].unreadable.paths.truncate(1);
        insta::assert_json_snapshot!(run.json());
        let back: RunReport = serde_json::from_value(run.json()).expect("a report reads back");
        assert_eq!(back, run);
    }
}
