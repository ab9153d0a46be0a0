//! The normal form of a text, as the smallest edits by line.

use super::place::range;
use crate::diagnostics::{FileId, LineIndex};
use crate::language;
use lsp_types::TextEdit;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// `None`: a text with a syntax error has no normal form.
pub(super) fn format(text: &str) -> Option<Vec<TextEdit>> {
    let formatted = language::format(text, FileId::default()).ok()?;
    let index = LineIndex::new(text);
    let (old_lines, new_lines) = (lines(text), lines(&formatted));
    let ops = capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines);
    let (old, new) = (starts(&old_lines), starts(&new_lines));
    let changes = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let edits = changes.map(|op| {
        let (before, after) = (op.old_range(), op.new_range());
        let new_text = formatted[new[after.start]..new[after.end]].to_owned();
        TextEdit::new(range(&index, old[before.start]..old[before.end]), new_text)
    });
    Some(edits.collect())
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Where each line starts, and where the last one ends.
fn starts(lines: &[&str]) -> Vec<usize> {
    let mut starts = vec![0];
    for line in lines {
        starts.push(starts[starts.len() - 1] + line.len());
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::super::testing::edited;
    use super::*;

    #[test]
    fn only_lines_that_differ_are_edited() {
        let text = "plan x {\n  timezone UTC\n    description \"ñ\"\n}";
        let edits = format(text).expect("it can be read");
        assert!(edits.iter().all(|edit| edit.range.start.line != 0), "{edits:?}");
        let after = edited(text, &edits);
        assert_eq!(after, "plan x {\n    timezone UTC\n    description \"ñ\"\n}\n");
        assert_eq!(format(&after), Some(Vec::new()));
        assert_eq!(
            format("plan x {\r\n    timezone UTC\r\n}\r\n")
                .map(|edits| edited("plan x {\r\n    timezone UTC\r\n}\r\n", &edits))
                .as_deref(),
            Some("plan x {\n    timezone UTC\n}\n")
        );
    }

    #[test]
    fn a_text_with_a_syntax_error_stays_as_it_is() {
        assert_eq!(format("plan x {\n  )\n}"), None);
    }
}
