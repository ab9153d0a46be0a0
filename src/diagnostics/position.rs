/// A place as people and editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters (Unicode scalar values).
    pub column: usize,
}

/// Where the lines of a text start. A line ends after `\n`.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    /// Byte offsets; the first is 0.
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub fn new(text: &'a str) -> Self {
        let after_newline = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(after_newline).collect() }
    }

    /// The position of a byte offset on a character boundary.
    pub fn position(&self, offset: usize) -> Position {
        let (line, start) = self.line_of(offset);
        Position { line: line + 1, column: self.text[start..offset].chars().count() + 1 }
    }

    /// Line and column from 0, the column in UTF-16 code units: as the language server protocol counts.
    pub fn utf16(&self, offset: usize) -> (usize, usize) {
        let (line, start) = self.line_of(offset);
        (line, self.text[start..offset].encode_utf16().count())
    }

    /// The byte offset of a line and UTF-16 column from 0; clamped to the line's end and the text's end.
    pub fn offset_of_utf16(&self, line: usize, column: usize) -> usize {
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let mut units = 0;
        for (at, character) in self.text[start..end].char_indices() {
            if units >= column {
                return start + at;
            }
            units += character.len_utf16();
        }
        end
    }

    /// The text of a line from 0, without its line break.
    pub fn line(&self, line: usize) -> &'a str {
        let Some(&start) = self.starts.get(line) else { return "" };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The line from 0 that a byte offset is in.
    pub fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// The byte offset at which a line from 0 starts; the text's end behind the last.
    pub fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    fn line_of(&self, offset: usize) -> (usize, usize) {
        let line = self.line_at(offset);
        (line, self.starts[line])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_utf16_units_and_go_back() {
        let text = "año\n𝄞 x\n";
        let index = LineIndex::new(text);
        let x = text.find('x').expect("the text has an x");
        assert_eq!(index.position(x), Position { line: 2, column: 3 });
        assert_eq!(index.utf16(x), (1, 3));
        assert_eq!(index.offset_of_utf16(1, 3), x);
        assert_eq!(index.offset_of_utf16(0, 99), text.find('\n').expect("the text has a line break"));
        assert_eq!(index.offset_of_utf16(9, 0), text.len());
        assert_eq!(index.position(text.len()), Position { line: 3, column: 1 });
        assert_eq!(index.line(1), "𝄞 x");
    }
}
