//! The rules of the `plan::syntax` family.

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

pub(in crate::language) static RULES: [&Rule; 20] = [
    &ANNOTATION,
    &BRACE,
    &CHARACTER,
    &COLON,
    &COMMA,
    &COMMENT,
    &DEPTH,
    &EQUALS,
    &ESCAPE,
    &KDL1,
    &KEYWORD,
    &MULTILINE,
    &NAME,
    &NUMBER,
    &QUOTE,
    &QUOTES,
    &SEPARATOR,
    &SPACE,
    &STRAY,
    &UNQUOTED,
];

pub(super) static QUOTE: Rule = rule(
    "plan::syntax::quote",
    "a string lacks a quotation mark",
    "A string starts and ends with `\"`, on one line. Where one of the two is missing, everything up to the next \
     quotation mark is taken for text. The place shown is the one that leaves the rest of the line in order.",
    "base \"/opt/data",
    "base \"/opt/data\"",
);
pub(super) static QUOTES: Rule = rule(
    "plan::syntax::quotation_marks",
    "quotation marks that KDL does not know",
    "Only the straight double quotation mark `\"` makes a string. Word processors and web pages turn it into “curly” \
     ones, and shells and YAML also know `'`.",
    "description 'my laptop'",
    "description \"my laptop\"",
);
pub(super) static UNQUOTED: Rule = rule(
    "plan::syntax::unquoted",
    "a text that needs quotation marks",
    "Words of letters, digits, `-`, `_`, `.`, `*` and the like may stand as they are (`mode full`). A text with a \
     slash, a backslash or a bracket, one that starts with a digit, or one with spaces must be quoted: paths, \
     addresses, durations, sizes and cron expressions.",
    "base /opt/data",
    "base \"/opt/data\"",
);
pub(super) static BRACE: Rule = rule(
    "plan::syntax::brace",
    "a brace without its partner",
    "`{` opens the children of a node and `}` closes them. Where one is missing, the indentation of the lines tells \
     which.",
    "plan home {\n    tier disk {\n        mode full\n\n    tier bucket {\n        mode full\n    }\n}",
    "plan home {\n    tier disk {\n        mode full\n    }\n    tier bucket {\n        mode full\n    }\n}",
);
pub(super) static ANNOTATION: Rule = rule(
    "plan::syntax::annotation",
    "a type annotation lacks a parenthesis",
    "What stands in parentheses before a value says what the value is: `(env)NAME` is the environment variable of \
     that name, `(file)\"PATH\"` a file's content, `(command)\"…\"` a command's first line.",
    "slack (env SLACK_WEBHOOK",
    "slack (env)SLACK_WEBHOOK",
);
pub(super) static STRAY: Rule = rule(
    "plan::syntax::stray",
    "a character that does not belong here",
    "A parenthesis, a bracket, a slash or a backslash means something only in its place. This one has none.",
    "take data )",
    "take data",
);
pub(super) static EQUALS: Rule = rule(
    "plan::syntax::equals",
    "an equals sign in the wrong place",
    "A property is `name=value`, behind the node that it belongs to. A setting on a line of its own is a node: its \
     name, a space, its value.",
    "bucket = \"my-bucket\"",
    "bucket \"my-bucket\"",
);
pub(super) static COLON: Rule = rule(
    "plan::syntax::colon",
    "a colon behind a name",
    "Names are followed by a space, or by `=` if they are a property's. `name: value` is YAML.",
    "mode: full",
    "mode full",
);
pub(super) static COMMA: Rule = rule(
    "plan::syntax::comma",
    "a comma between values",
    "Values are separated by spaces alone. A comma would become part of the value before it.",
    "take data, logs",
    "take data logs",
);
pub(super) static COMMENT: Rule = rule(
    "plan::syntax::comment",
    "a comment that is none, or has no end",
    "A comment starts with `//` and ends with its line, or stands between `/*` and `*/`. `/-` before a node, a value \
     or a block takes it out.",
    "# where it goes",
    "// where it goes",
);
pub(super) static KDL1: Rule = rule(
    "plan::syntax::kdl1",
    "written in KDL 1",
    "A plan is written in KDL 2.0. There `#true`, `#false` and `#null` start with `#`, so that they cannot be taken \
     for text, and raw strings are `#\"…\"#` instead of `r\"…\"`.",
    "one-file-system true",
    "one-file-system #true",
);
pub(super) static KEYWORD: Rule = rule(
    "plan::syntax::keyword",
    "an unknown keyword",
    "What starts with `#` is a keyword or a raw string. The keywords are `#true`, `#false`, `#null`, `#inf`, `#-inf` \
     and `#nan`; other texts that start with `#` must be quoted.",
    "exclude-caches #yes",
    "exclude-caches #true",
);
pub(super) static NUMBER: Rule = rule(
    "plan::syntax::number",
    "a number that cannot be read",
    "Numbers are written `30`, `-1`, `2.5`, `1_000`, `1e6` or `0xff`. One that does not fit 128 bits cannot be read.",
    "level 0xzz",
    "level 0xff",
);
pub(super) static ESCAPE: Rule = rule(
    "plan::syntax::escape",
    "an unknown escape in a string",
    "In a string a backslash starts an escape: `\\n`, `\\t`, `\\\"`, `\\\\`, `\\s`, `\\u{20ac}`. A backslash that is \
     meant as such is written twice, or the string is made raw: `#\"C:\\data\"#`.",
    "base \"C:\\data\"",
    "base #\"C:\\data\"#",
);
pub(super) static MULTILINE: Rule = rule(
    "plan::syntax::multiline",
    "a multi-line string with a wrong layout",
    "Three quotation marks open a string of several lines. The text starts on the next line; the closing three stand \
     on a line of their own, and every line starts with the same white space as that one.",
    "body \"\"\"two\n  lines\n  \"\"\"",
    "body \"\"\"\n  two\n  lines\n  \"\"\"",
);
pub(super) static NAME: Rule = rule(
    "plan::syntax::name",
    "a name is missing",
    "Every line, and everything between `{`, `;` and `}`, starts with the name of a node. A name is a word or a quoted \
     string, not a number or a keyword.",
    "30 daily",
    "keep daily=30",
);
pub(super) static SPACE: Rule = rule(
    "plan::syntax::space",
    "a space is missing between two values",
    "Values stand apart, with a space between them.",
    "exclude \"*.log\"\"*.tmp\"",
    "exclude \"*.log\" \"*.tmp\"",
);
pub(super) static SEPARATOR: Rule = rule(
    "plan::syntax::separator",
    "two nodes on one line",
    "A node ends with its line. Several on one line are separated by `;`.",
    "store fs { root \"/backup\" } mode full",
    "store fs { root \"/backup\" }; mode full",
);
pub(super) static CHARACTER: Rule = rule(
    "plan::syntax::character",
    "a character that cannot be seen",
    "Control characters, direction marks and characters of no width can make a plan mean something other than what \
     it shows. They may stand in strings as escapes (`\\u{200b}`), and nowhere else.",
    "",
    "",
);
pub(super) static DEPTH: Rule = rule(
    "plan::syntax::depth",
    "blocks nested too deeply",
    "No plan needs blocks more than 32 deep. This is most likely a generated text gone wrong.",
    "",
    "",
);
