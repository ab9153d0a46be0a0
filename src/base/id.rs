use super::{Timestamp, compact_time, parse_compact_time};
use std::fmt;
use std::str::FromStr;

/// The identity of one run on one host: `20261124T020000Z-1f2e3d4c`.
///
/// Sorts by time. The second half is random, so that two hosts that start in
/// the same second do not meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    pub started: Timestamp,
    pub random: u32,
}

impl RunId {
    /// `started` is cut to whole seconds, as it is written: an id read from a name
    /// equals the one it was written from.
    pub fn new(started: Timestamp, random: u32) -> Self {
        let seconds = chrono::DateTime::from_timestamp(started.timestamp(), 0);
        Self { started: seconds.unwrap_or(started), random }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", compact_time(self.started), self.random)
    }
}

impl FromStr for RunId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (time, random) = text.split_once('-').ok_or(())?;
        if random.len() != 8 || random.bytes().any(|b| !b.is_ascii_digit() && !(b'a'..=b'f').contains(&b)) {
            return Err(());
        }
        Ok(RunId {
            started: parse_compact_time(time).ok_or(())?,
            random: u32::from_str_radix(random, 16).map_err(|_| ())?,
        })
    }
}

impl serde::Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| serde::de::Error::custom(format!("`{text}` is not a run id")))
    }
}

/// The BLAKE3-256 of some content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_read_back_is_the_one_that_was_written() {
        let started = chrono::DateTime::from_timestamp(1_764_000_000, 987_654_321).unwrap();
        let id = RunId::new(started, 0x1f2e_3d4c);
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
