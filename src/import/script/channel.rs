//! Commands that tell somebody: `curl` to a web hook, `mail`.

use super::options::Grammar;
use crate::import::draft::{Channel, ChannelDraft, Notes, Origin, Secret, Sourced};
use crate::import::shell::{Command, Connector, Part, Trace, Word};

const CURL: Grammar = Grammar {
    with_value: &[
        "X",
        "request",
        "d",
        "data",
        "data-raw",
        "data-binary",
        "data-urlencode",
        "H",
        "header",
        "F",
        "form",
        "o",
        "output",
        "u",
        "user",
        "m",
        "max-time",
        "retry",
        "retry-delay",
        "A",
        "user-agent",
        "connect-timeout",
        "T",
        "upload-file",
        "url",
        "w",
        "write-out",
        "post-data",
        "post-file",
        "timeout",
        "t",
        "tries",
        "O",
        "body-data",
        "method",
        "e",
        "cacert",
        "b",
        "json",
    ],
};
const MAIL: Grammar = Grammar { with_value: &["s", "r", "a", "A", "c", "b", "S", "subject", "from"] };

/// What a service is called, the part of an address or a variable's name that
/// tells, and the variable that its address is kept in.
const SERVICES: [(&str, &[&str], &str); 6] = [
    ("slack", &["hooks.slack.com", "slack"], "SLACK_WEBHOOK"),
    (
        "healthchecks",
        &["hc-ping.com", "healthchecks", "healthcheck", "/ping/", "hc_url", "hc_ping", "ping_url"],
        "HEALTHCHECKS_URL",
    ),
    ("telegram", &["api.telegram.org", "telegram"], "TELEGRAM_URL"),
    ("discord", &["discord.com/api", "discordapp.com/api", "discord"], "DISCORD_WEBHOOK"),
    ("ntfy", &["ntfy"], "NTFY_URL"),
    ("mattermost", &["mattermost", "rocket.chat"], "MATTERMOST_WEBHOOK"),
];

const FAILURE: &[&str] = &["failure", "partial", "missed", "recovered"];
const SUCCESS: &[&str] = &["success"];

/// Reads a command that tells somebody; none if it does not.
pub(super) fn channel(command: &Command, connector: Connector, origin: &Origin, trace: &Trace) -> Option<ChannelDraft> {
    match command.program() {
        "curl" | "wget" => web(command, connector, origin, trace),
        "mail" | "mailx" | "mutt" | "s-nail" => mail(command, connector, origin),
        _ => None,
    }
}

fn web(command: &Command, connector: Connector, origin: &Origin, trace: &Trace) -> Option<ChannelDraft> {
    let options = CURL.parse(command.arguments());
    let looked_up_there = |word: &&Word| matches!(word.parts[..], [Part::Output(_)]);
    let positional = || options.positional.iter();
    let address = options
        .value(&["url"])
        .or_else(|| positional().find(|word| is_address(word)))
        .or_else(|| positional().find(looked_up_there))?;
    let shown = address.pattern().to_lowercase();
    let variable = variable_of(address, trace);
    let by_address = SERVICES.iter().find(|(_, parts, _)| parts.iter().any(|part| shown.contains(part)));
    let by_variable = variable.as_ref().and_then(|variable| {
        let variable = variable.to_lowercase();
        SERVICES.iter().find(|(_, parts, _)| parts.iter().any(|part| variable.contains(part)))
    });
    let sends = options
        .value(&["d", "data", "data-raw", "data-binary", "data-urlencode", "F", "form", "post-data", "json"])
        .is_some()
        || options.text(&["X", "request", "method"]).is_some_and(|method| !method.eq_ignore_ascii_case("GET"));
    let (service, usual) = match by_address.or(by_variable) {
        Some((service, _, variable)) => (*service, *variable),
        None if sends => ("webhook", "WEBHOOK_URL"),
        None => return None,
    };
    let name = variable.unwrap_or_else(|| usual.to_owned());
    let mut notes = Notes::default();
    let url = match looked_up(trace, &name) {
        Some(reference) => reference,
        None => {
            let text = format!(
                "set {name} where `plan` runs, to the address that stands there: it is a secret and is not copied"
            );
            notes.fill_in(Some(origin), text);
            Secret::Env(name.clone())
        }
    };
    let channel = match service {
        "slack" | "mattermost" => Channel::Slack(url),
        "healthchecks" => Channel::Healthchecks(url),
        "ntfy" => {
            let has_token = options.values(&["H", "header", "u", "user"]).any(|word| {
                let shown = word.pattern().to_lowercase();
                shown.starts_with("authorization") || word.has_secret()
            });
            let token = has_token.then(|| Secret::Env("NTFY_TOKEN".to_owned()));
            if has_token {
                notes.fill_in(Some(origin), "set NTFY_TOKEN where `plan` runs");
            }
            Channel::Ntfy { url, token }
        }
        "telegram" => {
            let chat = chat_id(command);
            if chat.is_none() {
                notes.fill_in(Some(origin), "`chat_id` in the body: the input does not say it");
            }
            notes.differs(
                Some(origin),
                format!("{name} is the whole address, `https://api.telegram.org/bot…/sendMessage`"),
            );
            let body = format!(
                "{{\"chat_id\":\"{}\",\"text\":\"{{title}}: {{text}}\"}}",
                chat.as_deref().unwrap_or("FILL-IN")
            );
            Channel::Webhook { url, body: Some(body) }
        }
        "discord" => Channel::Webhook { url, body: Some("{\"content\":\"{title}: {text}\"}".to_owned()) },
        _ => {
            notes.differs(Some(origin), "the request's body is the event as JSON; `body=` makes it another");
            if options
                .values(&["H", "header", "u", "user"])
                .any(|word| word.has_secret() || super::dump::looks_secret(&word.pattern()))
            {
                notes.not_carried(
                    Some(origin),
                    "a header with a secret: `webhook … { header Authorization (env)NAME }`",
                );
            }
            Channel::Webhook { url, body: None }
        }
    };
    let events = if service == "healthchecks" { Vec::new() } else { events(command, connector) };
    let channel = Sourced::new(channel, origin);
    Some(ChannelDraft {
        name: service.to_owned(),
        origin: None,
        channel,
        events,
        address: base_address(address),
        notes,
    })
}

/// The address without what a ping adds to it: `/start`, `/fail`, `/1`.
fn base_address(address: &Word) -> String {
    let pattern = address.pattern();
    let base = pattern.split('?').next().unwrap_or_default().trim_end_matches('/');
    match base.rsplit_once('/') {
        Some((rest, last)) if matches!(last, "start" | "fail" | "log" | "success") || last.len() <= 3 => {
            rest.to_owned()
        }
        _ => base.to_owned(),
    }
}

/// Where a script looks a secret up: `NAME=$(cat FILE)`, `NAME=$(pass show x)`.
fn looked_up(trace: &Trace, name: &str) -> Option<Secret> {
    let [Part::Output(command)] = &trace.variable(name)?.parts[..] else { return None };
    let command = command.trim();
    let file = command.strip_prefix("cat ").or(command.strip_prefix("< ")).or(command.strip_prefix('<'));
    match file.map(|file| file.trim().trim_matches(['"', '\''])) {
        Some(file) if !file.contains(['$', ' ', '|', '*']) => Some(Secret::File(file.to_owned())),
        // A variable of the script's means nothing outside it.
        _ if command.contains('$') || super::dump::looks_secret(command) => None,
        _ => Some(Secret::Command(command.to_owned())),
    }
}

fn is_address(word: &Word) -> bool {
    let is_variable = |part: &Part| match part {
        Part::Unknown(name) | Part::Secret(name) => {
            let name = name.to_uppercase();
            ["URL", "WEBHOOK", "HOOK", "PING", "HC", "NTFY"].iter().any(|part| name.contains(part))
        }
        _ => false,
    };
    let shown = word.pattern();
    shown.contains("://")
        || word.parts.iter().any(is_variable)
        || (shown.contains('.') && shown.contains('/') && !shown.starts_with(['/', '.']))
}

/// The variable whose value the address is, or begins with.
fn variable_of(address: &Word, trace: &Trace) -> Option<String> {
    let named = address.parts.iter().find_map(|part| match part {
        Part::Unknown(name) | Part::Secret(name) if name.len() > 1 => Some(name.clone()),
        _ => None,
    });
    // A variable that is all of it, rather than one within (a token in an address).
    let is_all = matches!(address.parts.first(), Some(Part::Unknown(_) | Part::Secret(_)));
    if is_all {
        return named.filter(|name| is_variable_name(name));
    }
    let text = address.pattern();
    let mut found: Vec<&String> = trace
        .variables
        .iter()
        .filter(|(_, value)| {
            if value.parts == address.parts {
                return true;
            }
            value.text().is_some_and(|value| value.len() > 12 && value.contains("://") && text.starts_with(value))
        })
        .map(|(name, _)| name)
        .collect();
    found.sort();
    found.first().map(|name| (*name).clone())
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn chat_id(command: &Command) -> Option<String> {
    command.arguments().iter().find_map(|word| {
        let shown = word.pattern();
        let at = shown.find("chat_id")?;
        let rest = shown[at + "chat_id".len()..].trim_start_matches(['"', '\'', '=', ':', ' ', '\\']);
        let id: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '@' | '_')).collect();
        (!id.is_empty()).then_some(id)
    })
}

fn mail(command: &Command, connector: Connector, origin: &Origin) -> Option<ChannelDraft> {
    let options = MAIL.parse(command.arguments());
    let to: Vec<String> =
        options.positional.iter().filter_map(Word::text).filter(|to| to.contains('@')).map(str::to_owned).collect();
    if to.is_empty() {
        return None;
    }
    let subject =
        options.text(&["s", "subject"]).filter(|subject| !super::dump::looks_secret(subject)).unwrap_or("backup");
    let mut line = vec![command.program().to_owned(), "-s".to_owned(), subject.to_owned()];
    line.extend(to);
    let mut notes = Notes::default();
    notes.differs(Some(origin), "the mail's text is the event as JSON; `email` sends one for people, by a mail server");
    let channel = Sourced::new(Channel::Command(line), origin);
    Some(ChannelDraft {
        name: "mail".to_owned(),
        origin: None,
        channel,
        events: events(command, connector),
        address: String::new(),
        notes,
    })
}

/// What it is told of: by the words of the message, and by what stood before it.
fn events(command: &Command, connector: Connector) -> Vec<&'static str> {
    const BAD: [&str; 9] = ["fail", "error", "erro ", "falh", "fehl", "échec", "alert", "corromp", "✗"];
    const GOOD: [&str; 8] = ["success", "succeeded", "sucesso", "complete", "conclu", "done", "finished", "erfolg"];
    let text: Vec<String> = command.arguments().iter().map(|word| word.pattern().to_lowercase()).collect();
    let text = text.join(" ");
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&BAD) || text.contains('❌') || text.contains('🚨') {
        FAILURE.to_vec()
    } else if has(&GOOD) || text.contains('✅') {
        SUCCESS.to_vec()
    } else if connector == Connector::IfFailed {
        FAILURE.to_vec()
    } else {
        Vec::new()
    }
}
