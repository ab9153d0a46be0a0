use super::{Severity, nearest};
use std::fmt::Write;

/// One thing that the checker can say: its code, how bad it is, and its page of documentation.
///
/// A family keeps its rules as statics beside the code that reports them, and
/// lists them in one slice for the [`Catalogue`].
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `plan::family::name`; never changes once released.
    pub code: &'static str,
    /// Where the user has not asked for another.
    pub severity: Severity,
    /// One line, as in a table of contents; lower case, no full stop.
    pub title: &'static str,
    /// What the rule looks at and why it is bad; Markdown paragraphs.
    pub why: &'static str,
    /// A plan, or a part of one, that the rule reports.
    pub bad: &'static str,
    /// The same, put right.
    pub good: &'static str,
}

impl Rule {
    /// `family` of `plan::family::name`.
    pub fn family(&self) -> &'static str {
        self.code.split("::").nth(1).unwrap_or(self.code)
    }

    /// The page that `plan explain CODE` prints, in Markdown.
    pub fn page(&self) -> String {
        let mut page = format!("# {}\n\n{} ({})\n\n{}\n", self.code, self.title, self.severity, self.why.trim());
        for (heading, example) in [("Instead of", self.bad), ("Write", self.good)] {
            if !example.trim().is_empty() {
                let _ = write!(page, "\n## {heading}\n\n```kdl\n{}\n```\n", example.trim_matches('\n'));
            }
        }
        page.push_str("\n## Silencing it\n\n");
        if self.severity == Severity::Error {
            page.push_str("This is an error, so it cannot be silenced.\n");
        } else {
            let _ = write!(
                page,
                "In one place, with a comment on the line before the node, or a child in it:\n\n\
                 ```kdl\n// plan: allow({code})\ntier local {{ … }}\n```\n\n\
                 ```kdl\ntier local {{\n    allow \"{code}\"\n}}\n```\n\n\
                 Everywhere: `plan check --allow {code}`.\n",
                code = self.code
            );
        }
        page
    }
}

/// All rules of all families.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Sorted by code.
    rules: Vec<&'static Rule>,
}

impl Catalogue {
    pub fn new(families: &[&[&'static Rule]]) -> Self {
        let mut rules: Vec<_> = families.iter().flat_map(|family| family.iter().copied()).collect();
        rules.sort_by_key(|rule| rule.code);
        debug_assert!(rules.windows(2).all(|pair| pair[0].code < pair[1].code), "a code stands for one rule");
        Self { rules }
    }

    /// Sorted by code.
    pub fn iter(&self) -> impl Iterator<Item = &'static Rule> {
        self.rules.iter().copied()
    }

    /// The rule of that code; `plan::` in front may be left out.
    pub fn find(&self, code: &str) -> Option<&'static Rule> {
        let bare = code.strip_prefix("plan::").unwrap_or(code);
        self.iter().find(|rule| rule.code.strip_prefix("plan::") == Some(bare))
    }

    /// Whether `code` is that of a rule, or of a whole family (`plan::cost`).
    pub fn knows(&self, code: &str) -> bool {
        self.find(code).is_some() || self.iter().any(|rule| covers(code, rule.code))
    }

    /// The code that was probably meant.
    pub fn nearest(&self, code: &str) -> Option<&'static str> {
        let bare = code.strip_prefix("plan::").unwrap_or(code);
        // A name alone is what people remember: `unused_key` for `plan::names::unused_key`.
        self.iter().map(|rule| rule.code).find(|known| known.rsplit("::").next() == Some(bare)).or_else(|| {
            let found = nearest(bare, self.iter().filter_map(|rule| rule.code.strip_prefix("plan::")))?;
            self.find(found).map(|rule| rule.code)
        })
    }
}

/// Whether `pattern`, a code or the family in front of it, means `code`.
pub(super) fn covers(pattern: &str, code: &str) -> bool {
    let pattern = pattern.strip_prefix("plan::").unwrap_or(pattern);
    let code = code.strip_prefix("plan::").unwrap_or(code);
    code.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
