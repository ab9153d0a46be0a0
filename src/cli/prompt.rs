use super::failure::Failure;
use crate::base::Secret;
use std::io::{BufRead, IsTerminal, Read, Write};
use zeroize::Zeroize;

/// Longest passphrase read from a pipe.
const MAX_PASSPHRASE_BYTES: u64 = 4096;
/// Longest answer to a question.
const MAX_ANSWER_BYTES: u64 = 4096;

/// Asks for the passphrase of something: on a terminal without showing it,
/// elsewhere one line of the standard input.
pub(super) fn passphrase(of_what: &str) -> Result<Secret<String>, Failure> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Passphrase of {of_what}: "))
    } else {
        let mut line = String::new();
        std::io::stdin().lock().take(MAX_PASSPHRASE_BYTES).read_line(&mut line).map(|_| {
            let passphrase = line.trim_end_matches(['\r', '\n']).to_owned();
            line.zeroize();
            passphrase
        })
    };
    match read {
        Ok(passphrase) if passphrase.is_empty() => {
            Err(Failure::usage(format!("no passphrase was given for {of_what}"))
                .help("type it at the prompt, or give it as one line on the standard input"))
        }
        Ok(passphrase) => Ok(Secret::new(passphrase)),
        Err(e) => Err(Failure::failed("cannot read the passphrase").because(&e)),
    }
}

/// As [`passphrase`], for a new one: on a terminal it must be typed twice.
pub(super) fn new_passphrase(of_what: &str) -> Result<Secret<String>, Failure> {
    let first = passphrase(of_what)?;
    if std::io::stdin().is_terminal() {
        let again = rpassword::prompt_password("Once more: ")
            .map(Secret::new)
            .map_err(|e| Failure::failed("cannot read the passphrase").because(&e))?;
        if first.expose() != again.expose() {
            return Err(Failure::usage("the two passphrases differ").help("run the command again"));
        }
    }
    Ok(first)
}

/// Asks a person for a line of text; where nobody can be asked, or with an
/// empty answer, it is `default`.
pub(super) fn line(question: &str, default: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(default.to_owned());
    }
    // To standard error: standard output is for answers.
    let _ = write!(std::io::stderr(), "{question} [{default}] ");
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_ANSWER_BYTES)
        .read_line(&mut answer)
        .map_err(|e| Failure::failed("cannot read the answer").because(&e))?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}
