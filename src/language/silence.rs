//! Takes out the warnings that the plan's author has silenced in place.

use super::{Document, Node};
use crate::diagnostics::{Catalogue, Diagnostic, Fix, Rule, Severity, Span, Spanned};

static UNKNOWN: Rule = Rule {
    code: "plan::allow::unknown_code",
    severity: Severity::Warning,
    title: "an `allow` names no known diagnostic",
    why: "An `allow` that names nothing silences nothing: what was to be silenced still shows, or will when it occurs.",
    bad: "// plan: allow(plan::names::unusd_key)\nkey old { … }",
    good: "// plan: allow(plan::names::unused_key)\nkey old { … }",
};
static UNUSED: Rule = Rule {
    code: "plan::allow::unused",
    severity: Severity::Advice,
    title: "an `allow` silences nothing",
    why: "What it silenced was put right since, or stands elsewhere: a comment on a line of its own is for the node \
          below it, one behind something for the node directly before it. Left in place it would hide the next such \
          problem.",
    bad: "// plan: allow(plan::names::unused_key)\nkey used-below { … }",
    good: "key used-below { … }",
};
static ERROR: Rule = Rule {
    code: "plan::allow::error",
    severity: Severity::Warning,
    title: "an `allow` names an error",
    why: "Errors say that the plan cannot run as it stands. Only warnings and advice can be silenced.",
    bad: "// plan: allow(plan::syntax::invalid)",
    good: "",
};

pub(super) static RULES: [&Rule; 3] = [&UNKNOWN, &UNUSED, &ERROR];

/// Drops every warning and advice inside a node that allows its code, and
/// reports `allow`s of unknown codes, of errors, and those that silenced nothing.
///
/// Whether an `allow` is unused can only be told when every rule has run:
/// `complete` says so.
pub fn silence(
    document: &Document,
    diagnostics: Vec<Diagnostic>,
    known: &Catalogue,
    complete: bool,
) -> Vec<Diagnostic> {
    let mut allowed = Vec::new();
    collect(&document.nodes, &mut allowed);
    let mut used = vec![false; allowed.len()];
    let mut kept: Vec<Diagnostic> = diagnostics
        .into_iter()
        .filter(|diagnostic| {
            let mut silenced = false;
            for ((scope, code), used) in allowed.iter().zip(&mut used) {
                if !diagnostic.is_error()
                    && known_as(known, code) == Some(diagnostic.code())
                    && holds(*scope, diagnostic)
                {
                    *used = true;
                    silenced = true;
                }
            }
            !silenced
        })
        .collect();
    for ((_, code), used) in allowed.iter().zip(used) {
        kept.extend(complaint(code, known, used || !complete || document.incomplete));
    }
    Diagnostic::sort(&mut kept);
    kept
}

fn known_as(known: &Catalogue, code: &Spanned<String>) -> Option<&'static str> {
    known.find(&code.value).map(|rule| rule.code)
}

fn holds(scope: Span, diagnostic: &Diagnostic) -> bool {
    let at = diagnostic.primary.span;
    scope.file == at.file && scope.start <= at.start && at.end <= scope.end
}

fn complaint(code: &Spanned<String>, known: &Catalogue, used: bool) -> Option<Diagnostic> {
    let name = &code.value;
    let Some(rule) = known.find(name) else {
        let diagnostic = Diagnostic::new(&UNKNOWN, code.span, format!("there is no diagnostic `{name}`"));
        return Some(match known.nearest(name) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(Fix::replace(code.span, near)),
            None => diagnostic.help("`plan explain` lists them"),
        });
    };
    if rule.severity == Severity::Error {
        let message = format!("`{name}` is an error and cannot be silenced");
        return Some(Diagnostic::new(&ERROR, code.span, message).help(format!("put it right: `plan explain {name}`")));
    }
    (!used).then(|| {
        Diagnostic::new(&UNUSED, code.span, format!("`{name}` does not occur here"))
            .label("silences nothing")
            .help("remove it")
    })
}

fn collect<'a>(nodes: &'a [Node], out: &mut Vec<(Span, &'a Spanned<String>)>) {
    for node in nodes {
        out.extend(node.allowed.iter().map(|code| (node.span, code)));
        collect(&node.children, out);
    }
}
