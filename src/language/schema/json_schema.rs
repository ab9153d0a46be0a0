//! The schema as JSON Schema, for tools that make or check plans as JSON.
//!
//! KDL has no one form in JSON, so a node is taken to be
//! `{"node": "tier", "arguments": ["local"], "properties": {}, "children": []}`,
//! and a secret `{"type": "env", "value": "NAME"}`. References, formats and what
//! may stand only once cannot all be said; the program checks them.

use super::model::{Kind, NodeShape, Primitive, Schema};
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Schema {
    /// A JSON Schema (2020-12) of a plan's JSON form: an array of nodes.
    pub fn json_schema(&self) -> Value {
        let mut definitions = Map::new();
        for (path, node) in self.walk() {
            definitions.insert(path.join("."), self.node_schema(&path, node));
        }
        json!({
            "$schema": DIALECT,
            "title": self.title,
            "description": self.description,
            "type": "array",
            "items": { "$ref": format!("#/$defs/{}", self.plan.name) },
            "minItems": 1,
            "maxItems": 1,
            "$defs": definitions,
        })
    }

    fn node_schema(&self, path: &[&str], node: &NodeShape) -> Value {
        let mut required = vec!["node"];
        let mut properties = Map::new();
        let name = if node.is_wildcard() { json!({ "type": "string" }) } else { json!({ "const": node.name }) };
        properties.insert("node".to_owned(), name);
        if !node.arguments.is_empty() {
            properties.insert("arguments".to_owned(), arguments(node));
            if node.min_arguments() > 0 {
                required.push("arguments");
            }
        }
        if !node.properties.is_empty() {
            properties.insert("properties".to_owned(), properties_of(node));
            if node.properties.iter().any(|property| property.required && !property.as_child) {
                required.push("properties");
            }
        }
        let names = node.children.iter().map(|child| [path, &[&child.name]].concat().join("."));
        let global = self.everywhere.iter().map(|child| child.name.clone());
        let children: Vec<Value> =
            names.chain(global).map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
        let needed: Vec<Value> = node
            .children
            .iter()
            .filter(|child| child.min > 0)
            .map(|child| json!({ "contains": { "properties": { "node": { "const": child.name } } } }))
            .collect();
        let mut list = json!({ "type": "array", "items": { "anyOf": children } });
        if !needed.is_empty() {
            list["allOf"] = needed.into();
            required.push("children");
        }
        properties.insert("children".to_owned(), list);
        json!({
            "description": node.description,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

fn arguments(node: &NodeShape) -> Value {
    let mut list = json!({ "type": "array", "minItems": node.min_arguments() });
    let fixed = node.arguments.iter().filter(|value| value.max.is_some()).map(|value| kind(&value.kind));
    list["prefixItems"] = fixed.collect();
    list["items"] = match node.arguments.iter().find(|value| value.max.is_none()) {
        Some(rest) => kind(&rest.kind),
        None => false.into(),
    };
    list
}

fn properties_of(node: &NodeShape) -> Value {
    let mut known = Map::new();
    let mut other = json!(false);
    for property in &node.properties {
        match property.name.as_str() {
            "*" => other = kind(&property.kind),
            name => {
                known.insert(name.to_owned(), kind(&property.kind));
            }
        }
    }
    let required = node.properties.iter().filter(|property| property.required && !property.as_child);
    json!({
        "type": "object",
        "properties": known,
        "required": required.map(|property| property.name.as_str()).collect::<Vec<_>>(),
        "additionalProperties": other,
        "minProperties": node.min_properties,
    })
}

fn kind(kind: &Kind) -> Value {
    let mut schema = match kind.primitive {
        Primitive::Text => json!({ "type": "string" }),
        Primitive::Integer => json!({ "type": "integer" }),
        Primitive::Boolean => json!({ "type": "boolean" }),
        Primitive::Any => json!({ "type": ["string", "number", "boolean"] }),
    };
    if !kind.choices.is_empty() && !kind.open {
        schema["enum"] = kind.choice_names().collect();
    }
    for (word, limit) in [("minimum", kind.at_least), ("maximum", kind.at_most)] {
        if let Some(limit) = limit.and_then(|limit| i64::try_from(limit).ok()) {
            schema[word] = limit.into();
        }
    }
    if kind.is_secret() {
        let reference = json!({
            "type": "object",
            "properties": { "type": { "enum": ["env", "file", "command"] }, "value": { "type": "string" } },
            "required": ["type", "value"],
            "additionalProperties": false,
        });
        schema = json!({ "anyOf": [schema, reference] });
    }
    schema["description"] = kind.description.clone().into();
    schema
}
