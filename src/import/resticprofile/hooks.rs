//! Commands before and after, and messages that are sent.

use super::profile::Profile;
use crate::import::draft::{Channel, ChannelDraft, Draft, Notes, Origin, SourceDraft, Sourced};
use crate::import::reference::secret;
use crate::import::script::{Hook, hook};
use crate::import::tree::Node;

const FAILURE: [&str; 4] = ["failure", "partial", "missed", "recovered"];

pub(super) fn hooks(profile: &Profile, backup: &Node, source: &mut SourceDraft, draft: &mut Draft, notes: &mut Notes) {
    for section in [&profile.node, backup] {
        for (key, is_before) in [("run-before", true), ("run-after", false), ("run-finally", false)] {
            for node in section.get(key).map(Node::items).unwrap_or_default() {
                let origin = Origin { file: profile.file.clone(), line: node.line };
                let Hook { channels, command, has_secret } = hook(node.text().unwrap_or_default(), &origin);
                channels.into_iter().for_each(|channel| draft.add_channel(channel));
                if has_secret {
                    notes.not_carried(
                        Some(&origin),
                        "a command with a secret in it: let it read the secret from a file",
                    );
                }
                let list = if is_before { &mut source.before } else { &mut source.after };
                list.extend(command.map(|command| Sourced::new(command, &origin)));
            }
        }
        for node in section.get("run-after-fail").map(Node::items).unwrap_or_default() {
            let origin = Origin { file: profile.file.clone(), line: node.line };
            let Hook { channels, command, has_secret } = hook(node.text().unwrap_or_default(), &origin);
            for mut channel in channels {
                if !matches!(channel.channel.value, Channel::Healthchecks(_)) {
                    channel.events = FAILURE.to_vec();
                }
                draft.add_channel(channel);
            }
            if has_secret {
                notes.not_carried(Some(&origin), "a command with a secret in it: let it read the secret from a file");
            }
            if let Some(command) = command {
                let channel = Channel::Command(command);
                draft.add_channel(told("on-failure", channel, &origin, FAILURE.to_vec(), Notes::default()));
            }
        }
        for (key, events) in [
            ("send-before", vec!["start"]),
            ("send-after", vec!["success"]),
            ("send-after-fail", FAILURE.to_vec()),
            ("send-finally", vec!["success", "failure", "partial"]),
        ] {
            for node in section.get(key).map(Node::items).unwrap_or_default() {
                send(profile, node, &events, draft, notes);
            }
        }
    }
}

/// A request that resticprofile sends.
fn send(profile: &Profile, node: &Node, events: &[&'static str], draft: &mut Draft, notes: &mut Notes) {
    let origin = Origin { file: profile.file.clone(), line: node.get("url").unwrap_or(node).line };
    let Some(address) = node.text_of("url") else {
        notes.not_carried(Some(&origin), "a message without an address");
        return;
    };
    let mut own = Notes::default();
    let services = [
        ("hc-ping", "healthchecks", "HEALTHCHECKS_URL"),
        ("healthchecks", "healthchecks", "HEALTHCHECKS_URL"),
        ("HC_", "healthchecks", "HEALTHCHECKS_URL"),
        ("slack", "slack", "SLACK_WEBHOOK"),
        ("ntfy", "ntfy", "NTFY_URL"),
    ];
    let service = services.iter().find(|(part, _, _)| address.contains(part));
    let (name, variable) = service.map_or(("webhook", "WEBHOOK_URL"), |(_, name, variable)| (*name, *variable));
    let base = address.trim_end_matches('/').trim_end_matches("/start").trim_end_matches("/fail").to_owned();
    let url = secret(&base, variable, "address", &origin, &mut own);
    let (channel, events) = match name {
        "healthchecks" => (Channel::Healthchecks(url), Vec::new()),
        "slack" => (Channel::Slack(url), events.to_vec()),
        "ntfy" => (Channel::Ntfy { url, token: None }, events.to_vec()),
        _ => {
            own.differs(Some(&origin), "the request's body is the event as JSON; `body=` makes it another");
            (Channel::Webhook { url, body: None }, events.to_vec())
        }
    };
    if node.get("headers").is_some() {
        own.not_carried(Some(&origin), "the request's headers: `webhook … { header NAME (env)VALUE }`");
    }
    draft.add_channel(ChannelDraft { address: base, ..told(name, channel, &origin, events, own) });
}

fn told(name: &str, channel: Channel, origin: &Origin, events: Vec<&'static str>, notes: Notes) -> ChannelDraft {
    let channel = Sourced::new(channel, origin);
    ChannelDraft { name: name.to_owned(), origin: None, channel, events, address: String::new(), notes }
}
