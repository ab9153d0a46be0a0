use super::{ByteSize, ParseValueError};
use std::fmt;
use std::str::FromStr;

/// Bytes per second, written `"10MiB/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    pub bytes_per_second: u64,
}

impl FromStr for Rate {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseValueError { found: text.to_owned(), expected: "a rate such as `10MiB/s`" };
        let size: ByteSize = text.trim().strip_suffix("/s").ok_or_else(error)?.parse().map_err(|_| error())?;
        if size.0 == 0 {
            return Err(error());
        }
        Ok(Rate { bytes_per_second: size.0 })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", ByteSize(self.bytes_per_second))
    }
}
