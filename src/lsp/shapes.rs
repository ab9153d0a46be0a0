//! From a place in a text to what the schema says of it.

use crate::language::cursor::{Place, Written};
use crate::language::schema::{Kind, NodeShape, schema};

/// What may stand in the innermost block around a cursor. `path`: the names of
/// the shapes that lead to it, as [`Schema::explain`](crate::language::schema::Schema::explain) takes them.
#[derive(Clone)]
pub(super) struct Block {
    pub(super) path: Vec<&'static str>,
    pub(super) shape: &'static NodeShape,
    /// No block at all: the top of a file.
    pub(super) is_top: bool,
}

impl Block {
    /// `None`: nobody knows such a block. The top of a file is taken for the
    /// block of a plan, as in a file that a plan includes.
    pub(super) fn around(blocks: &[Written]) -> Option<Self> {
        let plan = &schema().plan;
        let mut found = Self { path: vec![&plan.name], shape: plan, is_top: blocks.is_empty() };
        let inner = match blocks.first() {
            Some(first) if first.name == plan.name => &blocks[1..],
            _ => blocks,
        };
        for node in inner {
            found = found.child(&node.name)?;
        }
        Some(found)
    }

    /// A node in this block.
    pub(super) fn child(&self, name: &str) -> Option<Self> {
        let everywhere = || schema().everywhere.iter().find(|node| node.name == name);
        let plan = Some(&schema().plan).filter(|plan| self.is_top && plan.name == name);
        if let Some(plan) = plan {
            return Some(Self { path: vec![&plan.name], shape: plan, is_top: false });
        }
        let own = self.shape.children.iter().find(|child| child.name == name);
        let known = own.or_else(everywhere).or_else(|| self.shape.child(name))?;
        let path = match std::ptr::eq(known, everywhere().unwrap_or(self.shape)) {
            true => vec![known.name.as_str()],
            false => self.path.iter().copied().chain([known.name.as_str()]).collect(),
        };
        Some(Self { path, shape: known, is_top: false })
    }
}

/// What a value at a place may be, with the name that a person would call it by.
pub(super) fn value(block: &Block, place: &Place) -> Option<(String, &'static Kind)> {
    match place {
        Place::Annotation(inner) => value(block, inner),
        Place::Entry(node) => {
            let shape = block.child(&node.name);
            if shape.is_none()
                && let Some(property) = block.shape.property(&node.name).filter(|property| property.as_child)
            {
                return Some((property.name.clone(), &property.kind));
            }
            let argument = shape?.shape.argument(node.arguments.len())?;
            Some((argument.placeholder.clone(), &argument.kind))
        }
        Place::Value(node) => {
            let name = node.properties.last()?;
            let property = block.child(&node.name)?.shape.property(name)?;
            Some((format!("{name}="), &property.kind))
        }
        Place::Nowhere | Place::Name | Place::AllowedCode => None,
    }
}
