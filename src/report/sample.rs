//! Reports for tests.

use super::*;
use crate::base::{RawPath, RunId, Timestamp};
use crate::compile::JobName;
use crate::plan::Level;
use chrono::{TimeZone, Utc};
use std::time::Duration;

pub fn at(day: u32, hour: u32, minute: u32) -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 0).single().expect("a test's time exists")
}

pub fn run_id() -> RunId {
    RunId { started: at(24, 2, 0), random: 0x1f2e_3d4c }
}

pub fn run(jobs: Vec<JobReport>) -> RunReport {
    RunReport {
        plan: "rpa".to_owned(),
        host: "web1".to_owned(),
        started: at(24, 2, 0),
        finished: at(24, 2, 3),
        jobs,
        drills: Vec::new(),
        problems: Vec::new(),
    }
}

/// All in a tier `local`, verified and pruned.
pub fn good_job(tier: &str, source: &str, files: u64) -> JobReport {
    JobReport {
        run: Some(run_id()),
        duration: Duration::from_millis(files / 2 + 210),
        backup: Some(BackupReport {
            snapshot: Some("20261124T020000Z-1f2e3d4c".to_owned()),
            files,
            folders: files / 10,
            new: files / 100,
            changed: files / 50,
            deleted: files / 200,
            bytes_source: files * 15_000,
            bytes_read: files * 300,
            bytes_stored: files * 90,
            objects: 5,
        }),
        verifications: vec![VerifyReport { level: Level::Contents, sample: None, objects: 5, bytes: files * 90 }],
        prune: Some(PruneReport { kept: 18, forgotten: 2, objects_deleted: 9, bytes_freed: files * 40 }),
        next: Some(at(24, 6, 0)),
        ..JobReport::new(JobName::new(tier, source), Outcome::Success)
    }
}

pub fn good_run() -> RunReport {
    let mut config = good_job("local", "config", 3);
    config.next = Some(at(25, 2, 0));
    let mut archive = good_job("archive", "system", 48_120);
    archive.next = Some(at(29, 2, 0));
    archive.prune = None;
    run(vec![good_job("local", "data", 104_233), config, archive])
}

/// One job of each outcome, and trouble outside of them.
pub fn partial_run() -> RunReport {
    let mut partial = good_job("local", "data", 104_233);
    partial.outcome = Outcome::Partial;
    partial.prune = None;
    for number in 0..112 {
        partial.unreadable.add(RawPath(format!("sessions/{number}/ação\n.json").into_bytes()), "permission denied");
    }
    partial.notes.push("the local cache was lost: this snapshot is a new base".to_owned());
    let mut failed = JobReport::new(
        JobName::new("cloud", "data"),
        Outcome::Failed {
            failure: Failure {
                kind: FailureKind::Other,
                step: Some("cloud/data/upload".to_owned()),
                message: "the store `s3` refused to write `archives/data/20261124T020000Z-1f2e3d4c-0001.tar.zst.age`: access denied".to_owned(),
                help: Some("give the account `s3:PutObject` on `imediatoseguros-rpa-backups/incremental/*`".to_owned()),
            },
        },
    );
    failed.next = Some(at(24, 6, 0));
    failed.duration = Duration::from_secs(12);
    let skipped =
        JobReport::new(JobName::new("local", "db"), Outcome::Skipped { because: "`db/before-1` failed".to_owned() });
    let mut run = run(vec![partial, failed, skipped, good_job("local", "code", 812)]);
    run.problems = vec![
        Problem {
            severity: Severity::Error,
            step: Some("db/before-1".to_owned()),
            message: "`systemctl stop db` ended with status 5".to_owned(),
            help: None,
        },
        Problem {
            severity: Severity::Warning,
            step: Some("notify/ops".to_owned()),
            message: "the webhook did not answer within 10s".to_owned(),
            help: Some("run `plan notify test`".to_owned()),
        },
    ];
    run
}
