//! borgmatic's hooks: commands before and after, and those who are told.

use super::settings::Settings;
use super::shown;
use crate::import::draft::{Channel, ChannelDraft, Draft, Notes, Origin, SourceDraft, Sourced};
use crate::import::reference::secret;
use crate::import::script::{Hook, hook};
use crate::import::tree::Node;

/// When a command runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    After,
    Failure,
}

const FAILURE: [&str; 4] = ["failure", "partial", "missed", "recovered"];

/// Commands: the old lists (`before_backup`) and the new `commands`.
pub(super) fn commands(settings: &Settings, source: &mut SourceDraft, draft: &mut Draft, notes: &mut Notes) {
    const LISTS: [(&str, When); 7] = [
        ("before_backup", When::Before),
        ("before_actions", When::Before),
        ("before_everything", When::Before),
        ("after_backup", When::After),
        ("after_actions", When::After),
        ("after_everything", When::After),
        ("on_error", When::Failure),
    ];
    for (setting, when) in LISTS {
        for (text, origin) in settings.texts(setting) {
            place(&text, when, &origin, source, draft, notes);
        }
    }
    for node in settings.node("commands").map(Node::items).unwrap_or_default() {
        let origin = settings.origin(node);
        let (key, event) = match (node.text_of("before"), node.text_of("after")) {
            (Some(event), _) => ("before", event),
            (None, Some(event)) => ("after", event),
            (None, None) => {
                notes.not_carried(Some(&origin), "a command without `before` or `after`");
                continue;
            }
        };
        let has = |key: &str, wanted: &str| {
            node.get(key).is_none_or(|list| list.items().iter().any(|item| item.text() == Some(wanted)))
        };
        if !has("when", "create") {
            let actions: Vec<&str> =
                node.get("when").map(Node::items).unwrap_or_default().into_iter().map(shown).collect();
            notes.not_carried(
                Some(&origin),
                format!("a command for `{}`: only a backup has `before` and `after`", actions.join("`, `")),
            );
            continue;
        }
        let only_failures = node.get("states").is_some() && !has("states", "finish");
        let when = match (key, event) {
            ("after", "error") => When::Failure,
            ("after", _) if only_failures => When::Failure,
            ("after", _) => When::After,
            _ => When::Before,
        };
        for run in node.get("run").map(Node::items).unwrap_or_default() {
            let origin = settings.origin(run);
            place(&settings.with_constants(shown(run)), when, &origin, source, draft, notes);
        }
    }
}

fn place(text: &str, when: When, origin: &Origin, source: &mut SourceDraft, draft: &mut Draft, notes: &mut Notes) {
    // borgmatic puts in `{repository}`, `{error}` and the like; a plan does not.
    let Hook { channels, command, has_secret } = hook(text, origin);
    if has_secret {
        notes.not_carried(
            Some(origin),
            "a command with a secret in it: let it read the secret from a file, and write it again",
        );
    }
    for mut channel in channels {
        if when == When::Failure && !matches!(channel.channel.value, Channel::Healthchecks(_)) {
            channel.events = FAILURE.to_vec();
        } else if when == When::After
            && channel.events.is_empty()
            && !matches!(channel.channel.value, Channel::Healthchecks(_))
        {
            channel.events = vec!["success"];
        }
        draft.add_channel(channel);
    }
    let Some(command) = command else { return };
    let has_placeholder =
        ["{configuration_filename}", "{repository}", "{error}", "{output}", "{repositories}", "{log_file}"]
            .iter()
            .any(|placeholder| text.contains(placeholder));
    if has_placeholder {
        notes.differs(Some(origin), "borgmatic's words in braces stay as they are: a plan puts nothing in their place");
    }
    match when {
        When::Before => source.before.push(Sourced::new(command, origin)),
        When::After => source.after.push(Sourced::new(command, origin)),
        When::Failure => draft.add_channel(ChannelDraft {
            name: "on-error".to_owned(),
            origin: None,
            channel: Sourced::new(Channel::Command(command), origin),
            events: FAILURE.to_vec(),
            notes: Notes::default(),
            address: String::new(),
        }),
    }
}

/// Services that are told of what happens.
pub(super) fn channels(settings: &Settings, draft: &mut Draft, notes: &mut Notes) {
    if let Some(node) = settings.node("healthchecks") {
        let url = node.text().or_else(|| node.text_of("ping_url"));
        let origin = origin_of(settings, node, "ping_url");
        match url {
            Some(url) => {
                let mut own = Notes::default();
                let address = url.to_owned();
                let url = secret(url, "HEALTHCHECKS_URL", "address", &origin, &mut own);
                let healthchecks = channel("healthchecks", Channel::Healthchecks(url), &origin, Vec::new(), own);
                draft.add_channel(ChannelDraft { address, ..healthchecks });
            }
            None => notes.not_carried(Some(&origin), "`healthchecks` without a `ping_url`"),
        }
    }
    if let Some(node) = settings.node("ntfy") {
        let origin = settings.origin(node);
        let mut own = Notes::default();
        let what = "topic's address (server, `/`, topic)";
        let url = secret("", "NTFY_URL", what, &origin_of(settings, node, "topic"), &mut own);
        let token = node
            .text_of("access_token")
            .map(|token| secret(token, "NTFY_TOKEN", "token", &origin_of(settings, node, "access_token"), &mut own));
        if node.get("password").is_some() {
            own.not_carried(
                Some(&origin_of(settings, node, "password")),
                "the user and password: ntfy takes an access token (`token=`)",
            );
        }
        let texts = ["start", "finish", "fail"].iter().filter(|state| node.get(state).is_some()).count();
        if texts > 0 {
            own.differs(Some(&origin), "title, message, priority and tags are those of `plan`");
        }
        let address = format!(
            "{}/{}",
            node.text_of("server").unwrap_or("https://ntfy.sh"),
            node.text_of("topic").unwrap_or_default()
        );
        let ntfy = channel("ntfy", Channel::Ntfy { url, token }, &origin, states(node), own);
        draft.add_channel(ChannelDraft { address, ..ntfy });
    }
    for (setting, key) in [("uptime_kuma", "push_url"), ("cronitor", "ping_url"), ("cronhub", "ping_url")] {
        if let Some(node) = settings.node(setting) {
            let origin = origin_of(settings, node, key);
            let text =
                format!("`{setting}`: `notify` has no such service; `webhook` reaches an address, `command` anything");
            notes.not_carried(Some(&origin), text);
        }
    }
}

fn channel(service: &str, channel: Channel, origin: &Origin, events: Vec<&'static str>, notes: Notes) -> ChannelDraft {
    let channel = Sourced::new(channel, origin);
    ChannelDraft { name: service.to_owned(), origin: None, channel, events, address: String::new(), notes }
}

/// borgmatic's states as events; where it says none, it tells of failures.
fn states(node: &Node) -> Vec<&'static str> {
    let Some(states) = node.get("states") else { return FAILURE.to_vec() };
    let mut events = Vec::new();
    for state in states.items() {
        match state.text() {
            Some("start") => events.push("start"),
            Some("finish") => events.push("success"),
            Some("fail") => events.extend(FAILURE),
            _ => {}
        }
    }
    events
}

fn origin_of(settings: &Settings, node: &Node, key: &str) -> Origin {
    settings.origin(node.get(key).unwrap_or(node))
}
