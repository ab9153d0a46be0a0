//! Secrets that stand in the plan itself.

use super::{Check, Subject, key, words};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span, Spanned};
use crate::language::{Node, Value};
use crate::plan::{SecretRef, SettingValue};

static LITERAL: Rule = Rule {
    code: "plan::secret::literal",
    severity: Severity::Warning,
    title: "a secret stands in the plan",
    why: "A plan is read by many: it is committed, mailed, pasted into tickets. A secret in it is a secret of \
          everyone who ever had the file. Let the plan say where the secret is found: `(env)NAME`, `(file)\"PATH\"` or \
          `(command)\"pass show x\"`. It is looked up when it is needed and never printed.",
    bad: r#"
tier cloud {
    store s3 {
        bucket backups
        region eu-west-1
        secret_access_key "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    }
    encrypt ops
    take data
}"#,
    good: r#"
tier cloud {
    store s3 {
        bucket backups
        region eu-west-1
        secret_access_key (env)AWS_SECRET_ACCESS_KEY
    }
    encrypt ops
    take data
}"#,
};
static IDENTITY: Rule = Rule {
    code: "plan::secret::identity_in_plan",
    severity: Severity::Error,
    title: "a secret key stands in the plan",
    why: "The identity opens every backup. In a plan, which is shared and committed, it is no longer secret, and \
          encrypting with it is for show. Make a new key (`plan key new`), write the identity into a file of its own \
          with mode 0600, and let the plan refer to it.",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static BARE_PATH: Rule = Rule {
    code: "plan::secret::bare_path",
    severity: Severity::Error,
    title: "a path would be taken for the secret itself",
    why: "Text without an annotation is the secret, not the place where it is found. The name of a file needs \
          `(file)` in front of it.",
    bad: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity "/etc/plan/team.key"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
    good: r#"
key team {
    recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7"
    identity (file)"/etc/plan/team.key"
}
tier cloud {
    store fs { root "/backups" }
    encrypt team
    take data
}"#,
};
static SHELL_VARIABLE: Rule = Rule {
    code: "plan::secret::shell_variable",
    severity: Severity::Error,
    title: "`$NAME` means nothing in a plan",
    why: "No shell reads the plan, so `$NAME` is five characters and not a variable. `(env)NAME` refers to an \
          environment variable.",
    bad: r#"
notify chat { slack "$SLACK_WEBHOOK" }"#,
    good: r#"
notify chat { slack (env)SLACK_WEBHOOK }"#,
};

pub(super) static RULES: [&Rule; 4] = [&LITERAL, &IDENTITY, &BARE_PATH, &SHELL_VARIABLE];

pub(super) static CHECKS: [Check; 1] = [literal_secrets];

/// Settings of services whose value is a secret, whatever the service. The
/// names that end so are secret too (`azure_storage_account_key`).
const SECRET_SETTINGS: [&str; 16] = [
    "secret_access_key",
    "session_token",
    "security_token",
    "account_key",
    "access_key",
    "master_key",
    "storage_access_key",
    "application_key",
    "sas_token",
    "sas_key",
    "password",
    "credential",
    "service_account_key",
    "client_secret",
    "refresh_token",
    "customer_key",
];

/// Whether the value of a store's setting is a secret, by the setting's name.
pub fn is_secret_setting(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    key == "token" || SECRET_SETTINGS.iter().any(|secret| key.ends_with(secret))
}

/// Secrets written out in keys, stores and channels.
fn literal_secrets(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in &subject.plan.keys {
        for identity in &key.identities {
            let of = Written { what: "identity", variable: format!("{}_IDENTITY", key.name.value) };
            report(subject, &identity.secret, &of, out);
        }
        if let Some(passphrase) = &key.passphrase {
            let of = Written { what: "passphrase", variable: format!("{}_PASSPHRASE", key.name.value) };
            report(subject, passphrase, &of, out);
        }
    }
    for setting in subject.plan.tiers.iter().flat_map(|tier| &tier.store.settings) {
        if let SettingValue::Text(text) = &setting.value.value
            && is_secret_setting(&setting.key)
        {
            report_text(
                text,
                setting.value.span,
                &Written { what: &setting.key, variable: setting.key.to_string() },
                out,
            );
        }
    }
    for notify in subject.nodes("notify") {
        channel_secrets(notify, out);
    }
}

/// What a secret is for, and the environment variable that it could come from.
struct Written<'a> {
    what: &'a str,
    variable: String,
}

fn report(_: &Subject<'_>, secret: &Spanned<SecretRef>, of: &Written<'_>, out: &mut Vec<Diagnostic>) {
    if let SecretRef::Literal(text) = &secret.value {
        report_text(text.expose(), secret.span, of, out);
    }
}

fn report_text(text: &str, span: Span, of: &Written<'_>, out: &mut Vec<Diagnostic>) {
    let what = of.what;
    if let Some(name) = text.strip_prefix('$') {
        let name = name.trim_matches(['{', '}']);
        let reference = format!("(env){}", words::kdl(name));
        out.push(
            Diagnostic::new(&SHELL_VARIABLE, span, format!("`{text}` is not replaced by a variable"))
                .help(format!("write `{reference}`"))
                .fix(Fix::replace(span, reference)),
        );
    } else if key::is_secret_key(text) {
        out.push(
            Diagnostic::new(&IDENTITY, span, "a secret key stands in the plan")
                .label("opens every backup; whoever reads this plan has it now")
                .help("make a new key with `plan key new`, and refer to its file: `identity (file)\"PATH\"`"),
        );
    } else if what == "identity" || is_path(text) {
        out.push(
            Diagnostic::new(
                &BARE_PATH,
                span,
                format!("this text would be the {what} itself, not a file that holds it"),
            )
            .help("put `(file)` in front of it")
            .fix(Fix::insert(span, "(file)")),
        );
    } else {
        let variable: String =
            of.variable.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        out.push(
            Diagnostic::new(&LITERAL, span, format!("this {what} stands in the plan for all to read"))
                .help(format!("put it into an environment variable and write `(env){variable}`, or use `(file)`")),
        );
    }
}

pub(super) fn is_path(text: &str) -> bool {
    (text.starts_with('/') || text.starts_with("~/") || text.starts_with("./") || text.starts_with("../"))
        && !text.contains(char::is_whitespace)
}

/// A channel's secrets. The address of a Slack or healthchecks hook is one; of
/// a webhook or ntfy it is one only if it looks like it.
fn channel_secrets(notify: &Node, out: &mut Vec<Diagnostic>) {
    let owner = notify.arguments.first().and_then(|name| name.as_str()).unwrap_or("notify");
    let mut literal = |value: Option<&Value>, what: &str| {
        let Some(value) = value.filter(|value| value.annotation.is_none()) else { return };
        if let Some(text) = value.as_str() {
            report_text(text, value.span, &Written { what, variable: format!("{owner}_{what}") }, out);
        }
    };
    for channel in &notify.children {
        let first = channel.arguments.first();
        let setting = |name: &str| {
            channel.property(name).or_else(|| channel.child(name).and_then(|child| child.arguments.first()))
        };
        match channel.name.value.as_str() {
            "slack" | "healthchecks" => literal(first, "url"),
            "webhook" | "ntfy" => {
                literal(first.filter(|url| url.as_str().is_some_and(carries_a_secret)), "url");
                literal(setting("token"), "token");
                literal(setting("hmac"), "hmac");
                for header in channel.children_named("header") {
                    let name = header.arguments.first().and_then(|name| name.as_str()).unwrap_or_default();
                    if ["authorization", "x-api-key", "x-auth-token"].contains(&name.to_lowercase().as_str()) {
                        literal(header.arguments.get(1), "header");
                    }
                }
            }
            "email" => literal(setting("password"), "password"),
            _ => {}
        }
    }
}

/// `https://user:password@host`, or a long random piece in the path or query.
pub(super) fn carries_a_secret(url: &str) -> bool {
    const LONG: usize = 20;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let is_random = |piece: &str| {
        piece.len() >= LONG && piece.chars().any(|c| c.is_ascii_digit()) && piece.chars().any(|c| c.is_alphabetic())
    };
    url.starts_with('$') || authority.contains('@') || rest.split(['/', '?', '&', '=']).skip(1).any(is_random)
}
