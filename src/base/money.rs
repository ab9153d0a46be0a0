use super::ParseValueError;
use super::grouped;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

const MICROS: i64 = 1_000_000;

/// Below ten cents and below a dollar: three figures, as a month of a small backup costs cents.
const DECIMALS_BELOW_TEN_CENTS: usize = 4;
const DECIMALS_BELOW_ONE_DOLLAR: usize = 3;

/// An amount in United States dollars, in whole millionths.
///
/// Arithmetic saturates; nine trillion dollars are enough. Prints as
/// `$0.0375`, `$0.416`, `$7.99`, `$1,234.50`: below a dollar with three figures
/// and at most four decimals, else with two decimals, or with as many as asked
/// for (`{:.2}`). What is
/// not nothing never prints as nothing: `<$0.01`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    micros: i64,
}

impl Money {
    pub const ZERO: Money = Money { micros: 0 };

    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    pub const fn micros(self) -> i64 {
        self.micros
    }

    pub const fn is_zero(self) -> bool {
        self.micros == 0
    }

    /// `self` less `other`, but never less than nothing.
    pub fn saturating_less(self, other: Money) -> Money {
        Money { micros: self.micros.saturating_sub(other.micros).max(0) }
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money { micros: self.micros.saturating_add(other.micros) }
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money { micros: self.micros.saturating_sub(other.micros) }
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

impl FromStr for Money {
    type Err = ParseValueError;

    /// Reads `$0.45` or `0.45`; at most six decimals.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseValueError { found: text.to_owned(), expected: "an amount such as `$0.45`" };
        let number = text.trim();
        let number = number.strip_prefix('$').unwrap_or(number);
        if number.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 6) {
            return Err(error());
        }
        let micros = super::size::parse_scaled(number, MICROS as u64).ok_or_else(error)?;
        Ok(Money { micros: i64::try_from(micros).map_err(|_| error())? })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.micros.unsigned_abs();
        let sign = if self.micros < 0 { "-" } else { "" };
        let decimals = match f.precision() {
            Some(decimals) => decimals.min(6),
            None if total < MICROS as u64 / 10 => DECIMALS_BELOW_TEN_CENTS,
            None if total < MICROS as u64 => DECIMALS_BELOW_ONE_DOLLAR,
            None => 2,
        };
        let step = 10u64.pow(6 - decimals as u32);
        let rounded = total.saturating_add(step / 2) / step;
        let unit = 10u64.pow(decimals as u32);
        let (below, rounded) = if rounded == 0 && self.micros > 0 { ("<", 1) } else { ("", rounded) };
        let mut text = format!("{below}{sign}${}", grouped(rounded / unit));
        if decimals > 0 {
            let mut fraction = format!("{:0decimals$}", rounded % unit);
            // Zeros beyond the cents say nothing, unless they were asked for.
            while f.precision().is_none() && fraction.len() > 2 && fraction.ends_with('0') {
                fraction.pop();
            }
            text.push('.');
            text.push_str(&fraction);
        }
        // `pad` would take the precision for a maximum width.
        match f.width() {
            Some(width) if f.align() == Some(fmt::Alignment::Left) => write!(f, "{text:<width$}"),
            Some(width) => write!(f, "{text:>width$}"),
            None => f.write_str(&text),
        }
    }
}

/// In JSON a number of dollars, exact to the millionth.
impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.micros as f64 / MICROS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(micros: i64) -> String {
        Money::from_micros(micros).to_string()
    }

    #[test]
    fn small_amounts_show_parts_of_a_cent_and_large_ones_do_not() {
        let micros = [0, 37_500, 416_000, 453_500, 450_000, 999_490, 999_500, 7_990_000, 1_234_567_890, 12, 50];
        let expected = [
            "$0.00",
            "$0.0375",
            "$0.416",
            "$0.454",
            "$0.45",
            "$0.999",
            "$1.00",
            "$7.99",
            "$1,234.57",
            "<$0.0001",
            "$0.0001",
        ];
        assert_eq!(micros.map(shown), expected);
        assert_eq!(shown(-37_500), "-$0.0375");
    }

    #[test]
    fn a_precision_that_is_asked_for_is_given() {
        assert_eq!(format!("{:.2}", Money::from_micros(453_500)), "$0.45");
        assert_eq!(format!("{:.2}", Money::from_micros(4_000)), "<$0.01");
        assert_eq!(format!("{:.0}", Money::from_micros(83_890_000)), "$84");
        assert_eq!(
            format!("{:>8.2}|{:<8}|", Money::from_micros(453_500), Money::from_micros(37_500)),
            "   $0.45|$0.0375 |"
        );
    }

    #[test]
    fn amounts_parse_and_add_up() {
        let money = |text: &str| text.parse::<Money>();
        assert_eq!(money("$0.0375").map(Money::micros), Ok(37_500));
        assert_eq!(money("7.99").map(Money::micros), Ok(7_990_000));
        for wrong in ["", "$", "-1", "0.0000001", "1,50", "1e3"] {
            assert!(money(wrong).is_err(), "{wrong}");
        }
        let sum: Money = [Money::from_micros(37_500), Money::from_micros(416_000)].into_iter().sum();
        assert_eq!(sum, Money::from_micros(453_500));
        assert_eq!(Money::from_micros(1).saturating_less(Money::from_micros(2)), Money::ZERO);
        assert_eq!(Money::from_micros(i64::MAX) + Money::from_micros(1), Money::from_micros(i64::MAX));
    }

    #[test]
    fn json_has_dollars() {
        assert_eq!(serde_json::to_string(&Money::from_micros(37_500)).expect("it is a number"), "0.0375");
    }
}
