use crate::base::{Timestamp, rfc3339};
use crate::plan::Event;
use serde_json::{Map, Value, json};

/// One event as people and monitors are to hear of it.
#[derive(Clone, Debug)]
pub struct Notification {
    pub event: Event,
    pub outcome: Outcome,
    pub plan: String,
    pub host: String,
    /// Absent where the event is about the whole plan.
    pub tier: Option<String>,
    pub source: Option<String>,
    pub time: Timestamp,
    /// What the start and the end of the same work share, such as a run's id.
    pub correlation: Option<String>,
    /// One line: `rpa/cloud failed: access is denied`.
    pub title: String,
    /// Plain text; lines may be long. May be empty.
    pub text: String,
    /// Names with values, in the order to show them.
    pub fields: Vec<(String, String)>,
    /// For machines: the summary of the run. `Null` if there is none.
    pub summary: Value,
}

/// How an event is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    Degraded,
    Bad,
    /// Neither: something began, or a report.
    Neutral,
}

impl Outcome {
    /// What the event says by itself. A drill or a report may be any of them.
    pub fn of(event: Event) -> Self {
        match event {
            Event::Success | Event::Recovered => Self::Good,
            Event::Partial => Self::Degraded,
            Event::Failure | Event::Missed => Self::Bad,
            Event::Start | Event::Drill | Event::Report => Self::Neutral,
        }
    }
}

impl Notification {
    /// `rpa/cloud/data`, as far as it goes.
    pub(super) fn subject(&self) -> String {
        let parts = [Some(&self.plan), self.tier.as_ref(), self.source.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// The event in capitals where it asks for action.
    pub(super) fn headline(&self) -> &'static str {
        match (self.event, self.outcome) {
            (Event::Drill, Outcome::Bad) => "DRILL FAILED",
            (Event::Drill, _) => "drill",
            (Event::Start, _) => "started",
            (Event::Success, _) => "success",
            (Event::Partial, _) => "PARTIAL",
            (Event::Failure, _) => "FAILED",
            (Event::Recovered, _) => "recovered",
            (Event::Missed, _) => "MISSED",
            (Event::Report, _) => "report",
        }
    }

    /// The title, the text and the fields as a mail or a push message shows them.
    pub(super) fn plain_text(&self) -> String {
        let width = self.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut paragraphs = vec![self.title.clone()];
        if !self.text.is_empty() {
            paragraphs.push(self.text.trim_end().to_owned());
        }
        if !self.fields.is_empty() {
            let lines = self.fields.iter().map(|(name, value)| format!("{name:width$}  {value}"));
            paragraphs.push(lines.collect::<Vec<_>>().join("\n"));
        }
        paragraphs.join("\n\n")
    }

    /// What programs get: a web hook's default body, a command's standard input.
    pub(super) fn to_json(&self) -> Value {
        let fields: Map<String, Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        json!({
            "format_version": 1,
            "event": self.event.to_string(),
            "plan": self.plan,
            "tier": self.tier,
            "source": self.source,
            "host": self.host,
            "time": rfc3339(self.time),
            "run": self.correlation,
            "title": self.title,
            "text": self.text,
            "fields": fields,
            "summary": self.summary,
        })
    }
}
