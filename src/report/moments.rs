use crate::base::{Timestamp, format_duration};
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use std::time::Duration;

/// How times are told to a person: in the plan's zone, seen from now.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub now: Timestamp,
    pub zone: Tz,
}

impl Moments {
    fn local(&self, time: Timestamp) -> DateTime<Tz> {
        time.with_timezone(&self.zone)
    }

    /// `2026-11-24 14:00 UTC`.
    pub fn absolute(&self, time: Timestamp) -> String {
        self.local(time).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// `2026-11-24 14:00`, where a heading or a line nearby says the zone.
    pub fn date(&self, time: Timestamp) -> String {
        self.local(time).format("%Y-%m-%d %H:%M").to_string()
    }

    /// As short as it can be told: `14:00` today, `Tue 14:00` within the next
    /// six days, else with its date.
    pub fn short(&self, time: Timestamp) -> String {
        let (local, today) = (self.local(time), self.local(self.now).date_naive());
        match (local.date_naive() - today).num_days() {
            0 => local.format("%H:%M").to_string(),
            1..=6 => local.format("%a %H:%M").to_string(),
            _ => local.format("%Y-%m-%d %H:%M").to_string(),
        }
    }

    /// `in 2h 10m`, `3d 4h ago`, `now`; whole seconds.
    pub fn relative(&self, time: Timestamp) -> String {
        let delta = TimeDelta::seconds((time - self.now).num_seconds());
        let length = || format_duration(Duration::from_secs(delta.num_seconds().unsigned_abs()));
        match delta.num_seconds() {
            0 => "now".to_owned(),
            1.. => format!("in {}", length()),
            _ => format!("{} ago", length()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn at(day: u32, hour: u32, minute: u32) -> Timestamp {
        Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 0).single().expect("a test's time exists")
    }

    #[test]
    fn times_are_told_in_the_plans_zone_and_as_short_as_possible() {
        let moments = Moments { now: at(24, 22, 50), zone: chrono_tz::America::Sao_Paulo };
        assert_eq!(moments.absolute(at(25, 2, 0)), "2026-11-24 23:00 -03");
        assert_eq!(moments.short(at(25, 2, 0)), "23:00");
        assert_eq!(moments.short(at(25, 5, 0)), "Wed 02:00");
        assert_eq!(moments.short(at(30, 12, 0)), "Mon 09:00");
        assert_eq!(moments.short(at(24, 2, 0)), "2026-11-23 23:00");
    }

    #[test]
    fn distances_are_told_in_both_directions() {
        let moments = Moments { now: at(24, 12, 0), zone: chrono_tz::UTC };
        assert_eq!(moments.relative(at(24, 14, 10)), "in 2h 10m");
        assert_eq!(moments.relative(at(21, 8, 0)), "3d 4h ago");
        assert_eq!(moments.relative(at(24, 12, 0)), "now");
    }
}
