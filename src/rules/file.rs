//! What is said of plan files before and after they are read: the command line
//! finds it, for rules see a plan and no files.

use crate::diagnostics::{Rule, Severity};

/// A file that was named cannot be read.
pub static UNREADABLE: Rule = Rule {
    code: "plan::file::unreadable",
    severity: Severity::Error,
    title: "a plan file cannot be read",
    why: "A file or a folder that was named on the command line is not there, may not be read, is no text, or holds no \
          plan. The other files that were named are checked all the same.",
    bad: "",
    good: "",
};
/// The lock beside the plan says something else than the plan compiles to.
pub static DIFFERS_FROM_LOCK: Rule = Rule {
    code: "plan::file::differs_from_lock",
    severity: Severity::Error,
    title: "the plan compiles to something else than its lock says",
    why: "`plan lock` writes beside a plan what it compiles to: `plans/rpa.lock` for `plans/rpa.kdl`. Where such a file \
          is, `plan check` compares, so that nobody changes what is kept, where to or how often without seeing what \
          follows from it. Read the changes; if they are meant, write the lock anew with `plan lock` and commit it \
          with the plan. Without a lock nothing is compared. A run does not look at it.",
    bad: "",
    good: "",
};

pub(super) static RULES: [&Rule; 2] = [&UNREADABLE, &DIFFERS_FROM_LOCK];
