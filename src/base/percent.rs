use super::ParseValueError;
use super::size::parse_scaled;
use std::fmt;
use std::str::FromStr;

/// A share between 0% and 100%, in millionths, written `"5%"` or `"0.5%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    millionths: u32,
}

impl Percent {
    pub const ALL: Percent = Percent { millionths: 1_000_000 };

    /// The share as a fraction of one.
    pub fn fraction(self) -> f64 {
        f64::from(self.millionths) / 1e6
    }
}

impl FromStr for Percent {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseValueError { found: text.to_owned(), expected: "a percentage between `0%` and `100%`" };
        let number = text.trim().strip_suffix('%').ok_or_else(error)?;
        let millionths = parse_scaled(number.trim_end(), 10_000).ok_or_else(error)?;
        if millionths > 1_000_000 {
            return Err(error());
        }
        Ok(Percent { millionths: millionths as u32 })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 1e4)
    }
}
