use super::figures::Figures;
use super::job::Jobs;
use super::objectives::Objectives;
use crate::cost::PriceTable;
use crate::diagnostics::{Diagnostic, SourceFiles, Span};
use crate::language::Document;
use crate::plan::{Plan, Schedule};
use crate::schedule::Timetable;
use std::cell::OnceCell;

/// What the rules look at.
pub(super) struct Subject<'a> {
    pub plan: &'a Plan,
    pub document: &'a Document,
    pub files: &'a SourceFiles,
    /// Every tier with every source that it takes, in the order of the text.
    pub jobs: Jobs<'a>,
    pub figures: Figures<'a>,
    pub objectives: OnceCell<Objectives>,
    /// See [`Subject::timetables`].
    pub timetables: OnceCell<Vec<(&'a Schedule, Timetable)>>,
    errors: Vec<Span>,
}

impl<'a> Subject<'a> {
    pub fn new(
        plan: &'a Plan,
        document: &'a Document,
        files: &'a SourceFiles,
        earlier: &[Diagnostic],
        prices: Option<&'a PriceTable>,
    ) -> Self {
        let errors = earlier.iter().filter(|d| d.is_error()).map(|d| d.primary.span).collect();
        Self {
            plan,
            document,
            files,
            jobs: Jobs::of(plan),
            figures: Figures::new(plan, prices),
            objectives: OnceCell::new(),
            timetables: OnceCell::new(),
            errors,
        }
    }

    /// Whether nothing in that text was wrong before the rules ran. What is not
    /// sound may lack settings that its author did write: a rule that reasons
    /// from absence passes it by.
    pub fn is_sound(&self, span: Span) -> bool {
        !self.errors.iter().any(|error| span.file == error.file && span.start <= error.start && error.end <= span.end)
    }

    /// Whether the whole plan was read as its author wrote it.
    pub fn is_whole(&self) -> bool {
        self.errors.is_empty() && !self.document.incomplete
    }

    /// The white space before a span on its line.
    pub fn indent(&self, span: Span) -> &'a str {
        let text = &self.files.get(span.file).text;
        let line = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line..span.start];
        &before[..before.len() - before.trim_start().len()]
    }
}
