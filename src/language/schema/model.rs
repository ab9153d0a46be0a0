use std::fmt;

/// The language's shape: every node with what it takes.
#[derive(Debug)]
pub struct Schema {
    pub title: String,
    pub description: String,
    /// The root of every plan.
    pub plan: NodeShape,
    /// Nodes that may stand in any block.
    pub everywhere: Vec<NodeShape>,
}

/// One node: its arguments, properties and children.
#[derive(Debug)]
pub struct NodeShape {
    /// `*`: any name.
    pub name: String,
    /// What other programs call it.
    pub aka: Vec<String>,
    /// One line.
    pub description: String,
    /// More, in Markdown; may be empty.
    pub details: String,
    pub min: usize,
    /// `None`: any number.
    pub max: Option<usize>,
    /// May stand at the top of an included file.
    pub includable: bool,
    pub arguments: Vec<ValueShape>,
    pub properties: Vec<PropertyShape>,
    /// Properties that must be there, whichever.
    pub min_properties: usize,
    pub children: Vec<NodeShape>,
    /// As it would stand in a plan.
    pub example: String,
}

/// An argument, or several of a kind.
#[derive(Debug)]
pub struct ValueShape {
    /// As a usage line shows it: `NAME`.
    pub placeholder: String,
    pub min: usize,
    /// `None`: any number.
    pub max: Option<usize>,
    pub kind: Kind,
}

#[derive(Debug)]
pub struct PropertyShape {
    /// `*`: any name.
    pub name: String,
    /// What other programs call it.
    pub aka: Vec<String>,
    pub required: bool,
    pub repeatable: bool,
    /// May stand as a child with one argument, too.
    pub as_child: bool,
    pub kind: Kind,
}

/// What a value may be.
#[derive(Debug)]
pub struct Kind {
    pub primitive: Primitive,
    pub format: Option<Format>,
    /// Whose name it is: `key`, `source`, `tier`, `notify`.
    pub reference: Option<String>,
    /// What it may be, if only certain texts; each with its meaning.
    pub choices: Vec<Choice>,
    /// It may be something else than the choices, too.
    pub open: bool,
    pub at_least: Option<i128>,
    pub at_most: Option<i128>,
    /// As it would stand in a plan.
    pub default: Option<String>,
    pub description: String,
}

#[derive(Debug)]
pub struct Choice {
    pub name: String,
    pub description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    Text,
    Integer,
    Boolean,
    /// Text, a number or a boolean.
    Any,
}

/// What a text stands for. What it must look like is checked where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Address,
    Code,
    Cron,
    Duration,
    Name,
    Path,
    Pattern,
    Percentage,
    Program,
    Rate,
    Recipient,
    Secret,
    Size,
    Timezone,
}

impl Format {
    /// Every format with its name in the schema and what it is, with an example.
    pub const ALL: [(Format, &'static str, &'static str); 14] = [
        (Format::Address, "address", "a mail address such as `\"ops@example.org\"`"),
        (Format::Code, "code", "a diagnostic's code such as `\"plan::names::unused_key\"`"),
        (Format::Cron, "cron", "a cron expression such as `\"0 2 * * *\"`"),
        (Format::Duration, "duration", "a duration such as `\"90s\"`, `\"4h\"` or `\"3d\"`"),
        (Format::Name, "name", "a name"),
        (Format::Path, "path", "a path such as `\"/var/lib/app\"`"),
        (Format::Pattern, "pattern", "a pattern such as `\"*.tmp\"`"),
        (Format::Percentage, "percentage", "a percentage such as `\"5%\"`"),
        (Format::Program, "program", "a program"),
        (Format::Rate, "rate", "a rate such as `\"10MiB/s\"`"),
        (Format::Recipient, "recipient", "a public key such as `\"age1…\"`"),
        (Format::Secret, "secret", "a reference such as `(env)NAME`, `(file)\"PATH\"` or `(command)\"pass show x\"`"),
        (Format::Size, "size", "a size such as `\"512KiB\"` or `\"5GiB\"`"),
        (Format::Timezone, "timezone", "a time zone such as `\"Europe/Lisbon\"`"),
    ];

    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it is, with an example: ``a size such as `"5GiB"` ``.
    pub fn expected(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (Format, &'static str, &'static str) {
        Self::ALL.iter().find(|(format, ..)| *format == self).expect("every format has its row")
    }
}

impl Kind {
    /// Whether it names something, or refers to its name.
    pub fn is_name(&self) -> bool {
        self.format == Some(Format::Name) || self.reference.is_some()
    }

    pub fn is_secret(&self) -> bool {
        self.format == Some(Format::Secret)
    }

    /// What belongs here, as the end of "… is not": ``a duration such as `"4h"` ``.
    pub fn expected(&self) -> String {
        match (self.primitive, self.format, &self.reference) {
            (Primitive::Any, ..) => "a text, a number or a boolean".to_owned(),
            (_, Some(format), _) => format.expected().to_owned(),
            (_, _, Some(whose)) => format!("the name of a `{whose}`"),
            (Primitive::Text, ..) => "a text".to_owned(),
            (Primitive::Integer, ..) => "a whole number".to_owned(),
            (Primitive::Boolean, ..) => "`#true` or `#false`".to_owned(),
        }
    }

    /// One or two words for a table: `duration`, `name of a key`, `integer`.
    pub fn short(&self) -> String {
        if !self.choices.is_empty() && !self.open {
            return "choice".to_owned();
        }
        match (self.primitive, self.format, &self.reference) {
            (_, Some(format), _) => format.name().to_owned(),
            (_, _, Some(whose)) => format!("name of a {whose}"),
            (primitive, ..) => primitive.to_string(),
        }
    }

    pub fn choice_names(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().map(|choice| choice.name.as_str())
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Any => "any",
        })
    }
}

impl NodeShape {
    pub fn is_wildcard(&self) -> bool {
        self.name == "*"
    }

    /// The shape of a child of that name: its own, or the one for any name.
    pub fn child(&self, name: &str) -> Option<&NodeShape> {
        let own = self.children.iter().find(|child| child.name == name);
        own.or_else(|| self.children.iter().find(|child| child.is_wildcard()))
    }

    pub fn property(&self, name: &str) -> Option<&PropertyShape> {
        let own = self.properties.iter().find(|property| property.name == name);
        own.or_else(|| self.properties.iter().find(|property| property.name == "*"))
    }

    /// The argument at that place; the last may take all that follow.
    pub fn argument(&self, index: usize) -> Option<&ValueShape> {
        let mut first = 0;
        for shape in &self.arguments {
            let Some(max) = shape.max else { return Some(shape) };
            first += max;
            if index < first {
                return Some(shape);
            }
        }
        None
    }

    pub fn min_arguments(&self) -> usize {
        self.arguments.iter().map(|shape| shape.min).sum()
    }

    /// `None`: any number.
    pub fn max_arguments(&self) -> Option<usize> {
        self.arguments.iter().map(|shape| shape.max).sum()
    }

    pub fn is_repeatable(&self) -> bool {
        self.max.is_none_or(|max| max > 1)
    }

    pub fn takes_children(&self) -> bool {
        !self.children.is_empty() || self.properties.iter().any(|property| property.as_child)
    }

    /// `keep [last=…] [daily=…]`, `take SOURCE… [schedule=…]`: one line.
    pub fn usage(&self) -> String {
        let mut usage = if self.is_wildcard() { "SETTING".to_owned() } else { self.name.clone() };
        for value in &self.arguments {
            let more = if value.max.is_none() { "…" } else { "" };
            let shown = match value.kind.choices.len() {
                1..=4 if !value.kind.open => value.kind.choice_names().collect::<Vec<_>>().join("|"),
                _ => value.placeholder.clone(),
            };
            usage += &if value.min == 0 { format!(" [{shown}{more}]") } else { format!(" {shown}{more}") };
        }
        for property in &self.properties {
            let name = if property.name == "*" { "NAME" } else { &property.name };
            usage += &if property.required { format!(" {name}=…") } else { format!(" [{name}=…]") };
        }
        if self.takes_children() {
            usage += " { … }";
        }
        usage
    }
}

impl Schema {
    /// Every node with the names that lead to it, parents first.
    pub fn walk(&self) -> Vec<(Vec<&str>, &NodeShape)> {
        let mut out = Vec::new();
        let mut path = Vec::new();
        visit(&self.plan, &mut path, &mut out);
        for node in &self.everywhere {
            visit(node, &mut path, &mut out);
        }
        out
    }

    /// The node at a path from the root: `["plan", "tier", "keep"]`.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&NodeShape> {
        let mut path = path.into_iter();
        let mut node = (path.next()? == self.plan.name).then_some(&self.plan)?;
        for name in path {
            node = node.child(name).or_else(|| self.everywhere.iter().find(|node| node.name == name))?;
        }
        Some(node)
    }

    /// The names of the nodes that have a child of that name.
    pub fn parents_of(&self, child: &str) -> Vec<&str> {
        let has = |node: &NodeShape| node.children.iter().any(|shape| shape.name == child);
        self.walk().into_iter().filter(|(_, node)| has(node)).map(|(_, node)| node.name.as_str()).collect()
    }

    /// The names of the nodes that take a property of that name.
    pub fn takers_of(&self, property: &str) -> Vec<&str> {
        let has = |node: &NodeShape| node.properties.iter().any(|shape| shape.name == property);
        self.walk().into_iter().filter(|(_, node)| has(node)).map(|(_, node)| node.name.as_str()).collect()
    }
}

fn visit<'a>(node: &'a NodeShape, path: &mut Vec<&'a str>, out: &mut Vec<(Vec<&'a str>, &'a NodeShape)>) {
    path.push(&node.name);
    out.push((path.clone(), node));
    for child in &node.children {
        visit(child, path, out);
    }
    path.pop();
}
