//! systemd's calendar events (`OnCalendar=`) as crontab expressions.

/// The names that systemd has for whole events.
const NAMES: [(&str, &str); 8] = [
    ("minutely", "* * * * *"),
    ("hourly", "0 * * * *"),
    ("daily", "0 0 * * *"),
    ("weekly", "0 0 * * 1"),
    ("monthly", "0 0 1 * *"),
    ("quarterly", "0 0 1 1,4,7,10 *"),
    ("semiannually", "0 0 1 1,7 *"),
    ("yearly", "0 0 1 1 *"),
];

/// `Mon..Fri *-*-* 23:30:00` → `30 23 * * 1-5`. None: a year, seconds, a last
/// day of the month, a date and a day of the week together, or no such event.
pub(super) fn cron(event: &str) -> Option<String> {
    let event = event.trim().to_ascii_lowercase();
    if let Some((_, cron)) = NAMES.iter().find(|(name, _)| *name == event || (event == "annually" && *name == "yearly"))
    {
        return Some((*cron).to_owned());
    }
    let (mut days, mut date, mut time) = ("*".to_owned(), None, None);
    for part in event.split_whitespace() {
        if part.contains(':') {
            time = Some(part);
        } else if part.starts_with(|c: char| c.is_ascii_alphabetic()) && days == "*" {
            days = weekdays(part)?;
        } else if part.contains('-') {
            date = Some(part);
        } else {
            return None;
        }
    }
    let (month, day) = match date {
        None => ("*".to_owned(), "*".to_owned()),
        Some(date) => {
            let parts: Vec<&str> = date.split('-').collect();
            let (month, day) = match parts[..] {
                ["*", month, day] | [month, day] => (month, day),
                _ => return None,
            };
            (field(month, 1)?, field(day, 1)?)
        }
    };
    // cron takes either of the two, systemd both.
    if days != "*" && day != "*" {
        return None;
    }
    let (hour, minute) = match time {
        None => ("0".to_owned(), "0".to_owned()),
        Some(time) => {
            let parts: Vec<&str> = time.split(':').collect();
            match parts[..] {
                [hour, minute] | [hour, minute, "00" | "0"] => (field(hour, 0)?, field(minute, 0)?),
                _ => return None,
            }
        }
    };
    Some(format!("{minute} {hour} {day} {month} {days}"))
}

/// `mon..fri,sun` → `1-5,0`.
fn weekdays(text: &str) -> Option<String> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let day =
        |text: &str| DAYS.iter().position(|day| text.starts_with(day) && text.chars().all(|c| c.is_ascii_alphabetic()));
    let parts =
        text.trim_end_matches(',').split(',').map(|part| match part.split_once("..").or(part.split_once('-')) {
            // Monday to Sunday: 7 is Sunday too.
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                Some(format!("{from}-{}", if to == 0 { 7 } else { to }))
            }
            None => day(part).map(|day| day.to_string()),
        });
    parts.collect::<Option<Vec<String>>>().map(|parts| parts.join(","))
}

/// `*`, `02`, `00/4`, `*/4`, `8..18`, `1,15`.
fn field(text: &str, first: u32) -> Option<String> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number < 60).map(|number| number.to_string());
    let parts = text.split(',').map(|part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step)?)),
            None => (part, None),
        };
        let range = match range.split_once("..") {
            Some((from, to)) => format!("{}-{}", number(from)?, number(to)?),
            None if range == "*" => "*".to_owned(),
            None => number(range)?,
        };
        Some(match step {
            None => range,
            Some(step) if range == "*" || range == first.to_string() => format!("*/{step}"),
            // `2/4` goes on to the end of the hour or day, which cron writes as a range.
            Some(_) if !range.contains('-') => return None,
            Some(step) => format!("{range}/{step}"),
        })
    });
    parts.collect::<Option<Vec<String>>>().map(|parts| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_events_become_crontab_expressions_or_nothing() {
        let pairs = [
            ("daily", "0 0 * * *"),
            ("*:0/15", "*/15 * * * *"),
            ("*:00,30", "0,30 * * * *"),
            ("02:30", "30 2 * * *"),
            ("*-*-* 02:00:00", "0 2 * * *"),
            ("Mon..Fri 23:30", "30 23 * * 1-5"),
            ("Sat,Sun *-*-* 8..18/2:00", "0 8-18/2 * * 6,0"),
            ("*-*-01 03:00", "0 3 1 * *"),
            ("Wednesday", "0 0 * * 3"),
        ];
        for (event, expected) in pairs {
            assert_eq!(cron(event).as_deref(), Some(expected), "{event}");
            assert!(expected.parse::<crate::schedule::CronExpression>().is_ok());
        }
        for event in ["2026-01-01", "*:*:0/5", "Mon *-*-01", "soon", "*-02~03", "99:00", "1/4:00", ""] {
            assert_eq!(cron(event).filter(|_| !event.is_empty()), None, "{event}");
        }
    }
}
