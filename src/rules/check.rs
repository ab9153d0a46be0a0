//! The way from a text to a plan and all that is to be said about it.

use super::{FAMILIES, Subject, catalogue};
use crate::cost::PriceTable;
use crate::diagnostics::{Diagnostic, Rule, Severities, SourceFiles, extend_without_echoes};
use crate::language::{self, Document};
use crate::plan::{self, Plan, Tier};
use std::io;
use std::path::Path;

/// What the storage services themselves say of a tier. Handed in, because the
/// rules know no stores.
#[derive(Clone, Copy, Debug)]
pub struct StoreChecks {
    /// Every rule that `diagnose` may report.
    pub rules: &'static [&'static Rule],
    pub diagnose: fn(&Tier) -> Vec<Diagnostic>,
}

#[derive(Clone, Debug)]
pub struct CheckOptions {
    pub stores: StoreChecks,
    /// What the user asked for: `--deny warnings`, `--allow CODE` and so on.
    pub severities: Severities,
    /// In place of the built-in prices.
    pub prices: Option<PriceTable>,
}

/// A plan file that was read and checked.
#[derive(Debug)]
pub struct Checked {
    pub files: SourceFiles,
    pub document: Document,
    /// Sorted; what was silenced is not among them.
    pub diagnostics: Vec<Diagnostic>,
    plan: Option<Plan>,
}

impl Checked {
    /// The plan, if it can run: there is no error.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref().filter(|_| !self.has_errors())
    }

    /// The plan without its broken pieces, for editors; `None` where there is no plan node with a name.
    pub fn partial_plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    pub fn into_plan(self) -> Option<Plan> {
        if self.has_errors() { None } else { self.plan }
    }

    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads and checks a plan: syntax and includes, shape, values, rules.
///
/// `name` is the path as the user gave it, for messages and as the place that
/// includes are relative to; `read` does all the I/O.
pub fn check_text(
    name: &str,
    text: &str,
    read: &mut dyn FnMut(&Path) -> io::Result<String>,
    options: &CheckOptions,
) -> Checked {
    let language::Loaded { files, document, mut diagnostics } = language::load(name, text, read);
    let (plan, values) = plan::resolve(&document, &files);
    extend_without_echoes(&mut diagnostics, values);
    if let Some(plan) = &plan {
        let found = check(plan, &document, &files, &diagnostics, options);
        extend_without_echoes(&mut diagnostics, found);
    }
    // With an error some rules had nothing to look at, so an `allow` for them may only seem unused.
    let complete = !diagnostics.iter().any(Diagnostic::is_error);
    let diagnostics = language::silence(&document, diagnostics, &catalogue(options.stores), complete);
    let mut diagnostics = options.severities.apply(diagnostics);
    Diagnostic::sort(&mut diagnostics);
    Checked { files, document, diagnostics, plan }
}

/// What the rules find, in no particular order. `earlier` is what was said
/// before: what follows from that is not said again.
pub fn check(
    plan: &Plan,
    document: &Document,
    files: &SourceFiles,
    earlier: &[Diagnostic],
    options: &CheckOptions,
) -> Vec<Diagnostic> {
    let subject = Subject::new(plan, document, files, earlier, options.prices.as_ref());
    // What a store lacks may be what could not be read.
    let because_unread =
        |tier: &Tier, found: &Diagnostic| found.code() == "plan::store::missing" && !subject.is_sound(tier.store.span);
    let mut found = Vec::new();
    for tier in &plan.tiers {
        found.extend((options.stores.diagnose)(tier).into_iter().filter(|found| !because_unread(tier, found)));
    }
    for check in FAMILIES.iter().flat_map(|family| family.checks) {
        check(&subject, &mut found);
    }
    found
}
