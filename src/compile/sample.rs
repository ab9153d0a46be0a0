//! Plans for tests: the whole plan of the language's design page, and small ones.

use crate::base::{Percent, Secret, parse_duration};
use crate::diagnostics::{Span, Spanned};
use crate::plan::*;

pub fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

pub fn name(text: &str) -> Spanned<String> {
    at(text.to_owned())
}

pub fn schedule(cron: &str) -> Schedule {
    Schedule { cron: name(cron), jitter: None }
}

pub fn command(words: &str) -> Command {
    let mut words = words.split(' ').map(str::to_owned);
    let program = at(words.next().expect("a command has a program"));
    Command { program, arguments: words.collect(), span: Span::default() }
}

pub fn source(source: &str, base: Option<&str>, include: &[&str], exclude: &[&str]) -> Source {
    Source {
        name: name(source),
        origin: Origin::Paths(PathSource {
            base: base.map(|base| at(base.into())),
            include: include.iter().map(|path| name(path)).collect(),
            exclude: exclude.iter().map(|pattern| name(pattern)).collect(),
            ..PathSource::default()
        }),
        before: Vec::new(),
        after: Vec::new(),
        expected_size: None,
        expected_change: None,
        span: Span::default(),
    }
}

/// Incremental, not encrypted, zstd 3, keeps and verifies nothing.
pub fn tier(tier: &str, service: &str, settings: &[(&str, &str)], takes: &[(&str, Option<&str>)]) -> Tier {
    Tier {
        name: name(tier),
        store: StoreSpec {
            service: name(service),
            settings: settings
                .iter()
                .map(|(key, value)| Setting { key: name(key), value: at(SettingValue::Text((*value).to_owned())) })
                .collect(),
            span: Span::default(),
        },
        storage_class: None,
        server_side_encryption: None,
        metadata: Vec::new(),
        encryption: Encryption::None { span: None },
        compression: at(Compression::default()),
        mode: at(Mode::Incremental),
        schedule: None,
        takes: takes
            .iter()
            .map(|(source, own)| Take { source: name(source), schedule: own.map(schedule), span: Span::default() })
            .collect(),
        keep: None,
        verify: Vec::new(),
        limits: Limits::default(),
        from: None,
        lock: None,
        volume_size: None,
        span: Span::default(),
    }
}

pub fn verify(level: Level, sample: Option<&str>, own: Option<&str>) -> Verify {
    let percent = |text: &str| text.parse::<Percent>().expect("a test's percentage is right");
    Verify {
        level: at(level),
        sample: sample.map(|text| at(percent(text))),
        schedule: own.map(schedule),
        span: Span::default(),
    }
}

pub fn plan(plan: &str, sources: Vec<Source>, tiers: Vec<Tier>) -> Plan {
    Plan {
        name: name(plan),
        description: None,
        timezone: at(chrono_tz::UTC),
        state: None,
        objective: Objective::default(),
        keys: Vec::new(),
        sources,
        tiers,
        notify: Vec::new(),
        reports: Vec::new(),
        drills: Vec::new(),
        span: Span::default(),
    }
}

fn duration(text: &str) -> Spanned<std::time::Duration> {
    at(parse_duration(text).expect("a test's duration is right"))
}

/// The whole plan of the language's design page.
pub fn rpa() -> Plan {
    let mut plan = plan("rpa", rpa_sources(), vec![local(), cloud(), archive()]);
    plan.description = Some("RPA V6.0.0: local every 4 h, cloud every 4 h, weekly archive".to_owned());
    plan.objective = Objective { rpo: Some(duration("4h")), rto: Some(duration("30m")) };
    plan.keys = vec![Key {
        name: name("ops"),
        recipients: vec![
            Recipient { text: name("age1operations"), note: None },
            Recipient { text: name("age1escrow"), note: Some("off-site escrow".to_owned()) },
        ],
        identities: vec![Identity { secret: at(SecretRef::File("/etc/plan/rpa.key".into())), create: false }],
        passphrase: None,
        span: Span::default(),
    }];
    let notify = |channel: &str, kind: Channel, on: &[Event]| Notify {
        name: name(channel),
        channel: kind,
        on: on.to_vec(),
        span: Span::default(),
    };
    let env = |variable: &str| SecretRef::Env(variable.to_owned());
    plan.notify = vec![
        notify("ops", Channel::Slack { url: env("SLACK_WEBHOOK") }, &[Event::Failure, Event::Recovered, Event::Missed]),
        notify(
            "watchdog",
            Channel::Healthchecks { url: env("PING_URL") },
            &[Event::Start, Event::Success, Event::Failure],
        ),
    ];
    plan.reports = vec![Report {
        name: name("weekly"),
        schedule: schedule("0 8 * * 1"),
        to: vec![name("ops")],
        span: Span::default(),
    }];
    plan.drills = vec![Drill {
        source: name("data"),
        tier: name("cloud"),
        schedule: Some(schedule("0 5 1 * *")),
        max_time: Some(duration("30m")),
        span: Span::default(),
    }];
    plan
}

fn rpa_sources() -> Vec<Source> {
    let mut db = source("db", None, &[], &[]);
    db.origin = Origin::Command { command: command("pg_dump -Fc rpa"), file_name: name("rpa.dump") };
    vec![
        source(
            "data",
            Some("/opt/imediatoseguros-rpa"),
            &["rpa_data", "logs", "sessions", "parametros.json"],
            &["*.tmp"],
        ),
        source("config", None, &["/etc/systemd/system/rpa-startup.service"], &[]),
        source("code", Some("/opt"), &["imediatoseguros-rpa-v4"], &[]),
        source("system", Some("/opt"), &["imediatoseguros-rpa", "imediatoseguros-rpa-v4"], &["*.log", "venv/lib"]),
        db,
    ]
}

fn local() -> Tier {
    let daily = Some("0 2 * * *");
    let takes = [("data", None), ("config", daily), ("code", daily), ("db", daily)];
    let mut tier = tier("local", "fs", &[("root", "/opt/backups")], &takes);
    tier.schedule = Some(schedule("0 2-22/4 * * *"));
    tier.keep = Some(Keep { within: Some(duration("3d")), last: Some(at(3)), ..Keep::default() });
    tier.verify = vec![verify(Level::Contents, None, None)];
    tier
}

fn cloud() -> Tier {
    let daily = Some("0 3 * * *");
    let takes = [("data", None), ("config", daily), ("code", daily), ("db", daily)];
    let settings = [("bucket", "imediatoseguros-rpa-backups"), ("region", "us-east-1"), ("root", "/incremental")];
    let mut tier = tier("cloud", "s3", &settings, &takes);
    let secret = SettingValue::Secret(SecretRef::Literal(Secret::new("hunter2".to_owned())));
    tier.store.settings.push(Setting { key: name("secret_access_key"), value: at(secret) });
    tier.storage_class = Some(name("STANDARD_IA"));
    tier.server_side_encryption = Some(at(ServerSideEncryption::Kms { key: Some("alias/rpa-backup-key".to_owned()) }));
    tier.encryption = Encryption::Key(name("ops"));
    tier.schedule = Some(Schedule { cron: name("0 2-22/4 * * *"), jitter: Some(duration("5m")) });
    tier.keep = Some(Keep { daily: Some(at(30)), ..Keep::default() });
    tier.verify = vec![verify(Level::Checksum, None, None), verify(Level::Contents, Some("5%"), Some("0 4 * * *"))];
    tier
}

fn archive() -> Tier {
    let settings = [("bucket", "imediatoseguros-rpa-backups"), ("region", "us-east-1"), ("root", "/complete")];
    let mut tier = tier("archive", "s3", &settings, &[("system", Some("0 2 * * 0"))]);
    tier.mode = at(Mode::Full);
    tier.storage_class = Some(name("GLACIER"));
    tier.encryption = Encryption::Key(name("ops"));
    tier.compression = at(Compression::Gzip { level: 6 });
    tier.keep = Some(Keep { weekly: Some(at(52)), ..Keep::default() });
    tier.verify = vec![verify(Level::Presence, None, None)];
    tier
}
