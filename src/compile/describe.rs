//! Settings as short, stable text: `last=3 within=3d`. One wording for the
//! graph, the lock and JSON. Secrets appear as references only.

use super::step::{Action, Step, Upload};
use crate::base::format_duration;
use crate::plan::{
    Channel, Command, Compression, Keep, Limits, Lock, Mode, Schedule, SecretRef, ServerSideEncryption, SettingValue,
};
use crate::rules::{holds_a_password, is_secret_setting};

/// A setting's name and its value as text.
pub(super) type Setting = (String, String);

/// What the step does it with; empty where there is nothing to say.
pub(super) fn settings(step: &Step) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: String| settings.push((name.to_owned(), value));
    match &step.action {
        Action::Before { command: run, .. } | Action::After { command: run, .. } => set("command", command(run)),
        Action::Archive { mode: how, compression: with, volume_size } => {
            set("mode", mode(*how).to_owned());
            set("compress", compression(with));
            if let Some(size) = volume_size {
                set("volume-size", size.to_string());
            }
        }
        Action::Copy { from } => set("from", from.clone()),
        Action::Encrypt { key, recipients } => {
            set("key", key.clone());
            set("recipients", recipients.to_string());
        }
        Action::Upload(upload) => return upload_settings(upload),
        Action::Verify { level, sample, .. } => {
            set("level", level.to_string());
            if let Some(sample) = sample {
                set("sample", sample.to_string());
            }
        }
        Action::Prune(rules) => set("keep", keep(rules)),
        Action::Drill { max_time: Some(time), .. } => set("max-time", format_duration(*time)),
        Action::Drill { max_time: None, .. } | Action::Record => {}
        Action::Report { to, .. } => set("to", to.join(" ")),
        Action::Notify { on, .. } => set("on", on.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    }
    if let Some(own) = &step.schedule {
        set("schedule", schedule(own));
    }
    settings
}

pub(super) fn upload_settings(upload: &Upload) -> Vec<Setting> {
    let mut settings = vec![("store".to_owned(), upload.service.clone())];
    for (key, value) in &upload.settings {
        settings.push((format!("store.{key}"), setting_value(key, value)));
    }
    if let Some(class) = &upload.storage_class {
        settings.push(("storage-class".to_owned(), class.clone()));
    }
    if let Some(encryption) = &upload.server_side_encryption {
        settings.push(("server-side-encryption".to_owned(), server_side_encryption(encryption)));
    }
    for (key, value) in &upload.metadata {
        settings.push((format!("metadata.{key}"), value.clone()));
    }
    settings.extend(limits(&upload.limits));
    if let Some(with) = &upload.lock {
        settings.push(("lock".to_owned(), lock(with)));
    }
    settings
}

/// A secret that a plan holds as plain text is hidden by the setting's name.
fn setting_value(key: &str, value: &SettingValue) -> String {
    match value {
        SettingValue::Text(_) if is_secret_setting(key) => "(literal, hidden)".to_owned(),
        SettingValue::Text(text) => without_password(text),
        SettingValue::Secret(reference) => reference.to_string(),
    }
}

/// `sftp://user:password@host` without the password.
pub(super) fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
        let (user, _) = authority[..authority.rfind('@')?].split_once(':')?;
        Some((scheme, user, &rest[authority.rfind('@')?..]))
    });
    match parts {
        Some((scheme, user, host)) => format!("{scheme}://{user}:…{host}"),
        None => url.to_owned(),
    }
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Incremental => "incremental",
        Mode::Full => "full",
    }
}

pub(super) fn compression(compression: &Compression) -> String {
    match compression {
        Compression::Zstd { level } => format!("zstd level={level}"),
        Compression::Gzip { level } => format!("gzip level={level}"),
        Compression::None => "none".to_owned(),
    }
}

pub(super) fn server_side_encryption(encryption: &ServerSideEncryption) -> String {
    match encryption {
        ServerSideEncryption::S3 => "s3".to_owned(),
        ServerSideEncryption::Kms { key: None } => "kms".to_owned(),
        ServerSideEncryption::Kms { key: Some(key) } => format!("kms key={key}"),
        ServerSideEncryption::Customer { key: None } => "customer".to_owned(),
        ServerSideEncryption::Customer { key: Some(key) } => format!("customer key={key}"),
    }
}

/// Any rule keeps: `daily=30 within=3d`; `everything` without rules.
pub(super) fn keep(keep: &Keep) -> String {
    let counts = [
        ("last", &keep.last),
        ("hourly", &keep.hourly),
        ("daily", &keep.daily),
        ("weekly", &keep.weekly),
        ("monthly", &keep.monthly),
        ("yearly", &keep.yearly),
    ];
    let mut rules: Vec<String> = counts
        .iter()
        .filter_map(|(name, count)| count.as_ref().map(|count| format!("{name}={}", count.value)))
        .collect();
    rules.extend(keep.within.as_ref().map(|within| format!("within={}", format_duration(within.value))));
    if rules.is_empty() { "everything".to_owned() } else { rules.join(" ") }
}

/// As in a plan: `0 2 * * *`, `0 2 * * * jitter=5m`.
pub(super) fn schedule(schedule: &Schedule) -> String {
    match &schedule.jitter {
        None => schedule.cron.value.clone(),
        Some(jitter) => format!("{} jitter={}", schedule.cron.value, format_duration(jitter.value)),
    }
}

pub(super) fn limits(limits: &Limits) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: Option<String>| settings.extend(value.map(|value| (name.to_owned(), value)));
    set("limit.upload", limits.upload.as_ref().map(|rate| rate.value.to_string()));
    set("limit.download", limits.download.as_ref().map(|rate| rate.value.to_string()));
    set("limit.concurrency", limits.concurrency.as_ref().map(|count| count.value.to_string()));
    settings
}

pub(super) fn lock(lock: &Lock) -> String {
    match &lock.duration {
        None => lock.mode.value.to_string(),
        Some(duration) => format!("{} for={}", lock.mode.value, format_duration(duration.value)),
    }
}

/// A channel's kind and what it is told, references for what is secret.
pub(super) fn channel(channel: &Channel) -> (&'static str, Vec<Setting>) {
    let setting = |name: &str, value: String| (name.to_owned(), value);
    let secret = |name: &str, reference: &Option<SecretRef>| {
        reference.as_ref().map(|reference| setting(name, reference.to_string()))
    };
    match channel {
        Channel::Slack { url } => ("slack", vec![setting("url", url.to_string())]),
        Channel::Webhook { url, method, headers, body, hmac } => {
            let mut settings = vec![setting("url", url.to_string()), setting("method", method.clone())];
            settings.extend(headers.iter().map(|(name, value)| setting("header", format!("{name}: {value}"))));
            settings.extend(body.as_ref().map(|body| setting("body", body.clone())));
            settings.extend(secret("hmac", hmac));
            ("webhook", settings)
        }
        Channel::Healthchecks { url } => ("healthchecks", vec![setting("url", url.to_string())]),
        Channel::Ntfy { url, token } => {
            ("ntfy", [Some(setting("url", url.to_string())), secret("token", token)].into_iter().flatten().collect())
        }
        Channel::Email { to, from, server, user, password } => {
            let mut settings =
                vec![setting("to", to.join(" ")), setting("from", from.clone()), setting("server", server.to_string())];
            settings.extend(secret("user", user));
            settings.extend(secret("password", password));
            ("email", settings)
        }
        Channel::Command { command: run } => ("command", vec![setting("run", command(run))]),
    }
}

/// The program and its arguments, quoted where a shell would need it, passwords hidden.
pub(super) fn command(command: &Command) -> String {
    let program = &command.program.value;
    let shown = |argument: &String| match holds_a_password(program, argument) {
        true => "(hidden)".to_owned(),
        false => quoted(argument),
    };
    std::iter::once(quoted(program)).chain(command.arguments.iter().map(shown)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("{word:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_commands_are_hidden() {
        let at = |text: &str| crate::diagnostics::Spanned::new(text.to_owned(), crate::diagnostics::Span::default());
        let dump = |program: &str, argument: &str| Command {
            program: at(program),
            arguments: vec![argument.to_owned(), "all dbs".to_owned()],
            span: crate::diagnostics::Span::default(),
        };
        assert_eq!(command(&dump("mysqldump", "-phunter2")), "mysqldump (hidden) \"all dbs\"");
        assert_eq!(command(&dump("pg_dump", "-p5432")), "pg_dump -p5432 \"all dbs\"");
    }

    #[test]
    fn passwords_in_urls_are_hidden() {
        let shown =
            ["sftp://me:hunter2@nas/a@b", "https://user@host/x:y", "https://host:9000", "a:b@c", "http://u:p@ss@h"]
                .map(without_password);
        assert_eq!(
            shown,
            ["sftp://me:…@nas/a@b", "https://user@host/x:y", "https://host:9000", "a:b@c", "http://u:…@h"]
        );
    }
}
