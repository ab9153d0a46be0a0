use super::{Diagnostic, LineIndex, Rule, Severity, SourceFiles, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A SARIF 2.1.0 log with one run: the rules that spoke, their results, related places and fixes.
pub fn sarif(diagnostics: &[Diagnostic], files: &SourceFiles) -> String {
    let rules: BTreeMap<&str, &Rule> = diagnostics.iter().map(|d| (d.code(), d.rule)).collect();
    let places = Places { files, indexes: files.iter().map(|(_, file)| LineIndex::new(&file.text)).collect() };
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let index = rules.keys().position(|code| *code == diagnostic.code());
            places.result(diagnostic, index.expect("every diagnostic's rule is in the table"))
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "plan",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|rule| describe(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.why.trim() },
        "help": { "text": rule.page(), "markdown": rule.page() },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "note",
    }
}

struct Places<'a> {
    files: &'a SourceFiles,
    indexes: Vec<LineIndex<'a>>,
}

impl Places<'_> {
    fn result(&self, diagnostic: &Diagnostic, rule_index: usize) -> Value {
        let text = std::iter::once(&diagnostic.message).chain(&diagnostic.help).chain(&diagnostic.notes);
        let text = text.map(String::as_str).collect::<Vec<_>>().join("\n");
        let mut result = json!({
            "ruleId": diagnostic.code(),
            "ruleIndex": rule_index,
            "level": level(diagnostic.severity),
            "message": { "text": text },
            "locations": [self.location(diagnostic.primary.span, &diagnostic.primary.text)],
        });
        if !diagnostic.labels.is_empty() {
            let related = diagnostic.labels.iter().map(|label| self.location(label.span, &label.text));
            result["relatedLocations"] = related.collect();
        }
        if let Some(fix) = &diagnostic.fix {
            // One artifactChange a file, as the format asks.
            let mut changes: BTreeMap<_, Vec<Value>> = BTreeMap::new();
            for edit in &fix.edits {
                changes.entry(edit.span.file).or_default().push(json!({
                    "deletedRegion": self.region(edit.span),
                    "insertedContent": { "text": edit.text },
                }));
            }
            let changes: Vec<Value> = changes
                .into_iter()
                .map(|(file, replacements)| {
                    json!({ "artifactLocation": { "uri": self.uri(file) }, "replacements": replacements })
                })
                .collect();
            result["fixes"] = json!([{ "description": { "text": fix.title }, "artifactChanges": changes }]);
        }
        result
    }

    fn location(&self, span: Span, label: &str) -> Value {
        let mut location = json!({ "physicalLocation": {
            "artifactLocation": { "uri": self.uri(span.file) },
            "region": self.region(span),
        }});
        if !label.is_empty() {
            location["message"] = json!({ "text": label });
        }
        location
    }

    fn region(&self, span: Span) -> Value {
        let index = &self.indexes[span.file.0 as usize];
        let (start, end) = (index.position(span.start), index.position(span.end));
        json!({
            "startLine": start.line, "startColumn": start.column,
            "endLine": end.line, "endColumn": end.column,
            "byteOffset": span.start, "byteLength": span.len(),
        })
    }

    /// The file's name as a relative URI reference, or a `file:` URI where it is absolute.
    fn uri(&self, file: super::FileId) -> String {
        let name = &self.files.get(file).name;
        let mut uri = String::with_capacity(name.len());
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(byte as char),
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
        if name.starts_with('/') { format!("file://{uri}") } else { uri }
    }
}
