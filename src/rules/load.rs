//! Load: settings that make a run slower or larger than it need be.

use super::{Check, Subject};
use crate::base::{ByteSize, format_duration};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::plan::{Compression, Mode};
use std::time::Duration;

static FULL_OFTEN: Rule = Rule {
    code: "plan::load::full_often",
    severity: Severity::Warning,
    title: "a full backup every few hours",
    why: "In `mode full` every snapshot holds everything once more. More than once a day that is many times the data \
          for the same history; an incremental snapshot is as complete to whoever restores it.",
    bad: r#"
tier disk {
    mode full
    store fs { root "/backups" }
    encrypt ops
    schedule "0 */4 * * *"
    take data
    keep last=60
    verify checksum
}"#,
    good: r#"
tier disk {
    mode incremental
    store fs { root "/backups" }
    encrypt ops
    schedule "0 */4 * * *"
    take data
    keep last=60
    verify checksum
}"#,
};
static SLOW_COMPRESSION: Rule = Rule {
    code: "plan::load::slow_compression",
    severity: Severity::Warning,
    title: "a compression level that takes hours for little",
    why: "Measured on text, one core compresses 341 MB/s at zstd 1, 209 at 3, 45 at 9, and a few at 19, for archives \
          that are a tenth smaller. Compression is what a run waits for.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    compress zstd level=19
    verify checksum
}"#,
    good: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    compress zstd level=9
    verify checksum
}"#,
};
static TOO_SLOW: Rule = Rule {
    code: "plan::load::limit_too_low",
    severity: Severity::Warning,
    title: "what changes cannot be sent before the next run is due",
    why: "The upload limit and what is expected to change between two runs decide how long a run takes. Where that is \
          longer than the interval, runs fall behind and never catch up.",
    bad: r#"
source photos {
    base "/srv/photos"
    expect size="2TB" change="40GB"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take photos
    limit upload="400KiB/s"
    keep daily=30
    verify presence
}"#,
    good: r#"
source photos {
    base "/srv/photos"
    expect size="2TB" change="40GB"
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take photos
    limit upload="4MiB/s"
    keep daily=30
    verify presence
}"#,
};
static SMALL_VOLUMES: Rule = Rule {
    code: "plan::load::small_volumes",
    severity: Severity::Warning,
    title: "archives are cut into very small objects",
    why: "Each object is a request to write, a line in every listing, and in cold classes a minimum size or an overhead \
          of its own: one request to Amazon S3 costs as much as storing 228 KiB for a month. The default of 512 MiB is \
          right for most.",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    volume-size "256KiB"
    keep daily=30
    verify presence
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    volume-size "64MiB"
    keep daily=30
    verify presence
}"#,
};

pub(super) static RULES: [&Rule; 4] = [&FULL_OFTEN, &SLOW_COMPRESSION, &TOO_SLOW, &SMALL_VOLUMES];

pub(super) static CHECKS: [Check; 4] =
    [full_backups_every_few_hours, levels_that_take_hours, limits_that_cannot_keep_up, volumes_that_are_small];

/// Beyond this a level costs ten times the time of level 9.
const SLOW_LEVEL: i32 = 16;
const SMALLEST_VOLUME: ByteSize = ByteSize::mib(8);
const DAY: Duration = Duration::from_secs(86_400);

fn full_backups_every_few_hours(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let full = subject.plan.tiers.iter().filter(|tier| tier.mode.value == Mode::Full);
    for tier in full {
        let of_tier = subject.jobs.iter().filter(|job| std::ptr::eq(job.tier, tier));
        let often = of_tier.filter_map(|job| {
            let (schedule, _) = job.timetable.as_ref()?;
            // The hour that the clock is set forward makes a day no shorter.
            let gap = job.shortest_gap().filter(|gap| *gap < DAY - Duration::from_secs(7200))?;
            Some((schedule, gap))
        });
        if let Some((schedule, gap)) = often.min_by_key(|(_, gap)| *gap) {
            let gap = format_duration(gap);
            out.push(
                Diagnostic::new(&FULL_OFTEN, tier.mode.span, format!("everything is stored again every {gap}"))
                    .also(schedule.cron.span, format!("every {gap}"))
                    .help("use `mode incremental`, or make full backups daily or weekly"),
            );
        }
    }
}

fn levels_that_take_hours(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        if let Compression::Zstd { level } = tier.compression.value
            && level >= SLOW_LEVEL
        {
            out.push(
                Diagnostic::new(
                    &SLOW_COMPRESSION,
                    tier.compression.span,
                    format!("zstd {level} compresses a few MB a second"),
                )
                .help("use `zstd level=9` or less"),
            );
        }
    }
}

fn limits_that_cannot_keep_up(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in &subject.plan.tiers {
        let Some(limit) = &tier.limits.upload else { continue };
        // A day of all the tier's sources must go through in a day, full ones as often as they are made.
        let mut bytes_a_day = 0u64;
        let mut parts = Vec::new();
        for job in subject.jobs.iter().filter(|job| std::ptr::eq(job.tier, tier)) {
            let Some(source) = subject.plan.source(&job.take.source) else { continue };
            let runs_a_day = || {
                let gap = job.shortest_gap()?;
                Some(DAY.as_secs_f64() / gap.as_secs_f64())
            };
            let daily = match (tier.mode.value, &source.expected_size, &source.expected_change) {
                (Mode::Full, Some(size), _) => runs_a_day().map(|runs| (size.value.0 as f64 * runs) as u64),
                (Mode::Incremental, _, Some(change)) => Some(change.value.0),
                _ => None,
            };
            if let Some(daily) = daily {
                bytes_a_day = bytes_a_day.saturating_add(daily);
                parts.push((source, daily));
            }
        }
        let seconds = bytes_a_day / limit.bytes_per_second.max(1);
        if seconds > DAY.as_secs() {
            let takes = format_duration(Duration::from_secs(seconds));
            let total = ByteSize(bytes_a_day);
            let message = format!("{total} a day take {takes} at {}", limit.value);
            let mut diagnostic = Diagnostic::new(&TOO_SLOW, limit.span, message).label("less than a day brings");
            for (source, daily) in parts {
                let expected = source.expected_change.as_ref().map(|s| s.span);
                let span = expected.or(source.expected_size.as_ref().map(|s| s.span)).unwrap_or(source.name.span);
                diagnostic = diagnostic.also(span, format!("{} a day", ByteSize(daily)));
            }
            out.push(diagnostic.help("raise the limit, or back up less"));
        }
    }
}

fn volumes_that_are_small(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for tier in subject.plan.tiers.iter().filter(|tier| !tier.store.is_this_machine()) {
        if let Some(size) = tier.volume_size.as_ref().filter(|size| size.value < SMALLEST_VOLUME) {
            out.push(
                Diagnostic::new(&SMALL_VOLUMES, size.span, format!("objects of {} are many requests", size.value))
                    .help("use at least `16MiB`, or leave `volume-size` out"),
            );
        }
    }
}
