//! TOML as a tree.

use super::{Entry, MAX_DEPTH, MAX_NODES, Mistake, Node, Value};
use toml_edit::{Item, TableLike};

pub(in crate::import) fn toml(text: &str) -> Result<Node, Mistake> {
    let lines = Lines::of(text);
    let document = toml_edit::Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let (line, column) = lines.position(at);
        Mistake { line, column, reason: error.message().trim().replace('\n', ", ") }
    })?;
    let mut reader = Reader { lines, nodes: 0 };
    Ok(reader.table(document.as_table(), 1, 0))
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// Line and column of a byte, both from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at).max(1);
        (line, at - self.0[line - 1] + 1)
    }
}

struct Reader {
    lines: Lines,
    nodes: usize,
}

impl Reader {
    fn line(&self, span: Option<std::ops::Range<usize>>, otherwise: usize) -> usize {
        span.map_or(otherwise, |span| self.lines.position(span.start).0)
    }

    fn table(&mut self, table: &dyn TableLike, line: usize, depth: usize) -> Node {
        let mut entries = Vec::new();
        for (name, item) in table.iter() {
            if self.nodes == MAX_NODES || depth == MAX_DEPTH {
                break;
            }
            let at = self.line(table.key(name).and_then(toml_edit::Key::span), line);
            let node = self.item(item, at, depth + 1);
            entries.push(Entry { name: name.to_owned(), line: at, node });
        }
        Node { line, value: Value::Map(entries) }
    }

    fn item(&mut self, item: &Item, line: usize, depth: usize) -> Node {
        self.nodes += 1;
        let line = self.line(item.span(), line);
        match item {
            Item::None => Node { line, value: Value::Null },
            Item::Value(value) => self.value(value, line, depth),
            Item::Table(table) => self.table(table, line, depth),
            Item::ArrayOfTables(tables) => {
                let items = tables.iter().map(|table| self.table(table, line, depth + 1)).collect();
                Node { line, value: Value::List(items) }
            }
        }
    }

    fn value(&mut self, value: &toml_edit::Value, line: usize, depth: usize) -> Node {
        self.nodes += 1;
        let line = self.line(value.span(), line);
        let value = match value {
            toml_edit::Value::String(text) => Value::Scalar(text.value().clone()),
            toml_edit::Value::Integer(number) => Value::Scalar(number.value().to_string()),
            toml_edit::Value::Float(number) => Value::Scalar(number.value().to_string()),
            toml_edit::Value::Boolean(truth) => Value::Scalar(truth.value().to_string()),
            toml_edit::Value::Datetime(time) => Value::Scalar(time.value().to_string()),
            toml_edit::Value::InlineTable(table) => return self.table(table, line, depth),
            toml_edit::Value::Array(array) => {
                let mut items = Vec::new();
                for item in array.iter() {
                    if self.nodes == MAX_NODES || depth == MAX_DEPTH {
                        break;
                    }
                    items.push(self.value(item, line, depth + 1));
                }
                Value::List(items)
            }
        };
        Node { line, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_values_have_their_lines() {
        let tree =
            toml("version = \"1\"\n\n[home]\nsource = [\n  \"/a\",\n  \"/b\",\n]\n[home.backup]\nx = true\n").unwrap();
        let home = tree.get("home").unwrap();
        assert_eq!(home.get("source").unwrap().items()[1], &Node { line: 6, value: Value::Scalar("/b".to_owned()) });
        assert_eq!(home.get("backup").unwrap().get("x").unwrap().line, 9);
        assert!(home.get("backup").unwrap().get("x").unwrap().is_true());
    }

    #[test]
    fn a_mistake_has_its_place_and_no_text_is_too_deep() {
        let mistake = toml("a = 1\nb = [1,\nc = 2\n").unwrap_err();
        assert_eq!(mistake.line, 3, "{mistake:?}");
        for text in
            ["[".repeat(100_000), format!("a = {}", "[".repeat(100_000)), "a.".repeat(100_000), "\u{1}".to_owned()]
        {
            assert!(toml(&text).is_err());
        }
    }
}
