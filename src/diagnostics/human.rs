use super::excerpt::Excerpt;
use super::{Diagnostic, FileId, Label, LineIndex, Severity, SourceFile, SourceFiles};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, ThemeStyles};
use std::fmt;

/// How a person reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HumanStyle {
    /// Lines and corners.
    Unicode,
    /// The same with `|` and `-`.
    Ascii,
    /// Sentences only, for screen readers and speech.
    Narrated,
}

/// Prints diagnostics for people: the code, the message, the text with what is wrong underlined, help and notes.
#[derive(Clone, Copy, Debug)]
pub struct Human {
    pub style: HumanStyle,
    pub colour: bool,
    /// Columns to wrap at.
    pub width: usize,
}

impl Default for Human {
    fn default() -> Self {
        Self { style: HumanStyle::Unicode, colour: false, width: 80 }
    }
}

/// Narrower than this nothing can be underlined.
const MIN_WIDTH: usize = 30;

impl Human {
    /// All diagnostics in the order given, a blank line after each.
    pub fn render(&self, diagnostics: &[Diagnostic], files: &SourceFiles) -> String {
        let mut out = String::new();
        if diagnostics.is_empty() {
            return out;
        }
        let texts = Texts { files: files.iter().map(|(_, file)| (file, LineIndex::new(&file.text))).collect() };
        let handler = self.handler();
        for diagnostic in diagnostics {
            let rendered = match self.style {
                HumanStyle::Narrated => narrated(diagnostic, &texts),
                HumanStyle::Unicode | HumanStyle::Ascii => draw(&handler, diagnostic, &texts),
            };
            for line in rendered.trim_matches('\n').lines() {
                out.push_str(line.trim_end());
                out.push('\n');
            }
            out.push('\n');
        }
        out
    }

    fn handler(&self) -> GraphicalReportHandler {
        let mut theme = match self.style {
            HumanStyle::Ascii => GraphicalTheme::ascii(),
            HumanStyle::Unicode | HumanStyle::Narrated => GraphicalTheme::unicode(),
        };
        theme.styles = if self.colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(self.width.max(MIN_WIDTH))
            .with_links(false)
            .with_break_words(false)
            // Only at spaces: a path or an address is there to be copied.
            .with_word_separator(textwrap::WordSeparator::AsciiSpace)
            .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
            .without_cause_chain();
        handler.without_syntax_highlighting()
    }
}

/// The texts of one rendering, with where their lines start.
struct Texts<'a> {
    /// In the order of their ids.
    files: Vec<(&'a SourceFile, LineIndex<'a>)>,
}

impl<'a> Texts<'a> {
    fn index(&self, id: FileId) -> &LineIndex<'a> {
        &self.files[id.0 as usize].1
    }

    fn excerpt(&self, id: FileId) -> Excerpt<'_> {
        let (file, index) = &self.files[id.0 as usize];
        Excerpt { name: &file.name, index }
    }
}

fn draw(handler: &GraphicalReportHandler, diagnostic: &Diagnostic, texts: &Texts) -> String {
    let render = |view: &View| {
        let mut text = String::new();
        handler.render_report(&mut text, view).expect("writing to a string does not fail");
        text
    };
    let mut groups = groups(diagnostic, texts).into_iter();
    let mut view = View::of(diagnostic);
    view.code = Some(format!("{}[{}]", diagnostic.severity, diagnostic.code()));
    view.message = &diagnostic.message;
    // Of a file that could not be read there is nothing to show.
    if let Some((file, labels)) = groups.next().filter(|(file, _)| !texts.index(*file).text().is_empty()) {
        view.show(texts.excerpt(file), &labels);
    }
    let mut out = render(&view);
    // The handler shows one stretch of one text: other places follow as snippets of their own,
    // then help and notes. Each is drawn with an empty message, whose line is dropped.
    let without_message = |view: &View| match render(view).split_once('\n') {
        Some((_, rest)) => rest.to_owned(),
        None => String::new(),
    };
    for (file, labels) in groups {
        let mut view = View::of(diagnostic);
        view.show(texts.excerpt(file), &labels);
        out.push_str(&without_message(&view));
    }
    let footer = |text: &str| {
        let mut view = View::of(diagnostic);
        view.help = Some(text);
        without_message(&view)
    };
    if let Some(help) = &diagnostic.help {
        out.push_str(&footer(help));
    }
    let others = places_not_shown(diagnostic);
    for note in diagnostic.notes.iter().chain(&others) {
        out.push_str(&footer(note).replacen("help:", "note:", 1));
    }
    out
}

/// The sentences that a screen reader speaks: what, where, what stands there, what to do.
fn narrated(diagnostic: &Diagnostic, texts: &Texts) -> String {
    let mut out = format!("{}: {}\n", diagnostic.severity, diagnostic.message);
    let mut place = |label: &Label, lead: &str| {
        let Excerpt { name, index } = texts.excerpt(label.span.file);
        let start = index.position(label.span.start);
        out.push_str(&format!("{lead} {name} line {} column {}", start.line, start.column));
        if !label.text.is_empty() {
            out.push_str(&format!(": {}", label.text));
        }
        out.push('\n');
        if !index.text().is_empty() {
            out.push_str(&format!("the line reads: {}\n", index.line(start.line - 1).trim()));
        }
    };
    place(&diagnostic.primary, "in");
    for label in diagnostic.labels.iter().take(LABELS_SHOWN) {
        place(label, "see also");
    }
    let others = places_not_shown(diagnostic);
    let notes = diagnostic.notes.iter().chain(&others).map(|note| ("note", note));
    for (lead, text) in diagnostic.help.iter().map(|help| ("help", help)).chain(notes) {
        out.push_str(&format!("{lead}: {text}\n"));
    }
    out.push_str(&format!("code: {}\n", diagnostic.code()));
    out
}

/// Of a diagnostic's other places a person is shown so many; programs get all. Chosen: a screenful.
const LABELS_SHOWN: usize = 8;

fn places_not_shown(diagnostic: &Diagnostic) -> Option<String> {
    match diagnostic.labels.len().saturating_sub(LABELS_SHOWN) {
        0 => None,
        1 => Some("1 other place is not shown".to_owned()),
        hidden => Some(format!("{hidden} other places are not shown")),
    }
}

/// Labels further apart than this many lines are shown in snippets of their own.
const MAX_GAP_LINES: usize = 6;

/// The labels that are shown together: near one another in one file. The primary's first.
fn groups<'a>(diagnostic: &'a Diagnostic, texts: &Texts) -> Vec<(FileId, Vec<(&'a Label, bool)>)> {
    let mut groups: Vec<(FileId, Vec<(&Label, bool)>)> = Vec::new();
    let all = std::iter::once((&diagnostic.primary, true))
        .chain(diagnostic.labels.iter().take(LABELS_SHOWN).map(|label| (label, false)));
    let lines_between = |a: &Label, b: &Label| {
        let (first, second) = if a.span.start < b.span.start { (a.span, b.span) } else { (b.span, a.span) };
        let index = texts.index(first.file);
        index.line_at(second.start) - index.line_at(first.end.min(second.start))
    };
    for (label, primary) in all {
        let near = |(file, labels): &&mut (FileId, Vec<(&Label, bool)>)| {
            *file == label.span.file && labels.iter().any(|(other, _)| lines_between(other, label) <= MAX_GAP_LINES)
        };
        match groups.iter_mut().find(near) {
            Some((_, labels)) => labels.push((label, primary)),
            None => groups.push((label.span.file, vec![(label, primary)])),
        }
    }
    groups
}

/// What the handler is shown of a diagnostic.
#[derive(Debug)]
struct View<'a> {
    severity: Severity,
    code: Option<String>,
    message: &'a str,
    help: Option<&'a str>,
    source: Option<Excerpt<'a>>,
    labels: Vec<LabeledSpan>,
}

impl<'a> View<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Self {
        Self { severity: diagnostic.severity, code: None, message: "", help: None, source: None, labels: Vec::new() }
    }

    fn show(&mut self, excerpt: Excerpt<'a>, labels: &[(&Label, bool)]) {
        self.source = Some(excerpt);
        self.labels = labels
            .iter()
            .map(|(label, primary)| {
                let text = (!label.text.is_empty()).then(|| label.text.clone());
                let span = (label.span.start, label.span.len());
                if *primary {
                    LabeledSpan::new_primary_with_span(text, span)
                } else {
                    LabeledSpan::new_with_span(text, span)
                }
            })
            .collect();
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
