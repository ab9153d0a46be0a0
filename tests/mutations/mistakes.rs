//! The mistakes, and where in a plan each can be made.

use plan::diagnostics::FileId;
use plan::language::schema::{Format, Kind, NodeShape, Primitive, schema};
use plan::language::{Node, Value, parse};
use std::ops::Range;

/// A plan with one mistake.
pub struct Mutant {
    pub what: &'static str,
    pub text: String,
    /// Those that would be right.
    pub codes: &'static [&'static str],
    /// Where the mistake is, in the mutant's text; empty where something is missing.
    pub at: Range<usize>,
}

struct Maker<'a> {
    text: &'a str,
    out: Vec<Mutant>,
}

/// Every mistake at every place of a valid plan.
pub fn mutants(text: &str) -> Vec<Mutant> {
    let (document, diagnostics) = parse(text, FileId(0));
    assert_eq!(diagnostics, []);
    let mut maker = Maker { text, out: Vec::new() };
    let root = &schema().plan;
    for node in &document.nodes {
        maker.node(node, root);
    }
    maker.whole(&document.nodes[0]);
    maker.out
}

impl Maker<'_> {
    /// Replaces a range; the mistake is the replacement.
    fn replace(&mut self, what: &'static str, codes: &'static [&'static str], range: Range<usize>, with: &str) {
        let at = range.start..range.start + with.len();
        self.edit(what, codes, range, with, at);
    }

    /// Replaces a range; the mistake is somewhere else in the new text.
    fn edit(
        &mut self,
        what: &'static str,
        codes: &'static [&'static str],
        range: Range<usize>,
        with: &str,
        at: Range<usize>,
    ) {
        let text = format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..]);
        self.out.push(Mutant { what, text, codes, at });
    }

    fn insert(&mut self, what: &'static str, codes: &'static [&'static str], place: usize, with: &str) {
        self.replace(what, codes, place..place, with);
    }

    fn node(&mut self, node: &Node, shape: &NodeShape) {
        self.name(node, shape);
        self.values(node, shape);
        self.properties(node, shape);
        self.block(node, shape);
        for child in &node.children {
            let Some(known) = shape.child(&child.name.value) else {
                // A property as a child.
                continue;
            };
            self.child(node, child, known);
            self.node(child, known);
        }
    }

    fn name(&mut self, node: &Node, shape: &NodeShape) {
        let (name, range) = (node.name.value.as_str(), node.name.span.range());
        if shape.is_wildcard() {
            for wrong in misspellings(name) {
                self.replace("misspelt setting of a store", &["plan::store::setting"], range.clone(), &wrong);
            }
        } else {
            for wrong in misspellings(name).into_iter().filter(|_| name.len() > 3) {
                self.replace("misspelt node", &["plan::shape::unknown_node"], range.clone(), &wrong);
            }
        }
        if !node.arguments.is_empty() || !node.children.is_empty() {
            self.insert("colon", &["plan::syntax::colon"], range.end, ":");
        }
        if let Some(first) = node.arguments.first().filter(|_| node.children.is_empty() && node.properties.is_empty()) {
            let codes = &["plan::syntax::equals"];
            let at = range.end + 1..range.end + 2;
            self.edit("equals", codes, range.end..first.span.start, " = ", at);
        }
    }

    fn values(&mut self, node: &Node, shape: &NodeShape) {
        for (index, value) in node.arguments.iter().enumerate() {
            let Some(known) = shape.argument(index) else { continue };
            self.value(value, &known.kind);
        }
        if let [first, second, ..] = &node.arguments[..] {
            self.insert("comma", &["plan::syntax::comma"], first.span.end, ",");
            let gap = first.span.end..second.span.start;
            if self.text[first.span.range()].ends_with('"') && self.text[second.span.range()].starts_with('"') {
                let at = first.span.end..first.span.end;
                self.edit("no space", &["plan::syntax::space"], gap, "", at);
            }
        }
        let single = shape.max_arguments() == Some(1) && shape.min_arguments() == 1;
        if let ([only], true, true) = (&node.arguments[..], single, node.properties.is_empty()) {
            let gap = node.name.span.end..only.span.end;
            if !shape.is_wildcard() || node.children.is_empty() {
                let codes = &["plan::shape::missing_argument"];
                self.edit("no value", codes, gap, "", node.name.span.range());
            }
        }
    }

    fn properties(&mut self, node: &Node, shape: &NodeShape) {
        for property in &node.properties {
            let Some(known) = shape.property(&property.name.value) else { continue };
            self.value(&property.value, &known.kind);
            if known.name == "*" {
                continue;
            }
            let name = property.name.span.range();
            for wrong in misspellings(&property.name.value).into_iter().filter(|_| name.len() > 3) {
                self.replace("misspelt property", &["plan::shape::unknown_property"], name.clone(), &wrong);
            }
            let value = property.value.span.range();
            let again = format!(" {}", &self.text[name.start..value.end]);
            if !known.repeatable {
                let at = value.end + 1..value.end + 1 + name.len();
                self.edit("repeated property", &["plan::shape::repeated_property"], value.end..value.end, &again, at);
            }
            self.edit(
                "two equals signs",
                &["plan::syntax::equals"],
                name.end..name.end,
                "=",
                name.end + 1..name.end + 2,
            );
            self.edit("no value after =", &["plan::syntax::equals"], value, "", name);
        }
        self.swapped(node, shape);
    }

    /// Exchanges two values of which neither fits the other's place.
    fn swapped(&mut self, node: &Node, shape: &NodeShape) {
        let arguments = node.arguments.iter().enumerate().filter_map(|(i, v)| Some((v, &shape.argument(i)?.kind)));
        let properties = node.properties.iter().filter_map(|p| Some((&p.value, &shape.property(&p.name.value)?.kind)));
        let all: Vec<(&Value, &Kind)> = arguments.chain(properties).collect();
        let different = |a: &Kind, b: &Kind| {
            let telling = |k: &Kind| {
                k.primitive == Primitive::Integer
                    || (!k.choices.is_empty() && !k.open)
                    || matches!(
                        k.format,
                        Some(Format::Duration | Format::Cron | Format::Size | Format::Percentage | Format::Rate)
                    )
            };
            telling(a) && telling(b) && a.short() != b.short()
        };
        for (index, (one, kind)) in all.iter().enumerate() {
            for (other, _) in all[index + 1..].iter().filter(|(_, other)| different(kind, other)) {
                let (a, b) = if one.span.start < other.span.start { (one, other) } else { (other, one) };
                let (first, second) = (&self.text[a.span.range()], &self.text[b.span.range()]);
                let between = &self.text[a.span.end..b.span.start];
                let with = format!("{second}{between}{first}");
                let at = a.span.start..a.span.start + second.len();
                self.edit("swapped values", &["plan::shape::swapped"], a.span.start..b.span.end, &with, at);
            }
        }
    }

    fn value(&mut self, value: &Value, kind: &Kind) {
        let range = value.span.range();
        let written = &self.text[range.clone()];
        let bare = value.annotation.as_ref().map_or(range.start, |annotation| annotation.span.end + 1);
        let quoted = self.text[bare..range.end].starts_with('"') && !self.text[bare..range.end].starts_with("\"\"\"");
        let content = value.as_str().unwrap_or_default();
        self.insert("stray parenthesis", &["plan::syntax::stray"], range.end, ")");
        if let Some(annotation) = &value.annotation {
            let name = annotation.span.range();
            self.edit(
                "no closing parenthesis",
                &["plan::syntax::annotation"],
                name.end..name.end + 1,
                " ",
                name.start - 1..name.end,
            );
            let codes = &["plan::syntax::annotation"];
            self.edit("no opening parenthesis", codes, name.start - 1..name.start, "", name.start - 1..name.end - 1);
            for wrong in misspellings(&annotation.value).into_iter().filter(|_| name.len() > 2) {
                self.replace("misspelt annotation", &["plan::secret::annotation"], name.clone(), &wrong);
            }
        }
        if quoted {
            self.quotes(bare..range.end, content);
        }
        if value.annotation.is_some() {
            return;
        }
        if !kind.choices.is_empty() && !kind.open {
            for wrong in misspellings(content).into_iter().filter(|_| content.len() > 3) {
                self.replace("misspelt choice", &["plan::shape::choice"], range.clone(), &wrong);
            }
            self.replace("unknown choice", &["plan::shape::choice"], range.clone(), "bogus-word");
        }
        match kind.primitive {
            Primitive::Text if !kind.is_secret() => {
                let codes = &["plan::shape::type"];
                self.replace("boolean as text", codes, range.clone(), "#true");
                self.replace("reference for a plain value", &["plan::shape::annotation"], range.clone(), "(env)NAME");
            }
            Primitive::Integer => {
                let number = format!("\"{written}\"");
                self.replace("number as text", &["plan::shape::type"], range.clone(), &number);
                self.replace("text for a number", &["plan::shape::type"], range.clone(), "many");
                self.replace("malformed number", &["plan::syntax::number"], range.clone(), "0xzz");
            }
            Primitive::Boolean => {
                let old = written.trim_start_matches('#').to_owned();
                self.replace("KDL 1 boolean", &["plan::syntax::kdl1"], range.clone(), &old);
                self.replace("text for a boolean", &["plan::shape::type"], range.clone(), "yes");
            }
            _ => {}
        }
        self.format(range, content, kind);
    }

    /// Mistakes in what a text means.
    fn format(&mut self, range: Range<usize>, content: &str, kind: &Kind) {
        if let Some(whose) = &kind.reference {
            let codes: &[&str] = match whose.as_str() {
                "key" => &["plan::names::unknown_key"],
                "source" => &["plan::names::unknown_source"],
                "tier" => &["plan::names::unknown_tier"],
                _ => &["plan::names::unknown_notify"],
            };
            if content != "none" {
                for wrong in misspellings(content) {
                    self.replace("misspelt reference", codes, range.clone(), &wrong);
                }
                self.replace("dangling reference", codes, range.clone(), "nobody-knows");
            }
        }
        // What is wrong lies within the quotation marks.
        let mut wrong = |what, codes, text: String| {
            let at = range.start + 1..range.start + 1 + if what == "minute out of range" { 2 } else { text.len() };
            self.edit(what, codes, range.clone(), &format!("\"{text}\""), at);
        };
        match kind.format {
            Some(Format::Cron) if !content.starts_with('@') => {
                let codes: &[&str] = &["plan::schedule::invalid"];
                wrong("cron with six fields", codes, format!("0 {content}"));
                wrong(
                    "cron with four fields",
                    codes,
                    content.rsplit_once(' ').map_or("", |(first, _)| first).to_owned(),
                );
                let rest = content.split_once(' ').map_or("", |(_, rest)| rest);
                wrong("minute out of range", codes, format!("60 {rest}"));
                wrong("words for a schedule", codes, "every day at two".to_owned());
            }
            Some(Format::Duration) => {
                let codes: &[&str] = &["plan::value::duration"];
                wrong("wrong unit", codes, format!("{content}ours"));
                wrong("no unit", codes, content.trim_end_matches(char::is_alphabetic).to_owned());
                self.replace("number without unit", &["plan::shape::type"], range.clone(), "4");
            }
            Some(Format::Size) => {
                let codes: &[&str] = &["plan::value::size"];
                wrong("wrong unit", codes, content.replace("iB", "").replace('B', ""));
                wrong("no unit", codes, content.trim_end_matches(char::is_alphabetic).to_owned());
            }
            Some(Format::Rate) => wrong("wrong unit", &["plan::value::rate"], content.replace("/s", "")),
            Some(Format::Percentage) => wrong("no unit", &["plan::value::percentage"], content.replace('%', "")),
            Some(Format::Timezone) => wrong("unknown time zone", &["plan::value::timezone"], format!("{content}x")),
            Some(Format::Recipient) => wrong(
                "damaged recipient",
                &["plan::key::recipient"],
                content.replacen("age1", "age2", 1).replacen("ssh-", "ssh_", 1),
            ),
            _ => {}
        }
    }

    /// Mistakes with quotation marks; `range` holds the string with them.
    fn quotes(&mut self, range: Range<usize>, content: &str) {
        let inner = self.text[range.start + 1..range.end - 1].to_owned();
        let codes = &["plan::syntax::quote"];
        self.edit("no quotation mark before", codes, range.start..range.start + 1, "", range.start..range.start);
        self.edit("no quotation mark after", codes, range.end - 1..range.end, "", range.end - 1..range.end - 1);
        if inner.contains(['/', ' ', '%']) || inner.starts_with(|c: char| c.is_ascii_digit()) {
            let clean = !inner.contains(['(', ')', '{', '}', '=', ';', '\\', '"']);
            let codes = &["plan::syntax::unquoted", "plan::shape::extra_argument"];
            if clean && !inner.contains(' ') && inner.parse::<f64>().is_err() {
                self.replace("text without quotation marks", codes, range.clone(), &inner);
            }
        }
        let foreign = &["plan::syntax::quotation_marks"];
        self.replace("foreign quotation marks", foreign, range.clone(), &format!("“{inner}”"));
        if !inner.contains('\'') {
            self.replace("foreign quotation marks", foreign, range.clone(), &format!("'{inner}'"));
        }
        if !inner.contains('\\') {
            self.replace("KDL 1 raw string", &["plan::syntax::kdl1"], range.clone(), &format!("r\"{inner}\""));
            let middle =
                range.start + 1 + content.char_indices().nth(content.chars().count() / 2).map_or(0, |(at, _)| at);
            self.insert("unknown escape", &["plan::syntax::escape"], middle, "\\d");
        }
    }

    fn block(&mut self, node: &Node, shape: &NodeShape) {
        let Some(first) = node.children.first() else { return };
        let open = self.text[..first.span.start].rfind('{').expect("a block has a brace");
        let close = node.span.end - 1;
        let codes = &["plan::syntax::brace"];
        self.edit("no closing brace", codes, close..close + 1, "", open..open + 1);
        let end_of_line = self.text[..open].trim_end().len();
        self.edit("no opening brace", codes, open..open + 1, "", end_of_line - 1..end_of_line);
        self.edit("second closing brace", codes, close..close, "}", close + 1..close + 2);
        if self.text[open..close].contains('\n') {
            let indent = "    ";
            let line = format!("\n{indent}# a comment");
            let at = open + 1 + line.len() - "# a comment".len();
            self.edit(
                "shell comment",
                &["plan::syntax::comment"],
                open + 1..open + 1,
                &line,
                at..at + "# a comment".len(),
            );
            let wrong = if shape.name == "tier" { "exclude \"*.tmp\"" } else { "verify checksum" };
            let line = format!("\n{indent}{wrong}");
            let name = wrong.split(' ').next().expect("there is a word").len();
            let at = open + 1 + line.len() - wrong.len();
            let codes = &["plan::shape::wrong_place"];
            if !shape.children.iter().any(NodeShape::is_wildcard) && shape.takes_children() {
                self.edit("node in the wrong block", codes, open + 1..open + 1, &line, at..at + name);
            }
        } else if let [one, two, ..] = &node.children[..]
            && let Some(semicolon) = self.text[one.span.end..two.span.start].find(';')
            && one.children.is_empty()
            && one.properties.is_empty()
        {
            let at = one.span.end + semicolon;
            let name = two.name.span.range();
            let codes = &["plan::shape::extra_argument"];
            self.edit("no semicolon", codes, at..at + 1, "", name.start - 1..name.end - 1);
        }
    }

    fn child(&mut self, parent: &Node, child: &Node, shape: &NodeShape) {
        let whole = self.text[child.span.range()].to_owned();
        let last = parent.children.last().expect("the parent has this child").span.end;
        let copy = format!("\n    {whole}");
        let at = last + copy.len() - whole.len();
        if !shape.is_repeatable() && !shape.is_wildcard() {
            let codes = &["plan::shape::repeated_node"];
            self.edit("repeated node", codes, last..last, &copy, at..at + child.name.span.len());
        }
        let named = matches!(shape.name.as_str(), "key" | "source" | "tier" | "notify") && parent.name.value == "plan";
        if let Some(name) = child.arguments.first().filter(|_| named) {
            let from = name.span.start - child.span.start;
            let at = at + from..at + from + name.span.len();
            self.edit("duplicate name", &["plan::names::duplicate"], last..last, &copy, at);
        }
        if shape.min > 0 && !shape.is_wildcard() {
            let owner = parent.arguments.first().map_or(parent.name.span, |name| name.span).range();
            self.edit("required node missing", &["plan::shape::missing_node"], child.span.range(), "", owner);
        }
        if shape.name == "storage-class" {
            let value = child.arguments[0].span.range();
            self.replace("class of another provider", &["plan::store::class"], value, "COLDLINE");
        }
        if shape.name == "exclude-caches" || shape.name == "one-file-system" {
            let end = child.name.span.end;
            let codes = &["plan::syntax::kdl1"];
            self.edit("KDL 1 boolean", codes, end..end, " true", end + 1..end + 5);
        }
        // Behind a block, a node must start a line of its own.
        let follows = parent.children.iter().find(|other| other.span.start > child.span.end);
        if let (Some(next), false) = (follows, child.children.is_empty()) {
            let gap = child.span.end..next.span.start;
            if self.text[gap.clone()].trim().is_empty() {
                let at = child.span.end + 1..child.span.end + 1 + next.name.span.len();
                self.edit("two nodes on one line", &["plan::syntax::separator"], gap, " ", at);
            }
        }
    }

    /// Mistakes in the file as such.
    fn whole(&mut self, root: &Node) {
        let open = self.text[root.name.span.end..].find('{').expect("a plan has a block") + root.name.span.end;
        if !self.text.contains("*/") {
            let at = open + 2..open + 4;
            self.edit("comment without end", &["plan::syntax::comment"], open + 1..open + 1, " /* ", at);
        }
        let name = root.arguments[0].span.range();
        self.insert("invisible character", &["plan::syntax::character"], name.start + 1, "\u{200b}");
        self.replace("number for a name", &["plan::shape::type"], name.clone(), "2024");
        let end = root.span.end;
        let at = end + 1..end + 5;
        self.edit("node outside the plan", &["plan::shape::wrong_place"], end..end, "\nkeep daily=7\n", at);
        let at = end + 1..end + 5;
        self.edit("second plan", &["plan::shape::no_plan"], end..end, "\nplan other { }\n", at);
        let at = end + 1..end + 2;
        self.edit("second closing brace", &["plan::syntax::brace"], end..end, "\n}\n", at);
    }
}

/// A word with two letters exchanged, one left out, one doubled, one wrong.
fn misspellings(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < 3 {
        return Vec::new();
    }
    let middle = letters.len() / 2;
    let mut exchanged = letters.clone();
    exchanged.swap(middle - 1, middle);
    let mut missing = letters.clone();
    missing.remove(middle);
    let mut doubled = letters.clone();
    doubled.insert(middle, letters[middle]);
    let all = [exchanged, missing, doubled].map(|letters| letters.into_iter().collect::<String>());
    all.into_iter().filter(|wrong| wrong != word).collect()
}
