use super::super::super::failure::{Failure, Outcome};
use super::super::super::output::Output;
use super::super::super::plan_file;
use super::subject::{Input, Origin, Subject};
use crate::base::{Context, Exit};
use crate::diagnostics::{self, Diagnostic, FileId, Severities};
use std::path::Path;

/// Fixes may uncover others: a few rounds are enough for all that are mechanical.
const ROUNDS: usize = 5;

/// Makes the fixes of a file and of those that it includes, in place.
pub(super) fn files(
    mut subject: Subject,
    severities: &Severities,
    context: &Context,
    output: &mut Output,
) -> Result<Subject, Failure> {
    let mut made = 0;
    for _ in 0..ROUNDS {
        let outcome = diagnostics::apply_fixes(&subject.files, &subject.diagnostics);
        if outcome.applied == 0 {
            break;
        }
        for (file, text) in &outcome.changed {
            let name = &subject.files.get(*file).name;
            plan_file::replace(&context.working_directory.join(name), text)
                .map_err(|error| Failure::failed(format!("cannot write `{name}`")).because(&error))?;
        }
        made += outcome.applied;
        subject = Subject::check(subject.input, severities, context)?;
    }
    tell(made, &subject.input.name, output);
    Ok(subject)
}

/// A filter: the fixed text of the standard input goes to standard output, what
/// is left to say to standard error. Files that it includes stay as they are.
pub(super) fn stdin(input: Input, severities: &Severities, context: &Context, output: &mut Output) -> Outcome {
    let mut subject = Subject::check(input, severities, context)?;
    let mut made = 0;
    for _ in 0..ROUNDS {
        let own: Vec<Diagnostic> = subject.diagnostics.iter().filter(|found| is_of_main_file(found)).cloned().collect();
        let outcome = diagnostics::apply_fixes(&subject.files, &own);
        let Some(text) = outcome.changed.get(&FileId(0)) else { break };
        made += outcome.applied;
        let input = Input { origin: Origin::Stdin(text.to_string()), name: subject.input.name };
        subject = Subject::check(input, severities, context)?;
    }
    if subject.checked.is_some() {
        output.text(&subject.files.get(FileId(0)).text)?;
        output.flush()?;
    }
    tell(made, &subject.input.name, output);
    if !subject.diagnostics.is_empty() {
        let (files, diagnostics) = subject.shown();
        let text = plan_file::human(output).render(&diagnostics, &files);
        output.say_block(&text);
    }
    Ok(match (&subject.checked, subject.has_errors()) {
        (None, _) => Exit::Usage,
        (Some(_), true) => Exit::InvalidPlan,
        (Some(_), false) => Exit::Done,
    })
}

fn is_of_main_file(diagnostic: &Diagnostic) -> bool {
    diagnostic.fix.as_ref().is_some_and(|fix| fix.edits.iter().all(|edit| edit.span.file == FileId(0)))
}

fn tell(made: usize, name: &Path, output: &mut Output) {
    if made > 0 {
        output.note(&format!("made {made} {} in `{}`", if made == 1 { "fix" } else { "fixes" }, name.display()));
    }
}
