use crate::base::Timestamp;
use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// What a reading of the wall clock means in a time zone.
pub(super) enum Meaning {
    Once(Timestamp),
    /// The clock was set back over it: both moments, in order.
    Twice(Timestamp, Timestamp),
    /// The clock was set forward over it: the first moment after the gap.
    Never(Timestamp),
}

pub(super) fn meaning(zone: Tz, local: NaiveDateTime) -> Meaning {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(time) => Meaning::Once(time.to_utc()),
        MappedLocalTime::Ambiguous(a, b) => Meaning::Twice(a.min(b).to_utc(), a.max(b).to_utc()),
        MappedLocalTime::None => {
            let after = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
            // Every gap in the time zone database ends; without an end the reading is taken as UTC.
            Meaning::Never(after.map_or_else(|| Utc.from_utc_datetime(&local), |end| end.to_utc()))
        }
    }
}

/// The first moment at which the wall clock of a zone shows `local`, or the
/// first after it where that reading is skipped.
pub fn first_moment(zone: Tz, local: NaiveDateTime) -> Timestamp {
    match meaning(zone, local) {
        Meaning::Once(time) | Meaning::Twice(time, _) | Meaning::Never(time) => time,
    }
}

/// Seconds east of UTC, where the reading means one moment.
pub(super) fn plain_offset(zone: Tz, local: NaiveDateTime) -> Option<i32> {
    zone.offset_from_local_datetime(&local).single().map(|offset| offset.fix().local_minus_utc())
}
