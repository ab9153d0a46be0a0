//! Who is told what of a run.

use super::run::Run;
use crate::base::{Style, Timestamp};
use crate::compile::JobName;
use crate::notify::{Notification, Outcome as Tone, deliver, wanted};
use crate::plan::{Event as Occasion, Notify, SecretRef};
use crate::report::{Failure, FailureKind, Outcome, RunReport, RunStatus, Severity, digest, read_history, summary};
use chrono::Datelike as _;

/// Columns of a summary inside a message.
const MESSAGE_WIDTH: usize = 80;

pub(super) struct Messenger<'r, 'a> {
    pub(super) run: &'r Run<'a>,
}

impl Messenger<'_, '_> {
    /// Tells the channels that want it that work begins.
    pub(super) fn started(&self) {
        for channel in self.run.plan().notify.iter().filter(|channel| wanted(channel, Occasion::Start)) {
            let title = format!("{} started on {}", self.run.plan().name.value, self.run.site.context.host);
            let sent = self.send(channel, self.notification(Occasion::Start, title, String::new(), None));
            // That a start could not be told is no reason not to back up.
            if let Err(failure) = sent {
                let step = Some(format!("notify/{}", channel.name.value));
                self.run.problem(Severity::Warning, &Failure { step, ..failure });
            }
        }
    }

    /// Tells one channel all that it wants to know of the end of a run.
    pub(super) fn finished(&self, channel: &str, report: &RunReport) -> Result<(), Failure> {
        let Some(channel) = self.run.plan().notify.iter().find(|notify| notify.name.value == channel) else {
            return Ok(());
        };
        let mut result = Ok(());
        for (occasion, title) in self.occasions(report) {
            if !wanted(channel, occasion) {
                continue;
            }
            let text = summary(report, self.run.plan().timezone.value, MESSAGE_WIDTH, Style::PLAIN);
            let sent = self.send(channel, self.notification(occasion, title, text, Some(report)));
            result = result.and(sent);
        }
        if result.is_ok() {
            self.remember_told(report);
        }
        result
    }

    /// What there is to tell, each with its headline.
    fn occasions(&self, report: &RunReport) -> Vec<(Occasion, String)> {
        let name = &self.run.plan().name.value;
        let mut occasions = Vec::new();
        let missed = self.run.missed();
        if !missed.is_empty() {
            let jobs: Vec<String> = missed.iter().map(|(job, count)| format!("{job} ({count})")).collect();
            occasions.push((Occasion::Missed, format!("{name}: scheduled runs were missed: {}", jobs.join(", "))));
        }
        let recovered: Vec<String> = report
            .jobs
            .iter()
            .filter(|job| job.outcome.is_good() && self.had_failed(&job.job))
            .map(|job| job.job.to_string())
            .collect();
        if !recovered.is_empty() {
            occasions.push((Occasion::Recovered, format!("{name}: works again: {}", recovered.join(", "))));
        }
        let bad: Vec<String> = report
            .jobs
            .iter()
            .filter(|job| !matches!(job.outcome, Outcome::Success))
            .map(|job| job.job.to_string())
            .collect();
        match report.status() {
            RunStatus::Success => occasions.push((Occasion::Success, format!("{name}: all saved"))),
            RunStatus::Partial => {
                occasions.push((Occasion::Partial, format!("{name}: partly saved: {}", bad.join(", "))))
            }
            RunStatus::Cancelled => occasions.push((Occasion::Failure, format!("{name}: cancelled"))),
            RunStatus::Failed if self.is_news(report) => {
                occasions.push((Occasion::Failure, format!("{name}: failed: {}", bad.join(", "))));
            }
            // The same failure of the same scheduled time, tried again by the next tick.
            RunStatus::Failed => {}
        }
        if let Some(drill) = report.drills.first() {
            let went = if drill.outcome.is_good() { "a restore drill went well" } else { "a restore drill failed" };
            occasions.push((Occasion::Drill, format!("{name}: {went}: {}", drill.job)));
        }
        occasions
    }

    /// Whether the job's run before this one failed.
    fn had_failed(&self, job: &JobName) -> bool {
        self.run.failed_before.contains(job)
    }

    fn is_news(&self, report: &RunReport) -> bool {
        report.jobs.iter().filter(|job| !job.outcome.is_good()).any(|job| match self.run.scheduled(&job.job) {
            None => true,
            Some(scheduled) => !self.run.told_before.contains(&(job.job.clone(), scheduled)),
        })
    }

    fn remember_told(&self, report: &RunReport) {
        let mut state = self.run.state.borrow_mut();
        for job in report.jobs.iter().filter(|job| !job.outcome.is_good()) {
            if let Some(scheduled) = self.run.scheduled(&job.job) {
                state.job_mut(&job.job).failure_told_of = Some(scheduled);
            }
        }
        drop(state);
        // The next run tells it once more if this is lost.
        let _ = self.run.save_state();
    }

    /// Sends a periodic report of the runs since the last one.
    pub(super) fn periodic(&self, index: usize) -> Result<(), Failure> {
        let Some(report) = self.run.plan().reports.get(index) else { return Ok(()) };
        let now = self.run.started;
        let since = self.run.state.borrow().reports.get(&report.name.value).copied();
        let from = since.unwrap_or(now - chrono::Duration::days(7));
        let history = match std::fs::read_to_string(self.run.history_path()) {
            Ok(text) => read_history(&text).0,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::new(FailureKind::Other, format!("can't read the history: {error}"))),
        };
        let digest = digest(&self.run.plan().name.value, &history, from, now);
        let document = digest.document(self.run.plan().timezone.value);
        let text = document.text(MESSAGE_WIDTH, Style::PLAIN);
        let title = format!("{}: report to {}", self.run.plan().name.value, day(now));
        for name in &report.to {
            let Some(channel) = self.run.plan().notify.iter().find(|notify| notify.name.value == name.value) else {
                continue;
            };
            self.send(channel, self.notification(Occasion::Report, title.clone(), text.clone(), None))?;
        }
        self.run.state.borrow_mut().reports.insert(report.name.value.clone(), now);
        self.run.save_state()
    }

    fn notification(&self, event: Occasion, title: String, text: String, report: Option<&RunReport>) -> Notification {
        let mut outcome = Tone::of(event);
        if event == Occasion::Drill {
            let good = report.is_some_and(|report| report.drills.iter().all(|drill| drill.outcome.is_good()));
            outcome = if good { Tone::Good } else { Tone::Bad };
        }
        Notification {
            event,
            outcome,
            plan: self.run.plan().name.value.clone(),
            host: self.run.site.context.host.clone(),
            tier: None,
            source: None,
            time: self.run.site.context.now(),
            correlation: Some(crate::base::compact_time(self.run.started)),
            title,
            text,
            fields: Vec::new(),
            summary: report.map_or(serde_json::Value::Null, RunReport::json),
        }
    }

    fn send(&self, channel: &Notify, notification: Notification) -> Result<(), Failure> {
        let resolve = |secret: &SecretRef| self.run.site.secrets.line(secret).map_err(|error| error.reason());
        deliver(channel, &notification, &resolve).map_err(|error| {
            Failure::new(FailureKind::Other, format!("can't notify `{}`: {error}", channel.name.value))
        })
    }
}

fn day(time: Timestamp) -> String {
    format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.day())
}
