use crate::base::Exit;
use std::fmt::Write;

/// The table of exit codes as the end of `plan --help` and of the manual.
pub(super) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in Exit::TABLE {
        writeln!(text, "  {:>3}  {meaning}", exit.code()).expect("writing to a String cannot fail");
    }
    text.push_str("Treat a code that is not listed as a failure.");
    text
}
