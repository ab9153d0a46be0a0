use super::{Diagnostic, LineIndex, Severity, SourceFiles};
use std::fmt::Write;

/// Workflow commands that GitHub shows as annotations on the changed files, one a line.
pub fn github(diagnostics: &[Diagnostic], files: &SourceFiles) -> String {
    let indexes: Vec<LineIndex> = files.iter().map(|(_, file)| LineIndex::new(&file.text)).collect();
    let mut out = String::new();
    for diagnostic in diagnostics {
        let span = diagnostic.primary.span;
        let index = &indexes[span.file.0 as usize];
        let (start, end) = (index.position(span.start), index.position(span.end));
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "notice",
        };
        let _ = write!(out, "::{command} file={},line={}", property(&files.get(span.file).name), start.line);
        // GitHub takes columns only within one line.
        if start.line == end.line {
            let _ = write!(out, ",endLine={},col={},endColumn={}", end.line, start.column, end.column);
        } else {
            let _ = write!(out, ",endLine={}", end.line);
        }
        let mut message = diagnostic.message.clone();
        for line in diagnostic.help.iter().chain(&diagnostic.notes) {
            message.push('\n');
            message.push_str(line);
        }
        let _ = writeln!(out, ",title={}::{}", property(diagnostic.code()), data(&message));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
