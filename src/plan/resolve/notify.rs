//! `notify NAME { … }`.

use super::{Resolver, argument, arguments, setting, spanned_text};
use crate::diagnostics::{Diagnostic, Rule, Severity};
use crate::language::{Node, Value};
use crate::plan::{Channel, Event, Notify, SecretRef};

static CHANNELS: Rule = Rule {
    code: "plan::notify::channel",
    severity: Severity::Error,
    title: "a `notify` has no channel, or several",
    why: "A `notify` is one channel and the events that it wants. Two channels are two `notify` nodes, so that each \
          has a name and events of its own.",
    bad: "notify ops {\n    slack (env)SLACK_WEBHOOK\n    ntfy (env)NTFY_URL\n}",
    good: "notify chat { slack (env)SLACK_WEBHOOK }\nnotify phone { ntfy (env)NTFY_URL }",
};

pub(super) static RULES: [&Rule; 1] = [&CHANNELS];

const CHANNEL_NAMES: [&str; 6] = ["slack", "webhook", "healthchecks", "ntfy", "email", "command"];

/// What a person wants to hear of where the plan does not say.
const DEFAULT_EVENTS: [Event; 4] = [Event::Partial, Event::Failure, Event::Recovered, Event::Missed];
/// A watchdog that hears of failures only would call every quiet day one.
const WATCHDOG_EVENTS: [Event; 4] = [Event::Start, Event::Success, Event::Partial, Event::Failure];

impl Resolver<'_> {
    pub(super) fn notify(&mut self, node: &Node) -> Option<Notify> {
        let name = self.name(node, "notify")?;
        let is_channel = |child: &&Node| CHANNEL_NAMES.contains(&child.name.value.as_str());
        let channels: Vec<&Node> = node.children.iter().filter(is_channel).collect();
        let known = |child: &Node| is_channel(&child) || matches!(child.name.value.as_str(), "on" | "allow");
        match channels[..] {
            [] if node.children.iter().all(known) && !node.damaged => self.diagnostics.push(
                Diagnostic::new(&CHANNELS, name.span, format!("notify `{}` has no channel", name.value))
                    .help("add one of `slack`, `webhook`, `healthchecks`, `ntfy`, `email` or `command`"),
            ),
            [first, second, ..] if first.name.value != second.name.value => self.diagnostics.push(
                Diagnostic::new(&CHANNELS, second.name.span, format!("notify `{}` has two channels", name.value))
                    .label("the second")
                    .also(first.name.span, "the first")
                    .help("make it a `notify` of its own"),
            ),
            _ => {}
        }
        let channel = self.channel(channels.first()?)?;
        let named: Vec<Event> = node.children_named("on").flat_map(arguments).filter_map(|on| event(&on)).collect();
        let on = match (&channel, node.child("on")) {
            (_, Some(_)) => named,
            (Channel::Healthchecks { .. }, None) => WATCHDOG_EVENTS.to_vec(),
            _ => DEFAULT_EVENTS.to_vec(),
        };
        Some(Notify { name, channel, on, span: node.span })
    }

    fn channel(&mut self, node: &Node) -> Option<Channel> {
        let first = node.arguments.first();
        Some(match node.name.value.as_str() {
            "slack" => Channel::Slack { url: self.reference(first?)? },
            "healthchecks" => Channel::Healthchecks { url: self.reference(first?)? },
            "ntfy" => Channel::Ntfy { url: self.reference(first?)?, token: self.optional(node, "token") },
            "webhook" => Channel::Webhook {
                url: self.reference(first?)?,
                method: words(node, "method").unwrap_or_else(|| "POST".to_owned()),
                headers: node.children_named("header").filter_map(|header| self.header(header)).collect(),
                body: words(node, "body"),
                hmac: self.optional(node, "hmac"),
            },
            "email" => Channel::Email {
                to: self.addresses(node),
                from: words(node, "from")?,
                server: self.optional(node, "server")?,
                user: self.optional(node, "user"),
                password: self.optional(node, "password"),
            },
            "command" => Channel::Command { command: self.command(node)? },
            _ => return None,
        })
    }

    fn addresses(&mut self, node: &Node) -> Vec<String> {
        let named = node.children_named("to").flat_map(|child| &child.arguments);
        let values = node.arguments.iter().chain(node.property("to")).chain(named);
        values.filter_map(spanned_text).map(|text| text.value).collect()
    }

    fn header(&mut self, node: &Node) -> Option<(String, SecretRef)> {
        Some((argument(node)?.value, self.reference(node.arguments.get(1)?)?))
    }

    fn reference(&mut self, value: &Value) -> Option<SecretRef> {
        self.secret(value).map(|secret| secret.value)
    }

    fn optional(&mut self, node: &Node, name: &str) -> Option<SecretRef> {
        setting(node, name).and_then(|value| self.reference(value))
    }
}

fn words(node: &Node, name: &str) -> Option<String> {
    setting(node, name).and_then(|value| value.as_str()).map(str::to_owned)
}

fn event(on: &str) -> Option<Event> {
    Event::ALL.into_iter().find(|event| event.to_string() == on)
}
