//! What is wrong with a plan, in the protocol's words, file by file.

use super::analysis::Analysis;
use super::place::Places;
use crate::diagnostics::{Diagnostic, Severity};
use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, NumberOrString,
    PublishDiagnosticsClientCapabilities,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the editor can show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Abilities {
    pub(super) related: bool,
    pub(super) tags: bool,
}

impl Abilities {
    pub(super) fn of(client: Option<&PublishDiagnosticsClientCapabilities>) -> Self {
        Self {
            related: client.and_then(|client| client.related_information).unwrap_or(false),
            tags: client.is_some_and(|client| client.tag_support.is_some()),
        }
    }
}

/// For every file of the plan what is to be shown in it, maybe nothing.
pub(super) fn by_file(analysis: &Analysis, abilities: Abilities) -> BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> {
    let places = analysis.project.places();
    let mut found: BTreeMap<PathBuf, Vec<_>> =
        analysis.project.paths.iter().map(|path| (path.clone(), Vec::new())).collect();
    for diagnostic in &analysis.diagnostics {
        let path = places.path(diagnostic.primary.span.file);
        found.entry(path.to_owned()).or_default().push(shown(diagnostic, &places, abilities));
    }
    found
}

pub(super) fn shown(diagnostic: &Diagnostic, places: &Places<'_>, abilities: Abilities) -> lsp_types::Diagnostic {
    let related = diagnostic.labels.iter().filter(|label| !label.text.is_empty()).filter_map(|label| {
        Some(DiagnosticRelatedInformation { location: places.location(label.span)?, message: label.text.clone() })
    });
    let related: Vec<_> = related.collect();
    lsp_types::Diagnostic {
        range: places.range(diagnostic.primary.span),
        severity: Some(match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Advice => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(diagnostic.code().to_owned())),
        code_description: None,
        source: Some("plan".to_owned()),
        message: message(diagnostic, places, abilities),
        related_information: (abilities.related && !related.is_empty()).then_some(related),
        tags: (abilities.tags && is_unused(diagnostic)).then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: None,
    }
}

/// Everything that is said, since an editor shows one text: the message, what
/// stands there, the help and the notes, and the other places if it cannot show them itself.
fn message(diagnostic: &Diagnostic, places: &Places<'_>, abilities: Abilities) -> String {
    let mut message = diagnostic.message.clone();
    if !diagnostic.primary.text.is_empty() {
        message += &format!(": {}", diagnostic.primary.text);
    }
    if let Some(help) = &diagnostic.help {
        message += &format!("\nhelp: {help}");
    }
    for note in &diagnostic.notes {
        message += &format!("\nnote: {note}");
    }
    if !abilities.related {
        for label in diagnostic.labels.iter().filter(|label| !label.text.is_empty()) {
            let line = places.range(label.span).start.line + 1;
            let file = places.path(label.span.file);
            let file = match label.span.file == diagnostic.primary.span.file {
                true => String::new(),
                false => format!(" of `{}`", file.display()),
            };
            message += &format!("\nline {line}{file}: {}", label.text);
        }
    }
    message
}

/// Whether the text it stands on has no effect; an editor fades that.
fn is_unused(diagnostic: &Diagnostic) -> bool {
    diagnostic.code().rsplit("::").next().is_some_and(|name| name.starts_with("unused"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::world;
    use super::*;
    use std::path::Path;

    const KEYS: &str = "key ops { recipient \"age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7\" }\nkey ops { recipient \"age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7\" }\n";

    fn shown_in(texts: &[(&str, &str)], abilities: Abilities) -> String {
        let analysis = world(texts).check(Path::new(texts[0].0)).expect("the first can be read");
        let mut out = String::new();
        for (path, found) in by_file(&analysis, abilities) {
            out += &format!("{}\n", path.display());
            for diagnostic in found.iter().filter(|d| d.severity == Some(DiagnosticSeverity::ERROR)) {
                let (start, end) = (diagnostic.range.start, diagnostic.range.end);
                let code = match &diagnostic.code {
                    Some(NumberOrString::String(code)) => code,
                    _ => panic!("every diagnostic has a code"),
                };
                out += &format!("{}:{}-{}:{} {code}\n", start.line, start.character, end.line, end.character);
                out += &format!("    {}\n", diagnostic.message.replace('\n', "\n    "));
                for related in diagnostic.related_information.iter().flatten() {
                    let at = related.location.range.start;
                    let uri = related.location.uri.as_str();
                    out += &format!("    -> {uri}:{}:{} {}\n", at.line, at.character, related.message);
                }
            }
        }
        out
    }

    #[test]
    fn what_is_wrong_in_an_included_file_is_shown_there() {
        let plan = "plan x {\n    description \"ñ 𝄞\"; key z { recipint age1x }\n    include \"keys ñ.kdl\"\n}";
        let texts = [("/p/plan.kdl", plan), ("/p/keys%20%C3%B1.kdl", KEYS)];
        let abilities = Abilities { related: true, tags: true };
        insta::assert_snapshot!(shown_in(&texts, abilities), @r"
        /p/keys ñ.kdl
        1:4-1:7 plan::names::duplicate
            there are two key nodes called `ops`: the second
            help: give one of them another name
            -> file:///p/keys%20%C3%B1.kdl:0:4 the first
        /p/plan.kdl
        1:32-1:40 plan::shape::unknown_node
            `key` has no `recipint`
            help: did you mean `recipient`?
            note: `key` takes: `recipient`, `identity` and `passphrase`
        1:41-1:46 plan::key::recipient
            this recipient has 5 characters, not 62
            help: copy it again, whole, from `plan key show` or the `# public key` line of its file
        ");
    }

    #[test]
    fn an_editor_without_related_places_is_told_of_them_in_the_message() {
        let plan = "plan x {\n    include keys.kdl\n}";
        let texts = [("/p/plan.kdl", plan), ("/p/keys.kdl", KEYS)];
        insta::assert_snapshot!(shown_in(&texts, Abilities::default()), @r"
        /p/keys.kdl
        1:4-1:7 plan::names::duplicate
            there are two key nodes called `ops`: the second
            help: give one of them another name
            line 1: the first
        /p/plan.kdl
        ");
    }
}
