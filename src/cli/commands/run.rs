use super::super::failure::{Failure, Outcome};
use super::super::lock_file::LockFile;
use super::super::output::Output;
use super::super::plan_file::PlanFile;
use super::super::progress::Reporter;
use super::super::{interrupt, own_state, plan_file, reach};
use crate::base::{Context, Exit, Style, parse_duration};
use crate::compile::{Selection, compile, print};
use crate::execute::{
    PlanLock, RunError, RunOptions, Site, State, StateFile, Work, all_work, due_work, make_keys, run as run_plan,
    upcoming,
};
use crate::report::{Event, Moments, Problem, Severity, next_json, nothing_due, summary};
use crate::rules::Checked;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Do what is due: back up, verify, prune, tell
///
/// Meant for cron: `*/10 * * * * plan -q run /etc/plan/server.kdl` serves every
/// schedule in the plan, catches up what was missed, and tells by its exit code.
/// Where nothing is due it says when something will be, and ends with 0. Where the plan is
/// no longer what the lock beside it says (`plan lock`), it warns and goes on.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  plan run plans/server.kdl              what is due now
  plan run --now                         everything, whatever the clock says
  plan run --now --tier cloud --source db
  plan run --dry-run                     the steps that would run")]
pub(in crate::cli) struct Arguments {
    /// The plan file.
    plan: Option<PathBuf>,
    /// Run all jobs (or those named), whatever the clock says.
    #[arg(long)]
    now: bool,
    /// Only this tier; may be repeated.
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only this source; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Show the steps that would run, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Wait this long for another run of the plan to end, such as `5m`.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_wait: Option<Duration>,
    /// Stop at the first job that fails.
    #[arg(long)]
    fail_fast: bool,
}

pub(in crate::cli) fn run(arguments: Arguments, context: &Context, output: &mut Output) -> Outcome {
    let path = plan_file::find(arguments.plan.as_deref(), context)?;
    let checked = plan_file::sound(&path, context, output)?;
    let differs = lock_differs(&path, &checked, context);
    let file = PlanFile { path, plan: checked.into_plan().expect("a sound plan is one") };
    let site = Site::new(&file.plan, &file.path, context);
    reach::tiers(&file.plan, &arguments.tier)?;
    reach::check_sources(&file.plan, &arguments.source)?;
    let files = StateFile::new(site.state_folder());
    if arguments.dry_run {
        let (state, _) = files.load().map_err(reach::state_failure)?;
        own_state::check(&site, &file.path, &state, context)?;
        let work = choose(&arguments, &site, &state)?;
        warn_of(differs.as_deref(), &file.path, output);
        return dry_run(&work, &site, &state, output);
    }
    let cancel = interrupt::cancellation();
    let wait = arguments.lock_wait.unwrap_or_default();
    let _lock = PlanLock::take(&site.state_folder(), "run", wait, context, &cancel).map_err(reach::lock_failure)?;
    let (mut state, damaged) = files.load().map_err(reach::state_failure)?;
    if let Some(damaged) = damaged {
        output.warning(&format!(
            "the local state `{}` is damaged and begins anew, so every job is due once; the old file is kept beside it",
            damaged.display()
        ));
    }
    own_state::check(&site, &file.path, &state, context)?;
    state.plan_file = Some(own_state::whole_path(&file.path, context));
    let work = choose(&arguments, &site, &state)?;
    if work.selection.is_empty() {
        return tell_nothing_due(&site, &state, output);
    }
    warn_of(differs.as_deref(), &file.path, output);
    let made = make_keys(&site, &work, &mut state).map_err(|error| reach::site_failure(&error))?;
    if !made.is_empty() {
        files.save(&state).map_err(reach::state_failure)?;
    }
    for key in &made {
        output.warning(&format!("made a new key, `{}`, whose identity is only in this file:\n", key.key));
        output.attention(&format!("    {}\n", key.path.display()));
        output.help(&format!(
            "copy it to a place that survives this machine: without it nothing that is backed up can be read\n        \
             (its recipient is {})\n",
            key.recipient
        ));
    }
    let reporter = Reporter::new(output, context);
    if let Some(message) = differs.filter(|_| output.json) {
        let problem = Problem { severity: Severity::Warning, step: None, message, help: None };
        reporter.tell(Event::Problem { job: None, path: None, problem });
    }
    let observer = |event| reporter.tell(event);
    let options = RunOptions { fail_fast: arguments.fail_fast, cancel, observer: &observer };
    let report = run_plan(&site, &work, &files, state, &options).map_err(run_failure);
    reporter.end();
    let report = report?;
    if !output.json && (!output.quiet || report.exit() != Exit::Done) {
        let style = Style { color: output.stdout_color };
        output.text(&summary(&report, file.plan.timezone.value, output.width(), style))?;
    }
    Ok(report.exit())
}

/// What is said where the plan is not what the lock beside it says. The run goes on:
/// that is for whoever reviews the plan.
fn lock_differs(path: &Path, checked: &Checked, context: &Context) -> Option<String> {
    let plan = checked.plan().filter(|_| LockFile::is_beside(path, context))?;
    LockFile::compare(path, plan, &checked.diagnostics, context).map(|diagnostic| diagnostic.message)
}

fn warn_of(differs: Option<&str>, path: &Path, output: &mut Output) {
    if let Some(message) = differs {
        output.warning(&format!("{message}; `plan check {}` tells how", path.display()));
    }
}

fn choose(arguments: &Arguments, site: &Site<'_>, state: &State) -> Result<Work, Failure> {
    let work = match arguments.now {
        true => all_work(site, &arguments.tier, &arguments.source),
        false => due_work(site, state, &arguments.tier, &arguments.source),
    };
    let work = work.map_err(|error| Failure::usage(error.to_string()))?;
    if arguments.now && work.selection.is_empty() {
        return Err(Failure::usage(format!("no tier that is meant takes `{}`", arguments.source.join("`, `")))
            .help("`plan show` lists which tier takes what"));
    }
    Ok(work)
}

fn tell_nothing_due(site: &Site<'_>, state: &State, output: &mut Output) -> Outcome {
    let upcoming = upcoming(site, state);
    if output.json {
        output.document(&next_json(&site.plan.name.value, &upcoming))?;
    } else if !output.quiet {
        let moments = Moments { now: site.context.now(), zone: site.plan.timezone.value };
        let style = Style { color: output.stdout_color };
        output.text(&nothing_due(&upcoming, &moments, output.width(), style))?;
    }
    Ok(Exit::Done)
}

fn dry_run(work: &Work, site: &Site<'_>, state: &State, output: &mut Output) -> Outcome {
    if work.selection == Selection::default() {
        return tell_nothing_due(site, state, output);
    }
    let compiled = compile(site.plan, &work.selection).map_err(|error| Failure::failed(error.to_string()))?;
    if output.json {
        let json = print::json(&compiled);
        output.document(&json)?;
    } else {
        let text = print::text(&compiled, output.width(), Style { color: output.stdout_color });
        output.text(&text)?;
    }
    Ok(Exit::Done)
}

fn run_failure(error: RunError) -> Failure {
    match error {
        RunError::Site(error) => reach::site_failure(&error),
        RunError::State(error) => reach::state_failure(error),
        other => Failure::failed("the run could not begin").because(&other),
    }
}
