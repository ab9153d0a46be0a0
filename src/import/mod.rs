//! A plan from what people have: a crontab with its scripts (in files, or in the
//! blocks of a document), a borgmatic
//! configuration, a resticprofile profile.
//!
//! Each reader fills one small model, the [`draft`]; one writer makes a commented
//! plan of it, in which every setting names the line that it comes from, and
//! what could not be carried over stands as a comment in its place. Knows
//! neither files nor stores: [`import`] is given texts. Main types: [`Input`],
//! [`Imported`].
//!
//! Invariants: what is read is never run; no secret of the input is in the
//! output, a reference stands in its place; whatever the input, there is an end.

mod blocks;
mod borgmatic;
mod calendar;
mod complete;
mod draft;
mod input;
mod kdl;
mod location;
mod name;
mod pattern;
mod reference;
mod resticprofile;
mod script;
mod shell;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use draft::{Note, NoteKind, Origin};
pub use input::{ImportError, Input, Kind, MAX_INPUT_BYTES, MAX_INPUTS};

use draft::Draft;

/// The text of a plan, and what is to be known about it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// KDL, with comments.
    pub text: String,
    /// In the order in which they stand in the plan.
    pub notes: Vec<Note>,
}

/// Makes one plan called `name` of files that belong together.
///
/// # Errors
/// The files are of kinds that do not go together, are not what they should be,
/// or nothing in them is backed up.
pub fn import(inputs: &[Input], name: &str) -> Result<Imported, ImportError> {
    if inputs.len() > MAX_INPUTS {
        return Err(ImportError::TooMany);
    }
    let mut inputs = inputs.to_vec();
    for at in 0..inputs.len() {
        let is_ambiguous = inputs.iter().filter(|other| other.path.ends_with(&*inputs[at].name)).count() > 1;
        if is_ambiguous {
            inputs[at].name = inputs[at].path.clone();
        }
    }
    let blocks: Vec<Input> = inputs.iter().flat_map(blocks::blocks).collect();
    let mut draft = read(&blocks)?;
    let names: Vec<String> = inputs.iter().map(|input| input.name.to_string()).collect();
    if draft.sources.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        return Err(ImportError::NothingFound { names: names.join(", ") });
    }
    draft.name = name.to_owned();
    draft.complete();
    Ok(Imported { text: write::write(&draft, &names), notes: write::notes(&draft) })
}

fn read(inputs: &[Input]) -> Result<Draft, ImportError> {
    let profile = inputs.iter().find(|input| matches!(input.kind, Kind::Borgmatic | Kind::Resticprofile));
    let Some(first) = profile else { return Ok(script::read(inputs)) };
    let is_beside = |kind: Kind| matches!(kind, Kind::Crontab | Kind::Rclone) || kind == first.kind;
    if let Some(other) = inputs.iter().find(|input| !is_beside(input.kind)) {
        return Err(ImportError::Mixed {
            one: first.name.to_string(),
            one_kind: first.kind,
            other: other.name.to_string(),
            other_kind: other.kind,
        });
    }
    match first.kind {
        Kind::Borgmatic => borgmatic::read(inputs),
        _ => resticprofile::read(inputs),
    }
}
