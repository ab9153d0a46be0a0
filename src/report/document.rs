use crate::base::{Cell, Column, Paint, Style, Table, printable, wrap};

/// A small report as blocks, to be written as text, Markdown or HTML. All
/// text in it is plain: each form escapes what it must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Paragraph(String),
    List(Vec<String>),
    Table(Grid),
}

/// Rows have as many cells as there are headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    pub headings: Vec<GridColumn>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridColumn {
    pub title: &'static str,
    pub is_number: bool,
}

impl GridColumn {
    pub const fn text(title: &'static str) -> Self {
        Self { title, is_number: false }
    }

    pub const fn number(title: &'static str) -> Self {
        Self { title, is_number: true }
    }
}

impl Document {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    pub fn list(&mut self, items: Vec<String>) {
        self.blocks.push(Block::List(items));
    }

    pub fn table(&mut self, headings: &[GridColumn], rows: Vec<Vec<String>>) {
        self.blocks.push(Block::Table(Grid { headings: headings.to_vec(), rows }));
    }

    /// For a terminal.
    pub fn text(&self, width: usize, style: Style) -> String {
        let mut out = lines("", &self.title, Paint::Bold, width, style);
        for block in &self.blocks {
            out.push('\n');
            match block {
                Block::Heading(text) => out.push_str(&lines("", text, Paint::Bold, width, style)),
                Block::Paragraph(text) => out.push_str(&lines("", text, Paint::Plain, width, style)),
                Block::List(items) => {
                    out.extend(items.iter().map(|item| lines("- ", item, Paint::Plain, width, style)));
                }
                Block::Table(grid) => out.push_str(&grid.table().render(width, style)),
            }
        }
        out
    }

    /// GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n", markdown(&self.title));
        for block in &self.blocks {
            out.push('\n');
            match block {
                Block::Heading(text) => out.push_str(&format!("## {}\n", markdown(text))),
                Block::Paragraph(text) => out.push_str(&format!("{}\n", markdown(text))),
                Block::List(items) => items.iter().for_each(|item| out.push_str(&format!("- {}\n", markdown(item)))),
                Block::Table(grid) => out.push_str(&markdown_table(grid)),
            }
        }
        out
    }

    /// A whole page that needs nothing else: no script, no request.
    pub fn html(&self) -> String {
        let title = html(&self.title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n{STYLE}</head>\n<body>\n<h1>{title}</h1>\n"
        );
        for block in &self.blocks {
            match block {
                Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", html(text))),
                Block::Paragraph(text) => out.push_str(&format!("<p>{}</p>\n", html(text))),
                Block::List(items) => {
                    let items: String = items.iter().map(|item| format!("<li>{}</li>\n", html(item))).collect();
                    out.push_str(&format!("<ul>\n{items}</ul>\n"));
                }
                Block::Table(grid) => out.push_str(&html_table(grid)),
            }
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

impl Grid {
    fn table(&self) -> Table {
        let column = |column: &GridColumn| match column.is_number {
            true => Column::right(column.title),
            false => Column::left(column.title).wrap(),
        };
        let mut table = Table::new(self.headings.iter().map(column));
        for row in &self.rows {
            table.row(row.iter().map(Cell::from));
        }
        table
    }
}

/// Wrapped text whose first line starts with `bullet` and whose others stand under it.
fn lines(bullet: &str, text: &str, paint: Paint, width: usize, style: Style) -> String {
    let room = width.saturating_sub(bullet.len()).max(20);
    let lines = wrap(&printable(text), room);
    let starts = std::iter::once(bullet.to_owned()).chain(std::iter::repeat(" ".repeat(bullet.len())));
    lines.iter().zip(starts).map(|(line, start)| format!("{start}{}\n", style.paint(paint, line))).collect()
}

const STYLE: &str = "<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1d2733 }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 1.6em }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { padding: .3em .8em; border-bottom: 1px solid #d5dce5; text-align: left; white-space: nowrap }
th { font-weight: 600 } .n { text-align: right }
@media (prefers-color-scheme: dark) { body { background: #12181f; color: #e6ebf1 } th, td { border-color: #33404f } }
</style>
";

fn markdown_table(grid: &Grid) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = row(grid.headings.iter().map(|column| markdown(column.title)).collect());
    out.push_str(&row(grid
        .headings
        .iter()
        .map(|column| if column.is_number { "--:" } else { "---" }.to_owned())
        .collect()));
    for cells in &grid.rows {
        out.push_str(&row(cells.iter().map(|cell| markdown(cell)).collect()));
    }
    out
}

fn html_table(grid: &Grid) -> String {
    let class = |at: usize| if grid.headings[at].is_number { " class=\"n\"" } else { "" };
    let cells = |tag: &str, cells: Vec<&str>| -> String {
        let cells = cells.iter().enumerate();
        cells.map(|(at, cell)| format!("<{tag}{}>{}</{tag}>", class(at), html(cell))).collect()
    };
    let mut out = format!(
        "<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n",
        cells("th", grid.headings.iter().map(|column| column.title).collect())
    );
    for row in &grid.rows {
        out.push_str(&format!("<tr>{}</tr>\n", cells("td", row.iter().map(String::as_str).collect())));
    }
    out.push_str("</tbody>\n</table>\n");
    out
}

/// Escapes what Markdown or the HTML in it would take as markup. Names between
/// backquotes stay code; backquotes that do not pair are escaped.
fn markdown(text: &str) -> String {
    let text = printable(text);
    let pairs = text.matches('`').count().is_multiple_of(2) && !text.contains("``");
    let mut is_code = false;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '`' if pairs => {
                is_code = !is_code;
                out.push('`');
            }
            // A row is split into cells before anything else is read.
            '|' => out.push_str("\\|"),
            other if is_code => out.push(other),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => out.extend(['\\', character]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
    out
}

fn html(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut document = Document::new("a|b <script>alert(1)</script>");
        document.table(&[GridColumn::text("path")], vec![vec!["*x*|[y](z)\n&\"".to_owned()]]);
        insta::assert_snapshot!(document.markdown());
        assert_eq!(markdown("`a_b<c>` <d>"), "`a_b<c>` &lt;d&gt;");
        assert_eq!(markdown("`a` <b> `c"), "\\`a\\` &lt;b&gt; \\`c");
        let page = document.html();
        assert!(page.contains("<td>*x*|[y](z)\\n&amp;&quot;</td>"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
