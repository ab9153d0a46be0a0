use super::super::super::failure::Failure;
use super::super::super::output::{Output, STRONG};
use super::subject::Subject;
use crate::base::Style;
use crate::plan::Plan;
use crate::rules::Objectives;
use serde_json::json;

/// The plans whose objectives can be reckoned; of the others it is said why not.
fn plans(subjects: &[Subject]) -> impl Iterator<Item = (&Subject, &Plan)> {
    subjects.iter().filter_map(|subject| Some((subject, subject.checked.as_ref()?.plan()?)))
}

/// For each plan a table: what every loss would cost, source by source.
pub(super) fn objectives(subjects: &[Subject], output: &mut Output) -> Result<(), Failure> {
    let several = subjects.len() > 1;
    for (number, (subject, plan)) in plans(subjects).enumerate() {
        if several {
            if number > 0 {
                output.line("")?;
            }
            let name = output.paint(STRONG, &subject.input.name.display().to_string());
            output.line(&name)?;
        }
        let table = Objectives::of(plan, None).render(output.width(), Style { color: output.stdout_color });
        output.text(&table)?;
    }
    Ok(())
}

/// The same as one document, with what is to be said of plans that have errors.
pub(super) fn objectives_json(subjects: &[Subject], output: &mut Output) -> Result<(), Failure> {
    let plans: Vec<_> = plans(subjects)
        .map(|(subject, plan)| {
            let mut value = json!({ "plan": plan.name.value, "file": subject.input.name.display().to_string() });
            value["objectives"] = Objectives::of(plan, None).to_json();
            value
        })
        .collect();
    let failed: Vec<_> = subjects
        .iter()
        .filter(|subject| subject.checked.as_ref().is_none_or(|checked| checked.plan().is_none()))
        .map(|subject| subject.input.name.display().to_string())
        .collect();
    output.document(&json!({ "format_version": 1, "plans": plans, "invalid": failed }))
}
