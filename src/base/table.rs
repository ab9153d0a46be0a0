use super::{Paint, Style, printable};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const GAP: &str = "  ";
/// Between what stands of a row in one line, where a table becomes a list.
const SEPARATOR: &str = ", ";

/// Below this a column is not made narrower; the table is then wider than asked. Chosen.
const MINIMUM_WIDTH: usize = 8;

/// Rows in aligned columns, for a terminal of any width.
///
/// Without borders: two spaces part the columns, no line ends in a space. In a
/// narrow terminal first the columns that may be left out are left out, then
/// those that may be wrapped or cut are. Where all that is not enough, a table with headings
/// becomes a list: the first cell of each row, and beneath it the others, each with its heading.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

#[derive(Clone, Debug)]
pub struct Column {
    heading: &'static str,
    align_right: bool,
    optional: u8,
    fit: Fit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Whole,
    Wrap,
    Cut,
}

impl Column {
    pub const fn left(heading: &'static str) -> Self {
        Self { heading, align_right: false, optional: 0, fit: Fit::Whole }
    }

    /// For numbers and sizes.
    pub const fn right(heading: &'static str) -> Self {
        Self { align_right: true, ..Self::left(heading) }
    }

    /// Where there is no room the column is left out; those of higher rank first. Ranks start at 1.
    pub const fn optional(self, rank: u8) -> Self {
        Self { optional: rank, ..self }
    }

    /// Where there is no room its text goes on in further lines, broken at spaces.
    pub const fn wrap(self) -> Self {
        Self { fit: Fit::Wrap, ..self }
    }

    /// Where there is no room the middle of its text becomes `…`; for paths and ids.
    pub const fn cut(self) -> Self {
        Self { fit: Fit::Cut, ..self }
    }
}

/// Made printable when it is made.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub fn painted(paint: Paint, text: impl AsRef<str>) -> Self {
        Self { text: printable(text.as_ref()).into_owned(), paint }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::painted(Paint::Plain, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::painted(Paint::Plain, text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::painted(Paint::Plain, text)
    }
}

impl Table {
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new(), indent: 0 }
    }

    /// Every line starts with this many spaces.
    pub fn indent(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// Missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut cells: Vec<Cell> = cells.into_iter().collect();
        assert!(cells.len() <= self.columns.len(), "a row has no more cells than the table has columns");
        cells.resize_with(self.columns.len(), Cell::default);
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The heading (unless all headings are empty) and the rows, each line with its line break.
    pub fn render(&self, width: usize, style: Style) -> String {
        let Some(mut text) = self.heading(width, style) else {
            return self.render_rows(width, style).concat();
        };
        if !self.fits(width) {
            return self.rows.iter().map(|row| self.list(row, width, style)).collect();
        }
        text.extend(self.render_rows(width, style));
        text
    }

    /// Whether no line is wider, once all has been left out and cut that may be.
    fn fits(&self, width: usize) -> bool {
        let layout = self.layout(width);
        let columns: usize = layout.iter().map(|(_, width)| width).sum();
        self.indent + columns + GAP.len() * layout.len().saturating_sub(1) <= width
    }

    /// Each row by itself, for putting lines between them; a wrapped row has several lines.
    pub fn render_rows(&self, width: usize, style: Style) -> Vec<String> {
        let layout = self.layout(width);
        self.rows.iter().map(|row| self.lines(row, &layout, style)).collect()
    }

    /// The line of headings; `None` where all are empty.
    pub fn heading(&self, width: usize, style: Style) -> Option<String> {
        if self.columns.iter().all(|column| column.heading.is_empty()) {
            return None;
        }
        let cells: Vec<Cell> = self.columns.iter().map(|column| Cell::painted(Paint::Dim, column.heading)).collect();
        Some(self.lines(&cells, &self.layout(width), style))
    }

    /// The columns that are shown, each with its width.
    fn layout(&self, width: usize) -> Vec<(usize, usize)> {
        let natural = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].text.width());
            cells.max().unwrap_or(0).max(self.columns[at].heading.width())
        };
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len()).map(|at| (at, natural(at))).collect();
        // A column without any text takes no room.
        shown.retain(|(_, width)| *width > 0);
        let total = |shown: &[(usize, usize)]| {
            self.indent
                + shown.iter().map(|(_, width)| width).sum::<usize>()
                + GAP.len() * shown.len().saturating_sub(1)
        };
        let room = |column: &(usize, usize)| match self.columns[column.0].fit {
            Fit::Whole => 0,
            Fit::Wrap | Fit::Cut => column.1.saturating_sub(MINIMUM_WIDTH),
        };
        while total(&shown) > width + shown.iter().map(room).sum::<usize>() {
            let rank = |column: &&(usize, usize)| self.columns[column.0].optional;
            let Some(least) = shown.iter().filter(|column| rank(column) > 0).max_by_key(rank).map(|(at, _)| *at) else {
                break;
            };
            shown.retain(|(at, _)| *at != least);
        }
        let mut excess = total(&shown).saturating_sub(width);
        while excess > 0 {
            // The widest gives first, down to the next widest: no column starves beside a wide one.
            let Some(at) = (0..shown.len()).filter(|at| room(&shown[*at]) > 0).max_by_key(|at| shown[*at].1) else {
                break;
            };
            shown[at].1 -= 1;
            excess -= 1;
        }
        shown
    }

    /// A row as an entry of a list.
    fn list(&self, cells: &[Cell], width: usize, style: Style) -> String {
        let mut told = self.columns.iter().zip(cells).filter(|(_, cell)| !cell.text.is_empty());
        let Some((_, first)) = told.next() else { return String::new() };
        let mut text = format!("{}{}\n", " ".repeat(self.indent), style.paint(first.paint, &first.text));
        let margin = " ".repeat(self.indent + GAP.len());
        let room = width.saturating_sub(margin.len()).max(MINIMUM_WIDTH);
        let mut used = 0;
        for (column, cell) in told {
            let heading = if column.heading.is_empty() { String::new() } else { format!("{} ", column.heading) };
            let item = heading.width() + cell.text.width();
            let is_next = used > 0 && used + SEPARATOR.len() + item < room;
            match (is_next, used) {
                (true, _) => text.push_str(SEPARATOR),
                (false, 0) => text.push_str(&margin),
                (false, _) => text.push_str(&format!(",\n{margin}")),
            }
            if item < room {
                let (heading, value) = (style.paint(Paint::Dim, &heading), style.paint(cell.paint, &cell.text));
                text.push_str(&format!("{heading}{value}"));
                used = if is_next { used + SEPARATOR.len() + item } else { item };
            } else {
                let lines = wrap(&format!("{heading}{}", cell.text), room - 1);
                text.push_str(&lines.join(&format!("\n{margin}")));
                used = lines.last().map_or(0, |line| line.width());
            }
        }
        text.push_str(if used > 0 { "\n" } else { "" });
        text
    }

    fn lines(&self, cells: &[Cell], layout: &[(usize, usize)], style: Style) -> String {
        let columns: Vec<Vec<String>> = layout
            .iter()
            .map(|(at, width)| match self.columns[*at].fit {
                Fit::Whole => vec![cells[*at].text.clone()],
                Fit::Wrap => wrap(&cells[*at].text, *width),
                Fit::Cut => vec![cut(&cells[*at].text, *width)],
            })
            .collect();
        let mut text = String::new();
        for line in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
            let mut out = " ".repeat(self.indent);
            // Spaces are held back until text follows, so that no line ends in one.
            let mut held = 0;
            for (pieces, (at, width)) in columns.iter().zip(layout) {
                let piece = pieces.get(line).map(String::as_str).unwrap_or_default();
                let padding = width.saturating_sub(piece.width());
                let (before, after) = if self.columns[*at].align_right { (padding, 0) } else { (0, padding) };
                held += before;
                if !piece.is_empty() {
                    out.push_str(&" ".repeat(held));
                    out.push_str(&style.paint(cells[*at].paint, piece));
                    held = 0;
                }
                held += after + GAP.len();
            }
            text.push_str(out.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Breaks text at spaces into lines of at most `width` columns; a longer word is broken anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        let room = width.saturating_sub(last.width() + usize::from(!last.is_empty()));
        if word.width() <= room {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
            continue;
        }
        let mut rest = word;
        while rest.width() > width {
            let end = prefix(rest, width).max(rest.chars().next().map_or(0, char::len_utf8));
            lines.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        lines.push(rest.to_owned());
        if lines[0].is_empty() {
            lines.remove(0);
        }
    }
    lines
}

/// Replaces the middle of a text that is wider than `width` columns by `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let start = prefix(text, kept / 2);
    let mut tail = text.len();
    let mut tail_width = 0;
    for (at, character) in text.char_indices().rev() {
        tail_width += character.width().unwrap_or(0);
        if tail_width > kept - kept / 2 {
            break;
        }
        tail = at;
    }
    format!("{}…{}", &text[..start], &text[tail..])
}

/// The length in bytes of the longest beginning of at most `width` columns.
fn prefix(text: &str, width: usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            Column::left("tier"),
            Column::right("files"),
            Column::left("path").cut(),
            Column::left("note").wrap(),
            Column::left("next").optional(1),
        ]);
        table.row(["local".into(), "12".into(), "a/b.txt".into(), "fine".into(), "02:00".into()]);
        table.row([
            "nuvem-ção".into(),
            "104,233".into(),
            "日本語/ファイル/with a long name.sqlite".into(),
            "could not be read because of its mode".into(),
            "06:00".into(),
        ]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        insta::assert_snapshot!(table().render(200, Style::PLAIN));
    }

    #[test]
    fn a_narrow_table_leaves_out_then_cuts_and_wraps() {
        insta::assert_snapshot!(table().render(60, Style::PLAIN));
    }

    #[test]
    fn no_line_is_wider_than_asked_or_ends_in_a_space() {
        for width in 20..120 {
            for line in table().render(width, Style::PLAIN).lines() {
                assert!(line.width() <= width, "{width}: {line:?}");
                assert_eq!(line, line.trim_end(), "{width}");
            }
        }
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_a_list() {
        assert!(table().fits(60) && !table().fits(30));
        insta::assert_snapshot!(table().indent(1).render(30, Style::PLAIN));
    }

    #[test]
    fn hostile_names_cannot_break_lines_or_paint() {
        let mut table = Table::new([Column::left("")]);
        table.row([Cell::painted(Paint::Bad, "a\nb\x1b[2J")]);
        assert_eq!(table.render(80, Style::COLOR), "\u{1b}[31ma\\nb\\u{1b}[2J\u{1b}[0m\n");
    }

    #[test]
    fn words_longer_than_a_line_are_broken() {
        assert_eq!(wrap("an unbreakable thing", 6), ["an", "unbrea", "kable", "thing"]);
        assert_eq!(wrap("", 6), [""]);
        assert_eq!(cut("/opt/some/very/long/path.txt", 11), "/opt/…h.txt");
    }
}
