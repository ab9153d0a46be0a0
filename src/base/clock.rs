use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// A moment, always in UTC inside the program.
pub type Timestamp = DateTime<Utc>;

/// Where the time comes from: the system, or a test.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now()
    }
}

/// A clock that stands still, for tests and simulated runs.
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// `2026-11-24T02:00:00Z`, whole seconds: how times stand in JSON and text.
pub fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

const COMPACT: &str = "%Y%m%dT%H%M%SZ";

/// `20261124T020000Z`: how times stand in object names; sorts as the times do.
pub fn compact_time(time: Timestamp) -> String {
    time.format(COMPACT).to_string()
}

/// Reads what [`compact_time`] wrote.
pub fn parse_compact_time(text: &str) -> Option<Timestamp> {
    NaiveDateTime::parse_from_str(text, COMPACT).ok().map(|t| t.and_utc())
}
