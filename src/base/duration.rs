use super::ParseValueError;
use super::size::parse_scaled;
use std::time::Duration;

const EXPECTED: &str = "a duration such as `90s`, `30m`, `4h`, `3d` or `2w`";
const DAY: u64 = 86_400;
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", DAY * 1000), ("w", 7 * DAY * 1000)];

/// Parses a duration as written in a plan: one number and unit (`"4h"`), or
/// several (`"1h30m"`). Units: `ms s m h d w`; a day is 24 hours.
pub fn parse_duration(text: &str) -> Result<Duration, ParseValueError> {
    let error = || ParseValueError { found: text.to_owned(), expected: EXPECTED };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(error());
    }
    let mut total_ms = 0u64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms).ok_or_else(error)?;
        let part = parse_scaled(number, scale).ok_or_else(error)?;
        total_ms = total_ms.checked_add(part).ok_or_else(error)?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Prints a duration in its two largest units: `4h`, `1d 2h`, `3m 20s`, `1.4 s`.
///
/// Under a minute it shows tenths of a second, under a second milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms < 1000 {
        return format!("{ms} ms");
    }
    if ms < 60_000 {
        let tenths = ms / 100;
        return if tenths.is_multiple_of(10) {
            format!("{}s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        };
    }
    let seconds = duration.as_secs();
    let parts = [(seconds / DAY, "d"), (seconds % DAY / 3600, "h"), (seconds % 3600 / 60, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    parts[first..(first + 2).min(4)]
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_one_or_several_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("4h", 14_400),
            ("3d", 3 * 86_400),
            ("2w", 14 * 86_400),
            ("1h30m", 5400),
            ("1.5h", 5400),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_secs()), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn durations_without_a_known_unit_are_refused() {
        for text in ["", "4", "4 hours", "h", "-4h", "4y", "1h30"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_print_their_two_largest_units() {
        let shown: Vec<String> = [0, 420, 1000, 1400, 61_000, 3_600_000, 5_400_000, 93_600_000]
            .map(|ms| format_duration(Duration::from_millis(ms)))
            .to_vec();
        assert_eq!(shown, ["0 ms", "420 ms", "1s", "1.4 s", "1m 1s", "1h", "1h 30m", "1d 2h"]);
    }
}
