use super::resolve;
use crate::diagnostics::{Diagnostic, Human, SourceFiles};
use crate::language::load;
use crate::plan::{Channel, Compression, Encryption, Event, Level, Mode, Origin, Plan, SecretRef, SettingValue, Take};
use std::io;
use std::path::Path;

/// The plan of a text among files, and all that is said of its values.
fn resolved(text: &str, files: &[(&str, &str)]) -> (Option<Plan>, Vec<Diagnostic>, SourceFiles) {
    let mut read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let loaded = load("plans/main.kdl", text, &mut read);
    assert!(loaded.diagnostics.iter().all(|d| d.rule.family() == "shape"), "the test's plan is KDL");
    let (plan, diagnostics) = resolve(&loaded.document, &loaded.files);
    (plan, diagnostics, loaded.files)
}

fn good(text: &str) -> Plan {
    let (plan, diagnostics, files) = resolved(text, &[]);
    assert_eq!(Human::default().render(&diagnostics, &files), "");
    plan.expect("the text has a plan node")
}

fn bad(text: &str) -> String {
    let (_, diagnostics, files) = resolved(text, &[]);
    Human::default().render(&diagnostics, &files)
}

#[test]
fn every_plan_of_the_repository_resolves() {
    for name in ["demo", "home", "rpa", "server"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plans/{name}.kdl"));
        let plan = good(&std::fs::read_to_string(path).expect("the plan is there"));
        assert_eq!(plan.name.value, name);
        assert!(!plan.tiers.is_empty() && !plan.sources.is_empty() && !plan.keys.is_empty());
    }
}

#[test]
fn defaults_are_filled_in() {
    let plan = good("plan x {\n source s { base \"/s\" }\n tier t { store fs { root \"/t\" }; take s }\n}");
    let tier = &plan.tiers[0];
    assert_eq!(plan.timezone.value, chrono_tz::Tz::UTC);
    assert_eq!(tier.compression.value, Compression::Zstd { level: 3 });
    assert_eq!(tier.mode.value, Mode::Incremental);
    assert!(matches!(tier.encryption, Encryption::None { span: None }));
    assert!(tier.keep.is_none() && tier.takes[0].schedule.is_none());
}

#[test]
fn a_take_becomes_one_for_each_source_with_its_own_schedule_or_the_tiers() {
    let plan = good(
        "plan x {\n tier t {\n  store fs { root \"/t\" }\n  schedule \"0 2 * * *\" jitter=\"5m\"\n  take a b\n  \
         take c schedule=\"@weekly\"\n }\n}",
    );
    let takes: Vec<_> = plan.tiers[0]
        .takes
        .iter()
        .map(|take| {
            let schedule = take.schedule.as_ref().expect("the tier has one");
            (take.source.as_str(), schedule.cron.as_str(), schedule.jitter.as_ref().map(|j| j.as_secs()))
        })
        .collect();
    assert_eq!(takes, [("a", "0 2 * * *", Some(300)), ("b", "0 2 * * *", Some(300)), ("c", "@weekly", None)]);
}

#[test]
fn all_settings_of_a_tier_are_read() {
    let plan = good(
        "plan x {\n tier t {\n  mode full\n  store s3 { bucket b; enable_virtual_host_style #true\n   \
         access_key_id (env)ID }\n  storage-class GLACIER\n  server-side-encryption kms key=\"alias/k\"\n  \
         metadata a=1 b=\"{host}\"\n  encrypt k\n  compress gzip level=9\n  keep last=3 within=\"3d\"\n  \
         verify contents sample=\"5%\" schedule=\"@daily\"\n  limit upload=\"10MiB/s\" concurrency=4\n  from other\n  \
         lock compliance for=\"30d\"\n  volume-size \"64MiB\"\n }\n}",
    );
    let tier = &plan.tiers[0];
    let settings: Vec<_> = tier
        .store
        .settings
        .iter()
        .map(|setting| match &setting.value.value {
            SettingValue::Text(text) => format!("{}={text}", setting.key.value),
            SettingValue::Secret(secret) => format!("{}={secret}", setting.key.value),
        })
        .collect();
    assert_eq!(settings, ["bucket=b", "enable_virtual_host_style=true", "access_key_id=(env)\"ID\""]);
    assert_eq!(tier.mode.value, Mode::Full);
    assert_eq!(tier.compression.value, Compression::Gzip { level: 9 });
    assert_eq!(tier.metadata.iter().map(|(k, v)| format!("{}={v}", k.value)).collect::<Vec<_>>(), ["a=1", "b={host}"]);
    assert!(matches!(&tier.encryption, Encryption::Key(key) if key.value == "k"));
    let verify = &tier.verify[0];
    assert_eq!((verify.level.value, verify.sample.as_ref().map(|s| s.fraction())), (Level::Contents, Some(0.05)));
    assert_eq!(tier.limits.upload.as_ref().map(|rate| rate.bytes_per_second), Some(10 << 20));
    assert_eq!(tier.lock.as_ref().map(|lock| lock.mode.value.to_string()).as_deref(), Some("compliance"));
}

#[test]
fn a_plan_says_how_far_it_stands_back() {
    let nice = |text: &str| good(&format!("plan x {{\n {text}\n}}")).nice.map(|nice| nice.to_string());
    assert_eq!(nice("nice 10 io=idle").as_deref(), Some("10 io=idle"));
    assert_eq!(nice("nice 19").as_deref(), Some("19"));
    assert_eq!(nice("nice 0 io=normal").as_deref(), Some("0"));
    assert_eq!(nice(""), None);
}

#[test]
fn channels_have_the_events_that_suit_them() {
    let plan = good(
        "plan x {\n notify a { slack (env)A }\n notify b { healthchecks (env)B }\n notify c { \
         command say \"backup\" 1; on start drill }\n notify d {\n  webhook (env)D method=PUT {\n   header \
         Authorization (file)\"/token\"\n  }\n }\n notify e { email \"ops@example.org\" from=\"plan@example.org\" \
         server=\"smtps://mail.example.org\" password=(env)P }\n}",
    );
    assert_eq!(plan.notify[0].on, [Event::Partial, Event::Failure, Event::Recovered, Event::Missed]);
    assert_eq!(plan.notify[1].on, [Event::Start, Event::Success, Event::Partial, Event::Failure]);
    assert_eq!(plan.notify[2].on, [Event::Start, Event::Drill]);
    assert!(matches!(&plan.notify[2].channel, Channel::Command { command } if command.arguments == ["backup", "1"]));
    assert!(matches!(&plan.notify[3].channel, Channel::Webhook { method, headers, .. }
        if method == "PUT" && matches!(headers[..], [(ref name, SecretRef::File(_))] if name == "Authorization")));
    assert!(matches!(&plan.notify[4].channel, Channel::Email { to, user: None, .. } if to == &["ops@example.org"]));
}

#[test]
fn paths_in_an_included_file_start_at_its_folder() {
    let (plan, diagnostics, _) = resolved(
        "plan x {\n include \"../shared/keys.kdl\"\n source s { base \"..\"; include src }\n}",
        &[("shared/keys.kdl", "key k { identity (file)k.key }\nsource t { base data }\nsource u { base \"/u\" }")],
    );
    assert_eq!(diagnostics, []);
    let plan = plan.expect("the text has a plan node");
    assert!(matches!(&plan.keys[0].identities[0].secret.value,
        SecretRef::File(path) if path == Path::new("../shared/k.key")));
    let bases: Vec<_> = plan
        .sources
        .iter()
        .filter_map(|source| match &source.origin {
            Origin::Paths(paths) => paths.base.as_ref().map(|base| base.display().to_string()),
            Origin::Command { .. } => None,
        })
        .collect();
    assert_eq!(bases, ["../shared/data", "/u", ".."]);
}

#[test]
fn values_that_mean_nothing_are_answered_with_what_was_meant() {
    insta::assert_snapshot!(
        "values",
        bad(r#"plan x {
    timezone Lisbon
    objective rpo="4 hours" rto="1 month"
    source s {
        base "/s"
        max-file-size "5G"
    }
    tier t {
        store fs { root "/t" }
        compress gzip level=12
        limit upload="10Mbit/s" download="10MiB"
        verify contents sample="0.05"
        keep within="soon"
    }
    tier u {
        store s3 { secret_access_key (environment)KEY }
        compress none level=3
    }
    notify n { slack (vault)HOOK }
}
"#)
    );
}

#[test]
fn an_offset_is_not_taken_for_a_time_zone() {
    insta::assert_snapshot!(bad("plan x { timezone \"GMT-3\" }"), @r#"
    error[plan::value::timezone]

      × there is no time zone `GMT-3`
       ╭─[plans/main.kdl:1:19]
     1 │ plan x { timezone "GMT-3" }
       ·                   ───┬───
       ·                      ╰── an offset, not a zone
       ╰────
      help: name the place, such as `Europe/Lisbon`: it knows when the clocks
            change
    "#);
}

#[test]
fn a_tier_that_copies_another_one_takes_what_that_takes_at_its_times() {
    let store = |name: &str| format!("store fs {{ root \"/{name}\" }}");
    let plan = good(&format!(
        "plan x {{
            tier last {{ {}; from middle; take b }}
            tier middle {{ {}; from first; schedule \"0 5 * * *\" }}
            tier all {{ {}; from first }}
            tier first {{ {}; schedule \"0 1 * * *\"; take a; take b schedule=\"0 2 * * *\" }}
            tier one {{ {}; from two }}
            tier two {{ {}; from one; take c }}
        }}",
        store("l"),
        store("m"),
        store("a"),
        store("f"),
        store("1"),
        store("2"),
    ));
    let taken = |tier: &str| {
        let of_take = |take: &Take| {
            let cron = take.schedule.as_ref().map_or("never", |schedule| schedule.cron.value.as_str());
            format!("{} {cron}", take.source.value)
        };
        plan.tier(tier).expect("it is in the plan").takes.iter().map(of_take).collect::<Vec<_>>()
    };
    assert_eq!(taken("all"), ["a 0 1 * * *", "b 0 2 * * *"]);
    assert_eq!(taken("middle"), ["a 0 5 * * *", "b 0 5 * * *"]);
    assert_eq!(taken("last"), ["b 0 5 * * *"]);
    assert_eq!(taken("two"), ["c never"], "a circle, which the rules report, ends");
}

#[test]
fn sources_that_name_nothing_or_too_much_are_reported() {
    insta::assert_snapshot!(
        "sources",
        bad(r#"plan x {
    source "a/b" { base "/" }
    source empty { exclude "*.tmp" }
    source mixed {
        command pg_dump
        include "/etc"
    }
    source relative { include www }
    source outside { base "/srv"; include "../etc" }
    source dump { command pg_dump { stdout "/tmp/x.dump" } }
}
"#)
    );
}

#[test]
fn a_source_whose_children_are_misspelt_is_not_also_called_empty() {
    assert_eq!(bad("plan x { source s { incldue \"/etc\" } }"), "");
}

#[test]
fn channels_and_keys_that_cannot_be_are_reported() {
    insta::assert_snapshot!(
        "channels",
        bad(r#"plan x {
    notify none { on failure }
    notify two { slack (env)A; ntfy (env)B }
    key k { identity (env)K create=#true }
}
"#)
    );
}
