//! The rules of the `plan::shape` family.

use crate::diagnostics::{Rule, Severity};

const fn rule(
    code: &'static str,
    title: &'static str,
    why: &'static str,
    bad: &'static str,
    good: &'static str,
) -> Rule {
    Rule { code, severity: Severity::Error, title, why, bad, good }
}

pub(in crate::language) static RULES: [&Rule; 18] = [
    &ANNOTATION,
    &BLOCK,
    &CHOICE,
    &EXTRA_ARGUMENT,
    &IN_INCLUDE,
    &MISSING_ARGUMENT,
    &MISSING_NODE,
    &MISSING_PROPERTY,
    &NO_PLAN,
    &NOTHING_SET,
    &RANGE,
    &REPEATED_NODE,
    &REPEATED_PROPERTY,
    &SWAPPED,
    &TYPE,
    &UNKNOWN_NODE,
    &UNKNOWN_PROPERTY,
    &WRONG_PLACE,
];

pub(super) static NO_PLAN: Rule = rule(
    "plan::shape::no_plan",
    "a file without exactly one plan",
    "A plan file holds one `plan NAME { … }` node, and everything else stands in it. An included file holds none: it \
     is checked with the file that includes it.",
    "source web { include \"/srv/www\" }",
    "plan web {\n    source web { include \"/srv/www\" }\n}",
);
pub(super) static UNKNOWN_NODE: Rule = rule(
    "plan::shape::unknown_node",
    "a node that the language does not have",
    "Most often it is misspelt. A setting that is not known cannot be honoured, and a backup that silently lacks it \
     is worse than none.",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        retain daily=7\n    }\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        keep daily=7\n    }\n}",
);
pub(super) static WRONG_PLACE: Rule = rule(
    "plan::shape::wrong_place",
    "a node in a block that does not take it",
    "Each block takes certain nodes. `plan explain NODE` lists what a node takes and where it belongs.",
    "plan web {\n    keep daily=7\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        keep daily=7\n    }\n}",
);
pub(super) static UNKNOWN_PROPERTY: Rule = rule(
    "plan::shape::unknown_property",
    "a property that the node does not have",
    "Most often it is misspelt, or belongs to another node.",
    "plan web {\n    objective rpro=\"4h\"\n}",
    "plan web {\n    objective rpo=\"4h\"\n}",
);
pub(super) static EXTRA_ARGUMENT: Rule = rule(
    "plan::shape::extra_argument",
    "more values than the node takes",
    "Values behind a node's name are its arguments. A text with spaces must be quoted to be one value; settings of a \
     node are written `name=value` or stand in its block.",
    "plan web {\n    description My web server\n}",
    "plan web {\n    description \"My web server\"\n}",
);
pub(super) static MISSING_ARGUMENT: Rule = rule(
    "plan::shape::missing_argument",
    "a node without its value",
    "The node says nothing without it.",
    "plan web {\n    timezone\n}",
    "plan web {\n    timezone \"Europe/Lisbon\"\n}",
);
pub(super) static MISSING_PROPERTY: Rule = rule(
    "plan::shape::missing_property",
    "a node without a property that it needs",
    "The node cannot work without it, and no value is right for everyone.",
    "plan web {\n    report weekly schedule=\"0 8 * * 1\"\n}",
    "plan web {\n    report weekly schedule=\"0 8 * * 1\" to=ops\n}",
);
pub(super) static MISSING_NODE: Rule = rule(
    "plan::shape::missing_node",
    "a block without a node that it needs",
    "The node cannot work without it: a tier, for one, must say where things are stored.",
    "plan web {\n    tier disk {\n        take data\n    }\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        take data\n    }\n}",
);
pub(super) static NOTHING_SET: Rule = rule(
    "plan::shape::nothing_set",
    "a node that sets nothing",
    "The node is there for its properties, and has none.",
    "plan web {\n    objective\n}",
    "plan web {\n    objective rpo=\"4h\"\n}",
);
pub(super) static REPEATED_NODE: Rule = rule(
    "plan::shape::repeated_node",
    "a node that may stand once stands twice",
    "Only one of them could be meant, and nothing says which.",
    "plan web {\n    timezone UTC\n    timezone \"Europe/Lisbon\"\n}",
    "plan web {\n    timezone \"Europe/Lisbon\"\n}",
);
pub(super) static REPEATED_PROPERTY: Rule = rule(
    "plan::shape::repeated_property",
    "a property is set twice",
    "KDL would let the last one win, without a word. Most often one of the two was meant to be another property.",
    "plan web {\n    objective rpo=\"4h\" rpo=\"30m\"\n}",
    "plan web {\n    objective rpo=\"4h\" rto=\"30m\"\n}",
);
pub(super) static TYPE: Rule = rule(
    "plan::shape::type",
    "a value of the wrong type",
    "Texts, numbers and booleans are different things: `30`, `\"30\"`, `#true`. Durations, sizes, rates and percentages \
     are texts with a unit.",
    "plan web {\n    objective rpo=4\n}",
    "plan web {\n    objective rpo=\"4h\"\n}",
);
pub(super) static SWAPPED: Rule = rule(
    "plan::shape::swapped",
    "two values in each other's place",
    "Each of the two is not what its place takes, and is what the other's place takes.",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        schedule \"5m\" jitter=\"0 2 * * *\"\n    }\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        schedule \"0 2 * * *\" jitter=\"5m\"\n    }\n}",
);
pub(super) static CHOICE: Rule = rule(
    "plan::shape::choice",
    "a word that is none of those to choose from",
    "The setting takes one of a few words. `plan explain NODE` says what each means.",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        mode incremntal\n    }\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        mode incremental\n    }\n}",
);
pub(super) static RANGE: Rule = rule(
    "plan::shape::range",
    "a number outside its range",
    "The number is too small or too large to mean anything.",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        limit concurrency=0\n    }\n}",
    "plan web {\n    tier disk {\n        store fs { root \"/backup\" }\n        limit concurrency=8\n    }\n}",
);
pub(super) static ANNOTATION: Rule = rule(
    "plan::shape::annotation",
    "a reference where a plain value belongs",
    "`(env)`, `(file)` and `(command)` say where a secret is found at run time. Everything else must be known when \
     the plan is checked, or the check would prove nothing.",
    "plan web {\n    timezone (env)TZ\n}",
    "plan web {\n    timezone \"Europe/Lisbon\"\n}",
);
pub(super) static BLOCK: Rule = rule(
    "plan::shape::block",
    "a block behind a node that takes none",
    "The node's settings are properties, on its own line: `name=value`.",
    "plan web {\n    objective { rpo \"4h\"; rto \"30m\" }\n}",
    "plan web {\n    objective rpo=\"4h\" rto=\"30m\"\n}",
);
pub(super) static IN_INCLUDE: Rule = rule(
    "plan::shape::in_include",
    "a node that cannot stand in an included file",
    "An included file adds keys, sources, tiers, channels, reports and drills to a plan. What there is one of in a \
     plan (its name, time zone, objective) stands in the plan's own file.",
    "// keys.kdl, included by plan.kdl\ntimezone UTC",
    "// plan.kdl\nplan web {\n    timezone UTC\n    include \"keys.kdl\"\n}",
);
