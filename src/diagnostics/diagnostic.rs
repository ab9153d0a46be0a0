use super::{Fix, Rule, Severity, Span};
use std::cmp::Ordering;

/// A span and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    /// A few words, or empty: the underline alone.
    pub text: String,
}

/// One problem in the user's text: what, where, which other places are involved, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub rule: &'static Rule,
    /// The rule's, unless the user asked for another.
    pub severity: Severity,
    /// What is wrong with which thing; lower case, no full stop.
    pub message: String,
    /// The narrowest text that is wrong.
    pub primary: Label,
    /// The other parties; may be in other files.
    pub labels: Vec<Label>,
    /// One thing to do.
    pub help: Option<String>,
    /// What else is good to know: the arithmetic, the list of what is allowed.
    pub notes: Vec<String>,
    /// The help as a change to the text, where that is mechanical.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            message: message.into(),
            primary: Label { span, text: String::new() },
            labels: Vec::new(),
            help: None,
            notes: Vec::new(),
            fix: None,
        }
    }

    /// Says what stands at the primary span.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points at another party.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    pub fn code(&self) -> &'static str {
        self.rule.code
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The order in which a reader meets them: by file, then by place, then by code.
    pub fn reading_order(&self, other: &Self) -> Ordering {
        let key = |d: &Self| (d.primary.span.file, d.primary.span.start, d.primary.span.end, d.rule.code);
        key(self).cmp(&key(other)).then_with(|| self.message.cmp(&other.message))
    }

    /// Sorts into reading order and drops those said twice.
    pub fn sort(diagnostics: &mut Vec<Self>) {
        diagnostics.sort_by(Self::reading_order);
        diagnostics.dedup();
    }
}

/// Adds what a later step found, but for the echoes: what stands on a text that
/// an error already speaks of is not judged again.
pub fn extend_without_echoes(diagnostics: &mut Vec<Diagnostic>, later: Vec<Diagnostic>) {
    let errors: Vec<Span> = diagnostics.iter().filter(|d| d.is_error()).map(|d| d.primary.span).collect();
    let touches = |a: Span, b: Span| {
        a.file == b.file
            && if a.is_empty() || b.is_empty() {
                a.start <= b.end && b.start <= a.end
            } else {
                a.start < b.end && b.start < a.end
            }
    };
    let echo = |diagnostic: &Diagnostic| errors.iter().any(|error| touches(*error, diagnostic.primary.span));
    diagnostics.extend(later.into_iter().filter(|diagnostic| !echo(diagnostic)));
}

/// `2 errors, 1 warning; 1 can be fixed with `plan check --fix``, or `no problems`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let parts: Vec<String> = [
        (count(Severity::Error), "error", "errors"),
        (count(Severity::Warning), "warning", "warnings"),
        (count(Severity::Advice), "piece of advice", "pieces of advice"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
    .collect();
    if parts.is_empty() {
        return "no problems".to_owned();
    }
    let fixable = diagnostics.iter().filter(|d| d.fix.is_some()).count();
    let fixable =
        if fixable == 0 { String::new() } else { format!("; {fixable} can be fixed with `plan check --fix`") };
    format!("{}{fixable}", parts.join(", "))
}
