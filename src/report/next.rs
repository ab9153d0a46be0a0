use super::{FORMAT_VERSION, Moments};
use crate::base::{Cell, Column, Paint, Style, Table, Timestamp, printable, rfc3339, wrap};
use crate::compile::JobName;
use serde_json::{Value, json};

/// How many jobs that are next at the same time are named. Chosen.
const MAX_NAMED: usize = 3;

/// When a job last succeeded and when it is due again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    pub job: JobName,
    pub last_success: Option<Timestamp>,
    /// `None`: it has no schedule.
    pub next: Option<Timestamp>,
}

/// What a run says that has nothing to do: one line, and a table if there is more than one job.
pub fn nothing_due(upcoming: &[Upcoming], moments: &Moments, width: usize, style: Style) -> String {
    let next = upcoming.iter().filter_map(|job| job.next).min();
    let line = match next {
        None => "nothing is due, and no job has a schedule; `plan run --now` runs them".to_owned(),
        Some(next) => {
            let first: Vec<&Upcoming> = upcoming.iter().filter(|job| job.next == Some(next)).collect();
            let mut names: Vec<String> = first.iter().take(MAX_NAMED).map(|job| job.job.to_string()).collect();
            if first.len() > MAX_NAMED {
                names.push(format!("{} more", first.len() - MAX_NAMED));
            }
            let at = moments.absolute(next);
            format!("nothing is due; next: {} at {at} ({})", names.join(", "), moments.relative(next))
        }
    };
    let mut out = wrap(&printable(&line), width).join("\n");
    out.push('\n');
    if upcoming.len() > 1 {
        out.push('\n');
        out.push_str(&next_table(upcoming, moments, width, style));
    }
    out
}

/// Soonest first; jobs without a schedule last.
pub fn next_table(upcoming: &[Upcoming], moments: &Moments, width: usize, style: Style) -> String {
    let mut table = Table::new([
        Column::left("tier"),
        Column::left("source"),
        Column::left("next"),
        Column::left(""),
        Column::left("last success").optional(1),
        Column::left("").optional(2),
    ]);
    let mut sorted: Vec<&Upcoming> = upcoming.iter().collect();
    sorted.sort_by_key(|job| (job.next.is_none(), job.next));
    for job in sorted {
        let date = |time: Option<Timestamp>, none: &str| time.map_or_else(|| none.to_owned(), |t| moments.absolute(t));
        let distance = |time: Option<Timestamp>| {
            Cell::painted(Paint::Dim, time.map(|time| moments.relative(time)).unwrap_or_default())
        };
        let until =
            job.next.filter(|next| *next <= moments.now).map_or_else(|| distance(job.next), |_| "due now".into());
        table.row([
            Cell::from(&job.job.tier),
            Cell::from(&job.job.source),
            date(job.next, "on request").into(),
            until,
            date(job.last_success, "never").into(),
            distance(job.last_success),
        ]);
    }
    table.render(width, style)
}

/// One document, jobs in the order given.
pub fn next_json(plan: &str, upcoming: &[Upcoming]) -> Value {
    let jobs: Vec<Value> = upcoming
        .iter()
        .map(|job| {
            json!({
                "tier": job.job.tier,
                "source": job.job.source,
                "last_success": job.last_success.map(rfc3339),
                "next": job.next.map(rfc3339),
            })
        })
        .collect();
    json!({ "format_version": FORMAT_VERSION, "plan": plan, "jobs": jobs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::at;

    fn upcoming() -> Vec<Upcoming> {
        let job = |tier: &str, source: &str, last_success, next| Upcoming {
            job: JobName::new(tier, source),
            last_success,
            next,
        };
        vec![
            job("archive", "system", None, Some(at(29, 2, 0))),
            job("cloud", "data", Some(at(24, 10, 1)), Some(at(24, 14, 0))),
            job("local", "data", Some(at(24, 10, 0)), Some(at(24, 14, 0))),
            job("usb", "data", Some(at(1, 9, 0)), None),
        ]
    }

    const NOW: fn() -> Moments = || Moments { now: at(24, 11, 50), zone: chrono_tz::UTC };

    #[test]
    fn nothing_due_names_the_next_jobs_and_lists_all() {
        insta::assert_snapshot!(nothing_due(&upcoming(), &NOW(), 100, Style::PLAIN));
    }

    #[test]
    fn nothing_due_with_one_job_is_one_line() {
        let line = nothing_due(&upcoming()[1..2], &NOW(), 100, Style::PLAIN);
        assert_eq!(line, "nothing is due; next: cloud/data at 2026-11-24 14:00 UTC (in 2h 10m)\n");
    }

    #[test]
    fn nothing_due_without_schedules_says_how_to_run() {
        let line = nothing_due(&upcoming()[3..], &NOW(), 100, Style::PLAIN);
        assert_eq!(line, "nothing is due, and no job has a schedule; `plan run --now` runs them\n");
    }

    #[test]
    fn next_times_as_json() {
        insta::assert_json_snapshot!(next_json("rpa", &upcoming()[..2]));
    }
}
