use super::ParseValueError;
use std::fmt;
use std::str::FromStr;

const EXPECTED: &str = "a size such as `512KiB`, `5GiB` or `10MB`";

/// Units by length of their name, so that `KiB` is tried before `B`.
const UNITS: [(&str, u64); 11] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// A number of bytes.
///
/// Written with a unit, binary (`KiB` = 1024) or decimal (`kB` = 1000), a
/// fraction allowed: `"1.5GiB"`. Printed in binary units with at most one
/// decimal: `1.5 GiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseValueError { found: text.to_owned(), expected: EXPECTED };
        let trimmed = text.trim();
        let (number, scale) = UNITS
            .iter()
            .find_map(|(unit, scale)| trimmed.strip_suffix(unit).map(|rest| (rest.trim_end(), *scale)))
            .ok_or_else(error)?;
        parse_scaled(number, scale).map(ByteSize).ok_or_else(error)
    }
}

/// `number` (decimal digits, an optional fraction) times `scale`; `None` where
/// it is no number, is negative, or does not fit.
pub(super) fn parse_scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || (number.contains('.') && !digits(fraction)) || fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale) / 10u128.pow(fraction.len() as u32);
    whole.checked_add(u64::try_from(part).ok()?)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64;
        let mut unit = 0;
        // 1023.95 would print as 1024.0 of the smaller unit.
        while value >= 1023.95 && unit + 1 < NAMES.len() {
            value /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{value:.1} {}", NAMES[unit]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_with_binary_and_decimal_units() {
        for (text, bytes) in
            [("0B", 0), ("512KiB", 512 << 10), ("10MB", 10_000_000), ("1.5GiB", 3 << 29), ("2 TiB", 2 << 40)]
        {
            assert_eq!(text.parse::<ByteSize>().map(|s| s.0), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn sizes_without_a_unit_or_with_a_wrong_one_are_refused() {
        for text in ["", "5", "5 gigs", "-1KiB", "1.KiB", ".5KiB", "99999999PiB", "1e3MB", "KiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_print_in_binary_units() {
        let shown: Vec<String> =
            [0, 1023, 1024, 1536, (1 << 20) - 1, 5 << 30].map(|b| ByteSize(b).to_string()).to_vec();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB"]);
    }
}
