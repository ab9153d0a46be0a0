use super::rule::covers;
use super::{Catalogue, Diagnostic};
use std::fmt;

/// How bad it is. An error stops a run; a warning does not; advice is worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Advice,
    Warning,
    Error,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the user asked for in place of the rules' own severities:
/// `--deny warnings`, `--allow/--warn/--deny CODE`, in the order given.
///
/// A rule that is an error by itself stays one: it says that the plan cannot run.
#[derive(Clone, Debug, Default)]
pub struct Severities {
    changes: Vec<(String, Option<Severity>)>,
    deny_warnings: bool,
}

/// A code on the command line that no rule has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no diagnostic `{code}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownCode {
    pub code: String,
    pub nearest: Option<&'static str>,
}

impl Severities {
    pub fn deny_warnings(&mut self) {
        self.deny_warnings = true;
    }

    /// Sets the severity of a code, or of a family (`plan::cost`); `None` silences it. The last one given wins.
    pub fn set(&mut self, code: &str, to: Option<Severity>, known: &Catalogue) -> Result<(), UnknownCode> {
        if !known.knows(code) {
            return Err(UnknownCode { code: code.to_owned(), nearest: known.nearest(code) });
        }
        self.changes.push((code.to_owned(), to));
        Ok(())
    }

    /// Whether nothing was asked for, so that what is said is what is said by default.
    pub fn is_default(&self) -> bool {
        self.changes.is_empty() && !self.deny_warnings
    }

    pub fn apply(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let decide = |mut diagnostic: Diagnostic| {
            if diagnostic.severity == Severity::Error {
                return Some(diagnostic);
            }
            let change = self.changes.iter().rev().find(|(pattern, _)| covers(pattern, diagnostic.code()));
            match change {
                Some((_, None)) => return None,
                Some((_, Some(severity))) => diagnostic.severity = *severity,
                None => {}
            }
            if self.deny_warnings && diagnostic.severity == Severity::Warning {
                diagnostic.severity = Severity::Error;
            }
            Some(diagnostic)
        };
        diagnostics.into_iter().filter_map(decide).collect()
    }
}
