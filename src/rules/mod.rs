//! The checker: one file a family of rules, one function a rule.
//!
//! A rule looks at a resolved plan (names: at the document), knows no store and
//! does no I/O, and says what is wrong with a code that has a page of
//! documentation. [`check_text`] is the whole way from a text to all that is to
//! be said about it. Main types: [`CheckOptions`], [`Checked`].
//!
//! Invariant: one mistake, one diagnostic. What an earlier error explains (a
//! tier that lost its `keep` to a typing error) is not reported as missing.

mod blank;
mod check;
mod class;
mod coverage;
mod figures;
pub mod file;
mod job;
mod key;
mod load;
mod lock;
mod names;
mod notify;
mod objectives;
mod paths;
mod place;
mod retention;
mod schedule;
mod secret;
mod security;
mod subject;
#[cfg(test)]
mod tests;
mod verify;
mod words;

pub use blank::without_secrets;
pub use check::{CheckOptions, Checked, StoreChecks, check, check_text};
pub use objectives::{Copy, Exposure, Loss, Objectives};
pub use secret::is_secret_setting;
pub use security::holds_a_password;

use crate::diagnostics::{Catalogue, Diagnostic, Rule};
use subject::Subject;

/// One rule: what it finds in a plan goes to the end of the list.
type Check = fn(&Subject<'_>, &mut Vec<Diagnostic>);

/// A file of rules: its codes, and the functions that find them.
struct Family {
    rules: &'static [&'static Rule],
    checks: &'static [Check],
}

/// In the order of the design.
const FAMILIES: &[Family] = &[
    Family { rules: &names::RULES, checks: &names::CHECKS },
    Family { rules: &schedule::RULES, checks: &schedule::CHECKS },
    Family { rules: &objectives::RULES, checks: &objectives::CHECKS },
    Family { rules: &retention::RULES, checks: &retention::CHECKS },
    Family { rules: &class::RULES, checks: &class::CHECKS },
    Family { rules: &key::RULES, checks: &key::CHECKS },
    Family { rules: &secret::RULES, checks: &secret::CHECKS },
    Family { rules: &security::RULES, checks: &security::CHECKS },
    Family { rules: &lock::RULES, checks: &lock::CHECKS },
    Family { rules: &place::RULES, checks: &place::CHECKS },
    Family { rules: &coverage::RULES, checks: &coverage::CHECKS },
    Family { rules: &verify::RULES, checks: &verify::CHECKS },
    Family { rules: &notify::RULES, checks: &notify::CHECKS },
    Family { rules: &load::RULES, checks: &load::CHECKS },
];

/// Every rule of the program: those of the language, of values, of the stores, and these.
pub fn catalogue(stores: StoreChecks) -> Catalogue {
    let (language, plan) = (crate::language::rules(), crate::plan::rules());
    let mut families: Vec<&[&'static Rule]> = vec![&language, &plan, &file::RULES, stores.rules];
    families.extend(FAMILIES.iter().map(|family| family.rules));
    Catalogue::new(&families)
}
