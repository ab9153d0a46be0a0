use super::{Diagnostic, Label, LineIndex, Severity, SourceFiles, Span};
use serde_json::{Value, json};

/// The version of the document that [`json`](json()) writes.
const FORMAT_VERSION: u32 = 1;

/// One JSON document for programs: every diagnostic with its places and fix, and the counts.
///
/// Lines and columns are from 1, columns in characters; `byte` is from 0.
pub fn json(diagnostics: &[Diagnostic], files: &SourceFiles) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let document = json!({
        "format_version": FORMAT_VERSION,
        "diagnostics": json_list(diagnostics, files),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "advice": count(Severity::Advice),
    });
    format!("{document:#}\n")
}

/// The diagnostics of [`json`](json()) for another document.
pub fn json_list(diagnostics: &[Diagnostic], files: &SourceFiles) -> Value {
    let places = Places::new(files);
    diagnostics.iter().map(|diagnostic| places.diagnostic(diagnostic)).collect()
}

struct Places<'a> {
    files: &'a SourceFiles,
    indexes: Vec<LineIndex<'a>>,
}

impl<'a> Places<'a> {
    fn new(files: &'a SourceFiles) -> Self {
        Self { files, indexes: files.iter().map(|(_, file)| LineIndex::new(&file.text)).collect() }
    }

    fn diagnostic(&self, diagnostic: &Diagnostic) -> Value {
        let mut value = json!({
            "code": diagnostic.code(),
            "severity": diagnostic.severity.name(),
            "message": diagnostic.message,
            "at": self.label(&diagnostic.primary),
            "also": diagnostic.labels.iter().map(|label| self.label(label)).collect::<Vec<_>>(),
            "help": diagnostic.help,
            "notes": diagnostic.notes,
        });
        if let Some(fix) = &diagnostic.fix {
            let edits: Vec<Value> = fix
                .edits
                .iter()
                .map(|edit| {
                    let mut place = self.span(edit.span);
                    place["text"] = edit.text.clone().into();
                    place
                })
                .collect();
            value["fix"] = json!({ "title": fix.title, "edits": edits });
        }
        value
    }

    fn label(&self, label: &Label) -> Value {
        let mut place = self.span(label.span);
        if !label.text.is_empty() {
            place["label"] = label.text.clone().into();
        }
        place
    }

    fn span(&self, span: Span) -> Value {
        let index = &self.indexes[span.file.0 as usize];
        let place = |offset| {
            let position = index.position(offset);
            json!({ "line": position.line, "column": position.column, "byte": offset })
        };
        json!({ "file": self.files.get(span.file).name, "start": place(span.start), "end": place(span.end) })
    }
}
