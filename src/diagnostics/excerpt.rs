use super::LineIndex;
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// A text that the handler reads stretches of.
///
/// What the handler brings with it goes through the text from its beginning for each stretch; this
/// one starts at the line that is asked for, so that many diagnostics cost as much as one each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excerpt<'a> {
    pub name: &'a str,
    pub index: &'a LineIndex<'a>,
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let text = self.index.text();
        if span.offset() > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        // Before an empty span the reading ends one byte early, and that byte may be the break of the line before.
        let line = self.index.line_at(span.offset()).saturating_sub(lines_before.max(1));
        let start = self.index.start(line);
        let within = SourceSpan::from((span.offset() - start, span.len()));
        let read = text.as_bytes()[start..].read_span(&within, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_owned(),
            read.data(),
            SourceSpan::from((start + read.span().offset(), read.span().len())),
            line + read.line(),
            read.column(),
            // The handler's own texts count from the first line, and what it joins depends on that.
            line + read.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the handler learns from a text about a span with so many lines before and after it.
    fn facts(
        text: &dyn SourceCode,
        span: SourceSpan,
        around: (usize, usize),
    ) -> Option<(Vec<u8>, SourceSpan, usize, usize, usize)> {
        let read = text.read_span(&span, around.0, around.1).ok()?;
        Some((read.data().to_vec(), *read.span(), read.line(), read.column(), read.line_count()))
    }

    #[test]
    fn an_empty_span_at_the_start_of_a_line_has_an_empty_stretch() {
        let text = "aa \n\n\n\n\n";
        let span = SourceSpan::from((4, 0));
        let excerpt = Excerpt { name: "a.kdl", index: &LineIndex::new(text) };
        assert_eq!(facts(&excerpt, span, (0, 0)), Some((Vec::new(), span, 1, 0, 1)));
        assert_eq!(facts(&excerpt, span, (0, 0)), facts(&text, span, (0, 0)));
    }

    proptest! {
        #[test]
        fn a_stretch_is_the_same_as_when_the_text_is_read_from_its_beginning(
            text in "[aé\n ]{0,60}(\r\n)?[b\n]{0,20}",
            ends in (0usize..100, 0usize..100),
            around in (0usize..3, 0usize..3),
        ) {
            let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (a, b) = (boundary(ends.0), boundary(ends.1));
            let span = SourceSpan::from((a.min(b), a.abs_diff(b)));
            let excerpt = Excerpt { name: "a.kdl", index: &LineIndex::new(&text) };
            prop_assert_eq!(facts(&excerpt, span, around), facts(&text, span, around));
        }
    }
}
