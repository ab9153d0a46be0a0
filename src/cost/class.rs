use super::Provider;
use std::time::Duration;

/// What a provider promises and demands of objects in one storage class; its
/// prices stand in [`super::PriceTable`].
///
/// Facts of November 2026, from the providers' documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClass {
    /// As the provider's interface spells it.
    pub name: &'static str,
    /// An object deleted earlier is billed for so many days all the same.
    pub minimum_days: u32,
    /// A smaller object is billed as one of so many bytes.
    pub minimum_bytes: u64,
    /// Billed on top of every object, at the class's own rate.
    pub overhead_bytes: u64,
    /// Billed on top of every object, at the rate of the default class.
    pub overhead_default_bytes: u64,
    /// Of an upload in parts only its completion is billed at the class's own
    /// price, beginning it and its parts at that of the default class.
    pub has_cheap_parts: bool,
    /// Ways to have an object thawed before it can be read; empty: it is read at once.
    pub thaws: &'static [Thaw],
    /// Lost with one building.
    pub is_single_zone: bool,
}

impl StorageClass {
    /// Whether an object must be thawed before it can be read.
    pub fn needs_thaw(&self) -> bool {
        !self.thaws.is_empty()
    }

    pub fn thaw(&self, speed: ThawSpeed) -> Option<&'static Thaw> {
        self.thaws.iter().find(|thaw| thaw.speed == speed)
    }

    /// How long it takes at most until the first byte can be read.
    /// `None`: the class has no such speed.
    pub fn longest_wait(&self, speed: ThawSpeed) -> Option<Duration> {
        if self.needs_thaw() { self.thaw(speed).map(|thaw| thaw.longest) } else { Some(Duration::ZERO) }
    }
}

/// How fast a thaw is asked for; fast is dear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThawSpeed {
    Expedited,
    #[default]
    Standard,
    Bulk,
}

impl ThawSpeed {
    pub const ALL: [ThawSpeed; 3] = [ThawSpeed::Expedited, ThawSpeed::Standard, ThawSpeed::Bulk];

    /// Its name in price files and on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Expedited => "expedited",
            Self::Standard => "standard",
            Self::Bulk => "bulk",
        }
    }
}

/// One way to have objects thawed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thaw {
    pub speed: ThawSpeed,
    /// `None` where the provider only says at most.
    pub shortest: Option<Duration>,
    pub longest: Duration,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

const fn thaw(speed: ThawSpeed, shortest_s: u64, longest_s: u64) -> Thaw {
    let shortest = if shortest_s == 0 { None } else { Some(Duration::from_secs(shortest_s)) };
    Thaw { speed, shortest, longest: Duration::from_secs(longest_s) }
}

const PLAIN: StorageClass = StorageClass {
    name: "STANDARD",
    minimum_days: 0,
    minimum_bytes: 0,
    overhead_bytes: 0,
    overhead_default_bytes: 0,
    has_cheap_parts: false,
    thaws: &[],
    is_single_zone: false,
};

const fn plain(name: &'static str) -> StorageClass {
    StorageClass { name, ..PLAIN }
}

const fn cool(name: &'static str, minimum_days: u32) -> StorageClass {
    StorageClass { name, minimum_days, ..PLAIN }
}

/// Amazon bills the infrequent classes from here.
const AWS_MINIMUM_BYTES: u64 = 128 << 10;
/// Amazon's index of an archived object: 32 KiB beside it, 8 KiB in STANDARD.
const AWS_OVERHEAD: (u64, u64) = (32 << 10, 8 << 10);

const AWS: &[StorageClass] = &[
    PLAIN,
    StorageClass { minimum_bytes: AWS_MINIMUM_BYTES, ..cool("STANDARD_IA", 30) },
    StorageClass { minimum_bytes: AWS_MINIMUM_BYTES, is_single_zone: true, ..cool("ONEZONE_IA", 30) },
    plain("INTELLIGENT_TIERING"),
    StorageClass { minimum_bytes: AWS_MINIMUM_BYTES, ..cool("GLACIER_IR", 90) },
    StorageClass {
        overhead_bytes: AWS_OVERHEAD.0,
        overhead_default_bytes: AWS_OVERHEAD.1,
        has_cheap_parts: true,
        thaws: &[
            thaw(ThawSpeed::Expedited, MINUTE, 5 * MINUTE),
            thaw(ThawSpeed::Standard, 3 * HOUR, 5 * HOUR),
            thaw(ThawSpeed::Bulk, 5 * HOUR, 12 * HOUR),
        ],
        ..cool("GLACIER", 90)
    },
    StorageClass {
        overhead_bytes: AWS_OVERHEAD.0,
        overhead_default_bytes: AWS_OVERHEAD.1,
        has_cheap_parts: true,
        thaws: &[thaw(ThawSpeed::Standard, 0, 12 * HOUR), thaw(ThawSpeed::Bulk, 0, 48 * HOUR)],
        ..cool("DEEP_ARCHIVE", 180)
    },
    plain("REDUCED_REDUNDANCY"),
    StorageClass { is_single_zone: true, ..plain("EXPRESS_ONEZONE") },
    plain("OUTPOSTS"),
];

const GCS: &[StorageClass] = &[PLAIN, cool("NEARLINE", 30), cool("COLDLINE", 90), cool("ARCHIVE", 365)];

const AZURE: &[StorageClass] = &[
    plain("Hot"),
    cool("Cool", 30),
    cool("Cold", 90),
    StorageClass { thaws: &[thaw(ThawSpeed::Standard, 0, 15 * HOUR)], ..cool("Archive", 180) },
];

const B2: &[StorageClass] = &[PLAIN];

const WASABI: &[StorageClass] = &[StorageClass { minimum_bytes: 4 << 10, ..cool("STANDARD", 90) }];

const R2: &[StorageClass] = &[PLAIN, cool("STANDARD_IA", 30)];

const SCALEWAY: &[StorageClass] = &[
    PLAIN,
    StorageClass { is_single_zone: true, ..plain("ONEZONE_IA") },
    StorageClass { thaws: &[thaw(ThawSpeed::Standard, MINUTE, 24 * HOUR)], ..plain("GLACIER") },
];

const OVH: &[StorageClass] =
    &[PLAIN, StorageClass { thaws: &[thaw(ThawSpeed::Standard, 0, 48 * HOUR)], ..cool("COLD_ARCHIVE", 180) }];

const HETZNER: &[StorageClass] = &[StorageClass { minimum_bytes: 64 << 10, ..PLAIN }];

pub(super) fn classes(provider: Provider) -> &'static [StorageClass] {
    match provider {
        Provider::Aws => AWS,
        Provider::Gcs => GCS,
        Provider::Azure => AZURE,
        Provider::B2 => B2,
        Provider::Wasabi => WASABI,
        Provider::R2 => R2,
        Provider::Scaleway => SCALEWAY,
        Provider::Ovh => OVH,
        Provider::Hetzner => HETZNER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ByteSize, format_duration};

    #[test]
    fn the_classes_and_what_they_demand() {
        let mut lines = Vec::new();
        for provider in Provider::ALL {
            for class in provider.classes() {
                let mut facts = Vec::new();
                if class.minimum_days > 0 {
                    facts.push(format!("{} days", class.minimum_days));
                }
                if class.minimum_bytes > 0 {
                    facts.push(format!("at least {}", ByteSize(class.minimum_bytes)));
                }
                if class.overhead_bytes > 0 {
                    facts.push(format!("plus {}", ByteSize(class.overhead_bytes + class.overhead_default_bytes)));
                }
                facts.extend(class.thaws.iter().map(|thaw| {
                    let shortest = thaw.shortest.map_or("up".to_owned(), format_duration);
                    format!("{} {shortest} to {}", thaw.speed.key(), format_duration(thaw.longest))
                }));
                if class.is_single_zone {
                    facts.push("one zone".to_owned());
                }
                lines
                    .push(format!("{:<9}{:<20}{}", provider.key(), class.name, facts.join(", ")).trim_end().to_owned());
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        aws      STANDARD
        aws      STANDARD_IA         30 days, at least 128.0 KiB
        aws      ONEZONE_IA          30 days, at least 128.0 KiB, one zone
        aws      INTELLIGENT_TIERING
        aws      GLACIER_IR          90 days, at least 128.0 KiB
        aws      GLACIER             90 days, plus 40.0 KiB, expedited 1m to 5m, standard 3h to 5h, bulk 5h to 12h
        aws      DEEP_ARCHIVE        180 days, plus 40.0 KiB, standard up to 12h, bulk up to 2d
        aws      REDUCED_REDUNDANCY
        aws      EXPRESS_ONEZONE     one zone
        aws      OUTPOSTS
        gcs      STANDARD
        gcs      NEARLINE            30 days
        gcs      COLDLINE            90 days
        gcs      ARCHIVE             365 days
        azure    Hot
        azure    Cool                30 days
        azure    Cold                90 days
        azure    Archive             180 days, standard up to 15h
        b2       STANDARD
        wasabi   STANDARD            90 days, at least 4.0 KiB
        r2       STANDARD
        r2       STANDARD_IA         30 days
        scaleway STANDARD
        scaleway ONEZONE_IA          one zone
        scaleway GLACIER             standard 1m to 1d
        ovh      STANDARD
        ovh      COLD_ARCHIVE        180 days, standard up to 2d
        hetzner  STANDARD            at least 64.0 KiB
        ");
    }

    #[test]
    fn a_class_that_needs_no_thaw_is_read_at_once() {
        let class = |name| Provider::Aws.class(name).expect("Amazon has it");
        assert_eq!(class("STANDARD_IA").longest_wait(ThawSpeed::Bulk), Some(Duration::ZERO));
        assert_eq!(class("GLACIER").longest_wait(ThawSpeed::Standard), Some(Duration::from_secs(5 * HOUR)));
        assert_eq!(class("DEEP_ARCHIVE").longest_wait(ThawSpeed::Expedited), None);
        assert_eq!(Provider::Aws.default_class().name, "STANDARD");
        assert_eq!(Provider::Azure.default_class().name, "Hot");
        assert_eq!(Provider::Gcs.class("STANDARD_IA"), None);
    }
}
