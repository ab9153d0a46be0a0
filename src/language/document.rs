use crate::diagnostics::{Span, Spanned};

/// A file's nodes, in order, every piece with its span.
#[derive(Clone, Debug, Default)]
pub struct Document {
    pub nodes: Vec<Node>,
    /// Something could not be read (a syntax error, an include): say nothing of what is missing.
    pub incomplete: bool,
}

/// One node: `(annotation)name argument… key=value… { children… }`.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: Spanned<String>,
    pub annotation: Option<Spanned<String>>,
    pub arguments: Vec<Value>,
    /// As written; a repeated name stands here twice (shape validation reports it).
    pub properties: Vec<Property>,
    pub children: Vec<Node>,
    /// From the first character of the name (or annotation) to the last of the closing brace.
    pub span: Span,
    /// Codes silenced here by a `// plan: allow(code)` comment or an `allow code` child.
    pub allowed: Vec<Spanned<String>>,
    /// A syntax error left in doubt what it holds: say nothing of what it lacks or has too much.
    pub damaged: bool,
}

#[derive(Clone, Debug)]
pub struct Property {
    pub name: Spanned<String>,
    pub value: Value,
}

/// A value with its type annotation, `(env)"NAME"`; `span` covers both.
#[derive(Clone, Debug)]
pub struct Value {
    pub kind: ValueKind,
    pub annotation: Option<Spanned<String>>,
    pub span: Span,
    /// A number as it stands in the text: `007`, `+30`, `1e3`. `None` for all else.
    pub written: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    String(String),
    Integer(i128),
    Float(f64),
    Bool(bool),
    Null,
}

impl Node {
    /// The first property of that name.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties.iter().find(|p| p.name.value == name).map(|p| &p.value)
    }

    /// The children of that name, in order.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name.value == name)
    }

    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name.value == name)
    }
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a text, for what takes any: numbers as they are written (a
    /// program's `+30` is not `30`), `true` and `false`. `None` for `#null`.
    pub fn to_text(&self) -> Option<String> {
        match (&self.kind, &self.written) {
            (ValueKind::String(text), _) => Some(text.clone()),
            (_, Some(written)) => Some(written.to_string()),
            (ValueKind::Integer(number), None) => Some(number.to_string()),
            (ValueKind::Float(number), None) => Some(number.to_string()),
            (ValueKind::Bool(on), None) => Some(on.to_string()),
            (ValueKind::Null, None) => None,
        }
    }
}
