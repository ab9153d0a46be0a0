use super::super::failure::Outcome;
use super::super::output::Output;
use super::super::{own_state, plan_file, reach};
use crate::base::{Context, Exit, Style};
use crate::execute::{Site, StateFile, upcoming};
use crate::report::{Moments, next_json, next_table};
use std::path::PathBuf;

/// Show when each job runs next
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let file = plan_file::load(arguments.plan.as_deref(), context, output)?;
    let site = Site::new(&file.plan, &file.path, context);
    let (state, _) = StateFile::new(site.state_folder()).load().map_err(reach::state_failure)?;
    own_state::check(&site, &file.path, &state, context)?;
    let upcoming = upcoming(&site, &state);
    if output.json {
        output.document(&next_json(&file.plan.name.value, &upcoming))?;
    } else {
        let moments = Moments { now: context.now(), zone: file.plan.timezone.value };
        let table = next_table(&upcoming, &moments, output.width(), Style { color: output.stdout_color });
        output.text(&table)?;
    }
    Ok(Exit::Done)
}
