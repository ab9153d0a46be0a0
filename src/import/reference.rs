//! Secrets in other programs' settings: a reference to where they are found,
//! never the secret.

use super::draft::{Notes, Origin, Secret};

/// The reference that `text` is, or a variable to put the secret into.
///
/// Understood are `${NAME}`, and borgmatic's `{credential file PATH}` and the like.
pub(super) fn secret(text: &str, variable: &str, what: &str, origin: &Origin, notes: &mut Notes) -> Secret {
    if let Some(name) = environment(text) {
        return Secret::Env(name.to_owned());
    }
    let credential = text.trim().strip_prefix("{credential ").and_then(|rest| rest.strip_suffix('}'));
    if let Some((kind, rest)) = credential.and_then(|rest| rest.trim().split_once(' ')) {
        let rest = rest.trim().trim_matches(['"', '\'']);
        match kind {
            "file" => return Secret::File(rest.to_owned()),
            "container" => return Secret::File(format!("/run/secrets/{rest}")),
            "keepassxc" if !rest.contains(['\'', '"', '$']) => {
                return Secret::Command(format!("keepassxc-cli show --show-protected --attributes Password {rest}"));
            }
            _ => {}
        }
    }
    let text =
        format!("set {variable} where `plan` runs, to the {what} that stands there: it is a secret and is not copied");
    notes.fill_in(Some(origin), text);
    Secret::Env(variable.to_owned())
}

/// The name in `${NAME}`, `$NAME` or `${NAME:-…}`, if that is all of the text.
pub(super) fn environment(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix('$')?;
    let inner = match inner.strip_prefix('{') {
        Some(braced) => braced.strip_suffix('}')?,
        None => inner,
    };
    let name = inner.split([':', '-']).next().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}
