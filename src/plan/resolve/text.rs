//! What people write in place of a value, and what they mean by it. Pure text.

use std::path::{Component, Path, PathBuf};

/// A number and the unit after it: `4 hours` → (`4`, `hours`).
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let starts_with_digit = number.starts_with(|c: char| c.is_ascii_digit());
    (starts_with_digit && !number.ends_with('.')).then(|| (number, unit.trim()))
}

/// What was probably meant, as it should be written; or why it has no equal.
pub(super) enum Meant {
    Text(String),
    Advice(&'static str),
}

pub(super) fn duration(text: &str) -> Option<Meant> {
    let (number, unit) = split(text)?;
    let unit = match unit.to_lowercase().trim_end_matches('.') {
        "" => return Some(Meant::Advice("add a unit: `s`, `m`, `h`, `d` or `w`")),
        "ms" | "milliseconds" | "millis" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "wk" | "wks" | "week" | "weeks" => "w",
        "mo" | "mon" | "month" | "months" => {
            return Some(Meant::Advice("months have no fixed length: write days, such as `30d`"));
        }
        "y" | "yr" | "yrs" | "year" | "years" => {
            return Some(Meant::Advice("years have no fixed length: write days, such as `365d`"));
        }
        _ => return None,
    };
    Some(Meant::Text(format!("{number}{unit}")))
}

pub(super) fn size(text: &str) -> Option<Meant> {
    let (number, unit) = split(text)?;
    let unit = match unit.to_lowercase().as_str() {
        "" => return Some(Meant::Advice("add a unit: `KiB`, `MiB`, `GiB`, or `kB`, `MB`, `GB`")),
        "b" | "byte" | "bytes" => "B",
        "k" | "kib" => "KiB",
        "m" | "mib" => "MiB",
        "g" | "gib" => "GiB",
        "t" | "tib" => "TiB",
        "p" | "pib" => "PiB",
        "kb" => "kB",
        "mb" => "MB",
        "gb" => "GB",
        "tb" => "TB",
        _ => return None,
    };
    Some(Meant::Text(format!("{number}{unit}")))
}

pub(super) fn rate(text: &str) -> Option<Meant> {
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase();
    let bits = ["bit/s", "bits/s", "bps", "bit"].iter().any(|unit| lower.ends_with(unit)) && !trimmed.ends_with("Bps");
    if bits {
        return Some(Meant::Advice("rates are in bytes: 8 Mbit/s is `1MB/s`"));
    }
    let without = ["/sec", "/second", "/s", "ps"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
    match size(without)? {
        Meant::Text(size) => Some(Meant::Text(format!("{size}/s"))),
        Meant::Advice(_) => Some(Meant::Advice("add a unit: `KiB/s` or `MiB/s`")),
    }
}

pub(super) fn percentage(text: &str) -> Option<Meant> {
    let (number, unit) = split(text)?;
    let value: f64 = number.parse().ok()?;
    match unit.to_lowercase().as_str() {
        "" if value < 1.0 => Some(Meant::Text(format!("{}%", (value * 1e6).round() / 1e4))),
        "" | "percent" | "pct" | "per cent" if value <= 100.0 => Some(Meant::Text(format!("{number}%"))),
        "%" => Some(Meant::Advice("it lies between `0%` and `100%`, with at most nine decimals")),
        _ => None,
    }
}

/// `GMT+3`, `UTC-05:00`, `+02:00`: an offset, which is no zone.
pub(super) fn is_offset(zone: &str) -> bool {
    let upper = zone.to_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    rest.starts_with(['+', '-']) && rest[1..].chars().all(|c| c.is_ascii_digit() || c == ':') && rest.len() > 1
}

/// How to get from one folder to another, by their names alone.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    if to.is_absolute() {
        return to.to_owned();
    }
    let parts = |path: &Path| -> Vec<PathBuf> {
        path.components().filter(|c| *c != Component::CurDir).map(|c| PathBuf::from(c.as_os_str())).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(PathBuf::from(".."), from.len() - common);
    up.chain(to[common..].iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(meant: Option<Meant>) -> String {
        match meant {
            Some(Meant::Text(text)) => text,
            Some(Meant::Advice(advice)) => format!("({advice})"),
            None => "?".to_owned(),
        }
    }

    #[test]
    fn durations_in_words_and_other_notations_are_understood() {
        let found = ["4 hours", "30min", "1.5 Hr", "2weeks", "90 secs"].map(|text| said(duration(text)));
        assert_eq!(found, ["4h", "30m", "1.5h", "2w", "90s"]);
        assert_eq!(said(duration("3 months")), "(months have no fixed length: write days, such as `30d`)");
        assert_eq!(said(duration("4")), "(add a unit: `s`, `m`, `h`, `d` or `w`)");
        assert_eq!(said(duration("soon")), "?");
    }

    #[test]
    fn sizes_and_rates_are_understood_but_bits_are_not_guessed() {
        assert_eq!(["5G", "512k", "10 mb", "3 bytes"].map(|text| said(size(text))), ["5GiB", "512KiB", "10MB", "3B"]);
        let rates = ["10MiB", "10MBps", "2m/s", "500 kB/sec"].map(|text| said(rate(text)));
        assert_eq!(rates, ["10MiB/s", "10MB/s", "2MiB/s", "500kB/s"]);
        assert_eq!(said(rate("10Mbit/s")), "(rates are in bytes: 8 Mbit/s is `1MB/s`)");
        assert_eq!(said(rate("10Mbps")), "(rates are in bytes: 8 Mbit/s is `1MB/s`)");
    }

    #[test]
    fn fractions_become_percentages() {
        assert_eq!(["0.05", "5", "5 percent"].map(|text| said(percentage(text))), ["5%", "5%", "5%"]);
    }

    #[test]
    fn an_offset_is_told_from_a_zone() {
        assert!(["GMT+3", "utc-05:00", "+02:00"].iter().all(|text| is_offset(text)));
        assert!(!["UTC", "Europe/Lisbon", "Etc/GMT-3", "+"].iter().any(|text| is_offset(text)));
    }

    #[test]
    fn folders_are_reached_from_one_another() {
        for (from, to, way) in [
            ("plans", "plans", ""),
            ("plans", "plans/sub", "sub"),
            ("plans", "shared", "../shared"),
            ("", "shared", "shared"),
            ("a/b", "", "../.."),
            ("a", "/etc", "/etc"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way), "{from} to {to}");
        }
    }
}
